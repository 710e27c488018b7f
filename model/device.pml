/*
 * One device, its owners, the server with its store, and everything that can go wrong between
 * them, for Spin. `make model` runs it; model/run says how. The promises are those of
 * docs/lifecycle.md; PROMISE names the one that a run checks.
 *
 * What stands here is the code's: table.pml is printed from src/fleet/machine_table.c, words.pml
 * (made by model/run) holds machine.h's effects and machine_table.c's roles, judge_request and
 * apply are src/fleet/machine.c line by line, JUDGE and JUDGE_BIRTH are identity_judge,
 * end_certificates, confirm and issue are those of src/lifecycle/effect.c, what device() does is what
 * device/core/plan.c decides.
 *
 *   people ----- decisions ---->  server:  judged on a snapshot -> (signed) -> committed -> answered
 *   device -- enrols, first use ->         |                                  |
 *          <-- answer, or lost ---         one request taken apart            one durable step:
 *                                          into these steps                   d, status[], ledger
 *
 * - The store's transaction is one step (tests/store holds SQLite to that). A request that was
 *   judged on a snapshot which has changed since is refused at commit (store.h, invariant 1).
 * - One request at a time (`r`) is taken apart into its steps. Requests that others make between
 *   those steps are whole. More at a time would show nothing new: a stale one is refused.
 * - The server's death forgets `r` wherever it stands; nothing else of it is in memory. An answer
 *   can be lost at any time. The device's death forgets what it had not made durable.
 * - Three keys stand for any number. A dead certificate whose key nobody has, and which opens
 *   nothing by its status alone, is forgotten, and its number used again.
 * - Customers look alike: what matters is that each change of owner, to the maker or to a customer,
 *   marks every certificate of before as `earlier`.
 * - Once `quiet`, troubles end, a helpful operator does what the state asks for, and the device
 *   tries again. That it is then in use after finitely many steps is "a way back in".
 * - Marks only refuse: they can break no promise but the first. The watch's rank lies between the two here.
 *
 * Left out: enforcement points and clouds (their receipts are tested), grants and claim codes,
 * dates other than "the current certificate is over its time", certificates issued ahead.
 * What happens to the ledger after the commit is in ledger.pml.
 *
 * MUTANT names a rule that is broken on purpose: Spin must find each, or the checks are worth
 * nothing.
 */
#include "table.pml"
#include "words.pml"

#ifndef MUTANT
#define MUTANT 0
#endif
#define SUPERSEDES_AT_ISSUE 11
#define FORGETS_THE_LAST_GOOD_KEY 12
#define DEVICE_DROPS_A_SUSPENDED_KEY 13
#define BIRTH_OPENS_ONLY_AWAITING 14
#define REFURBISHES_A_DENIED_BIRTH 15
#define DEVICE_DROPS_WHAT_IT_NEEDS 16
#define ACCEPT_DOES_NOT_REVOKE 21
#define COMMITS_A_STALE_JUDGEMENT 22
#define SESSION_IS_JUDGED_ONCE 23
#define OLD_BOARD_STAYS_LISTED 24
#define LEDGER_IN_A_SECOND_TRANSACTION 41
#define CERTIFICATE_LEAVES_BEFORE_COMMIT 42
#define ANSWERS_BEFORE_COMMIT 81
#define DEVICE_AND_CERTIFICATE_APART 82
#define REPEATED_REQUEST_IS_NEW 83

#define KEYS 3
#define FOR_KEYS(k) for (k : 1 .. KEYS)

/* enum certificate_status; FREE: no certificate has this key */
#define FREE 0
#define PENDING 1
#define CURRENT 2
#define SUPERSEDED 3
#define REVOKED 4
#define WITHDRAWN 5
#define COMPROMISED 6 /* revoked, for this reason */

/* enum access; ACCESS_STATE_ONLY changes nothing and counts as nothing */
#define NOTHING 0
#define ENROLMENT 1
#define FULL 2

#define MAKER 1
#define CUSTOMER 2

#define RANK_NONE 0
#define RANK_OWNER 1
#define RANK_WATCH 2 /* the machine's; no suspension of the watch's is tried */
#define RANK_MAKER 3

/* --- durable in the store: struct device, and the rows of its certificates --- */

