#include "stage.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lifecycle/establish.h"
#include "schema.h"

#define ORIGIN "ledger.test/acme"
#define ANSWER_MAX (64 << 20)

/* --- opening ------------------------------------------------------------------- */

static void
start_sequencer(struct stage *s)
{
	struct sequencer_options o = { .store = s->home.store,
		.folder = s->configuration.ledger,
		.guard = s->configuration.ledger_guard,
		.origin = ORIGIN,
		.signer = signer_for_ledger(s->home.signer),
		.publish_every_ms = 1 };
	struct diag d = { 0 };

	assert_ok(sequencer_start(&o, &s->sequencer, &d), d);
	s->home.life.sequencer = s->sequencer;
}

static void
found(struct stage *s)
{
	struct establish_request r = { .company = "Acme Works",
		.maker = "acme",
		.ledger_origin = ORIGIN,
		.phase = PHASE_PRODUCTION,
		.fleet = "lamps",
		.admin = "root" };
	struct diag d = { 0 };

	assert_ok(establish(&s->home.session, &r, s->tokens[ASK_ADMIN], &d), d);
}

static void
add_owners(struct stage *s)
{
	struct session *session = &s->home.session;
	struct diag d = { 0 };

	assert_ok(
		owner_add(session, "anna", "Anna \xc3\x84nders", OWNER_CUSTOMER, &s->anna, &d), d);
	assert_ok(owner_add(session, "bert", "Bert", OWNER_CUSTOMER, &s->bert, &d), d);
	assert_int_equal(OK, read_owner_by_name(s->home.reader, "acme", &s->maker));
}

static void
add_operators(struct stage *s)
{
	static const struct {
		enum asker who;
		enum operator_role role;
		const char *name;
	} all[] = {
		{ ASK_MAKER, OPERATOR_MAKER, "mary" },
		{ ASK_SUPPORT, OPERATOR_SUPPORT, "sam" },
		{ ASK_OWNER, OPERATOR_OWNER, "olga" },
		{ ASK_OTHER_OWNER, OPERATOR_OWNER, "otto" },
		{ ASK_AUDITOR, OPERATOR_AUDITOR, "ada" },
		{ ASK_WATCH, OPERATOR_WATCH, "wes" },
	};
	struct operator_account made;
	struct diag d = { 0 };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		int64_t owner = all[i].who == ASK_OWNER		? s->anna.row
				: all[i].who == ASK_OTHER_OWNER ? s->bert.row
								: 0;

		assert_ok(operator_add(&s->home.session, all[i].name, all[i].role, owner,
				  s->tokens[all[i].who], &made, &d),
			d);
	}
	snprintf(s->tokens[ASK_STRANGER], TOKEN_TEXT_MAX, "tnr_%043d", 7);
}

static status
is_ready(void *context, struct diag *d)
{
	const struct stage *s = context;

	return s->ready == OK ? OK : diag_set(d, s->ready, NULL, "the CRLs are stale");
}

static cJSON *
read_document(struct arena *a)
{
	const char *source = getenv("TENURE_SOURCE");
	span text = bytes_of_file(a, arena_printf(a, "%s/docs/openapi.json", source));
	cJSON *document = cJSON_ParseWithLength((const char *)text.data, text.len);

	assert_non_null(document);
	return document;
}

void
stage_open(struct stage *s)
{
	struct diag d = { 0 };

	*s = (struct stage){ .arena = arena_new(ANSWER_MAX) };
	home_open(&s->home);
	s->configuration = (struct configuration){ .home = s->home.folder,
		.ledger = home_path(&s->home, "ledger"),
		.ledger_guard = home_path(&s->home, "guard"),
		.ledger_origin = ORIGIN,
		.crl = s->home.crl };
	found(s);
	add_owners(s);
	add_operators(s);
	assert_int_equal(OK, read_fleet_by_name(s->home.reader, "lamps", &s->fleet));
	assert_int_equal(OK, read_authority_by_name(s->home.reader, s->home.arena,
				     "issuing-production", &s->issuing));
	start_sequencer(s);
	s->service = (struct service){ .life = &s->home.life,
		.configuration = &s->configuration,
		.version = "1.2.3",
		.ledger_key = "ledger.test/acme+00000000+AQ==",
		.ready = is_ready,
		.context = s };
	assert_ok(service_open(&s->service, STAGE_WORKERS, &d), d);
	const struct route *const tables[] = { api_routes, ledger_routes, est_routes, device_routes,
		ocsp_routes, crl_routes, ca_routes };
	memcpy(s->tables, tables, sizeof(tables));
	s->router = (struct router){ .tables = s->tables,
		.table_count = sizeof(tables) / sizeof(tables[0]),
		.context = &s->service };
	s->document = read_document(s->home.arena);
}

void
stage_close(struct stage *s)
{
	stage_forget(s);
	service_close(&s->service);
	sequencer_stop(s->sequencer);
	cJSON_Delete(s->document);
	arena_free(s->arena);
	home_close(&s->home);
}

