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

from tailwalk.compare import compare
from tailwalk.errors import DamagedError, RecordError
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
