// SPDX-License-Identifier: GPL-2.0-or-later
#include "workload.h"

static char names[256];

static void prepare(struct work *work)
{
	add_step(work,
		 (struct step){ CALL(listxattr, (long)attributed, (long)names, sizeof(names)),
				.gives = sizeof(ATTRIBUTE) });
}

const struct workload workload_listxattr = { .prepare = prepare };
