#pragma once
/*
 * A home, the server on it with the board of faults, and the programs that a person and a device would use. One a test
 * program; what goes wrong in it ends the test with the server's last words.
 */
#include "board.h"
#include "program.h"

struct stage {
	struct arena *arena; /* of everything; texts live to the end */
	char *folder;
	const char *home, *guard, *passphrase, *log;
	struct board *board;
	int server;		 /* process; 0: none runs */
	int ready;		 /* socket on which the server tells that it is ready */
	const char *url, *plain; /* of the running server */
	const char *token;	 /* of the admin */
};

/* Folder, board and `tenure init`. */
void stage_open(struct stage *s);
/* Ends the server and removes everything. */
void stage_close(struct stage *s);

/* A path below the stage's folder. */
const char *stage_path(struct stage *s, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* A file of the test's own, 0600. */
const char *stage_file(struct stage *s, const char *name, const char *text);

/* The board does nothing from now on. */
void stage_disarm(struct stage *s);
/* The call number `at` of `kinds` from now on is struck. */
void stage_arm(struct stage *s, unsigned kinds, unsigned at, enum board_action action);

/* Starts tenured; true when it is ready, false when it has ended (exit status in *code). More arguments end with NULL. */
bool stage_try(struct stage *s, int *code, const char *argument);
/* ... and the test ends when it is not. */
void stage_start(struct stage *s);
/* Ends it; 0 is expected. */
void stage_stop(struct stage *s);
/* SIGHUP, and its answer that it is ready again. */
void stage_hang_up(struct stage *s);
/* SIGUSR2, and the next one's answer that it is ready; its addresses are learnt. */
void stage_restart(struct stage *s);
/* Starts it as a service manager does, on sockets that listen already. */
void stage_start_on(struct stage *s, int tls, int plain);
/* Whether the server has ended by itself or by a blow; then it is reaped, with its exit status. */
bool stage_has_ended(struct stage *s, int limit_ms, int *code);
/* What the server logged since the last start. */
const char *stage_log(struct stage *s);

/* `tenure WORDS...` as the admin, ended by NULL. */
struct ran stage_tenure(struct stage *s, ...) __attribute__((sentinel));
/* The same, where exit status 0 is expected. */
struct ran stage_must(struct stage *s, ...) __attribute__((sentinel));
/* `tenure-agent --dir DIR WORD`. */
struct ran stage_agent(struct stage *s, const char *folder, const char *fleet, const char *word);
/* POST below /api/v1. `token` NULL: the admin's. */
struct asked stage_post(
	struct stage *s, const char *token, const char *key, const char *path, const char *body);
/* GET below /api/v1, as the admin. */
struct asked stage_get(struct stage *s, const char *path);

/* A number from the home's database. */
int64_t stage_number(struct stage *s, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* The first column of the first row as text; "" where there is none. */
const char *stage_text(struct stage *s, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* How many entries the published checkpoint covers. */
int64_t stage_published(struct stage *s);
/* Until the checkpoint covers all that is committed, or the server ends; false at the time limit. */
bool stage_settles(struct stage *s, int limit_ms);