struct stage *
stage_fork(struct stage *s, unsigned worker)
{
	struct stage *other = malloc(sizeof(*other));

	*other = *s;
	other->worker = worker;
	other->arena = arena_new(ANSWER_MAX);
	other->seen_count = 0;
	return other;
}

void
stage_join(struct stage *s)
{
	stage_forget(s);
	arena_free(s->arena);
	free(s);
}

/* --- asking ---------------------------------------------------------------------- */

void
stage_forget(struct stage *s)
{
	while (s->seen_count > 0) {
		cJSON_Delete(s->seen[--s->seen_count]);
	}
	arena_reset(s->arena);
}

const char *
stage_text(struct stage *s, const char *format, ...)
{
	char text[65536];
	va_list list;

	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	return arena_string(s->arena, span_text(text));
}

static span
write_head(struct stage *s, const struct question *q, size_t body_len)
{
	struct buffer b;
	span copy;

	buffer_init(&b, 1 << 20);
	buffer_printf(&b, "%s %s HTTP/1.1\r\nHost: tenure.test\r\n", q->method, q->target);
	if (q->who != ASK_NOBODY) {
		buffer_printf(&b, "Authorization: Bearer %s\r\n", s->tokens[q->who]);
	}
	if (body_len > 0 || q->type != NULL) {
		buffer_printf(&b, "Content-Type: %s\r\nContent-Length: %zu\r\n",
			q->type != NULL ? q->type : "application/json", body_len);
	}
	if (q->key != NULL) {
		buffer_printf(&b, "Idempotency-Key: %s\r\n", q->key);
	}
	buffer_put_text(&b, "\r\n");
	copy = arena_copy(s->arena, buffer_span(&b));
	buffer_wipe(&b);
	return copy;
}

static span
reply_body(struct stage *s, struct http_reply *r)
{
	span body;

	if (r->file < 0) {
		return arena_copy(s->arena, buffer_span(&r->body));
	}
	uint8_t *bytes = arena_alloc(s->arena, r->file_size + 1);
	assert_int_equal(r->file_size, pread(r->file, bytes, r->file_size, 0));
	body = span_of(bytes, r->file_size);
	close(r->file);
	return body;
}

/* The operation of the document, and its answer of this status. */
static const cJSON *
documented(struct stage *s, const struct route *route, enum http_method method, int http_status)
{
	char path[256], word[8], code[8];
	const cJSON *item;

	snprintf(path, sizeof(path), "%s", route->pattern);
	if (path[strlen(path) - 1] == '*') {
		strcpy(path + strlen(path) - 1, "{path}");
	}
	for (size_t i = 0; i <= strlen(http_method_name(method)); i++) {
		char l = http_method_name(method)[i];

		word[i] = (char)(l >= 'A' && l <= 'Z' ? l + ('a' - 'A') : l);
	}
	snprintf(code, sizeof(code), "%d", http_status);
	item = cJSON_GetObjectItemCaseSensitive(s->document, "paths");
	item = cJSON_GetObjectItemCaseSensitive(item, path);
	item = cJSON_GetObjectItemCaseSensitive(item, word);
	item = cJSON_GetObjectItemCaseSensitive(item, "responses");
	item = cJSON_GetObjectItemCaseSensitive(item, code);
	if (item == NULL) {
		fail_msg("%s %s answers %d, which the document does not name", word, path,
			http_status);
	}
	return schema_of(s->document, item);
}

static void
hold_document(struct stage *s, const cJSON *schema, span text, const char *target)
{
	char fault[512];
	cJSON *value = cJSON_ParseWithLength((const char *)text.data, text.len);

	if (value == NULL) {
		fail_msg(
			"%s answers no JSON: %.*s", target, (int)text.len, (const char *)text.data);
	}
	if (schema != NULL && !schema_holds(s->document, schema, value, fault, sizeof(fault))) {
		fail_msg("%s: %s in %.*s", target, fault, (int)(text.len < 2000 ? text.len : 2000),
			(const char *)text.data);
	}
	cJSON_Delete(value);
}

/* Content type and body as the document says. */
static void
hold_answer(struct stage *s, const cJSON *response, const struct answer_seen *a, const char *target)
{
	const cJSON *content = cJSON_GetObjectItemCaseSensitive(response, "content");
	const cJSON *schema = NULL;
	char type[64];

	if (content == NULL) {
		assert_null(a->content_type);
		return;
	}
	snprintf(type, sizeof(type), "%.*s", (int)strcspn(a->content_type, ";"), a->content_type);
	content = cJSON_GetObjectItemCaseSensitive(content, type);
	if (content == NULL) {
		fail_msg("%s answers %s, which the document does not name", target, type);
	}
	schema = cJSON_GetObjectItemCaseSensitive(content, "schema");
	if (strcmp(type, "application/x-ndjson") == 0) {
		span rest = a->body;

		while (rest.len > 0) {
			const uint8_t *end = memchr(rest.data, '\n', rest.len);

			assert_non_null(end);
			hold_document(
				s, schema, span_of(rest.data, (size_t)(end - rest.data)), target);
			rest = span_slice(rest, (size_t)(end - rest.data) + 1, rest.len);
		}
	} else if (strstr(type, "json") != NULL) {
		hold_document(s, schema, a->body, target);
	}
}