typedef device_record {
	byte state, before, rank, owner;
	bit offered;
	bit marked; /* stolen, disputed, legal hold: all do the same */
	bit birth_denied;
	byte birth; /* the element whose birth certificate is registered; 0: none */
	byte current, pending, last_good;
	bit expired; /* the current certificate is over its time */
};
device_record d;
byte status[KEYS + 1];
#if PROMISE == 2
bit earlier[KEYS + 1]; /* issued before the last change of owner */
#endif

/* --- durable in the ledger: what it says of the device --- */

typedef ledger_record {
	byte state, owner;
};
ledger_record l;
bit recorded[KEYS + 1];

/* --- durable in the device --- */

byte element = 1; /* the board that is in it */
byte has;	  /* the key it works with, 0: none */
byte new;	  /* the key that is to follow, 0: none */
bit saved;	  /* the new key's certificate came and is kept */

/* --- in the server's memory: the request that is taken apart --- */

#define JUDGED 1
#define COMMITTED 2
#define HALF 3 /* mutants only: between two transactions */
typedef request {
	byte step;
	byte event, role, key;
	bit confirmed;
	bit compromise; /* the reason of a revocation */
	bit stale;
#if MUTANT == COMMITS_A_STALE_JUDGEMENT
	byte next;
	int effects;
	bit owner_changed;
#endif
};
request r;

/* --- the checks' own --- */

bit quiet;
#if PROMISE == 1
bit compromised; /* the key of a device without a birth identity: only a new board helps */
#endif
#if PROMISE == 8
bit told; /* the last decision was answered with this: */
byte told_state, told_owner;
byte copies[KEYS + 1]; /* how many certificates were issued for the key */
#endif
#if MUTANT == SESSION_IS_JUDGED_ONCE
byte session; /* a connection was opened with this key; else it is no state: each request is judged */
#endif

/* Within one step only. */
hidden byte asked, from, next, after, rank_asked, k;
hidden int effects, roles;
hidden byte allowed, ends_offer, slips_away, is_compromise, bad_reason;

/* --- identity.c --- */

#define IN_USE(s) (s == ACTIVE || s == IN_TRANSFER)
#define LAST_WAY_IN(key)                                                                 \
	(d.birth == 0 &&                                                                 \
	 (IN_USE(d.state) -> key == d.current && status[key] == CURRENT && d.expired :   \
	  d.state == AWAITING_DEVICE && key == d.last_good &&                            \
		(status[key] == SUPERSEDED || status[key] == REVOKED)))
#define JUDGE(key)                                                                       \
	((key == 0 || d.state == RETIRED)		     -> NOTHING :                 \
	 (LAST_WAY_IN(key)				     -> ENROLMENT :               \
	 ((status[key] != CURRENT && status[key] != PENDING) -> NOTHING :                 \
	 ((d.expired && key == d.current)		     -> NOTHING :                 \
	 ((IN_USE(d.state) || (d.state == AWAITING_DEVICE && status[key] == PENDING)) &&  \
		(key == d.current || key == d.pending)	     -> FULL : NOTHING)))))
#if MUTANT == BIRTH_OPENS_ONLY_AWAITING
#define BIRTH_OPENS (d.state == AWAITING_DEVICE)
#else
#define BIRTH_OPENS (IN_USE(d.state) || d.state == AWAITING_DEVICE)
#endif
#define JUDGE_BIRTH(which)                                                               \
	(!d.birth_denied && d.birth == which && BIRTH_OPENS -> ENROLMENT : NOTHING)

/* The device tries each of its identities: the best counts. */
#define MAY_ENROL                                                                        \
	(JUDGE_BIRTH(element) == ENROLMENT || JUDGE(has) != NOTHING)

/* --- the checks: after every step that changes something durable --- */

#define BACK_IN_USE /* what JUDGE(has) == FULL comes to; ltl takes no conditional */      \
	(d.state == RETIRED || (IN_USE(d.state) && has != 0 && has == d.current &&       \
		status[has] == CURRENT && !d.expired))

/* What the device holds, and the store would take in a state that lets it. */
#define KEEPS(key)                                                                       \
	(key != 0 && (d.current != 0 -> key == d.current :                               \
		key == d.last_good && (status[key] == SUPERSEDED || status[key] == REVOKED)))
#define HAS_A_WAY_IN                                                                     \
	(d.state == RETIRED ||                                                           \
	 (d.birth_denied && (d.state == SUSPENDED || d.state == RETURNED)) ||            \
	 (d.birth == 0 && compromised) ||                                                \
	 (!d.birth_denied && d.birth == element) ||                                      \
	 (d.birth == 0 && (KEEPS(has) || (saved && KEEPS(new)))))

