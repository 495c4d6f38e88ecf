/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The random exerciser: what its parts share. */
#ifndef TAILWALK_EXERCISE_H
#define TAILWALK_EXERCISE_H

#include <stdint.h>
#include <sys/types.h>

#include "probe.h"

/* Four files, from larger than any folio to smaller than most. */
#define FILES 4
#define LARGEST_FILE (8ull << 20)
#define MOST_VECTORS 8
#define MOST_WRITERS 16
#define DIRECT_UNIT 512 /* what direct I/O is aligned to: the disk's blocks */

/* What an operation is about: it is described by that, and what it makes
 * durable is that. */
enum scope { EVERYTHING, WHOLE_FILE, NEW_SIZE, RANGE };

/* Every kind of operation: its name, how many they are among 1,000, what they
 * are about, and whether what was there before is on the disk for certain
 * after it. */
#define KINDS(KIND)                                                       \
	/* past the page cache: only where the job wants that */          \
	KIND(DIRECT_WRITE, "direct write", 0, RANGE, 0)                   \
	KIND(WRITE, "write", 90, RANGE, 0)                                \
	KIND(PWRITE, "pwrite", 290, RANGE, 0)                             \
	KIND(WRITEV, "writev", 90, RANGE, 0)                              \
	/* pwrite of up to 2 MiB: makes large folios */                   \
	KIND(FILL, "fill", 40, RANGE, 0)                                  \
	/* from memory that ends before the write does */                 \
	KIND(SHORT_WRITE, "short write", 20, RANGE, 0)                    \
	KIND(STORE, "mmap store", 70, RANGE, 0)                           \
	KIND(TRUNCATE, "truncate", 35, NEW_SIZE, 0)                       \
	KIND(PUNCH, "punch hole", 30, RANGE, 0)                           \
	KIND(ZERO, "zero range", 30, RANGE, 0)                            \
	/* fallocate(2): blocks that are unwritten */                     \
	KIND(RESERVE, "reserve", 20, RANGE, 0)                            \
	KIND(FSYNC, "fsync", 20, WHOLE_FILE, 1)                           \
	KIND(FDATASYNC, "fdatasync", 15, WHOLE_FILE, 1)                   \
	KIND(MSYNC, "msync", 15, RANGE, 1)                                \
	KIND(SYNC, "sync", 3, EVERYTHING, 1)                              \
	/* fdatasync(2), then POSIX_FADV_DONTNEED: of a whole file */     \
	KIND(FORGET, "forget file", 18, WHOLE_FILE, 1)                    \
	/* POSIX_FADV_DONTNEED of a range, nothing written back before */ \
	KIND(ADVISE, "forget range", 25, RANGE, 0)                        \
	/* sync_file_range(2), with its waits: only of several writers */ \
	KIND(SYNC_RANGE, "sync range", 0, RANGE, 0)                       \
	/* sync(2), then drop_caches */                                   \
	KIND(DROP, "drop caches", 4, EVERYTHING, 1)                       \
	KIND(REMOUNT, "remount", 1, EVERYTHING, 1)                        \
	/* another process takes most of the memory for a while */        \
	KIND(PRESSURE, "memory pressure", 1, EVERYTHING, 0)               \
	/* compares a range read by pread(2) */                           \
	KIND(READ, "read", 162, RANGE, 0)                                 \
	/* compares a file read by pread(2): bytes, size, holes */        \
	KIND(COMPARE, "compare", 14, WHOLE_FILE, 0)                       \
	/* compares a file through its mapping */                         \
	KIND(COMPARE_MAP, "compare mapped", 7, WHOLE_FILE, 0)             \
	KIND(DIRECT_READ, "direct read", 0, RANGE, 0)

#define ACTION(action, ...) action,
enum action { KINDS(ACTION) ACTIONS };

struct kind {
	const char *name;
	int share;
	enum scope scope;
	int durable;
};
extern const struct kind kinds[ACTIONS];

