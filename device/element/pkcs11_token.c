#include "device/element/pkcs11_token.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/secret.h"
#include "base/text.h"

#define TOKENS_MAX 64 /* slots that a module may show */
#define PIN_MAX 255

/* --- the address --- */

/* %XX is undone, as in RFC 7512. */
static status
take_value(span in, char *out, size_t room)
{
	size_t len = 0;

	for (size_t i = 0; i < in.len; i++) {
		uint8_t c = in.data[i];

		if (c == '%') {
			if (in.len - i < 3 || hex_decode(span_slice(in, i + 1, 2), &c, 1) != OK) {
				return BAD_INPUT;
			}
			i += 2;
		}
		if (len + 1 >= room || c == '\0') {
			return BAD_INPUT;
		}
		out[len++] = (char)c;
	}
	out[len] = '\0';
	return OK;
}

static status
take_parameter(struct pkcs11_token *t, span one, struct diag *d)
{
	static const char token[] = "token=", pin_file[] = "pin-file=";
	status s = BAD_INPUT;

	if (one.len > sizeof(token) - 1 && memcmp(one.data, token, sizeof(token) - 1) == 0) {
		s = take_value(
			span_slice(one, sizeof(token) - 1, SIZE_MAX), t->label, sizeof(t->label));
	} else if (one.len > sizeof(pin_file) - 1 &&
		   memcmp(one.data, pin_file, sizeof(pin_file) - 1) == 0) {
		s = take_value(span_slice(one, sizeof(pin_file) - 1, SIZE_MAX), t->pin_file,
			sizeof(t->pin_file));
	}
	return s == OK ? OK
		       : diag_set(d, BAD_INPUT, NULL,
				 "pkcs11:MODULE?token=LABEL&pin-file=FILE: what is \"%.*s\"?",
				 (int)(one.len < 40 ? one.len : 40), (const char *)one.data);
}

static status
read_address(struct pkcs11_token *t, const char *rest, struct diag *d)
{
	const char *query = strchr(rest, '?');
	size_t len = query != NULL ? (size_t)(query - rest) : strlen(rest);
	status s = OK;

	if (rest[0] != '/' || len >= sizeof(t->module)) {
		return diag_set(d, BAD_INPUT, NULL,
			"pkcs11:MODULE needs the module's whole path, not \"%.80s\"", rest);
	}
	memcpy(t->module, rest, len);
	t->module[len] = '\0';
	while (s == OK && query != NULL) {
		const char *from = query + 1, *to = strchr(from, '&');

		s = take_parameter(
			t, span_of(from, to != NULL ? (size_t)(to - from) : strlen(from)), d);
		query = to;
	}
	return s;
}

/* --- what went wrong --- */

static bool
is_gone(CK_RV rv)
{
	return rv == CKR_SESSION_HANDLE_INVALID || rv == CKR_SESSION_CLOSED ||
	       rv == CKR_DEVICE_REMOVED || rv == CKR_TOKEN_NOT_PRESENT ||
	       rv == CKR_USER_NOT_LOGGED_IN || rv == CKR_DEVICE_ERROR;
}

static status
result(CK_RV rv, const char *what, struct diag *d)
{
	if (rv == CKR_OK) {
		return OK;
	}
	if (is_gone(rv)) {
		return diag_set(
			d, UNAVAILABLE, NULL, "%s: the token is gone (CKR %08lx)", what, rv);
	}
	switch (rv) {
	case CKR_PIN_INCORRECT:
	case CKR_PIN_LOCKED:
	case CKR_PIN_EXPIRED:
	case CKR_PIN_LEN_RANGE:
		return diag_set(d, DENIED, NULL, "%s: the token does not take the PIN (CKR %08lx)",
			what, rv);
	case CKR_TOKEN_WRITE_PROTECTED:
	case CKR_SESSION_READ_ONLY:
		return diag_set(d, DENIED, NULL, "%s: the token takes no new objects (CKR %08lx)",
			what, rv);
	case CKR_MECHANISM_INVALID:
	case CKR_FUNCTION_NOT_SUPPORTED:
	case CKR_CURVE_NOT_SUPPORTED:
		return diag_set(
			d, DENIED, NULL, "%s: the token cannot do this (CKR %08lx)", what, rv);
	case CKR_DEVICE_MEMORY:
		return diag_set(d, LIMIT, NULL, "%s: the token is full", what);
	case CKR_HOST_MEMORY:
		return diag_set(d, NO_MEMORY, NULL, "%s: no memory for the module", what);
	default:
		return diag_set(d, IO, NULL, "%s: the module fails (CKR %08lx)", what, rv);
	}
}

/* --- the token --- */

static bool
is_wanted(const struct pkcs11_token *t, const CK_TOKEN_INFO *info)
{
	return (info->flags & CKF_TOKEN_INITIALIZED) != 0 &&
	       (t->label[0] == '\0' ||
		       span_is(pkcs11_text(info->label, sizeof(info->label)), t->label));
}

static status
find_token(struct pkcs11_token *t, CK_SLOT_ID *out, struct diag *d)
{
	CK_SLOT_ID slots[TOKENS_MAX];
	CK_ULONG count = TOKENS_MAX;
	CK_TOKEN_INFO info;
	unsigned found = 0;
	status s = result(t->f->C_GetSlotList(CK_TRUE, slots, &count), "C_GetSlotList", d);

	for (CK_ULONG i = 0; s == OK && i < count && i < TOKENS_MAX; i++) {
		if (t->f->C_GetTokenInfo(slots[i], &info) == CKR_OK && is_wanted(t, &info)) {
			*out = slots[i];
			t->info = info;
			found++;
		}
	}
	if (s == OK && found == 0) {
		s = diag_set(d, UNAVAILABLE, NULL, "%.100s shows no token %s%.32s", t->module,
			t->label[0] != '\0' ? "" : "at all", t->label);
	}
	if (s == OK && found > 1) {
		s = diag_set(d, CONFLICT, NULL,
			"%.100s shows %u such tokens: name one by token=", t->module, found);
	}
	return s;
}

