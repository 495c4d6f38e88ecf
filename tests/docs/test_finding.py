# SPDX-License-Identifier: GPL-2.0-or-later
"""The page of what the upgrade test finds has the tables that its command makes."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from finding import PAGE, measured, second
from finding_tables import TABLES, Counted, Found, Second, names, remade
from made_runs import SEED, made_seed_runs
from msgspec.structs import replace as change
from pages import difference

from tailwalk.cases import find_cases
from tailwalk.compare import compare
from tailwalk.compare.upgrade import upgrade, with_profiles
from tailwalk.compiling import compiler
from tailwalk.lab.lab import Lab
from tailwalk.lab.upgrades import upgrade_runs
from tailwalk.profile.causes import KNOWN, Explained
from tailwalk.rigs.plan import UPGRADE_CALLS, Plan

TEXT = PAGE.read_text()
WALK = Explained(difference=8917, causes=[(KNOWN[0], 0.99)], carriers=[
    ("ext4_block_write_begin", 4600), ("block_commit_write", 4300), ("a", 9), ("b", 8)])
OTHER = Explained(difference=8917, causes=[], carriers=[("memcpy_orig", 8917)])


def made() -> Found:
    """The seed cases on every file system; of the source kernels one has no regression."""
    runs = made_seed_runs("debian:6.12", "debian:6.18", "debian:7.3")
    found = with_profiles(upgrade(compare(runs, bad=1, threshold=10.0), runs),
                          {SEED[0]: WALK, SEED[1]: OTHER, SEED[5]: "no trace was kept"})
    tail = made_seed_runs("debian:6.12", "src:6.18+tail")
    return Found(
        ext4=found, later=found, fills=found,
        others=dict.fromkeys(("xfs", "btrfs", "tmpfs"), found),
        source=upgrade(compare(tail, bad=1, threshold=10.0), tail),
        twice=[Second("pwrite_u1k", "ext4", [Counted(2314, 2300, "4 KiB, 0 of it huge")] * 3),
               Second("pwrite_u1k_again", "xfs", [Counted(2400, 2350, "")] * 3)])


def table(name: str, found: Found) -> str:
    return TABLES[name](found)


def test_the_page_has_every_table_once_and_none_is_empty() -> None:
    assert sorted(names(TEXT)) == sorted(TABLES)
    assert not re.search(r"finding\.py: [\w-]+ -->\s*<!-- end", TEXT), (
        "make it: python tests/docs/finding.py")


def test_a_cause_that_is_known_has_its_table() -> None:
    here = {known.page.partition("#")[2] for known in KNOWN
            if known.page.startswith("explanation/upgrade.md#")}
    assert len(here) == 4 and here < set(TABLES)


def test_a_case_stands_below_its_cause_with_its_functions() -> None:
    found = made()
    assert (f"| `{SEED[0].name}` | 2,230 | 11,147 (5.00) | 2,301 (1.03) | "
            "`ext4_block_write_begin` +4,600, `block_commit_write` +4,300, `a` +9 |"
            in table("walks-in-the-write", found).splitlines())
    assert "memcpy_orig" in table("other", found) and SEED[0].name not in {
        *re.findall(r"`(\w+)`", table("other", found))}
    assert table("walks-in-writeback", found) == "None."
    assert ("| `writev_u10k` | 41,501 | 25,578 (0.62) | 17,443 (0.42) | no trace was kept |"
            in table("cheaper", found).splitlines())


def test_what_costs_the_same_elsewhere_is_not_told_again() -> None:
    found = made()
    assert "`write_u1k`" not in table("xfs", found)
    other = replace(found, ext4=change(found.ext4, cases=[
        change(one, figures=[2230, 22294, 2301]) if one.case == "write_u1k" else one
        for one in found.ext4.cases]))
    assert "`write_u1k`" in table("xfs", other)


def test_what_a_file_system_cannot_do_is_none_of_its_cases() -> None:
    found = made()
    assert table("tmpfs", found).startswith("5 of 6 cases cost more, 1 less. Those")
    first, *others = found.others["tmpfs"].cases
    lacking = change(first, figures=[None] * 3, ratios=[None] * 3, verdicts=["missing"] * 3)
    other = replace(found, others=found.others | {
        "tmpfs": change(found.others["tmpfs"], cases=[lacking, *others])})
    assert table("tmpfs", other).startswith(
        "4 of 5 cases cost more, 1 less, and 1 more cannot be measured. Those")


def test_ours_stand_beside_what_another_program_counts() -> None:
    first, second = table("twice", made()).splitlines()[2:]
    assert "2,203 / 2,314 (+5.0%)" in first
    assert second == f"| `pwrite_u1k_again`, xfs{' | 2,400 (least 2,350)' * 3} |"
    assert "pwrite_u1k_again" not in table("mapped", made())


def test_a_figure_that_was_altered_is_made_anew() -> None:
    text = remade(TEXT, made())
    assert remade(text.replace("11,147", "11,148"), made()) == text


@pytest.mark.guest
def test_some_rows_are_what_is_measured() -> None:
    cases = find_cases(["pwrite_u1k", "fdatasync_u1k", "splice_to_pipe_u1m", "mprot_wz128k"])
    runs = upgrade_runs(Lab(), ["debian:6.12", "debian:6.18", "debian:7.3"],
                           Plan(cases=cases, calls=UPGRADE_CALLS))
    found = upgrade(compare(runs, bad=1, threshold=10.0), runs)
    for one in found.cases:
        shown = re.search(rf"^\| `{one.case}` (\|(?: [^|]*\|){{3}})", TEXT, re.MULTILINE)
        assert shown is not None
        printed = re.search(r"` (\|(?: [^|]*\|){3})", TABLES["cheaper"](replace(
            made(), ext4=change(found, cases=[
                change(one, verdicts=["baseline", "improved", "improved"])]))))
        assert printed is not None
        assert difference(shown[1], printed[1]) == ""


@pytest.mark.guest
def test_another_program_sees_where_a_mapping_of_zeros_is_huge(tmp_path: Path) -> None:
    program = tmp_path / "second_count"
    subprocess.run([compiler(), "-static", "-O2", "-o", program, PAGE.parents[2] / "tests" / "docs"
                    / "second_count.c"], check=True)
    old, new, same = (second(Lab(), spec, program, call=call, fs="ext4") for spec, call in (
        ("debian:6.12", "mprot_tw4m"), ("debian:6.18", "mprot_tw4m"),
        ("debian:6.12", "mprot_tw4m_aligned")))
    assert (old.mapped, new.mapped, same.mapped) == (
        "4096 KiB, 2048 of it huge", *["4096 KiB, 4096 of it huge"] * 2)
    assert old.median > 10 * new.median and same.median == pytest.approx(new.median, rel=0.05)


@pytest.mark.guest
@pytest.mark.long
@pytest.mark.timeout(7200)
def test_the_page_is_what_its_command_makes(tmp_path: Path) -> None:
    assert difference(TEXT, remade(TEXT, measured(Lab(), tmp_path))) == ""
