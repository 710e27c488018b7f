#pragma once
/* What an ATECC608 can beyond element.h, for the bench: its configuration and the driver itself. */
#include "device/element/atecc608.h"
#include "device/element/element.h"
#include "element/part_profile.h"

/* Its driver, or NULL where the element is of another kind. Between atecc608_begin and atecc608_end the bus is held. */
struct atecc608 *element_atecc608_driver(struct element *e);
/* The configuration zone as it is now. Statuses of element.h's operations. */
MUST_USE status element_atecc608_config(
	struct element *e, uint8_t out[ATECC608_CONFIG_LEN], struct diag *d);
/* The built-in profile whose policies these are, or NULL. */
const struct part_profile *element_atecc608_profile(const uint8_t config[ATECC608_CONFIG_LEN]);
/* The factory's: the birth certificate (PEM, leaf first, with its issuers) into the part; see atecc608_birth.h. */
MUST_USE status element_atecc608_store_birth(struct element *e, span pem, struct diag *d);
/* A driver's status as ours, with the part's words: "slot 3: the part's policy or a lock forbids it". `what` may be "". */
status element_atecc608_fail(
	struct element *e, enum atecc608_status s, const char *what, struct diag *d);
/* The serial numbers of every part behind a virtual element's socket, 9 bytes each; free *out. UNAVAILABLE, LIMIT. */
MUST_USE status element_atecc608_list(
	const char *socket, uint8_t (**out)[ATECC608_SERIAL_LEN], size_t *count, struct diag *d);
