// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE // O_TMPFILE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "workload.h"

static int file = -1;

/* On a host without a name: it vanishes with its last descriptor, whatever ends
 * this program. */
static int open_file(void)
{
	char name[64];
	int fd;

	if (is_guest())
		return open(in_work_place("tailwalk"), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC,
			    0600);
	fd = open(work_place(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	/* What file systems and kernels without O_TMPFILE say (open(2)). */
	if (fd >= 0 ||
	    (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT && errno != EINVAL))
		return fd;
	snprintf(name, sizeof(name), "%s/.tailwalk-XXXXXX", work_place());
	fd = mkostemp(name, O_CLOEXEC);
	return fd < 0 || unlink(name) ? -1 : fd;
}

int open_work_file(void)
{
	int fd = open_file();

	if (fd < 0)
		fail("cannot make a file there: %s", strerror(errno));
	return fd;
}

void remove_work_file(int *fd)
{
	if (close(*fd) || (is_guest() && unlink(in_work_place("tailwalk"))))
		fail("cannot remove the file: %s", strerror(errno));
	*fd = -1;
}

/* Writes of `fill` bytes ask for folios of that size (fgf_set_order, v6.16 on).
 * With a last page that is missing, each ends a page early: the folio is made
 * for the whole write, and its last page is neither read nor written. */
void fill_file(int fd, const struct cached_file *of, size_t missing)
{
	char *buffer = new_buffer(of->fill);

	if (missing && mprotect(buffer + of->fill - missing, missing, PROT_NONE))
		fail("mprotect: %s", strerror(errno));
	for (uint64_t at = 0; at < of->file_size;) {
		uint64_t left = of->file_size - at;
		size_t part = of->fill < left ? of->fill : left;
		size_t readable = part < of->fill ? part : part - missing;

		if (pwrite(fd, buffer, part, (off_t)at) != (ssize_t)readable)
			fail("cannot fill the file at %llu: %s", (unsigned long long)at,
			     strerror(errno));
		at += part;
	}
	munmap(buffer, of->fill);
	if (fsync(fd))
		fail("fsync: %s", strerror(errno));
}

static void prepare(const void *parameters)
{
	const struct cached_file *of = parameters;

	file = open_work_file();
	settle_caches(file);
	fill_file(file, of, 0);
	if (of->uptodate)
		return;
	/* Over blocks that are on disk: new ones would be zeroed, and so uptodate
	 * (folio_zero_new_buffers). */
	settle_caches(file);
	fill_file(file, of, page_size());
}

static void ready(struct work *work)
{
	work->fd = file;
}

static void look(const struct work *work, const void *parameters, int last, struct folios *found)
{
	const struct cached_file *of = parameters;

	/* Looking reads what is missing of folios that are not uptodate. */
	if (!found->known && (of->uptodate || last))
		inspect_folios(file, of->file_size, parameter(work, "offset", 0), found);
}

static void finish(void)
{
	remove_work_file(&file);
}

const struct preparation preparation_cached_file = {
	.prepare = prepare, .ready = ready, .look = look, .finish = finish
};
