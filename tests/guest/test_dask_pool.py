# SPDX-License-Identifier: GPL-2.0-or-later
"""Measuring on a real Dask cluster of this machine, with workers lost on the way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from processes import guests
from tailwalk import __version__
from tailwalk.cases import find_cases
from tailwalk.cli import group
from tailwalk.errors import GuestError, ToolError
from tailwalk.progress import Silent
from tailwalk.rigs.counting import Portion
from tailwalk.rigs.dask_pool import DaskPool, _count, _do
from tailwalk.rigs.exact import measure, measure_each
from tailwalk.rigs.exec import GivenUpError
from tailwalk.rigs.plan import Plan
from tailwalk.runs import Run
from tailwalk.runs.program import read_program_record
from tailwalk.runs.store import Store

distributed = pytest.importorskip("distributed")
pytestmark = pytest.mark.guest

SEED = Plan(cases=find_cases(["seed"]))
MORE = Plan(cases=find_cases(["seed", "seed100k", "reads"]))  # two portions a kernel

SYNCED = Plan(cases=find_cases(["seed", "append_fdatasync_u8k"]), calls=20)  # and one by a plugin


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator:
    """Two worker processes whose cache holds nothing."""
    with distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None,
            local_directory=str(tmp_path / "dask"),
            env={"TAILWALK_CACHE": str(tmp_path / "cache")}) as found:
        yield found


def workers(cluster) -> list[int]:
    return [nanny.pid for nanny in cluster.workers.values() if nanny.pid]


def test_a_cluster_gives_the_figures_of_this_machine(cluster, kernel, bench):
    kernels = [kernel("debian:6.12"), kernel("debian:6.18")]
    here = measure(kernels, SYNCED, bench=bench)
    there = measure(kernels, SYNCED, bench=bench, pool=DaskPool(cluster.scheduler_address))
    for one, other in zip(here, there, strict=True):
        assert other.run.inputs == one.run.inputs
        assert without_ticks(other.run) == without_ticks(one.run)


def without_ticks(run: Run) -> Run:
    """The run less its time, and less which calls took a timer's tick: that is decided by the
    boot that the saved state comes from, and the workers here make one of their own."""
    figures = [msgspec.structs.replace(figure, metrics={
        name: msgspec.structs.replace(amount, calls=[], share=None)
        for name, amount in figure.metrics.items()}) for figure in run.figures]
    return msgspec.structs.replace(run, created="", figures=figures)


def test_a_lost_workers_portion_is_done_again(cluster, kernel, bench, tmp_path):
    kernels = [kernel("debian:6.12"), kernel("debian:7.3")]
    killed: list[int] = []

    def kill() -> None:
        for _ in range(600):
            for pid in workers(cluster):
                if found := guests(pid):
                    os.kill(pid, signal.SIGKILL)
                    killed.extend([pid, *found])
                    return
            time.sleep(0.1)

    thread = threading.Thread(target=kill)
    thread.start()
    there = measure(kernels, MORE, bench=bench, store=Store(tmp_path / "runs"),
                    pool=DaskPool(cluster.scheduler_address))
    thread.join()
    assert len(killed) >= 2
    assert not any(Path(f"/proc/{pid}/exe").exists() for pid in killed)
    here = measure(kernels, MORE, bench=bench)
    assert [without_ticks(item.run) for item in there] == [
        without_ticks(item.run) for item in here]


def test_a_failure_comes_back_and_spares_the_others(cluster, kernel, bench):
    good = kernel("debian:6.12")
    broken = replace(good, image=Path(__file__), digest="none")
    with closing(measure_each([broken, good], SEED, bench=bench,
                              pool=DaskPool(cluster.scheduler_address))) as finished:
        outcomes = dict(finished)
    assert isinstance(outcomes[0], GuestError)
    [here] = measure([good], SEED, bench=bench)
    assert without_ticks(outcomes[1].run) == without_ticks(here.run)


def test_a_scheduler_that_dies_is_named(kernel, bench):
    kernels = [kernel("debian:6.12")]
    scheduler = subprocess.Popen(
        [sys.executable, "-c", "from distributed.cli.dask_scheduler import main; main()",
         "--port", "0", "--no-dashboard", "--host", "127.0.0.1"],
        stderr=subprocess.PIPE, text=True)
    try:
        assert scheduler.stderr is not None
        address = next(line.split()[-1] for line in scheduler.stderr if "Scheduler at" in line)
        noted = []

        class Killing(Silent):
            def note(self, text: str) -> None:
                noted.append(text)
                threading.Timer(0.5, scheduler.kill).start()

        begin = time.monotonic()
        with pytest.raises(ToolError, match="is lost"):
            measure(kernels, SEED, bench=replace(bench, progress=Killing()),
                    pool=DaskPool(address))
        assert len(noted) == 1 and "no worker yet" in noted[0]
        assert time.monotonic() - begin < 300
    finally:
        scheduler.kill()
        scheduler.communicate()


def test_the_command_sends_its_guests_there(cluster, tmp_path, monkeypatch):
    monkeypatch.setenv("TAILWALK_RESULTS", str(tmp_path / "runs"))
    arguments = ["run", "debian:6.12", "--case", "pwrite_u1k", "--fresh", "--format", "json"]
    there = CliRunner().invoke(group, [*arguments, "--dask", cluster.scheduler_address])
    assert there.exception is None, (there.exception, there.output)
    here = CliRunner().invoke(group, arguments)
    one, other = (msgspec.json.decode(done.stdout, type=Run) for done in (there, here))
    assert without_ticks(one) == without_ticks(other)
    assert list((tmp_path / "cache").glob("image/*")), "a worker had the kernel"
    # Equal records, made within one second with ticks at the same calls, are kept once.
    assert {entry.id for entry in Store().select()} == {one.id, other.id}


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "nowhere", "", "ftp://x:1"])
def test_an_address_where_no_scheduler_is(address, kernel, bench):
    with pytest.raises(ToolError, match="no Dask scheduler answers"):
        measure([kernel("debian:6.12")], SEED, bench=bench, pool=DaskPool(address))


def test_a_worker_with_another_qemu_or_tailwalk_refuses(kernel, bench):
    start = bench.start(kernel("debian:6.12"), SEED.filesystem)
    portion = Portion(start=start, begin=b"", cases=[], calls=1)
    other = replace(bench, qemu=replace(bench.qemu, digest="0" * 64, version="8.0"))
    with pytest.raises(ToolError, match=r"another QEMU .* than the client \(8\.0\)"):
        _do(_count, __version__, other, portion, b"")
    with pytest.raises(ToolError, match=r"the client 99\.0"):
        _do(_count, "99.0", bench, portion, b"")


def test_a_program_runs_on_a_cluster_as_here(cluster, tmp_path: Path, monkeypatch):
    """In a root of its own and carried; what it writes comes, and what it comes to is equal."""
    program = tmp_path / "program"
    subprocess.run(["cc", "-static", "-O1", "-w", "-o", program, "-xc", "-"], check=True, input=(
        b'#include <stdio.h>\n#include <unistd.h>\n'
        b'int main(int argc, char **argv) { for (int i = 0; i < 9; i++) getppid();'
        b' puts("READY"); fflush(stdout); return argc > 1 ? pause() : 3; }'))
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "program").hardlink_to(program)
    for words in (["--root", tmp_path / "root", "debian:6.12", "--", "/program"],
                  ["--repeat", "2", "debian:6.12", "--", program]):
        found = []
        for name, where in (("here", []), ("there", ["--dask", cluster.scheduler_address])):
            monkeypatch.setenv("TAILWALK_RESULTS", str(tmp_path / name))
            record = tmp_path / f"{name}.json"
            done = CliRunner().invoke(group, ["exec", "--json", str(record), *where,
                                              *map(str, words)])
            assert (done.exit_code, done.stdout) == (3, "READY\n"), (done.output, done.exception)
            found.append(read_program_record(record))
        assert found[0].kernels == found[1].kernels
    late = CliRunner().invoke(group, ["exec", "--dask", cluster.scheduler_address, "--timeout",
                                      "10", "debian:6.12", "--", str(program), "for ever"])
    assert isinstance(late.exception, GivenUpError) and late.exception.executed.counted.calls
    assert late.stdout == "READY\n"
    process = subprocess.Popen(
        [sys.executable, "-m", "tailwalk", "exec", "--dask", cluster.scheduler_address,
         "debian:6.12", "--", str(program), "for ever"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    begun = ("[one.under_way for _, one in "
             "__import__('tailwalk.rigs.dask_pool').rigs.dask_pool._BEGUN]")
    with distributed.Client(cluster) as client:
        for _ in range(600):
            if any(map(any, client.run(eval, begun).values())):
                break
            time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, output) == (130, "READY\n"), errors
    assert "of the program in user mode" in errors and "Traceback" not in errors
    assert not any(guests(pid) for pid in workers(cluster))
