/* A slot's policy, read out of its SlotConfig and KeyConfig. */
#include <stdarg.h>
#include <stdio.h>

#include "element/part_profile.h"

uint16_t
part_slot_config(const uint8_t config[PART_CONFIG_LEN], unsigned slot)
{
	const uint8_t *at = config + 20 + 2 * slot;

	return (uint16_t)(at[0] | at[1] << 8);
}

uint16_t
part_key_config(const uint8_t config[PART_CONFIG_LEN], unsigned slot)
{
	const uint8_t *at = config + 96 + 2 * slot;

	return (uint16_t)(at[0] | at[1] << 8);
}

bool
part_slot_is_locked(const uint8_t config[PART_CONFIG_LEN], unsigned slot)
{
	return ((config[88] | config[89] << 8) >> slot & 1) == 0;
}

size_t
part_slot_size(unsigned slot)
{
	return slot < 8 ? 36 : slot == 8 ? 416 : 72;
}

/* Text that is cut where the room ends. */
struct words {
	char *out;
	size_t room, len;
};

__attribute__((format(printf, 2, 3))) static void
say(struct words *w, const char *format, ...)
{
	va_list arguments;
	int n;

	if (w->len + 1 >= w->room) {
		return;
	}
	va_start(arguments, format);
	n = vsnprintf(w->out + w->len, w->room - w->len, format, arguments);
	va_end(arguments);
	if (n > 0) {
		w->len += (size_t)n;
	}
}

static void
say_private(struct words *w, unsigned slot, uint16_t policy)
{
	say(w, "private P-256 key");
	say(w, "%s", (policy & 0x01) != 0 ? "; signs digests" : "");
	say(w, "%s", (policy & 0x02) != 0 ? "; signs messages of the chip's own" : "");
	if ((policy & 0x04) != 0 && (policy & 0x08) != 0) {
		say(w, "; ECDH, its result into slot %u", slot | 1);
	} else if ((policy & 0x04) != 0) {
		say(w, "; ECDH");
	}
	say(w, "%s", (policy & 0x2000) != 0 ? "; a new key may be made" : "; permanent");
	if ((policy & 0x4000) != 0) {
		say(w, "; may be replaced, encrypted under slot %u", policy >> 8 & 15);
	}
}

static void
say_read(struct words *w, uint16_t policy)
{
	bool is_secret = (policy & PART_SLOT_IS_SECRET) != 0,
	     is_encrypted = (policy & PART_SLOT_READ_ENCRYPTED) != 0;

	if (is_secret && is_encrypted) {
		say(w, "; read encrypted under slot %u", policy & 15);
	} else {
		say(w, is_secret || is_encrypted ? "; never read" : "; read in clear");
	}
}

static void
say_write(struct words *w, uint16_t policy)
{
	unsigned how = policy >> 12, key = policy >> 8 & 15;

	if (how == 0) {
		say(w, "; written in clear");
	} else if (how == 1) {
		say(w, "; written while its public key is not validated");
	} else if (how >= 4 && how < 8) {
		say(w, "; written encrypted under slot %u", key);
	} else {
		say(w, "; never written");
	}
	if ((how & 2) != 0) {
		say(w, "; derived from slot %u", key);
	}
}

static void
say_data(struct words *w, uint16_t policy, uint16_t key)
{
	static const char *const kinds[8] = {
		[PART_KEY_TYPE_P256] = "public P-256 key", [PART_KEY_TYPE_AES] = "AES key"
	};
	const char *kind = kinds[PART_KEY_TYPE(key)];

	say(w, "%s", kind != NULL ? kind : (policy & PART_SLOT_IS_SECRET) != 0 ? "secret" : "data");
	if (PART_KEY_TYPE(key) == PART_KEY_TYPE_P256 && (key & 2) != 0) {
		say(w, ", validated by slot %u", policy & 15);
	}
	say_read(w, policy);
	say_write(w, policy);
}

void
part_slot_words(const uint8_t config[PART_CONFIG_LEN], unsigned slot, char *out, size_t room)
{
	uint16_t policy = part_slot_config(config, slot), key = part_key_config(config, slot);
	struct words w = { out, room, 0 };

	if (room == 0) {
		return;
	}
	out[0] = '\0';
	if ((key & PART_KEY_IS_PRIVATE) != 0) {
		say_private(&w, slot, policy);
	} else {
		say_data(&w, policy, key);
	}
	say(&w, "%s", (policy & 0x20) != 0 ? "; limited use" : "");
	say(&w, "%s", (key & 0x40) != 0 ? "; wants a fresh nonce" : "");
	if ((key & 0x80) != 0) {
		say(&w, "; only after authorization by slot %u", key >> 8 & 15);
	}
	say(&w, "%s", (key & 0x1000) != 0 ? "; disabled until the latch is set" : "");
	if (part_slot_is_locked(config, slot)) {
		say(&w, "; locked");
	} else if ((key & PART_KEY_IS_LOCKABLE) != 0) {
		say(&w, "; lockable");
	}
}
