# SPDX-License-Identifier: GPL-2.0-or-later
"""Loads of applications: what is counted is what they are said to do, no more and no less."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tailwalk.lab.lab import Lab
from tailwalk.runs.program import Program, read_program_record

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import applications

pytestmark = [pytest.mark.guest, pytest.mark.slow]


def measured(monkeypatch: pytest.MonkeyPatch, folder: Path, name: str, counted: int) -> Program:
    """A load of so many writes or transactions, on one kernel."""
    load = applications.ALL[name]
    monkeypatch.setitem(applications.KERNELS, "debian", ("debian:6.18",))
    monkeypatch.setitem(applications.ALL, name, replace(
        load, counted=counted, sets=("debian",), arguments=[*load.arguments[:-1], str(counted)]))
    applications._build(folder)
    applications.measure(Lab(), folder, name)
    return read_program_record(folder / f"{name}-debian.json")


def calls(program: Program) -> dict[str, int]:
    [kernel] = program.kernels
    return {name: sum(row.count for row in kernel.calls if row.call == name)
            for name in ("pwrite64", "fdatasync", "fsync", "unlink", "execve")}


def test_overwrites_are_counted_with_their_syncs(monkeypatch, tmp_path: Path) -> None:
    program = measured(monkeypatch, tmp_path, "overwrites-32-written-4096", 128)
    assert calls(program) == {"pwrite64": 128, "fdatasync": 4, "fsync": 0, "unlink": 0,
                              "execve": 0}
    again = tmp_path / "overwrites-32-written-4096-debian.json"
    before = again.stat().st_mtime_ns
    applications.measure(Lab(), tmp_path, "overwrites-32-written-4096")
    assert again.stat().st_mtime_ns == before


@pytest.mark.network
def test_transactions_of_sqlite_are_counted_without_what_is_round_them(
        monkeypatch, tmp_path: Path) -> None:
    program = measured(monkeypatch, tmp_path, "sqlite-rollback-written", 20)
    found = calls(program)
    # Its journal goes with every transaction.
    assert found["unlink"] == 20 and found["execve"] == 0
    assert found["fdatasync"] >= 3 * 20


@pytest.mark.network
def test_transactions_of_postgresql_end_with_a_checkpoint(monkeypatch, tmp_path: Path) -> None:
    found = calls(measured(monkeypatch, tmp_path, "postgresql-on-written", 20))
    # Every transaction syncs the log, and a checkpoint syncs files of the database.
    assert found["fdatasync"] >= 20 and found["fsync"] > 0
