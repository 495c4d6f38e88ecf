# SPDX-License-Identifier: GPL-2.0-or-later
"""Faults under the exerciser: a disk that lies, a guest that dies, an interrupt."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from processes import guests
from tailwalk.errors import GuestError
from tailwalk.framing import Frame, FrameType
from tailwalk.verify import Goal, find_configurations, verify
from tailwalk.verify.session import Session
from tailwalk.vm.disk import Disk

pytestmark = [pytest.mark.guest, pytest.mark.long]

ORDERED = find_configurations(["4k-ordered"])


def cut(kernel, count: int = 6):
    return verify(kernel("debian:6.18"), Goal(operations=0, power_cuts=count), engine="tcg",
                  configurations=ORDERED)


def test_a_disk_that_ignores_flushes_is_found_out(kernel, monkeypatch):
    """Everything written since the session's start may be lost, though it was asked to last."""
    class Never(list):
        def clear(self) -> None:
            pass

    begin = Disk.__init__

    def lying(self: Disk, image: Path) -> None:
        begin(self, image)
        self._unflushed = Never()

    monkeypatch.setattr(Disk, "__init__", lying)
    finding = cut(kernel).finding
    assert finding is not None and finding.after_cut in ("lost", "torn")
    assert "--power-cuts 1" in finding.replay


def test_a_disk_that_returns_other_bytes_is_found_out(kernel, monkeypatch):
    answer = os.pread

    def wrong(file: int, length: int, offset: int) -> bytes:
        data = answer(file, length, offset)
        # Large reads are of the exerciser's files; metadata come by the block.
        return data if length < 65536 else data[:40000] + b"\0" * 8 + data[40008:]

    monkeypatch.setattr("tailwalk.vm.disk.os.pread", wrong)
    finding = cut(kernel, 20).finding
    assert finding is not None and finding.kind == "difference"
    assert any("zeros" in line or "several writes" in line for line in finding.details)
    assert finding.replay.startswith("tailwalk verify debian:6.18 --config 4k-ordered --seed ")


def test_a_damaged_file_system_is_found_and_kept(kernel, monkeypatch, tmp_path):
    monkeypatch.setattr("tailwalk.verify.session.check_filesystem", lambda _: "Block bitmap wrong")
    done = verify(kernel("debian:6.18"), Goal(operations=20, power_cuts=0), engine="tcg",
                  configurations=ORDERED, keep=tmp_path)
    assert done.finding is not None and done.finding.kind == "e2fsck"
    assert done.finding.details == ["Block bitmap wrong"]
    assert Path(done.finding.kept).stat().st_size > 0


def test_a_guest_killed_by_another_is_an_error_and_no_finding(kernel, monkeypatch):
    take = Session._take
    seen = []

    def kill(self: Session, frame: Frame) -> None:
        take(self, frame)
        if frame.type is FrameType.STEP and not seen:
            seen.append(frame)
            os.kill(guests(os.getpid())[0], signal.SIGKILL)

    monkeypatch.setattr(Session, "_take", kill)
    with pytest.raises(GuestError, match="killed by signal 9"):
        verify(kernel("debian:6.18"), Goal(operations=2000, power_cuts=0), engine="tcg",
               configurations=ORDERED, workers=1)


def test_a_full_disk_of_this_machine_is_an_error_and_no_finding(kernel, monkeypatch):
    write, written = os.pwrite, []

    def full(file: int, data: bytes, offset: int) -> int:
        written.append(offset)
        if len(written) > 20:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(file, data, offset)

    monkeypatch.setattr("tailwalk.vm.disk.os.pwrite", full)
    with pytest.raises(GuestError, match=r"failed to write the image .* \(No space left"):
        cut(kernel)


def test_a_guest_with_too_little_memory_says_so(kernel):
    with pytest.raises(GuestError):
        verify(kernel("debian:6.18"), Goal(operations=10, power_cuts=0), engine="tcg",
               configurations=ORDERED, memory=24)


def test_an_interrupt_leaves_nothing(tmp_path, kernel):
    kernel("debian:6.18")
    process = subprocess.Popen(
        [sys.executable, "-c", "from tailwalk.cli import main; main()", "verify", "debian:6.18",
         "--engine", "tcg"],
        env={**os.environ, "TMPDIR": str(tmp_path)}, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 120
        while not list(tmp_path.glob("tailwalk-*/*.img")):
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 130 and "Traceback" not in errors
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("words", "named"), [
    (["--operations", "-3"], "--operations -3"),
    (["--config", "2k"], "'2k' is no configuration"),
    (["--seed", "-1"], "--seed -1"),
    (["--keep", "/dev/null/x"], "--keep /dev/null/x"),
    (["-o", "/no/such/place/x.json"], "/no/such/place"),
    (["--operations", "0", "--power-cuts", "0"], "nothing to do"),
    (["--memory", "1"], "--memory"),
])
def test_a_bad_option_is_named_and_nothing_starts(words, named):
    done = subprocess.run(
        [sys.executable, "-c", "from tailwalk.cli import main; main()", "verify", "debian:6.18",
         "--engine", "tcg", *words], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 2 and named in done.stderr and "Traceback" not in done.stderr
