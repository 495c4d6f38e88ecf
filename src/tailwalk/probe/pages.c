// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * /proc/self/pagemap gives the page frame behind each page of a mapping
 * (bits 0-54, bit 63 present), /proc/kpageflags that frame's flags
 * (Documentation/admin-guide/mm/pagemap.rst, v6.12).
 */
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "pages.h"

#define PRESENT (1ull << 63)
#define FRAME_MASK ((1ull << 55) - 1)

uint64_t page_size(void)
{
	static uint64_t size;

	if (!size)
		size = (uint64_t)sysconf(_SC_PAGESIZE);
	return size;
}

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
	static int pagemap = -1;

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
	static int kpageflags = -1;

	return frame && read_words("/proc/kpageflags", &kpageflags, frame, flags, count);
}

/* The order of a folio of so many pages. */
int order_of(uint64_t pages)
{
	return 63 - __builtin_clzll(pages);
}

/* The end of so many bytes, behind which nothing may be read. */
unsigned char *guarded_memory(uint64_t length)
{
	unsigned char *memory = mmap(NULL, length + page_size(), PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED || mprotect(memory + length, page_size(), PROT_NONE))
		fail("no memory for a buffer of %llu bytes", (unsigned long long)length);
	return memory + length;
}
