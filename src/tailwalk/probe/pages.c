// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * /proc/self/pagemap gives the page frame behind each page of a mapping
 * (bits 0-54, bit 63 present), /proc/kpageflags that frame's flags
 * (Documentation/admin-guide/mm/pagemap.rst, v6.12). A folio is a page and the
 * tails that follow it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "probe.h"

#define PRESENT (1ull << 63)
#define FRAME_MASK ((1ull << 55) - 1)

uint64_t page_size(void)
{
	static uint64_t size;

	if (!size)
		size = (uint64_t)sysconf(_SC_PAGESIZE);
	return size;
}

static int pagemap = -1, kpageflags = -1;

static int read_words(const char *path, int *fd, uint64_t index, uint64_t *words, size_t count)
{
	if (*fd < 0)
		*fd = open(path, O_RDONLY | O_CLOEXEC);
	return pread(*fd, words, count * 8, (off_t)(index * 8)) == (ssize_t)(count * 8);
}

/* The frames of so many pages from an address on: 0 for a page that is not
 * there, or whose frame this user may not know. 0 where the kernel tells none. */
int page_frames(const volatile void *at, uint64_t *frames, size_t count)
{
	if (!read_words("/proc/self/pagemap", &pagemap, (uintptr_t)at / page_size(), frames,
			count))
		return 0;
	for (size_t i = 0; i < count; i++)
		frames[i] = frames[i] & PRESENT ? frames[i] & FRAME_MASK : 0;
	return 1;
}

/* The flags of so many frames; 0 where the kernel does not tell. */
int frame_flags(uint64_t frame, uint64_t *flags, size_t count)
{
	return frame && read_words("/proc/kpageflags", &kpageflags, frame, flags, count);
}

static int order_of(uint64_t pages)
{
	return 63 - __builtin_clzll(pages);
}

/* The order of the folio behind a page that may be touched; -1 where the kernel
 * does not tell. Flags are read for the largest folio that the page can be in,
 * which starts at a multiple of its length in memory too. */
int mapped_order(const volatile unsigned char *at)
{
	uint64_t pages = LARGEST_FOLIO / page_size();
	uint64_t flags[LARGEST_FOLIO / SMALLEST_PAGE], frame, first, last;

	(void)*at;
	if (!page_frames(at, &frame, 1) || !frame)
		return -1;
	first = last = frame % pages;
	if (!frame_flags(frame - first, flags, pages))
		return -1;
	while (first && flags[first] & FLAG_TAIL)
		first--;
	while (last + 1 < pages && flags[last + 1] & FLAG_TAIL)
		last++;
	return order_of(last - first + 1);
}

/* What is open has a number that descriptors of later cases do not have, and
 * select(2) passes over each that is lower than its own. */
static void close_words(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void inspect_folios(int fd, uint64_t size, uint64_t offset, struct folios *found)
{
	uint64_t page = page_size(), pages = (size + page - 1) / page, first = 0, flags;
	uint64_t *frames;
	volatile const char *map;

	memset(found, 0, sizeof(*found));
	if (!frame_flags(1, &flags, 1)) { /* they are not for this user */
		close_words(&kpageflags);
		return;
	}
	frames = malloc(pages * sizeof(*frames));
	map = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED || !frames)
		fail("cannot map the file: %s", strerror(errno));
	for (uint64_t i = 0; i < pages; i++)
		(void)map[i * page];
	found->known = (uint64_t)page_frames(map, frames, pages);
	for (uint64_t i = 0; found->known && i <= pages; i++) {
		flags = 0;
		if (i < pages && !frame_flags(frames[i], &flags, 1))
			found->known = 0;
		if (!i || flags & FLAG_TAIL)
			continue;
		found->count[order_of(i - first)]++;
		if (offset / page >= first && offset / page < i)
			found->written = (uint64_t)order_of(i - first);
		first = i;
	}
	munmap((void *)map, size);
	free(frames);
	close_words(&pagemap);
	close_words(&kpageflags);
}

/* The end of a buffer of 2 MiB, behind which nothing may be read. */
unsigned char *guarded_end(void)
{
	static unsigned char *memory;
	const uint64_t length = LARGEST_FOLIO;

	if (memory)
		return memory + length;
	memory = mmap(NULL, length + page_size(), PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED || mprotect(memory + length, page_size(), PROT_NONE))
		fail("no memory for a buffer");
	return memory + length;
}
