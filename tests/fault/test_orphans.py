# SPDX-License-Identifier: GPL-2.0-or-later
"""Processes of a tool that is killed, at any moment of theirs; and one that waits for another."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from processes import gone
from tailwalk.cache import Cache
from tailwalk.compiling import compiled
from tailwalk.processes import bound, run


def of_name(mark: str) -> Iterator[int]:
    """The processes that have the mark among their arguments, this one apart."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if mark.encode() in path.read_bytes() and int(path.parent.name) != os.getpid():
                yield int(path.parent.name)
        except OSError:
            pass


def test_a_tool_that_is_killed_at_any_moment_leaves_no_process() -> None:
    """Between the new process and its word to the kernel are some milliseconds."""
    chance, mark = random.Random(1), f"1000.{uuid4().int}"
    for _ in range(150):
        tool = os.fork()
        if not tool:
            try:
                subprocess.Popen(bound(["sleep", mark]))
                time.sleep(1000)
            finally:
                os._exit(1)
        time.sleep(chance.uniform(0, 0.012))
        os.kill(tool, signal.SIGKILL)
        os.waitpid(tool, 0)
    deadline = time.monotonic() + 60
    while left := list(of_name(mark)):
        assert time.monotonic() < deadline, left
        time.sleep(0.1)


def test_what_is_interrupted_ends_with_all_that_it_started(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    script = ("import sys\nfrom tailwalk.processes import run\n"
              f"run(['sh', '-c', 'sleep 1000 & echo $! > {pid}; wait'])\n")
    tool = subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not pid.exists() or not pid.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    time.sleep(0.5)  # the tool has to know of the process as well
    tool.send_signal(signal.SIGINT)
    tool.wait(60)
    assert gone(int(pid.read_text()))


def test_a_program_that_is_not_there_is_an_error_of_its_own() -> None:
    status, said = run(["/no/such/program"])
    assert status == 127 and "not found" in said


def test_a_tool_that_waits_for_another_says_so_and_can_be_interrupted(tmp_path: Path) -> None:
    script = ("import sys\nfrom pathlib import Path\nfrom tailwalk.cache import Cache\n"
              "from tailwalk.cli.console import open_progress\n"
              "from tailwalk.rigs.cores import run_jobs\n"
              "with open_progress() as progress:\n"
              "    cache = Cache(Path(sys.argv[1]), progress=progress)\n"
              "    run_jobs([lambda: cache.entry('state', 'a', Path.mkdir,\n"
              "                                  doing='boots debian:6.18')])\n")
    with Cache(tmp_path).lock("state", "a"):
        tool = subprocess.Popen([sys.executable, "-c", script, tmp_path], stderr=subprocess.PIPE,
                                text=True)
        assert tool.stderr is not None
        assert "wait for another process, which boots debian:6.18" in tool.stderr.readline()
        begin = time.monotonic()
        tool.send_signal(signal.SIGINT)
        tool.communicate(timeout=60)
        assert time.monotonic() - begin < 30  # and not until the other one is done
    assert tool.returncode != 0


def test_a_compiler_that_hangs_can_be_interrupted(tmp_path: Path, monkeypatch) -> None:
    compiler = tmp_path / "cc"
    compiler.write_text("#!/bin/sh\n[ \"$1\" = --version ] || sleep 1000\n")
    compiler.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(KeyboardInterrupt):
        signal.signal(signal.SIGALRM, signal.default_int_handler)
        signal.setitimer(signal.ITIMER_REAL, 1)
        compiled(Cache(tmp_path / "cache"), "thing", {"a.c": b""}, ())
    assert not [path for path in (tmp_path / "cache" / "thing").iterdir() if path.is_dir()]
