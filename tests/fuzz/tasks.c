// SPDX-License-Identifier: GPL-2.0-or-later
/* The counts of tasks, which forget what earlier inputs left. */
#include "tasks/tasks.c"

void forget_all(void)
{
	free(tasks);
	tasks = current = NULL;
	known = room = 0;
	counting = false;
	memset(&result, 0, sizeof(result));
}
