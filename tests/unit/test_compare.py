# SPDX-License-Identifier: GPL-2.0-or-later
"""Verdicts, ratios and recovery of exact runs: worked examples and laws."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from made_runs import (
    COUNTS,
    SEED,
    made_case,
    made_figure,
    made_run,
    made_seed_runs,
    made_timed_figure,
)

from tailwalk.cases import KIB, MIB, Filesystem
from tailwalk.compare import Comparison, compare, read_comparison
from tailwalk.compare.agreement import why_apart
from tailwalk.errors import RecordError, UsageError
from tailwalk.runs import Run
from tailwalk.runs.record import encode

COUNT = st.integers(1, 10**9)
THRESHOLD = st.sampled_from([0.0, 0.1, 0.5, 1.0, 5.0, 50.0])
SEVERAL = st.lists(st.lists(COUNT, min_size=6, max_size=6), min_size=2, max_size=5)


def runs_of(*columns: list[int]) -> list[Run]:
    """One run a column of counts, of as many cases of the seed suite."""
    return [made_run(f"debian:6.{number}", [
        made_figure(case, value) for case, value in zip(SEED, column, strict=False)])
        for number, column in enumerate(columns)]


def judged(*values: int, **options: float) -> Comparison:
    """A comparison of one case."""
    return compare(runs_of(*([value] for value in values)), **options)  # type: ignore[arg-type]


def test_the_seed_table() -> None:
    comparison = compare(made_seed_runs())
    assert comparison.schema == "tailwalk.comparison/3"
    assert comparison.unit == "instructions/call"
    assert comparison.baseline == "debian:6.12"
    assert [kernel.spec for kernel in comparison.kernels] == list(COUNTS)
    assert comparison.bad == 1
    row = next(row for row in comparison.rows if row.case == "pwrite_u1k")
    assert row.figures == [2203, 11120, 1705, 2274]
    assert row.ratios == pytest.approx([1, 5.0477, 0.7739, 1.0322], abs=1e-4)
    assert row.verdicts == ["baseline", "regressed", "improved", "unchanged"]
    assert row.recovery[:2] == [None, None]
    assert row.recovery[2:] == pytest.approx([9415 / 8917, 8846 / 8917])
    assert row.written == [0, 8, 8, 8]
    last = comparison.rows[-1]
    assert last.case == "writev_u10k"
    assert last.verdicts == ["baseline", "improved", "improved", "improved"]
    assert last.recovery == [None, None, "no regression", "no regression"]


def test_a_difference_at_the_threshold_is_unchanged() -> None:
    verdicts = [judged(10_000, value).rows[0].verdicts[1]
                for value in (9_499, 9_500, 10_000, 10_500, 10_501)]
    assert verdicts == ["improved", "unchanged", "unchanged", "unchanged", "regressed"]


@given(COUNT, COUNT, THRESHOLD)
def test_a_verdict_is_the_ratio_beside_the_threshold(
        baseline: int, value: int, threshold: float) -> None:
    row = judged(baseline, value, threshold=threshold).rows[0]
    ratio, share = Fraction(value, baseline), Fraction(str(threshold)) / 100
    assert row.verdicts[1] == ("regressed" if ratio > 1 + share else
                               "improved" if ratio < 1 - share else "unchanged")
    assert row.ratios[1] == float(ratio)


@given(COUNT, COUNT, THRESHOLD, THRESHOLD)
def test_a_larger_threshold_only_makes_more_unchanged(
        baseline: int, value: int, one: float, other: float) -> None:
    strict, lenient = (judged(baseline, value, threshold=threshold).rows[0].verdicts[1]
                       for threshold in sorted((one, other)))
    assert lenient in (strict, "unchanged")


def test_a_threshold_is_the_decimal_number_that_was_written() -> None:
    # 0.1 as a binary fraction is a little more than a tenth.
    assert judged(1000, 1001, threshold=0.1).rows[0].verdicts[1] == "unchanged"
    assert judged(10**9, 10**9 + 10**6 + 1, threshold=0.1).rows[0].verdicts[1] == "regressed"


@given(st.lists(COUNT, min_size=2, max_size=5), st.integers(1, 10**6), THRESHOLD)
def test_a_scale_changes_no_ratio_verdict_or_recovery(
        values: list[int], factor: int, threshold: float) -> None:
    one = judged(*values, threshold=threshold)
    other = judged(*(value * factor for value in values), threshold=threshold)
    assert one.bad == other.bad
    for name in ("ratios", "verdicts", "recovery"):
        assert getattr(one.rows[0], name) == getattr(other.rows[0], name)


@given(COUNT, COUNT)
def test_with_no_threshold_a_swap_turns_regressed_into_improved(one: int, other: int) -> None:
    swapped = {"regressed": "improved", "improved": "regressed", "unchanged": "unchanged"}
    there = judged(one, other, threshold=0.0).rows[0].verdicts[1]
    back = judged(other, one, threshold=0.0).rows[0].verdicts[1]
    assert back == swapped[there]
    assert (there == "unchanged") == (one == other)


@given(COUNT, COUNT, THRESHOLD)
def test_with_a_threshold_a_swap_never_keeps_the_direction(
        one: int, other: int, threshold: float) -> None:
    verdicts = {judged(*pair, threshold=threshold).rows[0].verdicts[1]
                for pair in ((one, other), (other, one))}
    assert verdicts not in ({"regressed"}, {"improved"})


@given(COUNT, COUNT, COUNT)
def test_verdicts_follow_the_order_of_the_figures(baseline: int, one: int, other: int) -> None:
    rank = ["improved", "unchanged", "regressed"]
    low, high = sorted((one, other))
    verdicts = judged(baseline, low, high).rows[0].verdicts
    assert rank.index(verdicts[1]) <= rank.index(verdicts[2])


@given(COUNT, COUNT, COUNT, THRESHOLD)
def test_recovery(baseline: int, bad: int, fixed: int, threshold: float) -> None:
    row = judged(baseline, bad, fixed, bad=1, threshold=threshold).rows[0]
    recovery = row.recovery[2]
    if row.verdicts[1] != "regressed":
        assert recovery == "no regression"
        return
    assert isinstance(recovery, float)
    assert (recovery == 1) == (fixed == baseline)
    assert (recovery == 0) == (fixed == bad)
    assert (recovery > 1) == (fixed < baseline)
    assert (recovery < 0) == (fixed > bad)
    assert math.isclose(bad - recovery * (bad - baseline), fixed, rel_tol=1e-6,
                        abs_tol=1e-6 * bad)


@given(SEVERAL, THRESHOLD)
def test_the_worst_column_is_the_bad_one_and_gains_hide_no_loss(
        columns: list[list[int]], threshold: float) -> None:
    comparison = compare(runs_of(*columns), threshold=threshold)

    def badness(column: int) -> float:
        return math.prod(row.ratios[column] or 1.0 for row in comparison.rows
                         if row.verdicts[column] == "regressed")

    assert (comparison.bad is None) == (not comparison.regressed())
    if comparison.bad is not None:
        most = max(badness(column) for column in range(1, len(columns)))
        assert math.isclose(badness(comparison.bad), most)
        for row in comparison.rows:
            assert row.recovery[:comparison.bad + 1] == [None] * (comparison.bad + 1)
            assert None not in row.recovery[comparison.bad + 1:]


def test_one_great_regression_outweighs_gains_everywhere_else() -> None:
    comparison = compare(runs_of([100] * 6, [150] * 6, [2000, 1, 1, 1, 1, 1]))
    assert comparison.bad == 2


def test_of_equally_bad_columns_the_first_is_taken() -> None:
    assert judged(100, 300, 300).bad == 1


@given(SEVERAL, THRESHOLD)
def test_a_kernel_beside_others_is_judged_as_alone(
        columns: list[list[int]], threshold: float) -> None:
    runs = runs_of(*columns)
    together = compare(runs, threshold=threshold)
    for column in range(1, len(runs)):
        alone = compare([runs[0], runs[column]], threshold=threshold)
        for one, row in zip(alone.rows, together.rows, strict=True):
            assert one.verdicts[1] == row.verdicts[column]
            assert one.ratios[1] == row.ratios[column]


@pytest.mark.parametrize("unsteady", [0, 1, 2])
def test_an_unsteady_figure_decides_nothing(unsteady: int) -> None:
    case = made_case()
    runs = [made_run(f"debian:6.{number}", [made_figure(case, value, steady=number != unsteady)])
            for number, value in enumerate((2203, 11120, 2474))]
    row = compare(runs, bad=1).rows[0]
    assert row.steady == [number != unsteady for number in range(3)]
    assert row.recovery[2] == "unsteady"
    expected = {0: ["unsteady", "unsteady"], 1: ["unsteady", "regressed"],
                2: ["regressed", "unsteady"]}
    assert row.verdicts[1:] == expected[unsteady]


def test_unsteady_regressions_do_not_choose_the_bad_column() -> None:
    case = made_case()
    runs = [made_run("debian:6.1", [made_figure(case, 100)]),
            made_run("debian:6.2", [made_figure(case, 900, steady=False)]),
            made_run("debian:6.3", [made_figure(case, 200)])]
    assert compare(runs).bad == 2


@pytest.mark.parametrize("values", [(0, 100, 100), (100, 0, 100)])
def test_a_figure_of_nothing_has_no_ratio(values: tuple[int, ...]) -> None:
    row = judged(*values, bad=1).rows[0]
    assert row.ratios[1] is None
    assert row.verdicts[1] == "unknown"
    assert row.recovery[2] == "unknown"


def test_notes_of_the_figures_arrive_once_with_their_cases() -> None:
    note = "the kernel shows no page flags: folio orders are unknown"
    runs = runs_of([100] * 6, [100] * 6)
    noted = made_run("debian:6.2", [made_figure(case, 100, notes=[note]) for case in SEED[:6]])
    comparison = compare([runs[0], noted])
    assert comparison.notes == [
        f"debian:6.2, {', '.join(case.name for case in SEED)}: {note}"]


class TestRefusals:
    """Runs that may not stand in one table."""

    def refused(self, runs: list[Run], *parts: str,
                kind: type[Exception] = UsageError, **options: float) -> None:
        with pytest.raises(kind) as caught:
            compare(runs, **options)  # type: ignore[arg-type]
        for part in parts:
            assert part in str(caught.value)

    def test_one_run(self) -> None:
        self.refused(made_seed_runs("debian:6.12"), "1 given")

    def test_another_rig_and_unit(self) -> None:
        host = made_run("host", [made_timed_figure(made_case(), [560])], rig="host")
        self.refused([made_run("debian:6.12", [made_figure(made_case(), 2203)]), host],
                     "rig is exact there and host here",
                     "unit is instructions/call there and ns/call here", "host (6.18.15)")

    def test_another_file_system(self) -> None:
        figures = [made_figure(made_case(), 2203)]
        self.refused(
            [made_run("debian:6.12", figures),
             made_run("debian:6.18", figures,
                      filesystem=Filesystem(block_size=KIB, mount_options="noatime"))],
            "file-system block size is 4096 there and 1024 here",
            "mount options is none there and noatime here")

    def test_another_machine(self) -> None:
        figures = [made_figure(made_case(), 2203)]
        self.refused(
            [made_run("debian:6.12", figures, machine={"qemu": "7.2.22", "cpu": "qemu64"}),
             made_run("debian:6.18", figures, machine={"qemu": "10.0.2"})],
            "qemu is 7.2.22 there and 10.0.2 here", "cpu is qemu64 there and not recorded here")

    def test_another_cpu_is_told_once(self) -> None:
        figures = [made_figure(made_case(), 2203)]
        with pytest.raises(UsageError) as caught:
            compare([made_run("debian:6.12", figures, machine={"cpu": "qemu64,-cx16"}),
                     made_run("debian:6.18", figures, machine={
                         "cpu": "x86-64-v3 without CX16", "cpu features": "qemu64,+avx2"})])
        assert "cpu is qemu64,-cx16 there and x86-64-v3 without CX16 here." in str(caught.value)

    def test_of_long_facts_only_the_words_that_differ_are_told(self) -> None:
        figures = [made_figure(made_case(), 2203)]
        shared = "console=ttyS0 quiet panic=-1 mitigations=off tsc=reliable nokaslr acpi=off"
        self.refused(
            [made_run("debian:6.12", figures, machine={"kernel command line": shared}),
             made_run("debian:6.18", figures,
                      machine={"kernel command line": f"{shared} nosmp"})],
            "kernel command line is without it there and nosmp here")

    def test_one_name_under_other_parameters(self) -> None:
        self.refused(
            [made_run("debian:6.12", [made_figure(made_case(), 2203)]),
             made_run("debian:6.18", [made_figure(made_case(fill=2 * MIB), 20080)])],
            "pwrite_u1k is not the same", "fill is 1048576 and 2097152")

    def test_what_keeps_runs_apart_is_said_without_the_way_out(self) -> None:
        [one, other, same] = [made_run(spec, [made_figure(made_case(fill=fill), 2203)])
                              for spec, fill in (("debian:6.12", MIB), ("debian:6.18", 2 * MIB),
                                                 ("debian:7.3", MIB))]
        assert why_apart(one, same) == ""
        assert why_apart(one, other) == (
            "case pwrite_u1k is not the same in both runs: fill is 1048576 and 2097152, in the "
            f"runs of debian:6.12 ({one.kernel.release}) and debian:6.18 ({other.kernel.release})")

    def test_a_case_missing_on_either_side(self) -> None:
        short, full = ([made_figure(case, 2203) for case in cases] for cases in (SEED[:4], SEED))
        for runs in ((full, short), (short, full)):
            self.refused([made_run(spec, list(figures)) for spec, figures in
                          zip(("debian:6.12", "debian:6.18"), runs, strict=True)],
                         "lacks writev_u1k, writev_u10k")

    def test_a_case_twice_and_a_run_of_nothing(self) -> None:
        figure = made_figure(made_case(), 2203)
        twice = made_run("debian:6.18", [figure, figure])
        self.refused([made_run("debian:6.12", [figure]), twice], "pwrite_u1k twice",
                     kind=RecordError)
        empty = made_run("debian:6.12", [])
        self.refused([empty, empty], "holds no case", kind=RecordError)

    @pytest.mark.parametrize("bad", [-1, 0, 3])
    def test_a_bad_column_that_is_not_there(self, bad: int) -> None:
        self.refused(made_seed_runs("debian:6.12", "debian:6.18", "debian:7.3"),
                     f"no column {bad}", bad=bad)

    @pytest.mark.parametrize("threshold", [-1.0, math.nan, math.inf])
    def test_a_threshold_out_of_range(self, threshold: float) -> None:
        self.refused(made_seed_runs("debian:6.12", "debian:6.18"), f"threshold of {threshold}",
                     threshold=threshold)


def test_a_case_may_stand_in_a_run_with_several_parameters() -> None:
    cases = [made_case(offset=offset) for offset in (0, 512 * KIB)]
    comparison = compare([made_run(spec, [made_figure(case, value) for case in cases])
                          for spec, value in (("debian:6.12", 2203), ("debian:6.18", 11120))])
    assert [row.parameters for row in comparison.rows] == cases


@given(SEVERAL, THRESHOLD)
def test_a_comparison_reads_back_as_it_was(
        tmp_path_factory: pytest.TempPathFactory, columns: list[list[int]],
        threshold: float) -> None:
    comparison = compare(runs_of(*columns), threshold=threshold)
    path = tmp_path_factory.mktemp("comparison") / "comparison.json"
    path.write_bytes(encode(comparison))
    assert read_comparison(path) == comparison


def test_a_damaged_or_foreign_comparison_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "comparison.json"
    content = encode(compare(made_seed_runs()))
    for damaged, said in ((content[:-40], "cut short"),
                          (content.replace(b'"rows"', b'"lines"'), "damaged"),
                          (content.replace(b"comparison/3", b"comparison/4"), "update tailwalk"),
                          (encode(made_seed_runs()[0]), "tailwalk.run/2")):
        path.write_bytes(damaged)
        with pytest.raises(RecordError, match=said):
            read_comparison(path)


@given(st.lists(COUNT, min_size=3, max_size=3), st.integers(2, 9))
def test_columns_can_be_given_by_hand(values: list[int], extra: int) -> None:
    assume(values[1] > 1.05 * values[0])
    row = judged(*values, values[0] * extra, bad=1).rows[0]
    assert row.recovery[0] is None
    assert row.recovery[1] is None
    assert isinstance(row.recovery[3], float)
