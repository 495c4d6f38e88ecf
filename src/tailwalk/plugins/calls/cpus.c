// SPDX-License-Identifier: GPL-2.0-or-later
#include "calls/cpus.h"

#include <pthread.h>
#include <string.h>

struct cpu cpus[MOST_CPUS];
bool running;

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static struct cpu *here = cpus;

void take_turn(void)
{
	if (cpu_count > 1)
		pthread_mutex_lock(&turn);
}

void give_turn(void)
{
	if (cpu_count > 1)
		pthread_mutex_unlock(&turn);
}

/* Its task; one of its own where nobody was seen to be switched to. */
static struct task *task_here(void)
{
	if (running && !here->task)
		here->task = task_at((uint64_t)(here - cpus) + 1);
	return here->task;
}

struct cpu *arrive_among(unsigned int cpu)
{
	take_turn();
	here = &cpus[cpu];
	current = task_here();
	return here;
}

void depart_among(struct cpu *cpu)
{
	cpu->task = current;
	give_turn();
}

void settle(void)
{
	unsigned int cpu = (unsigned int)(here - cpus);
	uint64_t now[MODES] = { executed_by(cpu, USER), executed_by(cpu, KERNEL) };
	uint64_t user = now[USER] - here->last[USER], kernel = now[KERNEL] - here->last[KERNEL];

	memcpy(here->last, now, sizeof(now));
	if (here->latest) {
		top_stay()->block = block_at(here->latest);
		here->latest = 0;
	}
	here->quiet = NOWHERE_QUIET;
	if (!running && user && current)
		current->probe = true; /* who else is there? */
	if (!counting)
		return;
	if (user)
		add_user(user);
	if (kernel)
		add_kernel(kernel);
}

void settle_all(void)
{
	struct cpu *own = here;

	own->task = current;
	for (here = cpus; here < cpus + cpu_count; here++) {
		current = task_here();
		settle();
	}
	here = own;
	current = own->task;
}
