// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "frames.h"

static uint8_t *pending;
static size_t held, room;

/* Bit by bit: not as framing/frame.h reckons it. */
static uint32_t checksum(const uint8_t *data, size_t length, uint32_t crc)
{
	while (length--) {
		crc ^= *data++;
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (0xedb88320u & -(crc & 1));
	}
	return crc;
}

static uint32_t word(size_t at)
{
	uint32_t found;

	memcpy(&found, pending + at, sizeof(found));
	return found;
}

void frames_take(const void *data, size_t length)
{
	if (!length)
		return;
	if (held + length > room) {
		room = 2 * (held + length);
		pending = realloc(pending, room);
		if (!pending)
			abort();
	}
	memcpy(pending + held, data, length);
	held += length;
	while (held >= 16 && held >= 16 + (size_t)word(8)) {
		size_t whole = 16 + (size_t)word(8);

		if (memcmp(pending, "TWP1", 4) ||
		    ~checksum(pending + 16, whole - 16, checksum(pending + 4, 8, ~0u)) != word(12))
			abort();
		held -= whole;
		memmove(pending, pending + whole, held);
	}
}

void frames_end(void)
{
	if (held)
		abort();
}
