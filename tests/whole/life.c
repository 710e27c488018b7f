#include "life.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"

static const char *words = "";

const char *
life_words(void)
{
	return words;
}

static bool
took(struct ran r)
{
	words = r.exit == 0 ? r.out : r.err;
	return r.exit == 0;
}

static bool
answered(struct asked a)
{
	words = a.body;
	return a.status / 100 == 2;
}

/* One key an act and life: asked again, the same request. */
static bool
post(struct life *l, const char *token, const char *act, const char *path, const char *body)
{
	const char *key = arena_printf(l->stage->arena, "%s-%u", act, l->number);

	return answered(stage_post(l->stage, token, key, path, body));
}

static bool
verb(struct life *l, const char *token, const char *act, const char *name, const char *body)
{
	return post(l, token, act,
		arena_printf(l->stage->arena, "devices/%s/%s", l->units[0], name), body);
}

static int64_t
of_device(struct life *l, int unit, const char *column)
{
	return stage_number(l->stage, "SELECT ifnull(%s, 0) FROM device WHERE row = %lld", column,
		(long long)l->device[unit]);
}

enum { HELD = 1, AWAITING = 2, ACTIVE = 3, SUSPENDED = 4, TRANSFER = 5, RETURNED = 6, RETIRED = 7 };

static bool
is(struct life *l, int unit, int64_t state)
{
	return of_device(l, unit, "state") == state;
}

static int64_t
entries(struct life *l, const char *event)
{
	return stage_number(l->stage,
		"SELECT count(*) FROM ledger WHERE device = %lld AND"
		" json_extract(CAST(entry AS TEXT), '$.event') = '%s'",
		(long long)l->device[0], event);
}

/* --- the world around a device --- */

static bool
create_authority(struct life *l)
{
	return took(stage_tenure(l->stage, "hierarchy", "create", l->authority, "--kind", "issuing",
		"--phase", "production", "--parent", "root-production", "--organization", "Acme",
		"--common-name", "Issuing", NULL));
}

static bool
has_authority(struct life *l)
{
	return stage_number(l->stage,
		       "SELECT count(*) FROM authority WHERE name = '%s' AND has_key",
		       l->authority) == 1 &&
	       stage_number(l->stage,
		       "SELECT count(*) FROM certificate AS c JOIN authority AS a ON a.row ="
		       " c.authority WHERE a.name = '%s' AND c.kind = 4",
		       l->authority) == 1;
}

static bool
create_fleet(struct life *l)
{
	return post(l, NULL, "fleet", "fleets",
		arena_printf(l->stage->arena,
			"{\"name\":\"%s\",\"phase\":\"production\",\"authority\":\"%s\","
			"\"maker\":\"acme\"}",
			l->fleet, l->authority));
}

static bool
has_fleet(struct life *l)
{
	return stage_number(l->stage, "SELECT count(*) FROM fleet WHERE name = '%s'", l->fleet) ==
	       1;
}

static bool
add_owner(struct life *l)
{
	return post(l, NULL, "owner", "owners",
		arena_printf(l->stage->arena,
			"{\"name\":\"%s\",\"title\":\"A Buyer\",\"kind\":\"customer\"}",
			l->operator_name));
}

static bool
has_owner(struct life *l)
{
	return stage_number(l->stage, "SELECT count(*) FROM owner WHERE name = '%s'",
		       l->operator_name) == 1;
}

/* A token whose answer was lost is replaced, as a person would. */
static bool
add_operator(struct life *l)
{
	struct ran r = stage_tenure(l->stage, "operator", "add", l->operator_name, "--role",
		"owner", "--owner", l->operator_name, "--json", NULL);

	if (r.exit == 1 && strstr(r.err, "already") != NULL) {
		r = stage_tenure(l->stage, "operator", "token", l->operator_name, "--json", NULL);
	}
	if (took(r)) {
		l->token = json_member(l->stage->arena, r.out, "token");
	}
	return r.exit == 0;
}

static bool
has_operator(struct life *l)
{
	return stage_number(l->stage, "SELECT count(*) FROM operator WHERE name = '%s'",
		       l->operator_name) == 1 &&
	       l->token != NULL;
}

