# SPDX-License-Identifier: GPL-2.0-or-later
"""The place that the probe makes for a mapping that is measured."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tailwalk.cases import KIB, MIB
from tailwalk.cases.workload import all_workloads
from tailwalk.compiling import c_sources
from tailwalk.machines import GUEST
from tailwalk.probe.declared import with_declared

pytestmark = pytest.mark.slow

_TABLE = 2 * MIB
_WINDOW = 64 * KIB
_LENGTHS = (4 * KIB, 8 * KIB, 100 * KIB, 128 * KIB, 2 * MIB, 3 * MIB, 8 * MIB + 4 * KIB, 64 * MIB)


def test_a_mapping_ends_in_the_middle_of_a_window_beside_one_other(tmp_path: Path) -> None:
    sources = with_declared(c_sources("probe"), all_workloads())
    here = Path(__file__).parent
    for name, body in {**sources, "harness.c": (here / "room.c").read_bytes(),
                       "stand_in.h": (here / "stand_in.h").read_bytes()}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(body)
    subprocess.run(["cc", "-std=gnu11", "-Wall", "-Werror", "-I.", f"-I{GUEST.name}", "harness.c",
                    "room.c", "-o", "program"], cwd=tmp_path, check=True)
    said = subprocess.run(["./program", *map(str, _LENGTHS)], cwd=tmp_path, check=True,
                          capture_output=True, text=True, timeout=60).stdout
    lines = [tuple(map(int, line.split())) for line in said.splitlines()]
    assert [end - begin for begin, end, _ in lines] == [one for one in _LENGTHS for _ in range(2)]
    assert all(neighbours <= 1 for _, _, neighbours in lines)
    assert all((end + _WINDOW // 2) % _TABLE == 0 or begin % _TABLE == 0 for begin, end, _ in lines)
