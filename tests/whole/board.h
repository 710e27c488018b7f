#pragma once
/*
 * What a test and the library that it preloads into a program (shim.c) tell each other: one file, mapped by both.
 * While `kinds` is 0 the library changes nothing.
 */
#include <stdatomic.h>
#include <stdint.h>

/* Calls that are counted, a bit each. */
enum board_kind {
	BOARD_SYNC = 1 << 0,   /* fsync, fdatasync */
	BOARD_RENAME = 1 << 1, /* rename, renameat, renameat2 */
	BOARD_WRITE = 1 << 2,  /* write and pwrite to regular files, ftruncate, unlink */
	BOARD_SEND = 1 << 3,   /* send to a local socket: a request to the signer */
};
#define BOARD_DURABLE (BOARD_SYNC | BOARD_RENAME)

enum board_action {
	BOARD_KILL_BEFORE, /* the call is not made */
	BOARD_KILL_AFTER,
	BOARD_FAIL, /* the call answers EIO */
};

struct board {
	char program[32];   /* short name: in others that inherit the library it does nothing */
	char folder[1024];  /* no_space and read_only hold below it */
	char only[64];	    /* syncs are counted only of files whose path holds this; "": of all */
	atomic_uint kinds;  /* counted kinds; 0: off */
	atomic_uint count;  /* calls since it was set to 0 */
	atomic_uint at;	    /* the call that is struck, from 1 */
	atomic_uint action; /* enum board_action */
	atomic_int target;  /* who is killed; 0: the program itself */
	atomic_uint struck; /* 1: it happened */
	atomic_int read_only;
	atomic_int has_room; /* 1: only `room` more bytes can be written, then ENOSPC */
	atomic_llong room;
};
