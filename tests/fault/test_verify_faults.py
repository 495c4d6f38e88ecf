# SPDX-License-Identifier: GPL-2.0-or-later
"""Faults under the exerciser: a disk that lies, a guest that dies, an interrupt."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from processes import first_guest_killed, gone, guests
from stand_ins import put_program
from tailwalk.errors import GuestError
from tailwalk.verify import Goal, find_configurations, verify
from tailwalk.verify.frames import Reached, read_step
from tailwalk.verify.session import PLAIN, Manner
from tailwalk.vm.disk import Disk

pytestmark = [pytest.mark.guest, pytest.mark.long]

ORDERED = find_configurations(["4k-ordered"])


def cut(kernel, count: int = 6, disk: Callable[[Path], Disk] = Disk, manner: Manner = PLAIN):
    # Where a write to a block that is unwritten fails, 6.18 loses what is written there next.
    chosen = find_configurations(["4k-dioread_lock"]) if manner.failing_writes else ORDERED
    return verify(kernel("debian:6.18"), Goal(operations=0, power_cuts=count), engine="tcg",
                  configurations=chosen, disk=disk, manner=manner)


def test_a_disk_that_ignores_flushes_is_found_out(kernel):
    """Everything written since the session's start may be lost, though it was asked to last."""
    class Never(list):
        def clear(self) -> None:
            pass

    class Lying(Disk):
        def __init__(self, image: Path) -> None:
            super().__init__(image)
            self._unflushed = Never()

    finding = cut(kernel, disk=Lying).finding
    assert finding is not None and finding.after_cut in ("lost", "torn")
    assert "--power-cuts 1" in finding.replay


def test_a_disk_that_returns_other_bytes_is_found_out(kernel):
    def wrong(file: int, length: int, offset: int) -> bytes:
        data = os.pread(file, length, offset)
        # Large reads are of the exerciser's files; metadata come by the block.
        return data if length < 65536 else data[:40000] + b"\0" * 8 + data[40008:]

    finding = cut(kernel, 20, partial(Disk, read=wrong)).finding
    assert finding is not None and finding.kind == "difference"
    assert any("zeros" in line or "several writes" in line for line in finding.details)
    assert finding.replay.startswith("tailwalk verify debian:6.18 --config 4k-ordered --first ")


FAILING = Manner(failing_writes=10)


def test_a_disk_that_fails_writes_is_told_of_and_nothing_else_is_lost(kernel):
    done = cut(kernel, disk=Disk, manner=FAILING)
    assert done.finding is None, done.finding
    assert done.failed_writes and done.told


def test_a_disk_that_fails_writes_without_a_word_is_found_out(kernel):
    class Silent(Disk):
        def _write(self, file: int, offset: int, data: bytes) -> None:
            with contextlib.suppress(OSError):
                super()._write(file, offset, data)

    finding = cut(kernel, 20, disk=Silent, manner=FAILING).finding
    assert finding is not None and "--fail-writes 10" in finding.replay


def test_nothing_but_what_was_told_excuses_lost_bytes(kernel, monkeypatch):
    def deaf(frame, before, *, most):
        steps = read_step(frame, before, most=most)
        return {writer: Reached(one.completed, one.limit) for writer, one in steps.items()}

    monkeypatch.setattr("tailwalk.verify.session.read_step", deaf)
    finding = cut(kernel, 20, manner=FAILING).finding
    assert finding is not None and finding.after_cut is not None


def test_a_damaged_file_system_is_found_and_kept(kernel, monkeypatch, tmp_path):
    put_program(tmp_path / "e2fsck", "echo Block bitmap wrong\nexit 4")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    done = verify(kernel("debian:6.18"), Goal(operations=20, power_cuts=0), engine="tcg",
                  configurations=ORDERED, keep=tmp_path)
    assert done.finding is not None and done.finding.kind == "e2fsck"
    assert done.finding.details == ["Block bitmap wrong"]
    assert Path(done.finding.kept).stat().st_size > 0


def test_a_guest_killed_by_another_is_an_error_and_no_finding(kernel):
    verify(kernel("debian:6.18"), Goal(operations=1, power_cuts=0), engine="tcg",
           configurations=ORDERED)  # from here on there is a saved state
    with first_guest_killed(), pytest.raises(GuestError, match="killed by signal 9"):
        verify(kernel("debian:6.18"), Goal(operations=2000, power_cuts=0), engine="tcg",
               configurations=ORDERED, workers=1)


def test_a_full_disk_of_this_machine_is_an_error_and_no_finding(kernel):
    written = []

    def full(file: int, data: bytes, offset: int) -> int:
        written.append(offset)
        if len(written) > 20:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return os.pwrite(file, data, offset)

    with pytest.raises(GuestError, match=r"failed to write the image .* \(No space left"):
        cut(kernel, disk=partial(Disk, write=full))


def test_a_guest_with_too_little_memory_says_so(kernel):
    with pytest.raises(GuestError):
        verify(kernel("debian:6.18"), Goal(operations=10, power_cuts=0), engine="tcg",
               configurations=ORDERED, memory=24)


@pytest.mark.parametrize(("number", "status"), [
    (signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_a_killed_verification_leaves_no_guest(tmp_path, kernel, number, status):
    kernel("debian:6.18")
    process = subprocess.Popen(
        [sys.executable, "-c", "from tailwalk.cli import main; main()", "verify", "debian:6.18",
         "--engine", "tcg"],
        env={**os.environ, "TMPDIR": str(tmp_path)}, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 120
        while not list(tmp_path.glob("tailwalk-*/*.img")) or not guests(process.pid):
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        time.sleep(1)
        running = guests(process.pid)
        process.send_signal(number)
        _, errors = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == status and "Traceback" not in errors
    assert all(map(gone, running))
    # Who is killed removes nothing: tailwalk cache prune does.
    assert number == signal.SIGKILL or not list(tmp_path.iterdir())


@pytest.mark.parametrize(("words", "named"), [
    (["--operations", "-3"], "--operations -3"),
    (["--config", "2k"], "'2k' is no configuration"),
    (["--first", "-1"], "--first -1"),
    (["--keep", "/dev/null/x"], "--keep /dev/null/x"),
    (["--keep", "/proc"], "--keep /proc: nothing can be kept there"),
    (["-o", "/no/such/place/x.json"], "/no/such/place"),
    (["--operations", "0", "--power-cuts", "0"], "nothing to do"),
    (["--memory", "1"], "--memory"),
])
def test_a_bad_option_is_named_and_nothing_starts(words, named):
    done = subprocess.run(
        [sys.executable, "-c", "from tailwalk.cli import main; main()", "verify", "debian:6.18",
         "--engine", "tcg", *words], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 2 and named in done.stderr and "Traceback" not in done.stderr
