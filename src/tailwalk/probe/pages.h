/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel tells of pages and folios; nothing else of the probe is
 * needed for it but an end that says why. */
#ifndef TAILWALK_PAGES_H
#define TAILWALK_PAGES_H

#include <stddef.h>
#include <stdint.h>

_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* pages.c: the page frames behind a mapping, and their flags; memory that
 * ends. */
#define SMALLEST_PAGE 4096 /* of any machine */
uint64_t page_size(void);
int page_frames(const volatile void *at, uint64_t *frames, size_t count);
int frame_flags(uint64_t frame, uint64_t *flags, size_t count);
int order_of(uint64_t pages);
unsigned char *guarded_memory(uint64_t length);
#define FLAG_DIRTY (1ull << 4)
#define FLAG_WRITEBACK (1ull << 8)
#define FLAG_TAIL (1ull << 16) /* of a compound page, as all but a folio's first */

/* folios.c: which folios cache a file. */
struct folios {
	uint64_t known; /* 0 where the kernel does not show page flags */
	uint64_t written; /* order of the folio at the given offset */
	uint64_t count[32]; /* folios by order */
};
void inspect_folios(int fd, uint64_t size, uint64_t offset, struct folios *found);

#endif
