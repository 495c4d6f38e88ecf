// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a database does to one file, for benchmarks/databases.py, which compiles and runs it.
 *
 *     database_load LOAD CACHED MIB WARM COUNTED
 *
 * LOAD is rollback, wal or wal-normal: SQLite transactions, each of one UPDATE of one row by its
 * key, in journal_mode=DELETE or WAL, synchronous=FULL (wal-normal: NORMAL); or overwrite or
 * overwrite-sync: 8 KiB at a multiple of 8 KiB, the latter with fdatasync() after every 32nd, as
 * PostgreSQL's checkpointer asks for writeback every 256 KiB. The file of MIB MiB is in the page cache,
 * and clean, before that: by writes of CACHED bytes, or, for CACHED = read, dropped and read in
 * from its start to its end. Prints the pages by the order of their folios. Then come WARM and
 * COUNTED transactions or writes at random places, always the same ones.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/random.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "pages.h"

#define FILE_NAME "database"
#define MIB (1 << 20)
#define READ_CALL (128 << 10)
#define PAGE 8192
#define WRITES_A_SYNC 32

/* Ten rows to a page of 4 KiB. */
#define ROWS_A_MIB 2560

_Noreturn void fail(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	exit(1);
}

/* SQLite asks for random bytes. A guest that has just booted has none, and its kernel then makes
 * some for a billion instructions (try_to_generate_entropy, v6.18): credit it with some. */
static void credit_entropy(void)
{
	struct {
		struct rand_pool_info head;
		unsigned char bytes[64];
	} given = { .head = { .entropy_count = 512, .buf_size = 64 } };
	int device = open("/dev/random", O_WRONLY);

	if (device < 0 || ioctl(device, RNDADDENTROPY, &given))
		fail("cannot credit the kernel with random bytes: %s", strerror(errno));
	close(device);
}

static unsigned long random_below(unsigned long limit)
{
	static unsigned long state = 1;

	state = state * 6364136223846793005UL + 1442695040888963407UL;
	return (state >> 33) % limit;
}

static void check(sqlite3 *database, int result)
{
	if (result != SQLITE_OK)
		fail("SQLite: %s", sqlite3_errmsg(database));
}

static sqlite3 *opened(const char *name)
{
	sqlite3 *database;

	check(database, sqlite3_open(name, &database));
	return database;
}

/* A database as the bytes of its file. */
static unsigned char *database_bytes(unsigned long mib, sqlite3_int64 *size)
{
	sqlite3 *database = opened(":memory:");
	unsigned char *bytes;
	char *text = sqlite3_mprintf(
		"PRAGMA page_size = 4096;"
		"CREATE TABLE account(id INTEGER PRIMARY KEY, balance INTEGER, note BLOB);"
		"WITH RECURSIVE ids(id) AS (SELECT 0 UNION ALL SELECT id + 1 FROM ids LIMIT %lu)"
		" INSERT INTO account SELECT id, 1000000, zeroblob(380) FROM ids",
		mib * ROWS_A_MIB);

	check(database, sqlite3_exec(database, text, NULL, NULL, NULL));
	bytes = sqlite3_serialize(database, "main", size, 0);
	if (!bytes)
		fail("no memory for the database");
	sqlite3_free(text);
	sqlite3_close(database);
	return bytes;
}

static void put(int file, const unsigned char *bytes, size_t size, size_t call)
{
	for (size_t at = 0; at < size; at += call) {
		size_t part = size - at < call ? size - at : call;

		if (pwrite(file, bytes + at, part, (off_t)at) != (ssize_t)part)
			fail("cannot write the file: %s", strerror(errno));
	}
	if (fsync(file))
		fail("fsync: %s", strerror(errno));
}

static void read_in(int file, size_t size)
{
	static unsigned char data[READ_CALL];

	if (posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED))
		fail("cannot drop the file from the page cache");
	for (size_t at = 0; at < size; at += sizeof(data))
		if (pread(file, data, sizeof(data), (off_t)at) <= 0)
			fail("cannot read the file: %s", strerror(errno));
}

