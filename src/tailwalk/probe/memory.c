// SPDX-License-Identifier: GPL-2.0-or-later
/* Memory that calls read and write. */
#include <string.h>
#include <sys/mman.h>

#include "workload.h"

#define HEAD 16 /* bytes before what malloc(3) returns, which it writes to */

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

/* As libMicro's: each vector from memory of its own, where malloc(3) would
 * have it, its head written and nothing else. One buffer for ten vectors
 * makes the call 15% cheaper; a place in the page near that of the file's,
 * where loads seem to depend on stores, 4% dearer. */
static void lay_out_apart(struct work *work, uint64_t vectors, uint64_t size, uint64_t offset)
{
	uint64_t page = page_size();

	work->stride = size + HEAD;
	work->memory_length = vectors * work->stride + 2 * page;
	work->memory_begin = mmap(NULL, work->memory_length, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (work->memory_begin == MAP_FAILED)
		fail("no memory for %llu vectors", (unsigned long long)vectors);
	work->memory = (char *)work->memory_begin + (offset + page / 4) % page / HEAD * HEAD +
		       HEAD;
	for (uint64_t i = 0; i < vectors; i++)
		memset(work->memory + i * work->stride - HEAD, 1, HEAD);
}

/* Buffers of `size` bytes for calls at a file offset. Where calls are counted
 * one serves all vectors: caches are not counted. */
void lay_out(struct work *work, uint64_t vectors, uint64_t size, uint64_t offset)
{
	if (work->timed) {
		lay_out_apart(work, vectors, size, offset);
		return;
	}
	work->memory = work->memory_begin = new_buffer(size);
	work->memory_length = size;
}
