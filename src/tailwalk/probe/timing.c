// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Calls timed by the clock, in batches: on a host, and in guests that run in
 * real time. What is prepared serves several cases.
 */
#define _GNU_SOURCE // CPU_SET
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "workload.h"

#define CLOCK_READS 1000

/* What a TIMES frame begins with; the batches' durations follow, in ns, and
 * where the workload restores something, those of batches that only do that. */
struct times {
	uint64_t batches;
	uint64_t calls; /* in a batch */
	uint64_t clock; /* what reading the clock costs, ns for 1000 reads */
	uint64_t voluntary, involuntary; /* context switches while measuring */
};

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

/* The case that was prepared for last. */
static struct work prepared;

void job_prepare(void)
{
	if (prepared.declared)
		finish_needs(&prepared);
	read_case(&prepared, (struct key[]){ END });
	prepare_needs(&prepared);
}

static uint64_t clock_cost(void)
{
	uint64_t begin = now();

	for (int i = 0; i < CLOCK_READS; i++)
		now();
	return now() - begin;
}

/* System calls go through the C library's function, as any program's do. One in
 * the loop itself flatters: on a Zen 4 (v6.18.44) a pwrite of 1 KiB took 457 ns
 * there and 685 from a function, and write was in the one state in some
 * processes, in the other in others. */
static inline uint64_t make_step(const struct step *step, long *result)
{
	const long *with = step->with;
	volatile char *at = (volatile char *)with[0];

	if (step->kind == SYSTEM_CALL) {
		*result = syscall(step->number, with[0], with[1], with[2], with[3], with[4],
				  with[5]);
		if (*result == -1)
			*result = -errno;
	} else if (step->kind == FUNCTION) {
		*result = step->function(with);
	} else {
		*result = 0;
		for (uint64_t i = 0; i < step->count; i++, at += step->stride)
			if (step->kind == LOAD)
				(void)*at;
			else
				*at = 1;
	}
	return 0;
}

/* What so many calls take, ns, and what restores what they change; where that
 * undoes them the clock is stopped for it, of which a reading costs `clock`. */
static uint64_t time_calls(struct work *work, uint64_t calls, uint64_t clock)
{
	const struct workload *workload = work->declared->workload;
	uint64_t begin = now(), stopped = 0;

	for (uint64_t i = 0; i < calls; i++) {
		if (workload->undoes) {
			uint64_t since = now();

			workload->restore(work);
			stopped += now() - since + clock;
		} else if (workload->restore) {
			workload->restore(work);
		}
		make_call(work, make_step);
	}
	return now() - begin - stopped;
}

static uint64_t time_restoring(struct work *work, uint64_t calls)
{
	const struct workload *workload = work->declared->workload;
	uint64_t begin = now();

	for (uint64_t i = 0; i < calls; i++)
		workload->restore(work);
	return now() - begin;
}

void job_time(void)
{
	struct work work;
	struct rusage before, after;
	uint64_t batches, calls, clock, *durations;
	struct times *times;
	int restores;

	read_case(&work, (struct key[]){ NUMBER(batches), NUMBER(calls), END });
	work.timed = 1;
	restores = work.declared->workload->restore && !work.declared->workload->undoes;
	times = calloc(1, sizeof(*times) + 2 * batches * sizeof(uint64_t));
	if (!times || !prepared.declared)
		fail("nothing to time: nothing was prepared, or no memory");
	begin_calls(&work);
	durations = (uint64_t *)(times + 1);
	*times = (struct times){ .batches = batches, .calls = calls };
	times->clock = clock_cost();
	clock = times->clock / CLOCK_READS;
	time_calls(&work, calls, clock); /* touches code, stack and the folio's buffers */
	getrusage(RUSAGE_SELF, &before);
	for (uint64_t i = 0; i < batches; i++) {
		durations[i] = time_calls(&work, calls, clock);
		if (restores)
			durations[batches + i] = time_restoring(&work, calls);
	}
	getrusage(RUSAGE_SELF, &after);
	end_calls(&work);
	times->voluntary = (uint64_t)(after.ru_nvcsw - before.ru_nvcsw);
	times->involuntary = (uint64_t)(after.ru_nivcsw - before.ru_nivcsw);
	send_frame(FRAME_TIMES, times,
		   sizeof(*times) + (restores ? 2 : 1) * batches * sizeof(uint64_t));
	free(times);
}

void job_folios(void)
{
	struct work work;
	struct folios folios = { 0 };

	read_case(&work, (struct key[]){ END });
	look_at_needs(&work, 1, &folios);
	send_frame(FRAME_FOLIOS, &folios, sizeof(folios));
}

void job_pause(void)
{
	job_read((struct key[]){ END });
	if (is_guest())
		guest_pause();
}
