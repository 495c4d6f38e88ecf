// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a call writes lies in the program's memory, of which is not known where the
 * machine has it until the kernel accesses it to copy it: then the rest of its page
 * is read.
 */
#include "calls/text.h"

#include <stdio.h>
#include <string.h>

#include "calls/memory.h"
#include "calls/tree.h"
#include "x86_64.h"

enum { STANDARD_OUTPUT = 1, DESCRIPTOR = 3, WRITTEN = 4, HOW_MUCH = 0 }; /* saved registers */
enum { MOST_PIECES = 1024 }; /* UIO_MAXIOV */

struct text text_before, text_after;

static uint32_t call_write, call_writev;

static bool read_text(struct text *text, const char *digits, size_t length)
{
	unsigned int byte;

	if (length % 2 || length / 2 > LONGEST_TEXT)
		return false;
	for (size_t i = 0; i < length / 2; i++) {
		if (sscanf(digits + 2 * i, "%2x", &byte) != 1)
			return false;
		text->bytes[i] = (uint8_t)byte;
	}
	text->length = length / 2;
	for (size_t i = 1, same = 0; i < text->length; i++) {
		while (same && text->bytes[i] != text->bytes[same])
			same = text->back[same - 1];
		same += text->bytes[i] == text->bytes[same];
		text->back[i] = (uint8_t)same;
	}
	return true;
}

bool read_texts(const char *argument)
{
	const char *one, *other;
	int at;

	if (sscanf(argument, "texts=%u:%u:%n", &call_write, &call_writev, &at) != 2)
		return false;
	one = argument + at;
	other = strchr(one, ':');
	return *one == '.' && other && other[1] == '.' &&
	       read_text(&text_before, one + 1, (size_t)(other - one) - 1) &&
	       read_text(&text_after, other + 2, strlen(other + 2));
}

bool has_texts(void)
{
	return text_before.length || text_after.length;
}

void begin_reading(struct stay *stay)
{
	struct reading *reading = &stay->reading;
	bool vector = stay->what.number == call_writev;
	struct piece written = { stay->saved[WRITTEN], stay->saved[HOW_MUCH] };
	size_t count = vector ? written.size : 1;

	if (!has_texts() || stay->saved[DESCRIPTOR] != STANDARD_OUTPUT ||
	    !(vector || stay->what.number == call_write) || count > MOST_PIECES)
		return;
	if (count > reading->room) {
		reading->pieces = grow(reading->pieces, count * sizeof(*reading->pieces));
		reading->room = count;
	}
	if (vector) {
		reading->vector = (struct piece){ written.at, count * sizeof(struct piece) };
	} else {
		reading->pieces[0] = written;
		reading->seen = sizeof(struct piece);
	}
}

struct piece *wanted_of(struct reading *reading)
{
	if (reading->vector.size)
		return &reading->vector;
	while (reading->done < reading->seen / sizeof(struct piece)) {
		struct piece *piece = &reading->pieces[reading->done];

		if (piece->size)
			return piece;
		reading->done++;
	}
	return NULL;
}

static bool comes_to(struct text *text, uint8_t byte)
{
	if (!text->length)
		return false;
	while (text->matched && text->bytes[text->matched] != byte)
		text->matched = text->back[text->matched - 1];
	text->matched += text->bytes[text->matched] == byte;
	if (text->matched < text->length)
		return false;
	text->matched = text->back[text->length - 1];
	return true;
}

/* Is an access within what is waited for? Then how much of that its page has. */
static size_t in_page(const struct piece *wanted, uint64_t address)
{
	uint64_t end = wanted->at + wanted->size, page_end = (wanted->at | (PAGE_SIZE - 1)) + 1;

	if (address < wanted->at || address >= end || address >= page_end)
		return 0;
	return (end < page_end ? end : page_end) - wanted->at;
}

void see_access(struct stay *stay, uint32_t info, uint64_t address, bool *before, bool *after)
{
	struct reading *reading = &stay->reading;
	struct piece *wanted = wanted_of(reading);
	uint8_t bytes[PAGE_SIZE];
	size_t size = wanted ? in_page(wanted, address) : 0;

	if (!size || !read_page(info, address, wanted->at, bytes, size))
		return;
	if (wanted == &reading->vector) {
		memcpy((uint8_t *)reading->pieces + reading->seen, bytes, size);
		reading->seen += size;
	} else {
		for (size_t i = 0; i < size; i++) {
			*before |= comes_to(&text_before, bytes[i]);
			if (comes_to(&text_after, bytes[i])) {
				*before = false;
				*after = true;
			}
		}
	}
	wanted->at += size;
	wanted->size -= size;
}
