// SPDX-License-Identifier: GPL-2.0-or-later
#include "workload.h"

static void prepare(struct work *work)
{
	add_step(work, (struct step){ CALL(removexattr, (long)attributed, (long)ATTRIBUTE) });
}

static void restore(struct work *work)
{
	set_attribute();
	sync_file(work);
}

const struct workload workload_removexattr = { .prepare = prepare,
					       .restore = restore,
					       .undoes = 1 };
