# SPDX-License-Identifier: GPL-2.0-or-later
"""tmpfs in a guest: no disk, and folios as its mount options have them."""

from __future__ import annotations

import pytest

from tailwalk.cases import Filesystem, find_cases
from tailwalk.rigs.exact import measure
from tailwalk.rigs.plan import Plan

pytestmark = pytest.mark.guest


@pytest.mark.parametrize(("options", "large"), [("", False), ("huge=always", True)])
def test_the_mount_option_decides_the_folios(bench, kernel, options, large):
    plan = Plan(cases=find_cases(["pwrite_u1k"]),
                filesystem=Filesystem(kind="tmpfs", mount_options=options))
    [measured] = measure([kernel("debian:6.18")], plan, bench=bench)
    [figure] = measured.run.figures
    assert figure.main.steady and (figure.written > 0) is large
