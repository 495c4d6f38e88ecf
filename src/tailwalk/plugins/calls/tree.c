// SPDX-License-Identifier: GPL-2.0-or-later
#include "calls/tree.h"

#include <stdlib.h>

#include "output.h"

struct node *nodes;
uint32_t node_count;

void *grow(void *array, size_t size)
{
	array = realloc(array, size);
	if (!array)
		output_failed("out of memory");
	return array;
}

static uint32_t new_node(uint32_t parent, uint32_t function)
{
	if (!(node_count & (node_count + 1)))
		nodes = grow(nodes, (2ul * node_count + 2) * sizeof(*nodes));
	nodes[node_count] = (struct node){ .parent = parent, .function = function };
	return node_count++;
}

void make_tree(void)
{
	new_node(0, 0);
}

/* The one asked for goes to the front: it is likely to be asked for again. */
uint32_t child_of(uint32_t parent, uint32_t function)
{
	uint32_t child = nodes[parent].first, before = 0;

	while (child && nodes[child].function != function) {
		before = child;
		child = nodes[child].next;
	}
	if (child && !before)
		return child;
	if (!child)
		child = new_node(parent, function);
	else
		nodes[before].next = nodes[child].next;
	nodes[child].next = nodes[parent].first;
	nodes[parent].first = child;
	return child;
}
