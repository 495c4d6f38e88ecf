# SPDX-License-Identifier: GPL-2.0-or-later
"""Growth over fills and the verdict on a machine."""

from __future__ import annotations

import re

import pytest
from made_runs import made_case, made_run, made_samples, made_seed_run, made_timed_figure
from rich.console import Console

from tailwalk.cases import KIB, MIB, Case, Filesystem
from tailwalk.compare.growth import growth, worst, written_folio
from tailwalk.errors import UsageError
from tailwalk.report.growth import growth_shown, verdict
from tailwalk.report.terminal import terminal
from tailwalk.runs import Figure, Run

ORDERS = {4 * KIB: 0, MIB: 8, 2 * MIB: 9}


def figures(case: Case, *medians: float, noise: float = 0.02,
            orders: tuple[int | None, ...] = (0, 8, 9)) -> list[Figure]:
    """A case at fills of 4 KiB, 1 MiB and 2 MiB."""
    return [made_timed_figure(case.changed(fill=fill),
                              made_samples(fill, median, noise=noise, number=20), written=order)
            for fill, median, order in zip(ORDERS, medians, orders, strict=True)]


def made_host_run(*groups: list[Figure], kind: str = "ext4", block_size: int = 4 * KIB,
                  release: str = "6.18.44") -> Run:
    return made_run("host", [figure for group in groups for figure in group], rig="host",
                    machine={}, release=release,
                    filesystem=Filesystem(kind=kind, block_size=block_size))


def text(run: Run, width: int = 100) -> str:
    console = Console(width=width, color_system=None, force_terminal=False)
    with console.capture() as captured:
        console.print(terminal(growth_shown(run), console))
    return " ".join(captured.get().split())


def test_an_affected_machine() -> None:
    run = made_host_run(figures(made_case(), 1000, 3560, 8168))
    [one] = growth(run)
    assert one.state == "affected"
    assert [step.buffers for step in one.steps] == [256, 512]
    assert one.steps[0].per_buffer == pytest.approx(10, rel=0.05)
    assert one.steps[1].per_buffer == pytest.approx(14, rel=0.05)
    assert one.steps[1].ratio == pytest.approx(8.2, rel=0.05)
    said = text(run)
    assert "This machine is affected: an overwrite of 1KiB costs up to 8." in said
    [dear, base, most, usual] = re.search(  # type: ignore[union-attr]
        r"It takes up to ([\d,]+) ns in place of ([\d,]+): at most ([\d,]+) a second on one CPU in "
        r"place of ([\d,]+)\.", said).groups()
    for nanoseconds, rate in ((dear, most), (base, usual)):
        assert 1e9 / int(nanoseconds.replace(",", "")) == pytest.approx(
            int(rate.replace(",", "")), rel=0.01)
    assert "Each buffer head of the folio (4KiB each) adds" in said
    assert "By the table of releases 6.18.44 is affected" in said
    assert "6.18.50 and what follows it in 6.18.y end this at a folio's start" in said
    assert "series `tail`" in said
    assert "The measurement says otherwise" not in said
    assert "What the fix leaves: the walks still begin at the folio's first buffer head" in said
    assert "fdatasync and msync" in said


def test_small_blocks_mean_more_buffers() -> None:
    [one] = growth(made_host_run(figures(made_case(), 1000, 3550, 8158), block_size=KIB))
    assert [step.buffers for step in one.steps] == [1024, 2048]


@pytest.mark.parametrize(("kind", "orders", "reason"), [
    ("ext4", (0, 8, 9), "this kernel has upstream's fix"),
    ("ext4", (0, 0, 0), "cached in single pages: ext4 made no large folios"),
    ("ext4", (None, None, None), "run as root"),
    ("xfs", (0, 8, 9), "xfs keeps no ring of buffer heads"),
    ("nilfs2", (0, 8, 9), "a second on one CPU. rig"),
])
def test_a_machine_that_is_not_affected(kind: str, orders: tuple[int | None, ...],
                                        reason: str) -> None:
    run = made_host_run(figures(made_case(), 1000, 1010, 1020, orders=orders), kind=kind)
    [one] = growth(run)
    assert one.state == "not affected"
    said = text(run)
    assert "This machine is not affected: an overwrite of 1KiB costs much the same in a" in said
    assert reason in said
    assert "`tail`" not in said


def test_a_fixed_machine_is_still_dear_at_the_end_of_a_folio() -> None:
    end = made_case(offset=2 * MIB - 4 * KIB)
    run = made_host_run(figures(made_case(), 1000, 1010, 1020), figures(end, 1000, 3550, 8150))
    said = text(run)
    assert "This machine is not affected at a folio's start, but further in" in said
    assert "At offset 2044KiB it costs 8." in said


CHEAP, DEAR = (1000, 1010, 1020), (1000, 3560, 8168)


@pytest.mark.parametrize(("release", "costs", "orders", "table", "verdict"), [
    ("7.1.13", DEAR, (0, 8, 9), "7.1.13 has half of upstream's fix", "agrees"),
    ("7.2.6+deb13", CHEAP, (0, 8, 9), "7.2.6 has upstream's fix", "agrees"),
    ("6.12.118", CHEAP, (0, 0, 0), "6.12.118 is not affected", "agrees"),
    ("6.18.44", CHEAP, (0, 8, 9), "6.18.44 is affected", "a distribution may have taken the fix"),
    ("7.1.13", CHEAP, (None, None, None), "7.1.13 has half", "a distribution may have taken"),
    ("6.18.44", CHEAP, (0, 0, 0), "6.18.44 is affected", "agrees"),  # data=journal, say
    ("6.18.50", DEAR, (0, 8, 9), "6.18.50 has upstream's fix", "is not what its name says"),
    ("5.14.0-570.el9", DEAR, (0, 8, 9), "5.14.0 is not affected", "is not what its name says"),
    ("7.2.0-5-generic", DEAR, (0, 8, 9), "cannot tell what 7.2.0-5-generic has", "agrees"),
])
def test_the_measurement_decides_and_the_table_is_told_beside_it(
        release: str, costs: tuple[int, int, int], orders: tuple[int | None, ...], table: str,
        verdict: str) -> None:
    said = text(made_host_run(figures(made_case(), *costs, orders=orders), release=release))
    assert f"This machine is {'' if costs is DEAR else 'not '}affected:" in said
    assert table in said
    if verdict == "agrees":
        assert "says otherwise" not in said
    else:
        assert "The measurement says otherwise, and it decides:" in said
        assert verdict in said


