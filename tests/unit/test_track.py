# SPDX-License-Identifier: GPL-2.0-or-later
"""Tracks: steps found exactly and named, kernels left out, and the command over a line."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from made_lab import MadeLab
from made_runs import made_case, made_figure, made_run
from rich.console import Console

from tailwalk.cli import group
from tailwalk.compare.steps import LeftOut, Track, track
from tailwalk.errors import ArchiveError, GuestError, TailwalkError, ToolError, UsageError
from tailwalk.kernels.line import line_of
from tailwalk.kernels.listing import Available
from tailwalk.report.terminal import terminal
from tailwalk.report.track import (
    folded,
    release_labels,
    step_sentences,
    steps_by_size,
    track_sentence,
    track_shown,
    track_svg,
)
from tailwalk.rigs.plan import Plan
from tailwalk.runs import Run

CASES = [made_case("pwrite_u1k"), made_case("writev_u10k")]
COUNTS = {"6.12.100": (2224, 41398), "6.12.118": (2224, 41398), "6.16.3": (11113, 25597),
          "6.18.15": (11117, 25597), "7.3.4": (2271, 17466)}


def made_tracked(release: str, *, steady: bool = True) -> Run:
    return made_run(f"debian:{release}", [
        made_figure(case, value, steady=steady)
        for case, value in zip(CASES, COUNTS[release], strict=True)],
        release=f"{release}+deb13-cloud-amd64")


def follow(*releases: str, left_out: Sequence[LeftOut] = ()) -> Track:
    return track([made_tracked(release) for release in releases], left_out=left_out)


def test_steps_are_found_and_named() -> None:
    found = follow(*COUNTS)
    assert [(step.row, step.before, step.after) for step in found.steps] == [
        (0, 1, 2), (1, 1, 2), (0, 3, 4), (1, 3, 4)]
    assert step_sentences(found) == [
        "between 6.12.118 and 6.16.3: pwrite_u1k 2,224 to 11,113 (5.00×), writev_u10k 41,398 to "
        "25,597 (0.62×)",
        "between 6.18.15 and 7.3.4: pwrite_u1k 11,117 to 2,271 (0.20×), writev_u10k 25,597 to "
        "17,466 (0.68×)"]
    assert track_sentence(found) == (
        "pwrite_u1k takes 5.00× on 6.16.3 what it took on 6.12.118, and is back on 7.3.4; steps in "
        "2 places over 5 kernels from 6.12.100 to 7.3.4.")
    assert track_sentence(follow("6.12.118", "6.16.3", "6.18.15")) == (
        "pwrite_u1k takes 5.00× on 6.16.3 what it took on 6.12.118; steps in 1 place over 3 "
        "kernels from 6.12.118 to 6.18.15.")


@given(st.lists(st.integers(1, 20_000), min_size=1, max_size=12),
       st.floats(0, 50, allow_nan=False))
def test_a_step_is_exactly_where_a_figure_moves_by_more(
        figures: list[int], threshold: float) -> None:
    runs = [made_run(f"debian:6.{number}", [made_figure(made_case(), value)])
            for number, value in enumerate(figures)]
    expected = [number for number in range(1, len(figures))
                if abs(figures[number] - figures[number - 1]) * 100
                > Fraction(str(threshold)) * figures[number - 1]]
    assert [step.after for step in track(runs, threshold=threshold).steps] == expected


def test_an_unsteady_figure_is_no_step_and_hides_none() -> None:
    runs = [made_tracked("6.12.118"), made_tracked("6.16.3", steady=False), made_tracked("6.18.15")]
    found = track(runs)
    assert {(step.before, step.after) for step in found.steps} == {(0, 2)}
    assert step_sentences(found)[0].startswith("between 6.12.118 and 6.18.15: ")


def test_figures_that_cannot_be_judged_are_no_calm() -> None:
    runs = [made_tracked("6.12.118", steady=False), made_tracked("6.16.3", steady=False)]
    assert track_sentence(track(runs)) == (
        "Nothing can be said of steps over 2 kernels from 6.12.118 to 6.16.3. 4 figures cannot be "
        "judged.")
    runs = [*map(made_tracked, ("6.12.100", "6.12.118")), made_tracked("6.16.3", steady=False)]
    assert track_sentence(track(runs)) == (
        "No step over 3 kernels from 6.12.100 to 6.16.3. 2 figures cannot be judged.")


def test_a_kernel_left_out_between_is_said() -> None:
    found = follow("6.12.118", "6.18.15", left_out=[
        LeftOut(spec="debian:6.16.3", reason="it hangs", after=1)])
    assert step_sentences(found)[0].startswith(
        "between 6.12.118 and 6.18.15 (1 between not measured): ")


def test_the_chart_says_every_figure() -> None:
    drawn = ElementTree.fromstring(track_svg(follow(*COUNTS)))
    titles = [title.text for title in drawn.iter("{http://www.w3.org/2000/svg}title")]
    assert sorted(titles) == sorted(
        f"{case.name} on {release}: {COUNTS[release][row]:,} instructions/call"
        for row, case in enumerate(CASES) for release in COUNTS)


def test_a_figure_of_nothing_has_no_mark_and_shifts_no_other() -> None:
    values = (100, 0, 300, 0)
    runs = [made_run(f"debian:6.{number}", [made_figure(CASES[0], value)], release=f"6.{number}.1")
            for number, value in enumerate(values)]
    drawn = ElementTree.fromstring(track_svg(track(runs)))
    assert [title.text for title in drawn.iter("{http://www.w3.org/2000/svg}title")] == [
        "pwrite_u1k on 6.0.1: 100 instructions/call", "pwrite_u1k on 6.2.1: 300 instructions/call"]


def test_a_narrow_terminal_leaves_out_the_folio_and_then_parts_the_cases() -> None:
    def heads(width: int) -> list[str]:
        console = Console(file=io.StringIO(), width=width)
        with console.capture() as captured:
            console.print(terminal(track_shown(follow(*COUNTS)), console))
        lines = [" ".join(line.split()) for line in captured.get().splitlines()]
        return [line for line in lines if line.startswith("kernel ")]

    assert heads(80) == heads(40) == ["kernel pwrite_u1k writev_u10k folio"]
    assert heads(39) == ["kernel pwrite_u1k writev_u10k"]
    assert heads(29) == ["kernel pwrite_u1k", "kernel writev_u10k"]


def test_thresholds_and_nothing_to_track() -> None:
    for threshold in (-1.0, float("nan"), float("inf")):
        with pytest.raises(UsageError, match="threshold"):
            track([made_tracked("7.3.4")], threshold=threshold)
    with pytest.raises(UsageError, match="no run to track"):
        track([])


def available(release: str, *, missing: Sequence[str] = ()) -> Available:
    return Available(
        spec=f"debian:{release}", line=".".join(release.split(".")[:2]), version=f"{release}-1",
        release=f"{release}-amd64", suite="trixie", packages=[], missing=list(missing),
        download=2**25, newest=False, cached=False)


LISTING = [available("7.3.4"), available("7.1.8", missing=["linux-modules"]),
           *(available(release) for release in list(COUNTS)[3::-1])]


def test_a_line_is_in_order_of_release_and_only_of_what_boots() -> None:
    def specs(*series: str, newest: int | None = None) -> list[str]:
        return [kernel.spec.removeprefix("debian:")
                for kernel in line_of(LISTING, series, newest=newest)]

    assert specs("7", "6.18", "6.12", "6.16") == list(COUNTS)
    assert specs("6.12", "6.16", newest=1) == ["6.12.118", "6.16.3"]
    for wrong, said in (("7.1", "no kernel of the line 7.1 that can boot; it has 6.12, 6.16"),
                        ("6.12.118", "no kernel line"), ("", "no kernel line")):
        with pytest.raises(UsageError, match=said):
            specs(wrong)


class Followed:
    """`tailwalk track` over releases that have the figures of `COUNTS`, but for those that fail
    with one of `errors`."""

    def __init__(self) -> None:
        self.errors: dict[str, TailwalkError] = {}

    def __call__(self, *arguments: str) -> Result:
        return CliRunner().invoke(group, ["track", *arguments],
                                  obj=MadeLab(run=self._run, releases=LISTING))

    def _run(self, spec: str, plan: Plan) -> Run:  # noqa: ARG002
        release = spec.removeprefix("debian:")
        if release in self.errors:
            raise self.errors[release]
        return made_tracked(release)


@pytest.fixture
def run_track(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Followed:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)
    return Followed()


def test_a_line_is_followed(run_track: Followed, tmp_path: Path) -> None:
    run_track.errors |= {"6.12.100": ArchiveError("it is gone."),
                         "6.18.15": GuestError("it hangs.\nlog")}
    done = run_track("--line", "6.12,6.16,6.18,7", "--html", "track.html", "--svg", "track.svg")
    assert done.exception is None, (done.exception, done.output)
    rows = [line.split()[0] for line in done.stdout.splitlines() if line[:2] in ("6.", "7.")]
    assert rows[:3] == ["6.12.118", "6.16.3", "7.3.4"]
    words = " ".join(done.stdout.split())
    assert "between 6.12.118 and 6.16.3: pwrite_u1k 2,224 to 11,113 (5.00" in words
    assert "between 6.16.3 and 7.3.4 (1 between not measured): pwrite_u1k 11,113 to" in words
    assert "debian:6.12.100: it is gone." in words and "debian:6.18.15: it hangs." in words
    page = re.sub(r"<[^>]*>", "", (tmp_path / "track.html").read_text())
    assert "tailwalk track debian:6.12.118 debian:6.16.3 debian:7.3.4 --case pwrite_u1k" in page
    assert (tmp_path / "track.svg").read_text().startswith("<svg")


def test_as_json_and_csv(run_track: Followed) -> None:
    run_track.errors["6.16.3"] = GuestError("it hangs.")
    found = json.loads(run_track("debian:6.12.118", "debian:6.16.3", "debian:7.3.4", "--format",
                                 "json").stdout)
    assert found["schema"] == "tailwalk.track/3"
    assert [kernel["spec"] for kernel in found["kernels"]] == ["debian:6.12.118", "debian:7.3.4"]
    assert found["left_out"] == [{"spec": "debian:6.16.3", "reason": "it hangs.", "after": 1}]
    assert len(run_track("--line", "6.12", "--format", "csv").stdout.splitlines()) == 5


def test_what_stops_it(run_track: Followed) -> None:
    def refusal(*arguments: str) -> str:
        done = run_track(*arguments)
        assert isinstance(done.exception, TailwalkError), done.output
        return str(done.exception)

    assert "either kernels to follow, or --line" in refusal()
    assert "either kernels to follow, or --line" in refusal("debian:6.12", "--line", "7")
    assert "--newest chooses from --line" in refusal("debian:6.12", "--newest", "2")
    assert "there is no directory" in refusal("--line", "7", "--html", "none/track.html")
    run_track.errors["7.3.4"] = GuestError("it hangs.")
    assert refusal("--line", "7") == "it hangs."  # not one kernel is left
    run_track.errors["6.16.3"] = ToolError("no QEMU.")
    assert refusal("--line", "6.12,6.16") == "no QEMU."  # that says something of all kernels


def test_a_page_has_the_largest_step_first_with_the_command_for_its_functions() -> None:
    found = steps_by_size(follow(*COUNTS), [made_tracked(release) for release in COUNTS])
    assert [sentence.partition(":")[0] for sentence, _ in found] == [
        "between 6.12.118 and 6.16.3", "between 6.18.15 and 7.3.4"]
    sentence, command = found[1]
    assert sentence.endswith("pwrite_u1k 11,117 to 2,271 (0.20×), writev_u10k 25,597 to 17,466 "
                             "(0.68×)")
    assert command.startswith("tailwalk why debian:6.18.15 debian:7.3.4")


def test_releases_with_equal_figures_are_one_row_of_a_page() -> None:
    runs = [made_run(f"debian:6.18.{number}", [made_figure(CASES[0], value)],
                     release=f"6.18.{number}+deb13")
            for number, value in enumerate((100, 100, 100, 300, 300, 200))]
    grid = folded(track_shown(track(runs)).grid)
    assert [(row.cells[0].text, row.cells[1].text) for row in grid.rows] == [
        ("6.18.0 to 6.18.2", "100"), ("6.18.3 to 6.18.4", "300"), ("6.18.5", "200")]


def test_the_labels_of_many_kernels_do_not_collide() -> None:
    runs = [made_run(f"debian:6.18.{number}", [made_figure(CASES[0], 100 + number)],
                     release=f"6.18.{number}+deb13") for number in range(70)]
    drawn = ElementTree.fromstring(track_svg(track(runs)))
    across = [float(text.get("transform", "").partition("(")[2].split()[0])
              for text in drawn.iter("{http://www.w3.org/2000/svg}text") if text.get("transform")]
    assert len(across) > 10
    assert min(second - first for first, second in pairwise(across)) >= 17


def test_a_release_that_debian_names_by_its_interface_is_called_as_its_spec_says() -> None:
    assert release_labels([
        ("debian:6.1.192", "6.1.0-53-cloud-amd64"), ("debian:6.1", "6.1.0-53-cloud-amd64"),
        ("debian:6.12", "6.12.118+deb13-cloud-amd64"), ("src:6.18", "6.18.15"),
        ("image:vmlinuz", "6.1.0-53-cloud-amd64")]) == [
        "6.1.192", "6.1", "6.12.118", "6.18.15", "6.1.0"]
