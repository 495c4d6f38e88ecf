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


@pytest.mark.parametrize("kind", ["ext4", "tmpfs"])
def test_a_case_has_a_tmpfs_of_its_own_on_any_file_system(bench, kernel, kind):
    names = ["pwrite_t1k", "lseek_t8k", "fcntl_tmp"]
    plan = Plan(cases=find_cases([*names, "pwrite_u1k"]), filesystem=Filesystem(kind=kind))
    figures = measure([kernel("debian:6.12")], plan, bench=bench)[0].run.figures
    *memory, tested = [figure.main.value for figure in figures]
    assert (tested == memory[0]) is (kind == "tmpfs")
    alone = Plan(cases=find_cases(names), filesystem=Filesystem(kind="tmpfs"))
    [measured] = measure([kernel("debian:6.12")], alone, bench=bench)
    assert [figure.main.value for figure in measured.run.figures] == memory
