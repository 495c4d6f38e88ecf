/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Texts that the program writes to its standard output, by which regions are told. */
#ifndef TAILWALK_CALLS_TEXT_H
#define TAILWALK_CALLS_TEXT_H

#include "calls/stays.h"

#define LONGEST_TEXT 100

/* A text that is waited for: how much of it came last, and for each beginning of it how
 * long a shorter one that one ends with. */
struct text {
	uint8_t bytes[LONGEST_TEXT];
	uint8_t back[LONGEST_TEXT];
	size_t length, matched;
};

/* What begins a region, and what ends it; of length 0 where there is none. */
extern struct text text_before, text_after;

/* Take W:V:TEXT:TEXT, the numbers of write(2) and writev(2) and both texts in
 * hexadecimal digits, each after a dot; false where it is something else. */
bool read_texts(const char *argument);
bool has_texts(void);

/* What of a call's memory is still to be seen, first of all; NULL where there is nothing. */
struct piece *wanted_of(struct reading *reading);
/* A call is known by its number: does it write to standard output? */
void begin_reading(struct stay *stay);
/* The kernel accessed memory for it: the texts may be there. Which came is told in
 * `before`, unless the other came later, and `after`. */
void see_access(struct stay *stay, uint32_t info, uint64_t address, bool *before, bool *after);

#endif