static void print_folios(int file, size_t size)
{
	struct folios found;

	inspect_folios(file, size, 0, &found);
	if (!found.known)
		fail("this kernel does not show its page flags");
	for (int order = 0; order < 32; order++)
		if (found.count[order])
			printf("%d %lu\n", order, (unsigned long)found.count[order] << order);
}

static void transact(const char *journal, const char *synchronous, unsigned long rows, long count)
{
	sqlite3 *database = opened(FILE_NAME);
	sqlite3_stmt *update;
	char *modes = sqlite3_mprintf("PRAGMA journal_mode = %s; PRAGMA synchronous = %s", journal,
				      synchronous);

	check(database, sqlite3_exec(database, modes, NULL, NULL, NULL));
	check(database,
	      sqlite3_prepare_v2(database, "UPDATE account SET balance = balance + ? WHERE id = ?",
				 -1, &update, NULL));
	while (count--) {
		sqlite3_bind_int(update, 1, (int)random_below(1000) - 500);
		sqlite3_bind_int64(update, 2, (sqlite3_int64)random_below(rows));
		if (sqlite3_step(update) != SQLITE_DONE || sqlite3_changes(database) != 1)
			fail("no row was updated: %s", sqlite3_errmsg(database));
		check(database, sqlite3_reset(update));
	}
	/* Left as it is: closing would write the rest of a WAL to the database. */
}

static void overwrite(int file, unsigned long pages, long count, int sync)
{
	static unsigned char page[PAGE];

	for (long i = 1; i <= count; i++) {
		memset(page, (int)i, 64);
		if (pwrite(file, page, PAGE, (off_t)(random_below(pages) * PAGE)) != PAGE)
			fail("cannot overwrite: %s", strerror(errno));
		if (sync && i % WRITES_A_SYNC == 0 && fdatasync(file))
			fail("fdatasync: %s", strerror(errno));
	}
}

int main(int argc, char **argv)
{
	int file = open(FILE_NAME, O_RDWR | O_CREAT | O_EXCL, 0600);
	sqlite3_int64 size;
	unsigned char *bytes;
	unsigned long mib;
	long count;
	int from_disk;

	if (argc != 6 || (mib = strtoul(argv[3], NULL, 10)) < 1)
		fail("usage: database_load LOAD CACHED MIB WARM COUNTED");
	if (file < 0)
		fail("cannot make the file: %s", strerror(errno));
	/* Keeps khugepaged from copying the program's memory at times of its own. */
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	credit_entropy();
	count = atol(argv[4]) + atol(argv[5]);
	from_disk = !strcmp(argv[2], "read");
	if (!strncmp(argv[1], "overwrite", 9)) {
		size = (sqlite3_int64)mib * MIB;
		bytes = calloc(mib, MIB);
		if (!bytes)
			fail("no memory for the file");
	} else {
		bytes = database_bytes(mib, &size);
	}
	put(file, bytes, (size_t)size, from_disk ? MIB : strtoul(argv[2], NULL, 10));
	if (from_disk)
		read_in(file, (size_t)size);
	print_folios(file, (size_t)size);
	if (!strcmp(argv[1], "overwrite"))
		overwrite(file, mib * MIB / PAGE, count, 0);
	else if (!strcmp(argv[1], "overwrite-sync"))
		overwrite(file, mib * MIB / PAGE, count, 1);
	else if (!strcmp(argv[1], "rollback"))
		transact("DELETE", "FULL", mib * ROWS_A_MIB, count);
	else if (!strcmp(argv[1], "wal"))
		transact("WAL", "FULL", mib * ROWS_A_MIB, count);
	else if (!strcmp(argv[1], "wal-normal"))
		transact("WAL", "NORMAL", mib * ROWS_A_MIB, count);
	else
		fail("%s is no load", argv[1]);
	return 0;
}
