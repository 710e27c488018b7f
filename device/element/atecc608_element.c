#include "device/element/atecc608_element.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "device/element/atecc608_birth.h"
#include "device/posix/buses.h"
#include "element/evidence.h"
#include "pki/key.h"

#define DEFAULT_ADDRESS 0x6C
#define SLOT_ATTESTING 1
#define SLOT_OPERATIONAL 2
#define SLOT_OPERATIONAL_LAST 4
#define SLOT_SIGNS_INTERNAL 0x02
#define SLOT_MAKES_KEYS 0x2000 /* GenKey after the data zone was locked */

struct part_element {
	struct element element; /* first: it is what the caller holds */
	struct atecc608 driver;
	struct posix_bus bus;
	char folder[PATH_MAX];
	char where[sizeof(((struct element_info *)NULL)->where)];
};

static struct part_element *
self(struct element *e)
{
	return (struct part_element *)e;
}

static status
kind_of(enum atecc608_status s)
{
	switch (s) {
	case ATECC608_OK:
		return OK;
	case ATECC608_REFUSED:
		return DENIED;
	case ATECC608_OTHER_PART:
		return CONFLICT;
	case ATECC608_BAD_CALL:
	case ATECC608_PARSE:
		return BAD_INPUT;
	case ATECC608_MISCOMPARE:
	case ATECC608_ECC_FAULT:
	case ATECC608_SELF_TEST:
	case ATECC608_HEALTH_TEST:
	case ATECC608_OTHER_WORD:
		return CRYPTO;
	default:
		return UNAVAILABLE;
	}
}

status
element_atecc608_fail(struct element *e, enum atecc608_status s, const char *what, struct diag *d)
{
	const struct part_element *p = self(e);

	if (s == ATECC608_OK) {
		return OK;
	}
	if (s == ATECC608_BUS && p->bus.fault[0] != '\0') {
		return diag_set(d, UNAVAILABLE, NULL, "%s", p->bus.fault);
	}
	return diag_set(d, kind_of(s), NULL, "%s: %s%s%s", p->where, what,
		what[0] != '\0' ? ": " : "", atecc608_status_text(s));
}

static status
begin(struct element *e, struct diag *d)
{
	return element_atecc608_fail(e, atecc608_begin(&self(e)->driver), "", d);
}

static status
check_slot(unsigned slot, struct diag *d)
{
	return slot < ATECC608_SLOTS
		       ? OK
		       : diag_set(d, BAD_INPUT, NULL, "the part has slots 0 to 15, not %u", slot);
}

static status
begin_slot(struct element *e, unsigned slot, struct diag *d)
{
	status s = check_slot(slot, d);

	return s == OK ? begin(e, d) : s;
}

/* What was begun for a slot ends, and this came of it. */
static status
end_slot(struct element *e, enum atecc608_status s, unsigned slot, struct diag *d)
{
	char what[24];

	atecc608_end(&self(e)->driver);
	snprintf(what, sizeof(what), "slot %u", slot);
	return element_atecc608_fail(e, s, what, d);
}

/* It ends before the part was asked: for a reason that was found already. */
static status
end_refused(struct element *e, status s)
{
	atecc608_end(&self(e)->driver);
	return s;
}

static status
end_without_key(struct element *e, unsigned slot, struct diag *d)
{
	atecc608_end(&self(e)->driver);
	return diag_set(d, NOT_FOUND, NULL, "slot %u holds no private key", slot);
}

static status
part_serial_text(struct element *e, char out[ELEMENT_SERIAL_MAX + 1], struct diag *d)
{
	(void)d;
	hex_encode(out, SPAN_ARRAY(self(e)->driver.serial));
	return OK;
}

static status
part_point(struct element *e, unsigned slot, uint8_t out[64], struct diag *d)
{
	enum atecc608_status chip;
	status s = begin_slot(e, slot, d);

	if (s != OK) {
		return s;
	}
	chip = atecc608_public_key(&self(e)->driver, slot, out);
	return chip == ATECC608_REFUSED ? end_without_key(e, slot, d) : end_slot(e, chip, slot, d);
}

static status
begin_making(struct element *e, unsigned slot, struct diag *d)
{
	if (slot == 0) {
		return diag_set(d, DENIED, NULL, "the birth key is made once, by the factory");
	}
	return begin_slot(e, slot, d);
}

