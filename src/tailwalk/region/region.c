// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * `region begin` and `region end`: for programs in which no C can be, such as
 * scripts. What this program itself takes after its marker, and before it, is in
 * the region.
 */
#include <stdio.h>
#include <string.h>

#include "tailwalk.h"

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "begin")) {
		TAILWALK_BEGIN;
	} else if (argc == 2 && !strcmp(argv[1], "end")) {
		TAILWALK_END;
	} else {
		fprintf(stderr, "usage: region begin|end\n");
		return 2;
	}
	return 0;
}
