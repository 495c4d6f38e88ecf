# SPDX-License-Identifier: GPL-2.0-or-later
"""A run on a terminal."""

from __future__ import annotations

import pytest
from golden_files import check_golden
from made_runs import (
    made_case,
    made_figure,
    made_run,
    made_samples,
    made_seed_run,
    made_timed_figure,
    made_timed_run,
)
from rich.console import Console

from tailwalk.report.comparison import run_shown
from tailwalk.report.terminal import terminal
from tailwalk.runs import FolioCount, Run

DOUBTFUL = made_run("debian:6.18", [
    made_figure(made_case(), 11120, share=0.31, steady=False,
                folios=[FolioCount(order=0, folios=3), FolioCount(order=8, folios=9)]),
    made_figure(made_case("write_u1k"), 2274, order=None, user=None, share=None,
                notes=["the kernel shows no page flags: folio orders are unknown"])])

TIMED = made_timed_run("host", made_timed_figure(
    made_case(), made_samples(1, 560), interval=(551.5, 1570.25), written=8,
    folios=[FolioCount(order=8, folios=10)]))


@pytest.mark.parametrize(("name", "run"), [
    ("seed", made_seed_run("debian:6.18")), ("doubtful", DOUBTFUL), ("timed", TIMED)])
def test_what_readers_see(name: str, run: Run) -> None:
    console = Console(width=80, highlight=False, force_terminal=False, color_system=None)
    with console.capture() as captured:
        console.print(terminal(run_shown(run), console))
    lines = [line.rstrip() for line in captured.get().splitlines()]
    assert max(map(len, lines)) <= 80
    check_golden(f"run-{name}.table", "\n".join(lines) + "\n")
