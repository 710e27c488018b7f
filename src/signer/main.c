/*
 * tenure-signer: the only process that holds keys of ours.
 *
 * Started by tenured with its channels inherited. Order: read the passphrase,
 * load the keys, exercise every algorithm once (so that libcrypto opens what it needs), start a
 * thread a channel, lock itself in, say that it is ready. It ends when its channels close.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/rand.h>

#include "base/file.h"
#include "base/log.h"
#include "base/secret.h"
#include "signer/message.h"
#include "signer/sandbox.h"
#include "signer/serve.h"

#define CHANNELS_MAX 64
#define PASSPHRASE_MAX 1024

struct options {
	const char *keys, *profiles, *passphrase_file;
	int channels[CHANNELS_MAX];
	size_t channel_count;
	bool create;
};

struct channel {
	struct issuer *issuer;
	int fd;
	pthread_t thread;
};

/* Threads wait here until the sandbox stands: nothing is served before. */
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static bool
parse_channels(char *text, struct options *o)
{
	for (char *at = text; *at != '\0';) {
		char *end;
		long fd = strtol(at, &end, 10);

		if (end == at || fd < 3 || fd > 65535 || o->channel_count == CHANNELS_MAX ||
			(*end != ',' && *end != '\0')) {
			return false;
		}
		o->channels[o->channel_count++] = (int)fd;
		at = *end == ',' ? end + 1 : end;
	}
	return o->channel_count > 0;
}

static bool
parse_options(int argc, char **argv, struct options *o)
{
	static const struct option names[] = { { "keys", required_argument, NULL, 'k' },
		{ "profiles", required_argument, NULL, 'p' },
		{ "passphrase-file", required_argument, NULL, 'f' },
		{ "channels", required_argument, NULL, 'c' }, { "create", no_argument, NULL, 'n' },
		{ 0 } };
	int letter;

	while ((letter = getopt_long(argc, argv, "", names, NULL)) != -1) {
		switch (letter) {
		case 'k':
			o->keys = optarg;
			break;
		case 'p':
			o->profiles = optarg;
			break;
		case 'f':
			o->passphrase_file = optarg;
			break;
		case 'c':
			if (!parse_channels(optarg, o)) {
				return false;
			}
			break;
		case 'n':
			o->create = true;
			break;
		default:
			return false;
		}
	}
	return o->keys != NULL && o->channel_count > 0 && optind == argc;
}

/* As the key files that it opens (signer/key_store.c). A credential's access is the service manager's own business. */
static status
judge_access(int fd, const char *path, struct diag *d)
{
	struct stat found;

	if (fstat(fd, &found) != 0) {
		return diag_set(d, IO, NULL, "%s: %s", path, strerror(errno));
	}
	return (found.st_mode & 077) == 0
		       ? OK
		       : diag_set(d, DENIED, NULL,
				 "%s: others than its owner can read the passphrase (mode %03o); "
				 "it must be 0600",
				 path, found.st_mode & 0777u);
}

static status
read_passphrase(const struct options *o, struct secret *out, struct diag *d)
{
	const char *credentials = getenv("CREDENTIALS_DIRECTORY");
	char path[4096];
	status s;
	int fd;

	if (o->passphrase_file != NULL) {
		snprintf(path, sizeof(path), "%s", o->passphrase_file);
	} else if (credentials != NULL) {
		snprintf(path, sizeof(path), "%s/passphrase", credentials);
	} else {
		s = secret_prompt(out, "Passphrase of the keys: ", PASSPHRASE_MAX, d);
		if (s == UNAVAILABLE) {
			diag_prefix(d, "no passphrase_file in tenure.conf, no credential "
				       "\"passphrase\": ");
		}
		return s;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		return diag_set(d, IO, NULL, "cannot read the passphrase from %s: %s", path,
			strerror(errno));
	}
	s = o->passphrase_file != NULL ? judge_access(fd, path, d) : OK;
	if (s == OK) {
		s = secret_read(out, fd, PASSPHRASE_MAX, d);
	}
	close(fd);
	return s;
}