#define OFFER_CAN_STAND(s) (s == HELD || s == IN_TRANSFER)
#define NOBODY_IS_IN(s) (s == MANUFACTURED || s == HELD || s == RETURNED || s == RETIRED)

#define HOLDS(condition, words)                                                          \
	if                                                                               \
	:: condition                                                                     \
	:: else -> printf(words); assert(false)                                          \
	fi

inline check()
{
#if PROMISE == 1
	HOLDS(HAS_A_WAY_IN, "broken: the device has no way in any more\n");
#endif
#if PROMISE == 2
	HOLDS(d.owner == MAKER || d.owner == CUSTOMER, "broken: nobody owns it\n");
	FOR_KEYS(k) {
		HOLDS(!(earlier[k] && JUDGE(k) == FULL), "broken: what an earlier owner held is let in\n")
	};
	HOLDS(JUDGE_BIRTH(3 - element) == NOTHING, "broken: a board that was replaced is let in\n");
#endif
#if PROMISE == 4
	HOLDS(l.state == d.state && l.owner == d.owner, "broken: a change is not in the ledger\n");
	FOR_KEYS(k) {
		HOLDS(recorded[k] == (status[k] != FREE), "broken: a certificate is not in the ledger\n")
	};
	HOLDS(has == 0 || recorded[has], "broken: the device's certificate is not in the ledger\n");
	HOLDS(!saved || recorded[new], "broken: a certificate left before its ledger entry was durable\n");
#endif
#if PROMISE == 8
	HOLDS(!told || (d.state == told_state && d.owner == told_owner), "broken: an answer was not kept\n");
	HOLDS(has == 0 || status[has] != FREE, "broken: a certificate without a record\n");
	HOLDS(!saved || status[new] != FREE, "broken: a certificate without a record\n");
	FOR_KEYS(k) {
		HOLDS((status[k] == PENDING) == (k == d.pending), "broken: half done: the pending one\n");
		HOLDS((status[k] == CURRENT) == (k == d.current), "broken: half done: the current one\n");
		HOLDS(copies[k] <= 1, "broken: the same request got another certificate\n")
	};
	HOLDS(!IN_USE(d.state) || d.current != 0, "broken: in use without a certificate\n");
	HOLDS(IN_USE(d.state) || d.state == SUSPENDED || d.current == 0, "broken: a certificate too many\n");
	HOLDS(!NOBODY_IS_IN(d.state) || d.pending == 0, "broken: a pending certificate too many\n");
	HOLDS(!d.offered || OFFER_CAN_STAND(d.before), "broken: an offer that should have ended\n");
	HOLDS(d.before != IN_TRANSFER || d.offered, "broken: in transfer without an offer\n");
	HOLDS((d.state == SUSPENDED) == (d.rank != RANK_NONE), "broken: a suspension without a rank\n");
#endif
	skip
}

/* Keys that are of no more use to anybody get free. */
inline forget_the_dead()
{
	FOR_KEYS(k) {
		if
		:: status[k] >= SUPERSEDED && k != has && k != new && (r.step == 0 || k != r.key) ->
			status[k] = FREE;
			d.last_good = (d.last_good == k -> 0 : d.last_good);
			recorded[k] = 0;
#if PROMISE == 8
			copies[k] = 0;
#endif
#if PROMISE == 2
			earlier[k] = 0;
#endif
#if MUTANT == SESSION_IS_JUDGED_ONCE
			if
			:: session == k -> session = 0
			:: else
			fi
#endif
		:: else
		fi
	};
	skip
}

/* --- machine.c --- */

inline rank_of(asker, out)
{
	out = ((asker & ROLE_MAKER) -> RANK_MAKER :
		((asker & ROLE_WATCH) -> RANK_WATCH :
		((asker & (ROLE_OWNER | ROLE_SUPPORT)) -> RANK_OWNER : RANK_NONE)))
}

