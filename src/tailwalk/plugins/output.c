// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"
#include "x86_64.h"

unsigned int cpu_count;

#if API < 2
_Alignas(64) uint64_t all_counters[MOST_CPUS][MOST_COUNTERS];
#else
struct qemu_plugin_scoreboard *all_counters;
#endif

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

bool output_open(const struct qemu_info *info, int argc, char **argv, uint64_t *newborn)
{
	int versions[3] = { API, info->version.min, info->version.cur };
	unsigned long long address = 0;

	if (strcmp(info->target, TARGET) || !info->system_emulation || argc != (newborn ? 2 : 1) ||
	    sscanf(argv[0], "output=%d", &output) != 1 ||
	    (newborn && sscanf(argv[1], "newborn=%llu", &address) != 1)) {
		fprintf(stderr,
			"tailwalk's counting plugin is for qemu-system-" TARGET
			" and takes output=FD%s\n",
			newborn ? ",newborn=ADDRESS" : "");
		return false;
	}
	if (info->system.cpus < 1 || info->system.cpus > MOST_CPUS) {
		fprintf(stderr, "tailwalk's counting plugin is for 1 to %d CPUs\n", MOST_CPUS);
		return false;
	}
	cpu_count = (unsigned int)info->system.cpus;
	if (newborn)
		*newborn = address;
	make_counters();
	output_frame(FRAME_HELLO, (struct part[]){ { versions, sizeof(versions) } }, 1);
	return true;
}
