/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The counting plugin: what its parts share. */
#ifndef TAILWALK_TRACE_H
#define TAILWALK_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A block of instructions as QEMU translated it: they follow each other in
 * memory and only the last one can jump. */
struct block {
	uint32_t id, length;
	uint64_t address;
	bool sent;
	uint8_t *bytes; /* of all instructions */
	uint8_t *sizes; /* of each */
	uint64_t *hashes; /* [n]: of the first n instructions' addresses */
};

/* trace.c: what is executed between the markers of one call. */
struct block *new_block(uint64_t address, uint32_t length);
void close_block(struct block *block);
void trace_begin(uint64_t marker, uint64_t executed);
void trace_block(struct block *block, uint64_t executed);
void trace_stack(bool pushed, uint64_t slot);
void trace_end(uint64_t executed);

#endif