/* -> allowed, next, effects */
inline judge_request(what, asker, is_first_use)
{
	asked = what;
	from = d.state;
	bad_reason = 0;
	look_up(asked, from, next, effects);
	roles_of(asked, roles);
	rank_of(asker, rank_asked);
	ends_offer = (asked == E_CANCEL || asked == E_DECLINE || asked == E_TIME_OUT ||
		asked == E_ACCEPT);
	slips_away = (asked == E_OFFER || asked == E_ACCEPT || asked == E_CLAIM ||
		asked == E_RETURN || asked == E_REFURBISH || asked == E_RETIRE);
	allowed = (next != REFUSED && (roles & asker) != 0);
	allowed = allowed && !(d.marked && slips_away && (asker & ROLE_MAKER) == 0);
	allowed = allowed && !(ends_offer && !d.offered);
	allowed = allowed && !(asked == E_OFFER && d.offered);
	allowed = allowed && !(asked == E_HOLD && d.owner != MAKER);
#if MUTANT != REFURBISHES_A_DENIED_BIRTH
	allowed = allowed && !(asked == E_REFURBISH && d.birth_denied);
#endif
	allowed = allowed && !(from == SUSPENDED && asked == E_RESUME && d.birth_denied);
	allowed = allowed && !(from == SUSPENDED && (asked == E_RESUME || asked == E_REPLACE) &&
		rank_asked < d.rank);
	if
	:: (asked == E_PROVE || asked == E_ROTATE) && !is_first_use -> next = STAYS; effects = 0
	:: else -> allowed = allowed && !((effects & EFFECT_CONFIRM_PENDING) && d.pending == 0)
	fi
}

#define WAS_IN_USE (d.before == ACTIVE || d.before == IN_TRANSFER)

/*
 * Pending and current certificates end. A compromised key is no way in; the one before it may still be. (With a
 * birth identity nobody asks for the last good key, nor for the reason.)
 */
inline end_certificates()
{
	is_compromise = (bad_reason && d.birth == 0);
#if MUTANT != FORGETS_THE_LAST_GOOD_KEY
	if
	:: d.birth == 0 && d.current != 0 && !is_compromise -> d.last_good = d.current
	:: else
	fi;
#endif
#if PROMISE == 1
	compromised = compromised | is_compromise;
#endif
	FOR_KEYS(k) {
		if
		:: status[k] == PENDING || status[k] == CURRENT ->
			status[k] = (is_compromise -> COMPROMISED : REVOKED)
		:: else
		fi
	}
	d.current = 0;
	d.pending = 0;
	d.expired = 0
}

/* The first use of the pending certificate was seen: only now the old one goes. */
inline confirm()
{
#if PROMISE == 1
	HOLDS((new == d.pending && saved) || has == d.pending, "broken: superseded before the new one was used\n");
#endif
	if
	:: d.current != 0 -> status[d.current] = SUPERSEDED
	:: else
	fi;
	d.last_good = (d.birth == 0 -> d.current : 0);
	d.current = d.pending;
	status[d.current] = CURRENT;
	d.pending = 0;
	d.expired = 0
}

/* A certificate for the key, pending until it is used. */
inline issue(which)
{
	if
	:: d.pending != 0 && d.pending != which -> status[d.pending] = WITHDRAWN
	:: else
	fi;
#if MUTANT == SUPERSEDES_AT_ISSUE
	if
	:: d.current != 0 -> status[d.current] = SUPERSEDED; d.current = 0; d.last_good = 0
	:: else
	fi;
#endif
	status[which] = PENDING;
	d.pending = which;
#if PROMISE == 2
	earlier[which] = 0;
#endif
#if PROMISE == 8
	copies[which] = copies[which] + 1;
#endif
	skip
}

inline move()
{
	if
	:: next == STAYS -> after = d.state
	:: next == BACK ->
		after = (WAS_IN_USE && d.expired -> AWAITING_DEVICE : d.before);
		if
		:: after == AWAITING_DEVICE && d.before != after ->
			effects = (effects & ~EFFECT_RESTORE) | EFFECT_REVOKE_OPERATIONAL |
				EFFECT_VOID_OFFER
		:: else
		fi
	:: next == BACK_NEW_KEY -> after = (WAS_IN_USE -> AWAITING_DEVICE : d.before)
	:: next < REFUSED -> after = next
	fi;
	if
	:: after == RETIRED -> d.last_good = 0
	:: else
	fi;
	if
	:: after == SUSPENDED && d.state != SUSPENDED ->
		d.before = d.state;
		d.rank = rank_asked
	:: after == SUSPENDED && d.state == SUSPENDED && rank_asked > d.rank &&
		(asked == E_SUSPEND || asked == E_REVOKE_BIRTH) -> d.rank = rank_asked
	:: after != SUSPENDED ->
		d.before = after;
		d.rank = RANK_NONE
	:: else
	fi;
	d.state = after
}

