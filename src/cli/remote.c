#include "cli/remote.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/text.h"
#include "cli/progress.h"
#include "cli/settings.h"

#define PAGE 1000 /* the server's most */
#define SECRET_MAX 256
#define PATTERN_NAME_MAX 32

static status
no_memory(struct diag *d)
{
	return diag_set(d, NO_MEMORY, NULL, "no memory");
}

/* --- paths --- */

const char *
remote_encode(struct arena *a, const char *text)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t len = strlen(text), n = 0;
	char *out = arena_alloc(a, 3 * len + 1);

	for (size_t i = 0; out != NULL && i < len; i++) {
		uint8_t c = (uint8_t)text[i];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			c == '-' || c == '.' || c == '_' || c == '~') {
			out[n++] = (char)c;
		} else {
			out[n++] = '%';
			out[n++] = digits[c >> 4];
			out[n++] = digits[c & 15];
		}
	}
	return out;
}

const char *
remote_path(struct call *c, const char *pattern)
{
	const char *path = "";

	while (path != NULL && *pattern != '\0') {
		size_t plain = strcspn(pattern, "{"), len;
		char name[PATTERN_NAME_MAX];
		const char *value = "";

		len = strcspn(pattern + plain, "}");
		if (pattern[plain] == '{' && len < sizeof(name)) {
			snprintf(name, sizeof(name), "%.*s", (int)(len - 1), pattern + plain + 1);
			value = remote_encode(c->arena, call_argument(c, name));
			len++;
		}
		path = value != NULL ? arena_printf(c->arena, "%s%.*s%s", path, (int)plain, pattern,
					       value)
				     : NULL;
		pattern += plain + (pattern[plain] == '{' ? len : 0);
	}
	return path;
}

/* The flags of a GET that have a member are its query. */
static const char *
with_query(struct call *c, const char *path)
{
	char mark = strchr(path, '?') != NULL ? '&' : '?';

	for (size_t i = 0; path != NULL && i < c->flag_count; i++) {
		const struct flag *f = c->flags[i].flag;
		const char *value;

		if (f->member == NULL) {
			continue;
		}
		value = remote_encode(c->arena, c->flags[i].text);
		path = value != NULL
			       ? arena_printf(c->arena, "%s%c%s=%s", path, mark, f->member, value)
			       : NULL;
		mark = '&';
	}
	return path;
}

/* --- bodies --- */

/* A secret for the body comes from a file, from standard input, or from the terminal. */
static status
put_secret(struct json_writer *w, const struct flag *f, const char *path, struct diag *d)
{
	char prompt[64];
	struct secret secret = { 0 };
	status s;

	if (path == NULL) {
		snprintf(prompt, sizeof(prompt), "%c%s: ", f->member[0] & ~0x20, f->member + 1);
		s = secret_prompt(&secret, prompt, SECRET_MAX, d);
		if (s == UNAVAILABLE) {
			diag_clear(d);
			s = diag_set(d, BAD_INPUT, NULL,
				"there is no terminal to ask for the %s: give --%s FILE (- for "
				"standard input)",
				f->member, f->name);
		}
	} else if (strcmp(path, "-") == 0) {
		s = secret_read(&secret, STDIN_FILENO, SECRET_MAX, d);
	} else {
		s = secret_file_read(path, f->member, SECRET_MAX, &secret, d);
	}
	if (s == OK) {
		json_span(w, f->member, span_of(secret.data, secret.len));
	}
	secret_wipe(&secret);
	return s;
}

static status
put_content(struct json_writer *w, const struct flag *f, const char *path, struct diag *d)
{
	struct buffer content;
	status s;

	buffer_init(&content, JSON_BODY_MAX);
	s = file_read(strcmp(path, "-") == 0 ? "/dev/stdin" : path, JSON_BODY_MAX - 1, &content, d);
	if (s == OK && !utf8_is_valid(buffer_span(&content))) {
		s = diag_set(d, BAD_INPUT, NULL, "%s is no text (a certificate goes as PEM)", path);
	}
	if (s == OK) {
		json_span(w, f->member, buffer_span(&content));
	}
	buffer_wipe(&content);
	return s;
}

static status
put_member(struct json_writer *w, const struct flag *f, const char *text, struct diag *d)
{
	int64_t number = 0;

	switch (f->type) {
	case VALUE_NONE:
		json_bool(w, f->member, true);
		return OK;
	case VALUE_YES_NO:
		json_bool(w, f->member, strcmp(text, "yes") == 0);
		return OK;
	case VALUE_NUMBER:
	case VALUE_DURATION:
		if (duration_parse(span_text(text), &number) != OK) {
			return diag_set(d, BUG, NULL, "--%s was not judged", f->name);
		}
		json_number(w, f->member, number);
		return OK;
	case VALUE_SECRET:
		return put_secret(w, f, text, d);
	case VALUE_CONTENT:
		return put_content(w, f, text, d);
	default:
		json_text(w, f->member, text);
		return OK;
	}
}

