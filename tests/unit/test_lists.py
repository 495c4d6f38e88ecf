# SPDX-License-Identifier: GPL-2.0-or-later
"""Lists of kernels and of series, and what is said of a program that was counted."""

from __future__ import annotations

import io

import pytest
from made_runs import made_seed_run
from rich.console import Console

from tailwalk.kernels.listing import Available, Cached, Listing
from tailwalk.report.execution_lines import execution_lines
from tailwalk.report.grid import Shown
from tailwalk.report.lists import kernels_shown, series_shown
from tailwalk.report.terminal import terminal
from tailwalk.runs.execution import Execution, Instructions
from tailwalk.series import all_series


def lines_of(shown: Shown, width: int = 80) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    with console.capture() as captured:
        console.print(terminal(shown, console))
    return [" ".join(line.split()) for line in captured.get().splitlines()]


def made_available(release: str, **changed: object) -> Available:
    return Available(**{  # type: ignore[arg-type]
        "spec": f"debian:{release}", "line": "6.18", "version": f"{release}-1",
        "release": f"{release}-amd64", "suite": "trixie", "packages": [], "missing": [],
        "download": 3 << 19, "newest": False, "cached": False, **changed})


def test_kernels_are_listed_with_what_they_lack() -> None:
    lines = lines_of(kernels_shown(Listing(suites=["trixie", "sid"], available=[
        made_available("6.18.15", newest=True, cached=True), made_available("6.18.9"),
        made_available("6.18.2", missing=["linux-image-6.18.2-amd64", "linux-modules-6.18.2-amd64"])
    ], cached=[Cached(release="6.18.15-amd64", origin="debian:6.18.15", digest="0" * 64,
                      size=90 << 20)])))
    assert "debian:6.18.15* 6.18.15-1 trixie cached" in lines
    assert "debian:6.18.9 6.18.9-1 trixie 2 MiB to fetch" in lines
    assert "debian:6.18.2 6.18.2-1 trixie lacks image and modules" in lines
    assert "Suites: trixie, sid." in lines
    assert "6.18.15-amd64 debian:6.18.15 90" in lines


def test_without_a_kernel_that_is_said() -> None:
    assert lines_of(kernels_shown(Listing(suites=[], available=[], cached=[]))) == [
        "No kernel is cached yet."]


def test_every_series_is_listed() -> None:
    lines = lines_of(series_shown(all_series()), width=200)
    for one in all_series():
        assert f"{one.name} {one.holds} {len(one.patches)} {one.title}" in lines


@pytest.mark.parametrize(("end", "said"), [
    ({"status": 0, "signal": None}, "exit status 0 on debian:6.18 (6.18.15"),
    ({"status": None, "signal": 11}, "SIGSEGV")])
def test_what_a_program_executed(end: dict[str, int | None], said: str) -> None:
    run = made_seed_run("debian:6.18")
    counts, others, ending = execution_lines(Execution(
        tailwalk="0", created="", kernel=run.kernel, conditions=run.conditions, command=["a"],
        program="0", files=[], instructions=Instructions(user=750, kernel=250, others=12),
        tasks=1, switches=2, inputs="0", **end))
    assert counts.startswith("1,000 instructions: 750 of the program in user mode")
    assert counts.endswith("250 of the kernel on its behalf (25.0%)")
    assert others == ("besides, 12 of the kernel's own threads meanwhile; 1 task, "
                      "2 context switches")
    assert said in ending and ending.endswith("ext4 with 4KiB blocks")