inline owner_becomes(whom)
{
	d.owner = whom;
#if PROMISE == 2
	FOR_KEYS(k) { earlier[k] = status[k] != FREE };
#endif
#if MUTANT == COMMITS_A_STALE_JUDGEMENT
	r.owner_changed = 1;
#endif
	skip
}

inline apply_effects()
{
	if
	:: effects & EFFECT_OWNER_COMES -> owner_becomes(CUSTOMER)
	:: effects & EFFECT_OWNER_IS_MAKER -> owner_becomes(MAKER)
	:: else
	fi;
	if
	:: effects & EFFECT_SWAP_ELEMENT -> /* the new board brings a birth identity; the old one keeps its keys */
		d.birth_denied = 0;
		element = 3 - element;
#if PROMISE == 1
		compromised = 0;
#endif
#if MUTANT != OLD_BOARD_STAYS_LISTED
		d.birth = element;
#endif
		d.last_good = 0;
		has = 0;
		new = 0;
		saved = 0
	:: (effects & EFFECT_DENY_BIRTH) && !(effects & EFFECT_SWAP_ELEMENT) -> d.birth_denied = 1
	:: else
	fi;
	if
	:: effects & (EFFECT_VOID_OFFER | EFFECT_END_OFFER | EFFECT_TAKE_OFFER) -> d.offered = 0
	:: effects & EFFECT_OPEN_OFFER -> d.offered = 1
	:: else
	fi;
	if
	:: asked == E_MARK -> d.marked = 1
	:: asked == E_UNMARK -> d.marked = 0
	:: else
	fi
}

inline change_way_back()
{
	if
	:: d.state == SUSPENDED && (effects & (EFFECT_VOID_OFFER | EFFECT_END_OFFER)) &&
		d.before == IN_TRANSFER -> d.before = ACTIVE
	:: else
	fi;
	if
	:: d.state == SUSPENDED && (effects & EFFECT_REVOKE_OPERATIONAL) && d.before == ACTIVE ->
		d.before = AWAITING_DEVICE
	:: else
	fi
}

inline write_ledger()
{
	l.state = d.state;
	l.owner = d.owner;
	FOR_KEYS(k) { recorded[k] = status[k] != FREE };
	skip
}

/* What was judged, as one transaction. */
inline apply(which, is_first_use)
{
	move();
	if
#if MUTANT == ACCEPT_DOES_NOT_REVOKE
	:: (effects & EFFECT_REVOKE_OPERATIONAL) && asked != E_ACCEPT -> end_certificates()
#else
	:: effects & EFFECT_REVOKE_OPERATIONAL -> end_certificates()
#endif
	:: effects & EFFECT_CONFIRM_PENDING -> confirm()
	:: (asked == E_PROVE || asked == E_ROTATE) && !is_first_use -> issue(which)
	:: else
	fi;
	apply_effects();
	change_way_back();
	r.stale = (r.step == JUDGED);
#if PROMISE == 8
	told = 0; told_state = 0; told_owner = 0;
#endif
	skip
}

/* The whole of a commit: nobody ever sees a part of it. */
inline commit(which, is_first_use)
{
	apply(which, is_first_use);
	write_ledger();
	forget_the_dead()
}

inline drop_request()
{
	r.step = 0; r.event = 0; r.role = 0; r.key = 0; r.confirmed = 0; r.compromise = 0;
	r.stale = 0;
#if MUTANT == COMMITS_A_STALE_JUDGEMENT
	r.next = 0; r.effects = 0; r.owner_changed = 0;
#endif
	forget_the_dead()
}

inline take_request(what, asker, which, is_first_use)
{
	r.step = JUDGED; r.event = what; r.role = asker; r.key = which; r.confirmed = is_first_use;
#if MUTANT == COMMITS_A_STALE_JUDGEMENT
	r.next = next; r.effects = effects; r.owner_changed = 0;
#endif
	r.stale = 0;
	printf("server: takes event=%d, role=%d, key %d, judged, not committed\n", asked, asker, which)
}

inline tell()
{
#if PROMISE == 8
	told = 1; told_state = d.state; told_owner = d.owner;
#endif
	skip
}

/* --- the device's part --- */

#define DEVICE_EVENT (d.state == AWAITING_DEVICE -> E_PROVE : E_ROTATE)

inline keep_new_identity()
{
	printf("device: key %d is its identity now\n", new);
	has = new; new = 0; saved = 0;
	forget_the_dead()
}

