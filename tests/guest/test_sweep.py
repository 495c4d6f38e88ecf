# SPDX-License-Identifier: GPL-2.0-or-later
"""The sweep on real kernels: what the law says of each design of the walk."""

from __future__ import annotations

import pytest

from tailwalk.cases import KIB, MIB, Filesystem, find_cases
from tailwalk.cases.sweep import sweep_cases
from tailwalk.compare.law import cells, fit, flatness
from tailwalk.compare.sweep import arrange
from tailwalk.rigs.exact import measure
from tailwalk.rigs.plan import Plan

pytestmark = pytest.mark.guest

CASE = find_cases(["pwrite_u1k"])[0]
FILLS = (4 * KIB, 64 * KIB, 2 * MIB)
PLACES = ("first", "half", "last")


def swept(bench, kernels, *, fills=FILLS, places=PLACES, filesystem=None, partial=False, calls=60):
    filesystem = filesystem or Filesystem()
    plan = Plan(cases=sweep_cases(CASE, fills=fills, places=places, filesystem=filesystem,
                                  partial=partial),
                filesystem=filesystem, calls=calls)
    return [item.run for item in measure(kernels, plan, bench=bench)]


def test_designs_of_the_walk_have_their_laws(kernel, bench):
    runs = swept(bench, [kernel(spec) for spec in ("debian:6.12", "debian:6.18", "debian:7.3")],
                 places=(*PLACES, "random"))
    old, full, tail = (cells(run) for run in runs)
    assert not any(cell.doubt for found in (old, full, tail) for cell in found)

    assert flatness(old) == 1.0
    assert fit(old).coefficients == {}

    law = fit(full)
    assert law.fits
    assert law.coefficients["prefix"] == pytest.approx(29, abs=1)
    assert law.coefficients["tail"] == pytest.approx(35, abs=1)

    law = fit(tail)
    assert law.fits
    assert law.coefficients["prefix"] == pytest.approx(29, abs=1)
    assert law.coefficients["tail"] == pytest.approx(0, abs=0.5)
    assert flatness(tail) > 7

    sweep = arrange(runs)
    assert sweep.bad == 1
    by_fill = {row.fill: row.recovery for row in sweep.maps[0][2].rows}
    assert 0.5 < by_fill[2 * MIB] < 0.6


def test_folios_that_are_not_uptodate_keep_the_whole_walk(kernel, bench):
    """The fix of v7.3 must not cut a walk whose result it needs."""
    one = kernel("debian:7.3")
    [partial] = swept(bench, [one], fills=(2 * MIB,), places=("first",), partial=True)
    [whole] = swept(bench, [one], fills=(2 * MIB,), places=("first",))
    assert partial.figures[0].written == whole.figures[0].written == 9
    assert partial.figures[0].main.value > 6 * whole.figures[0].main.value


def test_four_buffers_a_page_cost_four_times_as_much(kernel, bench):
    [run] = swept(bench, [kernel("debian:6.18")], fills=(4 * KIB, MIB),
                  places=("first", "half", "last", "unaligned", "crossing"),
                  filesystem=Filesystem(block_size=KIB))
    law = fit(cells(run))
    assert law.fits
    assert set(law.coefficients) == {"prefix", "span", "tail", "further"}
    assert law.coefficients["tail"] == pytest.approx(35, abs=1)


def test_iomap_is_flat(kernel, bench):
    [run] = swept(bench, [kernel("debian:6.18")], filesystem=Filesystem(kind="xfs"))
    found = cells(run)
    assert {cell.figure.written for cell in found} == {0, 4, 9}
    assert flatness(found) < 1.1


def test_btrfs_can_be_measured(kernel, bench):
    [run] = swept(bench, [kernel("debian:6.18")], filesystem=Filesystem(kind="btrfs"),
                  fills=(4 * KIB,), places=("first",))
    assert run.figures[0].main.steady