@pytest.mark.parametrize("kind", ["xfs", "btrfs", "nilfs2"])
def test_the_table_is_about_buffer_heads(kind: str) -> None:
    for costs in (CHEAP, DEAR):
        said = text(made_host_run(figures(made_case(), *costs), kind=kind))
        assert "table of releases" not in said
        assert "What the fix leaves" not in said


def test_what_the_fix_leaves_is_told_of_kernels_that_make_large_folios() -> None:
    for release, told in (("6.12.118", False), ("7.3.4", True), ("6.18.44", True)):
        said = text(made_host_run(figures(made_case(), *CHEAP), release=release))
        assert ("What the fix leaves" in said) is told, release


def test_fills_that_would_show_no_growth_acquit_nobody() -> None:
    small, large = (made_timed_figure(made_case(fill=fill), made_samples(fill, 1000, number=20),
                                      written=order) for fill, order in ((4 * KIB, 0), (MIB, 8)))
    middle = made_timed_figure(made_case(fill=16 * KIB), made_samples(7, 1000, number=20),
                               written=2)
    for pair in ([small, middle], [middle, large]):
        [one] = growth(made_host_run(pair))
        assert one.state == "unclear"
        assert "cannot be told from these fills. Measure with --fill 4KiB and a --fill of " \
               "512KiB or more" in text(made_host_run(pair))
    dear = made_timed_figure(made_case(fill=2 * MIB), made_samples(8, 5000, number=20), written=9)
    assert "costs up to 5." in text(made_host_run([large, dear]))
    assert "in a large folio as in one of 1MiB" in text(made_host_run([large, dear]))


def test_at_the_end_of_a_folio_either_walk_may_be_what_costs() -> None:
    end = made_case(offset=2 * MIB - 4 * KIB)
    said = text(made_host_run(figures(end, 1000, 3550, 8150)))
    assert "affected: an overwrite of 1KiB at offset 2044KiB costs up to 8." in said
    assert "A measurement at --offset 0 tells whether this kernel has the fix" in said
    said = text(made_host_run(figures(end, 1000, 1010, 1020)))
    assert "not affected there: an overwrite of 1KiB at offset 2044KiB" in said
    assert "A measurement at --offset 0" not in said
    assert "What the fix leaves" not in said


def test_an_unclear_end_limits_the_verdict() -> None:
    end = made_case(offset=2 * MIB - 4 * KIB)
    said = text(made_host_run(figures(made_case(), 1000, 1010, 1020),
                              figures(end, 1000, 1200, 1250, noise=0.5)))
    assert "not affected at a folio's start" in said
    assert "Whether it costs more further in is lost in the noise" in said


def test_only_what_has_grown_has_a_cost_a_buffer() -> None:
    [one] = growth(made_host_run(figures(made_case(), 1000, 980, 8150)))
    assert [step.per_buffer is None for step in one.steps] == [True, False]


def test_noise_is_called_unclear() -> None:
    run = made_host_run(figures(made_case(), 1000, 1200, 1250, noise=0.5))
    assert growth(run)[0].state == "unclear"
    assert "Unclear" in text(run)


def test_the_verdict_rests_on_the_smallest_write_at_the_start() -> None:
    groups = [figures(made_case("writev_u10k"), 12000, 7000, 9000),
              figures(made_case("pwrite_u10k"), 2000, 4500, 7700),
              figures(made_case("pwrite_u1k"), 1000, 3500, 7300)]
    run = made_host_run(*groups)
    assert verdict(run, growth(run))[0].startswith(
        "This machine is affected: an overwrite of 1KiB costs up to 7.")
    assert [one.state for one in growth(run)] == ["not affected", "affected", "affected"]


def test_an_unknown_folio_is_taken_for_what_the_fill_asks_for() -> None:
    known, unknown = (
        made_timed_figure(made_case(fill=MIB), [1.0], written=written) for written in (3, None))
    assert written_folio(known) == 32 * KIB
    assert written_folio(unknown) == MIB


def test_says_nothing_of_too_few_samples() -> None:
    lone = [made_timed_figure(made_case(fill=fill), [float(cost)])
            for fill, cost in ((4096, 1000), (MIB, 5000))]
    [one] = growth(made_host_run(lone))
    assert one.state == "unclear"
    assert one.steps[0].interval is None


def test_refuses_counts_and_a_single_fill() -> None:
    with pytest.raises(UsageError, match="instructions/call"):
        growth(made_seed_run("debian:6.18"))
    with pytest.raises(UsageError, match="at least two"):
        growth(made_host_run([made_timed_figure(made_case(), [1.0, 2.0])]))


def test_the_worst_state_counts() -> None:
    assert worst(["not affected", "unclear", "affected"]) == "affected"
    assert worst(["not affected", "unclear"]) == "unclear"
    assert worst([]) == "not affected"
