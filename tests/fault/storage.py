# SPDX-License-Identifier: GPL-2.0-or-later
"""A comparison whose disk fails, or which is killed; and the command after it.

Each trial is a comparison of two kernels with a cache and results of its own, of which much is
made anew. Whatever happens to it, it ends with the right table or with status 2 and an error of
one paragraph; every entry of the cache is whole; and nothing is left that `tailwalk cache prune`
does not remove. A trial begins where the one before it ended, and every fourth is followed by an
undisturbed comparison, which ends with the right table. Run as a program it makes all the trials
that docs/explanation/reliability.md speaks of: `make faults`, which has `tests` on the path.
"""

from __future__ import annotations

import argparse
import errno
import itertools
import os
import random
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from unittest.mock import patch

from processes import gone, guests
from tailwalk import refusals
from tailwalk.cache import Cache
from tailwalk.cache.inventory import examine, held, remove
from tailwalk.kernels import unpacked
from tailwalk.kernels.resolve import resolve

FIGURES = {"debian:6.12": 2224, "debian:6.18": 11117}
"""Instructions of `pwrite_u1k`, as README.md has them."""

ERRORS = {"ENOSPC": errno.ENOSPC, "EIO": errno.EIO, "EACCES": errno.EACCES, "EINTR": errno.EINTR,
          "short write": 0}
"""What a call fails with; a write also by doing half of it. Of EINTR once: a call that is
interrupted is made again, and would be so forever."""

class Faults:
    """Calls to the file system that fail, in processes that begin with `environment`."""

    def __init__(self, home: Path, under: Sequence[Path]) -> None:
        """Build the library that lets calls below some directories fail."""
        library, self._control, self.log = home / "failing.so", home / "control", home / "log"
        if not library.exists():
            subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", library,
                            Path(__file__).with_name("failing.c"), "-ldl"], check=True)
        self.choose(0)
        self.environment = {
            "LD_PRELOAD": str(library), "FAULT_CONTROL": str(self._control),
            "FAULT_LOG": str(self.log), "FAULT_UNDER": ":".join(map(str, under))}

    def choose(self, at: int, name: str = "EIO", *, on: bool = False) -> None:
        """Let the call of that number fail, counted from now on, and with `on` all later ones; 0
        for none."""
        self.log.unlink(missing_ok=True)
        with self._control.open("r+b" if self._control.exists() else "wb") as stream:
            stream.write(struct.pack("=4q", at, ERRORS[name], on, 0))

    def said(self) -> list[str]:
        """What failed, or where nothing was to fail all calls, in their order."""
        return self.log.read_text().splitlines() if self.log.exists() else []


MADE = ("state", "modules", "filesystem")
"""The kinds of entries that trials make anew."""


class Storage:
    """A cache, results and temporary files for trials, in a directory of their own."""

    def __init__(self, home: Path) -> None:
        """Copy the kernels from the user's cache, where they are fetched if need be."""
        self.home = home
        self.cache, self.results, self.temporary = home / "cache", home / "runs", home / "tmp"
        self.faults = Faults(home, (self.cache, self.results, self.temporary))
        user = Cache()
        for spec in FIGURES:
            self._copy(user, resolve(spec, cache=user).image.parent)
        link = user.root / "archive" / "current-Packages"
        self._copy(user, link.resolve())
        self._copy(user, link)
        os.utime(self.cache / "archive" / link.name, follow_symlinks=False)  # fetched just now
        self.reset()
        assert finish(self.compare()) == "right"

    def _copy(self, user: Cache, path: Path) -> None:
        target = self.cache / path.relative_to(user.root)
        target.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "-a", "--reflink=auto", path, target], check=True)

    def reset(self, *, anew: tuple[str, ...] = MADE) -> None:
        """Remove what the comparison is to make anew: kinds of entries, of booted guests one of
        the two, and all records."""
        for kind in anew:
            for path in sorted((self.cache / kind).glob("[!.]*"))[:1 if kind == "state" else None]:
                shutil.rmtree(path)
        for folder in (self.results, self.temporary):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()

    def compare(self, *, faults: bool = False) -> subprocess.Popen[str]:
        """Begin the comparison, perhaps with the fault that was chosen."""
        environment = {**os.environ, "TAILWALK_CACHE": str(self.cache),
                       "TAILWALK_RESULTS": str(self.results), "TMPDIR": str(self.temporary),
                       **(self.faults.environment if faults else {})}
        return subprocess.Popen(
            [sys.executable, "-m", "tailwalk", "compare", *FIGURES, "-c", "pwrite_u1k", "--calls",
             "20"], env=environment, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)

    def calls(self) -> list[str]:
        """The calls to the file system that an undisturbed comparison makes, in their order."""
        self.faults.choose(0)
        said = finish(self.compare(faults=True))
        assert said == "right", said
        return self.faults.said()

    def check(self) -> None:
        """As `check_whole`."""
        # Nothing here writes to kernels, of which there are many bytes.
        check_whole(self.cache, self.temporary, passing=("kernels",))

    def recover(self) -> None:
        """Raise AssertionError unless the next command gives the right table."""
        said = finish(self.compare())
        assert said == "right", f"the command after it: {said}"
        self.check()


