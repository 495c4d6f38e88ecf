// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "workload.h"

#define TMPFS "/tmp"

static int mounted;

static void prepare(const void *parameters)
{
	if (((const struct place *)parameters)->place != 1)
		return;
	if (!is_guest())
		leave_out("a tmpfs of its own is made in guests only");
	mkdir(TMPFS, 0755);
	if (mount("tmpfs", TMPFS, "tmpfs", 0, NULL)) {
		if (errno == ENODEV)
			leave_out("the kernel has no tmpfs");
		fail("cannot mount a tmpfs: %s", strerror(errno));
	}
	mounted = 1;
	use_work_place(TMPFS);
}

static void finish(void)
{
	if (mounted && umount(TMPFS))
		fail("cannot unmount the tmpfs: %s", strerror(errno));
	mounted = 0;
	use_work_place(NULL);
}

const struct preparation preparation_place = { .prepare = prepare, .finish = finish };
