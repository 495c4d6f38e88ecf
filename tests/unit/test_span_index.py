# SPDX-License-Identifier: GPL-2.0-or-later
"""The index that the series `span` puts into the kernel, compiled as it is and searched."""

from __future__ import annotations

from pathlib import Path

import pytest
from sanitized import run_sanitized

from tailwalk.series import load_series

AROUND = """
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#define PAGE_SHIFT 12
#define MAX_XAS_ORDER 11
#define BITS_PER_LONG (8 * (int)sizeof(long))
#define EXPORT_SYMBOL(name) extern int exported_##name
#define __ffs(word) __builtin_ctzl(word)
#define ilog2(word) (63 - __builtin_clzl(word))

struct buffer_head {
    bool indexed;
    struct buffer_head *b_this_page, *b_branch[2];
    size_t b_size;
    char *b_data;
};
struct folio { size_t size; struct buffer_head *ring; };

static size_t folio_size(const struct folio *folio) { return folio->size; }
static unsigned int folio_shift(const struct folio *folio) { return ilog2(folio->size); }
static struct buffer_head *folio_buffers(const struct folio *folio) { return folio->ring; }
static bool buffer_indexed(const struct buffer_head *bh) { return bh->indexed; }
static void set_buffer_indexed(struct buffer_head *bh) { bh->indexed = true; }
"""

SEARCH = r"""
static int check(struct folio *folio, size_t count)
{
    size_t size = folio->ring->b_size;

    for (size_t step = 1; step <= count; step += 2)
        for (size_t i = 0; i < count; i++) {
            size_t wanted = i * step % count;
            size_t byte = (wanted * 7 + i) % size;

            /* Twice: the second search ends where the first did. */
            for (int again = 0; again < 2; again++)
                if (folio_seek_buffer(folio, wanted * size + byte) !=
                    folio->ring + wanted) {
                    printf("%zu buffers: buffer %zu not found\n", count, wanted);
                    return 1;
                }
        }
    return 0;
}

int main(void)
{
    static char data[1 << 21];

    for (size_t count = 1; count <= 4096; count *= 2) {
        struct buffer_head *ring = calloc(count, sizeof(*ring));
        struct folio folio = { sizeof(data), ring };

        for (size_t i = 0; i < count; i++) {
            ring[i].b_this_page = ring + (i + 1) % count;
            ring[i].b_size = sizeof(data) / count;
            ring[i].b_data = data + i * ring[i].b_size;
        }
        if (count <= 64 && check(&folio, count))
            return 1;
        folio_index_buffers(&folio);
        if (buffer_indexed(ring) != (count > 1) || check(&folio, count < 512 ? count : 511))
            return 1;
        for (size_t i = 0; i < count; i++)
            if (folio_seek_buffer(&folio, i * ring->b_size) != ring + i)
                return 1;
        free(ring);
    }
    return 0;
}
"""


def _index() -> str:
    return next(edit.text for patch in load_series("span").patches for edit in patch.edits
                if edit.below == "create_empty_buffers")


@pytest.mark.slow
def test_every_buffer_of_every_ring_is_found(tmp_path: Path) -> None:
    run = run_sanitized(AROUND + _index() + SEARCH, tmp_path, seconds=60)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.slow
@pytest.mark.parametrize(("right", "wrong"), [
    ("i & (2UL << level)", "i & (1UL << level)"),
    ("path << 1;", "path;"),
    ("BITS_PER_LONG - 1)", "BITS_PER_LONG - 2) & 1"),
    ("latest[level - 1]", "latest[level]"),
    ("head->b_data + offset)", "head->b_data)"),
])
def test_a_wrong_index_is_noticed(tmp_path: Path, right: str, wrong: str) -> None:
    assert _index().count(right) == 1
    run = run_sanitized(AROUND + _index().replace(right, wrong) + SEARCH, tmp_path, seconds=60)
    assert run.returncode != 0