inline drop_new_key()
{
	printf("device: drops key %d\n", new);
	new = 0; saved = 0;
	forget_the_dead()
}

/* plan.c: another identity may enrol or is in full use, so the refusal of the new one will not go away. */
#define NEW_IS_OF_NO_USE (JUDGE(new) != FULL && MAY_ENROL)
#define IS_FREE(n) (status[n] == FREE && r.key != n)

proctype device()
{
	bit is_lost;
	do
	/* A key in a free slot of the element. */
	:: d_step { new == 0 && !(quiet && BACK_IN_USE) && (IS_FREE(1) || IS_FREE(2) || IS_FREE(3)) ->
		new = (IS_FREE(1) -> 1 : (IS_FREE(2) -> 2 : 3));
		printf("device: makes key %d\n", new)
	   }

	/* It asks for a certificate, for the first time or again; the same request, the same certificate. */
	:: atomic { new != 0 && !saved && status[new] < SUPERSEDED && MAY_ENROL ->
		is_lost = 0;
		if
		:: true
		:: !quiet -> is_lost = 1
		fi;
		d_step {
			if
#if MUTANT != REPEATED_REQUEST_IS_NEW
			:: status[new] == PENDING || status[new] == CURRENT
#endif
			:: else ->
				judge_request(DEVICE_EVENT, ROLE_DEVICE, 0);
				if
				:: allowed -> commit(new, 0)
				:: else
				fi
			fi;
			printf("device: asks for a certificate of key %d, answer lost: %d\n", new,
				is_lost);
			saved = (!is_lost && status[new] != FREE);
			check();
			is_lost = 0
		}
	   }
	:: d_step { !quiet && new != 0 && !saved && MAY_ENROL && r.step == 0 && status[new] == FREE ->
		judge_request(DEVICE_EVENT, ROLE_DEVICE, 0);
		if
		:: allowed -> take_request(DEVICE_EVENT, ROLE_DEVICE, new, 0)
		:: else
		fi
	   }

	/* It uses the new certificate: the first use is what the server waits for. */
	:: atomic { saved && JUDGE(new) == FULL ->
		is_lost = 0;
		if
		:: true
		:: !quiet -> is_lost = 1
		fi;
		d_step {
			if
			:: new == d.pending ->
				judge_request(DEVICE_EVENT, ROLE_DEVICE, 1);
				if
				:: allowed -> commit(new, 1)
				:: else
				fi
			:: else
			fi;
			printf("device: uses key %d, answer lost: %d -> state=%d\n", new, is_lost,
				d.state);
			if
			:: !is_lost && new == d.current -> keep_new_identity()
			:: else
			fi;
			check();
			is_lost = 0
		}
	   }
	:: d_step { !quiet && saved && JUDGE(new) == FULL && new == d.pending && r.step == 0 ->
		judge_request(DEVICE_EVENT, ROLE_DEVICE, 1);
		take_request(DEVICE_EVENT, ROLE_DEVICE, new, 1)
	   }
	:: d_step { saved && NEW_IS_OF_NO_USE -> drop_new_key(); check() }
	/* A key that was seen before is refused, whatever became of its certificate: it makes another. */
	:: d_step { new != 0 && !saved && status[new] >= SUPERSEDED && MAY_ENROL ->
		drop_new_key(); check() }
#if MUTANT == DEVICE_DROPS_WHAT_IT_NEEDS
	:: d_step { saved && d.expired && new == d.current -> drop_new_key(); check() }
#else
	/* Nothing else is let in, and this one is, for enrolment: the server had seen it in use. */
	:: d_step { saved && JUDGE(new) == ENROLMENT && !MAY_ENROL -> keep_new_identity(); check() }
#endif
#if MUTANT == DEVICE_DROPS_A_SUSPENDED_KEY
	:: d_step { saved && d.state == SUSPENDED -> drop_new_key(); check() }
#endif

	/* An identity that is over for good is as good as none, where there is a birth identity. */
	:: d_step { has != 0 && status[has] >= SUPERSEDED && d.birth != 0 ->
		has = 0; forget_the_dead(); check() }

	/* It loses power: what was not durable yet is gone, the new key's request among it. */
	:: d_step { !quiet && new != 0 && !saved -> drop_new_key(); check() }
	od
}

/* --- the server's part --- */

