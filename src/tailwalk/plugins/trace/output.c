// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Frames to the host on a descriptor of their own.
 *
 * A frame: "TWT1", then type, payload length and checksum as 32-bit
 * little-endian words, then the payload. The checksum is CRC-32 (IEEE 802.3)
 * over type, length and payload.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "trace.h"

static int output = -1;

void output_open(int descriptor)
{
	output = descriptor;
}

/* QEMU's console is where the host looks for reasons when QEMU ends. */
void output_failed(const char *why)
{
	fprintf(stderr, "tailwalk's counting plugin: %s\n", why);
	exit(1);
}

static uint32_t crc32(uint32_t crc, const void *data, size_t length)
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

static void put(const void *data, size_t length)
{
	for (const char *at = data; length;) {
		ssize_t written = write(output, at, length);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			output_failed(strerror(errno));
		at += written;
		length -= (size_t)written;
	}
}

void output_frame(enum frame type, const struct part *parts, int count)
{
	uint32_t head[3] = { (uint32_t)type, 0, 0 };

	for (int i = 0; i < count; i++)
		head[1] += (uint32_t)parts[i].length;
	head[2] = crc32(0, head, 8);
	for (int i = 0; i < count; i++)
		head[2] = crc32(head[2], parts[i].bytes, parts[i].length);
	put("TWT1", 4);
	put(head, sizeof(head));
	for (int i = 0; i < count; i++)
		put(parts[i].bytes, parts[i].length);
}
