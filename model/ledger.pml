/*
 * What becomes of ledger entries after the store has committed them: the sequencer's round, the
 * guard outside the home, and a home that was copied. The second half of promise 4, for Spin.
 *
 *   store's rows -> tiles, durable -> signed -> guard, outside the home -> `checkpoint` replaced
 *
 * The steps are those of src/ledger/sequencer.c (lock_guard, reconcile, append_rows, publish) and
 * of guard_write, which compares and then writes: the lock keeps a second server out meanwhile.
 * A tree is one number: a leading 1, then one bit an entry, so that 1 is the empty tree, the number
 * says both size and root, and a tree is a prefix of another where that one shifted right is it.
 *
 * There are two homes. The second is a copy of the first, its parts taken at different moments
 * while the first lives on; what starts from it is a backup put back, or a second server. Either
 * server can die before and after each step.
 *
 * Left out: the signer's own memory of what it signed (it lies in the home and is copied with it),
 * witnesses, and --adopt-ledger, by which the operator takes the decision on himself.
 */
#ifndef MUTANT
#define MUTANT 0
#endif
#define GUARD_IS_IGNORED 43
#define GUARD_AFTER_CHECKPOINT 44
#define CHECKPOINT_BEFORE_TILES 45
#define GUARD_IS_NOT_LOCKED 46
#define GUARD_KEEPS_ONLY_THE_SIZE 47

#define EMPTY 1
#define FULL_TREE 16 /* four entries: two trees can part, and one can be longer by three */
#define SIZE(t) (t >= 16 -> 4 : (t >= 8 -> 3 : (t >= 4 -> 2 : (t >= 2 -> 1 : 0))))
#define PREFIX(a, b) (b == a || b >> 1 == a || b >> 2 == a || b >> 3 == a || b >> 4 == a)
#define NONE 0

typedef home {
	byte store, tiles, checkpoint;
};
home h[2];
byte guard = NONE; /* what the guard's file says */
bit locked;	   /* a living server's lock beside it */

byte longest = EMPTY; /* the longest checkpoint that was ever to be seen */
bit store_copied, tiles_copied, checkpoint_copied;
bit quiet;

#define IS_COPIED (store_copied && tiles_copied && checkpoint_copied)
#define COPY_HAS_BEGUN (store_copied || tiles_copied || checkpoint_copied)

/* Where a server is. */
#define OFF 0
#define RUNS 1
#define FLUSHED 2
#define COMPARED 3
#define GUARDED 4
#define REFUSES 5

hidden byte known, fits;

#define HOLDS(condition, words)                                                          \
	if                                                                               \
	:: condition                                                                     \
	:: else -> printf(words); assert(false)                                          \
	fi

/* reconcile() of sequencer.c: do ledger, store and guard tell one story? */
inline reconcile(mine)
{
	known = (SIZE(guard) > SIZE(mine.checkpoint) -> guard : mine.checkpoint);
	fits = (guard != NONE || mine.checkpoint == EMPTY);
	fits = fits && SIZE(mine.store) >= SIZE(known);
	fits = fits && !(guard != NONE && SIZE(mine.checkpoint) > SIZE(guard));
	fits = fits && PREFIX(mine.checkpoint, mine.tiles);
#if MUTANT == GUARD_KEEPS_ONLY_THE_SIZE
	fits = fits && PREFIX(mine.checkpoint, mine.store);
#else
	fits = fits && (guard == NONE || (mine.store >> (SIZE(mine.store) - SIZE(guard))) == guard);
#endif
#if MUTANT == GUARD_IS_IGNORED
	fits = PREFIX(mine.checkpoint, mine.tiles) && PREFIX(mine.checkpoint, mine.store)
#endif
}

/* The checkpoint is there to be seen. */
inline publish(mine)
{
	mine.checkpoint = tree;
	published = tree;
	printf("server %d: publishes, size %d\n", me, SIZE(tree));
	HOLDS(PREFIX(longest, tree) || PREFIX(tree, longest), "broken: two checkpoints that do not agree\n");
	longest = (SIZE(tree) > SIZE(longest) -> tree : longest);
	step = RUNS
}