static status
part_generate(struct element *e, unsigned slot, uint8_t out[64], struct diag *d)
{
	status s = begin_making(e, slot, d);

	return s == OK ? end_slot(e, atecc608_gen_key(&self(e)->driver, slot, out), slot, d) : s;
}

static status
part_attest(struct element *e, unsigned slot, span challenge, uint8_t out[64],
	struct buffer *evidence, struct diag *d)
{
	struct evidence proof = { .kind = EVIDENCE_ATECC608, .challenge = challenge };
	struct atecc608_attestation a;
	uint8_t num_in[NUM_IN_LEN];
	status s = begin_making(e, slot, d);

	if (s == OK) {
		evidence_num_in(challenge, num_in);
		s = end_slot(e, atecc608_attest(&self(e)->driver, slot, num_in, &a), slot, d);
	}
	if (s != OK) {
		return s;
	}
	memcpy(out, a.point, sizeof(a.point));
	proof.atecc608.slot = slot;
	memcpy(proof.atecc608.random, a.random, sizeof(a.random));
	memcpy(proof.atecc608.signature, a.signature, sizeof(a.signature));
	return evidence_write(&proof, evidence, d);
}

static status
part_sign(
	struct element *e, unsigned slot, const uint8_t digest[32], uint8_t out[64], struct diag *d)
{
	uint8_t point[64];
	enum atecc608_status chip;
	status s = begin_slot(e, slot, d);

	if (s != OK) {
		return s;
	}
	chip = atecc608_sign(&self(e)->driver, slot, digest, out);
	/* Refused: is there no key, or may it not sign? */
	if (chip == ATECC608_REFUSED &&
		atecc608_public_key(&self(e)->driver, slot, point) == ATECC608_REFUSED) {
		return end_without_key(e, slot, d);
	}
	return end_slot(e, chip, slot, d);
}

static status
part_birth(struct element *e, struct buffer *pem, struct diag *d)
{
	const struct birth_place p = { &self(e)->driver, self(e)->folder };

	return birth_read(&p, pem, d);
}

status
element_atecc608_store_birth(struct element *e, span pem, struct diag *d)
{
	const struct birth_place p = { &self(e)->driver, self(e)->folder };

	return birth_write(&p, pem, d);
}

static status
part_counter(struct element *e, unsigned which, bool is_step, uint32_t *value, struct diag *d)
{
	enum atecc608_status chip;
	status s =
		which < 2 ? begin(e, d) : diag_set(d, BAD_INPUT, NULL, "the counters are 0 and 1");

	if (s != OK) {
		return s;
	}
	chip = atecc608_counter(&self(e)->driver, which, is_step, value);
	atecc608_end(&self(e)->driver);
	if (chip == ATECC608_REFUSED) {
		return diag_set(d, LIMIT, NULL, "counter %u is at its end, %d", which,
			ATECC608_COUNTER_MAX);
	}
	return element_atecc608_fail(e, chip, "counter", d);
}

/* What its policy says is clearer than its refusal. */
static status
may_lock(const uint8_t config[ATECC608_CONFIG_LEN], unsigned slot, struct diag *d)
{
	if (part_slot_is_locked(config, slot)) {
		return diag_set(d, EXISTS, NULL, "slot %u is locked already", slot);
	}
	if ((part_key_config(config, slot) & PART_KEY_IS_LOCKABLE) == 0) {
		return diag_set(d, DENIED, NULL,
			"slot %u cannot be locked: its KeyConfig does not have the bit", slot);
	}
	return OK;
}

static status
part_lock(struct element *e, unsigned slot, struct diag *d)
{
	uint8_t config[ATECC608_CONFIG_LEN];
	enum atecc608_status chip;
	status s = begin_slot(e, slot, d);

	if (s != OK) {
		return s;
	}
	chip = atecc608_config(&self(e)->driver, config);
	if (chip == ATECC608_OK) {
		s = may_lock(config, slot, d);
	}
	if (chip == ATECC608_OK && s == OK) {
		chip = atecc608_lock_slot(&self(e)->driver, slot);
	}
	return s == OK ? end_slot(e, chip, slot, d) : end_refused(e, s);
}