/* --- the factory --- */

static bool
run_factory(struct life *l)
{
	return took(stage_tenure(l->stage, "factory", "run", "--fleet", l->fleet, "--count", "3",
		"--out", l->line, NULL));
}

static void
learn_units(struct life *l)
{
	DIR *folder = opendir(l->line);
	const struct dirent *entry;
	size_t n = 0;

	while (folder != NULL && (entry = readdir(folder)) != NULL) {
		if (strncmp(entry->d_name, "0123", 4) == 0 && n < COUNT_OF(l->units)) {
			l->units[n] = arena_string(l->stage->arena, span_text(entry->d_name));
			l->device[n] = stage_number(l->stage,
				"SELECT row FROM device WHERE serial = '%s'", l->units[n]);
			n++;
		}
	}
	if (folder != NULL) {
		closedir(folder);
	}
}

static bool
has_units(struct life *l)
{
	learn_units(l);
	return stage_number(l->stage,
		       "SELECT count(*) FROM device AS d JOIN fleet AS f ON f.row = d.fleet WHERE"
		       " f.name = '%s'",
		       l->fleet) == 3 &&
	       l->units[2] != NULL && l->device[0] > 0 && l->device[1] > 0 && l->device[2] > 0 &&
	       access(arena_printf(l->stage->arena, "%s/manifest.json", l->line), R_OK) == 0;
}

static const char *
sheet(struct life *l)
{
	return stage_path(l->stage, "sheet-%u", l->number);
}

static bool
import_manifest(struct life *l)
{
	return took(stage_tenure(l->stage, "manifest", "import",
		arena_printf(l->stage->arena, "%s/manifest.json", l->line), "--fleet", l->fleet,
		"--codes", sheet(l), "--passphrase-file",
		stage_file(l->stage, "sheet-passphrase", "to read the sheet\n"), NULL));
}

/* Opened by Debian's own tool, as the printer of the leaflets would. */
static void
read_sheet(struct life *l)
{
	const char *argv[] = { "/usr/bin/openssl", "cms", "-decrypt", "-inform", "DER", "-in",
		sheet(l), "-pwri_password", "to read the sheet", NULL };
	struct ran r = program_run(l->stage->arena, argv, 20000);

	if (r.exit != 0) {
		argv[4] = "PEM";
		r = program_run(l->stage->arena, argv, 20000);
	}
	for (size_t i = 0; r.exit == 0 && i < COUNT_OF(l->units); i++) {
		const char *line = strstr(r.out, l->units[i]);

		if (line != NULL) {
			line += strlen(l->units[i]) + 1;
			l->codes[i] = arena_string(
				l->stage->arena, span_of(line, strcspn(line, ",\r\n")));
		}
	}
}

static bool
is_imported(struct life *l)
{
	if (access(sheet(l), R_OK) == 0) {
		read_sheet(l);
	}
	return is(l, 0, HELD) && is(l, 1, HELD) && is(l, 2, HELD) && l->codes[0] != NULL &&
	       l->codes[2] != NULL;
}

/* --- in its owner's hands --- */

static bool
claim(struct life *l)
{
	return verb(l, l->token, "claim", "claim",
		arena_printf(l->stage->arena, "{\"code\":\"%s\"}", l->codes[0]));
}

static bool
is_awaiting(struct life *l)
{
	return is(l, 0, AWAITING);
}

static struct ran
agent(struct life *l, const char *word)
{
	return stage_agent(l->stage, arena_printf(l->stage->arena, "%s/%s", l->line, l->units[0]),
		l->fleet, word);
}

static bool
enrol(struct life *l)
{
	return took(agent(l, "enrol"));
}

static bool
has_pending(struct life *l)
{
	return of_device(l, 0, "pending_certificate") != 0 && is(l, 0, AWAITING);
}

static bool
first_use(struct life *l)
{
	return took(agent(l, "use"));
}

static bool
is_active(struct life *l)
{
	return is(l, 0, ACTIVE) && of_device(l, 0, "pending_certificate") == 0;
}

