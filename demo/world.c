#include "demo/world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

#define ARGUMENTS_MAX 30
#define LIMIT_S 120

const char *
world_path(struct world *w, const char *format, ...)
{
	char rest[PATH_ROOM];
	va_list list;
	const char *path;

	va_start(list, format);
	vsnprintf(rest, sizeof(rest), format, list);
	va_end(list);
	path = arena_printf(w->arena, "%s/%s", w->folder, rest);
	if (path == NULL) {
		abort();
	}
	return path;
}

static const char *
program(struct world *w, const char *below)
{
	const char *path = arena_printf(w->arena, "%s/%s", w->programs, below);

	if (path == NULL) {
		abort();
	}
	return path;
}

const char *
program_tenure(struct world *w)
{
	return program(w, "src/cli/tenure");
}

const char *
program_agent(struct world *w)
{
	return program(w, "device/tenure-agent");
}

const char *
device_folder(struct world *w, size_t at)
{
	return arena_printf(w->arena, "%s/%s", w->devices, w->serial[at]);
}

const char *
element_of(struct world *w, size_t at)
{
	return arena_printf(w->arena, "atecc608:unix:%s#%s", w->elements, w->serial[at]);
}

static int
run(const char **argv, struct child_result *r)
{
	struct diag d = { 0 };

	child_result_init(r);
	if (child_run(argv, LIMIT_S, r, &d) != OK) {
		buffer_put_text(&r->err, d.text);
		r->exit_status = 127;
	}
	buffer_put_byte(&r->out, 0);
	buffer_put_byte(&r->err, 0);
	return r->exit_status;
}

static size_t
take_arguments(const char **argv, size_t n, va_list list)
{
	const char *text;

	while ((text = va_arg(list, const char *)) != NULL) {
		if (n + 1 >= ARGUMENTS_MAX) {
			abort();
		}
		argv[n++] = text;
	}
	argv[n] = NULL;
	return n;
}

int
run_tenure(struct world *w, const char *client, struct child_result *r, ...)
{
	const char *argv[ARGUMENTS_MAX + 3] = { program_tenure(w) };
	size_t n;
	va_list list;

	va_start(list, r);
	n = take_arguments(argv, 1, list);
	va_end(list);
	argv[n++] = "--client";
	argv[n++] = client != NULL ? client : w->client;
	argv[n] = NULL;
	return run(argv, r);
}

int
run_agent(struct world *w, size_t device, struct child_result *r, ...)
{
	const char *argv[ARGUMENTS_MAX] = { program_agent(w), "--dir", device_folder(w, device) };
	va_list list;

	va_start(list, r);
	take_arguments(argv, 3, list);
	va_end(list);
	return run(argv, r);
}

int
run_program(struct world *w, struct child_result *r, const char *name, ...)
{
	const char *argv[ARGUMENTS_MAX] = { name };
	va_list list;

	(void)w;
	va_start(list, name);
	take_arguments(argv, 1, list);
	va_end(list);
	return run(argv, r);
}

static const char *
words(const struct child_result *r)
{
	return r->err.len > 1 ? (const char *)r->err.data : (const char *)r->out.data;
}

bool
check_exit(struct world *w, const struct child_result *r, int expected, const char *name)
{
	bool ok = r->exit_status == expected;

	report_check(&w->report, ok, name, "exit status %d: %.300s", r->exit_status, words(r));
	return ok;
}

bool
check_says(struct world *w, const struct child_result *r, int expected, const char *text,
	const char *name)
{
	bool says = strcasestr((const char *)r->out.data, text) != NULL ||
		    strcasestr((const char *)r->err.data, text) != NULL;
	bool ok = r->exit_status == expected && says;

	report_check(&w->report, ok, name, "exit status %d: %.300s", r->exit_status, words(r));
	return ok;
}

/* --- many at a time ------------------------------------------------------------------ */

struct many {
	struct world *w;
	size_t from;
	const char *command;	     /* of an agent */
	const struct tenure_many *m; /* of tenure */
	const char *client;
	size_t good;
	char first_fault[400];
};

static void
agent_arguments(void *context, size_t at, size_t lane, const char **argv, size_t room)
{
	struct many *m = context;

	(void)lane;
	(void)room;
	argv[0] = program_agent(m->w);
	argv[1] = "--dir";
	argv[2] = device_folder(m->w, m->from + at);
	argv[3] = m->command;
	argv[4] = NULL;
}

