// SPDX-License-Identifier: GPL-2.0-or-later
#include <sys/xattr.h>

#include "workload.h"

static void prepare(struct work *work)
{
	add_step(work, (struct step){ CALL(setxattr, (long)attributed, (long)ATTRIBUTE,
					   (long)work->memory,
					   (long)PARAMETERS(setxattr, work)->attributed.value) });
}

static void restore(struct work *work)
{
	sure("removexattr", removexattr(attributed, ATTRIBUTE));
	/* A block of its own is not free before the journal's commit: the call would
	 * search for another, which doubles its cost (ext4_mb_complex_scan_group,
	 * v6.12). */
	sync_file(work);
}

const struct workload workload_setxattr = { .prepare = prepare, .restore = restore, .undoes = 1 };
