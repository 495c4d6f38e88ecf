# SPDX-License-Identifier: GPL-2.0-or-later
"""A metric is one entry: what records, verdicts and exports make of one that is added."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import pytest
from made_runs import (
    SEED,
    changed_amount,
    made_figure,
    made_run,
    made_samples,
    made_timed_figure,
    made_timed_run,
)
from msgspec.structs import replace
from rich.console import Console

from tailwalk.compare import compare
from tailwalk.errors import DamagedError, RecordError
from tailwalk.report.comparison import comparison_shown, run_shown
from tailwalk.report.data import comparison_csv
from tailwalk.report.mail import mail
from tailwalk.report.markdown import markdown
from tailwalk.report.page import page
from tailwalk.report.sections import sections_of
from tailwalk.report.terminal import terminal
from tailwalk.runs import Run
from tailwalk.runs.amount import amount_of
from tailwalk.runs.export import to_csv
from tailwalk.runs.metrics import METRICS, RIGS, Metric
from tailwalk.runs.record import decode_run, encode

LINES = Metric(name="cache lines", unit="lines/call", title="Cache lines per call", centre="mode",
               basis="the mode of the cache lines that calls touched", repeatable=True)


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The entry."""
    monkeypatch.setitem(METRICS, LINES.name, LINES)
    yield


def with_lines(run: Run, *values: int) -> Run:
    """The run with so many cache lines in each case."""
    return replace(run, figures=[
        replace(figure, metrics={**figure.metrics, LINES.name: amount_of(LINES, [value] * 5)})
        for figure, value in zip(run.figures, values, strict=True)])


def counted(spec: str, instructions: int, lines: int) -> Run:
    """A run of two cases that take the same."""
    run = made_run(spec, [made_figure(case, instructions) for case in SEED[:2]])
    return with_lines(run, lines, lines + 1)


@pytest.mark.usefixtures("lines")
def test_it_is_read_and_written_and_never_what_a_figure_is_known_by() -> None:
    run = counted("debian:6.12", 2000, 40)
    # Whatever the order in the document: a tool may have sorted its names.
    turned = replace(run, figures=[replace(figure, metrics=dict(reversed(figure.metrics.items())))
                                   for figure in run.figures])
    for one in (run, turned):
        found = decode_run(encode(one), "it")
        assert found == run and found.unit == "instructions/call"
        assert [figure.main.value for figure in found.figures] == [2000, 2000]
        assert [figure.ranked[1].value for figure in found.figures] == [40, 41]


@pytest.mark.usefixtures("lines")
def test_it_has_to_follow_from_its_calls_too() -> None:
    run = counted("debian:6.12", 2000, 40)
    figure = run.figures[0]
    wrong = changed_amount(replace(figure, metrics={LINES.name: figure.metrics[LINES.name]}),
                           value=39).metrics
    for metrics, why in (({**figure.metrics, **wrong}, "says 39 of write_u1k, and most"),
                         (wrong, "instructions are not what write_u1k is known by"),
                         ({}, "instructions are not what write_u1k is known by")):
        content = encode(replace(run, figures=[replace(figure, metrics=metrics)]))
        with pytest.raises(DamagedError, match=why):
            decode_run(content, "it")


def test_one_that_is_not_known_needs_a_newer_version() -> None:
    content = encode(counted("debian:6.12", 2000, 40))
    with pytest.raises(RecordError, match=r"counts cache lines, .*update tailwalk") as caught:
        decode_run(content, "it")
    assert not isinstance(caught.value, DamagedError)