static status
part_closed(struct element *e, unsigned *mask, struct diag *d)
{
	uint8_t config[ATECC608_CONFIG_LEN];
	status s = element_atecc608_config(e, config, d);

	*mask = 0;
	for (unsigned slot = SLOT_OPERATIONAL; s == OK && slot <= SLOT_OPERATIONAL_LAST; slot++) {
		bool is_open = (part_key_config(config, slot) & PART_KEY_IS_PRIVATE) != 0 &&
			       (part_slot_config(config, slot) & SLOT_MAKES_KEYS) != 0 &&
			       !part_slot_is_locked(config, slot);

		*mask |= is_open ? 0 : 1u << slot;
	}
	return s;
}

/* RevNum's last two bytes (secure element's Info). */
static const char *
model_of(const uint8_t revision[4])
{
	if (revision[2] != 0x60) {
		return "ATECC608";
	}
	return revision[3] <= 2 ? "ATECC608A" : revision[3] == 3 ? "ATECC608B" : "ATECC608C";
}

static status
part_info(struct element *e, struct element_info *out, struct diag *d)
{
	const struct part_profile *profile;
	uint8_t config[ATECC608_CONFIG_LEN];
	status s = element_atecc608_config(e, config, d);

	if (s != OK) {
		return s;
	}
	*out = (struct element_info){ 0 };
	profile = element_atecc608_profile(config);
	snprintf(out->model, sizeof(out->model), "%s", model_of(config + 4));
	hex_encode(out->revision, span_of(config + 4, 4));
	snprintf(out->profile, sizeof(out->profile), "%s", profile != NULL ? profile->name : "");
	snprintf(out->where, sizeof(out->where), "%s", self(e)->where);
	return OK;
}

static void
part_close(struct element *e)
{
	atecc608_end(&self(e)->driver);
	bus_close(&self(e)->bus);
	free(self(e));
}

#define COMMON_OPERATIONS                                                                     \
	.kind = "atecc608", .serial = part_serial_text, .point = part_point,                  \
	.generate = part_generate, .sign = part_sign, .birth = part_birth,                    \
	.counter = part_counter, .lock = part_lock, .closed = part_closed, .info = part_info, \
	.close = part_close

static const struct element_operations attesting = { COMMON_OPERATIONS, .attestation = "attested",
	.attest = part_attest };
/* A part whose slot 1 is for something else: nothing proves its keys. */
static const struct element_operations plain = { COMMON_OPERATIONS, .attestation = "none" };

struct atecc608 *
element_atecc608_driver(struct element *e)
{
	return e->operations == &attesting || e->operations == &plain ? &self(e)->driver : NULL;
}

status
element_atecc608_config(struct element *e, uint8_t out[ATECC608_CONFIG_LEN], struct diag *d)
{
	enum atecc608_status chip;
	status s = begin(e, d);

	if (s != OK) {
		return s;
	}
	chip = atecc608_config(&self(e)->driver, out);
	atecc608_end(&self(e)->driver);
	return element_atecc608_fail(e, chip, "configuration", d);
}

/* What makes a profile: the slots' policies and the address that it was shipped with. */
const struct part_profile *
element_atecc608_profile(const uint8_t config[ATECC608_CONFIG_LEN])
{
	const struct part_profile *found = NULL;

	for (size_t i = 0; i < part_profile_count(); i++) {
		const struct part_profile *p = part_profile_at(i);

		if (memcmp(p->config + 20, config + 20, 32) == 0 &&
			memcmp(p->config + 96, config + 96, 32) == 0 &&
			p->config[16] == config[16] &&
			(found == NULL || memcmp(p->revision, config + 4, 4) == 0)) {
			found = p;
		}
	}
	return found;
}

status
element_atecc608_list(
	const char *socket, uint8_t (**out)[ATECC608_SERIAL_LEN], size_t *count, struct diag *d)
{
	return bus_socket_list(socket, out, count, d);
}

/* --- opening ------------------------------------------------------------------ */

static status
bad_address(const char *rest, struct diag *d)
{
	return diag_set(d, BAD_INPUT, NULL,
		"atecc608:%.80s is no address; it is atecc608:/dev/i2c-N[@ADDRESS] or "
		"atecc608:unix:SOCKET[#SERIAL][@ADDRESS], ADDRESS in 8-bit form, two hex digits",
		rest);
}

/* Takes "@6c" off the end. 0: none was given. */
static status
take_address(char *text, uint8_t *out)
{
	char *at = strrchr(text, '@');

	*out = 0;
	if (at == NULL) {
		return OK;
	}
	*at = '\0';
	/* The lowest bit says read or write on the wire; addresses below 10 and above EF are the bus's own. */
	return hex_decode(span_text(at + 1), out, 1) == OK && (*out & 1) == 0 && *out >= 0x10 &&
			       *out < 0xF0
		       ? OK
		       : BAD_INPUT;
}