status
remote_body(struct call *c, struct json_writer *w, struct diag *d)
{
	const struct flag *f = c->command->arguments;
	status s = OK;

	for (size_t i = 0; s == OK && f != NULL && f[i].name != NULL; i++) {
		if (f[i].member != NULL && c->arguments[i] != NULL) {
			s = put_member(w, &f[i], c->arguments[i], d);
		}
	}
	for (size_t i = 0; s == OK && i < c->flag_count; i++) {
		if (c->flags[i].flag->member != NULL) {
			s = put_member(w, c->flags[i].flag, c->flags[i].text, d);
		}
	}
	for (f = c->command->flags; s == OK && f != NULL && f->name != NULL; f++) {
		if ((f->traits & FLAG_ASKED) != 0 && !call_has(c, f->name)) {
			s = put_secret(w, f, NULL, d);
		}
	}
	return s;
}

/* --- one question --- */

status
remote_send(struct client *c, const char *method, const char *path, span body,
	struct client_reply *reply, struct diag *d)
{
	const struct client_request r = { .method = method, .path = path, .body = body };

	return client_send(c, &r, reply, d);
}

static status
parse_reply(const struct client_reply *reply, cJSON **out, struct diag *d)
{
	struct diag fault = { 0 };

	if (json_parse(buffer_span(&reply->body), CLIENT_REPLY_MAX, out, &fault) != OK) {
		return diag_set(d, BAD_INPUT, NULL,
			"the server's answer cannot be read: %s; is it a Tenure server?",
			fault.text);
	}
	return OK;
}

status
remote_get(struct client *c, const char *path, cJSON **out, struct diag *d)
{
	struct client_reply reply = { 0 };
	status s = remote_send(c, "GET", path, span_of(NULL, 0), &reply, d);

	if (s == OK) {
		s = parse_reply(&reply, out, d);
	}
	client_reply_wipe(&reply);
	return s;
}

/* Codes and tokens are answered once. Where that answer was lost, the user must know. */
static void
warn_of_lost_secret(const struct call *c, const cJSON *object, bool was_repeated)
{
	static const char *const members[] = { "code", "token" };

	for (size_t i = 0; was_repeated && i < COUNT_OF(members); i++) {
		const cJSON *m = cJSON_GetObjectItemCaseSensitive(object, members[i]);

		if (m != NULL && cJSON_IsNull(m)) {
			fprintf(stderr,
				"tenure: done, but the answer with the %s was lost on the way and "
				"it is shown only once: %s\n",
				members[i],
				i == 0 ? "make a new one (tenure device code, or offer again)"
				       : "make a new one (tenure operator token)");
		}
	}
	(void)c;
}

status
remote_print(struct call *c, const struct view *v, const struct client_reply *reply, struct diag *d)
{
	cJSON *object = NULL;
	status s = parse_reply(reply, &object, d);

	if (s != OK) {
		return s;
	}
	warn_of_lost_secret(c, object, reply->was_repeated);
	if (call_has(c, "json")) {
		fwrite(reply->body.data, 1, reply->body.len, stdout);
		fputs(reply->body.len > 0 && reply->body.data[reply->body.len - 1] == '\n' ? ""
											   : "\n",
			stdout);
	} else {
		view_show(stdout, v, object);
	}
	cJSON_Delete(object);
	return OK;
}

status
remote_show_as(struct call *c, const char *pattern, const struct view *v, struct diag *d)
{
	const char *path = remote_path(c, pattern);
	struct client_reply reply = { 0 };
	struct client *client = NULL;
	status s = path != NULL ? call_client(c, &client, d) : no_memory(d);

	if (s == OK) {
		s = remote_send(client, "GET", path, span_of(NULL, 0), &reply, d);
	}
	if (s == OK) {
		s = remote_print(c, v, &reply, d);
	}
	client_reply_wipe(&reply);
	client_free(client);
	return s;
}

status
remote_show(struct call *c, struct diag *d)
{
	const struct remote *r = &c->command->remote;

	return remote_show_as(c, r->path, r->view, d);
}

status
remote_act(struct call *c, struct diag *d)
{
	const struct remote *r = &c->command->remote;
	const char *path = remote_path(c, r->path);
	bool has_body = strcmp(r->method, "DELETE") != 0;
	struct client_reply reply = { 0 };
	struct client *client = NULL;
	struct json_writer w;
	struct buffer body;
	status s = path != NULL ? call_client(c, &client, d) : no_memory(d);

	buffer_init(&body, JSON_BODY_MAX);
	json_begin(&w, &body);
	if (s == OK && has_body) {
		json_object_open(&w, NULL);
		s = remote_body(c, &w, d);
		json_object_close(&w);
	}
	if (s == OK && buffer_failed(&body)) {
		s = diag_set(d, LIMIT, NULL, "the request is larger than %d bytes", JSON_BODY_MAX);
	}
	if (s == OK) {
		const struct client_request request = { .method = r->method,
			.path = path,
			.body = buffer_span(&body),
			.is_keyless = (c->command->traits & COMMAND_KEYLESS) != 0,
			.is_repeatable = (c->command->traits & COMMAND_REPEATABLE) != 0 };

		s = client_send(client, &request, &reply, d);
	}
	if (s == OK && reply.body.len > 0) {
		s = remote_print(c, r->view, &reply, d);
	} else if (s == OK && r->done != NULL && !call_has(c, "json")) {
		printf("%s %s\n", c->arguments[0] != NULL ? c->arguments[0] : "it", r->done);
	}
	client_reply_wipe(&reply);
	buffer_wipe(&body);
	client_free(client);
	return s;
}

