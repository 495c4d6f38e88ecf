# SPDX-License-Identifier: GPL-2.0-or-later
"""Laws of comparisons and tracks in which kernels lack figures, and of figures that vary."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from made_runs import SEED, lacking, made_figure, made_run, made_seed_runs
from msgspec.structs import replace
from rich.console import Console
from test_metrics import LINES, with_lines

from tailwalk.compare import Comparison, compare
from tailwalk.compare.agreement import together
from tailwalk.compare.steps import track
from tailwalk.errors import UsageError
from tailwalk.report.commands import run_commands
from tailwalk.report.comparison import comparison_shown, run_shown, sentence
from tailwalk.report.data import comparison_csv
from tailwalk.report.grid import Shown
from tailwalk.report.mail import mail
from tailwalk.report.markdown import markdown
from tailwalk.report.page import page
from tailwalk.report.sections import sections_of, track_section
from tailwalk.report.terminal import terminal
from tailwalk.report.track import track_sentence, track_shown, track_svg
from tailwalk.runs import Run
from tailwalk.runs.amount import amount_of
from tailwalk.runs.metrics import INSTRUCTIONS, METRICS
from tailwalk.runs.record import Missing

CELL = st.none() | st.integers(1, 10**6)
CELLS = st.integers(2, 4).flatmap(lambda kernels: st.lists(
    st.lists(CELL, min_size=6, max_size=6).filter(any), min_size=kernels, max_size=kernels))
THRESHOLD = st.sampled_from([0.0, 1.0, 50.0])
WHY = "fsync: Function not implemented"


def runs_of(columns: Sequence[Sequence[int | None]]) -> list[Run]:
    """One run a column of counts of the seed suite's cases, of which it lacks some."""
    return [made_run(
        f"debian:6.{number}",
        [made_figure(case, value) for case, value in zip(SEED, column, strict=True) if value],
        missing=[Missing(case=case, reason=WHY)
                 for case, value in zip(SEED, column, strict=True) if value is None])
        for number, column in enumerate(columns)]


def compared(columns: Sequence[Sequence[int | None]], threshold: float) -> Comparison:
    """Their comparison, where the baseline and another kernel have a case in common."""
    baseline, *others = columns
    assume(any(one and any(cells) for one, *cells in zip(baseline, *others, strict=True)))
    return compare(runs_of(columns), threshold=threshold)


@given(CELLS, THRESHOLD)
def test_a_cell_is_empty_where_a_kernel_lacks_the_case_and_nowhere_else(
        columns: list[list[int | None]], threshold: float) -> None:
    found = compared(columns, threshold)
    lines = {case: list(line) for case, *line in zip(SEED, *columns, strict=True) if any(line)}
    assert {row.parameters: row.figures for row in found.rows} == lines
    lacking = 0
    for row in found.rows:
        there = row.figures[0] is not None
        assert row.verdicts[0] == ("baseline" if there else "missing")
        for column, figure in enumerate(row.figures):
            assert row.reasons[column] == (f"not measured: {WHY}" if figure is None else None)
            assert (row.ratios[column] is None) == (figure is None or not there)
            assert (row.steady[column] is None) == (row.verdicts[column] == "missing") == (
                figure is None)
            if column:
                assert (row.verdicts[column] == "unknown") == (figure is not None and not there)
                lacking += figure is None or not there
    assert (found.lacking(), found.unjudged()) == (lacking, 0)


@given(CELLS, THRESHOLD)
def test_an_empty_cell_changes_no_other_verdict(
        columns: list[list[int | None]], threshold: float) -> None:
    found = compared(columns, threshold)
    for column in range(1, len(columns)):
        for row in found.rows:
            low, figure = row.figures[0], row.figures[column]
            if low is None or figure is None:
                continue
            ratio, share = Fraction(figure) / Fraction(low), Fraction(str(threshold)) / 100
            assert row.ratios[column] == float(ratio)
            assert row.verdicts[column] == ("regressed" if ratio > 1 + share else
                                            "improved" if ratio < 1 - share else "unchanged")


