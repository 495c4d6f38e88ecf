// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The comparison of designs in docs/explanation/flush.md: what it costs to mark buffers dirty and to
 * find them again three times (what may be mapped, what is to be written, what is submitted), by
 * the design of what tells which buffers of a ring are dirty. A model in memory of the program's
 * own; rdtsc counts instructions in tailwalk's guests:
 *
 *     cc -O2 -static -o flush_designs benchmarks/flush_designs.c
 *     tailwalk exec src:6.18 -- ./flush_designs
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <x86intrin.h>

#define LARGEST 2048
#define WORD 64

struct buffer {
	unsigned long state;
	struct buffer *next, *branch[2];
	unsigned long bits[2];
	struct buffer *chain;
	unsigned long others[5];
};

struct design {
	const char *name;
	void (*mark)(unsigned int);
	/* Passes what may be dirty; the last time the marks are taken away. */
	void (*walk)(int take);
};

static struct buffer ring[LARGEST], *chain;
static unsigned int count, levels, first, past;
static unsigned long groups[LARGEST / 16 / WORD], words[LARGEST / WORD], summary;
static volatile unsigned long passed;

static inline void pass(struct buffer *buffer, int take)
{
	passed++;
	if ((buffer->state & 1) && take)
		__atomic_and_fetch(&buffer->state, ~1UL, __ATOMIC_RELAXED);
}

/* The tree of the series span: a position's bits, from the highest, are the branches to take. */
static struct buffer *find(unsigned int place)
{
	unsigned long path = (unsigned long)place << (WORD - levels);
	struct buffer *buffer = ring[0].branch[0];

	if (!place)
		return ring;
	for (; path << 1; path <<= 1)
		buffer = buffer->branch[path >> (WORD - 1)];
	return buffer;
}

static struct buffer *plant(unsigned int from, unsigned int size)
{
	struct buffer *root = &ring[from + size / 2];

	if (size < 2)
		return NULL;
	root->branch[0] = plant(from, size / 2);
	root->branch[1] = plant(from + size / 2, size / 2);
	return root;
}

static void pass_run(unsigned int from, unsigned int to, int take)
{
	struct buffer *buffer = find(from);

	for (; from < to; from++, buffer = buffer->next)
		pass(buffer, take);
}

static void mark_none(unsigned int place)
{
	(void)place;
}

static void walk_all(int take)
{
	struct buffer *buffer = ring;

	do
		pass(buffer, take);
	while ((buffer = buffer->next) != ring);
}

static void mark_span(unsigned int place)
{
	if (place < first)
		first = place;
	if (place >= past)
		past = place + 1;
}

static void walk_span(int take)
{
	if (first < past)
		pass_run(first, past, take);
	if (take) {
		first = LARGEST;
		past = 0;
	}
}

/* One bit for so many buffers. */
static unsigned int coarse = 16;

static void mark_group(unsigned int place)
{
	place /= coarse;
	__atomic_or_fetch(&groups[place / WORD], 1UL << place % WORD, __ATOMIC_RELAXED);
}

static void walk_groups(int take)
{
	for (unsigned int i = 0; i * WORD * coarse < count; i++) {
		for (unsigned long left = groups[i]; left; left &= left - 1) {
			unsigned int from = (i * WORD + __builtin_ctzl(left)) * coarse;

			pass_run(from, from + coarse, take);
		}
		if (take)
			groups[i] = 0;
	}
}

/* A bit for each buffer, in words; and one for each word. */
static void pass_word(unsigned long *word, unsigned int from, int take)
{
	unsigned long left = *word;

	while (left) {
		unsigned int begin = __builtin_ctzl(left);
		unsigned long rest = ~(left >> begin);
		unsigned int length = rest ? __builtin_ctzl(rest) : WORD;

		pass_run(from + begin, from + begin + length, take);
		if (begin + length >= WORD)
			break;
		left &= ~0UL << (begin + length);
	}
	if (take)
		*word = 0;
}

static void mark_word(unsigned long *word, unsigned int place, unsigned int group,
		      unsigned long *top)
{
	__atomic_or_fetch(word, 1UL << place % WORD, __ATOMIC_RELAXED);
	if (!(*top >> group & 1))
		__atomic_or_fetch(top, 1UL << group, __ATOMIC_RELAXED);
}

static void mark_beside(unsigned int place)
{
	mark_word(&words[place / WORD], place, place / WORD, &summary);
}

static void walk_beside(int take)
{
	for (unsigned long left = summary; left; left &= left - 1)
		pass_word(&words[__builtin_ctzl(left)], __builtin_ctzl(left) * WORD, take);
	if (take)
		summary = 0;
}

/* In an idle field of every 64th buffer, the top in one of the first. */
static void mark_every_64th(unsigned int place)
{
	mark_word(find(place & -WORD)->bits, place, place / WORD, &ring[0].bits[1]);
}

static void walk_every_64th(int take)
{
	for (unsigned long left = ring[0].bits[1]; left; left &= left - 1) {
		unsigned int from = __builtin_ctzl(left) * WORD;

		pass_word(find(from)->bits, from, take);
	}
	if (take)
		ring[0].bits[1] = 0;
}

/* In the branches of leaves: two words in the 5th of 128, the last one used remembered. */
static struct buffer *leaf(unsigned int place)
{
	struct buffer *found = ring[0].next->chain;