/* --- pages --- */

static const char *
page_path(struct paging *p, int64_t left)
{
	const char *after = p->next != NULL ? remote_encode(p->arena, p->next) : "";
	int64_t limit = left > 0 && left < PAGE ? left : PAGE;

	if (after == NULL) {
		return NULL;
	}
	return arena_printf(p->arena, "%s%climit=%" PRId64 "%s%s", p->path,
		strchr(p->path, '?') != NULL ? '&' : '?', limit, p->next != NULL ? "&after=" : "",
		after);
}

static status
take_page(struct paging *p, const cJSON *page, int64_t *taken, struct diag *d)
{
	const cJSON *items = cJSON_GetObjectItemCaseSensitive(page, "items"), *item;
	const cJSON *next = cJSON_GetObjectItemCaseSensitive(page, "next");
	status s = OK;

	if (!cJSON_IsArray(items)) {
		return diag_set(
			d, BAD_INPUT, NULL, "the server's answer to %s is no list", p->path);
	}
	cJSON_ArrayForEach(item, items)
	{
		if (s == OK && (p->max == 0 || *taken < p->max)) {
			s = p->take(p->context, item, d);
			(*taken)++;
		}
	}
	p->next = NULL;
	if (s == OK && cJSON_IsString(next)) {
		p->next = arena_string(p->arena, span_text(next->valuestring));
		s = p->next != NULL ? OK : no_memory(d);
	}
	if (s == OK && p->page != NULL) {
		s = p->page(p->context, d);
	}
	return s;
}

status
remote_pages(struct paging *p, struct diag *d)
{
	int64_t taken = 0;
	status s = OK;

	p->next = p->after;
	do {
		const char *asked = p->next;
		const char *path = page_path(p, p->max > 0 ? p->max - taken : 0);
		cJSON *page = NULL;

		s = path != NULL ? remote_get(p->client, path, &page, d) : no_memory(d);
		if (s == OK) {
			s = take_page(p, page, &taken, d);
		}
		cJSON_Delete(page);
		if (s == OK && p->next != NULL && asked != NULL && strcmp(p->next, asked) == 0) {
			s = diag_set(d, BUG, NULL, "the server's list %s does not go on behind %s",
				p->path, asked);
		}
	} while (s == OK && p->next != NULL && (p->max == 0 || taken < p->max));
	return s;
}

struct listing {
	struct table *table; /* or */
	struct array_writer array;
	struct progress progress;
	uint64_t count;
};

static status
take_item(void *context, const cJSON *item, struct diag *d)
{
	struct listing *l = context;
	status s = l->table != NULL ? table_row(l->table, item) : array_item(&l->array, item);

	l->count++;
	return s == OK ? OK : no_memory(d);
}

static status
end_page(void *context, struct diag *d)
{
	struct listing *l = context;

	if (l->table != NULL) {
		table_flush(l->table);
	}
	if (!isatty(STDOUT_FILENO)) {
		progress_step(&l->progress, l->count);
	}
	(void)d;
	return ferror(stdout) != 0 ? diag_set(d, IO, NULL, "cannot write the list") : OK;
}

status
remote_list(struct call *c, struct diag *d)
{
	const struct remote *r = &c->command->remote;
	const char *path = remote_path(c, r->path);
	bool is_json = call_has(c, "json");
	struct listing l = { 0 };
	struct paging p = { .take = take_item, .page = end_page, .context = &l, .arena = c->arena };
	status s;

	p.path = path != NULL ? with_query(c, path) : NULL;
	if (p.path == NULL || (!is_json && table_new(stdout, r->view, &l.table) != OK)) {
		return no_memory(d);
	}
	p.after = call_text(c, "after");
	p.max = call_number(c, "limit", 0);
	progress_begin(&l.progress, r->view->what, 0);
	s = call_client(c, &p.client, d);
	if (s == OK && is_json) {
		array_begin(&l.array, stdout);
	}
	if (s == OK) {
		s = remote_pages(&p, d);
		progress_end(&l.progress);
	}
	if (s == OK && is_json) {
		array_end(&l.array);
	}
	if (s == OK && p.next != NULL) {
		fprintf(stderr, "tenure: there is more: --after %s\n", p.next);
	}
	table_free(l.table);
	client_free(p.client);
	return s;
}
