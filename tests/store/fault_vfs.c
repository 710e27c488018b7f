#include "fault_vfs.h"
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

/* The real file lies right behind. */
struct faulty_file {
	sqlite3_file base;
	sqlite3_file *real;
	bool is_main;
};

static sqlite3_vfs faulty;
static sqlite3_vfs *real_vfs;
static sqlite3_io_methods methods;
static atomic_uint calls, strike_at;
static atomic_int fault;
static atomic_bool struck, is_log_spared;
static _Atomic(void (*)(void)) on_move;

void
fault_vfs_set(enum fault f, unsigned at)
{
	fault = FAULT_NONE;
	calls = 0;
	struck = false;
	strike_at = at;
	fault = (int)f;
}

void
fault_vfs_spare_log(bool is_spared)
{
	is_log_spared = is_spared;
}

void
fault_vfs_on_move(void (*called)(void))
{
	on_move = called;
}

unsigned
fault_vfs_calls(void)
{
	return calls;
}

bool
fault_vfs_struck(void)
{
	return struck;
}

static void
die(void)
{
	kill(getpid(), SIGKILL);
	pause();
}

enum call { CALL_WRITE, CALL_SYNC, CALL_TRUNCATE };

/* What this call must answer: SQLITE_OK to go on. */
static int
judge(const sqlite3_file *file, enum call c)
{
	bool is_main = ((const struct faulty_file *)file)->is_main;
	enum fault f = (enum fault)fault;
	bool is_sync_fault = f == FAULT_SYNC || f == FAULT_SYNC_ONCE;
	bool is_any = f == FAULT_NONE || f == FAULT_DIE;
	bool counts =
		is_any || (f == FAULT_SHORT ? c == CALL_WRITE : is_sync_fault == (c == CALL_SYNC));
	if (!counts || (is_log_spared && !is_main)) {
		return SQLITE_OK;
	}
	unsigned n = ++calls;
	if (f == FAULT_NONE || n < strike_at) {
		return SQLITE_OK;
	}
	bool is_again = struck;
	struck = true;
	switch (f) {
	case FAULT_FULL:
		return SQLITE_FULL;
	case FAULT_WRITE:
		return SQLITE_IOERR_WRITE;
	case FAULT_SYNC:
		return SQLITE_IOERR_FSYNC;
	case FAULT_SYNC_ONCE:
		return is_again ? SQLITE_OK : SQLITE_IOERR_FSYNC;
	case FAULT_SHORT:
		return SQLITE_IOERR_SHORT_READ; /* a mark for the writer below */
	default:
		die();
		return SQLITE_OK;
	}
}

static sqlite3_file *
real_of(sqlite3_file *f)
{
	return ((struct faulty_file *)f)->real;
}

static int
faulty_close(sqlite3_file *f)
{
	return real_of(f)->pMethods->xClose(real_of(f));
}

static int
faulty_read(sqlite3_file *f, void *out, int len, sqlite3_int64 at)
{
	return real_of(f)->pMethods->xRead(real_of(f), out, len, at);
}

static int
faulty_write(sqlite3_file *f, const void *data, int len, sqlite3_int64 at)
{
	void (*called)(void) = on_move;
	if (called && ((struct faulty_file *)f)->is_main) {
		called();
	}
	int code = judge(f, CALL_WRITE);
	if (code == SQLITE_IOERR_SHORT_READ) {
		(void)real_of(f)->pMethods->xWrite(real_of(f), data, len / 2, at);
		die();
	}
	return code == SQLITE_OK ? real_of(f)->pMethods->xWrite(real_of(f), data, len, at) : code;
}

static int
faulty_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	int code = judge(f, CALL_TRUNCATE);
	return code == SQLITE_OK ? real_of(f)->pMethods->xTruncate(real_of(f), size) : code;
}

static int
faulty_sync(sqlite3_file *f, int flags)
{
	int code = judge(f, CALL_SYNC);
	return code == SQLITE_OK ? real_of(f)->pMethods->xSync(real_of(f), flags) : code;
}

static int
faulty_size(sqlite3_file *f, sqlite3_int64 *size)
{
	return real_of(f)->pMethods->xFileSize(real_of(f), size);
}

static int
faulty_lock(sqlite3_file *f, int level)
{
	return real_of(f)->pMethods->xLock(real_of(f), level);
}

static int
faulty_unlock(sqlite3_file *f, int level)
{
	return real_of(f)->pMethods->xUnlock(real_of(f), level);
}

static int
faulty_check_lock(sqlite3_file *f, int *out)
{
	return real_of(f)->pMethods->xCheckReservedLock(real_of(f), out);
}

static int
faulty_control(sqlite3_file *f, int op, void *argument)
{
	return real_of(f)->pMethods->xFileControl(real_of(f), op, argument);
}

static int
faulty_sector_size(sqlite3_file *f)
{
	return real_of(f)->pMethods->xSectorSize(real_of(f));
}

static int
faulty_characteristics(sqlite3_file *f)
{
	return real_of(f)->pMethods->xDeviceCharacteristics(real_of(f));
}

static int
faulty_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **out)
{
	return real_of(f)->pMethods->xShmMap(real_of(f), page, size, extend, out);
}

static int
faulty_shm_lock(sqlite3_file *f, int offset, int n, int flags)
{
	return real_of(f)->pMethods->xShmLock(real_of(f), offset, n, flags);
}

static void
faulty_shm_barrier(sqlite3_file *f)
{
	real_of(f)->pMethods->xShmBarrier(real_of(f));
}

static int
faulty_shm_unmap(sqlite3_file *f, int drop)
{
	return real_of(f)->pMethods->xShmUnmap(real_of(f), drop);
}

static int
faulty_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out_flags)
{
	struct faulty_file *file = (struct faulty_file *)f;
	file->real = (sqlite3_file *)(file + 1);
	file->is_main = (flags & SQLITE_OPEN_MAIN_DB) != 0;
	int code = real_vfs->xOpen(real_vfs, name, file->real, flags, out_flags);
	file->base.pMethods = file->real->pMethods ? &methods : NULL;
	return code;
}

void
fault_vfs_install(void)
{
	real_vfs = sqlite3_vfs_find(NULL);
	faulty = *real_vfs;
	faulty.zName = "faulty";
	faulty.szOsFile = (int)sizeof(struct faulty_file) + real_vfs->szOsFile;
	faulty.pNext = NULL;
	faulty.xOpen = faulty_open;
	methods = (sqlite3_io_methods){ .iVersion = 2,
		.xClose = faulty_close,
		.xRead = faulty_read,
		.xWrite = faulty_write,
		.xTruncate = faulty_truncate,
		.xSync = faulty_sync,
		.xFileSize = faulty_size,
		.xLock = faulty_lock,
		.xUnlock = faulty_unlock,
		.xCheckReservedLock = faulty_check_lock,
		.xFileControl = faulty_control,
		.xSectorSize = faulty_sector_size,
		.xDeviceCharacteristics = faulty_characteristics,
		.xShmMap = faulty_shm_map,
		.xShmLock = faulty_shm_lock,
		.xShmBarrier = faulty_shm_barrier,
		.xShmUnmap = faulty_shm_unmap };
	sqlite3_vfs_register(&faulty, 1);
}
