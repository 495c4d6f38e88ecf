// SPDX-License-Identifier: GPL-2.0-or-later
#include "calls/rows.h"

#include <stdlib.h>
#include <string.h>

#include "calls/tree.h"
#include "output.h"

#define PAGE_STEPS 256

/* Of one row so many different values are kept as they are; of those that come
 * later, the highest bits. */
#define EXACT_VALUES (1u << 16)
#define HIGHEST_BITS 11

struct value {
	uint64_t value, times;
};

struct row {
	union what what;
	uint64_t count, instructions;
	struct requests requests;
	struct step **pages; /* by node */
	size_t page_count;
	struct value *values; /* an open hash table */
	size_t value_count, value_room;
};

static struct row *rows;
static uint32_t row_count;
static uint32_t *places; /* an open hash table of the rows, each by its number and one */
static size_t place_room;

static size_t mixed(uint64_t key)
{
	key *= 0x9e3779b97f4a7c15ull;
	return (size_t)(key ^ key >> 32);
}

static void make_room(void)
{
	place_room = place_room ? 2 * place_room : 256;
	places = grow(places, place_room * sizeof(*places));
	memset(places, 0, place_room * sizeof(*places));
	rows = grow(rows, place_room / 2 * sizeof(*rows));
	for (uint32_t number = 0; number < row_count; number++) {
		size_t at = mixed(rows[number].what.key);

		while (places[at & (place_room - 1)])
			at++;
		places[at & (place_room - 1)] = number + 1;
	}
}

static struct row *row_of(union what what)
{
	size_t at = mixed(what.key);

	if (2 * row_count >= place_room)
		make_room();
	for (;; at++) {
		uint32_t *place = &places[at & (place_room - 1)];

		if (!*place) {
			rows[row_count] = (struct row){ .what = what };
			*place = ++row_count;
		}
		if (rows[*place - 1].what.key == what.key)
			return &rows[*place - 1];
	}
}

static void add_to(struct row *row, uint32_t node, uint64_t count, uint32_t entered)
{
	size_t page = node / PAGE_STEPS;
	struct step *step;

	if (page >= row->page_count) {
		size_t wanted = 2 * page + 1;

		row->pages = grow(row->pages, wanted * sizeof(*row->pages));
		memset(row->pages + row->page_count, 0,
		       (wanted - row->page_count) * sizeof(*row->pages));
		row->page_count = wanted;
	}
	if (!row->pages[page]) {
		row->pages[page] = grow(NULL, PAGE_STEPS * sizeof(struct step));
		memset(row->pages[page], 0, PAGE_STEPS * sizeof(struct step));
	}
	step = &row->pages[page][node % PAGE_STEPS];
	step->count += count;
	step->entered += entered;
	row->instructions += count;
}

void add_step(union what what, uint32_t node, uint64_t count, uint32_t entered)
{
	add_to(row_of(what), node, count, entered);
}

static struct value *value_place(struct row *row, uint64_t value)
{
	size_t at = mixed(value);

	while (row->values[at & (row->value_room - 1)].times &&
	       row->values[at & (row->value_room - 1)].value != value)
		at++;
	return &row->values[at & (row->value_room - 1)];
}

static void add_value(struct row *row, uint64_t value)
{
	struct value *place;

	if (row->value_count >= EXACT_VALUES && value >> HIGHEST_BITS) {
		int low = 64 - __builtin_clzll(value) - HIGHEST_BITS;

		value = value >> low << low;
	}
	if (2 * row->value_count >= row->value_room) {
		struct value *old = row->values;
		size_t room = row->value_room;

		row->value_room = room ? 2 * room : 16;
		row->values = grow(NULL, row->value_room * sizeof(*old));
		memset(row->values, 0, row->value_room * sizeof(*old));
		for (size_t i = 0; i < room; i++)
			if (old[i].times)
				*value_place(row, old[i].value) = old[i];
		free(old);
	}
	place = value_place(row, value);
	if (!place->times++) {
		place->value = value;
		row->value_count++;
	}
}

void add_call(union what what, const struct step *steps, size_t number, uint64_t value)
{
	struct row *row = row_of(what);

	for (size_t i = 0; i < number; i++)
		add_to(row, steps[i].node, steps[i].count, steps[i].entered);
	row->count++;
	add_value(row, value);
}

void add_requests(union what what, const struct requests *requests)
{
	struct requests *sum = &row_of(what)->requests;

	sum->read += requests->read;
	sum->written += requests->written;
	sum->writes += requests->writes;
	sum->flushes += requests->flushes;
	sum->forced += requests->forced;
	sum->result += requests->result;
}

void clear_rows(void)
{
	for (uint32_t i = 0; i < row_count; i++) {
		for (size_t page = 0; page < rows[i].page_count; page++)
			free(rows[i].pages[page]);
		free(rows[i].pages);
		free(rows[i].values);
	}
	row_count = 0;
	if (places)
		memset(places, 0, place_room * sizeof(*places));
}

static void send_row(const struct row *row)
{
	struct value *values = grow(NULL, (row->value_count + 1) * sizeof(*values));
	struct step *steps = grow(NULL, (row->page_count + 1) * PAGE_STEPS * sizeof(*steps));
	uint64_t head[5] = { row->what.key, row->count, row->instructions, 0, 0 };

	for (size_t i = 0; i < row->value_room; i++)
		if (row->values[i].times)
			values[head[3]++] = row->values[i];
	for (size_t page = 0; page < row->page_count; page++)
		for (uint32_t i = 0; row->pages[page] && i < PAGE_STEPS; i++) {
			struct step step = row->pages[page][i];

			step.node = (uint32_t)(page * PAGE_STEPS) + i;
			if (step.count || step.entered)
				steps[head[4]++] = step;
		}
	output_frame(FRAME_ROW,
		     (struct part[]){ { head, sizeof(head) },
				      { &row->requests, sizeof(row->requests) },
				      { values, head[3] * sizeof(*values) },
				      { steps, head[4] * sizeof(*steps) } },
		     4);
	free(values);
	free(steps);
}

void send_rows(void)
{
	uint32_t (*pairs)[2] = grow(NULL, node_count * sizeof(*pairs));

	for (uint32_t i = 0; i < node_count; i++) {
		pairs[i][0] = nodes[i].parent;
		pairs[i][1] = nodes[i].function;
	}
	output_frame(FRAME_NODES, (struct part[]){ { pairs, node_count * sizeof(*pairs) } }, 1);
	free(pairs);
	for (uint32_t i = 0; i < row_count; i++)
		send_row(&rows[i]);
}
