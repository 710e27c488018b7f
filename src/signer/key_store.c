#include "signer/key_store.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"

/*
 * Invariant: a key stands in the index only after its files are durable; files without an index
 * entry are left from a crash and are replaced when the name is used again. Keys are only ever
 * added, and never move in memory.
 */
#define KEYS_MAX 256
#define INDEX_MAX (1 << 20)
#define PATH_ROOM 4096

struct key_store {
	pthread_mutex_t lock;
	const char *folder;
	const struct secret *passphrase;
	struct signing_key *keys[KEYS_MAX];
	size_t count;
};

static status
sign_with_file_key(void *key, span message, uint8_t *out, size_t *len, struct diag *d)
{
	return private_key_sign(key, message, out, len, d);
}

static void
release_file_key(void *key)
{
	private_key_wipe(key);
	free(key);
}

static const struct key_holder file_holder = { sign_with_file_key, release_file_key };

static status
path_of(const struct key_store *s, const char *name, const char *ending, char *out, struct diag *d)
{
	int n = snprintf(out, PATH_ROOM, "%s/%s%s", s->folder, name, ending);

	return n > 0 && n < PATH_ROOM ? OK : diag_set(d, LIMIT, NULL, "path too long");
}

static bool
name_is_sound(const char *name)
{
	if (name[0] == '\0' || name[0] == '.' || strlen(name) > NAME_MAX_LEN) {
		return false;
	}
	for (const char *c = name; *c != '\0'; c++) {
		if (!((*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9') || *c == '-' ||
			    *c == '.' || *c == '_')) {
			return false;
		}
	}
	return true;
}

static void
key_free(struct signing_key *k)
{
	if (k == NULL) {
		return;
	}
	if (k->holder != NULL) {
		k->holder->release(k->key);
	}
	free((void *)(uintptr_t)k->certificate.data);
	free(k);
}

/* Takes over `key`; on failure it is still the caller's. */
static status
make_entry(const char *name, enum key_role role, enum phase phase, struct private_key *key,
	span certificate, struct signing_key **out, struct diag *d)
{
	struct signing_key *k = calloc(1, sizeof(*k));
	uint8_t *copy = malloc(certificate.len + 1), spki[600];
	struct private_key *held = malloc(sizeof(*held));
	struct public_key public;
	status s = private_key_public(key, spki, sizeof(spki), &public, d);

	if (s == OK && (k == NULL || copy == NULL || held == NULL)) {
		s = diag_set(d, NO_MEMORY, NULL, "no memory for a key");
	}
	if (s != OK) {
		goto out;
	}
	memcpy(copy, certificate.data, certificate.len);
	k->certificate = span_of(copy, certificate.len);
	snprintf(k->name, sizeof(k->name), "%s", name);
	k->role = role;
	k->phase = phase;
	k->signature = private_key_signature(key);
	public_key_id(&public, k->key_id);
	if (role == KEY_ROLE_LEDGER) {
		memcpy(k->ed25519, public.point, sizeof(k->ed25519));
	} else {
		s = certificate_read(k->certificate, &k->view, d);
		if (s == OK && !span_equal(k->view.key.spki, public.spki)) {
			s = diag_set(
				d, CRYPTO, NULL, "key %s does not belong to its certificate", name);
		}
	}
out:
	if (s != OK) {
		free(k);
		free(copy);
		free(held);
		return s;
	}
	*held = *key;
	*key = (struct private_key){ 0 };
	private_key_prepare(held);
	k->holder = &file_holder;
	k->key = held;
	*out = k;
	return OK;
}

static status
load_key(
	struct key_store *s, const char *name, enum key_role role, enum phase phase, struct diag *d)
{
	char path[PATH_ROOM];
	struct private_key key = { 0 };
	struct buffer pem, certificate;
	struct stat found;
	status result;

	buffer_init(&pem, 16384);
	buffer_init(&certificate, CERTIFICATE_SIZE_MAX);
	result = path_of(s, name, ".key", path, d);
	if (result == OK && stat(path, &found) == 0 && (found.st_mode & 077) != 0) {
		result = diag_set(d, DENIED, NULL,
			"%s: others than its owner can read it (mode %03o); it must be 0600", path,
			found.st_mode & 0777u);
	}
	if (result == OK) {
		result = file_read(path, 16384, &pem, d);
	}
	if (result == OK) {
		result = private_key_read(buffer_span(&pem), s->passphrase, &key, d);
		if (result != OK) {
			diag_prefix(d, "%s: ", path);
		}
	}
	if (result == OK) {
		result = path_of(s, name, ".cer", path, d);
	}
	if (result == OK) {
		result = file_read(path, CERTIFICATE_SIZE_MAX, &certificate, d);
	}
	if (result == OK) {
		result = make_entry(
			name, role, phase, &key, buffer_span(&certificate), &s->keys[s->count], d);
	}
	s->count += result == OK;
	private_key_wipe(&key);
	buffer_wipe(&pem);
	buffer_wipe(&certificate);
	return result;
}

static status
load_entry(struct key_store *s, const cJSON *entry, struct diag *d)
{
	char name[NAME_MAX_LEN + 1];
	int64_t role, phase;
	status result = json_copy_text(entry, "name", name, sizeof(name), d);

	if (result == OK) {
		result = json_get_number(entry, "role", &role, d);
	}
	if (result == OK) {
		result = json_get_number(entry, "phase", &phase, d);
	}
	if (result != OK) {
		return result;
	}
	if (!name_is_sound(name) || role < 0 || role >= KEY_ROLE_COUNT || phase < 0 ||
		phase >= PHASE_COUNT || s->count == KEYS_MAX) {
		return diag_set(
			d, BAD_INPUT, NULL, "the index of keys is damaged at \"%.60s\"", name);
	}
	return load_key(s, name, (enum key_role)role, (enum phase)phase, d);
}

static status
write_index(struct key_store *s, const struct signing_key *added, struct diag *d)
{
	char path[PATH_ROOM];
	struct json_writer w;
	struct buffer text;
	status result = path_of(s, "index", ".json", path, d);

	buffer_init(&text, INDEX_MAX);
	json_begin(&w, &text);
	json_array_open(&w, NULL);
	for (size_t i = 0; i < s->count + (added != NULL); i++) {
		const struct signing_key *k = i < s->count ? s->keys[i] : added;

		json_object_open(&w, NULL);
		json_text(&w, "name", k->name);
		json_number(&w, "role", k->role);
		json_number(&w, "phase", k->phase);
		json_object_close(&w);
	}
	json_array_close(&w);
	if (result == OK && buffer_failed(&text)) {
		result = diag_set(d, NO_MEMORY, NULL, "no memory for the index of keys");
	}
	if (result == OK) {
		result = file_replace(path, buffer_span(&text), 0600, d);
	}
	buffer_wipe(&text);
	return result;
}

/* An empty folder may begin; one whose index is lost must not: its keys would be forgotten. */
static status
need_no_keys(const struct key_store *s, struct diag *d)
{
	DIR *folder = opendir(s->folder);
	struct dirent *entry;
	status result = OK;

	if (folder == NULL) {
		return diag_set(d, IO, NULL, "%s: %s", s->folder, strerror(errno));
	}
	while (result == OK && (entry = readdir(folder)) != NULL) {
		const char *dot = strrchr(entry->d_name, '.');

		if (dot != NULL && strcmp(dot, ".key") == 0) {
			result = diag_set(d, CONFLICT, NULL,
				"%s holds %s but no index.json: bring the index back before "
				"anything is "
				"signed",
				s->folder, entry->d_name);
		}
	}
	closedir(folder);
	return result;
}

static status
load_index(struct key_store *s, bool create, struct diag *d)
{
	char path[PATH_ROOM];
	struct buffer text;
	cJSON *index = NULL;
	const cJSON *entry;
	status result = path_of(s, "index", ".json", path, d);
	struct diag fault = { 0 };

	buffer_init(&text, INDEX_MAX);
	if (result == OK) {
		result = file_read(path, INDEX_MAX, &text, &fault);
	}
	if (result == NOT_FOUND && create) {
		buffer_wipe(&text);
		result = need_no_keys(s, d);
		return result == OK ? write_index(s, NULL, d) : result;
	}
	if (result != OK) {
		return diag_set(d, result, NULL, "%s: no keys here: %s", s->folder, fault.text);
	}
	result = json_parse(buffer_span(&text), INDEX_MAX, &index, d);
	if (result == OK && !cJSON_IsArray(index)) {
		result = diag_set(d, BAD_INPUT, NULL, "%s is no list", path);
	}
	if (result == OK) {
		cJSON_ArrayForEach(entry, index)
		{
			result = load_entry(s, entry, d);
			if (result != OK) {
				break;
			}
		}
	}
	cJSON_Delete(index);
	buffer_wipe(&text);
	return result;
}

/* Under the lock. */
static const struct signing_key *
find(const struct key_store *s, const char *name)
{
	for (size_t i = 0; i < s->count; i++) {
		if (strcmp(s->keys[i]->name, name) == 0) {
			return s->keys[i];
		}
	}
	return NULL;
}

const struct signing_key *
key_store_find(struct key_store *s, const char *name)
{
	const struct signing_key *found;

	pthread_mutex_lock(&s->lock);
	found = find(s, name);
	pthread_mutex_unlock(&s->lock);
	return found;
}

size_t
key_store_count(struct key_store *s)
{
	size_t n;

	pthread_mutex_lock(&s->lock);
	n = s->count;
	pthread_mutex_unlock(&s->lock);
	return n;
}

const struct signing_key *
key_store_at(struct key_store *s, size_t i)
{
	const struct signing_key *k;

	pthread_mutex_lock(&s->lock);
	k = s->keys[i];
	pthread_mutex_unlock(&s->lock);
	return k;
}

static status
write_files(struct key_store *s, const char *name, const struct private_key *key, span certificate,
	struct diag *d)
{
	char path[PATH_ROOM];
	struct buffer pem;
	status result;

	buffer_init(&pem, 16384);
	result = private_key_write(key, s->passphrase, &pem, d);
	if (result == OK) {
		result = path_of(s, name, ".key", path, d);
	}
	if (result == OK) {
		result = file_replace(path, buffer_span(&pem), 0600, d);
	}
	if (result == OK) {
		result = path_of(s, name, ".cer", path, d);
	}
	if (result == OK) {
		result = file_replace(path, certificate, 0644, d);
	}
	buffer_wipe(&pem);
	return result;
}

status
key_store_add(struct key_store *s, const char *name, enum key_role role, enum phase phase,
	const struct private_key *key, span certificate, struct diag *d)
{
	struct signing_key *entry = NULL;
	struct private_key copy = { key->key, key->kind };
	status result;

	if (!name_is_sound(name)) {
		return diag_set(d, BAD_INPUT, NULL,
			"\"%.60s\" cannot name a key: a-z 0-9 - . _, up to %d", name, NAME_MAX_LEN);
	}
	EVP_PKEY_up_ref(key->key);
	pthread_mutex_lock(&s->lock);
	result = s->count < KEYS_MAX ? OK : diag_set(d, LIMIT, NULL, "over %d keys", KEYS_MAX);
	if (result == OK && find(s, name) != NULL) {
		result = diag_set(d, EXISTS, NULL, "a key \"%s\" is there already", name);
	}
	if (result == OK) {
		result = write_files(s, name, key, certificate, d);
	}
	if (result == OK) {
		result = make_entry(name, role, phase, &copy, certificate, &entry, d);
	}
	if (result == OK) {
		result = write_index(s, entry, d);
	}
	if (result == OK) {
		s->keys[s->count++] = entry;
	} else {
		key_free(entry);
	}
	pthread_mutex_unlock(&s->lock);
	private_key_wipe(&copy);
	return result;
}

/* The file's name is a hash: an origin is an address and may hold anything. */
static status
head_path(const struct key_store *s, const char *origin, char *out, struct diag *d)
{
	uint8_t hash[32];
	char name[80] = "head-";

	sha256(span_text(origin), hash);
	hex_encode(name + 5, span_of(hash, 16));
	return path_of(s, name, "", out, d);
}

status
key_store_head(struct key_store *s, const char *origin, struct signed_head *out, struct diag *d)
{
	char path[PATH_ROOM];
	struct buffer b;
	struct diag fault = { 0 };
	status result = head_path(s, origin, path, d);

	*out = (struct signed_head){ 0 };
	if (result != OK) {
		return result;
	}
	buffer_init(&b, 256);
	result = file_read(path, 255, &b, &fault);
	if (result == NOT_FOUND) {
		result = OK;
	} else if (result == OK) {
		uint8_t bytes[40];

		result = hex_decode(buffer_span(&b), bytes, sizeof(bytes));
		if (result != OK) {
			result = diag_set(d, IO, NULL, "%s is damaged", path);
		} else {
			for (int i = 0; i < 8; i++) {
				out->size = out->size << 8 | bytes[i];
			}
			memcpy(out->root, bytes + 8, sizeof(out->root));
		}
	} else {
		result = diag_set(d, result, NULL, "%s", fault.text);
	}
	buffer_wipe(&b);
	return result;
}

status
key_store_set_head(
	struct key_store *s, const char *origin, const struct signed_head *head, struct diag *d)
{
	char path[PATH_ROOM], text[81];
	uint8_t bytes[40];
	status result = head_path(s, origin, path, d);

	if (result != OK) {
		return result;
	}
	for (int i = 0; i < 8; i++) {
		bytes[i] = (uint8_t)(head->size >> (56 - 8 * i));
	}
	memcpy(bytes + 8, head->root, sizeof(head->root));
	return file_replace(path, span_text(hex_encode(text, SPAN_ARRAY(bytes))), 0600, d);
}

void
key_store_close(struct key_store *s)
{
	if (s == NULL) {
		return;
	}
	for (size_t i = 0; i < s->count; i++) {
		key_free(s->keys[i]);
	}
	pthread_mutex_destroy(&s->lock);
	free(s);
}

status
key_store_open(const char *folder, const struct secret *passphrase, bool create,
	struct key_store **out, struct diag *d)
{
	struct key_store *s = calloc(1, sizeof(*s));
	status result = OK;

	if (s == NULL) {
		return diag_set(d, NO_MEMORY, NULL, "no memory for the keys");
	}
	pthread_mutex_init(&s->lock, NULL);
	s->folder = folder;
	s->passphrase = passphrase;
	if (create) {
		result = folder_make(folder, 0700, d);
	}
	if (result == OK) {
		result = load_index(s, create, d);
	}
	if (result != OK) {
		key_store_close(s);
		return result;
	}
	*out = s;
	return OK;
}