@given(CELLS, THRESHOLD)
def test_a_recovery_needs_three_figures(
        columns: list[list[int | None]], threshold: float) -> None:
    found = compared(columns, threshold)
    assert (found.bad is None) == (not found.regressed())
    if found.bad is None:
        return
    for row in found.rows:
        for column in range(found.bad + 1, len(columns)):
            bad, fixed, recovery = row.verdicts[found.bad], row.verdicts[column], row.recovery[
                column]
            if row.figures[0] is None:
                assert recovery == (bad if bad in ("missing", "unknown") else fixed)
            elif "missing" in (bad, fixed):
                assert recovery == "missing"
            else:
                assert isinstance(recovery, float) == (bad == "regressed")


def shown_text(shown: Shown | Sequence[Shown], *, width: int = 200) -> str:
    console = Console(width=width)
    with console.capture() as captured:
        console.print(terminal(shown, console))
    return captured.get()


@pytest.mark.slow
@given(CELLS, THRESHOLD)
def test_every_form_shows_what_is_there_and_says_what_is_not(
        columns: list[list[int | None]], threshold: float) -> None:
    found = compared(columns, threshold)
    cells = [figure for row in found.rows for figure in row.figures]
    for text in (shown_text(comparison_shown(found)), shown_text(comparison_shown(found), width=60),
                 mail(found), markdown(found)):
        assert all(f"{figure:,}" in text for figure in cells if figure is not None)
        assert (WHY in re.sub(r"\s+", " ", text)) == (None in cells or any(
            not any(line) for line in zip(*columns, strict=True)))
        assert "None" not in text
    rows = list(csv.DictReader(io.StringIO(comparison_csv(found))))
    assert [row["figure"] for row in rows] == ["" if one is None else str(one) for one in cells]
    assert [row.get("reason", "") for row in rows] == [
        f"not measured: {WHY}" if one is None else "" for one in cells]
    text = page(sections_of(runs_of(columns)))
    assert "None" not in text and (WHY in text) == (WHY in mail(found).replace("\n    ", " "))


@given(CELLS)
def test_a_track_passes_over_what_is_missing(columns: list[list[int | None]]) -> None:
    runs = runs_of(columns)
    found = track(runs, threshold=0)
    for number, row in enumerate(found.rows):
        steps = [(step.before, step.after) for step in found.steps if step.row == number]
        there = [column for column, figure in enumerate(row.figures) if figure is not None]
        assert steps == [(one, other) for one, other in pairwise(there)
                         if row.figures[one] != row.figures[other]]
        assert [why is None for why in row.reasons] == [
            column in there for column in range(len(runs))]
    missing = sum(figure is None for row in found.rows for figure in row.figures)
    assert f"{missing} figure" in track_sentence(found) or not missing
    assert "None" not in track_svg(found) + shown_text(track_shown(found))


def test_a_track_says_why_a_figure_is_missing() -> None:
    runs = made_seed_runs()
    runs[1] = lacking(runs[1], WHY)
    found = track(runs)
    assert found.notes == [f"debian:6.18, writev_u10k: not measured: {WHY}"]
    assert "1 figure is missing." in track_sentence(found)
    for text in (page([track_section(found, runs)]), shown_text(track_shown(found))):
        assert WHY in text and "None" not in text


def test_runs_that_lack_a_case_stand_beside_those_that_have_it() -> None:
    first, second, third, _ = made_seed_runs()
    runs = [first, lacking(second, WHY), lacking(third, WHY, "write_u1k")]
    assert together(runs) == [runs]
    [section] = sections_of(runs)
    [line] = section.commands
    [whole] = run_commands([first, second])
    assert line.partition("--")[2] == whole.partition("--")[2]
    # Whichever of them lacks it.
    [turned] = run_commands(runs[::-1])
    assert turned.partition("--")[2] == whole.partition("--")[2]


def test_nothing_is_compared_with_a_baseline_that_has_nothing_in_common() -> None:
    runs = runs_of([[1, None, None, None, None, None], [None, 2, 2, None, None, None],
                    [None, None, 3, 3, 3, 3]])
    with pytest.raises(UsageError, match=r"on debian:6.0 and on another kernel, .* not measured"):
        compare(runs)