struct operation {
	uint64_t number; /* from 1 */
	enum action action;
	int file;
	uint64_t offset, length;
	uint64_t good; /* SHORT_WRITE: bytes before memory ends */
	int keep_size, whole, look;
	int vectors;
	uint64_t parts[MOST_VECTORS];
};

/* What a file must hold. Bytes from `size` on are zero. */
struct shadow {
	unsigned char *bytes;
	uint64_t size, limit;
	unsigned char *hole; /* by block: 1 where no block can have been allocated */
};

/* What a line of the job wants, and what comes of it. */
struct exercise {
	const char *kind, *device, *options;
	uint64_t seed, operations, block_size;
	uint64_t direct; /* is there direct I/O? */
	uint64_t failing; /* may writes to the disk fail? */
	uint64_t writers, writer; /* how many there are, from 1; which one this is, from 0 */
	uint64_t completed; /* after a power cut: so many operations had returned, */
	const char *told; /* and these, by number, had told of an error */
	uint64_t random;
	struct shadow shadows[FILES];
	struct operation last_fill;
	int journals_data;
};

/* exercise.c */
void job_exercise(void);
void read_exercise(struct exercise *exercise);
void send_step(const struct exercise *exercise, uint64_t completed, uint64_t limit, uint64_t told);
int do_operations(struct exercise *exercise, uint64_t from, uint64_t to);
void send_counts(void);

/* plan.c: what to do; no system call takes part, so that the same seed gives
 * the same operations and the same shadow, on any kernel. */
static inline uint64_t least(uint64_t one, uint64_t other)
{
	return one < other ? one : other;
}

struct range {
	uint64_t begin, end; /* no byte where they are the same */
};
extern const uint64_t file_limits[FILES];
void *new_memory(uint64_t length);
void free_memory(void *memory, uint64_t length);
void plan_open(struct exercise *exercise);
void plan_close(const struct exercise *exercise);
void plan_next(struct exercise *exercise, uint64_t number, struct operation *next);
struct range changed_range(const struct shadow *shadow, const struct operation *done);
void shadow_apply(struct exercise *exercise, const struct operation *done);
const char *describe(const struct operation *what);
uint64_t random_below(uint64_t *state, uint64_t limit);

/* share.c: the same where several write to a file, each its own bytes. */
int is_common(uint64_t number);
int is_own(const struct exercise *exercise, int file, uint64_t offset);
void share_next(const struct exercise *exercise, uint64_t number, struct operation *next);

/* writers.c: carrying that out. */
void let_them_write(struct exercise *exercise);

/* check.c: is it what it must be? A difference ends the probe. */
_Noreturn void report_difference(const struct exercise *exercise, const struct operation *at,
				 int file, const char *what, const unsigned char *found,
				 uint64_t offset, uint64_t found_size);
void look(const struct exercise *exercise, const struct operation *at);
void look_everywhere(const struct exercise *exercise);
extern uint64_t bytes_compared;

/* files.c: the files under test. */
extern int file_fds[FILES];
extern unsigned char *file_maps[FILES];
extern uint64_t writes_repeated;
int open_file(int file, int flags);
uint64_t file_size(int file);
void files_make(const struct exercise *exercise);
void files_open(const struct exercise *exercise);
void files_open_again(const struct exercise *exercise); /* by a child */
void files_close(void);
/* What became of an operation: it was done; it was done, or tried in vain for
 * what it makes durable, and told of an error; the file system takes no more. */
enum outcome { DONE, TOLD, OVER };
enum outcome perform(const struct exercise *exercise, const struct operation *what);
ssize_t read_file(const struct operation *at, void *buffer, uint64_t length, uint64_t offset);
int folio_order(int file, uint64_t offset);

/* recover.c */
void job_recover(void);

/* faults.c: allocations that fail in some calls. */
void job_faults(void);
int faults_wanted(void);
void faults_switch(int on);

/* stress.c: processes that change no byte and disturb everything else. */
void disturb(uint64_t seed);
void press(void);
void calm(void); /* ends both */

#endif