	place &= -2 * WORD;
	if (found && ((found - ring) & -2 * WORD) == place)
		return found;
	found = find(place);
	for (int i = 0; i < 5; i++)
		found = found->next;
	return ring[0].next->chain = found;
}

static void mark_leaf(unsigned int place)
{
	mark_word(&leaf(place)->bits[place / WORD % 2], place, place / (2 * WORD),
		  ring[0].next->next->next->bits);
}

static void walk_leaves(int take)
{
	unsigned long *top = ring[0].next->next->next->bits;

	for (unsigned long left = *top; left; left &= left - 1) {
		unsigned int from = __builtin_ctzl(left) * 2 * WORD;
		unsigned long *both = leaf(from)->bits;

		pass_word(both, from, take);
		pass_word(both + 1, from + WORD, take);
	}
	if (take)
		*top = 0;
}

/* On each node a mark: is a buffer below dirty? */
static void mark_branches(unsigned int place)
{
	unsigned long path = (unsigned long)place << (WORD - levels);
	struct buffer *node = ring[0].branch[0];

	if (!place)
		return;
	for (;; path <<= 1) {
		if (!(node->state & 2))
			__atomic_or_fetch(&node->state, 2, __ATOMIC_RELAXED);
		if (!(path << 1))
			return;
		node = node->branch[path >> (WORD - 1)];
	}
}

static void pass_below(struct buffer *node, int take)
{
	struct buffer *left = node->branch[0], *right = node->branch[1];

	if (left && (left->state & 2))
		pass_below(left, take);
	pass(node, take);
	if (right && (right->state & 2))
		pass_below(right, take);
	if (take)
		__atomic_and_fetch(&node->state, ~2UL, __ATOMIC_RELAXED);
}

static void walk_branches(int take)
{
	pass(ring, take);
	if (ring[0].branch[0]->state & 2)
		pass_below(ring[0].branch[0], take);
}

/* A list in the order of marking. Writing in the order of the file is not in the figures. */
static void mark_chain(unsigned int place)
{
	struct buffer *buffer = find(place);

	buffer->chain = chain;
	chain = buffer;
}

static void walk_chain(int take)
{
	struct buffer *next;

	for (struct buffer *buffer = chain; buffer; buffer = next) {
		next = buffer->chain;
		pass(buffer, take);
		if (take)
			buffer->chain = NULL;
	}
	if (take)
		chain = NULL;
}

static const struct design designs[] = {
	{ "the whole ring", mark_none, walk_all },
	{ "one span", mark_span, walk_span },
	{ "a bit for 32", mark_group, walk_groups },
	{ "a bit for 16", mark_group, walk_groups },
	{ "a bit each, allocated beside", mark_beside, walk_beside },
	{ "a bit each, in every 64th", mark_every_64th, walk_every_64th },
	{ "a bit each, in leaves", mark_leaf, walk_leaves },
	{ "marks on branches", mark_branches, walk_branches },
	{ "a list", mark_chain, walk_chain },
};

static unsigned long seed;

static unsigned int drawn(unsigned int below)
{
	seed = seed * 6364136223846793005UL + 1442695040888963407UL;
	return (seed >> 33) % below;
}

/* Marks `runs` runs of `length` buffers each and finds them; instructions a run. */
static void try(const struct design *design, unsigned int runs, unsigned int length)
{
	unsigned long begin, spent = 0, found = 0;

	seed = 1;
	for (int round = 0; round < 16; round++) {
		unsigned int places[LARGEST];

		for (unsigned int i = 0; i < runs; i++)
			places[i] = drawn(count / length) * length;
		passed = 0;
		begin = __rdtsc();
		for (unsigned int i = 0; i < runs; i++)
			for (unsigned int j = places[i]; j < places[i] + length; j++)
				if (!(ring[j].state & 1)) {
					__atomic_or_fetch(&ring[j].state, 1, __ATOMIC_RELAXED);
					design->mark(j);
				}
		design->walk(0);
		design->walk(0);
		design->walk(1);
		spent += __rdtsc() - begin;
		found += passed;
		for (unsigned int i = 0; i < count; i++)
			if (ring[i].state & 1) {
				printf("%s lost buffer %u\n", design->name, i);
				exit(1);
			}
	}
	printf(" | %lu (%lu)", spent / 16 / runs, found / 16 / runs);
}

int main(void)
{
	for (count = 2048; count >= 8; count /= count > 512 ? 4 : count > 32 ? 16 : 4) {
		unsigned int per_write = count > 512 ? 8 : 2;

		memset(ring, 0, sizeof(ring));
		for (unsigned int i = 0; i < count; i++)
			ring[i].next = &ring[(i + 1) % count];
		levels = __builtin_ctz(count);
		ring[0].branch[0] = plant(0, count);
		printf("%u buffers: instructions (buffers passed) a write of\n"
		       "design | 1 | %u | %u, 16 writes | all\n",
		       count, per_write, per_write);
		for (unsigned int i = 0; i < sizeof(designs) / sizeof(*designs); i++) {
			coarse = i == 2 ? 32 : 16;
			if (count < coarse)
				coarse = count;
			first = LARGEST;
			past = 0;
			printf("%s", designs[i].name);
			try(&designs[i], 1, 1);
			try(&designs[i], 1, per_write);
			try(&designs[i], 16, per_write);
			try(&designs[i], 1, count);
			printf("\n");
		}
	}
	return 0;
}
