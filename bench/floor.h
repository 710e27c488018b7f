#pragma once
/* What nobody can go below: CPU time of one operation of libcrypto on P-256 with SHA-256, keys and contexts ready made. */

double floor_sign_seconds(void);
double floor_verify_seconds(void);