class TestSecondMetric:
    """Of a metric that only some of the cases have."""

    @pytest.fixture(autouse=True)
    def lines(self) -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(METRICS, LINES.name, LINES)
            yield

    @staticmethod
    def run(spec: str, *lines: int | None) -> Run:
        """Cases with so many cache lines; None has no such metric."""
        run = made_run(spec, [made_figure(case, 2000) for case in SEED[:len(lines)]])
        counted = with_lines(run, *(value or 0 for value in lines))
        return replace(run, figures=[
            plain if value is None else figure for plain, figure, value in zip(
                run.figures, counted.figures, lines, strict=True)])

    def test_a_case_without_it_on_every_kernel_has_no_row_and_no_note(self) -> None:
        found = compare([self.run("debian:6.12", 0, None), self.run("debian:6.18", 4096, None)])
        assert [(row.case, row.metric) for row in found.rows] == [
            ("write_u1k", "instructions"), ("write_u10k", "instructions"),
            ("write_u1k", LINES.name)]
        assert found.notes == []
        assert found.rows[2].verdicts == ["baseline", "regressed"]

    def test_a_kernel_without_the_case_has_an_empty_cell_in_both(self) -> None:
        runs = [self.run("debian:6.12", 7, 0), self.run("debian:6.18", 9, 0)]
        for place in (0, 1):
            some = list(runs)
            some[place] = lacking(runs[place], WHY)
            found = compare(some)
            assert [row.figures[place] for row in found.rows] == [2000, None, [7, 9][place], None]
            assert found.rows[3].figures[1 - place] == 0
            assert not any("not counted" in note for note in found.notes)
            assert found.lacking() == 2

    def test_a_kernel_that_has_the_case_and_not_the_metric_is_named(self) -> None:
        found = compare([self.run("debian:6.12", 7, 8, 9), self.run("debian:6.18", None, 8, 9),
                         lacking(self.run("debian:7.3", 7, 8, 9), WHY)])
        assert [row.case for row in found.rows if row.metric == LINES.name] == [
            "write_u10k", "pwrite_u1k"]
        assert [note for note in found.notes if "counted" in note] == [
            f"{LINES.name}: not counted in every case on debian:6.18, and not compared in those "
            "that lack it"]


def varying(spec: str, *calls: int) -> Run:
    """A run of a case whose calls are not alike, and of one whose calls are."""
    figure = made_figure(SEED[0], 1)
    return made_run(spec, [replace(figure, metrics={
        "instructions": amount_of(INSTRUCTIONS, calls, varies=True)}),
        made_figure(SEED[1], 2000)])


def test_one_call_in_twenty_is_no_doubt_and_one_in_ten_is() -> None:
    old = varying("debian:6.12", *range(1000, 1300))
    for outliers, verdict in ((14, "regressed"), (15, "within noise"), (30, "within noise")):
        new = varying("debian:6.18", *range(5000, 5300 - outliers), *([1200] * outliers))
        assert compare([old, new]).rows[0].verdicts[1] == verdict
        assert compare([new, old]).rows[0].verdicts[1] == verdict.replace("regressed", "improved")


def test_what_varies_by_less_than_the_threshold_is_unchanged() -> None:
    runs = [varying("debian:6.12", *range(1000, 1010)), varying("debian:6.18", *range(1005, 1015))]
    found = {threshold: compare(runs, threshold=threshold).rows[0].verdicts[1]
             for threshold in (0.0, 1.3, 1.4, 5.0)}
    assert found == {0.0: "within noise", 1.3: "within noise", 1.4: "unchanged", 5.0: "unchanged"}


def test_what_varies_is_marked_everywhere_and_the_rule_is_said() -> None:
    runs = [varying("debian:6.12", *range(1000, 1300)), varying("debian:6.18", *range(5000, 5300))]
    found = compare(runs)
    assert [row.varies for row in found.rows] == [[(1014.0, 1285.0), (5014.0, 5285.0)],
                                                 [None, None]]
    rule = ("where calls vary, within noise if the middle 90% of them overlap on both kernels, "
            "unless all of these differ by no more than that")
    for text in (shown_text(comparison_shown(found), width=80), mail(found),
                 markdown(found).replace("\\~", "~")):
        words = " ".join(text.split())
        assert "~1,149" in words and "~5,149" in words and "~2,000" not in words
        assert "~: the median of calls that are not alike" in words.replace(
            "~ the median", "~: the median")
        assert rule in words
    assert "the middle 90% of the calls 1,014 to 1,285" in page(sections_of(runs))
    assert "overlap" not in compare(made_seed_runs("debian:6.12", "debian:6.18")).method
    text = shown_text(run_shown(runs[0]))
    assert re.search(r"~1,149 .*1,014 to 1,285", text) and "not alike" in text
    assert sentence(found).startswith("debian:6.18 regressed in 1 of 2 cases")
