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

#define CLOCK_READS 1000
#define HEAD 16 /* bytes before what malloc(3) returns, which it writes to */

/* What a TIMES frame begins with; the batches' durations follow, in ns, and
 * where the workload restores something, those of batches that only do that. */
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

void job_pin(void)
{
	uint64_t cpu;
	cpu_set_t set;

	job_read((struct key[]){ NUMBER(cpu), END });
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		fail("cannot run on CPU %llu: %s", (unsigned long long)cpu, strerror(errno));
}

static void open_file(void)
{
	char name[64];

	file = open(work_place(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (file >= 0)
		return;
	/* What file systems and kernels without O_TMPFILE say (open(2)). */
	if (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT && errno != EINVAL)
		fail("cannot make a file there: %s", strerror(errno));
	snprintf(name, sizeof(name), "%s/.tailwalk-XXXXXX", work_place());
	file = mkostemp(name, O_CLOEXEC);
	if (file < 0 || unlink(name))
		fail("cannot make a file there: %s", strerror(errno));
}

static int is_cached(void)
{
	off_t size = lseek(file, 0, SEEK_END);
	size_t pages = ((size_t)size + page_size() - 1) / page_size();
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

static void empty_cache(int fd)
{
	settle_caches(fd);
	/* A file system in memory keeps its pages, and the kernel those in use. */
	if (is_cached() && ftruncate(fd, 0))
		fail("cannot empty the file: %s", strerror(errno));
}

void job_fill(void)
{
	struct work work;
	const struct cached_file *wanted;

	read_case(&work, (struct key[]){ END });
	wanted = file_of(&work);
	if (!wanted)
		return;
	if (file < 0)
		open_file();
	if (ftruncate(file, (off_t)wanted->file_size))
		fail("cannot make a file of %llu bytes: %s", (unsigned long long)wanted->file_size,
		     strerror(errno));
	cache_file(file, wanted, empty_cache);
}

static uint64_t clock_cost(void)
{
	uint64_t begin = now();

	for (int i = 0; i < CLOCK_READS; i++)
		now();
	return now() - begin;
}

/* Calls go through the C library from a function of their own, as any program's
 * do. A system call in the loop itself flatters: on a Zen 4 (v6.18.44) a pwrite
 * of 1 KiB took 457 ns there and 685 from a function, and write was in the one
 * state in some processes, in the other in others. */
static uint64_t time_calls(struct work *work, uint64_t calls)
{
	const struct workload *workload = work->declared->workload;
	uint64_t begin = now();

	for (uint64_t i = 0; i < calls; i++) {
		long result;

		if (workload->restore)
			workload->restore(work);
		result = workload->call(work);
		check_result(work, result < 0 ? -errno : result);
	}
	return now() - begin;
}

static uint64_t time_restoring(struct work *work, uint64_t calls)
{
	const struct workload *workload = work->declared->workload;
	uint64_t begin = now();

	for (uint64_t i = 0; i < calls; i++)
		workload->restore(work);
	return now() - begin;
}

/* As libMicro's: each vector from memory of its own, where malloc(3) would
 * have it, its head written and nothing else. One buffer for ten vectors
 * makes the call 15% cheaper; a place in the page near that of the file's,
 * where loads seem to depend on stores, 4% dearer. */
static struct iovec lay_out_memory(struct work *work)
{
	uint64_t vectors = parameter(work, "vectors", 1), offset = parameter(work, "offset", 0);
	uint64_t page = page_size();
	struct iovec all;

	work->stride = parameter(work, "size", 0) + HEAD;
	all.iov_len = vectors * work->stride + 2 * page;
	all.iov_base = mmap(NULL, all.iov_len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);
	if (all.iov_base == MAP_FAILED)
		fail("no memory for %llu vectors", (unsigned long long)vectors);
	work->memory = (char *)all.iov_base + (offset + page / 4) % page / HEAD * HEAD + HEAD;
	for (uint64_t i = 0; i < vectors; i++)
		memset(work->memory + i * work->stride - HEAD, 1, HEAD);
	return all;
}

void job_time(void)
{
	struct work work;
	struct rusage before, after;
	uint64_t batches, calls, *durations;
	struct iovec memory;
	struct times *times;
	int restores;

	read_case(&work, (struct key[]){ NUMBER(batches), NUMBER(calls), END });
	restores = work.declared->workload->restore != NULL;
	times = calloc(1, sizeof(*times) + 2 * batches * sizeof(uint64_t));
	if (!times || (file_of(&work) && file < 0))
		fail("nothing to time: no file was filled, or no memory");
	work.fd = file;
	memory = lay_out_memory(&work);
	work.declared->workload->prepare(&work);
	durations = (uint64_t *)(times + 1);
	*times = (struct times){ .batches = batches, .calls = calls };
	times->clock = clock_cost();
	time_calls(&work, calls); /* touches code, stack and the folio's buffers */
	getrusage(RUSAGE_SELF, &before);
	for (uint64_t i = 0; i < batches; i++) {
		durations[i] = time_calls(&work, calls);
		if (restores)
			durations[batches + i] = time_restoring(&work, calls);
	}
	getrusage(RUSAGE_SELF, &after);
	times->voluntary = (uint64_t)(after.ru_nvcsw - before.ru_nvcsw);
	times->involuntary = (uint64_t)(after.ru_nivcsw - before.ru_nivcsw);
	send_frame(FRAME_TIMES, times,
		   sizeof(*times) + (restores ? 2 : 1) * batches * sizeof(uint64_t));
	munmap(memory.iov_base, memory.iov_len);
	free(times);
}

void job_folios(void)
{
	struct work work;
	struct folios folios = { 0 };
	const struct cached_file *wanted;

	read_case(&work, (struct key[]){ END });
	wanted = file_of(&work);
	if (wanted)
		inspect_folios(file, wanted->file_size, parameter(&work, "offset", 0), &folios);
	send_frame(FRAME_FOLIOS, &folios, sizeof(folios));
}

void job_pause(void)
{
	job_read((struct key[]){ END });
	if (is_guest())
		transport_pause();
}