/* Every algorithm once, before the sandbox: libcrypto loads and seeds what it needs on first use. */
static status
exercise(struct diag *d)
{
	static const enum key_kind kinds[] = { KEY_P256, KEY_P384, KEY_ED25519 };
	uint8_t signature[SIGNATURE_MAX_LEN], spki[600], bytes[16];
	struct public_key public;
	struct private_key key;
	struct secret passphrase;
	struct buffer pem;
	size_t len;
	status s = secret_init(&passphrase, 8);

	buffer_init(&pem, 16384);
	for (size_t i = 0; s == OK && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		s = private_key_generate(kinds[i], &key, d);
		if (s == OK) {
			s = private_key_sign(&key, span_text("exercise"), signature, &len, d);
		}
		if (s == OK) {
			s = private_key_public(&key, spki, sizeof(spki), &public, d);
		}
		if (s == OK) {
			s = signature_verify(&public, private_key_signature(&key),
				span_text("exercise"), span_of(signature, len), d);
		}
		if (s == OK && i == 0) {
			memcpy(passphrase.data, "exercise", 8);
			s = private_key_write(&key, &passphrase, &pem, d);
		}
		private_key_wipe(&key);
	}
	sha1(span_text("exercise"), signature);
	if (s == OK && RAND_bytes(bytes, sizeof(bytes)) != 1) {
		s = diag_set(d, CRYPTO, NULL, "no randomness");
	}
	buffer_wipe(&pem);
	secret_wipe(&passphrase);
	return s;
}

static void *
serve(void *argument)
{
	struct channel *c = argument;

	pthread_mutex_lock(&gate);
	pthread_mutex_unlock(&gate);
	serve_channel(c->issuer, c->fd);
	close(c->fd);
	return NULL;
}

/* The first thing on the first channel: that it is ready, or why not. */
static void
say(int fd, status s, const struct diag *d)
{
	struct buffer b;
	uint32_t len;

	buffer_init(&b, 4096);
	wire_put_u32(&b, 0);
	wire_put_u8(&b, (uint8_t)s);
	wire_put_text(&b, d->text);
	wire_put_text(&b, d->clause);
	len = (uint32_t)b.len - 4;
	for (int k = 0; k < 4; k++) {
		b.data[k] = (uint8_t)(len >> 8 * k);
	}
	(void)!write_all(fd, buffer_span(&b), NULL);
	buffer_wipe(&b);
}

static void
close_others(const struct options *o)
{
	for (int fd = 3; fd < 1024; fd++) {
		bool is_ours = false;

		for (size_t i = 0; i < o->channel_count; i++) {
			is_ours = is_ours || o->channels[i] == fd;
		}
		if (!is_ours) {
			close(fd);
		}
	}
}

static status
start(const struct options *o, struct secret *passphrase, struct issuer *issuer,
	struct channel *channels, struct diag *d)
{
	status s = read_passphrase(o, passphrase, d);

	if (s == OK) {
		s = key_store_open(o->keys, passphrase, o->create, &issuer->keys, d);
	}
	if (s == OK) {
		s = exercise(d);
	}
	issuer->clock = &clock_system;
	profile_shelf_init(&issuer->profiles, o->profiles, issuer->clock);
	for (size_t i = 0; s == OK && i < o->channel_count; i++) {
		channels[i] = (struct channel){ .issuer = issuer, .fd = o->channels[i] };
		if (pthread_create(&channels[i].thread, NULL, serve, &channels[i]) != 0) {
			s = diag_set(d, UNAVAILABLE, NULL, "no thread for a channel");
		}
	}
	return s == OK ? sandbox_enter(d) : s;
}

int
main(int argc, char **argv)
{
	struct options o = { 0 };
	struct channel channels[CHANNELS_MAX];
	struct secret passphrase = { 0 };
	struct issuer issuer = { 0 };
	struct diag d = { 0 };
	status s;

	log_set_program("tenure-signer");
	/* scrypt takes 16 MiB for a moment and a large CRL its size: given back, not kept. */
	(void)mallopt(M_MMAP_THRESHOLD, 128 * 1024);
	(void)mallopt(M_ARENA_MAX, 2);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, SIG_IGN); /* Ctrl-C is the server's to obey: it closes the channels */
	if (!parse_options(argc, argv, &o)) {
		fprintf(stderr, "tenure-signer is started by tenured; see tenure-signer(8)\n");
		return 2;
	}
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	close_others(&o);
	secret_harden_process();
	pthread_mutex_lock(&gate);
	s = start(&o, &passphrase, &issuer, channels, &d);
	say(o.channels[0], s, &d);
	if (s != OK) {
		return 1;
	}
	pthread_mutex_unlock(&gate);
	for (size_t i = 0; i < o.channel_count; i++) {
		pthread_join(channels[i].thread, NULL);
	}
	key_store_close(issuer.keys);
	profile_shelf_wipe(&issuer.profiles);
	secret_wipe(&passphrase);
	return 0;
}
