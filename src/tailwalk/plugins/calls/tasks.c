// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Functions are known by the blocks executed: a block that ends with a call
 * instruction is followed by the function called, one that ends with a return by
 * the place that a call instruction left. What follows otherwise in another
 * function was jumped to, and is a child of it. A block that was left before its
 * end, for an exception, goes on inside itself.
 */
#include "calls/tasks.h"

#include <stdlib.h>
#include <string.h>

#include "calls/text.h"
#include "calls/tree.h"
#include "output.h"
#include "x86_64.h"

/* More than a switch takes up to a new task's first instruction. */
#define STEPS_OF_SWITCH 64

struct task *current;
struct totals totals;
bool counting;
uint32_t call_before, call_after;

static bool in_region, any_region;
static uint64_t region_begun;

static struct task **tasks; /* an open hash table */
static size_t task_count, task_room;

static struct task **place_of(uint64_t address)
{
	size_t at = (size_t)(address >> 6) * 0x9e3779b1u;

	while (tasks[at & (task_room - 1)] && tasks[at & (task_room - 1)]->address != address)
		at++;
	return &tasks[at & (task_room - 1)];
}

static void record(struct task *task, struct stay *stay);

static struct stay *push(struct task *task)
{
	struct stay *stay;

	if (task->depth == MOST_STAYS) /* a way out was missed */
		record(task, &task->stays[--task->depth]);
	stay = &task->stays[task->depth++];
	stay->what.key = 0;
	stay->in_driver = false;
	stay->expected = 0;
	stay->block = NULL;
	stay->node = 0;
	stay->call_count = 0;
	stay->reading.vector.size = stay->reading.seen = stay->reading.done = 0;
	stay->begins_region = false;
	forget(stay);
	return stay;
}

struct task *task_at(uint64_t address)
{
	struct task **place;

	if (2 * task_count >= task_room) {
		struct task **old = tasks;
		size_t room = task_room;

		task_room = room ? 2 * room : 256;
		tasks = grow(NULL, task_room * sizeof(struct task *));
		memset(tasks, 0, task_room * sizeof(struct task *));
		for (size_t i = 0; i < room; i++)
			if (old[i])
				*place_of(old[i]->address) = old[i];
		free(old);
	}
	place = place_of(address);
	if (!*place) {
		*place = grow(NULL, sizeof(struct task));
		memset(*place, 0, sizeof(struct task));
		(*place)->address = address;
		task_count++;
		push(*place)->what.class = THREAD;
	}
	return *place;
}

/* What a stay's instructions are to the whole. */
static uint64_t *share_of(const struct task *task)
{
	return task->probe ? &totals.probe : task->program ? &totals.kernel : &totals.others;
}

static union what driver_of(const struct task *task)
{
	return (union what){ .class = DRIVER, .programs = task->program };
}

void add_user(uint64_t count)
{
	if (!current->program && !current->probe) {
		/* Every task of the program's was seen to begin. */
		current->program = current->born;
		current->probe = !current->born;
		totals.tasks += current->program;
	}
	*(current->probe ? &totals.probe : &totals.user) += count;
}

void add_kernel(uint64_t count)
{
	struct stay *stay = top_stay();

	if (!stay) {
		totals.unknown += count;
	} else if (stay->in_driver) {
		totals.driver += count;
		add_step(driver_of(current), stay->node, count, 0);
	} else {
		*share_of(current) += count;
		note(stay, stay->node, count, 0);
	}
}

/* Count what a stay came to. */
static void record(struct task *task, struct stay *stay)
{
	if (task->probe || !sum_of(stay)) /* or it was between regions */
		return;
	stay->what.programs = task->program;
	if (stay->what.class == THREAD)
		for (size_t i = 0; i < stay->step_count; i++)
			add_step(stay->what, stay->steps[i].node, stay->steps[i].count,
				 stay->steps[i].entered);
	else
		add_call(stay->what, stay->steps, stay->step_count, sum_of(stay));
	add_requests(stay->what, &stay->requests);
}

struct requests *requests_now(void)
{
	struct stay *stay = current ? top_stay() : NULL;

	return stay && counting ? &stay->requests : NULL;
}

void enter(enum class class, uint32_t number)
{
	struct stay *stay = push(current);

	stay->what.class = (uint8_t)class;
	stay->what.number = number;
	if (class == SYSTEM_CALL)
		stay->expected = (1u << SAVED_REGISTERS) - 1;
}

