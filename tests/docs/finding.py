# SPDX-License-Identifier: GPL-2.0-or-later
"""What the upgrade test finds, measured.

    python tests/docs/finding.py [DIRECTORY]

measures every upgrade that docs/explanation/upgrade.md tells of, counts some cases a second time by
second_count.c, and puts the tables between the comments that name them. What the directory has is
read in place of that, and kept there where it lacks it.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec
from finding_tables import Counted, Found, Second, remade
from pages import ROOT

from tailwalk.cases import Case, Filesystem
from tailwalk.cli.console import open_progress
from tailwalk.compare import compare
from tailwalk.compare.upgrade import Upgrade, read_upgrade, upgrade
from tailwalk.compiling import compiler
from tailwalk.lab.lab import Lab
from tailwalk.lab.plans import upgrade_cases
from tailwalk.lab.upgrades import explained, upgrade_runs
from tailwalk.programs.plan import ExecPlan
from tailwalk.rigs.plan import UPGRADE_CALLS, Plan
from tailwalk.rigs.running import Gathered
from tailwalk.runs.record import encode

PAGE = ROOT / "docs" / "explanation" / "upgrade.md"
THRESHOLD = 10.0
_DEBIAN = ("debian:6.12", "debian:6.18", "debian:7.3")
_SOURCE = ("src:6.12", "src:6.18", "src:6.18+tail", "src:6.18+span", "src:7.3")
_BRIEFLY = 6
_KIB = 1 << 10
_MIB = 1 << 20
# By the calls of second_count.c, on which file system.
_TWICE = {
    "fdatasync_u1k": ("ext4",), "msync_u1": ("ext4", "xfs"), "touch_u4k": ("ext4",),
    "fault_read_u4k": ("ext4", "xfs"), "fault_write_u4k": ("ext4",),
    "mprot_tw4m": ("ext4",), "mprot_tw4m_aligned": ("ext4",),
    "mprotect_shared_u": ("ext4", "btrfs", "tmpfs"), "writeback_u8m": ("ext4",),
    "fill_u8m": ("ext4",), "read_cold_u8m": ("ext4",), "populate_u8m": ("ext4",),
    "fadvise_dontneed_u8m": ("ext4",), "truncate_down_u8m": ("ext4",),
    "unlink_u8m": ("ext4",), "punch_hole_u1m": ("ext4",), "zero_range_u1m": ("ext4",),
    "splice_to_pipe_u1m": ("ext4",),
    "splice_from_pipe_u1m": ("ext4", "btrfs")}


def measured(lab: Lab, kept: Path) -> Found:
    """Every upgrade, in the order in which the page needs them."""
    def had(name: str, kernels: tuple[str, ...], cases: tuple[Case, ...], *, fs: str = "ext4",
            profiled: int | Literal["all"] = 0) -> Upgrade:
        file = kept / f"{name}.json"
        if not file.exists():
            plan = Plan(cases=cases, filesystem=Filesystem(kind=fs), calls=UPGRADE_CALLS).check()
            runs = upgrade_runs(lab, kernels, plan)
            found = upgrade(compare(runs, bad=1, threshold=THRESHOLD), runs)
            file.write_bytes(encode(explained(lab, found, runs, plan, profiled=profiled)))
        return read_upgrade(file)

    every = upgrade_cases(["lts"], families=(), fills=())
    ext4 = had("ext4", _DEBIAN, every, profiled="all")
    moved = {one.parameters for one in ext4.moved()}
    later = tuple(one.parameters for verdict in ("regressed", "improved")
                  for one in ext4.by_verdict(2, verdict) if one.parameters not in moved)
    return Found(
        ext4=ext4,
        later=had("later", (_DEBIAN[0], _DEBIAN[2]), later, profiled="all"),
        fills=had("fills", _DEBIAN, tuple(case for case in upgrade_cases(
            ["lts"], families=(), fills=(4 * _KIB, 2 * _MIB)) if case.cached)),
        others={fs: had(fs, _DEBIAN, every, fs=fs, profiled=_BRIEFLY)
                for fs in ("xfs", "btrfs", "tmpfs")},
        source=had("source", _SOURCE, every),
        twice=_twice(lab, kept))


def _twice(lab: Lab, kept: Path) -> Sequence[Second]:
    """What a program counts that shares no code with the probe."""
    file = kept / "twice.json"
    if not file.exists():
        program = kept / "second_count"
        subprocess.run([compiler(), "-static", "-O2", "-o", program,
                        Path(__file__).with_name("second_count.c")], check=True)
        file.write_bytes(msgspec.json.encode([
            Second(call, fs, [second(lab, spec, program, call=call, fs=fs) for spec in _DEBIAN])
            for call, where in _TWICE.items() for fs in where]))
    return msgspec.json.decode(file.read_bytes(), type=list[Second])


def second(lab: Lab, spec: str, program: Path, *, call: str, fs: str) -> Counted:
    """What second_count counts of a call on a kernel, and what it says of its mapping."""
    wrote = Gathered()
    lab.execute(spec, ExecPlan(program=program, arguments=[call, str(_MIB)],
                               filesystem=Filesystem(kind=fs)), sink=wrote.take)
    said = re.search(r"(?:mapped (.*)\n)?median (\d+) least (\d+)", wrote.stdout.decode())
    if said is None:
        raise SystemExit(f"{call} on {spec}, {fs}: {wrote.stderr.decode()}")
    return Counted(int(said[2]), int(said[3]), said[1] or "")


def main(directory: str | None = None) -> None:
    """Measure, and make the page's tables anew."""
    with tempfile.TemporaryDirectory() as nowhere, open_progress() as progress:
        kept = Path(directory or nowhere)
        kept.mkdir(exist_ok=True)
        found = measured(Lab(progress=progress), kept)
    PAGE.write_text(remade(PAGE.read_text(), found))


if __name__ == "__main__":
    main(*sys.argv[1:])
