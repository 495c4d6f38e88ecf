# SPDX-License-Identifier: GPL-2.0-or-later
"""The host rig in full, read-only and odd places, disturbed, interrupted and killed."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mounts import mounted
from processes import gone
from tailwalk.cache import Cache
from tailwalk.cases import KIB, MIB, all_workloads, find_cases
from tailwalk.compiling import c_sources
from tailwalk.errors import HostError
from tailwalk.host.worker import Worker
from tailwalk.probe.build import build_probe, compile_probe
from tailwalk.probe.job import job_line
from tailwalk.probe.protocol import read_times
from tailwalk.rigs.host import measure_host
from tailwalk.rigs.job import case_line
from tailwalk.rigs.plan import Pace, Plan
from tailwalk.rigs.timing import Batches, time_line

[SMALL] = [case.changed(file_size=MIB) for case in find_cases(["pwrite_u1k"])]
FILL = case_line("prepare", SMALL.changed(fill=64 * KIB))
PLAN = Plan(rig="host", cases=[SMALL], pace=Pace(rounds=8, seconds=0))


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Path]:
    """A file system of 512 KiB."""
    with mounted(tmp_path / "tiny", "size=512k,mode=777") as disk:
        yield disk


@pytest.fixture
def frozen(tmp_path: Path) -> Iterator[Path]:
    """A file system that is mounted read-only."""
    with mounted(tmp_path / "frozen", "ro") as disk:
        yield disk


def test_a_disk_with_too_little_room_is_refused_at_once(tiny: Path) -> None:
    with pytest.raises(HostError, match="has 512 KiB free"):
        measure_host(tiny, PLAN)


def test_a_disk_that_fills_up_ends_the_measurement(tiny: Path) -> None:
    with Worker(build_probe(), tiny) as worker:
        worker.tell(FILL)
        with pytest.raises(HostError, match=r"No space left on device.*Free some space"):
            worker.answer()
    assert list(tiny.iterdir()) == []
    assert os.statvfs(tiny).f_bavail == os.statvfs(tiny).f_blocks


def test_a_read_only_place_is_refused(frozen: Path) -> None:
    with pytest.raises(HostError, match="mounted read-only"):
        measure_host(frozen, PLAN)


def test_a_place_without_nameless_files_is_left_empty(tmp_path: Path) -> None:
    wrapper = (Path(__file__).parent / "no_tmpfile.c").read_bytes()
    probe = compile_probe(Cache(tmp_path / "cache"),
                          {**c_sources("probe"), "no_tmpfile.c": wrapper}, all_workloads(),
                          flags=["-Wl,--wrap=open"])
    place = tmp_path / "place"
    place.mkdir()
    with Worker(probe, place) as worker:
        worker.tell(FILL)
        worker.tell(time_line(SMALL, Batches(16, 8)))
        assert len(read_times(worker.answer()).batches) == 16
        assert list(place.iterdir()) == []
        entries = Path(f"/proc/{worker.pid}/fd").iterdir()
        [name] = [name for entry in entries if str(place) in (name := str(entry.readlink()))]
        assert ".tailwalk-" in name
        assert name.endswith("(deleted)")


def test_a_place_that_takes_no_files_is_an_error() -> None:
    with pytest.raises(HostError, match=r"cannot make a file there|lack the permission"):
        measure_host(Path("/proc"), PLAN)


@contextlib.contextmanager
def busy_cpu() -> Iterator[int]:
    """A CPU that another process takes all it can get of."""
    cpu = min(os.sched_getaffinity(0))
    busy = subprocess.Popen([sys.executable, "-c", f"""
import os
os.sched_setaffinity(0, [{cpu}])
print(flush=True)
while True: pass
"""], stdout=subprocess.PIPE)
    assert busy.stdout
    busy.stdout.readline()
    try:
        yield cpu
    finally:
        busy.kill()
        busy.communicate()


def test_a_busy_cpu_is_reported(tmp_path: Path) -> None:
    with busy_cpu() as cpu:
        plan = Plan(rig="host", cases=[SMALL], pace=Pace(rounds=400), cpu=cpu)
        [figure] = measure_host(tmp_path, plan).figures
    notes = " ".join(figure.notes)
    assert f"of CPU {cpu} meanwhile" in notes
    assert re.search(r"\d+ context switches while calls were timed, \d+ of them involuntary", notes)


def test_calls_that_are_preempted_say_so(tmp_path: Path) -> None:
    # A sample of a measurement may end within its time slice; this one takes a second.
    with busy_cpu() as cpu, Worker(build_probe(), tmp_path) as worker:
        worker.tell(job_line("pin", cpu=cpu) + FILL)
        worker.tell(time_line(SMALL, Batches(100_000, 16)))
        times = read_times(worker.answer())
    assert times.involuntary > 0


def start(folder: Path) -> tuple[subprocess.Popen[str], int]:
    """A long measurement in a folder, and the process id of its worker."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tailwalk", "host", str(folder), "--rounds", "10000", "--seconds",
         "600"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "TAILWALK_RESULTS": str(folder / "results")})
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        found = subprocess.run(["pgrep", "-P", str(process.pid), "-x", "probe"],
                               capture_output=True, text=True, check=False).stdout.split()
        # A descriptor may be closed, or the worker end, between two looks.
        with contextlib.suppress(OSError):
            if found and any("(deleted)" in str(entry.readlink())
                             for entry in Path(f"/proc/{found[0]}/fd").iterdir()):
                return process, int(found[0])
        time.sleep(0.05)
    process.kill()
    pytest.fail(f"no measurement began: {process.communicate()}")


@pytest.mark.parametrize(("number", "status"), [
    (signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_nothing_is_left_of_a_measurement_that_ends_midway(
        tmp_path: Path, number: int, status: int) -> None:
    build_probe()
    process, worker = start(tmp_path)
    process.send_signal(number)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == status
    assert "Traceback" not in errors
    assert gone(worker)
    # Its directory for records is made beforehand, and nothing is in it.
    assert list(tmp_path.rglob("*")) == [tmp_path / "results"]
