// SPDX-License-Identifier: GPL-2.0-or-later
/* The counts of calls, which forget what earlier inputs left. */
#include "calls/cpus.c"
#include "calls/disk.c"
#include "calls/memory.c"
#include "calls/rows.c"
#include "calls/stays.c"
#include "calls/tasks.c"
#include "calls/text.c"
#include "calls/tree.c"
/* After what it calls. */
#include "calls/calls.c"

/* Functions of each kind begin at these places of the kernel. */
#define PLACE(number) (1ull << 63 | (uint64_t)(number) << 40)
#define PLACES 16

int more_arguments(char **arguments)
{
	static char table[32], entry[64], fault[64], between[] = "between=5:6",
						     memory[] = "memory=0", name[] = "disk=ram0",
						     texts[] = "texts=7:8:.4141:.42";
	struct function given[PLACES];
	int file = memfd_create("table", 0);

	for (uint32_t i = 0; i < PLACES; i++)
		given[i] = (struct function){ PLACE(i), i % (REQUEST + 1), i | 1u << 16 };
	given[0].address = 0;
	if (write(file, given, sizeof(given)) != sizeof(given))
		abort();
	snprintf(table, sizeof(table), "table=%d", file);
	snprintf(entry, sizeof(entry), "entry=%llu:%llu", PLACE(1), PLACE(4));
	snprintf(fault, sizeof(fault), "fault=%llu", PLACE(2));
	arguments[0] = table;
	arguments[1] = entry;
	arguments[2] = fault;
	arguments[3] = between;
	arguments[4] = memory;
	arguments[5] = name;
	arguments[6] = texts;
	return 7;
}

void forget_all(void)
{
	for (size_t i = 0; i < task_room; i++) {
		for (size_t at = 0; tasks[i] && at < MOST_STAYS; at++) {
			free(tasks[i]->stays[at].steps);
			free(tasks[i]->stays[at].calls);
		}
		free(tasks[i]);
	}
	free(tasks);
	free(nodes);
	clear_rows();
	tasks = NULL;
	current = NULL;
	task_count = task_room = 0;
	nodes = NULL;
	node_count = 0;
	make_tree();
	running = counting = false;
	memset(cpus, 0, sizeof(cpus));
	make_cpus();
	first_look = 0;
	text_before.matched = text_after.matched = 0;
	looked_to = PLACE(REQUEST);
	free(disks);
	disks = NULL;
	disk_count = 0;
	memset(&totals, 0, sizeof(totals));
}
