#include "base/buffer.h"
#include "fleet/machine.h"

/*
 * The one table: rows are events, columns are states, an absent cell refuses.
 * Names are cut short so that a row can be read: the columns' order is
 * enum device_state's.
 */
#define TO(state, effects)                      \
	{                                       \
		NEXT(DEVICE_##state), (effects) \
	}
#define STAYS(effects)                \
	{                             \
		NEXT_STAYS, (effects) \
	}
#define REVOKES EFFECT_REVOKE_OPERATIONAL
#define VOIDS EFFECT_VOID_OFFER

static const struct machine_cell cells[DEVICE_EVENT_COUNT][DEVICE_STATE_COUNT] = {
	[EVENT_ONBOARD] = { [DEVICE_MANUFACTURED] = TO(HELD, 0) },
	[EVENT_CLAIM] = {
		[DEVICE_HELD] = TO(AWAITING_DEVICE,
			EFFECT_OWNER_COMES | EFFECT_BURN_CLAIM_CODE | VOIDS),
	},
	/* A certificate is issued while the state stays; its first use makes the device ACTIVE. */
	[EVENT_PROVE] = {
		[DEVICE_AWAITING_DEVICE] = TO(ACTIVE, EFFECT_CONFIRM_PENDING),
	},
	[EVENT_ROTATE] = {
		[DEVICE_ACTIVE] = STAYS(EFFECT_CONFIRM_PENDING),
		[DEVICE_IN_TRANSFER] = STAYS(EFFECT_CONFIRM_PENDING),
	},
	[EVENT_REVOKE_OPERATIONAL] = {
		[DEVICE_ACTIVE] = TO(AWAITING_DEVICE, REVOKES),
		[DEVICE_SUSPENDED] = STAYS(REVOKES | VOIDS),
		[DEVICE_IN_TRANSFER] = TO(AWAITING_DEVICE, REVOKES | VOIDS),
	},
	[EVENT_REVOKE_BIRTH] = {
		[DEVICE_MANUFACTURED] = TO(SUSPENDED, EFFECT_DENY_BIRTH),
		[DEVICE_HELD] = TO(SUSPENDED, EFFECT_DENY_BIRTH | VOIDS),
		[DEVICE_AWAITING_DEVICE] = TO(SUSPENDED, EFFECT_DENY_BIRTH | REVOKES),
		[DEVICE_ACTIVE] = TO(SUSPENDED, EFFECT_DENY_BIRTH | EFFECT_DENY_OPERATIONAL),
		[DEVICE_SUSPENDED] = STAYS(EFFECT_DENY_BIRTH | VOIDS),
		[DEVICE_IN_TRANSFER] = TO(SUSPENDED,
			EFFECT_DENY_BIRTH | EFFECT_DENY_OPERATIONAL | VOIDS),
		[DEVICE_RETURNED] = STAYS(EFFECT_DENY_BIRTH),
	},
	[EVENT_SUSPEND] = {
		[DEVICE_MANUFACTURED] = TO(SUSPENDED, 0),
		[DEVICE_HELD] = TO(SUSPENDED, 0),
		[DEVICE_AWAITING_DEVICE] = TO(SUSPENDED, EFFECT_DENY_OPERATIONAL),
		[DEVICE_ACTIVE] = TO(SUSPENDED, EFFECT_DENY_OPERATIONAL),
		[DEVICE_SUSPENDED] = STAYS(0),
		[DEVICE_IN_TRANSFER] = TO(SUSPENDED, EFFECT_DENY_OPERATIONAL),
	},
	[EVENT_RESUME] = { [DEVICE_SUSPENDED] = { NEXT_BACK, EFFECT_RESTORE } },
	[EVENT_OFFER] = {
		[DEVICE_HELD] = STAYS(EFFECT_OPEN_OFFER),
		[DEVICE_ACTIVE] = TO(IN_TRANSFER, EFFECT_OPEN_OFFER),
	},
	/* An offer lives on through a suspension and on the shelf: there it can end too. */
	[EVENT_CANCEL] = {
		[DEVICE_HELD] = STAYS(EFFECT_END_OFFER),
		[DEVICE_SUSPENDED] = STAYS(EFFECT_END_OFFER),
		[DEVICE_IN_TRANSFER] = TO(ACTIVE, EFFECT_END_OFFER),
	},
	[EVENT_DECLINE] = {
		[DEVICE_HELD] = STAYS(EFFECT_END_OFFER),
		[DEVICE_SUSPENDED] = STAYS(EFFECT_END_OFFER),
		[DEVICE_IN_TRANSFER] = TO(ACTIVE, EFFECT_END_OFFER),
	},
	[EVENT_TIME_OUT] = {
		[DEVICE_HELD] = STAYS(EFFECT_END_OFFER),
		[DEVICE_SUSPENDED] = STAYS(EFFECT_END_OFFER),
		[DEVICE_IN_TRANSFER] = TO(ACTIVE, EFFECT_END_OFFER),
	},
	[EVENT_ACCEPT] = {
		[DEVICE_HELD] = STAYS(EFFECT_TAKE_OFFER | EFFECT_OWNER_COMES),
		[DEVICE_IN_TRANSFER] = TO(AWAITING_DEVICE,
			EFFECT_TAKE_OFFER | EFFECT_OWNER_COMES | REVOKES),
	},
	/* On the shelf again, it needs a code for whoever takes it next. */
	[EVENT_RELEASE] = {
		[DEVICE_AWAITING_DEVICE] = TO(HELD,
			REVOKES | EFFECT_OWNER_IS_MAKER | EFFECT_NEW_CLAIM_CODE),
		[DEVICE_ACTIVE] = TO(HELD, REVOKES | EFFECT_OWNER_IS_MAKER | EFFECT_NEW_CLAIM_CODE),
	},
	[EVENT_HOLD] = { [DEVICE_ACTIVE] = TO(HELD, REVOKES | EFFECT_NEW_CLAIM_CODE) },
	[EVENT_RETURN] = {
		[DEVICE_HELD] = TO(RETURNED, EFFECT_OPEN_CASE | EFFECT_BURN_CLAIM_CODE | VOIDS),
		[DEVICE_AWAITING_DEVICE] = TO(RETURNED, EFFECT_OPEN_CASE | REVOKES),
		[DEVICE_ACTIVE] = TO(RETURNED, EFFECT_OPEN_CASE | REVOKES),
		[DEVICE_SUSPENDED] = TO(RETURNED,
			EFFECT_OPEN_CASE | REVOKES | VOIDS | EFFECT_BURN_CLAIM_CODE),
		[DEVICE_IN_TRANSFER] = TO(RETURNED, EFFECT_OPEN_CASE | REVOKES | VOIDS),
	},
	[EVENT_REFURBISH] = {
		[DEVICE_RETURNED] = TO(HELD,
			EFFECT_CLOSE_CASE | EFFECT_OWNER_IS_MAKER | EFFECT_NEW_CLAIM_CODE),
	},
	[EVENT_REPLACE] = {
		[DEVICE_HELD] = STAYS(EFFECT_SWAP_ELEMENT | EFFECT_DENY_BIRTH),
		[DEVICE_AWAITING_DEVICE] = STAYS(EFFECT_SWAP_ELEMENT | EFFECT_DENY_BIRTH | REVOKES),
		[DEVICE_ACTIVE] = TO(AWAITING_DEVICE,
			EFFECT_SWAP_ELEMENT | EFFECT_DENY_BIRTH | REVOKES),
		[DEVICE_SUSPENDED] = { NEXT_BACK_NEW_KEY,
			EFFECT_SWAP_ELEMENT | EFFECT_DENY_BIRTH | REVOKES | VOIDS },
		[DEVICE_IN_TRANSFER] = TO(AWAITING_DEVICE,
			EFFECT_SWAP_ELEMENT | EFFECT_DENY_BIRTH | REVOKES | VOIDS),
		[DEVICE_RETURNED] = STAYS(EFFECT_SWAP_ELEMENT | EFFECT_DENY_BIRTH),
	},
#define ENDS (REVOKES | VOIDS | EFFECT_DENY_BIRTH | EFFECT_BURN_CLAIM_CODE)
	[EVENT_RETIRE] = {
		[DEVICE_MANUFACTURED] = TO(RETIRED, ENDS),
		[DEVICE_HELD] = TO(RETIRED, ENDS),
		[DEVICE_AWAITING_DEVICE] = TO(RETIRED, ENDS),
		[DEVICE_ACTIVE] = TO(RETIRED, ENDS),
		[DEVICE_SUSPENDED] = TO(RETIRED, ENDS),
		[DEVICE_IN_TRANSFER] = TO(RETIRED, ENDS),
		[DEVICE_RETURNED] = TO(RETIRED, ENDS | EFFECT_CLOSE_CASE),
	},
#define ANYWHERE                                                                 \
	{                                                                        \
		[DEVICE_MANUFACTURED] = STAYS(0), [DEVICE_HELD] = STAYS(0),      \
		[DEVICE_AWAITING_DEVICE] = STAYS(0), [DEVICE_ACTIVE] = STAYS(0), \
		[DEVICE_SUSPENDED] = STAYS(0), [DEVICE_IN_TRANSFER] = STAYS(0),  \
		[DEVICE_RETURNED] = STAYS(0)                                     \
	}
	[EVENT_MARK] = ANYWHERE,
	[EVENT_UNMARK] = ANYWHERE,
};

static const unsigned roles[DEVICE_EVENT_COUNT] = {
	[EVENT_ONBOARD] = ROLE_MAKER,
	[EVENT_CLAIM] = ROLE_COMING_OWNER,
	[EVENT_PROVE] = ROLE_DEVICE,
	[EVENT_ROTATE] = ROLE_MAKER | ROLE_OWNER | ROLE_WATCH | ROLE_DEVICE,
	[EVENT_REVOKE_OPERATIONAL] = ROLE_MAKER | ROLE_OWNER | ROLE_WATCH,
	[EVENT_REVOKE_BIRTH] = ROLE_MAKER,
	[EVENT_SUSPEND] = ROLE_MAKER | ROLE_OWNER | ROLE_WATCH,
	[EVENT_RESUME] = ROLE_MAKER | ROLE_OWNER | ROLE_WATCH,
	[EVENT_OFFER] = ROLE_OWNER,
	[EVENT_CANCEL] = ROLE_OWNER,
	[EVENT_DECLINE] = ROLE_COMING_OWNER,
	[EVENT_TIME_OUT] = ROLE_WATCH,
	[EVENT_ACCEPT] = ROLE_COMING_OWNER,
	[EVENT_RELEASE] = ROLE_OWNER,
	[EVENT_HOLD] = ROLE_MAKER,
	[EVENT_RETURN] = ROLE_SUPPORT,
	[EVENT_REFURBISH] = ROLE_SUPPORT,
	[EVENT_REPLACE] = ROLE_SUPPORT | ROLE_MAKER,
	[EVENT_RETIRE] = ROLE_MAKER | ROLE_OWNER,
	[EVENT_MARK] = ROLE_MAKER | ROLE_OWNER | ROLE_SUPPORT,
	[EVENT_UNMARK] = ROLE_MAKER,
};

struct machine_cell
machine_cell(enum device_event e, enum device_state s)
{
	return cells[e][s];
}

unsigned
machine_roles(enum device_event e)
{
	return roles[e];
}

/* --- the same table for people and for the model --- */

static void
print_cell(struct buffer *out, struct machine_cell c)
{
	if (c.next == NEXT_REFUSED) {
		buffer_put_text(out, " |");
		return;
	}
	if (c.next == NEXT_STAYS) {
		buffer_put_text(out, " stays");
	} else if (c.next == NEXT_BACK) {
		buffer_put_text(out,
			" where it came from; expired identity: AWAITING_DEVICE; birth key "
			"revoked: refused");
	} else if (c.next == NEXT_BACK_NEW_KEY) {
		buffer_put_text(out, " where it came from, in use: AWAITING_DEVICE");
	} else {
		buffer_printf(
			out, " %s", device_state_name((enum device_state)(c.next - NEXT_STATE)));
	}
	if ((c.effects & EFFECT_VOID_OFFER) != 0) {
		buffer_put_text(out, ", offer void");
	}
	if ((c.effects & EFFECT_NEW_CLAIM_CODE) != 0) {
		buffer_put_text(out, ", new claim code");
	}
	buffer_put_text(out, " |");
}

static void
print_roles(struct buffer *out, unsigned bits)
{
	static const char letters[] = "MOBSWD";
	bool is_first = true;

	for (unsigned i = 0; i < 6; i++) {
		if ((bits & 1u << i) != 0) {
			buffer_printf(out, "%s%c", is_first ? "" : ", ", letters[i]);
			is_first = false;
		}
	}
}

void
machine_print_markdown(struct buffer *out)
{
	buffer_put_text(out, "| event (who) |");
	for (unsigned s = 0; s < DEVICE_RETIRED; s++) {
		buffer_printf(out, " %s |", device_state_name((enum device_state)s));
	}
	buffer_put_text(out, "\n|");
	for (unsigned s = 0; s <= DEVICE_RETIRED; s++) {
		buffer_put_text(out, " --- |");
	}
	buffer_put_byte(out, '\n');
	for (unsigned e = 0; e < DEVICE_EVENT_COUNT; e++) {
		buffer_printf(out, "| %s (", device_event_name((enum device_event)e));
		print_roles(out, roles[e]);
		buffer_put_text(out, ") |");
		for (unsigned s = 0; s < DEVICE_RETIRED; s++) {
			print_cell(out, cells[e][s]);
		}
		buffer_put_byte(out, '\n');
	}
}

static void
print_define(struct buffer *out, const char *prefix, const char *name, unsigned value)
{
	buffer_printf(out, "#define %s", prefix);
	for (; *name != '\0'; name++) {
		char c = *name;

		buffer_put_byte(out, (uint8_t)(c == '-' ? '_' : c >= 'a' && c <= 'z' ? c - 32 : c));
	}
	buffer_printf(out, " %u\n", value);
}

void
machine_print_promela(struct buffer *out)
{
	buffer_put_text(out,
		"/* Printed from src/fleet/machine_table.c; a test holds it against that. */\n");
	for (unsigned s = 0; s < DEVICE_STATE_COUNT; s++) {
		print_define(out, "", device_state_name((enum device_state)s), s);
	}
	for (unsigned e = 0; e < DEVICE_EVENT_COUNT; e++) {
		print_define(out, "E_", device_event_name((enum device_event)e), e);
	}
	buffer_put_text(out,
		"#define REFUSED 100\n#define STAYS 101\n#define BACK 102\n"
		"#define BACK_NEW_KEY 103\n"
		"#define REVOKES 1\n#define DENIES 2\n#define VOIDS 16\n"
		"#define CONFIRMS 4096\n#define OWNER_COMES 256\n"
		"inline look_up(event, state, next, effects)\n{\n\tnext = REFUSED; effects = "
		"0;\n\tif\n");
	for (unsigned e = 0; e < DEVICE_EVENT_COUNT; e++) {
		for (unsigned s = 0; s < DEVICE_STATE_COUNT; s++) {
			struct machine_cell c = cells[e][s];
			unsigned next = c.next < NEXT_STATE ? 100 + c.next : c.next - NEXT_STATE;

			if (c.next != NEXT_REFUSED) {
				buffer_printf(out,
					"\t:: event == %u && state == %u -> next = %u; effects = "
					"%u\n",
					e, s, next, c.effects);
			}
		}
	}
	buffer_put_text(out, "\t:: else -> skip\n\tfi\n}\n");
}
