// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One benchmark case: fill the page cache, then make the call many times, each
 * measured on its own.
 *
 * The measured part is one asm block that is the same for every call, so the
 * user side of a figure is a constant; `measure` of a no-op in place of the
 * system call tells it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "probe.h"

/* The probe's markers: 8-byte no-ops whose displacement no compiler emits. A
 * counting plugin knows them when it translates them; to the CPU they are
 * nothing. */
#define MARK_BEGIN ".byte 0x0f,0x1f,0x84,0x00,0x01,0x57,0x4c,0x54\n\t"
#define MARK_END ".byte 0x0f,0x1f,0x84,0x00,0x02,0x57,0x4c,0x54\n\t"

#define MEASURE(instruction)                                                                      \
	register uint64_t r10 __asm__("r10") = (uint64_t)d;                                       \
	register uint64_t begin __asm__("r12");                                                   \
	uint64_t end, high;                                                                       \
	__asm__ volatile(MARK_BEGIN "rdtsc\n\t"                                                   \
				    "shl $32, %%rdx\n\t"                                          \
				    "or %%rdx, %%rax\n\t"                                         \
				    "mov %%rax, %[begin]\n\t"                                     \
				    "mov %[third], %%rdx\n\t"                                     \
				    "mov %[number], %%rax\n\t" instruction "\n\t"                 \
				    "mov %%rax, %[result]\n\t"                                    \
				    "rdtsc\n\t" MARK_END                                          \
			 : "=&a"(end), "=&d"(high), [begin] "=&r"(begin), [result] "=&r"(*result) \
			 : [number] "r"(number), "D"(a), "S"(b), [third] "r"(c), "r"(r10)         \
			 : "rcx", "r11", "memory");                                               \
	return (high << 32 | end) - begin

#define PAGE 4096

static __attribute__((noinline)) uint64_t measure_call(long number, long a, long b, long c, long d,
						       long *result)
{
	MEASURE("syscall");
}

static __attribute__((noinline)) uint64_t measure_nothing(long number, long a, long b, long c,
							  long d, long *result)
{
	MEASURE("nop");
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
void fill_file(int fd, const struct call_case *wanted, size_t missing)
{
	char *buffer = new_buffer(wanted->fill);

	if (missing && mprotect(buffer + wanted->fill - missing, missing, PROT_NONE))
		fail("mprotect: %s", strerror(errno));
	for (uint64_t at = 0; at < wanted->file_size;) {
		uint64_t left = wanted->file_size - at;
		size_t part = wanted->fill < left ? wanted->fill : left;
		size_t readable = part < wanted->fill ? part : part - missing;

		if (pwrite(fd, buffer, part, (off_t)at) != (ssize_t)readable)
			fail("cannot fill the file at %llu: %s", (unsigned long long)at,
			     strerror(errno));
		at += part;
	}
	munmap(buffer, wanted->fill);
	if (fsync(fd))
		fail("fsync: %s", strerror(errno));
}

void run_case(const char *path, const struct call_case *wanted)
{
	struct iovec vectors[1024];
	struct folios folios;
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	char *buffer = new_buffer(wanted->size);
	uint64_t *counts = calloc(wanted->calls + 1, sizeof(*counts));
	long number, second, third, fourth = 0, result;
	int seeks = 1;

	if (fd < 0 || !counts)
		fail("cannot make %s: %s", path, strerror(errno));
	settle_caches(fd);
	fill_file(fd, wanted, 0);
	if (!wanted->uptodate) {
		/* Over blocks that are on disk: new ones would be zeroed, and so
		 * uptodate (folio_zero_new_buffers). */
		settle_caches(fd);
		fill_file(fd, wanted, PAGE);
	}
	if (wanted->uptodate)
		inspect_folios(fd, wanted->file_size, wanted->offset, &folios);

	second = (long)buffer;
	third = (long)wanted->size;
	if (strcmp(wanted->call, "pwrite") == 0) {
		number = SYS_pwrite64;
		fourth = (long)wanted->offset;
		seeks = 0;
	} else if (strcmp(wanted->call, "write") == 0) {
		number = SYS_write;
	} else {
		number = SYS_writev;
		for (uint64_t i = 0; i < wanted->vectors; i++)
			vectors[i] = (struct iovec){ buffer, wanted->size };
		second = (long)vectors;
		third = (long)wanted->vectors;
	}
	for (int i = 0; i < 3; i++) /* the first pass touches code and stack */
		counts[0] = measure_nothing(number, fd, second, third, fourth, &result);
	for (uint64_t i = 1; i <= wanted->calls; i++) {
		if (seeks && lseek(fd, (off_t)wanted->offset, SEEK_SET) < 0)
			fail("lseek: %s", strerror(errno));
		counts[i] = measure_call(number, fd, second, third, fourth, &result);
		if (result != (long)(wanted->size * wanted->vectors))
			fail("call %llu of %s wrote %ld of %llu bytes%s%s", (unsigned long long)i,
			     wanted->call, result < 0 ? 0 : result,
			     (unsigned long long)(wanted->size * wanted->vectors),
			     result < 0 ? ": " : "", result < 0 ? strerror((int)-result) : "");
	}
	if (!wanted->uptodate) /* looking reads what is missing */
		inspect_folios(fd, wanted->file_size, wanted->offset, &folios);
	send_frame(FRAME_FOLIOS, &folios, sizeof(folios));
	send_frame(FRAME_CALLS, counts, (wanted->calls + 1) * sizeof(*counts));
	free(counts);
	munmap(buffer, wanted->size);
	close(fd);
	if (unlink(path))
		fail("cannot remove %s: %s", path, strerror(errno));
}