static void
run(struct stage *s, const struct http_request *request, struct exchange *x)
{
	char allow[128];
	int http_status = 0;
	const struct route *route =
		router_find(&s->router, request, x, &http_status, allow, sizeof(allow));

	if (route == NULL) {
		fail_msg("no route for %.*s: %d", (int)request->target.len,
			(const char *)request->target.data, http_status);
	}
	assert_true(request->body.len <= route->body_max); /* the server's part */
	route->handler(x);
}

struct answer_seen
stage_ask(struct stage *s, const struct question *q)
{
	static const struct http_peer peer = { .is_tls = true, .protocol = "TLSv1.3" };
	span body = q->body != NULL ? span_text(q->body) : q->bytes;
	struct http_request *request = arena_alloc(s->arena, sizeof(*request));
	struct arena *arena = arena_new(REQUEST_ARENA_MAX);
	struct answer_seen a = { 0 };
	struct diag d = { 0 };
	size_t used;

	assert_ok(http_request_read(write_head(s, q, body.len), request, &used, &d), d);
	request->body = body;
	struct exchange x = { .request = request,
		.peer = &peer,
		.arena = arena,
		.worker = s->worker,
		.clock = &s->home.clock.clock,
		.id = "06f30000000000000000000000",
		.context = &s->service,
		.reply = { .file = -1 } };
	buffer_init(&x.reply.body, ANSWER_MAX);
	buffer_init(&x.reply.headers, 8192);
	run(s, request, &x);
	api_count(NULL, &x, 1500);
	assert_false(buffer_failed(&x.reply.body));
	a.status = x.reply.status;
	a.content_type = x.reply.content_type;
	a.headers = arena_string(s->arena, buffer_span(&x.reply.headers));
	a.body = reply_body(s, &x.reply);
	a.json = cJSON_ParseWithLength((const char *)a.body.data, a.body.len);
	if (a.json != NULL) {
		assert_true(s->seen_count < STAGE_ANSWERS_MAX);
		s->seen[s->seen_count++] = a.json;
	}
	char allow[128];
	int ignored;
	const struct route *route =
		router_find(&s->router, request, &x, &ignored, allow, sizeof(allow));
	hold_answer(s, documented(s, route, request->method, a.status), &a, q->target);
	buffer_wipe(&x.reply.body);
	buffer_wipe(&x.reply.headers);
	arena_free(arena);
	return a;
}

static struct answer_seen
ask_for(struct stage *s, const struct question *q, int http_status)
{
	struct answer_seen a = stage_ask(s, q);

	if (a.status != http_status) {
		fail_msg("%s %s by %d answers %d, not %d: %.*s", q->method, q->target, q->who,
			a.status, http_status, (int)(a.body.len < 500 ? a.body.len : 500),
			(const char *)a.body.data);
	}
	return a;
}

struct answer_seen
stage_get(struct stage *s, enum asker who, const char *target, int http_status)
{
	const struct question q = { .who = who, .method = "GET", .target = target };

	return ask_for(s, &q, http_status);
}

struct answer_seen
stage_post(struct stage *s, enum asker who, const char *target, const char *body, int http_status)
{
	const struct question q = { .who = who, .method = "POST", .target = target, .body = body };

	return ask_for(s, &q, http_status);
}

/* --- looking ----------------------------------------------------------------------- */

static const cJSON *
member_of(const struct answer_seen *a, const char *member)
{
	const cJSON *m = cJSON_GetObjectItemCaseSensitive(a->json, member);

	if (m == NULL) {
		fail_msg("no member %s in %.*s", member, (int)a->body.len,
			(const char *)a->body.data);
	}
	return m;
}

const char *
answer_text(const struct answer_seen *a, const char *member)
{
	const cJSON *m = member_of(a, member);

	if (!cJSON_IsString(m)) {
		fail_msg("member %s is no text", member);
	}
	return m->valuestring;
}

int64_t
answer_number(const struct answer_seen *a, const char *member)
{
	const cJSON *m = member_of(a, member);

	assert_true(cJSON_IsNumber(m));
	return (int64_t)m->valuedouble;
}

bool
answer_is_null(const struct answer_seen *a, const char *member)
{
	return cJSON_IsNull(member_of(a, member));
}

/* --- devices ----------------------------------------------------------------------- */

struct device
stage_device(struct stage *s, unsigned number, enum device_state state, const struct owner *owner)
{
	struct home_fleet f = { .maker = *owner, .fleet = s->fleet };

	return home_device_add(&s->home, &f, number, state);
}

void
stage_code(struct stage *s, const struct device *d, char code[CLAIM_CODE_TEXT_MAX])
{
	struct claim_code *sealed = arena_alloc(s->home.arena, sizeof(*sealed));
	struct change *c = change_new(s->home.arena);
	struct diag fault = { 0 };

	assert_int_equal(OK, claim_code_new(code));
	assert_int_equal(OK, claim_code_seal(code, d->row, TEST_TIME_S, sealed));
	change_claim_code_put(c, sealed);
	assert_ok(store_commit(s->home.store, c, NULL, &fault), fault);
}