static void
tenure_arguments(void *context, size_t at, size_t lane, const char **argv, size_t room)
{
	struct many *m = context;
	size_t n;

	(void)lane;
	argv[0] = program_tenure(m->w);
	m->m->arguments(m->w, m->from + at, argv + 1, room - 3);
	for (n = 1; argv[n] != NULL; n++) {
		continue;
	}
	argv[n++] = "--client";
	argv[n++] = m->client;
	argv[n] = NULL;
}

static void
ended(void *context, size_t at, const struct child_result *r)
{
	struct many *m = context;

	if (r->exit_status == 0) {
		m->good++;
	} else if (m->first_fault[0] == '\0') {
		snprintf(m->first_fault, sizeof(m->first_fault), "%s: exit status %d: %.*s",
			m->w->serial[m->from + at], r->exit_status, (int)r->err.len,
			(const char *)r->err.data);
	}
}

static size_t
run_many(struct many *m, size_t count,
	void (*arguments)(void *, size_t, size_t, const char **, size_t))
{
	const struct child_batch batch = { .arguments = arguments,
		.ended = ended,
		.context = m,
		.count = count,
		.width = LANES,
		.limit_s = LIMIT_S };
	struct diag d = { 0 };

	if (child_run_many(&batch, &d) != OK) {
		snprintf(m->first_fault, sizeof(m->first_fault), "%s", d.text);
	}
	if (m->first_fault[0] != '\0') {
		printf("         %s\n", m->first_fault);
	}
	return m->good;
}

size_t
agents_run(struct world *w, size_t from, size_t to, const char *command)
{
	struct many m = { .w = w, .from = from, .command = command };

	return run_many(&m, to - from, agent_arguments);
}

size_t
tenure_run(struct world *w, size_t from, size_t to, const struct tenure_many *m)
{
	struct many many = {
		.w = w, .from = from, .m = m, .client = m->client != NULL ? m->client : w->client
	};

	return run_many(&many, to - from, tenure_arguments);
}

/* --- looking at answers --------------------------------------------------------------- */

static cJSON *
parsed(const struct child_result *r)
{
	size_t len = r->out.len > 0 ? r->out.len - 1 : 0;
	cJSON *o = NULL;

	return json_parse(span_of(r->out.data, len), 8 << 20, &o, NULL) == OK ? o : NULL;
}

const char *
json_of(struct world *w, const struct child_result *r, const char *member)
{
	cJSON *o = parsed(r);
	const cJSON *m = cJSON_GetObjectItemCaseSensitive(o, member);
	const char *text = "";

	if (cJSON_IsString(m)) {
		text = arena_string(w->arena, span_text(m->valuestring));
	} else if (cJSON_IsNumber(m)) {
		text = arena_printf(w->arena, "%.0f", m->valuedouble);
	}
	cJSON_Delete(o);
	return text != NULL ? text : "";
}

int64_t
devices_in(struct world *w, const char *state)
{
	struct child_result r;
	int64_t n = -1;
	cJSON *o;

	run_tenure(w, NULL, &r, "status", "--json", NULL);
	o = parsed(&r);
	if (o != NULL) {
		const cJSON *m = cJSON_GetObjectItemCaseSensitive(
			cJSON_GetObjectItemCaseSensitive(o, "devices"), state);
		n = cJSON_IsNumber(m) ? (int64_t)m->valuedouble : 0;
	}
	cJSON_Delete(o);
	child_result_wipe(&r);
	return n;
}

size_t
devices_attested(struct world *w)
{
	struct child_result r;
	const cJSON *device;
	size_t n = 0;
	cJSON *o;

	run_tenure(w, NULL, &r, "device", "list", "--fleet", "lamps", "--json", NULL);
	o = parsed(&r);
	cJSON_ArrayForEach(device, o)
	{
		const cJSON *level = cJSON_GetObjectItemCaseSensitive(device, "attestation");

		n += cJSON_IsString(level) && strcmp(level->valuestring, "attested") == 0;
	}
	cJSON_Delete(o);
	child_result_wipe(&r);
	return n;
}

const char *
secret_file(struct world *w, const char *name, const char *text)
{
	const char *path = world_path(w, "%s", name);
	struct diag d = { 0 };

	if (file_replace(path, span_text(text), 0600, &d) != OK) {
		fprintf(stderr, "demo: %s\n", d.text);
		abort();
	}
	return path;
}
