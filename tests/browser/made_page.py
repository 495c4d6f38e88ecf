# SPDX-License-Identifier: GPL-2.0-or-later
"""A page with a section of each kind, made of made-up records."""

from __future__ import annotations

from made_profiles import made_profile
from made_runs import made_figure, made_run, made_seed_runs
from msgspec.structs import replace

from tailwalk.cases import KIB, MIB, PAGE, Filesystem, find_cases
from tailwalk.cases.places import folio_size
from tailwalk.cases.sweep import sweep_cases
from tailwalk.compare.steps import track
from tailwalk.compare.sweep import reach_of
from tailwalk.report.page import page
from tailwalk.report.sections import sections_of, track_section
from tailwalk.runs import Run


def made_sweep(spec: str, a: int, c: int) -> Run:
    """A sweep whose cost grows by `a` a buffer of the prefix and `c` a buffer of the tail."""
    cases = sweep_cases(find_cases(["pwrite_u1k"])[0], fills=[4 * KIB, 256 * KIB, 2 * MIB],
                        places=["first", "quarter", "half", "last", "random"],
                        filesystem=Filesystem())
    figures = []
    for case in cases:
        order = (folio_size(case.fill) // PAGE).bit_length() - 1
        walk = reach_of(case, order, 4 * KIB)
        figures.append(made_figure(case, 2000 + a * walk.prefix + c * walk.tail, order=order))
    return made_run(spec, figures)


def made_page() -> str:
    """Comparison, sweep, profiles and track, with figures that kernels really have."""
    runs = made_seed_runs("debian:6.12", "debian:6.18", "debian:7.3")
    sweeps = [made_sweep("debian:6.12", 0, 0), made_sweep("debian:6.18", 29, 35)]
    profiles = [
        replace(made_profile([("entry_SYSCALL_64", -1, 100), ("vfs_write", 0, 500),
                      ("arch_exit_to_user_mode_prepare", 0, 1500),
                      ("ext4_block_write_begin", 1, begin), ("block_commit_write", 1, commit)],
                     spec=spec), inputs=spec)
        for spec, begin, commit in (("debian:6.12", 106, 49), ("debian:6.18", 4723, 4385))]
    return page([*sections_of([*runs, *sweeps], profiles), track_section(track(runs), runs)])
