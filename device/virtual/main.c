/* tenure-element: virtual secure elements on a socket. See tenure-element(8). */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/text.h"
#include "device/virtual/bus_server.h"
#include "device/virtual/sandbox.h"
#include "device/virtual/p256.h"

#define PROFILE_FILE_MAX 65536
#define DEFAULT_PROFILE "trustflex-tls"
#define USAGE_STATUS 2
#define TEXT_OF_TOKEN(x) #x
#define TEXT_OF(x) TEXT_OF_TOKEN(x)

struct fault {
	uint8_t serial[9], tests; /* SelfTest's bits */
};

struct arguments {
	const char *socket, *state, *profile;
	uint8_t (*serials)[9];
	struct fault *faults;
	size_t serial_count, fault_count, count;
	bool has_count, has_delays, is_volatile;
};

static void
print_help(FILE *to)
{
	fprintf(to,
		"usage: tenure-element --socket PATH (--state DIR | --volatile) [--profile "
		"NAME|FILE]\n"
		"                      [--count N | --serial HEX ...] [--faulty HEX=TESTS ...] "
		"[--delays]\n\n"
		"  --socket PATH   where the elements' buses are\n"
		"  --state DIR     keeps the elements, one file each; those that are there are "
		"loaded\n"
		"  --volatile      keeps nothing: they are gone when this ends\n"
		"  --profile P     what new ones are, a name or a file; " DEFAULT_PROFILE "\n"
		"  --count N       makes new ones until there are N; 1 where there are none\n"
		"  --serial HEX    makes this one if it is not there; may be given again\n"
		"  --faulty HEX=TESTS\n"
		"                  this one finds itself faulty: random, ecdsa, ecdh, aes, sha, by "
		"comma\n"
		"  --delays        commands take as long as on a chip\n\nprofiles:");
	for (size_t i = 0; i < part_profile_count(); i++) {
		fprintf(to, " %s", part_profile_at(i)->name);
	}
	fprintf(to, "\n");
}

static int
wrong_usage(const char *what)
{
	fprintf(stderr, "tenure-element: %s; see tenure-element --help\n", what);
	return USAGE_STATUS;
}

/* 18 hex digits, 0123...01. */
static bool
read_serial(span text, uint8_t out[9])
{
	return hex_decode(text, out, 9) == OK && out[0] == 0x01 && out[1] == 0x23 && out[8] == 0x01;
}

static bool
take_serial(struct arguments *a, const char *text)
{
	if (!read_serial(span_text(text), a->serials[a->serial_count])) {
		return false;
	}
	a->serial_count++;
	return true;
}

/* SERIAL=TEST,TEST */
static bool
take_fault(struct arguments *a, const char *text)
{
	struct fault *f = &a->faults[a->fault_count];
	const char *at = strchr(text, '=');

	if (at == NULL || !read_serial(span_of(text, (size_t)(at - text)), f->serial)) {
		return false;
	}
	f->tests = 0;
	do {
		size_t len = strcspn(++at, ",");
		uint8_t bit = part_self_test_bit(span_of(at, len));

		if (bit == 0) {
			return false;
		}
		f->tests |= bit;
		at += len;
	} while (*at == ',');
	a->fault_count++;
	return true;
}

static bool
take_count(struct arguments *a, const char *text)
{
	int64_t number;

	if (number_parse(span_text(text), &number) != OK || number < 1 ||
		number > SHELF_PARTS_MAX) {
		return false;
	}
	a->count = (size_t)number;
	a->has_count = true;
	return true;
}

/* NULL: taken; else what was wanted. */
static const char *
take_option(int letter, struct arguments *a)
{
	switch (letter) {
	case 's':
		a->socket = optarg;
		return NULL;
	case 'd':
		a->state = optarg;
		return NULL;
	case 'p':
		a->profile = optarg;
		return NULL;
	case 'c':
		return take_count(a, optarg) ? NULL
					     : "--count: how many, 1 to " TEXT_OF(SHELF_PARTS_MAX);
	case 'n':
		return take_serial(a, optarg)
			       ? NULL
			       : "--serial: 18 hex digits, 0123 at first, 01 at last";
	case 'f':
		return take_fault(a, optarg) ? NULL
					     : "--faulty: a serial number, =, and some of random, "
					       "ecdsa, ecdh, aes, sha by comma";
	case 'y':
		a->has_delays = true;
		return NULL;
	case 'v':
		a->is_volatile = true;
		return NULL;
	case ':':
		return "a value is wanted";
	default:
		return "there is no such option";
	}
}

