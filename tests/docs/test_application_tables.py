# SPDX-License-Identifier: GPL-2.0-or-later
"""The pages of applications have the tables that are made of records, and these say what the
records do."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from application_tables import PAGES, TABLES, Application, names, remade
from made_programs import made_on_kernel, made_program, made_row

from applications import ALL, LOADS
from tailwalk.programs.plan import ExecPlan

TEXTS = [page.read_text() for page in PAGES]
KERNELS = {"debian": ("debian:6.12", "debian:6.18"), "src": ("src:6.12", "src:6.18+tail")}
LOAD = replace(ALL["overwrites-0-written-4096"], counted=100)


def made(kernels: str, *counts: int) -> Application:
    """A load of which one function executes so much in a call, on each kernel."""
    return Application(LOAD, made_program(*(
        made_on_kernel(spec, [
            made_row("pwrite64", 100, {"entry": 10_000, "entry>block_commit_write": count},
                     file="ext4", size=8192),
            made_row("writeback", 0, {"entry": 5_000}, program=False)])
        for spec, count in zip(KERNELS[kernels], counts, strict=True))))


def found(*counts: int) -> dict[tuple[str, str], Application]:
    return {("load", kernels): made(kernels, *counts) for kernels in KERNELS}


def test_the_pages_have_every_table_once_and_none_is_empty() -> None:
    assert sorted(name for text in TEXTS for name in names(text)) == sorted(TABLES)
    assert not any(re.search(r"tables\.py: [\w-]+ -->\s*<!-- end", text) for text in TEXTS), (
        "make them: python tests/docs/application_tables.py")


def test_the_pages_have_a_row_for_every_load() -> None:
    for load in ALL.values():
        assert any(load.text in text for text in TEXTS), load.text


def test_a_figure_is_for_each_write_with_what_threads_did_and_without_the_programs_own() -> None:
    table = TABLES["debian"](found(20_000, 85_000))
    assert "| 350 | **1,000 (2.86)** |" in table
    assert "| 350 | 150 (0.43) |" in TABLES["debian"](found(20_000, 0))


def test_the_page_of_a_series_has_the_kernels_that_it_is_about() -> None:
    specs = ("src:6.12", "src:6.18", "src:6.18+span", "src:6.18+flush", "src:7.3+flush")
    program = made_program(*(
        made_on_kernel(spec, [made_row("pwrite64", 100, {"entry": 10_000}, size=8192)])
        for spec in specs))
    applications = {("load", "src"): Application(LOAD, program)}
    assert "| src:6.12 | src:6.18+span | src:6.18+flush | src:7.3+flush |" in (
        TABLES["flush"](applications))
    assert "| src:6.12 | src:6.18 | src:6.18+span | walks on src:6.18" in (
        TABLES["databases"](applications))


def test_walks_are_those_on_the_second_kernel() -> None:
    table = TABLES["databases"](found(20_000, 85_000))
    assert "walks on src:6.18+tail: write + writeback" in table
    assert table.endswith("| 850 + 0 |")


def test_a_call_that_changed_is_named_with_what_carries_it() -> None:
    [line] = TABLES["changes"](found(20_000, 85_000)).splitlines()[2:]
    assert line.endswith("| debian:6.18 | `pwrite64` | 100 | +650 | 3.17 | "
                         "`block_commit_write` |")
    assert not TABLES["changes"](found(20_000, 20_500)).splitlines()[2:]


def test_a_page_is_remade_and_keeps_what_is_around() -> None:
    page = "before\n<!-- made by tests/docs/application_tables.py: debian -->\nold\n<!-- end -->\n"
    text = remade(page, found(20_000, 85_000))
    assert text.startswith("before\n") and "old" not in text and "**1,000 (2.86)**" in text
    assert remade(text, found(20_000, 85_000)) == text


@pytest.mark.parametrize("load", ALL.values(), ids=str)
def test_a_load_is_of_files_that_are_there(load) -> None:
    assert (LOADS / (load.script or "overwrites.c")).exists()
    assert all((LOADS / name).exists() for name in load.files if name.endswith(".sh"))
    assert load.counted > 0 and (not load.arguments or load.counted == 1
                                 or load.arguments[-1] == str(load.counted))
    ExecPlan(program=LOADS, arguments=load.arguments, packages=load.packages).check()
