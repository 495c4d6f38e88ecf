// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"
#include "x86_64.h"

static int output = -1;

/* QEMU's console is where the host looks for reasons when QEMU ends. */
void output_failed(const char *why)
{
	fprintf(stderr, "tailwalk's counting plugin: %s\n", why);
	exit(1);
}

static void put(const void *data, size_t length)
{
	if (write_whole(output, data, length))
		output_failed(strerror(errno));
}

void output_frame(enum frame type, const struct part *parts, int count)
{
	put_frame(put, type, parts, count);
}

int output_open(int descriptor, const struct qemu_info *info)
{
	int versions[3] = { API, info->version.min, info->version.cur };

	if (strcmp(info->target, TARGET) || !info->system_emulation) {
		fprintf(stderr, "tailwalk's counting plugin is for qemu-system-" TARGET "\n");
		return -1;
	}
	output = descriptor;
	output_frame(FRAME_HELLO, (struct part[]){ { versions, sizeof(versions) } }, 1);
	return 0;
}
