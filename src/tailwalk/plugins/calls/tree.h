/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All call paths seen, as one tree of functions. */
#ifndef TAILWALK_CALLS_TREE_H
#define TAILWALK_CALLS_TREE_H

#include <stddef.h>
#include <stdint.h>

/* A function on one call path; the first node is above all paths. */
struct node {
	uint32_t parent, function;
	uint32_t first, next; /* of its children, the one entered last; its sibling */
};

extern struct node *nodes;
extern uint32_t node_count;

void *grow(void *array, size_t size);
void make_tree(void);
uint32_t child_of(uint32_t parent, uint32_t function);

#endif
