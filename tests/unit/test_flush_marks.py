# SPDX-License-Identifier: GPL-2.0-or-later
"""What the series `flush` lets a ring know of its dirty buffers, compiled as it is and driven at
random."""

from __future__ import annotations

from pathlib import Path

import pytest
from sanitized import run_sanitized

from tailwalk.series import load_series
from tailwalk.series.edit import apply_edit

AROUND = r"""
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_SHIFT 12
#define MAX_XAS_ORDER 11
#define BITS_PER_LONG (8 * (int)sizeof(long))
#define EXPORT_SYMBOL(name) extern int exported_##name
#define READ_ONCE(place) (place)
#define WRITE_ONCE(place, value) ((place) = (value))
#define __ffs(word) __builtin_ctzl(word)
#define round_up(number, to) (((number) + (to) - 1) & ~((to) - 1))
#define round_down(number, to) ((number) & ~((to) - 1))
#define ilog2(word) (63 - __builtin_clzl(word))
#define BIT(bit) (1UL << (bit))
#define smp_mb() do { } while (0)
#define smp_rmb() do { } while (0)
#define smp_wmb() do { } while (0)
#define smp_mb__after_atomic() do { } while (0)
#define spin_lock(lock) (void)(lock)
#define spin_unlock(lock) (void)(lock)

enum { BH_Dirty, BH_Tracked };

struct buffer_head {
    bool indexed;
    unsigned long b_state;
    struct buffer_head *b_this_page;
    union { struct buffer_head *b_branch[2]; unsigned long b_track[2]; };
    struct folio *b_folio;
    size_t b_size;
    char *b_data;
};
struct address_space { int i_private_lock; };
struct folio { size_t size; struct buffer_head *ring; struct address_space *mapping; };

static bool test_bit(unsigned int bit, const unsigned long *words)
{
    return words[bit / BITS_PER_LONG] >> bit % BITS_PER_LONG & 1;
}
static void set_bit(unsigned int bit, unsigned long *words)
{
    words[bit / BITS_PER_LONG] |= 1UL << bit % BITS_PER_LONG;
}
static void clear_bit(unsigned int bit, unsigned long *words)
{
    words[bit / BITS_PER_LONG] &= ~(1UL << bit % BITS_PER_LONG);
}
static size_t folio_size(const struct folio *folio) { return folio->size; }
static unsigned int folio_shift(const struct folio *folio) { return ilog2(folio->size); }
static struct buffer_head *folio_buffers(const struct folio *folio) { return folio->ring; }
static bool buffer_indexed(const struct buffer_head *bh) { return bh->indexed; }
static bool buffer_tracked(const struct buffer_head *bh)
{
    return test_bit(BH_Tracked, &bh->b_state);
}
static bool buffer_dirty(const struct buffer_head *bh) { return test_bit(BH_Dirty, &bh->b_state); }
static void set_buffer_indexed(struct buffer_head *bh) { bh->indexed = true; }
static void set_buffer_dirty(struct buffer_head *bh) { set_bit(BH_Dirty, &bh->b_state); }
static size_t bh_offset(const struct buffer_head *bh)
{
    return bh->b_data - bh->b_folio->ring->b_data;
}
static unsigned int next_bit(const unsigned long *words, unsigned int end, unsigned int bit,
                             bool is)
{
    while (bit < end && test_bit(bit, words) != is)
        bit++;
    return bit < end ? bit : end;
}
#define for_each_set_bit(bit, words, end) \
    for (bit = find_next_bit(words, end, 0); bit < end; bit = find_next_bit(words, end, bit + 1))
#define find_next_bit(words, end, bit) next_bit(words, end, bit, true)
#define find_next_zero_bit(words, end, bit) next_bit(words, end, bit, false)
"""

HEADER = """
struct buffer_head *folio_seek_buffer(struct folio *folio, size_t offset);
"""

SOURCE = """
bool block_dirty_folio(struct address_space *mapping, struct folio *folio)
{
    struct buffer_head *head = folio_buffers(folio), *bh = head;

    (void)mapping;
    do {
        set_buffer_dirty(bh);
        bh = bh->b_this_page;
    } while (bh != head);
    return true;
}

void create_empty_buffers(void)
{
}
EXPORT_SYMBOL(create_empty_buffers);
"""

