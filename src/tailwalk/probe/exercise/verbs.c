// SPDX-License-Identifier: GPL-2.0-or-later
/* What the exerciser can be told to do: a program apart from the probe that
 * measures, so that a change of it moves no figure. */
#include "exercise.h"
#include "probe.h"

const struct verb verbs[] = {
	/* of allocations that writes of an exercise make */
	{ "faults", job_faults },
	{ "exercise", job_exercise },
	/* after a power cut */
	{ "recover", job_recover },
	{ 0 },
};