static status
read_pin(const char *path, struct secret *pin, struct diag *d)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	status s;

	if (fd < 0) {
		return diag_set(d, errno == ENOENT ? NOT_FOUND : IO, NULL, "%s: %s", path,
			strerrordesc_np(errno));
	}
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || (st.st_mode & 077) != 0) {
		s = diag_set(d, DENIED, NULL, "%s: a PIN's file has mode 0600", path);
	} else {
		s = secret_read(pin, fd, PIN_MAX, d);
	}
	close(fd);
	return s;
}

static status
login(struct pkcs11_token *t, struct diag *d)
{
	struct secret pin = { 0 };
	status s = OK;
	CK_RV rv;

	if ((t->info.flags & CKF_LOGIN_REQUIRED) == 0) {
		return OK;
	}
	if (t->is_pin_refused || (t->info.flags & CKF_USER_PIN_LOCKED) != 0) {
		return diag_set(
			d, DENIED, NULL, "the token refused the PIN: it is not tried again");
	}
	if ((t->info.flags & CKF_USER_PIN_FINAL_TRY) != 0) {
		return diag_set(d, DENIED, NULL,
			"the token has one try of its PIN left: not taken by a program");
	}
	if (t->pin_file[0] != '\0') {
		s = read_pin(t->pin_file, &pin, d);
	} else if ((t->info.flags & CKF_PROTECTED_AUTHENTICATION_PATH) == 0) {
		s = diag_set(d, BAD_INPUT, NULL, "the token wants a PIN: give pin-file=");
	}
	if (s == OK) {
		rv = t->f->C_Login(t->session, CKU_USER, pin.data, pin.len);
		t->is_pin_refused = rv == CKR_PIN_INCORRECT || rv == CKR_PIN_LOCKED;
		s = result(rv == CKR_USER_ALREADY_LOGGED_IN ? CKR_OK : rv, "C_Login", d);
	}
	secret_wipe(&pin);
	return s;
}

static void
end_session(struct pkcs11_token *t)
{
	if (t->has_session) {
		(void)t->f->C_CloseSession(t->session);
		t->has_session = false;
	}
}

static status
begin_session(struct pkcs11_token *t, struct diag *d)
{
	CK_SLOT_ID slot = 0;
	status s = find_token(t, &slot, d);

	if (s == OK) {
		s = result(t->f->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL,
				   NULL, &t->session),
			"C_OpenSession", d);
		t->has_session = s == OK;
	}
	if (s == OK) {
		s = login(t, d);
	}
	if (s != OK) {
		end_session(t);
	}
	return s;
}

status
pkcs11_token_do(struct pkcs11_token *t, pkcs11_action *action, void *context, const char *what,
	struct diag *d)
{
	status s = t->has_session ? OK : begin_session(t, d);
	CK_RV rv = CKR_OK;

	if (s != OK) {
		return s;
	}
	rv = action(t, context);
	if (is_gone(rv)) {
		end_session(t);
		s = begin_session(t, d);
		if (s != OK) {
			return s;
		}
		rv = action(t, context);
	}
	if (is_gone(rv)) {
		end_session(t);
	}
	return result(rv, what, d);
}

/* --- the module --- */

static status
load_module(struct pkcs11_token *t, struct diag *d)
{
	CK_C_INITIALIZE_ARGS arguments = { .flags = CKF_OS_LOCKING_OK };
	CK_RV (*get_list)(CK_FUNCTION_LIST * *list) = NULL;
	void *symbol;
	CK_RV rv;

	t->library = dlopen(t->module, RTLD_NOW | RTLD_LOCAL);
	if (t->library == NULL) {
		const char *why = dlerror();

		return diag_set(d, NOT_FOUND, NULL, "no module: %.200s", why != NULL ? why : "");
	}
	symbol = dlsym(t->library, "C_GetFunctionList");
	memcpy(&get_list, &symbol, sizeof(get_list));
	if (symbol == NULL || get_list(&t->f) != CKR_OK || t->f == NULL ||
		t->f->version.major < 2 || t->f->version.major > 3) {
		t->f = NULL;
		return diag_set(d, BAD_INPUT, "PKCS #11 3.0 5.4",
			"%.200s is no PKCS#11 module of version 2 or 3", t->module);
	}
	rv = t->f->C_Initialize(&arguments);
	t->is_initialised = rv == CKR_OK;
	return result(rv == CKR_CRYPTOKI_ALREADY_INITIALIZED ? CKR_OK : rv, "C_Initialize", d);
}

status
pkcs11_token_open(struct pkcs11_token *t, const char *rest, struct diag *d)
{
	status s;

	*t = (struct pkcs11_token){ 0 };
	s = read_address(t, rest, d);
	if (s == OK) {
		s = load_module(t, d);
	}
	if (s == OK) {
		s = begin_session(t, d);
	}
	if (s != OK) {
		pkcs11_token_close(t);
	}
	return s;
}

void
pkcs11_token_close(struct pkcs11_token *t)
{
	if (t->f != NULL) {
		end_session(t);
		if (t->is_initialised) {
			(void)t->f->C_Finalize(NULL);
		}
	}
	if (t->library != NULL) {
		(void)dlclose(t->library);
	}
	*t = (struct pkcs11_token){ 0 };
}
