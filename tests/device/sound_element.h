#pragma once
/* What every element must do, whatever is behind it. */
#include "device/element/element.h"

/* The slot's key signs, and is this point's. */
void assert_element_signs(struct element *e, unsigned slot, const uint8_t point[64]);
/* From none: keys in slots 2 and 3, each its own, found again; slot 2's made anew. */
void assert_element_makes_keys(struct element *e);