static bool
mark(struct life *l)
{
	return verb(l, NULL, "mark", "mark", "{\"mark\":\"stolen\"}");
}

static bool
is_marked(struct life *l)
{
	return of_device(l, 0, "marks") == 1;
}

static bool
unmark(struct life *l)
{
	return verb(l, NULL, "unmark", "unmark", "{\"mark\":\"stolen\"}");
}

static bool
is_unmarked(struct life *l)
{
	return of_device(l, 0, "marks") == 0;
}

static bool
rotate(struct life *l)
{
	return verb(l, NULL, "rotate", "rotate", "{}");
}

static bool
is_told_to_rotate(struct life *l)
{
	return is(l, 0, ACTIVE) && entries(l, "rotate") > 0;
}

static bool
renew(struct life *l)
{
	/* What was renewed and not heard of is only adopted: that is no second renewal. */
	if (is_active(l) && of_device(l, 0, "key_generation") == 2) {
		return took(agent(l, "use"));
	}
	return took(agent(l, "renew"));
}

static bool
is_renewed(struct life *l)
{
	return is_active(l) && of_device(l, 0, "key_generation") == 2;
}

static bool
offer(struct life *l)
{
	return verb(l, l->token, "offer", "offer", "{\"to\":\"acme\"}");
}

static bool
is_offered(struct life *l)
{
	return is(l, 0, TRANSFER) && of_device(l, 0, "offer") != 0;
}

static const char *
transfer(struct life *l, const char *name)
{
	/* What is encoded as text in paths comes from the device's own record. */
	struct ran r =
		stage_tenure(l->stage, "transfer", "list", "--device", l->units[0], "--json", NULL);
	const char *id = strstr(r.out, "\"id\":\"");

	id = id != NULL ? id + 6 : "none";
	return arena_printf(l->stage->arena, "transfers/%.*s/%s", (int)strcspn(id, "\""), id, name);
}

static bool
cancel(struct life *l)
{
	return post(l, l->token, "cancel", transfer(l, "cancel"), "{}");
}

static bool
is_back(struct life *l)
{
	return is(l, 0, ACTIVE) && of_device(l, 0, "offer") == 0 && entries(l, "cancel") > 0;
}

static bool
offer_again(struct life *l)
{
	return verb(l, l->token, "offer-again", "offer", "{\"to\":\"buyer\"}");
}

static bool
accept_offer(struct life *l)
{
	return post(l, NULL, "accept", transfer(l, "accept"), "{\"owner\":\"buyer\"}");
}

static bool
is_sold(struct life *l)
{
	return is(l, 0, AWAITING) &&
	       stage_number(l->stage,
		       "SELECT d.owner = o.row FROM device AS d, owner AS o WHERE o.name = 'buyer'"
		       " AND d.row = %lld",
		       (long long)l->device[0]) == 1;
}

static bool
enrol_and_use(struct life *l)
{
	if (is(l, 0, AWAITING) && of_device(l, 0, "pending_certificate") == 0 &&
		!took(agent(l, "enrol"))) {
		return false;
	}
	/* Issued, and the answer lost: the agent asks again and gets the same. */
	return took(agent(l, "use")) || (took(agent(l, "enrol")) && took(agent(l, "use")));
}

static bool
suspend(struct life *l)
{
	return verb(l, NULL, "suspend", "suspend", "{}");
}

static bool
is_suspended(struct life *l)
{
	return is(l, 0, SUSPENDED);
}

static bool
resume(struct life *l)
{
	return verb(l, NULL, "resume", "resume", "{}");
}

static bool
revoke_operational(struct life *l)
{
	return verb(l, NULL, "revoke", "revoke",
		"{\"key\":\"operational\",\"reason\":\"keyCompromise\"}");
}

static bool
publish(struct life *l)
{
	return took(stage_tenure(l->stage, "hierarchy", "publish", l->authority, NULL));
}

static bool
is_published(struct life *l)
{
	return access(stage_path(l->stage, "home/crl/%s/full.crl", l->authority), R_OK) == 0;
}

/* --- the shop, and the end --- */

