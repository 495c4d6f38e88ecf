# SPDX-License-Identifier: GPL-2.0-or-later
"""A metric is one entry: what records, verdicts and exports make of one that is added."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
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

from tailwalk.cases import find_cases
from tailwalk.compare import Comparison, compare, read_comparison
from tailwalk.errors import DamagedError, RecordError
from tailwalk.report.commands import run_commands
from tailwalk.report.comparison import comparison_shown, run_shown, sentence
from tailwalk.report.data import comparison_csv
from tailwalk.report.mail import mail
from tailwalk.report.markdown import markdown
from tailwalk.report.page import page
from tailwalk.report.sections import sections_of
from tailwalk.report.terminal import terminal
from tailwalk.runs import Run
from tailwalk.runs.amount import amount_of, contradiction
from tailwalk.runs.export import to_csv
from tailwalk.runs.metrics import INSTRUCTIONS, METRICS, RIGS, TIME, Metric
from tailwalk.runs.record import decode_run, encode, grouped_notes
from tailwalk.runs.store import Store

LINES = Metric(name="cache lines", unit="lines/call", title="Cache lines per call", centre="mode",
               basis="the mode of the cache lines that calls touched", repeatable=True,
               may_be_zero=True)
LINE_COUNT = st.integers(0, 3) | st.integers(0, 10**9)
THRESHOLD = st.sampled_from([0.0, 1.0, 50.0, 100.0, 150.0])


@pytest.fixture(scope="class")  # once for all examples of a property
def lines() -> Iterator[None]:
    """The entry."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(METRICS, LINES.name, LINES)
        yield