def check_whole(root: Path, temporary: Path, *, passing: tuple[str, ...] = ()) -> None:
    """Raise AssertionError unless all entries of a cache are whole, but for kinds to pass over, and
    nothing is left over once it was pruned."""
    with patch.object(tempfile, "tempdir", str(temporary)), \
            patch.object(refusals, "_LOCKED_WITHIN", 0.0):
        cache = Cache(root)
        for entry in held(cache):
            if entry.kind not in passing:
                state, wrong = examine(cache, entry, {unpacked.KIND: unpacked.listing})
                assert state != "damaged", f"{entry.path}: {wrong}"
            if entry.kind in ("damaged", "leftover"):
                remove(cache, entry)
    # A record that could not be kept is left there for the user, who is told.
    left = [*root.glob("*/.partial-*"), *root.glob("damaged/[!.]*"),
            *(place for place in temporary.iterdir() if place.suffix != ".json")]
    assert not left, f"left over: {left}"


def finish(process: subprocess.Popen[str]) -> str:
    """How a comparison ended: `right`, `error: MESSAGE` or `ended by SIGNAL`; raises AssertionError
    for a wrong figure, a trace, or another end."""
    output, errors = process.communicate(timeout=300)
    assert "Traceback" not in errors, errors
    if process.returncode == 0 or output:  # what cannot be kept is shown all the same
        found = re.search(r"^pwrite_u1k +([\d,]+) +([\d,]+)", output, re.MULTILINE)
        assert found is not None, output
        assert [int(one.replace(",", "")) for one in found.groups()] == [*FIGURES.values()], output
    if process.returncode == 0:
        return "right"
    if process.returncode < 0 or process.returncode > 128:
        return f"ended by {signal.Signals(abs(process.returncode) % 128).name}"
    assert process.returncode == 2, f"status {process.returncode}: {errors}"
    return f"error: {' '.join(errors.split())}"


def fault(storage: Storage, number: int, name: str, *, on: bool) -> str:
    """Let call `number` of a comparison fail, and with `on` all later ones: what failed, and how
    the comparison ended. Raises AssertionError as `Storage.check`."""
    storage.faults.choose(number, name, on=on)
    said = finish(storage.compare(faults=True))
    failed = next(iter(storage.faults.said()), "nothing")
    assert said.startswith(("right", "error")), said
    try:
        storage.check()
    except AssertionError as error:
        raise AssertionError(f"after {failed} ({said}): {error}") from error
    return f"{failed}: {said}"


def kill(storage: Storage, seconds: float, number: signal.Signals) -> str:
    """Send a comparison a signal after so long: how it ended. Raises AssertionError as
    `Storage.check`, and where a guest outlives it."""
    process = storage.compare()
    time.sleep(seconds)
    running = guests(process.pid)
    process.send_signal(number)
    said = finish(process)
    assert all(map(gone, running)), f"guests outlive it: {running}"
    assert said == "right" or number.name in said, said
    storage.check()
    return said


def chosen(calls: Sequence[str]) -> list[int]:
    """Numbers of calls to let fail: of those that do the same to files of one kind, such as the
    thousand writes of a guest's state, the first and the last."""
    alike: dict[str, list[int]] = {}
    for number, call in enumerate(calls, start=1):
        kind = re.sub(r"[0-9a-f]{12,}|(?<=-)[a-z0-9_]{8}\b", "*", call)
        alike.setdefault(re.sub(r"(modules/\S*\*/|runs/)\S*", r"\1*", kind), []).append(number)
    return sorted({numbers[at] for numbers in alike.values() for at in (0, -1)})


def all_faults(storage: Storage) -> Iterator[str]:
    """Let every chosen call fail in turn, with one error after the other, and every second time
    all later calls too."""
    for anew in ((), MADE):
        storage.reset(anew=anew)
        calls = storage.calls()
        numbers = chosen(calls)
        yield f"{len(calls)} calls, of which {len(numbers)} fail in turn"
        for turn, (number, name) in enumerate(zip(numbers, itertools.cycle(ERRORS))):
            storage.reset(anew=anew)
            on = turn // len(ERRORS) % 2 == 1 and name != "EINTR"
            yield tried(f"{name}{' from then on' * on}",
                        partial(fault, storage, number, name, on=on))
            if turn % 4 == 3:
                yield tried("undisturbed", storage.recover)


def all_kills(storage: Storage, count: int, *, seed: int) -> Iterator[str]:
    """Kill so many comparisons, each at a random moment of the time that one takes."""
    moments = random.Random(seed)
    signals = itertools.cycle((signal.SIGKILL, signal.SIGTERM, signal.SIGINT))
    storage.reset()
    begin = time.monotonic()
    yield tried("undisturbed", storage.recover)
    seconds = time.monotonic() - begin
    killed = 0
    while killed < count:
        storage.reset()
        number, moment = next(signals), moments.uniform(0, seconds)
        said = tried(f"{number.name} after {moment:.2f} s", partial(kill, storage, moment, number))
        if said.endswith(": right"):
            seconds *= 0.95  # the machine is less busy by now
            continue
        yield said
        killed += 1
        if killed % 4 == 0:
            begin = time.monotonic()
            yield tried("undisturbed", storage.recover)
            seconds = (seconds + time.monotonic() - begin) / 2


def tried(name: str, trial: Callable[[], str | None]) -> str:
    """How a trial went, `WRONG` first where it broke what is promised."""
    try:
        return f"{name}: {trial() or 'right'}"
    except AssertionError as error:
        return f"WRONG {name}: {error}"


def main() -> None:
    """Make all trials and print how they ended."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--faults", action=argparse.BooleanOptionalAction, default=True)
    given = parser.parse_args()
    # In the background of a script it begins ignored, and so would the comparisons.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    wrong = 0
    with tempfile.TemporaryDirectory() as home:
        storage = Storage(Path(home))
        for trial in itertools.chain(all_faults(storage) if given.faults else (),
                                     all_kills(storage, given.kills, seed=given.seed)):
            print(trial, flush=True)
            wrong += trial.startswith("WRONG")
    print(f"{wrong} trials broke what is promised")
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
