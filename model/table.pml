/* Printed from src/fleet/machine_table.c; a test holds it against that. */
#define MANUFACTURED 0
#define HELD 1
#define AWAITING_DEVICE 2
#define ACTIVE 3
#define SUSPENDED 4
#define IN_TRANSFER 5
#define RETURNED 6
#define RETIRED 7
#define E_ONBOARD 0
#define E_CLAIM 1
#define E_PROVE 2
#define E_ROTATE 3
#define E_REVOKE_OPERATIONAL 4
#define E_REVOKE_BIRTH 5
#define E_SUSPEND 6
#define E_RESUME 7
#define E_OFFER 8
#define E_CANCEL 9
#define E_DECLINE 10
#define E_TIME_OUT 11
#define E_ACCEPT 12
#define E_RELEASE 13
#define E_HOLD 14
#define E_RETURN 15
#define E_REFURBISH 16
#define E_REPLACE 17
#define E_RETIRE 18
#define E_MARK 19
#define E_UNMARK 20
#define REFUSED 100
#define STAYS 101
#define BACK 102
#define BACK_NEW_KEY 103
#define REVOKES 1
#define DENIES 2
#define VOIDS 16
#define CONFIRMS 4096
#define OWNER_COMES 256
inline look_up(event, state, next, effects)
{
	next = REFUSED; effects = 0;
	if
	:: event == 0 && state == 0 -> next = 1; effects = 0
	:: event == 1 && state == 1 -> next = 2; effects = 1296
	:: event == 2 && state == 2 -> next = 3; effects = 4096
	:: event == 3 && state == 3 -> next = 101; effects = 4096
	:: event == 3 && state == 5 -> next = 101; effects = 4096
	:: event == 4 && state == 3 -> next = 2; effects = 1
	:: event == 4 && state == 4 -> next = 101; effects = 17
	:: event == 4 && state == 5 -> next = 2; effects = 17
	:: event == 5 && state == 0 -> next = 4; effects = 8
	:: event == 5 && state == 1 -> next = 4; effects = 24
	:: event == 5 && state == 2 -> next = 4; effects = 9
	:: event == 5 && state == 3 -> next = 4; effects = 10
	:: event == 5 && state == 4 -> next = 101; effects = 24
	:: event == 5 && state == 5 -> next = 4; effects = 26
	:: event == 5 && state == 6 -> next = 101; effects = 8
	:: event == 6 && state == 0 -> next = 4; effects = 0
	:: event == 6 && state == 1 -> next = 4; effects = 0
	:: event == 6 && state == 2 -> next = 4; effects = 2
	:: event == 6 && state == 3 -> next = 4; effects = 2
	:: event == 6 && state == 4 -> next = 101; effects = 0
	:: event == 6 && state == 5 -> next = 4; effects = 2
	:: event == 7 && state == 4 -> next = 102; effects = 4
	:: event == 8 && state == 1 -> next = 101; effects = 128
	:: event == 8 && state == 3 -> next = 5; effects = 128
	:: event == 9 && state == 1 -> next = 101; effects = 32
	:: event == 9 && state == 4 -> next = 101; effects = 32
	:: event == 9 && state == 5 -> next = 3; effects = 32
	:: event == 10 && state == 1 -> next = 101; effects = 32
	:: event == 10 && state == 4 -> next = 101; effects = 32
	:: event == 10 && state == 5 -> next = 3; effects = 32
	:: event == 11 && state == 1 -> next = 101; effects = 32
	:: event == 11 && state == 4 -> next = 101; effects = 32
	:: event == 11 && state == 5 -> next = 3; effects = 32
	:: event == 12 && state == 1 -> next = 101; effects = 320
	:: event == 12 && state == 5 -> next = 2; effects = 321
	:: event == 13 && state == 2 -> next = 1; effects = 2561
	:: event == 13 && state == 3 -> next = 1; effects = 2561
	:: event == 14 && state == 3 -> next = 1; effects = 2049
	:: event == 15 && state == 1 -> next = 6; effects = 17424
	:: event == 15 && state == 2 -> next = 6; effects = 16385
	:: event == 15 && state == 3 -> next = 6; effects = 16385
	:: event == 15 && state == 4 -> next = 6; effects = 17425
	:: event == 15 && state == 5 -> next = 6; effects = 16401
	:: event == 16 && state == 6 -> next = 1; effects = 35328
	:: event == 17 && state == 1 -> next = 101; effects = 8200
	:: event == 17 && state == 2 -> next = 101; effects = 8201
	:: event == 17 && state == 3 -> next = 2; effects = 8201
	:: event == 17 && state == 4 -> next = 103; effects = 8217
	:: event == 17 && state == 5 -> next = 2; effects = 8217
	:: event == 17 && state == 6 -> next = 101; effects = 8200
	:: event == 18 && state == 0 -> next = 7; effects = 1049
	:: event == 18 && state == 1 -> next = 7; effects = 1049
	:: event == 18 && state == 2 -> next = 7; effects = 1049
	:: event == 18 && state == 3 -> next = 7; effects = 1049
	:: event == 18 && state == 4 -> next = 7; effects = 1049
	:: event == 18 && state == 5 -> next = 7; effects = 1049
	:: event == 18 && state == 6 -> next = 7; effects = 33817
	:: event == 19 && state == 0 -> next = 101; effects = 0
	:: event == 19 && state == 1 -> next = 101; effects = 0
	:: event == 19 && state == 2 -> next = 101; effects = 0
	:: event == 19 && state == 3 -> next = 101; effects = 0
	:: event == 19 && state == 4 -> next = 101; effects = 0
	:: event == 19 && state == 5 -> next = 101; effects = 0
	:: event == 19 && state == 6 -> next = 101; effects = 0
	:: event == 20 && state == 0 -> next = 101; effects = 0
	:: event == 20 && state == 1 -> next = 101; effects = 0
	:: event == 20 && state == 2 -> next = 101; effects = 0
	:: event == 20 && state == 3 -> next = 101; effects = 0
	:: event == 20 && state == 4 -> next = 101; effects = 0
	:: event == 20 && state == 5 -> next = 101; effects = 0
	:: event == 20 && state == 6 -> next = 101; effects = 0
	:: else -> skip
	fi
}