static bool
replace(struct life *l)
{
	const char *path = arena_printf(l->stage->arena, "devices/%s/replace",
		stage_number(l->stage, "SELECT serial = '%s' FROM device WHERE row = %lld",
			l->units[2], (long long)l->device[0]) == 1
			? l->units[2]
			: l->units[0]);

	return post(l, NULL, "replace", path,
		arena_printf(l->stage->arena, "{\"element\":\"%s\"}", l->units[2]));
}

/* The new board is the device from now on. */
static bool
is_replaced(struct life *l)
{
	if (!is(l, 0, AWAITING) || !is(l, 2, RETIRED) ||
		stage_number(l->stage, "SELECT serial = '%s' FROM device WHERE row = %lld",
			l->units[2], (long long)l->device[0]) != 1) {
		return false;
	}
	return true;
}

static bool
take_back(struct life *l)
{
	l->units[0] = l->units[2];
	return verb(l, NULL, "return", "return", "{\"consent\":\"owner\",\"reason\":\"defect\"}");
}

static bool
is_returned(struct life *l)
{
	return is(l, 0, RETURNED);
}

static bool
refurbish(struct life *l)
{
	return verb(l, NULL, "refurbish", "refurbish", "{}");
}

static bool
is_held(struct life *l)
{
	return is(l, 0, HELD);
}

static bool
revoke_birth(struct life *l)
{
	return verb(l, NULL, "revoke-birth", "revoke",
		"{\"key\":\"birth\",\"reason\":\"keyCompromise\"}");
}

static bool
is_without_birth(struct life *l)
{
	return is(l, 0, SUSPENDED) && of_device(l, 0, "birth_is_denied") == 1;
}

static bool
retire(struct life *l)
{
	return verb(l, NULL, "retire", "retire", "{}");
}

static bool
is_retired(struct life *l)
{
	return is(l, 0, RETIRED);
}

/* --- the table --- */

const struct act life_acts[] = {
	{ "authority create", create_authority, has_authority },
	{ "fleet create", create_fleet, has_fleet },
	{ "owner add", add_owner, has_owner },
	{ "operator add", add_operator, has_operator },
	{ "factory", run_factory, has_units },
	{ "manifest import", import_manifest, is_imported },
	{ "claim", claim, is_awaiting, false, true },
	{ "enrol", enrol, has_pending, false, true },
	{ "first use", first_use, is_active, false, true },
	{ "mark", mark, is_marked, false, true },
	{ "unmark", unmark, is_unmarked, false, true },
	{ "rotate", rotate, is_told_to_rotate, false, true },
	{ "renew", renew, is_renewed, false, true },
	{ "offer", offer, is_offered, false, true },
	{ "cancel", cancel, is_back, false, true },
	{ "offer again", offer_again, is_offered, false, true },
	{ "accept", accept_offer, is_sold, true, true },
	{ "enrol for the buyer", enrol_and_use, is_active, false, true },
	{ "suspend", suspend, is_suspended, false, true },
	{ "resume", resume, is_active, false, true },
	{ "revoke operational", revoke_operational, is_awaiting, true, true },
	{ "publish", publish, is_published, false, true },
	{ "enrol again", enrol_and_use, is_active, false, true },
	{ "replace", replace, is_replaced, true, false },
	{ "return", take_back, is_returned, false, true },
	{ "refurbish", refurbish, is_held, false, true },
	{ "revoke birth", revoke_birth, is_without_birth, false, false },
	{ "retire", retire, is_retired, true, false },
};
const size_t life_act_count = COUNT_OF(life_acts);

void
life_prepare(struct stage *s)
{
	stage_must(s, "owner", "add", "buyer", "--title", "The Buyer", "--kind", "customer", NULL);
}

void
life_begin(struct life *l, struct stage *s, unsigned number)
{
	*l = (struct life){ .stage = s, .number = number };
	l->authority = arena_printf(s->arena, "issuing-%u", number);
	l->fleet = arena_printf(s->arena, "fleet-%u", number);
	l->operator_name = arena_printf(s->arena, "person-%u", number);
	l->line = stage_path(s, "line-%u", number);
}