inline answer()
{
	printf("server: answers\n");
	if
	:: r.key != 0 && r.key == new && !r.confirmed -> saved = 1
	:: r.key != 0 && r.key == new && r.confirmed && saved -> keep_new_identity()
	:: r.key == 0 && !r.stale -> tell()
	:: else
	fi
}

proctype server()
{
	do
#if MUTANT == ANSWERS_BEFORE_COMMIT
	:: d_step { r.step == JUDGED && r.key == 0 && !r.stale && PROMISE == 8 ->
		judge_request(r.event, r.role, r.confirmed);
		if
		:: next < REFUSED && !(effects & (EFFECT_OWNER_COMES | EFFECT_OWNER_IS_MAKER)) ->
			told = 1; told_state = next; told_owner = d.owner
		:: else
		fi
	   }
	:: d_step { r.step == 0 -> check() } /* whoever was answered asks again */
#endif
#if MUTANT == CERTIFICATE_LEAVES_BEFORE_COMMIT
	:: d_step { r.step == JUDGED && r.key == new && r.key != 0 && !r.confirmed ->
		saved = 1; check() }
#endif
#if MUTANT == COMMITS_A_STALE_JUDGEMENT
	:: d_step { r.step == JUDGED ->
		asked = r.event; next = r.next; effects = r.effects; rank_of(r.role, rank_asked);
		if
		:: (effects & EFFECT_CONFIRM_PENDING) && d.pending == 0
		:: else ->
			bad_reason = r.compromise;
			apply(r.key, r.confirmed);
			if
			:: r.key != 0 && r.owner_changed -> earlier[r.key] = 1
			:: else
			fi
		fi;
		write_ledger();
		r.step = COMMITTED; r.stale = 0;
		check()
	   }
#elif MUTANT == LEDGER_IN_A_SECOND_TRANSACTION
	:: d_step { r.step == JUDGED && !r.stale ->
		judge_request(r.event, r.role, r.confirmed);
		bad_reason = r.compromise;
		apply(r.key, r.confirmed);
		r.step = HALF; r.stale = 0
	   }
	:: d_step { r.step == HALF -> write_ledger(); r.step = COMMITTED; check() }
	:: d_step { r.step == 0 -> check() }
#elif MUTANT == DEVICE_AND_CERTIFICATE_APART
	:: d_step { r.step == JUDGED && !r.stale && r.key != 0 && !r.confirmed ->
		status[r.key] = PENDING; r.step = HALF; r.stale = 0
	   }
	:: d_step { r.step == HALF ->
		judge_request(r.event, r.role, r.confirmed);
		if
		:: allowed -> apply(r.key, r.confirmed)
		:: else
		fi;
		write_ledger(); r.step = COMMITTED; r.stale = 0
	   }
	:: d_step { r.step == 0 -> check() }
#else
	/* The snapshot is the store's present: what was judged holds. Else: CONFLICT, it begins again. */
	:: d_step { r.step == JUDGED && !r.stale ->
		judge_request(r.event, r.role, r.confirmed);
		assert(allowed);
		bad_reason = r.compromise;
		commit(r.key, r.confirmed);
		printf("server: commits event=%d -> state=%d\n", r.event, d.state);
		r.step = COMMITTED; r.stale = 0;
		check()
	   }
	:: d_step { r.step == JUDGED && r.stale -> drop_request() }
#endif
	:: d_step { r.step == COMMITTED -> answer(); drop_request(); check() }
	/* It dies, or the answer is lost. */
	:: d_step { r.step != 0 && !quiet ->
		printf("server: dies\n"); drop_request(); check() }

	/* What time brings: an unconfirmed certificate is withdrawn, one in use runs out. */
	:: d_step { !quiet && d.pending != 0 ->
		printf("time: key %d is withdrawn\n", d.pending);
		status[d.pending] = WITHDRAWN; d.pending = 0;
		if
		:: r.step == JUDGED -> r.stale = 1
		:: else
		fi;
		write_ledger(); forget_the_dead(); check()
	   }
	:: d_step { !quiet && d.current != 0 && !d.expired ->
		printf("time: key %d runs out\n", d.current); d.expired = 1; check() }

#if MUTANT == SESSION_IS_JUDGED_ONCE
	/* A connection is opened, stays, and a request comes on it. */
	:: d_step { session == 0 && JUDGE(has) == FULL -> session = has }
	:: d_step { session != 0 ->
		HOLDS(!earlier[session], "broken: an earlier owner's session goes on\n");
		session = 0
	   }
#endif
	od
}

/* --- people --- */

