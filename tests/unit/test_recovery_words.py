# SPDX-License-Identifier: GPL-2.0-or-later
"""What is said of a recovery, in cells and in the sentence, agrees with figures and verdicts."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_runs import (
    SEED,
    made_case,
    made_figure,
    made_run,
    made_samples,
    made_seed_runs,
    made_timed_figure,
    made_timed_run,
)

from tailwalk.compare import Comparison, compare
from tailwalk.report.comparison import sentence
from tailwalk.report.headline import comparison_answer
from tailwalk.report.words import show_ratio, show_recovery, show_recovery_interval

COUNT = st.integers(1, 10**6)
THRESHOLD = st.sampled_from([0.0, 1.0, 5.0, 50.0])
TABLES = st.lists(st.tuples(COUNT, COUNT, COUNT), min_size=1, max_size=6)


def compared(*rows: Sequence[int], **options: float) -> Comparison:
    """Cases of the seed suite as rows: baseline, bad, fixed."""
    kernels = zip(("debian:6.12", "debian:6.18", "debian:7.3"), zip(*rows, strict=True),
                  strict=True)
    return compare([made_run(spec, [made_figure(case, value) for case, value in
                                    zip(SEED, column, strict=False)]) for spec, column in kernels],
                   bad=1, **options)  # type: ignore[arg-type]


def said(*rows: Sequence[int], **options: float) -> str:
    """What the sentence says of the fixed kernel."""
    whole = sentence(compared(*rows, **options)).rstrip(".")
    return next((clause for clause in whole.split("; ") if clause.startswith("debian:7.3")), "")


@given(COUNT, COUNT, COUNT, THRESHOLD)
def test_all_is_said_of_no_figure_above_the_baseline(
        baseline: int, bad: int, fixed: int, threshold: float) -> None:
    row = compared((baseline, bad, fixed), threshold=threshold).rows[0]
    text = show_recovery(row.recovery[2])
    if row.verdicts[1] != "regressed":
        assert text == "no regression"
        return
    assert (text == "all") == (fixed <= baseline)
    if text == "all":
        assert row.verdicts[2] in ("improved", "unchanged")
        assert float(show_ratio(row.ratios[2], times="").replace(",", "")) <= 1
    else:
        assert float(text.removesuffix("%")) <= 99.9
        assert (row.ratios[2] or 0) > 1


@pytest.mark.parametrize(("rows", "clause"), [
    # A share of one case, of two, of two alike.
    ([(100, 500, 110)], "debian:7.3 recovers 97.5% of it and is dearer (1.10×)"),
    ([(100, 500, 104)], "debian:7.3 recovers 99.0% of it"),
    ([(100, 500, 104), (100, 900, 102)], "debian:7.3 recovers 99.0% to 99.8% of it"),
    # All of it, at the baseline and below.
    ([(100, 500, 100), (100, 900, 100)], "debian:7.3 recovers all of it"),
    ([(100, 500, 66)], "debian:7.3 recovers all of it, ending at 0.66 of the baseline"),
    ([(100, 500, 66), (100, 900, 100)],
     "debian:7.3 recovers all of it, ending at 0.66 to 1.00 of the baseline"),
    # Nothing of it, and less.
    ([(100, 500, 500), (100, 900, 950)],
     "debian:7.3 recovers none of it and is dearer in 2 of 2 cases, most in write_u10k (9.50×)"),
    # Not the same in all cases: how many, and what is still dearer.
    ([(100, 500, 104), (100, 900, 66), (100, 900, 67), (100, 60, 50)],
     "debian:7.3 recovers 99.0% of it in 1 of 3 cases and all of it in 2, ending at 0.66 to 0.67 "
     "of the baseline"),
    ([(100, 500, 200), (100, 900, 66), (100, 900, 900)],
     "debian:7.3 recovers none of it in 1 of 3 cases, 75.0% of it in 1 and all of it in 1, ending "
     "at 0.66 of the baseline, and is dearer in 2 of 3 cases, most in pwrite_u1k (9.00×)"),
    ([(100, 500, 66), (100, 90, 200)],
     "debian:7.3 recovers all of it, ending at 0.66 of the baseline, and is dearer in 1 of 2 "
     "cases, most in write_u10k (2.00×)"),
])
def test_what_a_column_recovers(rows: list[tuple[int, int, int]], clause: str) -> None:
    assert said(*rows) == clause


def test_cases_whose_recovery_is_unknown_are_not_counted_as_recovered() -> None:
    cases = [made_case(), made_case("write_u1k")]
    runs = [made_run(spec, [made_figure(cases[0], one),
                            made_figure(cases[1], other, steady=spec != "debian:7.3")])
            for spec, one, other in (("debian:6.12", 100, 100), ("debian:6.18", 500, 500),
                                     ("debian:7.3", 66, 66))]
    assert ("debian:7.3 recovers all of it in 1 of 2 cases, ending at 0.66 of the baseline; 1 "
            "figure cannot be judged.") in sentence(compare(runs))


@given(TABLES, THRESHOLD)
def test_the_sentence_hides_no_case(
        rows: list[tuple[int, int, int]], threshold: float) -> None:
    comparison = compared(*rows, threshold=threshold)
    clause = said(*rows, threshold=threshold)
    dearer = sum(row.verdicts[2] == "regressed" for row in comparison.rows)
    recovered = [(row.figures[0], row.figures[2]) for row in comparison.rows
                 if row.verdicts[1] == "regressed"]
    if dearer:
        many = len(rows) > 1
        assert "dearer" in clause or "regressed" in clause
        assert not many or f" in {dearer} of {len(rows)} cases" in clause
    else:
        assert "dearer" not in clause
    assert all(float(share) < 100 for share in re.findall(r"([\d.]+)%", clause))
    if recovered:
        whole = sum(fixed <= baseline for baseline, fixed in recovered)
        assert ("all of it" in clause) == (whole > 0)
        if 0 < whole < len(recovered):
            assert re.search(rf"all of it in {whole}\b", clause)
        assert ("of the baseline" in clause) == any(
            fixed < baseline for baseline, fixed in recovered)


def test_a_timed_recovery_of_all_says_what_its_interval_leaves_open() -> None:
    comparison = compare([
        made_timed_run(spec, made_timed_figure(made_case(), made_samples(seed, median)))
        for seed, spec, median in ((1, "debian:6.12", 560), (2, "debian:6.18", 1790),
                                   (3, "src:6.18+tail", 562))])
    assert sentence(comparison).endswith(
        "src:6.18+tail recovers all of it (95% interval from 99.1%), ending at 0.99 of the "
        "baseline.")
    row = comparison.rows[0]
    assert show_recovery_interval(row, 2) == "[99.1%, all]"


def test_an_interval_of_nothing_but_all_is_not_said() -> None:
    row = compare([
        made_timed_run(spec, made_timed_figure(made_case(), made_samples(seed, median)))
        for seed, spec, median in ((1, "debian:6.12", 560), (2, "debian:6.18", 1790),
                                   (3, "debian:7.3", 300))]).rows[0]
    assert row.evidence[2] is not None and row.evidence[2].recovery is not None
    assert row.evidence[2].recovery[0] > 1
    assert (show_recovery(row.recovery[2]), show_recovery_interval(row, 2)) == ("all", "")


def test_the_headline() -> None:
    headline = compare(made_seed_runs("debian:6.12", "debian:6.18", "debian:7.3"))
    assert sentence(headline) == (
        "debian:6.18 regressed in 5 of 6 cases against debian:6.12, most in pwrite_u1k (5.05×); "
        "debian:7.3 recovers 99.2% of it in 2 of 5 cases and all of it in 3, ending at 0.66 of "
        "the baseline.")


@pytest.mark.parametrize(("rows", "opening"), [
    ([(100, 500, 50), (100, 200, 98)],
     ("b costs more than a; c takes all of it back.",
      "b: up to 5.00 times in 2 of 2. c: back at 0.50 to 0.98 of a.")),
    ([(100, 500, 98), (100, 64, 42)],
     ("b costs more than a; c takes all of it back.",
      "b: up to 5.00 times in 1 of 2. c: back at 0.98 of a.")),
    ([(100, 64, 50)], ("Nothing costs more than on a.", "b: at 0.64 of a. c: at 0.50 of a.")),
    ([(100, 101, 104)], ("Nothing costs more than on a.", "b: at 1.01 of a. c: at 1.04 of a.")),
])
def test_a_page_opens_with_what_the_figures_say(
        rows: list[tuple[int, int, int]], opening: tuple[str, str]) -> None:
    assert comparison_answer(compared(*rows, threshold=5.0), ["a", "b", "c"]) == opening