/* -1: go on; else the exit status. */
static int
parse_arguments(int argc, char **argv, struct arguments *a)
{
	static const struct option names[] = { { "socket", required_argument, NULL, 's' },
		{ "state", required_argument, NULL, 'd' },
		{ "profile", required_argument, NULL, 'p' },
		{ "count", required_argument, NULL, 'c' },
		{ "serial", required_argument, NULL, 'n' },
		{ "faulty", required_argument, NULL, 'f' }, { "delays", no_argument, NULL, 'y' },
		{ "volatile", no_argument, NULL, 'v' }, { "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' }, { 0 } };
	const char *wanted;
	int letter;

	opterr = 0;
	while ((letter = getopt_long(argc, argv, ":", names, NULL)) != -1) {
		if (letter == 'h') {
			print_help(stdout);
			return 0;
		}
		if (letter == 'V') {
			printf("tenure-element " TENURE_VERSION "\n");
			return 0;
		}
		wanted = take_option(letter, a);
		if (wanted != NULL) {
			char what[160];

			snprintf(what, sizeof(what), "\"%.60s\": %s", argv[optind - 1], wanted);
			return wrong_usage(what);
		}
	}
	if (optind != argc || a->socket == NULL) {
		return wrong_usage("--socket PATH is wanted, and no other words");
	}
	if ((a->state == NULL) == !a->is_volatile) {
		return wrong_usage("one of --state DIR and --volatile is wanted");
	}
	if (a->has_count && a->serial_count > 0) {
		return wrong_usage("--count and --serial exclude each other");
	}
	return -1;
}

/* A built-in one, or else a file. */
static status
find_profile(const char *name, struct part_profile *out, struct diag *d)
{
	const struct part_profile *known = part_profile_find(name);
	struct buffer text;
	status s;

	if (known != NULL) {
		*out = *known;
		return OK;
	}
	buffer_init(&text, PROFILE_FILE_MAX);
	s = file_read(name, PROFILE_FILE_MAX, &text, d);
	if (s == NOT_FOUND) {
		diag_prefix(d, "neither a known profile nor a file: ");
	}
	if (s == OK) {
		s = part_profile_read(buffer_span(&text), out, d);
		if (s != OK) {
			diag_prefix(d, "%s: ", name);
		}
	}
	buffer_wipe(&text);
	return s;
}

static status
fill(struct shelf *shelf, const struct arguments *a, struct diag *d)
{
	size_t wanted = a->has_count ? a->count : a->serial_count == 0 ? 1 : 0;
	size_t there = shelf_count(shelf) + shelf_damaged_count(shelf);
	struct part_profile profile;
	status s = OK;

	if (a->serial_count > 0 || wanted > there) {
		s = find_profile(a->profile, &profile, d);
	}
	if (s == OK && a->serial_count > 0) {
		s = shelf_make(
			shelf, &profile, (const uint8_t(*)[9])a->serials, a->serial_count, d);
	}
	if (s == OK && wanted > there) {
		s = shelf_make(shelf, &profile, NULL, wanted - there, d);
	}
	return s;
}

/* What broke in which part: for this run. */
static status
break_some(struct shelf *shelf, const struct arguments *a, struct diag *d)
{
	for (size_t i = 0; i < a->fault_count; i++) {
		struct shelf_bus *b = shelf_find(shelf, a->faults[i].serial);
		char digits[19];

		if (b == NULL) {
			return diag_set(d, NOT_FOUND, NULL, "--faulty: there is no part %s",
				hex_encode(digits, SPAN_ARRAY(a->faults[i].serial)));
		}
		b->wire.part.faults = a->faults[i].tests;
	}
	return OK;
}

/* A descriptor that can be read when the process is told to end. */
static int
signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0) {
		return -1;
	}
	return signalfd(-1, &set, SFD_CLOEXEC);
}

/* What libcrypto opens at first use, it opens now. */
static status
exercise(struct diag *d)
{
	uint8_t number[32], point[64], digest[32] = { 0 }, signature[64];

	return p256_generate(number, point) && p256_sign(number, digest, signature) &&
			       p256_verify(point, digest, signature)
		       ? OK
		       : diag_set(d, CRYPTO, NULL, "libcrypto cannot sign with P-256");
}

static status
serve(const struct arguments *a, struct shelf *shelf, struct diag *d)
{
	struct bus_server *server = NULL;
	int stop = signals();
	status s = exercise(d);

	if (s == OK && stop < 0) {
		s = diag_set(d, IO, NULL, "no signals");
	}
	if (s == OK) {
		s = bus_server_new(a->socket, shelf, &clock_system, &server, d);
	}
	if (s == OK) {
		s = element_sandbox_enter(d);
	}
	if (s == OK) {
		log_event(LOG_INFO, "started", "parts=%zu damaged=%zu kept=%s delays=%s",
			shelf_count(shelf), shelf_damaged_count(shelf),
			a->is_volatile ? "no" : "yes", a->has_delays ? "yes" : "no");
		s = bus_server_run(server, stop, d);
	}
	bus_server_free(server);
	if (stop >= 0) {
		close(stop);
	}
	return s;
}

static void
raise_limits(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
}

int
main(int argc, char **argv)
{
	struct arguments a = { .profile = DEFAULT_PROFILE };
	struct shelf *shelf = NULL;
	struct diag d = { 0 };
	status s;
	int usage;

	log_set_program("tenure-element");
	umask(077);
	signal(SIGPIPE, SIG_IGN);
	a.serials = calloc((size_t)argc, sizeof(*a.serials));
	a.faults = calloc((size_t)argc, sizeof(*a.faults));
	usage = a.serials != NULL && a.faults != NULL ? parse_arguments(argc, argv, &a) : 1;
	if (usage >= 0) {
		free(a.serials);
		free(a.faults);
		return usage;
	}
	secret_harden_process();
	raise_limits();
	s = shelf_open(a.state, a.has_delays, &shelf, &d);
	if (s == OK) {
		s = fill(shelf, &a, &d);
	}
	if (s == OK) {
		s = break_some(shelf, &a, &d);
	}
	if (s == OK) {
		s = serve(&a, shelf, &d);
	}
	shelf_close(shelf);
	free(a.serials);
	free(a.faults);
	if (s != OK) {
		fprintf(stderr, "tenure-element: %s\n",
			d.text[0] != '\0' ? d.text : status_name(s));
	}
	return status_exit(s);
}