inline pick()
{
	if
	:: event = E_REVOKE_OPERATIONAL; role = ROLE_MAKER; compromise = 1
	:: event = E_ONBOARD; role = ROLE_MAKER
	:: event = E_CLAIM; role = ROLE_COMING_OWNER
	:: event = E_REVOKE_OPERATIONAL; role = ROLE_WATCH
	:: event = E_REVOKE_BIRTH; role = ROLE_MAKER
	:: event = E_SUSPEND; role = ROLE_OWNER
	:: event = E_SUSPEND; role = ROLE_MAKER
	:: event = E_RESUME; role = ROLE_OWNER
	:: event = E_RESUME; role = ROLE_MAKER
	:: event = E_OFFER; role = ROLE_OWNER
	:: event = E_CANCEL; role = ROLE_OWNER
	:: event = E_DECLINE; role = ROLE_COMING_OWNER
	:: event = E_TIME_OUT; role = ROLE_WATCH
	:: event = E_ACCEPT; role = ROLE_COMING_OWNER
	:: event = E_RELEASE; role = ROLE_OWNER
	:: event = E_HOLD; role = ROLE_MAKER
	:: event = E_RETURN; role = ROLE_SUPPORT
	:: event = E_REFURBISH; role = ROLE_SUPPORT
	:: event = E_REPLACE; role = ROLE_SUPPORT
	:: event = E_REPLACE; role = ROLE_MAKER
	:: event = E_RETIRE; role = ROLE_MAKER
#if PROMISE == 1
	:: event = E_MARK; role = ROLE_SUPPORT
	:: event = E_UNMARK; role = ROLE_MAKER
#endif
	fi
}

inline do_it(what, asker, for_compromise)
{
	judge_request(what, asker, 0);
	bad_reason = for_compromise;
	if
	:: allowed ->
		commit(0, 0);
		printf("people: event=%d, role=%d%c -> state=%d\n", asked, asker,
			(bad_reason -> '!' : ' '), d.state);
		check()
	:: else
	fi
}

inline forget_choice()
{
	event = 0; role = 0; compromise = 0
}

proctype people()
{
	byte event, role;
	bit compromise;
	do
	:: atomic { !quiet ->
		pick();
		if
		:: d_step { true -> do_it(event, role, compromise); forget_choice() }
		:: d_step { true -> do_it(event, role, compromise); tell(); forget_choice() }
		:: d_step { r.step == 0 ->
			judge_request(event, role, 0);
			if
			:: allowed -> take_request(event, role, 0, 0); r.compromise = compromise
			:: else
			fi;
			forget_choice()
		   }
		fi
	   }

	/* Troubles end: from here on somebody helps. */
	:: d_step { !quiet && r.step == 0 && PROMISE == 1 -> quiet = 1 }
	:: d_step { quiet && d.marked && d.state != RETIRED -> do_it(E_UNMARK, ROLE_MAKER, 0) }
	:: d_step { quiet && d.state == MANUFACTURED -> do_it(E_ONBOARD, ROLE_MAKER, 0) }
	:: d_step { quiet && d.state == HELD && !d.marked -> do_it(E_CLAIM, ROLE_COMING_OWNER, 0) }
	:: d_step { quiet && d.state == SUSPENDED && !d.birth_denied -> do_it(E_RESUME, ROLE_MAKER, 0) }
	:: d_step { quiet && (d.state == SUSPENDED || d.state == RETURNED) && d.birth_denied ->
		do_it(E_REPLACE, ROLE_MAKER, 0) }
	:: d_step { quiet && d.state == RETURNED && !d.birth_denied && !d.marked ->
		do_it(E_REFURBISH, ROLE_SUPPORT, 0) }
#if PROMISE == 1
	:: d_step { quiet && compromised && d.birth == 0 && d.state != RETIRED ->
		do_it(E_REPLACE, ROLE_MAKER, 0) }
#endif
	od
}

#if PROMISE == 1
ltl way_back { [] (quiet -> <> BACK_IN_USE) }
#endif

init {
	atomic {
		d.owner = MAKER;
		if
		:: d.birth = 1 /* from the manifest */
		:: d.state = ACTIVE; d.before = ACTIVE; /* from another company, without a birth identity */
			has = 1; status[1] = CURRENT; d.current = 1; d.owner = CUSTOMER
#if PROMISE == 8
			; copies[1] = 1
#endif
		fi;
		d_step { write_ledger() };
		run device(); run server(); run people()
	}
}
