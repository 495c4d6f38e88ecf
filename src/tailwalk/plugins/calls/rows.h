/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What was counted, by what it was executed for. */
#ifndef TAILWALK_CALLS_ROWS_H
#define TAILWALK_CALLS_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum class {
	SYSTEM_CALL = 1,
	EXCEPTION,
	INTERRUPT,
	BEGINNING, /* of a task, up to its first instruction in user mode */
	THREAD,
	DRIVER,
	REGION,
	OTHER_ENTRY,
	COMPAT_CALL, /* of a program of 32 bits */
};

/* What instructions are executed for: 64 bits that tell one row from others. */
union what {
	struct {
		uint8_t class, file, size, programs;
		uint32_t number;
	};
	uint64_t key;
};

/* Instructions executed in a function on a call path, and how often it was entered. */
struct step {
	uint32_t node, entered;
	uint64_t count;
};

/* What was asked of the disk, and what a call gave; as it is written at the end. */
struct requests {
	uint64_t read, written; /* bytes */
	uint64_t writes; /* of bytes */
	uint64_t flushes; /* of what the disk's cache holds */
	uint64_t forced; /* writes that are to reach the disk itself */
	uint64_t result; /* what the call gave, where that is no error */
};

void add_step(union what what, uint32_t node, uint64_t count, uint32_t entered);
/* One call of these steps; `value` is their sum. */
void add_call(union what what, const struct step *steps, size_t number, uint64_t value);
void add_requests(union what what, const struct requests *requests);
void clear_rows(void);
void send_rows(void);

#endif
