# SPDX-License-Identifier: GPL-2.0-or-later
"""Jobs that are stopped: their guests end and no others, and none begins any more."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path

import pytest

from tailwalk.cache import Cache
from tailwalk.errors import GuestError, UsageError
from tailwalk.rigs.cores import as_finished, run_jobs
from tailwalk.vm.guest import Guest
from tailwalk.vm.qemu import Machine, Qemu

PATIENCE = 120.0


@pytest.fixture
def guest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Guest]:
    """A guest that does nothing until it is killed."""
    for name, value in (("LAST", "quit"), ("FRAMES", ""), ("CONSOLE", "")):
        monkeypatch.setenv(name, value)
    qemu = Qemu(str(Path(__file__).parent / "stand_in.py"), "7.2.22", "")
    return lambda: Guest(Machine(), qemu=qemu, kernel=tmp_path, initramfs=tmp_path, name="idle")


def stop(*jobs: Callable[[], object]) -> None:
    """Begin the jobs, and stop them as soon as one of them is done."""
    with closing(as_finished(jobs, workers=len(jobs))) as finished:
        next(finished)


def test_jobs_that_are_stopped_leave_the_guests_of_others_alone(guest) -> None:
    begun, end = threading.Event(), threading.Event()

    def wait() -> int | None:
        with guest() as other:
            begun.set()
            end.wait(PATIENCE)
            return other._process.poll()

    with ThreadPoolExecutor(1) as beside:
        found = beside.submit(lambda: list(as_finished([wait])))
        begun.wait(PATIENCE)
        stop(lambda: None, lambda: None)
        end.set()
        assert found.result() == [(0, None)]


def test_stopping_reaches_the_jobs_of_jobs(guest) -> None:
    begun, errors = threading.Event(), []

    def inner() -> None:
        with guest() as mine:
            begun.set()
            mine.frame(time.monotonic() + PATIENCE)

    def outer() -> None:
        [(_, error)] = as_finished([inner])
        errors.append(error)

    stop(lambda: begun.wait(PATIENCE), outer)
    [error] = errors
    assert "stopped with others" in str(error)


def test_a_second_interrupt_lets_no_guest_begin(guest) -> None:
    """It comes while those that were stopped are waited for."""
    begun, end, ended = (threading.Event() for _ in range(3))
    errors: list[GuestError | None] = []

    def killed() -> None:
        with guest() as mine, suppress(GuestError):
            begun.set()
            mine.frame(time.monotonic() + PATIENCE)
        time.sleep(0.3)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    def late() -> None:
        end.wait(PATIENCE)
        try:
            with guest():
                errors.append(None)
        except GuestError as error:
            errors.append(error)
        ended.set()

    with pytest.raises(KeyboardInterrupt):
        stop(lambda: begun.wait(PATIENCE), killed, late)
    end.set()
    assert ended.wait(PATIENCE)
    [error] = errors
    assert error is not None and "stopped" in str(error)


def test_a_reader_that_leaves_in_mid_measurement_ends_the_guests(guest) -> None:
    begun, ended = threading.Event(), threading.Event()

    def measures() -> None:
        with guest() as mine:
            begun.set()
            try:
                mine.frame(time.monotonic() + PATIENCE)
            except GuestError:
                ended.set()
                raise

    def tells() -> None:
        begun.wait(PATIENCE)
        raise BrokenPipeError  # as progress does that nobody reads any more

    with pytest.raises(BrokenPipeError):
        run_jobs([measures, tells], workers=2)
    assert ended.is_set()


def test_a_job_that_waits_for_another_process_ends_with_the_rest(tmp_path):
    cache = Cache(tmp_path)
    waiting = threading.Event()

    def waits() -> None:
        waiting.set()
        cache.entry("state", "a", Path.mkdir)

    def fails() -> None:
        waiting.wait(60)
        raise UsageError("wrong")

    # A lock of another process is no other than one of this process's (flock(2)).
    with cache.lock("state", "a"), pytest.raises(UsageError, match="wrong"):
        run_jobs([waits, fails], workers=2)
    assert not cache.has("state", "a")
