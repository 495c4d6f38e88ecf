// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Allocations that fail on demand, by the kernel's fault injection
 * (Documentation/fault-injection): those of slabs and of pages, of this task,
 * between faults_begin() and faults_end().
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
uint64_t faults_repeated;

static void set(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		fail("cannot have allocations fail: %s: %s", path, strerror(errno));
	close(fd);
}

void job_faults(void)
{
	static const char *const points[] = { "failslab", "fail_page_alloc" };
	/* Those that may wait for memory too, and single pages: what a write asks for. */
	static const char *const settings[][2] = {
		{ "ignore-gfp-wait", "N" },
		{ "task-filter", "Y" },
		{ "times", "-1" },
		{ "verbose", "0" },
	};
	char path[128];
	const char *percent;

	job_read((struct key[]){ TEXT(percent), END });
	if (mount("debugfs", DEBUGFS, "debugfs", 0, NULL) && errno != EBUSY)
		fail("cannot mount debugfs: %s", strerror(errno));
	for (int point = 0; point < 2; point++) {
		for (unsigned int i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
			snprintf(path, sizeof(path), DEBUGFS "/%s/%s", points[point],
				 settings[i][0]);
			set(path, settings[i][1]);
		}
		snprintf(path, sizeof(path), DEBUGFS "/%s/probability", points[point]);
		set(path, percent);
	}
	set(DEBUGFS "/fail_page_alloc/min-order", "0");
	switch_fd = open("/proc/self/make-it-fail", O_WRONLY | O_CLOEXEC);
	if (switch_fd < 0)
		fail("cannot have allocations fail: %s", strerror(errno));
}

int faults_wanted(void)
{
	return switch_fd >= 0;
}

static void flip(const char *value)
{
	if (switch_fd >= 0 && pwrite(switch_fd, value, 1, 0) != 1)
		fail("cannot switch failing allocations: %s", strerror(errno));
}

void faults_begin(void)
{
	flip("1");
}

void faults_end(void)
{
	flip("0");
}
