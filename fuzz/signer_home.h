#pragma once
/* A signer's keys in a temporary folder, made once a process: root, ca, factory, ca.ocsp, manifest, ledger. */
#include "signer/issue.h"

#define FUZZ_TIME_S INT64_C(1795435200)

/* Ends the process where the keys cannot be made. */
struct issuer *signer_home(void);
