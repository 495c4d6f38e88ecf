// SPDX-License-Identifier: GPL-2.0-or-later
/* Calls counted one by one: prepare a case, then make its call many times, each
 * measured on its own. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "probe.h"

static void count_calls(struct work *work, uint64_t calls, uint64_t *counts)
{
	const struct workload *workload = work->declared->workload;
	long result;

	workload->prepare(work);
	for (int i = 0; i < 3; i++) /* the first pass touches code and stack */
		counts[0] = measure_nothing(&work->call, &result);
	for (uint64_t i = 1; i <= calls; i++) {
		if (workload->restore)
			workload->restore(work);
		counts[i] = measure_call(&work->call, &result);
		check_result(work, result);
	}
}

void job_case(void)
{
	struct work work;
	struct folios folios = { 0 };
	uint64_t calls, size, offset, *counts;
	const struct cached_file *file;
	char path[64];

	read_case(&work, (struct key[]){ NUMBER(calls), END });
	file = file_of(&work);
	size = parameter(&work, "size", 0);
	offset = parameter(&work, "offset", 0);
	snprintf(path, sizeof(path), "%s/tailwalk", work_place());
	if (file)
		work.fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (size)
		work.memory = new_buffer(size); /* the same for every vector */
	counts = calloc(calls + 1, sizeof(*counts));
	if ((file && work.fd < 0) || !counts)
		fail("cannot make %s: %s", path, strerror(errno));
	if (file)
		cache_file(work.fd, file, settle_caches);
	if (file && file->uptodate)
		inspect_folios(work.fd, file->file_size, offset, &folios);
	count_calls(&work, calls, counts);
	if (file && !file->uptodate) /* looking reads what is missing */
		inspect_folios(work.fd, file->file_size, offset, &folios);
	send_frame(FRAME_FOLIOS, &folios, sizeof(folios));
	send_frame(FRAME_CALLS, counts, (calls + 1) * sizeof(*counts));
	free(counts);
	munmap(work.memory, size);
	if (file && (close(work.fd) || unlink(path)))
		fail("cannot remove %s: %s", path, strerror(errno));
}
