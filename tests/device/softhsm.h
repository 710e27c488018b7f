#pragma once
/*
 * SoftHSM2 behind a module of our own that fails when it is told to: what a token that is pulled out, a module with
 * faults or another maker's part would do.
 */
#include "support.h"

#define SOFTHSM_PIN "4711-pin"

struct softhsm {
	char *folder;
	char address[600]; /* after "pkcs11:" */
	char pin_file[200];
};

/* Whether it is installed. */
bool softhsm_is_there(void);
/* A new token "tenure", by the module whose path TENURE_TEST_MODULE holds. Sets SOFTHSM2_CONF. */
void softhsm_start(struct softhsm *h);
void softhsm_end(struct softhsm *h);

/* What the module does with the calls to come (faulty_module.c); found in it by dlsym. */
enum faulty_call {
	FAULTY_SIGN,
	FAULTY_GENERATE,
	FAULTY_FIND,
	FAULTY_GET,
	FAULTY_LOGIN,
	FAULTY_SLOTS,
	FAULTY_DESTROY,
	FAULTY_CALLS
};
struct faulty_plan {
	struct {
		unsigned long rv; /* instead of what it would do; 0: nothing is wrong */
		unsigned count;	  /* so often */
		unsigned after;	  /* after so many that go well */
		unsigned seen;
	} calls[FAULTY_CALLS];
	bool sign_is_short, length_is_wild, key_admits_all;
	const char *model; /* NULL: SoftHSM's own */
};
