// SPDX-License-Identifier: GPL-2.0-or-later
/* Calls counted one by one: prepare a case, then make its call many times, each
 * step measured on its own. */
#include <stdlib.h>

#include "workload.h"

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

static void count_calls(struct work *work, uint64_t calls, uint64_t *counts)
{
	const struct workload *workload = work->declared->workload;

	/* The first pass touches code and stack, and lets a plugin see a marker. */
	for (int i = 0; i < 3; i++)
		counts[0] = count_nothing(work);
	for (uint64_t i = 1; i <= calls; i++) {
		if (workload->restore)
			workload->restore(work);
		counts[i] = make_call(work, measure_step);
	}
}

void job_case(void)
{
	struct work work;
	struct folios folios = { 0 };
	uint64_t calls, *counts;

	read_case(&work, (struct key[]){ NUMBER(calls), END });
	counts = calloc(calls + 1, sizeof(*counts));
	if (!counts)
		fail("no memory for %llu calls", (unsigned long long)calls);
	prepare_needs(&work);
	look_at_needs(&work, 0, &folios);
	begin_calls(&work);
	count_calls(&work, calls, counts);
	end_calls(&work);
	look_at_needs(&work, 1, &folios);
	finish_needs(&work);
	send_frame(FRAME_FOLIOS, &folios, sizeof(folios));
	send_frame(FRAME_CALLS, counts, (calls + 1) * sizeof(*counts));
	free(counts);
}
