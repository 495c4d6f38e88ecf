# SPDX-License-Identifier: GPL-2.0-or-later
"""Pairing functions of two kernels, and the difference of two profiles."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_profiles import made_profile
from made_runs import made_case
from results import validate
from test_schemas import published

from tailwalk.cases import KIB, MIB, Filesystem
from tailwalk.errors import UsageError
from tailwalk.profile.difference import difference
from tailwalk.profile.pairing import paired_tree, plain_name
from tailwalk.profile.record import Profile
from tailwalk.report.profile_words import sentence, side_labels
from tailwalk.runs.record import encode


@pytest.mark.parametrize(("name", "plain"), [
    ("finish_task_switch.isra.0", "finish_task_switch"),
    ("ext4_write.part.0.constprop.1", "ext4_write"),
    ("block_commit_write.cold", "block_commit_write"),
    ("__block_commit_write.cold", "block_commit_write"),
    ("do_it.llvm.12345678", "do_it"),
    ("entry_SYSCALL_64_after_hwframe", "entry_SYSCALL_64"),
    ("isra.partner", "isra.partner"),
    ("vfs_write", "vfs_write"),
])
def test_plain_names(name: str, plain: str):
    assert plain_name(name) == plain


OLD = made_profile([
    ("vfs_write", -1, 100), ("ext4_write_begin", 0, 60), ("__block_commit_write", 0, 50),
    ("copy.isra.0", 0, 30), ("checks", 1, 7), ("copy.isra.0.cold", 3, 5)])
NEW = made_profile([
    ("vfs_write", -1, 100), ("ext4_write_begin", 0, 4000), ("block_commit_write", 0, 3050),
    ("copy", 0, 31)], spec="debian:6.18")


def rows(found) -> dict[str, tuple[int, int]]:
    return {row.name: row.counts for row in found.rows}


def test_renamed_suffixed_and_inlined_functions_are_paired():
    found = difference(OLD, NEW)
    assert rows(found) == {
        "ext4_write_begin": (67, 4000), "block_commit_write": (50, 3050), "copy": (35, 31),
        "vfs_write": (100, 100)}
    assert found.rows[0].raw == (["checks", "ext4_write_begin"], [])
    assert found.rows[1].raw == (["__block_commit_write"], [])
    assert found.rows[2].raw == (["copy.isra.0", "copy.isra.0.cold"], [])


def test_raw_names_are_left_alone():
    found = difference(OLD, NEW, raw=True)
    assert rows(found)["__block_commit_write"] == (50, 0)
    assert rows(found)["block_commit_write"] == (0, 3050)
    assert rows(found)["checks"] == (7, 0)


def test_a_function_that_the_other_kernel_has_but_does_not_call_stays_its_own():
    new = made_profile([("vfs_write", -1, 100)], spec="debian:6.18",
                       symbols=["ext4_write_begin", "copy"])
    found = rows(difference(OLD, new))
    assert found["ext4_write_begin"] == (67, 0) and found["copy"] == (35, 0)
    assert found["vfs_write"] == (150, 100)  # with __block_commit_write


def test_the_books_balance_and_the_largest_comes_first():
    found = difference(OLD, NEW)
    assert [sum(row.counts[side] for row in found.rows) for side in (0, 1)] == [252, 7181]
    assert found.total == 6929
    sizes = [abs(row.difference) for row in found.rows]
    assert sizes == sorted(sizes, reverse=True)


def test_the_sentence_names_what_carries_the_change():
    assert sentence(difference(OLD, NEW)) == (
        "+6,929 instructions, nearly all in ext4_write_begin (with checks) (+3,933) and "
        "block_commit_write (+3,000); 1 other function together: -4.")
    assert sentence(difference(NEW, OLD)).startswith("-6,929 instructions, nearly all in ext4_")
    assert sentence(difference(OLD, OLD)) == (
        "Both execute the same number of kernel instructions.")


@given(st.lists(st.integers(0, 50), min_size=1, max_size=12),
       st.lists(st.integers(0, 50), min_size=1, max_size=12), st.booleans())
def test_pairing_loses_and_adds_nothing(one, other, raw):
    profiles = [
        made_profile([(f"f{(at * step) % 7}", at - 1 if at % 3 else -1, count)
                      for at, count in enumerate(counts)], spec=f"debian:6.{step}")
        for counts, step in ((one, 1), (other, 3))]
    nodes = paired_tree(profiles, raw=raw)
    for side, profile in enumerate(profiles):
        assert sum(node.counts[side] for node in nodes) == profile.count
        roots = sum(node.inclusive[side] for node in nodes if node.parent < 0)
        assert roots == profile.count
    found = difference(*profiles, raw=raw)
    assert sum(row.difference for row in found.rows) == found.total


def filled(fill: int, **given):
    return made_profile([("vfs_write", -1, 100)], case=made_case(fill=fill), **given)


def on_machine(qemu: str) -> Profile:
    profile = made_profile([("vfs_write", -1, 100)])
    conditions = msgspec.structs.replace(profile.conditions, machine={"qemu": qemu})
    return msgspec.structs.replace(profile, conditions=conditions)


def test_one_kernel_under_two_conditions():
    pair = [filled(4 * KIB), filled(MIB)]
    assert difference(*pair).varies == "conditions"
    assert side_labels(pair) == ["fill 4KiB", "fill 1MiB"]
    assert side_labels([OLD, NEW]) == ["debian:6.12", "debian:6.18"]
    assert side_labels([OLD, OLD]) == ["debian:6.12 #0", "debian:6.12 #1"]


@pytest.mark.parametrize(("other", "why"), [
    (made_profile([("f", -1, 1)], case=made_case("pwrite_u10k"), spec="debian:6.18"),
     "different cases: pwrite_u1k on debian:6.12 and pwrite_u10k on debian:6.18"),
    (filled(4 * KIB, spec="debian:6.18"), "with fill 1048576 on debian:6.12 and 4096"),
    (made_profile([("f", -1, 1)], filesystem=Filesystem(kind="xfs"), spec="debian:6.18"),
     "different file systems"),
    (on_machine("8.0"), "different machines: qemu is 7.2.22 for debian:6.12 and 8.0"),
])
def test_profiles_that_do_not_go_together(other, why):
    with pytest.raises(UsageError, match=why):
        difference(OLD, other)


def test_differences_are_what_their_schema_says():
    validate(json.loads(encode(difference(OLD, NEW))), published("difference"))