@pytest.mark.usefixtures("lines")
def test_it_is_judged_beside_the_others() -> None:
    runs = [counted("debian:6.12", 2000, 40), counted("debian:6.18", 8000, 40),
            counted("debian:7.3", 2000, 80)]
    comparison = compare(runs)
    assert [(row.case, row.metric, row.unit) for row in comparison.rows] == [
        ("write_u1k", "instructions", "instructions/call"),
        ("write_u10k", "instructions", "instructions/call"),
        ("write_u1k", "cache lines", "lines/call"), ("write_u10k", "cache lines", "lines/call")]
    assert [row.verdicts for row in comparison.rows] == [
        ["baseline", "regressed", "unchanged"]] * 2 + [["baseline", "unchanged", "regressed"]] * 2
    assert comparison.bad == 1, "the metric of the first rank decides"
    assert [part.unit for part in comparison.by_metric()] == ["instructions/call", "lines/call"]
    assert compare([runs[0], runs[0], runs[2]]).bad == 2, "and else the next"
    # What one side has not is not compared.
    older = replace(runs[0], figures=[
        replace(figure, metrics={"instructions": figure.main}) for figure in runs[0].figures])
    assert [row.metric for row in compare([older, runs[1]]).rows] == ["instructions"] * 2


@pytest.mark.usefixtures("lines")
def test_counts_beside_times_are_each_judged_in_their_way() -> None:
    def run(seed: int, lines: int) -> Run:
        return with_lines(made_timed_run(f"debian:6.{seed}", made_timed_figure(
            SEED[0], made_samples(seed, 500)), rig="host"), lines)

    alone = compare([made_timed_run(f"debian:6.{seed}", made_timed_figure(
        SEED[0], made_samples(seed, 500)), rig="host") for seed in (1, 2)])
    times, lines = compare([run(1, 100), run(2, 106)]).rows
    assert [times] == alone.rows
    assert lines.evidence == [None, None] and lines.verdicts == ["baseline", "regressed"]
    method = compare([run(1, 100), run(2, 106)]).method
    assert method.startswith(f"time: {alone.method}; cache lines: exact counts")


@pytest.mark.usefixtures("lines")
def test_it_has_lines_of_its_own_in_exports() -> None:
    rows = list(csv.DictReader(io.StringIO(to_csv([counted("debian:6.12", 2000, 40)]))))
    assert [(row["case"], row["figure"], row["unit"]) for row in rows] == [
        ("write_u1k", "2000", "instructions/call"), ("write_u1k", "40", "lines/call"),
        ("write_u10k", "2000", "instructions/call"), ("write_u10k", "41", "lines/call")]


def test_a_rig_is_known_by_a_metric_that_is_there() -> None:
    assert all(METRICS[traits.metric.name] is traits.metric for traits in RIGS.values())


@pytest.mark.usefixtures("lines")
def test_it_is_shown_after_the_first_in_every_form() -> None:
    runs = [counted("debian:6.12", 2000, 40), counted("debian:6.18", 8000, 80)]
    comparison = compare(runs)
    console = Console(width=100)
    with console.capture() as captured:
        console.print(terminal(comparison_shown(comparison), console))
    for wrapped in (captured.get(), mail(comparison), markdown(comparison)):
        text = " ".join(wrapped.split())
        first, second = text.index("Instructions per call"), text.index("Cache lines per call")
        assert text[:second].count("2,000") == 2 and text[second:].count("2,000") == 0
        assert text[second:].count("debian:6.18 regressed in 2 of 2 cases") == 1
        assert first < second < text.index("the mode of the cache lines")
        assert text.count("the mode of the calls") == 1, "conditions are said once"
    rows = list(csv.DictReader(io.StringIO(comparison_csv(comparison))))
    assert [(row["figure"], row["unit"]) for row in rows[2:6]] == [
        ("2000", "instructions/call"), ("8000", "instructions/call"),
        ("40", "lines/call"), ("80", "lines/call")]
    instructions, lines = sections_of(runs)
    assert (instructions.title, lines.title) == ("The figures", "The figures")
    text = page([instructions, lines])
    assert "The figures: Cache lines per call" in text and ">40<" in text
    assert "Cache lines per call" in text and "Instructions per call" in text


@pytest.mark.usefixtures("lines")
def test_a_run_by_itself_shows_it_too() -> None:
    run = counted("debian:6.12", 2000, 40)
    assert [shown.title.partition(",")[0] for shown in run_shown(run)] == [
        "Instructions per call", "Cache lines per call"]
    console = Console(width=100)
    with console.capture() as captured:
        console.print(terminal(run_shown(run), console))
    assert captured.get().count(run.id) == 1
    assert len(sections_of([run])) == 2 and "lines/call" in page(sections_of([run]))
