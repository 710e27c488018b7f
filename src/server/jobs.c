#include "server/jobs.h"

#include <string.h>

#include "lifecycle/authorities.h"
#include "lifecycle/authority.h"
#include "lifecycle/enrol.h"
#include "lifecycle/housekeep.h"
#include "lifecycle/transfer.h"

#define HOUR 3600
#define ARENA_MAX (64 << 20)
#define GATHER_S 1  /* from a revocation to its CRL: others join it */
#define AT_ONCE 256 /* offers or certificates ended in one run of a job */

static void
begin(struct jobs *j, int64_t now_s, struct session *s)
{
	arena_reset(j->arena);
	*s = (struct session){ .life = j->life,
		.reader = j->reader,
		.arena = j->arena,
		.actor = { .kind = ACTOR_SERVER },
		.now_s = now_s,
		.request = "" };
}

/* --- CRLs ------------------------------------------------------------------- */

/* Whether its CRL is due: all are, or this one had a revocation. Takes it off the list. */
static bool
take_dirty(struct jobs *j, int64_t authority)
{
	bool found = false;

	pthread_mutex_lock(&j->lock);
	for (size_t i = 0; i < j->dirty_count; i++) {
		if (j->dirty[i] == authority) {
			j->dirty[i] = j->dirty[--j->dirty_count];
			found = true;
			break;
		}
	}
	pthread_mutex_unlock(&j->lock);
	return found;
}

struct publishing {
	struct jobs *jobs;
	bool all;
};

static status
publish_if_due(struct session *s, const struct authority *a, void *context, struct diag *d)
{
	const struct publishing *p = context;
	bool is_due = a->has_key && (take_dirty(p->jobs, a->row) || p->all);
	status st = is_due ? crl_publish(s, a->row, d) : OK;

	if (st != OK) {
		jobs_revoked(p->jobs, a->row); /* still to be done */
	}
	return st;
}

/* Publishes those that are due. */
static status
publish(struct jobs *j, int64_t now_s, bool all, struct diag *d)
{
	struct publishing p = { j, all };
	struct session s;

	begin(j, now_s, &s);
	return authorities_do(&s, publish_if_due, &p, d);
}

static status
publish_all(void *context, int64_t now_s, struct diag *d)
{
	return publish(context, now_s, true, d);
}

static status
publish_revoked(void *context, int64_t now_s, struct diag *d)
{
	struct jobs *j = context;
	status st;
	bool all;

	pthread_mutex_lock(&j->lock);
	all = j->all_are_dirty;
	j->all_are_dirty = false;
	pthread_mutex_unlock(&j->lock);
	st = publish(j, now_s, all, d);
	if (st != OK && all) {
		/* Some may not have been come to at all. */
		pthread_mutex_lock(&j->lock);
		j->all_are_dirty = true;
		pthread_mutex_unlock(&j->lock);
	}
	return st;
}

void
jobs_revoked(struct jobs *j, int64_t authority)
{
	bool is_there = false;

	pthread_mutex_lock(&j->lock);
	for (size_t i = 0; i < j->dirty_count; i++) {
		is_there = is_there || j->dirty[i] == authority;
	}
	if (!is_there && j->dirty_count < DIRTY_MAX) {
		j->dirty[j->dirty_count++] = authority;
	} else if (!is_there) {
		j->all_are_dirty = true;
	}
	if (j->schedule != NULL) {
		schedule_poke(j->schedule, "crl-revoked");
	}
	pthread_mutex_unlock(&j->lock);
}

/* --- the others --------------------------------------------------------------- */

static status
renew_responders(void *context, int64_t now_s, struct diag *d)
{
	struct session s;

	begin(context, now_s, &s);
	return authority_renew_responders(&s, d);
}

static status
renew_identity(void *context, int64_t now_s, struct diag *d)
{
	struct jobs *j = context;
	struct session s;

	begin(j, now_s, &s);
	return listener_identity_refresh(&j->identity, &s, j->server, d);
}

/* Runs `step` until it finds less than a full load. */
static status
until_done(struct jobs *j, int64_t now_s,
	status (*step)(struct session *s, size_t max, size_t *count, struct diag *d),
	struct diag *d)
{
	size_t count = AT_ONCE;
	status st = OK;

	while (st == OK && count == AT_ONCE) {
		struct session s;

		begin(j, now_s, &s);
		st = step(&s, AT_ONCE, &count, d);
	}
	return st;
}

static status
end_offers(void *context, int64_t now_s, struct diag *d)
{
	return until_done(context, now_s, offers_time_out, d);
}

static status
withdraw(void *context, int64_t now_s, struct diag *d)
{
	return until_done(context, now_s, certificates_withdraw, d);
}

static status
tidy(void *context, int64_t now_s, struct diag *d)
{
	struct session s;

	begin(context, now_s, &s);
	return housekeep(&s, d);
}

/* `crl` takes its times from the configuration. */
static struct schedule_job table[] = {
	{ "crl", HOUR, 10, 0, 0, publish_all },
	{ "crl-revoked", HOUR, 5, 0, GATHER_S, publish_revoked },
	{ "responders", HOUR, 60, 7 * 24 * HOUR, 0, renew_responders },
	{ "listener-certificate", HOUR, 60, 7 * 24 * HOUR, 0, renew_identity },
	{ "offers", 10, 10, 0, 0, end_offers },
	{ "withdraw", HOUR, 60, 0, 0, withdraw },
	{ "tidy", HOUR, 60, 0, 0, tidy },
};

/* --- the whole ------------------------------------------------------------------ */

status
jobs_open(struct jobs *j, struct diag *d)
{
	j->arena = arena_new(ARENA_MAX);
	if (j->arena == NULL) {
		return diag_set(d, NO_MEMORY, NULL, "no memory for the schedules");
	}
	return reader_open(j->life->store, &j->reader, d);
}

status
jobs_identity(struct jobs *j, struct diag *d)
{
	return renew_identity(j, clock_now_s(j->life->clock), d);
}

status
jobs_start(struct jobs *j, struct diag *d)
{
	struct schedule *schedule = NULL;
	status st;

	table[0].every_s = j->configuration->crl_every_s;
	/* A CRL at half its life is an alarm: the next one should have been there long ago. */
	table[0].stale_s = j->configuration->crl_lifetime_s / 2;
	st = schedule_start(
		table, sizeof(table) / sizeof(table[0]), j, j->life->clock, &schedule, d);
	pthread_mutex_lock(&j->lock);
	j->schedule = schedule;
	pthread_mutex_unlock(&j->lock);
	return st;
}

status
jobs_health(struct jobs *j, int64_t now_s, struct diag *d)
{
	status st;

	pthread_mutex_lock(&j->lock);
	st = j->schedule != NULL
		     ? schedule_health(j->schedule, now_s, d)
		     : diag_set(d, UNAVAILABLE, NULL, "the server is starting or stopping");
	pthread_mutex_unlock(&j->lock);
	return st;
}

void
jobs_close(struct jobs *j)
{
	struct schedule *schedule;

	/* Workers may still revoke: from here on they only note it, and the next start publishes all. */
	pthread_mutex_lock(&j->lock);
	schedule = j->schedule;
	j->schedule = NULL;
	pthread_mutex_unlock(&j->lock);
	schedule_stop(schedule);
	if (j->reader != NULL) {
		reader_close(j->reader);
	}
	arena_free(j->arena);
	j->reader = NULL;
	j->arena = NULL;
}
