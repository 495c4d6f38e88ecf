// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Allocations that fail on demand, by the kernel's fault injection
 * (Documentation/fault-injection): those of slabs and of pages, of this task,
 * while they are switched on.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "exercise.h"
#include "probe.h"

#define DEBUGFS "/sys/kernel/debug"

static int switch_fd = -1;

void job_faults(void)
{
	static const char *const points[] = { "failslab", "fail_page_alloc" };
	const char *percent;

	job_read((struct key[]){ TEXT(percent), END });
	/* Those that may wait for memory too, and single pages: what a write asks for. */
	const char *const settings[][2] = {
		{ "ignore-gfp-wait", "N" }, { "task-filter", "Y" },	{ "times", "-1" },
		{ "verbose", "0" },	    { "probability", percent },
	};
	if (mount("debugfs", DEBUGFS, "debugfs", 0, NULL) && errno != EBUSY)
		fail("cannot mount debugfs: %s", strerror(errno));
	for (int point = 0; point < 2; point++)
		for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
			char path[128];

			snprintf(path, sizeof(path), DEBUGFS "/%s/%s", points[point],
				 settings[i][0]);
			write_control(path, settings[i][1]);
		}
	write_control(DEBUGFS "/fail_page_alloc/min-order", "0");
	switch_fd = open("/proc/self/make-it-fail", O_WRONLY | O_CLOEXEC);
	if (switch_fd < 0)
		fail("cannot have allocations fail: %s", strerror(errno));
}

int faults_wanted(void)
{
	return switch_fd >= 0;
}

/* errno stays. */
void faults_switch(int on)
{
	int before = errno;

	if (switch_fd >= 0 && pwrite(switch_fd, on ? "1" : "0", 1, 0) != 1)
		fail("cannot switch failing allocations: %s", strerror(errno));
	errno = before;
}