/* The way out to user mode, from the lowest stay, tells what the task is. */
void leave(void)
{
	struct stay *stay = top_stay();

	if (!stay)
		return;
	if (current->depth == 1 && !current->program && !current->probe) {
		totals.others -= sum_of(stay);
		add_user(0);
		*share_of(current) += sum_of(stay);
	}
	record(current, stay);
	current->depth--;
	if ((stay->begins_region ||
	     (call_before && is_call(stay) && stay->what.number == call_before)) &&
	    current->program && !in_region)
		begin_region();
}

static void end_life(struct task *task)
{
	while (task->depth) {
		record(task, &task->stays[task->depth - 1]);
		task->depth--;
	}
}

void end_all_lives(void)
{
	for (size_t i = 0; i < task_room; i++)
		if (tasks[i])
			end_life(tasks[i]);
}

void switch_to(uint64_t address)
{
	const struct stay *before = current ? top_stay() : NULL;
	struct stay *stay;

	totals.switches++;
	current = task_at(address);
	stay = top_stay();
	if (!stay)
		return;
	if (!stay->block && before && before->block) {
		/* It goes on in the same block as all who are switched to. */
		stay->block = before->block;
		stay->node = child_of(0, before->block->function);
	}
	if (stay->step_count + STEPS_OF_SWITCH > MANY_STEPS)
		sum_up(stay);
	stay->arrived = stay->step_count;
}

/* A task was just made: what was executed for its address since it was switched
 * to is its own, and what was before belongs to another. */
static void begin_life(void)
{
	struct step moved[STEPS_OF_SWITCH];
	struct stay *stay = top_stay();
	size_t number = 0;
	uint64_t sum = 0;

	if (stay) {
		number = stay->step_count - stay->arrived;
		if (number > STEPS_OF_SWITCH)
			number = STEPS_OF_SWITCH;
		stay->step_count -= number;
		for (size_t i = 0; i < number; i++) {
			moved[i] = stay->steps[stay->step_count + i];
			sum += moved[i].count;
		}
		*share_of(current) -= sum;
		end_life(current);
	}
	current->born = true;
	current->program = current->probe = false;
	totals.others += sum;
	stay = push(current);
	stay->what.class = BEGINNING;
	for (size_t i = 0; i < number; i++)
		note(stay, moved[i].node, moved[i].count, moved[i].entered);
}

/* Forget what was counted. */
static void clear_totals(void)
{
	totals = (struct totals){ .tasks = totals.tasks };
	for (size_t i = 0; i < task_room; i++)
		for (size_t depth = 0; tasks[i] && depth < tasks[i]->depth; depth++)
			forget(&tasks[i]->stays[depth]);
}

/* What is counted of the program. */
static uint64_t of_program(void)
{
	return totals.user + totals.kernel;
}

/* What was before the first region of all does not count. */
void begin_region(void)
{
	if (!any_region) {
		clear_rows();
		clear_totals();
	}
	counting = in_region = any_region = true;
	region_begun = of_program();
}

void end_region(void)
{
	if (!in_region)
		return;
	counting = in_region = false;
	add_call((union what){ .class = REGION, .programs = 1 }, NULL, 0,
		 of_program() - region_begun);
}

/* The task that is about to become the program. */
void start_program(void)
{
	memset(&totals, 0, sizeof(totals));
	counting = !(call_before || text_before.length);
	in_region = counting && (call_after || text_after.length);
	any_region = false;
	region_begun = 0;
	if (!current)
		current = task_at(0);
	current->depth = 0;
	current->born = true;
	current->program = current->probe = false;
}

static void go_to(struct stay *stay, uint32_t node)
{
	stay->node = node;
	if (!counting)
		return;
	if (stay->in_driver)
		add_step(driver_of(current), node, 0, 1);
	else
		note(stay, node, 0, 1);
}

static void call(struct stay *stay, uint32_t function, uint64_t returns_to)
{
	if (stay->call_count == stay->call_room) {
		stay->call_room = stay->call_room ? 2 * stay->call_room : 64;
		stay->calls = grow(stay->calls, stay->call_room * sizeof(*stay->calls));
	}
	stay->calls[stay->call_count++] = (struct call){ .returns_to = returns_to,
							 .caller = stay->node };
	go_to(stay, child_of(stay->node, function));
}

/* To a function that runs between the same call and its return already, or to
 * one that is a child of what jumped. */
static void jump(struct stay *stay, uint32_t function)
{
	uint32_t above = stay->call_count ? stay->calls[stay->call_count - 1].caller : 0;

	for (uint32_t node = stay->node; node != above; node = nodes[node].parent)
		if (nodes[node].function == function) {
			stay->node = node;
			return;
		}
	go_to(stay, child_of(stay->node, function));
}

