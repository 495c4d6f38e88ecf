# SPDX-License-Identifier: GPL-2.0-or-later
"""What becomes of the cache and of records when the disk fails, fills up or changes a byte, and
when a command is killed: the next one gives the right table. `make faults` tries more of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from storage import FIGURES, MADE, Storage, fault, finish, kill

from mounts import mounted
from stand_ins import Notes
from tailwalk.cases import find_cases
from tailwalk.errors import CacheError
from tailwalk.kernels.resolve import resolve
from tailwalk.rigs import counting
from tailwalk.rigs.bench import Bench
from tailwalk.rigs.exact import measure
from tailwalk.rigs.plan import Plan
from tailwalk.runs.store import Store

PLAN = Plan(cases=find_cases(["pwrite_u1k"]), calls=20)


@pytest.mark.slow
def test_any_call_that_keeps_something_may_fail() -> None:
    done = subprocess.run([sys.executable, Path(__file__).with_name("every_call.py"), "--every",
                           "31"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "of which 0 broke what is promised" in done.stdout


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Storage:
    return Storage(tmp_path_factory.mktemp("storage"))


def exchange(path: Path) -> None:
    """Change nine bytes where they lie, and put back every time that can be put back."""
    before = path.stat()
    with path.open("r+b") as stream:
        stream.seek(before.st_size // 2)
        old = stream.read(9)
        stream.seek(before.st_size // 2)
        stream.write(bytes(byte ^ 0x55 for byte in old))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def largest(folder: Path) -> Path:
    return max((path for path in folder.rglob("*") if path.is_file()),
               key=lambda path: path.stat().st_size)


def entries(storage: Storage, kind: str) -> list[Path]:
    return sorted((storage.cache / kind).glob("[!.]*"))


@pytest.mark.guest
@pytest.mark.slow
class TestComparison:
    """A comparison of two kernels."""

    @pytest.mark.parametrize("name", ["ENOSPC", "short write", *(
        pytest.param(name, marks=pytest.mark.long) for name in ("EIO", "EACCES", "EINTR"))])
    def test_calls_fail(self, storage: Storage, name: str) -> None:
        storage.reset()
        calls = storage.calls()
        rename = next(number for number, call in enumerate(calls, start=1)
                      if call.startswith("rename") and "/state/" in call)
        write = next(number for number, call in enumerate(calls, start=1)
                     if call.startswith("write") and call.endswith("/state"))
        for number in (write, rename, len(calls) - 4):
            storage.reset()
            fault(storage, number, name, on=name != "EINTR")
        storage.recover()

    @pytest.mark.parametrize("number", [signal.SIGTERM, *(
        pytest.param(number, marks=pytest.mark.long) for number in (
            signal.SIGKILL, signal.SIGINT))])
    def test_it_is_killed(self, storage: Storage, number: signal.Signals) -> None:
        for seconds in (0.3, 1.0, 2.0, 3.0):
            storage.reset()
            kill(storage, seconds, number)
        storage.recover()

    @pytest.mark.parametrize("kind", [*MADE, "probe", "kernels"])
    def test_nine_bytes_are_exchanged(self, storage: Storage, kind: str) -> None:
        storage.reset(anew=())
        for place in entries(storage, kind):
            exchange(largest(place))
        process = storage.compare()
        output, errors = process.communicate()
        for place in entries(storage, kind):
            assert f"{place} in the cache is damaged" in errors
        assert process.returncode == 0 or kind == "kernels", errors  # which may be fetched again
        assert [f"{figure:,}" in output for figure in FIGURES.values()] == [True, True] or (
            kind == "kernels"), output
        storage.recover()

    def test_two_at_once_find_damage(self, storage: Storage) -> None:
        storage.reset(anew=())
        for place in entries(storage, "state"):
            exchange(place / "state")
        both = [storage.compare() for _ in range(2)]
        assert [finish(process) for process in both] == ["right", "right"]
        storage.check()

    def test_a_cache_that_only_can_be_read(self, storage: Storage) -> None:
        storage.reset(anew=())
        subprocess.run(["mount", "--bind", "-o", "ro", storage.cache, storage.cache], check=True)
        try:
            assert finish(storage.compare()) == "right"
        finally:
            subprocess.run(["umount", storage.cache], check=True)

    @pytest.mark.parametrize("which", ["cache", "results", "temporary"])
    def test_a_full_disk(self, storage: Storage, tmp_path: Path, which: str,
                         monkeypatch: pytest.MonkeyPatch) -> None:
        storage.reset()
        with mounted(tmp_path / "small", "size=600m" if which == "cache" else "size=64k") as small:
            if which == "cache":
                subprocess.run(["cp", "-a", storage.cache, small], check=True)
                monkeypatch.setattr(storage, "cache", small / "cache")
                room = os.statvfs(small)
                (small / "ballast").write_bytes(bytes(room.f_bavail * room.f_frsize - (4 << 20)))
            else:
                monkeypatch.setattr(storage, which, small)
                (small / "ballast").write_bytes(bytes(64 << 10))
            said = finish(storage.compare())
            if which == "temporary":
                assert said == "right"  # nothing is needed there
            else:
                assert str(small) in said and "error" in said
            (small / "ballast").unlink()
            storage.recover()


@pytest.mark.guest
def test_what_was_made_from_a_state_that_changed_is_not_kept(
        own_bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = resolve("debian:6.12")
    booted = own_bench.boot(kernel, PLAN.filesystem)
    whole = counting.collect_figures

    def damaged(*given: object) -> object:
        found = whole(*given)  # type: ignore[arg-type]
        exchange(booted.place / "state")
        return found

    store = Store(tmp_path / "runs")
    monkeypatch.setattr(counting, "collect_figures", damaged)
    with pytest.raises(CacheError, match="changed while it was in use"):
        measure([kernel], PLAN, bench=own_bench, store=store)
    monkeypatch.undo()
    assert not list(store.root.glob("*.json"))
    own_bench.cache.progress = notes = Notes()
    measured, = measure([kernel], PLAN, bench=own_bench, store=store)
    assert measured.run.figures[0].main.value == FIGURES["debian:6.12"]
    assert len(notes.said) == 1


@pytest.mark.guest
def test_a_record_from_before_damage_was_found_is_not_used_again(
        own_bench: Bench, tmp_path: Path) -> None:
    kernel = resolve("debian:6.12")
    store = Store(tmp_path / "runs")
    first, = measure([kernel], PLAN, bench=own_bench, store=store)
    again, = measure([kernel], PLAN, bench=own_bench, store=store)
    assert (first.reused, again.reused) == (False, True)
    start = own_bench.start(kernel, PLAN.filesystem)
    own_bench.cache.doubt("state", start.key)  # as `tailwalk cache verify` does
    after, = measure([kernel], PLAN, bench=own_bench, store=store)
    assert not after.reused
