#pragma once
/*
 * A large fleet in the store at once: copies of a device that is there, each with an element, a birth certificate, and an operational
 * certificate in use. Written by SQL with the indexes built behind it, as the store's own way in takes minutes for a million.
 * Their ledger entries are left out.
 */
#include "stage.h"

/* The stage was made and seeded (crowd_seed, which leaves the device to copy), and does not run. */
void fill_store(const struct stage *s, size_t count);
