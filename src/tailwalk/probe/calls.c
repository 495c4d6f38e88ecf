// SPDX-License-Identifier: GPL-2.0-or-later
/* Calls counted one by one: prepare a case, then make its call many times, each
 * step measured on its own. */
#include <stdlib.h>

#include "workload.h"

#define NOTHINGS 3 /* passes (rigs/alone.py knows how many) */

/* What of a call is not the kernel's; 0 where that cannot be told of a step. */
static uint64_t count_nothing(const struct work *work)
{
	uint64_t sum = 0;
	int told = 1;

	for (size_t i = 0; i < work->count; i++) {
		uint64_t nothing = measure_nothing(&work->steps[i]);

		told = told && nothing;
		sum += nothing;
	}
	return told ? sum : 0;
}

/* `written`, unless it is NULL, is what each wrote to disks, bytes. */
static void count_calls(struct work *work, uint64_t calls, uint64_t *counts, uint64_t *written)
{
	const struct workload *workload = work->declared->workload;
	uint64_t before = written ? bytes_written() : 0;

	/* The first pass touches code and stack, and lets a plugin see a marker. */
	for (int i = 0; i < NOTHINGS; i++)
		counts[0] = count_nothing(work);
	for (uint64_t i = 0; i < calls; i++) {
		if (workload->restore) {
			workload->restore(work);
			before = written ? bytes_written() : 0;
		}
		counts[1 + i] = make_call(work, measure_step);
		if (written) {
			written[i] = bytes_written() - before;
			before += written[i];
		}
	}
}

/* Which memory is in use decides what some calls cost, so the first ones are the same however many
 * follow: counts of as many as a case makes that is alone lie on one page. */
#define FEW (SMALLEST_PAGE / sizeof(uint64_t))
static uint64_t few[FEW] __attribute__((aligned(SMALLEST_PAGE)));

static void count_case(int alone)
{
	struct work work;
	struct folios folios = { 0 };
	uint64_t calls, disk = 0, *counts, *written;

	if (alone)
		read_case(&work, (struct key[]){ NUMBER(calls), NUMBER(disk), END });
	else
		read_case(&work, (struct key[]){ NUMBER(calls), END });
	counts = 2 * calls + 3 > FEW ? reallocarray(NULL, 2 * calls + 3, sizeof(*counts)) : few;
	if (!counts)
		fail("no memory for %llu calls", (unsigned long long)calls);
	written = disk && tells_written() ? counts + 2 + calls : NULL;
	if (!alone)
		prepare_needs(&work);
	look_at_needs(&work, 0, &folios);
	begin_calls(&work);
	counts[0] = work.count;
	count_calls(&work, calls, counts + 1, written);
	end_calls(&work);
	look_at_needs(&work, 1, &folios);
	if (!alone)
		finish_needs(&work);
	send_frame(FRAME_FOLIOS, &folios, sizeof(folios));
	send_frame(FRAME_CALLS, counts, (calls + 2) * sizeof(*counts));
	if (alone)
		send_frame(FRAME_WRITTEN, written, (written ? calls : 0) * sizeof(*written));
	if (counts != few)
		free(counts);
}

void job_case(void)
{
	count_case(0);
}

void job_alone(void)
{
	count_case(1);
}
