/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Frames to the host, from the probe and from the plugins (framing/__init__.py
 * reads them).
 *
 * A frame: "TWP1", then type, payload length and checksum as 32-bit
 * little-endian words, then the payload. The checksum is CRC-32 (IEEE 802.3)
 * over type, length and payload.
 */
#ifndef TAILWALK_FRAME_H
#define TAILWALK_FRAME_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

enum frame {
	/* of the probe */
	FRAME_READY = 1,
	FRAME_ERROR = 2,
	FRAME_FOLIOS = 3,
	FRAME_CALLS = 4,
	FRAME_DONE = 5,
	FRAME_SYMBOLS = 6,
	FRAME_STEP = 7,
	FRAME_DIFFERENCE = 8,
	FRAME_COUNTS = 9,
	FRAME_SEEN = 10,
	FRAME_FAILED = 11,
	FRAME_MISSING = 12,
	FRAME_WRITTEN = 13,
	FRAME_WENT_ON = 14,
	FRAME_TIMES = 16,
	FRAME_OUTPUT = 24,
	FRAME_ENDED = 25,
	/* of the plugins */
	FRAME_HELLO = 32,
	FRAME_BLOCK = 33,
	FRAME_TRACE = 34,
	FRAME_CALL = 35,
	FRAME_TASKS = 36,
	FRAME_SPLIT = 37,
	FRAME_NODES = 38,
	FRAME_ROW = 39,
};

struct part {
	const void *bytes;
	size_t length;
};

static inline uint32_t crc32(uint32_t crc, const void *data, size_t length)
{
	static uint32_t table[256];

	if (!table[1]) {
		for (uint32_t i = 0; i < 256; i++) {
			uint32_t entry = i;

			for (int bit = 0; bit < 8; bit++)
				entry = (entry >> 1) ^ (entry & 1 ? 0xedb88320u : 0);
			table[i] = entry;
		}
	}
	crc = ~crc;
	for (const unsigned char *at = data; length--; at++)
		crc = (crc >> 8) ^ table[(crc ^ *at) & 0xff];
	return ~crc;
}

/* 0, or -1 with errno. */
static inline int write_whole(int fd, const void *data, size_t length)
{
	for (const char *at = data; length;) {
		ssize_t written = write(fd, at, length);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -1;
		at += written;
		length -= (size_t)written;
	}
	return 0;
}

/* `put` takes the frame's bytes, in order. */
static inline void put_frame(void (*put)(const void *data, size_t length), enum frame type,
			     const struct part *parts, int count)
{
	uint32_t head[3] = { (uint32_t)type, 0, 0 };

	for (int i = 0; i < count; i++)
		head[1] += (uint32_t)parts[i].length;
	head[2] = crc32(0, head, 8);
	for (int i = 0; i < count; i++)
		head[2] = crc32(head[2], parts[i].bytes, parts[i].length);
	put("TWP1", 4);
	put(head, sizeof(head));
	for (int i = 0; i < count; i++)
		put(parts[i].bytes, parts[i].length);
}

#endif