inline take_lock()
{
#if MUTANT != GUARD_IS_NOT_LOCKED
	locked = 1;
#endif
	skip
}

proctype server(byte me)
{
	byte step = OFF;
	byte tree = NONE;      /* the tile writer's, in memory */
	byte published = NONE; /* the size it knows to be published */
	byte expected = NONE;  /* the guard, as it read or wrote it last */
#if MUTANT == CHECKPOINT_BEFORE_TILES
	byte durable = EMPTY;
#endif
	do
	:: d_step { step == OFF && (me == 0 || IS_COPIED) && !locked ->
		reconcile(h[me]);
		printf("server %d: starts, allowed: %d\n", me, fits);
		HOLDS(fits || COPY_HAS_BEGUN, "broken: refused after nothing but a crash\n");
		if
		:: fits ->
			HOLDS(PREFIX(longest, h[me].store), "broken: a home older than its own past goes on\n");
			step = RUNS; tree = h[me].checkpoint; published = tree; expected = guard;
			take_lock()
		:: else -> step = REFUSES
		fi
	   }

	/* A decision is committed; the two kinds stand for any content. */
	:: d_step { !quiet && step != OFF && step != REFUSES && h[me].store < FULL_TREE ->
		printf("server %d: commits an entry\n", me); h[me].store = h[me].store * 2 }
	:: d_step { !quiet && step != OFF && step != REFUSES && h[me].store < FULL_TREE ->
		printf("server %d: commits another entry\n", me);
		h[me].store = h[me].store * 2 + 1 }

	/* The round. */
	:: d_step { step == RUNS && tree != h[me].store -> tree = h[me].store }
#if MUTANT == CHECKPOINT_BEFORE_TILES
	:: d_step { step == RUNS && tree != published ->
		durable = h[me].tiles; h[me].tiles = tree; step = FLUSHED }
#else
	:: d_step { step == RUNS && tree != published -> h[me].tiles = tree; step = FLUSHED }
#endif
#if MUTANT == GUARD_AFTER_CHECKPOINT
	:: d_step { step == FLUSHED && guard == expected -> publish(h[me]); step = GUARDED }
	:: d_step { step == GUARDED ->
		printf("server %d: writes the guard\n", me);
		guard = tree; expected = tree; step = RUNS
	   }
#else
	:: d_step { step == FLUSHED && guard == expected -> step = COMPARED }
	:: d_step { step == COMPARED ->
		printf("server %d: writes the guard\n", me);
		guard = tree; expected = tree; step = GUARDED
	   }
#endif
	/* somebody else wrote it */
	:: d_step { step == FLUSHED && guard != expected -> step = REFUSES; locked = 0 }
#if MUTANT != GUARD_AFTER_CHECKPOINT
	:: d_step { step == GUARDED -> publish(h[me]) }
#endif

	/* It dies. */
	:: d_step { !quiet && step != OFF && step != REFUSES ->
#if MUTANT == CHECKPOINT_BEFORE_TILES
		h[me].tiles = durable;
#endif
		printf("server %d: dies\n", me);
		locked = 0;
		step = OFF; tree = NONE; published = NONE; expected = NONE }
	od
}

proctype operator()
{
	do
	:: d_step { !quiet && !store_copied ->
		printf("backup: takes the store\n");
		h[1].store = h[0].store; store_copied = 1
	   }
	:: d_step { !quiet && !tiles_copied ->
		printf("backup: takes the tiles\n");
		h[1].tiles = h[0].tiles; tiles_copied = 1
	   }
	:: d_step { !quiet && !checkpoint_copied ->
		printf("backup: takes the checkpoint\n");
		h[1].checkpoint = h[0].checkpoint; checkpoint_copied = 1
	   }
	:: d_step { !quiet && !COPY_HAS_BEGUN -> quiet = 1 }
	od
}

#define ALL_PUBLISHED (h[0].checkpoint == h[0].store)

/* Whatever died, what was committed comes to be published once troubles end. */
ltl catches_up { [] (quiet -> <> ALL_PUBLISHED) }

init {
	atomic {
		h[0].store = EMPTY; h[0].tiles = EMPTY; h[0].checkpoint = EMPTY;
		run server(0); run server(1); run operator()
	}
}
