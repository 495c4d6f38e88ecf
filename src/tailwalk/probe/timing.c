// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Calls timed by the clock, in batches: on a host, and in guests that run in
 * real time.
 *
 * One file without a name serves every case: it vanishes with its last
 * descriptor, whatever ends this program.
 */
#define _GNU_SOURCE // O_TMPFILE, CPU_SET
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "probe.h"

#define PAGE 4096
#define CLOCK_READS 1000
#define HEAD 16 /* bytes before what malloc(3) returns, which it writes to */

/* What a TIMES frame begins with; the batches' durations follow, in ns, and
 * where the case seeks, those of batches that only seek. */
struct times {
	uint64_t batches;
	uint64_t calls; /* in a batch */
	uint64_t clock; /* what reading the clock costs, ns for 1000 reads */
	uint64_t voluntary, involuntary; /* context switches while measuring */
};

static int file = -1;

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		fail("cannot run on CPU %d: %s", cpu, strerror(errno));
}

static const char *place(void)
{
	return is_guest() ? "/mnt" : ".";
}

static void open_file(void)
{
	char name[64];

	file = open(place(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (file >= 0)
		return;
	/* What file systems and kernels without O_TMPFILE say (open(2)). */
	if (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT && errno != EINVAL)
		fail("cannot make a file there: %s", strerror(errno));
	snprintf(name, sizeof(name), "%s/.tailwalk-XXXXXX", place());
	file = mkostemp(name, O_CLOEXEC);
	if (file < 0 || unlink(name))
		fail("cannot make a file there: %s", strerror(errno));
}

static int is_cached(void)
{
	off_t size = lseek(file, 0, SEEK_END);
	size_t pages = ((size_t)size + PAGE - 1) / PAGE;
	unsigned char *resident;
	char *map;
	int found = 0;

	if (size <= 0)
		return 0;
	resident = calloc(pages, 1);
	map = mmap(NULL, (size_t)size, PROT_READ, MAP_SHARED, file, 0);
	if (!resident || map == MAP_FAILED || mincore(map, (size_t)size, resident))
		fail("cannot look at the file's cache: %s", strerror(errno));
	for (size_t i = 0; i < pages && !found; i++)
		found = resident[i] & 1;
	munmap(map, (size_t)size);
	free(resident);
	return found;
}

static void empty_cache(void)
{
	settle_caches(file);
	/* A file system in memory keeps its pages, and the kernel those in use. */
	if (is_cached() && ftruncate(file, 0))
		fail("cannot empty the file: %s", strerror(errno));
}

static void refill(const struct call_case *wanted)
{
	if (file < 0)
		open_file();
	if (ftruncate(file, (off_t)wanted->file_size))
		fail("cannot make a file of %llu bytes: %s", (unsigned long long)wanted->file_size,
		     strerror(errno));
	empty_cache();
	fill_file(file, wanted, 0);
	if (!wanted->uptodate) {
		empty_cache();
		fill_file(file, wanted, PAGE);
	}
}

static uint64_t clock_cost(void)
{
	uint64_t begin = now();

	for (int i = 0; i < CLOCK_READS; i++)
		now();
	return now() - begin;
}

/* What is called, and how much it has to write.
 *
 * Calls go through the C library from a function of their own, as any program's
 * do. A system call in the loop itself flatters: on a Zen 4 (v6.18.44) a pwrite
 * of 1 KiB took 457 ns there and 685 from a function, and write was in the one
 * state in some processes, in the other in others. */
struct target {
	void (*call)(const struct target *to);
	const void *memory; /* of writev: the vectors */
	size_t count; /* bytes; of writev: vectors */
	off_t offset;
	ssize_t length;
};

static void check(const struct target *to, ssize_t result)
{
	if (result != to->length)
		fail("a call wrote %zd of %zd bytes%s%s", result < 0 ? 0 : result, to->length,
		     result < 0 ? ": " : "", result < 0 ? strerror(errno) : "");
}

static void call_pwrite(const struct target *to)
{
	check(to, pwrite(file, to->memory, to->count, to->offset));
}

static void call_write(const struct target *to)
{
	check(to, write(file, to->memory, to->count));
}

static void call_writev(const struct target *to)
{
	check(to, writev(file, to->memory, (int)to->count));
}

static uint64_t time_calls(const struct target *to, uint64_t calls)
{
	int seeks = to->call != call_pwrite;
	uint64_t begin = now();

	for (uint64_t i = 0; i < calls; i++) {
		if (seeks)
			lseek(file, to->offset, SEEK_SET);
		to->call(to);
	}
	return now() - begin;
}

static uint64_t time_seeks(const struct target *to, uint64_t calls)
{
	uint64_t begin = now();

	for (uint64_t i = 0; i < calls; i++)
		lseek(file, to->offset, SEEK_SET);
	return now() - begin;
}

static void time_case(const struct call_case *wanted, uint64_t batches)
{
	struct iovec vectors[1024];
	struct rusage before, after;
	struct times *times = calloc(1, sizeof(*times) + 2 * batches * sizeof(uint64_t));
	uint64_t *durations = (uint64_t *)(times + 1);
	/* As libMicro's: each vector from memory of its own, where malloc(3) would
	 * have it, its head written and nothing else. One buffer for ten vectors
	 * makes the call 15% cheaper; a place in the page near that of the file's,
	 * where loads seem to depend on stores, 4% dearer. */
	uint64_t stride = wanted->size + HEAD, length = wanted->vectors * stride + 2 * PAGE;
	char *memory = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			    0);
	char *buffer = memory + (wanted->offset + PAGE / 4) % PAGE / HEAD * HEAD + HEAD;
	struct target to = {
		.call = call_pwrite,
		.memory = buffer,
		.count = wanted->size,
		.offset = (off_t)wanted->offset,
		.length = (ssize_t)(wanted->size * wanted->vectors),
	};
	int seeks;

	if (!times || memory == MAP_FAILED || file < 0)
		fail("nothing to time: no file was filled, or no memory");
	for (uint64_t i = 0; i < wanted->vectors; i++)
		memset(buffer + i * stride - HEAD, 1, HEAD);
	if (strcmp(wanted->call, "write") == 0)
		to.call = call_write;
	if (strcmp(wanted->call, "writev") == 0) {
		for (uint64_t i = 0; i < wanted->vectors; i++)
			vectors[i] = (struct iovec){ buffer + i * stride, wanted->size };
		to.call = call_writev;
		to.memory = vectors;
		to.count = wanted->vectors;
	}
	seeks = to.call != call_pwrite;
	*times = (struct times){ .batches = batches, .calls = wanted->calls };
	times->clock = clock_cost();
	time_calls(&to, wanted->calls); /* touches code, stack and the folio's buffers */
	getrusage(RUSAGE_SELF, &before);
	for (uint64_t i = 0; i < batches; i++) {
		durations[i] = time_calls(&to, wanted->calls);
		if (seeks)
			durations[batches + i] = time_seeks(&to, wanted->calls);
	}
	getrusage(RUSAGE_SELF, &after);
	times->voluntary = (uint64_t)(after.ru_nvcsw - before.ru_nvcsw);
	times->involuntary = (uint64_t)(after.ru_nivcsw - before.ru_nivcsw);
	send_frame(FRAME_TIMES, times,
		   sizeof(*times) + (seeks ? 2 : 1) * batches * sizeof(uint64_t));
	munmap(memory, length);
	free(times);
}

/* Lines of a job:
 *   pin CPU
 *   fill FILE_SIZE FILL UPTODATE     empty the file's page cache and populate it
 *   time CALL SIZE VECTORS OFFSET BATCHES CALLS
 *   folios FILE_SIZE OFFSET
 *   pause                            (in a guest) stop the machine until told to go on
 */
int timing_command(const char *line)
{
	unsigned long long n[6];
	struct folios folios;
	char call[64];

	if (sscanf(line, "pin %llu", &n[0]) == 1) {
		pin((int)n[0]);
	} else if (sscanf(line, "fill %llu %llu %llu", &n[0], &n[1], &n[2]) == 3) {
		struct call_case wanted = { .file_size = n[0], .fill = n[1], .uptodate = n[2] };

		refill(&wanted);
	} else if (sscanf(line, "time %63s %llu %llu %llu %llu %llu", call, &n[0], &n[1], &n[2],
			  &n[3], &n[4]) == 6) {
		struct call_case wanted = {
			.call = call, .size = n[0], .vectors = n[1], .offset = n[2], .calls = n[4]
		};

		time_case(&wanted, n[3]);
	} else if (sscanf(line, "folios %llu %llu", &n[0], &n[1]) == 2) {
		inspect_folios(file, n[0], n[1], &folios);
		send_frame(FRAME_FOLIOS, &folios, sizeof(folios));
	} else if (strcmp(line, "pause") == 0 && is_guest()) {
		transport_pause();
	} else {
		return 0;
	}
	return 1;
}
