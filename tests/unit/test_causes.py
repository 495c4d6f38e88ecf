# SPDX-License-Identifier: GPL-2.0-or-later
"""Functions that carry a difference, and the causes that are named for them: by made-up profiles,
those that have one and those that only look so."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from made_profiles import made_profile
from made_runs import made_case

from tailwalk.errors import UsageError
from tailwalk.profile.causes import KNOWN, Explained, explain

Tree = Sequence[tuple[str, int, int]]
DOCS = Path(__file__).parents[2] / "docs"


def found(old: Tree, new: Tree) -> Explained:
    symbols = {name for name, _, _ in [*old, *new]}
    return explain(made_profile(old, symbols=symbols),
                   made_profile(new, spec="debian:6.18", symbols=symbols))


def causes(old: Tree, new: Tree) -> list[str]:
    return [known.cause for known, _ in found(old, new).causes]


def grown(*functions: str, by: int = 1000) -> tuple[Tree, Tree]:
    """A call in which each of these functions executes so many instructions more, and another 100
    more."""
    names = ["do_syscall_64", *functions]
    return ([(name, -1 if at == 0 else 0, 100) for at, name in enumerate(names)],
            [(name, -1 if at == 0 else 0, 100 + (by if at else 100))
             for at, name in enumerate(names)])


@pytest.mark.parametrize(("functions", "cause"), [
    (("ext4_block_write_begin", "block_commit_write"),
     "a write walks the buffer heads of the whole folio"),
    (("__block_commit_write",), "a write walks the buffer heads of the whole folio"),
    (("ext4_bio_write_folio", "ext4_finish_bio", "mpage_process_page_bufs"),
     "writeback walks the buffer heads of the whole folio"),
    (("crc32c_base",), "checksums are computed in software"),
    (("folio_alloc_buffers",), "buffer heads are made for the whole folio"),
])
def test_a_cause_is_named_for_the_functions_it_is_known_by(
        functions: tuple[str, ...], cause: str) -> None:
    assert causes(*grown(*functions)) == [cause]


@pytest.mark.parametrize("functions", [("memcpy_orig",), ("xas_load", "kmem_cache_alloc_noprof"),
                                       ("bio_add_page",)])
def test_nothing_is_named_for_functions_that_nothing_is_known_of(
        functions: tuple[str, ...]) -> None:
    assert causes(*grown(*functions)) == []


def test_a_cause_carries_at_least_half_of_the_difference() -> None:
    def walk(share: int) -> tuple[Tree, Tree]:
        return ([("write", -1, 1000), ("block_commit_write", 0, 0)],
                [("write", -1, 1100 - share), ("block_commit_write", 0, share)])

    assert causes(*walk(49)) == []
    assert causes(*walk(50)) == ["a write walks the buffer heads of the whole folio"]
    assert found(*walk(80)).causes[0][1] == 0.8


def test_what_became_cheaper_has_no_cause() -> None:
    old, new = grown("block_commit_write")
    assert causes(new, old) == []
    assert found(new, old).carriers[0] == ("block_commit_write", -1000)
    assert causes(old, old) == [] and found(old, old).difference == 0


def test_a_folio_that_is_written_back_whole_is_told_from_one_that_is_walked() -> None:
    walks = ("ext4_bio_write_folio", "ext4_finish_bio")
    whole = "the folio is dirtied, and so written back, as a whole"
    assert whole not in causes(*grown(*walks, "bio_add_page"))
    assert causes(*grown(*walks, "bio_add_page", "bvec_try_merge_page", "bio_add_folio")) == [whole]


def test_what_makes_buffer_heads_counts_with_all_it_calls() -> None:
    old = [("write", -1, 100), ("create_empty_buffers", 0, 10), ("kmem_cache_alloc_noprof", 1, 50)]
    new = [("write", -1, 100), ("create_empty_buffers", 0, 20), ("kmem_cache_alloc_noprof", 1, 950)]
    assert causes(old, new) == ["buffer heads are made for the whole folio"]
    elsewhere = [("write", -1, 100), ("create_empty_buffers", 0, 20),
                 ("kmem_cache_alloc_noprof", 0, 950)]
    assert causes([*old[:2], ("kmem_cache_alloc_noprof", 0, 50)], elsewhere) == []


def test_carriers_are_those_that_go_the_way_of_the_difference_the_largest_first() -> None:
    said = found([("a", -1, 10), ("b", 0, 10), ("c", 0, 90)],
                 [("a", -1, 30), ("b", 0, 110), ("c", 0, 40)])
    assert (said.difference, said.carriers) == (70, [("b", 100), ("a", 20)])


def test_profiles_of_two_cases_are_refused() -> None:
    tree = [("a", -1, 10)]
    with pytest.raises(UsageError, match="different cases"):
        explain(made_profile(tree),
                made_profile(tree, spec="debian:6.18", case=made_case("write_u1k")))


@pytest.mark.parametrize("known", KNOWN, ids=lambda known: known.cause)
def test_the_heading_that_a_cause_leads_to_explains_it(known) -> None:
    page, _, anchor = known.page.partition("#")
    parts = re.split(r"^#+ (.*)$", (DOCS / page).read_text(), flags=re.MULTILINE)
    texts = {heading.lower().replace("'", "").replace(" ", "-"): text
             for heading, text in zip(parts[1::2], parts[2::2], strict=True)}
    words = [word[:5] for word in re.findall(r"\w{5,}", known.cause)]
    said = texts[anchor].lower()
    assert sum(word in said for word in words) > len(words) / 2
    assert known.explained.endswith(".")
