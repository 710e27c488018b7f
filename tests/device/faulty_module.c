#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include <p11-kit/pkcs11.h>

#include "softhsm.h"

struct faulty_plan faulty_plan;

static CK_FUNCTION_LIST *real;
static CK_FUNCTION_LIST ours;

static CK_RV
fault(enum faulty_call which)
{
	if (faulty_plan.calls[which].count == 0) {
		return CKR_OK;
	}
	faulty_plan.calls[which].seen++;
	if (faulty_plan.calls[which].after > 0) {
		faulty_plan.calls[which].after--;
		return CKR_OK;
	}
	faulty_plan.calls[which].count--;
	return faulty_plan.calls[which].rv;
}

static CK_RV
sign(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG len, CK_BYTE *out, CK_ULONG *out_len)
{
	CK_RV rv = fault(FAULTY_SIGN);

	rv = rv == CKR_OK ? real->C_Sign(session, data, len, out, out_len) : rv;
	if (rv == CKR_OK && faulty_plan.sign_is_short) {
		*out_len = 63;
	}
	return rv;
}

static CK_RV
generate(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_ATTRIBUTE *public,
	CK_ULONG public_count, CK_ATTRIBUTE *private, CK_ULONG private_count,
	CK_OBJECT_HANDLE *public_key, CK_OBJECT_HANDLE *private_key)
{
	CK_RV rv = real->C_GenerateKeyPair(session, mechanism, public, public_count, private,
		private_count, public_key, private_key);

	/* The worst moment: it was made, and nobody heard of it. */
	return rv == CKR_OK ? fault(FAULTY_GENERATE) : rv;
}

static CK_RV
find(CK_SESSION_HANDLE session, CK_ATTRIBUTE *template, CK_ULONG count)
{
	CK_RV rv = fault(FAULTY_FIND);

	return rv == CKR_OK ? real->C_FindObjectsInit(session, template, count) : rv;
}

static CK_RV
found(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *out, CK_ULONG room, CK_ULONG *count)
{
	CK_RV rv = real->C_FindObjects(session, out, room, count);

	if (faulty_plan.length_is_wild) {
		*count = 100000;
	}
	return rv;
}

static CK_RV
get(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *a, CK_ULONG count)
{
	CK_RV rv = fault(FAULTY_GET);

	rv = rv == CKR_OK ? real->C_GetAttributeValue(session, object, a, count) : rv;
	if (rv == CKR_OK && faulty_plan.length_is_wild) {
		a->ulValueLen = (CK_ULONG)-2;
	}
	if (rv == CKR_OK && faulty_plan.key_admits_all && a->type == CKA_NEVER_EXTRACTABLE) {
		*(CK_BBOOL *)a->pValue = CK_FALSE;
	}
	return rv;
}

static CK_RV
login(CK_SESSION_HANDLE session, CK_USER_TYPE who, CK_UTF8CHAR *pin, CK_ULONG len)
{
	CK_RV rv = fault(FAULTY_LOGIN);

	return rv == CKR_OK ? real->C_Login(session, who, pin, len) : rv;
}

static CK_RV
slots(CK_BBOOL with_token, CK_SLOT_ID *out, CK_ULONG *count)
{
	CK_RV rv = fault(FAULTY_SLOTS);

	return rv == CKR_OK ? real->C_GetSlotList(with_token, out, count) : rv;
}

static CK_RV
token_info(CK_SLOT_ID slot, CK_TOKEN_INFO *out)
{
	CK_RV rv = real->C_GetTokenInfo(slot, out);
	const char *model =
		faulty_plan.model != NULL ? faulty_plan.model : getenv("TENURE_TEST_TOKEN_MODEL");

	if (rv == CKR_OK && model != NULL) {
		memset(out->model, ' ', sizeof(out->model));
		memcpy(out->model, model, strlen(model));
	}
	return rv;
}

static CK_RV
destroy(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object)
{
	CK_RV rv = fault(FAULTY_DESTROY);

	return rv == CKR_OK ? real->C_DestroyObject(session, object) : rv;
}

CK_RV
C_GetFunctionList(CK_FUNCTION_LIST **out)
{
	static const char *const paths[] = { "/usr/lib/softhsm/libsofthsm2.so", "libsofthsm2.so" };
	CK_RV (*get_list)(CK_FUNCTION_LIST **) = NULL;
	void *module = NULL, *symbol;

	for (size_t i = 0; module == NULL && i < sizeof(paths) / sizeof(paths[0]); i++) {
		module = dlopen(paths[i], RTLD_NOW);
	}
	symbol = module != NULL ? dlsym(module, "C_GetFunctionList") : NULL;
	if (symbol == NULL) {
		return CKR_GENERAL_ERROR;
	}
	memcpy(&get_list, &symbol, sizeof(get_list));
	if (get_list(&real) != CKR_OK) {
		return CKR_GENERAL_ERROR;
	}
	ours = *real;
	ours.C_Sign = sign;
	ours.C_GenerateKeyPair = generate;
	ours.C_FindObjectsInit = find;
	ours.C_FindObjects = found;
	ours.C_GetAttributeValue = get;
	ours.C_Login = login;
	ours.C_GetSlotList = slots;
	ours.C_GetTokenInfo = token_info;
	ours.C_DestroyObject = destroy;
	*out = &ours;
	return CKR_OK;
}