def with_lines(run: Run, *values: int) -> Run:
    """The run with so many cache lines in each case."""
    return replace(run, figures=[
        replace(figure, metrics={**figure.metrics, LINES.name: amount_of(LINES, [value] * 10)})
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
    part = compare([older, runs[1]])
    assert [row.metric for row in part.rows] == ["instructions"] * 2
    assert part.notes == ["cache lines: not counted in every case on debian:6.12, and not compared "
                          "in those that lack it"]
    mixed = replace(runs[0], figures=[runs[0].figures[0], older.figures[1]])
    half = compare([runs[1], mixed])
    assert [row.case for row in half.rows if row.metric == LINES.name] == ["write_u1k"]
    assert half.notes == part.notes
    assert compare([mixed, mixed]).notes == comparison.notes == [], "nothing was left out"


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


def lines_of(*columns: Sequence[int], bad: int | None = None,
             threshold: float | None = None) -> Comparison:
    """The cache lines of as many cases as a column has counts, which take equal instructions."""
    return compare([with_lines(made_run(f"debian:6.{number}", [
        made_figure(case, 2000) for case in SEED[:len(column)]]), *column)
        for number, column in enumerate(columns)], bad=bad, threshold=threshold).by_metric()[1]


@pytest.mark.usefixtures("lines")
@given(LINE_COUNT, LINE_COUNT, THRESHOLD)
def test_a_verdict_says_by_how_much_of_the_baseline_a_count_moved(
        baseline: int, value: int, threshold: float) -> None:
    [row] = lines_of([baseline], [value], threshold=threshold).rows
    room = Fraction(str(threshold)) / 100 * baseline
    assert row.verdicts[1] == ("regressed" if value > baseline + room else
                               "improved" if value < baseline - room else "unchanged")
    assert row.ratios == ([1, value / baseline] if baseline else [None, None])


@pytest.mark.usefixtures("lines")
@given(LINE_COUNT, LINE_COUNT)
def test_a_swap_turns_regressed_into_improved_from_0_too(one: int, other: int) -> None:
    there, back = (lines_of([here], [beside], threshold=0).rows[0].verdicts[1]
                   for here, beside in ((one, other), (other, one)))
    assert back == {"regressed": "improved", "improved": "regressed"}.get(there, "unchanged")
    assert (there == "unchanged") == (one == other)


@pytest.mark.usefixtures("lines")
@given(LINE_COUNT, LINE_COUNT, LINE_COUNT, THRESHOLD)
def test_recovery_reaches_from_the_bad_figure_to_the_baseline(
        baseline: int, bad: int, fixed: int, threshold: float) -> None:
    comparison = lines_of([baseline], [bad], [fixed], bad=1, threshold=threshold)
    [row] = comparison.rows
    if row.verdicts[1] == "regressed":
        assert row.recovery[2] == float(Fraction(bad - fixed, bad - baseline))
    else:
        assert row.recovery[2] == "no regression"
    for text in (mail(comparison), markdown(comparison), comparison_csv(comparison)):
        assert "nan" not in text.lower() and "inf" not in text.lower()


def test_only_what_can_be_0_is_judged_at_0(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [metric.name for metric in METRICS.values() if metric.may_be_zero] == ["bytes"]
    monkeypatch.setitem(METRICS, LINES.name, dataclasses.replace(LINES, may_be_zero=False))
    row = compare([counted("debian:6.1", 2000, 0), counted("debian:6.2", 2000, 7)]).rows[2]
    assert row.verdicts == ["baseline", "unknown"] and row.ratios == [None, None]


@pytest.mark.usefixtures("lines")
def test_a_regression_from_0_is_the_worst_and_is_said_without_a_ratio(tmp_path: Path) -> None:
    comparison = lines_of([0, 10], [0, 900], [3, 10], [12, 10], [0, 0])
    assert comparison.bad == 3
    assert [row.verdicts for row in comparison.rows] == [
        ["baseline", "unchanged", "regressed", "regressed", "unchanged"],
        ["baseline", "regressed", "unchanged", "unchanged", "improved"]]
    assert [row.recovery[4] for row in comparison.rows] == [1, "no regression"]
    assert sentence(comparison) == (
        "debian:6.3 regressed in 1 of 2 cases against debian:6.0, most in write_u1k (0 to 12); "
        "debian:6.1 regressed in 1 of 2 cases against debian:6.0, most in write_u10k (90.0×); "
        "debian:6.2 regressed in 1 of 2 cases against debian:6.0, most in write_u1k (0 to 3); "
        "debian:6.4 recovers all of it.")
    lines = [line.split() for line in mail(comparison).splitlines()]
    assert any("0" in line and "-" in line for line in lines)
    path = tmp_path / "comparison.json"
    path.write_bytes(encode(comparison))
    assert read_comparison(path) == comparison


@pytest.mark.usefixtures("lines")
def test_a_page_is_made_of_nothing_but_0() -> None:
    runs = [with_lines(made_run(spec, [made_figure(case, 2000) for case in SEED[:2]]), 0, 0)
            for spec in ("debian:6.12", "debian:6.18")]
    text = page(sections_of(runs))
    assert "lines/call" in text and "cannot be judged" not in text
    assert "unchanged" in text and "unknown" not in "".join(mail(compare(runs)))


@pytest.mark.usefixtures("lines")
def test_a_record_is_used_again_only_with_every_metric_that_its_rig_gives(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = counted("debian:6.12", 2000, 40)
    older = replace(whole, created="2026-08-01T00:00:00Z", figures=[
        whole.figures[0], replace(whole.figures[1], metrics={"instructions":
                                                             whole.figures[1].main})])
    store = Store(tmp_path)
    store.add(older)

    def found() -> Run | None:
        return store.find(whole.inputs, having=RIGS["exact"].metrics)

    assert found() == older, "today's metrics are enough"
    monkeypatch.setitem(RIGS, "exact", dataclasses.replace(
        RIGS["exact"], metrics=(*RIGS["exact"].metrics, LINES)))
    assert found() is None
    store.add(whole)
    assert found() == whole, "however new one is that lacks it"
    assert store.find(whole.inputs) == older


def test_another_rig_that_counts_is_named_in_the_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    run = made_run("debian:6.12", [made_figure(SEED[0], 2000)])
    [line] = run_commands([run])
    [timed] = run_commands([replace(run, rig="timed")])
    monkeypatch.setitem(RIGS, "timed", dataclasses.replace(
        RIGS["timed"], metrics=RIGS["exact"].metrics))
    [counting] = run_commands([replace(run, rig="timed", figures=[made_figure(
        SEED[0], 2000, calls=[(2000, 60)])])])
    assert "--rig" not in line
    assert timed.endswith(" --rig timed") and counting.endswith(" --rig timed --calls 60")


def test_calls_that_vary_have_the_one_in_the_middle_and_the_middle_90_percent() -> None:
    calls = [*range(1, 21), 900]
    found = amount_of(INSTRUCTIONS, calls, varies=True)
    assert (found.value, found.interval, found.share) == (11, (2.0, 20.0), None)
    assert found.varies_as(INSTRUCTIONS)
    assert not amount_of(INSTRUCTIONS, calls).varies_as(INSTRUCTIONS)
    alike = amount_of(INSTRUCTIONS, [7] * 11 + [*range(900, 910)], varies=True)
    assert (alike.value, alike.interval, alike.share) == (7, None, 11 / 21)
    assert not alike.varies_as(INSTRUCTIONS) and contradiction(INSTRUCTIONS, alike, "made") is None
    assert contradiction(INSTRUCTIONS, found, "made") is None
    for changed in ({"value": 12}, {"interval": (1.0, 20.0)}, {"share": 0.5}):
        assert contradiction(INSTRUCTIONS, replace(found, **changed), "made")


def test_few_calls_that_vary_are_said_to_be_too_few() -> None:
    for number, few in ((9, True), (10, False)):
        amount = amount_of(INSTRUCTIONS, range(number), varies=True)
        assert (amount.steady, amount.few) == (not few, few)
        run = made_run("debian:6.12", [replace(
            made_figure(SEED[0], 1), metrics={"instructions": amount})])
        assert any("fewer than 10 calls" in note for note in grouped_notes(run)) == few
    assert not amount_of(TIME, [5] * 3).few


def test_calls_that_vary_are_judged_where_none_is_as_dear_as_one_of_the_other_kernel() -> None:
    [case] = find_cases(["fsync_u1k"])

    def run(spec: str, *calls: int) -> Run:
        figure = made_figure(case, 1)
        return made_run(spec, [replace(figure, metrics={
            "instructions": amount_of(INSTRUCTIONS, calls * 4, varies=True)})])

    runs = [run("debian:6.12", 100, 110, 120), run("debian:6.18", 119, 140, 150),
            run("debian:7.3", 121, 140, 150)]
    [row] = compare(runs).rows
    assert row.verdicts == ["baseline", "within noise", "regressed"]