static void come_back(struct stay *stay, const struct block *block)
{
	for (size_t depth = stay->call_count; depth; depth--)
		if (stay->calls[depth - 1].returns_to == block->begin) {
			stay->call_count = depth - 1;
			stay->node = stay->calls[depth - 1].caller;
			if (nodes[stay->node].function != block->function)
				jump(stay, block->function);
			return;
		}
	/* It returns to what was entered before anything was counted. */
	stay->call_count = 0;
	stay->node = child_of(0, block->function);
}

static void follow(struct stay *stay, const struct block *block)
{
	const struct block *before = stay->block;

	stay->block = block;
	if (!before)
		go_to(stay, child_of(stay->node, block->function));
	else if (before->begin <= block->begin && block->begin < before->end)
		return;
	else if (before->ends == CALL)
		call(stay, block->function, before->end);
	else if (before->ends == RETURN)
		come_back(stay, block);
	else if (nodes[stay->node].function != block->function)
		jump(stay, block->function);
}

/* A call that comes after the region. */
static void end_region_before(struct stay *stay)
{
	*share_of(current) -= sum_of(stay);
	forget(stay);
	end_region();
}

bool awaits_text(void)
{
	struct stay *stay = current ? top_stay() : NULL;

	return stay && wanted_of(&stay->reading);
}

void see_text(uint32_t info, uint64_t address)
{
	struct stay *stay = top_stay();
	bool before = false, after = false;

	see_access(stay, info, address, &before, &after);
	stay->begins_region = before || (stay->begins_region && !after);
	if (after && in_region)
		end_region_before(stay);
}

static void name_call(struct stay *stay, uint32_t value)
{
	uint32_t saved = value >> 16 & 0xff;

	if (!is_call(stay) || stay->what.number)
		return;
	stay->what.number = value & 0xffff;
	stay->what.file = (uint8_t)(value >> 24);
	if (current->program && stay->what.class == SYSTEM_CALL)
		begin_reading(stay);
	if (call_after && stay->what.number == call_after && current->program && in_region)
		end_region_before(stay);
	if (saved && stay->what.class == SYSTEM_CALL) {
		uint64_t size = stay->saved[saved - 1];

		/* 1: none at all; 2: 1 byte; each twice the one before. */
		stay->what.size = size == 0 ? 1 :
				  size == 1 ? 2 :
					      (uint8_t)(66 - __builtin_clzll(size - 1));
	}
}

/* What a thread does is told by the functions that it executes. */
static void name_work(struct stay *stay, uint32_t work)
{
	if (stay->what.class == BEGINNING) {
		stay->what.class = THREAD;
	} else if (stay->what.class != THREAD || stay->what.number == work) {
		return;
	} else if (stay->what.number) {
		record(current, stay);
		forget(stay);
	}
	stay->what.number = work;
}

static struct stay *enter_by(const struct block *block, struct stay *stay)
{
	if (block->label == CALL_ENTRY)
		enter(block->value ? COMPAT_CALL : SYSTEM_CALL, 0);
	else if (block->label == EXCEPTION_ENTRY)
		enter(EXCEPTION, block->value);
	else if (block->label == STUB)
		enter(INTERRUPT, block->value);
	else if (block->label == INTERRUPT_ENTRY &&
		 !(stay && stay->block && stay->block->label == STUB))
		enter(INTERRUPT, block->value);
	else if (!stay)
		enter(OTHER_ENTRY, 0);
	return top_stay();
}

void step_to(const struct block *block)
{
	struct stay *stay;

	if (block->label == NEWBORN)
		begin_life();
	stay = enter_by(block, top_stay());
	follow(stay, block);
	switch (block->label) {
	case CALL_FUNCTION:
		name_call(stay, block->value);
		break;
	case FILE_OPERATION:
		if (!stay->what.file && (is_call(stay) || stay->what.class == EXCEPTION))
			stay->what.file = (uint8_t)block->value;
		break;
	case THREAD_WORK:
		name_work(stay, block->value);
		break;
	case DRIVER_ENTRY:
	case DRIVER_DONE:
		stay->in_driver = block->label == DRIVER_ENTRY;
	}
}

void executed_twice(void)
{
	struct stay *stay = current->depth > 1 ? &current->stays[current->depth - 2] : NULL;

	if (!stay) {
		if (current->depth == 1)
			*(current->probe ? &totals.probe : &totals.user) -= 1;
	} else if (stay->in_driver) {
		totals.driver--;
		add_step(driver_of(current), stay->node, -1ull, 0);
	} else {
		--*share_of(current);
		note(stay, stay->node, -1ull, 0);
	}
}