DRIVE = r"""
static struct folio folio;
static size_t count;
static bool marked[8192], all;

static unsigned int drawn(unsigned int below)
{
    static unsigned long state = 1;

    state = state * 6364136223846793005UL + 1442695040888963407UL;
    return (state >> 33) % below;
}

/* Are the dirty buffers passed in their order, and of the others only what was marked? */
static bool passes(struct dirty_walk *walk, size_t from, bool clean)
{
    size_t place = from, past = from;
    struct buffer_head *bh;

    while ((bh = next_dirty_buffer(walk))) {
        place = bh - folio.ring;
        if (place != walk->nr - 1 || place < past)
            return false;
        for (; past < place; past++)
            if (buffer_dirty(folio.ring + past))
                return false;
        past = place + 1;
        if (!walk->whole && !marked[place])
            return false;
        if (clean && drawn(8))
            clear_bit(BH_Dirty, &bh->b_state);
        if (!walk->forget)
            continue;
        marked[place] = buffer_dirty(bh);
        if (buffer_dirty(bh))
            track_dirty_buffer(bh);
    }
    for (; past < count; past++)
        if (buffer_dirty(folio.ring + past))
            return false;
    return true;
}

static bool step(void)
{
    struct dirty_walk walk;
    size_t from = drawn(count), length = 1 + drawn(drawn(2) ? 3 : count);
    bool whole = !drawn(8);

    switch (drawn(16)) {
    case 0:
        block_dirty_folio(folio.mapping, &folio);
        all = true;
        return true;
    case 1:
        begin_dirty_walk(&walk, &folio, false);
        skip_dirty_walk(&walk, folio.ring + from, from);
        return passes(&walk, from, false);
    case 2:
        begin_dirty_walk(&walk, &folio, true);
        if (walk.whole != (all || !buffer_tracked(folio.ring)))
            return false;
        if (whole)
            whole_dirty_walk(&walk);
        if (!passes(&walk, 0, true))
            return false;
        all = false;
        if (drawn(4)) {
            repeat_dirty_walk(&walk);
            return passes(&walk, 0, false);
        }
        cancel_dirty_walk(&walk);
        all = walk.whole && buffer_tracked(folio.ring);
        return true;
    case 3:
        return !buffer_tracked(folio.ring) ||
            tracked_find_buffer(folio.ring, from * folio.ring->b_size) == folio.ring + from;
    default:
        for (; length-- && from < count; from++) {
            if (buffer_dirty(folio.ring + from))
                continue;
            set_buffer_dirty(folio.ring + from);
            if (buffer_tracked(folio.ring + from))
                track_dirty_buffer(folio.ring + from);
            marked[from] = true;
        }
        return true;
    }
}

int main(void)
{
    static char data[1 << 21];
    static struct address_space mapping;

    for (count = 1; count <= 8192; count *= 2) {
        struct buffer_head *ring = calloc(count, sizeof(*ring));

        folio = (struct folio){ sizeof(data), ring, &mapping };
        for (size_t i = 0; i < count; i++)
            ring[i] = (struct buffer_head){
                .b_this_page = ring + (i + 1) % count, .b_folio = &folio,
                .b_size = sizeof(data) / count, .b_data = data + i * (sizeof(data) / count),
                .b_state = (count % 3 == 1 && i == count / 2) << BH_Dirty };
        memset(marked, 0, sizeof(marked));
        all = count % 3 == 1;
        folio_index_buffers(&folio);
        if (buffer_tracked(ring + count / 2) != (count >= 8 && count <= 8192))
            return 1;
        for (int i = 0; i < 3000; i++)
            if (!step()) {
                printf("%zu buffers, step %d: wrong\n", count, i);
                return 1;
            }
        free(ring);
    }
    return 0;
}
"""


def _made() -> str:
    """What the series puts into the header and into those functions that are here."""
    header, source = HEADER, SOURCE
    for patch in load_series("flush").patches:
        for edit in patch.edits:
            if edit.file.endswith("buffer_head.h") and "folio_seek_buffer" not in edit.text:
                if edit.after and edit.inside is None and "BUFFER_FNS" not in edit.text:
                    header = apply_edit(edit, header)
            elif edit.file == "fs/buffer.c" and (edit.above or edit.below or edit.inside in (
                    "block_dirty_folio", "folio_index_buffers", "folio_seek_buffer")):
                source = apply_edit(edit, source)
    return AROUND + header + source + DRIVE


@pytest.mark.slow
def test_no_dirty_buffer_is_missed(tmp_path: Path) -> None:
    run = run_sanitized(_made(), tmp_path, seconds=120)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.slow
@pytest.mark.parametrize(("right", "wrong"), [
    ("if (buffer_tracked(head))\n\t\t\tWRITE_ONCE(*track_all(head), true);", ""),
    ("states |= READ_ONCE(bh->b_state);", "states |= 0;"),
    ("walk->nr + length;", "walk->nr + length - (length > 1);"),
    ("clear_bit(from, bits);", "(void)bits;"),
    ("if (group != __ffs(marked))", "if (group > __ffs(marked))"),
    ("bh_offset(leaf) & ~(size - 1)", "bh_offset(leaf) & ~(2 * size - 1)"),
    ("word |= READ_ONCE(leaf[1]);", "(void)leaf;"),
    ("from = round_up(from + 1, BITS_PER_LONG)", "from = TRACK_GROUP"),
    ("!(marked & (marked - 1))", "true"),
    ("if (!test_bit(group, groups))", "if (test_bit(group, groups))"),
])
def test_a_wrong_mark_is_noticed(tmp_path: Path, right: str, wrong: str) -> None:
    assert _made().count(right) == 1
    assert run_sanitized(_made().replace(right, wrong), tmp_path, seconds=120).returncode != 0
