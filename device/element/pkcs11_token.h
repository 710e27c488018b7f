#pragma once
/*
 * Inside device/element: a PKCS#11 token by the operator's module, and a session in it. The module is a shared
 * library that runs in this process: it is believed in what it does, but not in the lengths that it answers.
 */
#include <p11-kit/pkcs11.h>

#include <limits.h>

#include "base/status.h"
#include "base/span.h"

struct pkcs11_token {
	void *library;
	CK_FUNCTION_LIST *f;
	bool is_initialised; /* by us: to be finalised */
	bool is_pin_refused; /* once is enough: tokens count, and lock themselves */
	bool has_session;
	CK_SESSION_HANDLE session;
	CK_TOKEN_INFO info; /* of the last session */
	char module[PATH_MAX];
	char label[33];		 /* "" the only one */
	char pin_file[PATH_MAX]; /* "" none */
};

/* Address after "pkcs11:", then the module is loaded and the token opened. BAD_INPUT, NOT_FOUND, UNAVAILABLE, DENIED;
 * CONFLICT: it shows several such tokens. */
MUST_USE status pkcs11_token_open(struct pkcs11_token *t, const char *rest, struct diag *d);
void pkcs11_token_close(struct pkcs11_token *t);

/*
 * Does something in the session. Where the session or the token went away meanwhile, a new one is opened, once, and
 * it is done again: `action` must bear that.
 */
typedef CK_RV pkcs11_action(struct pkcs11_token *t, void *context);
MUST_USE status pkcs11_token_do(struct pkcs11_token *t, pkcs11_action *action, void *context,
	const char *what, struct diag *d);

/* A field of CK_TOKEN_INFO without the blanks behind it. */
static inline span
pkcs11_text(const CK_UTF8CHAR *field, size_t len)
{
	while (len > 0 && (field[len - 1] == ' ' || field[len - 1] == '\0')) {
		len--;
	}
	return span_of(field, len);
}
