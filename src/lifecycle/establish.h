#pragma once
/* A new home's first things: hierarchy, ledger key, maker, fleet, first operator. For `tenure init`, before any server runs. */
#include "lifecycle/authority.h"
#include "lifecycle/registry.h"

struct establish_request {
	char company[65];	      /* the maker's name, as people call it */
	char maker[NAME_MAX_LEN + 1]; /* owner's short name */
	char ledger_origin[256];
	enum phase phase;
	char fleet[NAME_MAX_LEN + 1]; /* "": none yet */
	char admin[NAME_MAX_LEN + 1]; /* first operator */
};

/*
 * Root "root-<phase>", issuing CA "issuing-<phase>", factory signer "factory-<phase>", manifest signer "manifest-<phase>", ledger
 * key "ledger", maker, fleet, operator. Can be run again after a crash: takes up what is there; a token is then given anew.
 */
MUST_USE status establish(struct session *s, const struct establish_request *r,
	char token[TOKEN_TEXT_MAX], struct diag *d);
