# SPDX-License-Identifier: GPL-2.0-or-later
"""The host rig on this machine, in a second or two."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from tailwalk.cases import KIB, find_cases
from tailwalk.cli import group
from tailwalk.errors import HostError, UsageError
from tailwalk.host.worker import Worker
from tailwalk.probe.build import build_probe
from tailwalk.probe.job import job_line
from tailwalk.probe.protocol import read_calls, read_folios
from tailwalk.rigs.host import measure_host
from tailwalk.rigs.job import case_line
from tailwalk.rigs.plan import Pace, Plan
from tailwalk.rigs.timing import Batches, time_line
from tailwalk.runs.record import decode_run, encode

QUICK = Pace(rounds=8, seconds=0)


def cases(*names: str, **changed: int):
    return [case.changed(file_size=256 * KIB, **changed)
            for case in find_cases(names)]


def test_measures_here_and_leaves_nothing(tmp_path: Path) -> None:
    plan = Plan(rig="host", cases=[*cases("write_u1k", "writev_u1k", fill=4 * KIB),
                                   *cases("pwrite_u10k", fill=64 * KIB, offset=100)], pace=QUICK)
    run = measure_host(tmp_path, plan)
    assert list(tmp_path.iterdir()) == []
    assert (run.rig, run.unit, run.kernel.spec) == ("host", "ns/call", "host")
    assert run.kernel.release == os.uname().release
    assert [figure.case for figure in run.figures] == list(plan.cases)
    for figure in run.figures:
        assert sum(count for _, count in figure.main.calls) == 8
        assert figure.main.interval is not None
        assert 10 < figure.main.interval[0] <= figure.main.value <= figure.main.interval[1]
        assert any("8 rounds" in note for note in figure.notes)
        assert any("context switches" in note for note in figure.notes)
    assert decode_run(encode(run), "it") == run


@pytest.mark.parametrize(("name", "length", "moved"), [
    ("pwrite_u1k", KIB, "wchar"), ("writev_u10k", 100 * KIB, "wchar"),
    ("pread_u1k", KIB, "rchar"), ("read_u10k", 10 * KIB, "rchar"),
    ("readv_u10k", 100 * KIB, "rchar")])
def test_every_call_that_is_timed_moves_what_its_case_says(tmp_path: Path, name: str, length: int,
                                                           moved: str) -> None:
    [case] = cases(name, fill=4 * KIB)
    seen = []
    with Worker(build_probe(), tmp_path) as worker:
        worker.tell(case_line("prepare", case))
        for _ in range(2):
            worker.tell(time_line(case, Batches(16, 8)))
            worker.answer()
            said = Path(f"/proc/{worker.pid}/io").read_text()
            seen.append(int(re.findall(rf"^{moved}: (\d+)$", said, re.MULTILINE)[0]))
    calls, answer = divmod(seen[1] - seen[0], length)
    assert calls == (1 + 16) * 8  # the first batch is not timed
    assert answer < KIB


def test_equal_measurements_have_equal_inputs(tmp_path: Path) -> None:
    plan = Plan(rig="host", cases=cases("pwrite_u1k"), pace=QUICK)
    first, second = (measure_host(tmp_path, plan) for _ in range(2))
    assert first.inputs == second.inputs
    assert first.conditions == second.conditions


def test_refuses_a_cpu_it_may_not_use(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--cpu 4095"):
        measure_host(tmp_path, Plan(rig="host", cases=cases("pwrite_u1k"), pace=QUICK, cpu=4095))
    with pytest.raises(UsageError, match="no case"):
        measure_host(tmp_path, Plan(rig="host", cases=[], pace=QUICK))


def test_a_worker_that_fails_says_why(tmp_path: Path) -> None:
    for line, complaint in (
            (time_line(cases("pwrite_u1k")[0], Batches(16, 8)), "nothing was prepared"),
            (job_line("pin", cpu=4095), "cannot run on CPU 4095"),
            (case_line("prepare", cases("pwrite_u1k")[0].changed(fill=9 * 10**18)),
             "no memory for a buffer of 9000000000000000000 bytes")):
        with Worker(build_probe(), tmp_path) as worker:
            worker.tell(line)
            with pytest.raises(HostError, match=complaint) as caught:
                worker.answer()
            assert str(tmp_path) in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_calls_can_be_counted_one_by_one_here_too(tmp_path: Path) -> None:
    [case] = cases("pwrite_u1k", fill=4 * KIB)
    with Worker(build_probe(), tmp_path) as worker:
        worker.tell(case_line("case", case, calls=3))
        read_folios(worker.answer())
        assert len(read_calls(worker.answer(), 3).counts) == 3
    assert list(tmp_path.iterdir()) == []


def test_a_worker_that_is_killed_or_silent_is_an_error(tmp_path: Path) -> None:
    with Worker(build_probe(), tmp_path) as worker:
        with pytest.raises(HostError, match=r"for 0\.1 seconds"):
            worker.answer(0.1)
        os.kill(worker.pid, 9)
        with pytest.raises(HostError, match="killed by SIGKILL"):
            worker.answer()
        worker.tell(b"pin 0\n")  # to nobody


def test_the_command_writes_records_and_tables(tmp_path: Path,
                                               monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAILWALK_RESULTS", str(tmp_path / "results"))
    quick = ["host", str(tmp_path), "--rounds", "8", "--seconds", "0", "-c", "pwrite_u1k",
             "--file-size", "128KiB"]
    done = CliRunner().invoke(group, [*quick, "--fill", "4KiB", "--format", "json"])
    assert done.exit_code == 0
    document = json.loads(done.stdout)
    assert document["rig"] == "host"
    assert len(list((tmp_path / "results").iterdir())) == 1
    done = CliRunner().invoke(group, [*quick, "--fill", "4KiB", "--fill", "64KiB",
                                      "-o", str(tmp_path / "run.json")])
    assert done.exit_code == 0
    assert "fill 64KiB" in done.stdout
    assert (tmp_path / "run.json").exists()
    assert {path.name for path in tmp_path.iterdir()} == {"results", "run.json"}
