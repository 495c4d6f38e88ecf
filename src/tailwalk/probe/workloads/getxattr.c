// SPDX-License-Identifier: GPL-2.0-or-later
#include "workload.h"

static void prepare(struct work *work)
{
	long size = (long)PARAMETERS(getxattr, work)->attributed.value;

	add_step(work, (struct step){ CALL(getxattr, (long)attributed, (long)ATTRIBUTE,
					   (long)work->memory, size),
				      .gives = size });
}

const struct workload workload_getxattr = { .prepare = prepare };
