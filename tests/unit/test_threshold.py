# SPDX-License-Identifier: GPL-2.0-or-later
"""Which threshold two kernels have, why, and that every judgement takes it."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping

import pytest
from made_runs import made_case, made_figure, made_run, made_samples, made_timed_figure
from rich.console import Console

from tailwalk.cases import MIB
from tailwalk.compare import Threshold, compare
from tailwalk.compare.steps import track
from tailwalk.compare.sweep import arrange
from tailwalk.compare.threshold import show_thresholds, thresholds_for
from tailwalk.report.data import comparison_csv
from tailwalk.report.mail import mail
from tailwalk.report.sweep import sweep_shown
from tailwalk.report.terminal import terminal
from tailwalk.report.track import what_is_a_step
from tailwalk.runs import Run

BUILT = {"source digest": "5a" * 32, "configuration": "c0" * 32, "compiler": "gcc 12.2.0",
         "Debian's patches": "not applied"}
TAIL = BUILT | {"series": "tail (applies)"}
# A tree of the user's: another source, and nothing is said of patches.
MINE = {"source digest": "7b" * 32, "configuration": "c0" * 32, "compiler": "gcc 12.2.0",
        "path": "/src/linux"}


def made(spec: str, release: str, provenance: Mapping[str, str] | None = None,
         value: int = 1000) -> Run:
    return made_run(spec, [made_figure(made_case(), value)], release=release,
                    provenance=provenance)


PLAIN = made("src:6.18", "6.18.15", BUILT)


@pytest.mark.parametrize(("one", "other", "percent", "ground"), [
    (made("debian:6.12", "6.12.95+deb13"), made("debian:6.18", "6.18.15+deb13"), 5, "releases"),
    (made("debian:6.12", "6.12.95+deb13"), PLAIN, 5, "releases"),
    (PLAIN, made("src:6.18+tail", "6.18.15", TAIL), 1, "one source"),
    # One source and another name in the Makefile's EXTRAVERSION, and one version of two sources.
    (PLAIN, made("src:old", "6.18.14", TAIL), 1, "one source"),
    (PLAIN, made("src:linux", "6.18.15", MINE), 1, "one source"),
    (PLAIN, made("src:linux", "6.18.15-mine", MINE), 1, "one source"),
    (made("src:linux", "6.19.0-rc1", MINE), made("src:linux", "6.19.0-rc2", MINE | {
        "source digest": "8c" * 32}), 5, "releases"),
    (PLAIN, made("src:linux", "6.18.16", MINE), 5, "releases"),
    (PLAIN, made("src:6.18+tail", "6.18.15", TAIL | {"compiler": "gcc 14.2.0"}), 5, "builds"),
    (PLAIN, made("src:6.18+tail", "6.18.15", TAIL | {"configuration": "c1" * 32}), 5, "builds"),
    (PLAIN, made("src:6.18.15", "6.18.15", BUILT | {
        "source digest": "9d" * 32, "Debian's patches": "applied"}), 5, "builds"),
    (made("debian:6.18", "6.18.15+deb13"), PLAIN, 5, "builds"),
    (made("image:a", "6.18.15", {"sha256": "a"}), made("image:b", "6.18.15", {"sha256": "b"}), 5,
     "builds"),
    # One image under one name, whatever it is.
    (made("image:a", "6.18.15"), made("image:a", "6.18.15"), 1, "one source"),
    (made("image:a", "mine"), made("image:b", "mine too"), 5, "releases"),
])
def test_two_kernels_have_a_threshold(one: Run, other: Run, percent: float, ground: str) -> None:
    wanted = Threshold(percent=percent, ground=ground)  # type: ignore[arg-type]
    for pair in ((one, other), (other, one)):
        assert thresholds_for([(pair[0].kernel, pair[1].kernel)], None) == [wanted]
        comparison = compare(pair)
        assert [kernel.threshold for kernel in comparison.kernels] == [None, wanted]
        assert comparison.threshold == percent
        assert f"by more than {percent:g}% (between " in comparison.method
        assert track(pair).kernels[1].threshold == wanted


def test_what_was_asked_for_is_taken() -> None:
    pair = (PLAIN, made("src:6.18+tail", "6.18.15", TAIL, 1020))
    assert compare(pair).rows[0].verdicts[1] == "regressed"
    asked = compare(pair, threshold=2.5)
    assert asked.rows[0].verdicts[1] == "unchanged"
    assert asked.kernels[1].threshold == Threshold(percent=2.5, ground="asked")
    assert "by more than 2.5% (as asked for)" in asked.method


def test_each_column_is_judged_by_its_own() -> None:
    runs = [PLAIN, made("src:6.18+tail", "6.18.15", TAIL, 1020), made("src:7.3", "7.3.4", {
        **BUILT, "source digest": "e0" * 32}, 1020), made("src:6.12", "6.12.107", None, 1051)]
    comparison = compare(runs)
    assert comparison.rows[0].ratios == [1, 1.02, 1.02, 1.051]
    assert comparison.rows[0].verdicts == ["baseline", "regressed", "unchanged", "regressed"]
    assert comparison.threshold == 5
    assert comparison.method == (
        "exact counts; regressed or improved where they differ from the baseline's by more than 5% "
        "(between releases) or 1% (between kernels of one source: src:6.18+tail)")
    rows = list(csv.DictReader(io.StringIO(comparison_csv(comparison))))
    assert [row["threshold"] for row in rows] == ["", "1.0", "5.0", "5.0"]


def test_a_timed_difference_is_judged_by_it_too() -> None:
    def verdict(provenance: Mapping[str, str]) -> str:
        runs = [made_run("src:6.18", [made_timed_figure(made_case(), made_samples(
            seed, median, noise=0.001))], rig="timed", release=release,
            provenance=given) for seed, median, release, given in (
                (1, 1000, "6.18.15", BUILT), (2, 1030, "6.18.16", provenance))]
        return compare(runs).rows[0].verdicts[1]

    assert verdict(TAIL) == "regressed"
    assert verdict(MINE) == "unchanged"


def test_steps_are_judged_by_it_from_one_steady_figure_to_the_next() -> None:
    runs = [PLAIN, made("src:6.18+tail", "6.18.15", TAIL, 1020),
            made("src:7.3", "7.3.4", None, 1040), made("src:7.4", "7.4", None, 1100)]
    found = track(runs)
    assert [(step.before, step.after) for step in found.steps] == [(0, 1), (2, 3)]
    assert what_is_a_step(found) == (
        "where a figure differs from the one before by more than 5% (between releases) or 1% "
        "(between kernels of one source: src:6.18+tail)")
    doubtful = made_run("src:7.3", [made_figure(made_case(), 5000, steady=False)], release="7.3.4")
    apart = track([PLAIN, doubtful, made("src:6.18+tail", "6.18.15", TAIL, 1020)])
    assert [(step.before, step.after) for step in apart.steps] == [(0, 2)]
    assert track([PLAIN]).threshold == 5
    assert what_is_a_step(track([PLAIN], threshold=3)).endswith("by more than 3%")


def test_a_sweeps_regression_is_judged_by_it() -> None:
    def swept(spec: str, release: str, provenance: Mapping[str, str], value: int) -> Run:
        return made_run(spec, [made_figure(made_case(fill=2 * MIB, offset=offset), value, order=9)
                               for offset in (0, 12_288, 409_600, 1_228_800)],
                        release=release, provenance=provenance)

    base, fixed = swept("src:6.18", "6.18.15", BUILT, 1000), swept("src:7.3", "7.3.4", {}, 990)
    for release, provenance, state in (("6.18.15", TAIL, "regressed"), ("6.18.16", MINE, "not")):
        found = arrange([base, swept("src:bad", release, provenance, 1030), fixed])
        assert found.bad == (1 if state == "regressed" else None)
        console = Console(width=200, record=True, file=io.StringIO())
        console.print(terminal(sweep_shown(found), console))
        text = console.export_text()
        assert ("no more than 1% (between kernels of one source)" in text) == (found.bad == 1)
        assert ("    all\n" in text) == (found.bad == 1)


def test_thresholds_in_words() -> None:
    one, releases, builds, asked = (
        Threshold(percent=percent, ground=ground) for percent, ground in (
            (1, "one source"), (5, "releases"), (5, "builds"), (0.5, "asked")))
    assert show_thresholds([("a", asked), ("b", asked)]) == "0.5% (as asked for)"
    assert show_thresholds([("a", releases), ("b", builds)]) == (
        "5% (between releases and separate builds)")
    assert show_thresholds([("a", one), ("b", one), ("c", releases)]) == (
        "5% (between releases: c) or 1% (between kernels of one source)")


def test_a_mail_stays_ascii_where_the_threshold_names_a_kernel() -> None:
    runs = [PLAIN, made("src:/süß/linux", "6.18.15", TAIL), made("src:7.3", "7.3.4"),
            made("src:6.12", "6.12.107")]
    assert "src:/süß/linux" in compare(runs).method
    text = mail(compare(runs))
    assert text.isascii()
    assert "(between kernels of one source: src:/s\\xfc\\xdf/linux)" in " ".join(text.split())
