#pragma once
/*
 * What a function answers, and what exactly went wrong.
 *
 * `enum status` has the kinds that a caller can act on. The particulars go
 * once, at the place where the fault is found, into the caller's `struct
 * diag`; every layer above hands both on untouched.
 */
#include <stddef.h>
#include <stdarg.h>
#include <stdbool.h>

#define MUST_USE __attribute__((warn_unused_result))

typedef enum status {
	OK = 0,
	NOT_FOUND,   /* the named object does not exist */
	EXISTS,	     /* it exists already, and differs from what was given */
	CONFLICT,    /* the object changed meanwhile, or its state forbids this */
	DENIED,	     /* the asker may not */
	BAD_INPUT,   /* malformed or against a rule; diag.clause names the rule */
	LIMIT,	     /* well-formed, but over a limit of base/limits.h */
	UNAVAILABLE, /* try again later: a peer, the signer, a quota */
	IO,	     /* the operating system refused: disk full, read-only ... */
	CRYPTO,	     /* a signature or a key does not check, or libcrypto failed */
	NO_MEMORY,
	BUG, /* an invariant of this program does not hold */
	STATUS_COUNT
} status;

/* The name of a status, in lower case with spaces: "not found". Static. */
const char *status_name(status s);

/*
 * The particulars of one fault. The caller owns it; `diag_clear` (or = {0})
 * before use. Text is UTF-8, one line, escaped where it quotes outside bytes,
 * and never holds a secret.
 */
struct diag {
	status status;
	char text[320];	 /* plain words: what, of which object, what to do */
	char clause[64]; /* "RFC 2986 4.1", "" where no standard speaks */
	size_t offset;	 /* into the input, in bytes; SIZE_MAX where unknown */
	/* A finer name than the status for programs, "attestation-replayed": the kind of the problem in RFC 9457's type. Static
	 * text; NULL: the status says enough. */
	const char *kind;
};

void diag_clear(struct diag *d);

/*
 * Note a fault and return `s`, so that `return diag_set(...)` reads as one
 * sentence. `clause` may be NULL. A NULL `d` is allowed. Only the first fault is kept:
 * if `d` already holds one, it stays.
 */
status diag_set(struct diag *d, status s, const char *clause, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* The same, with the offset of the fault in the input. */
status diag_set_at(struct diag *d, status s, const char *clause, size_t offset, const char *format,
	...) __attribute__((format(printf, 5, 6)));

/* Gives the noted fault its kind, unless it has one. Returns `s`, so that it stands around diag_set. */
status diag_kind(struct diag *d, status s, const char *kind);
/* Hands on a fault that was noted elsewhere, with all that is known of it. Only where `d` holds none. Returns its status. */
status diag_copy(struct diag *d, const struct diag *fault);

#ifdef __clang_analyzer__
/* It sees one file at a time, and would follow paths on which a noted fault counts as OK. */
#define diag_set(d, s, ...) ((void)diag_set(d, s, __VA_ARGS__), (s))
#define diag_set_at(d, s, ...) ((void)diag_set_at(d, s, __VA_ARGS__), (s))
#endif

/* Put words before the text: "line 17: " + what stood there. Cuts at the end. */
void diag_prefix(struct diag *d, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* status -> process exit status (0 done, 1 refused or failed, 3 unreachable). */
int status_exit(status s);

/* status -> HTTP status code (404, 409, 403, 400, 413, 503, 500 ...). */
int status_http(status s);