/* A virtual part was made after a profile, or has moved from its address: whoever is there is the one. */
static uint8_t
find_address(const struct bus *bus)
{
	uint8_t frame[4], sleep = 0x01, found = 0;

	if (bus->begin(bus->context) != BUS_OK) {
		return DEFAULT_ADDRESS; /* the first use says why */
	}
	for (unsigned i = 0; i <= 0x70 && found == 0; i++) {
		/* Most have the address that TrustFLEX parts are shipped with. */
		unsigned address = i == 0 ? DEFAULT_ADDRESS : 0x0E + 2 * i;

		if (bus->wake(bus->context) == BUS_OK &&
			bus->read(bus->context, (uint8_t)address, frame, sizeof(frame)) == BUS_OK) {
			found = (uint8_t)address;
			(void)bus->write(bus->context, found, &sleep, 1);
		}
	}
	bus->end(bus->context);
	return found != 0 ? found : DEFAULT_ADDRESS;
}

static void
take_sha256(const uint8_t *bytes, size_t len, uint8_t out[32])
{
	sha256(span_of(bytes, len), out);
}

/* "/dev/i2c-1" or "unix:PATH[#SERIAL]". */
static status
open_bus(struct part_element *p, char *text, struct diag *d)
{
	uint8_t serial[ATECC608_SERIAL_LEN];
	char *mark;

	if (strncmp(text, "unix:", 5) != 0) {
		return bus_i2c_open(&p->bus, text, d);
	}
	mark = strrchr(text, '#');
	if (mark != NULL) {
		*mark = '\0';
	}
	if (mark != NULL && hex_decode(span_text(mark + 1), serial, sizeof(serial)) != OK) {
		return diag_set(d, BAD_INPUT, NULL,
			"a part's serial number has 18 hex digits, not \"%.40s\"", mark + 1);
	}
	return bus_socket_init(&p->bus, text + 5, mark != NULL ? serial : NULL, d);
}

static status
meet(struct part_element *p, struct diag *d)
{
	uint8_t config[ATECC608_CONFIG_LEN];
	status s = element_atecc608_config(&p->element, config, d);

	if (s == OK && (part_key_config(config, SLOT_ATTESTING) & PART_KEY_IS_PRIVATE) != 0 &&
		(part_slot_config(config, SLOT_ATTESTING) & 3) == SLOT_SIGNS_INTERNAL) {
		p->element.operations = &attesting;
	}
	return s;
}

static status
open_part(struct part_element *p, const char *rest, struct diag *d)
{
	char text[sizeof(p->where)];
	uint8_t address;
	status s;

	if (strlen(rest) >= sizeof(text) || (strncmp(rest, "unix:", 5) != 0 && rest[0] != '/')) {
		return bad_address(rest, d);
	}
	memcpy(text, rest, strlen(rest) + 1);
	if (take_address(text, &address) != OK) {
		return bad_address(rest, d);
	}
	s = open_bus(p, text, d);
	if (s != OK) {
		return s;
	}
	if (address == 0) {
		address = strncmp(rest, "unix:", 5) == 0 ? find_address(&p->bus.bus)
							 : DEFAULT_ADDRESS;
	}
	atecc608_init(&p->driver, &p->bus.bus, address);
	p->driver.sha256 = take_sha256;
	snprintf(p->where, sizeof(p->where), "%.200s at %02x", p->bus.path, address);
	return meet(p, d);
}

status
element_atecc608_open(const char *rest, const char *folder, struct element **out, struct diag *d)
{
	struct part_element *p = calloc(1, sizeof(*p));
	status s = OK;

	if (p == NULL) {
		return diag_set(d, NO_MEMORY, NULL, "no memory for an element");
	}
	p->bus.fd = -1;
	p->element.operations = &plain;
	if (strlen(folder) >= sizeof(p->folder)) {
		s = diag_set(d, LIMIT, NULL, "path too long: %.80s...", folder);
	} else {
		memcpy(p->folder, folder, strlen(folder) + 1);
		s = open_part(p, rest, d);
	}
	if (s != OK) {
		bus_close(&p->bus);
		free(p);
		return s;
	}
	*out = &p->element;
	return OK;
}
