// SPDX-License-Identifier: GPL-2.0-or-later
#include <unistd.h>

#include "workload.h"

static void prepare(struct work *work)
{
	add_step(work, (struct step){ CALL(getpid), .gives = getpid() });
}

const struct workload workload_getpid = { .prepare = prepare };
