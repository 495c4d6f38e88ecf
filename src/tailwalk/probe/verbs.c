// SPDX-License-Identifier: GPL-2.0-or-later
/* What the probe that measures can be told to do. */
#include "probe.h"

const struct verb verbs[] = {
	/* what holds for all that follows */
	{ "disk", job_disk },
	{ "mount", job_mount },
	{ "still", job_still }, /* khugepaged */
	{ "pin", job_pin },
	/* cases: counted one by one, or prepared, timed in batches and looked at */
	{ "case", job_case },
	{ "need", job_need }, /* what a case that is alone in its guest finds there, */
	{ "leave", job_leave }, /* and the end of the job that made it */
	{ "alone", job_alone },
	{ "prepare", job_prepare },
	{ "time", job_time },
	{ "folios", job_folios },
	/* a program of the user's */
	{ "tree", job_tree }, /* its root file system, as files */
	{ "image", job_image }, /* or as an image of one, which comes before the mount */
	{ "user", job_user },
	{ "input", job_input },
	{ "file", job_file },
	{ "make", job_make },
	{ "run", job_run },
	/* the rest */
	{ "replay", job_replay },
	{ "symbols", job_symbols },
	{ "pause", job_pause }, /* stop the machine until told to go on */
	{ 0 }
};
