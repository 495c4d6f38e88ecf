# SPDX-License-Identifier: GPL-2.0-or-later
"""Real kernels against the table of releases: what it says of each is what a call costs there."""

from __future__ import annotations

import pytest

from tailwalk.cases import MIB, Filesystem, find_cases, place_offset
from tailwalk.rigs.exact import measure
from tailwalk.rigs.plan import Plan
from tailwalk.series.releases import MEASURED, standing
from tailwalk.versions import parse_version

pytestmark = pytest.mark.guest

BASELINE = "debian:6.12"
SPECS = (BASELINE, "debian:6.18", "debian:7.2", "debian:7.3")
[CASE] = find_cases(["pwrite_u1k"])
START = CASE.changed(fill=2 * MIB)
END = START.changed(offset=place_offset("last", START, Filesystem()))


def test_a_kernel_costs_what_its_release_says(kernel, bench):
    runs = [item.run for item in measure([kernel(spec) for spec in SPECS],
                                         Plan(cases=(START, END)), bench=bench)]
    flat = runs[0].figures[0].main.value
    known = {one.release: one for one in MEASURED}
    for run in runs:
        start, end = (figure.main.value for figure in run.figures)
        state = standing(run.kernel.release).state
        assert (start > 2 * flat) is (state in ("affected", "half")), run.kernel.release
        assert (end > 2 * flat) is (state != "not affected"), run.kernel.release
        version = parse_version(run.kernel.release.partition("+")[0])
        if version in known:
            assert (start, end) == pytest.approx(
                (known[version].start, known[version].end), rel=0.01), version
