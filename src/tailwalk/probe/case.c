// SPDX-License-Identifier: GPL-2.0-or-later
/* A case of the job: its workload, its parameters, and the file it needs. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "probe.h"

static const struct declared *find_workload(const char *name)
{
	const struct declared *found = workloads;

	while (found->name && strcmp(found->name, name))
		found++;
	if (!found->name)
		fail("the probe has no workload %s", name);
	return found;
}

void read_case(struct work *work, const struct key *more)
{
	const char *workload = job_word("workload");
	struct key keys[MOST_PARAMETERS + 4] = { TEXT(workload) };
	struct key *next = keys + 1;

	*work = (struct work){ .declared = find_workload(workload), .fd = -1 };
	while (more->name)
		*next++ = *more++;
	for (int i = 0; work->declared->parameters[i]; i++)
		*next++ = (struct key){ .name = work->declared->parameters[i],
					.number = &work->values[i] };
	job_read(keys);
}

uint64_t parameter(const struct work *work, const char *name, uint64_t otherwise)
{
	for (int i = 0; work->declared->parameters[i]; i++)
		if (strcmp(work->declared->parameters[i], name) == 0)
			return work->values[i];
	return otherwise;
}

const struct cached_file *file_of(const struct work *work)
{
	size_t at = work->declared->cached_file;

	return at == NONE ? NULL : (const void *)((const char *)work->values + at);
}

char *new_buffer(uint64_t size)
{
	char *buffer = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (buffer == MAP_FAILED)
		fail("no memory for a buffer of %llu bytes", (unsigned long long)size);
	for (uint64_t i = 0; i < size; i++)
		buffer[i] = (char)(i * 31 + (i >> 8));
	return buffer;
}

/* Writes of `fill` bytes ask for folios of that size (fgf_set_order, v6.16 on).
 * With a last page that is missing, each ends a page early: the folio is made
 * for the whole write, and its last page is neither read nor written. */
void fill_file(int fd, const struct cached_file *file, size_t missing)
{
	char *buffer = new_buffer(file->fill);

	if (missing && mprotect(buffer + file->fill - missing, missing, PROT_NONE))
		fail("mprotect: %s", strerror(errno));
	for (uint64_t at = 0; at < file->file_size;) {
		uint64_t left = file->file_size - at;
		size_t part = file->fill < left ? file->fill : left;
		size_t readable = part < file->fill ? part : part - missing;

		if (pwrite(fd, buffer, part, (off_t)at) != (ssize_t)readable)
			fail("cannot fill the file at %llu: %s", (unsigned long long)at,
			     strerror(errno));
		at += part;
	}
	munmap(buffer, file->fill);
	if (fsync(fd))
		fail("fsync: %s", strerror(errno));
}

void cache_file(int fd, const struct cached_file *file, void (*empty)(int fd))
{
	empty(fd);
	fill_file(fd, file, 0);
	if (file->uptodate)
		return;
	/* Over blocks that are on disk: new ones would be zeroed, and so uptodate
	 * (folio_zero_new_buffers). */
	empty(fd);
	fill_file(fd, file, page_size());
}

void seek_to(const struct work *work, uint64_t offset)
{
	if (lseek(work->fd, (off_t)offset, SEEK_SET) < 0)
		fail("lseek: %s", strerror(errno));
}

void check_result(const struct work *work, long result)
{
	if (work->declared->workload->check)
		work->declared->workload->check(work, result);
	else if (result != (long)work->expected)
		fail("a call of %s did %ld of %llu bytes%s%s", work->declared->name,
		     result < 0 ? 0 : result, (unsigned long long)work->expected,
		     result < 0 ? ": " : "", result < 0 ? strerror((int)-result) : "");
}
