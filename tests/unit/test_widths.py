# SPDX-License-Identifier: GPL-2.0-or-later
"""Whatever is shown keeps to the terminal's width, breaks no name and loses no figure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_profiles import made_profile
from made_programs import NEW, OLD, made_program
from made_runs import made_seed_run, made_seed_runs
from msgspec.structs import replace
from rich.console import Console
from test_cli_compare import SCENES
from test_growth import figures, made_host_run
from test_growth import made_case as grown_case
from test_law import full, tail
from test_law import made_run as made_sweep
from test_run_table import DOUBTFUL, TIMED
from test_track import follow

from tailwalk.compare import compare
from tailwalk.compare.program import compare_program
from tailwalk.compare.sweep import arrange
from tailwalk.compare.upgrade import upgrade
from tailwalk.kernels.listing import Available, Cached, Listing
from tailwalk.report.comparison import comparison_shown, run_shown
from tailwalk.report.grid import Cell, Column, Grid, GridRow, Shown
from tailwalk.report.growth import growth_shown
from tailwalk.report.lists import kernels_shown, runs_shown, series_shown
from tailwalk.report.program import functions_shown, program_shown
from tailwalk.report.sweep import sweep_shown
from tailwalk.report.terminal import _STYLES, terminal
from tailwalk.report.track import track_shown
from tailwalk.report.upgrade import upgrade_shown
from tailwalk.report.why import why_shown
from tailwalk.runs.index import Entry
from tailwalk.series import all_series

_RELEASES = ("6.12.100", "6.12.118", "6.16.3", "6.18.15", "7.3.4")
_LONG = ("/home/somebody/kernels/worktrees/stable-6.18/with/a/patch/linux",
         "ext4_da_write_inline_data_begin_with_a_name_of_sixty_letters")


def _entries() -> list[Entry]:
    return [Entry(file="x", bytes=9, id="7bb1f8d5a2c4", created="2026-11-30T14:25:01+00:00",
                  rig="exact", unit="instructions/call", spec=spec, release="6.18.15-lab",
                  inputs="0", filesystem="ext4", block_size=4096, cases=(), figures=3,
                  program=program)
            for spec, program in (("debian:6.18", f"{_LONG[0]}/program say --json -c"),
                                  (f"src:{_LONG[0]}", "/bin/sh ./sqlite.sh DELETE FULL"))]


@cache
def scenes() -> dict[str, list[Shown]]:
    """Everything that commands show, by name."""
    runs = made_seed_runs("debian:6.12", "debian:6.18", "debian:7.3")
    profiles = [made_profile([("vfs_write", -1, 100), (_LONG[1], 0, count), ("b", 1, 7)], spec=spec)
                for spec, count in (("debian:6.12", 50), ("debian:6.18", 9000))]
    two = compare_program(made_program(OLD, NEW))
    made = {f"compare {name}": comparison_shown(compare(found)) for name, found in SCENES.items()}
    return made | {
        "runs show": run_shown(made_seed_run("debian:6.18")), "runs show doubtful":
            run_shown(DOUBTFUL), "runs show timed": run_shown(TIMED),
        "runs list": [runs_shown(_entries())], "series list": [series_shown(all_series())],
        "kernels": [kernels_shown(Listing(
            suites=["trixie", "trixie-backports"], available=[Available(
                spec=f"debian:{release}", line="6.18", version=f"{release}-1~bpo13+1",
                release=f"{release}-amd64", suite="trixie-backports", packages=[],
                missing=["linux-image", "linux-modules"], download=1 << 26, newest=True,
                cached=False) for release in _RELEASES],
            cached=[Cached(release="6.18.15-amd64", origin=f"src:{_LONG[0]}", digest="0" * 64,
                           size=90 << 20)]))],
        "upgrade": [upgrade_shown(upgrade(compare(runs, bad=1), runs), everything=all_of_it)
                    for all_of_it in (False, True)],
        "track": [track_shown(follow(*_RELEASES))],
        "sweep": sweep_shown(arrange([made_sweep(full), made_sweep(tail, spec="debian:7.3")])),
        "host": [growth_shown(made_host_run(figures(grown_case(), 1000, 3560, 8168)))],
        "why": [why_shown(profiles), why_shown(profiles[:1], others=True)],
        "program": [program_shown(compare_program(made_program(*kernels))) for kernels in (
            [OLD], [OLD, NEW], [OLD, NEW, replace(OLD, spec="debian:7.3")])],
        "why program": [functions_shown(two, two.calls)],
    }


def _lines(shown: Shown, width: int) -> list[str]:
    console = Console(width=width, color_system=None, force_terminal=False)
    with console.capture() as captured:
        console.print(terminal(shown, console))
    return [line.rstrip() for line in captured.get().splitlines()]


def _needed(grid: Grid) -> Iterator[tuple[Column, Cell]]:
    for row in grid.seen_in("terminal").rows:
        for column, cell in zip(grid.seen_in("terminal").columns, row.cells, strict=True):
            if not column.rank:
                yield column, cell


def _is_cut(word: str, token: str) -> bool:
    head, sign, end = token.partition("…")
    return bool(sign) and word.startswith(head) and word.endswith(end)


def bears(shown: Shown, width: int) -> None:
    lines = _lines(shown, width)
    assert max(map(len, lines), default=0) <= width
    tokens = {token.strip("()") for line in lines for token in line.split()}
    for grid in (part for part in shown.parts if isinstance(part, Grid)):
        for column, cell in _needed(grid):
            for word in cell.text.split():
                if column.role in ("name", "word"):
                    assert word in tokens or any(_is_cut(word, token) for token in tokens), word
                elif width >= 60 and not grid.brief and column.wraps != "parts":
                    assert word in tokens, (column.heading, word)


@pytest.mark.parametrize("width", [
    60, 200, *(pytest.param(width, marks=pytest.mark.slow) for width in (80, 100))])
@pytest.mark.parametrize("name", [*(f"compare {name}" for name in SCENES), "runs show",
                                  "runs show doubtful", "runs show timed", "runs list",
                                  "series list", "kernels", "upgrade", "track", "sweep", "host",
                                  "why", "program", "why program"])
def test_what_commands_show_keeps_to_the_terminal(name: str, width: int) -> None:
    for shown in scenes()[name]:
        bears(shown, width)


@given(st.integers(40, 200), st.data())
def test_every_width_does(width: int, data: st.DataObject) -> None:
    every = [shown for found in scenes().values() for shown in found]
    bears(data.draw(st.sampled_from(every)), width)


@st.composite
def _grids(draw: st.DrawFn) -> Grid:
    """A table of names, words and figures, of which some columns may be left out."""
    roles = ["name", *draw(st.lists(st.sampled_from(["word", "figure", "figure", "ratio"]),
                                    max_size=12))]
    times = draw(st.sampled_from([1, 1, 1, 5]))  # of so many columns the gaps alone have no room
    texts = {"name": st.from_regex(r"[a-z_]{1,60}", fullmatch=True),
             "word": st.from_regex(r"[a-z/]{1,70}( [a-z]{1,9}){0,6}", fullmatch=True),
             "figure": st.integers(0, 99_999_999).map("{:,}".format),
             "ratio": st.floats(0, 999).map("{:.2f}×".format)}
    columns = [Column(draw(texts["word"]), role, wraps="words" if role == "word" else "never",
                      rank=draw(st.integers(0, 3)) if number else 0)
               for number, role in enumerate(roles)]
    rows = [GridRow([Cell(draw(texts[role])) for role in roles])
            for _ in range(draw(st.integers(1, 4)))]
    return Grid(columns=columns[:1] + columns[1:] * times,
                rows=[GridRow(row.cells[:1] + row.cells[1:] * times) for row in rows])


@given(_grids(), st.integers(40, 200))
def test_any_table_does(grid: Grid, width: int) -> None:
    bears(Shown(title="", parts=[grid]), width)


@pytest.mark.parametrize(("columns", "width"), [(45, 80), (16, 30)])
def test_a_table_whose_gaps_alone_are_too_wide_goes_on_below(columns: int, width: int) -> None:
    figures = [f"{number:,}" for number in range(1000, 1000 + columns)]
    grid = Grid(columns=[Column("case", "name"), *(Column(f"k{number}", "figure")
                                                   for number in range(columns))],
                rows=[GridRow([Cell("pwrite_u1k"), *map(Cell, figures)])])
    lines = _lines(Shown(title="", parts=[grid]), width)
    assert max(map(len, lines)) <= width
    shown = [word for line in lines if "pwrite_u1k" in line for word in line.split()]
    assert [word for word in shown if word != "pwrite_u1k"] == figures


def test_the_least_needed_columns_go_first() -> None:
    shown = scenes()["runs list"][0]
    heads = [re.split(r"  +", _lines(shown, width)[0]) for width in (200, 100, 80, 60)]
    assert heads[0] == ["run", "UTC", "kernel", "release", "rig", "on", "counted"]
    for wide, narrow in pairwise(heads):
        assert set(narrow) <= set(wide)
    assert {"run", "kernel", "counted"} <= set(heads[-1]) and "on" not in heads[-1]


def test_a_colour_means_the_same_everywhere() -> None:
    meanings = {"red": {"regressed", "affected", "dearer", "none of it"},
                "green": {"improved", "not affected", "cheaper", "all of it"},
                "yellow": {"doubtful", "unsteady", "unknown", "unclear"}}
    for colour, tones in meanings.items():
        assert {tone for tone, style in _STYLES.items() if colour in style.split()} == tones
