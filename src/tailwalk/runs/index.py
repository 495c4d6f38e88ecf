# SPDX-License-Identifier: GPL-2.0-or-later
"""The index of a results directory: one file, made from the others and never their master.

It is brought up to date from what the directory holds at that moment, and written as a whole: of
two processes that do so at once, either's is right. One that is lost, damaged or of another version
is made anew; one that cannot be written is done without. Its first line is the digest of the rest.
"""

from __future__ import annotations

import contextlib
import os
import shlex
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import msgspec

from tailwalk.bounds import Count, Moment
from tailwalk.files import read_bounded, replace_file
from tailwalk.runs.metrics import DEFAULT_RIG, RIGS, Rig
from tailwalk.runs.program import Program
from tailwalk.runs.record import Run, short_digest

INDEX_NAME = "index"
_VERSION = 6  # raised with every change of `Entry`
_MOST_BYTES = 1 << 30


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What the index knows of a run: see `Run`.

    Attributes:
        file: name of its file in the results directory.
        bytes: of the file.
        cases: names of its cases, each once, in order.
        figures: how many figures it has, or kinds of call.
        program: of a program, its command line, for people; else nothing.
        repeats: do equal inputs give equal figures?
    """

    file: str
    bytes: Count
    id: str
    created: Moment
    rig: Rig
    unit: str
    spec: str
    release: str
    inputs: str
    filesystem: str
    block_size: Count
    cases: tuple[str, ...]
    figures: Count
    program: str = ""
    repeats: bool = True

    def fits(self, *, kernel: str | None, case: str | None, rig: str | None) -> bool:
        """Does it fit every condition given?

        `kernel` is a spec, a release or the start of one at a boundary (`6.1` is 6.1.y, and not
        6.18); it and `case` may be patterns with `*`.
        """
        return (rig in (None, self.rig)
                and (kernel is None or fnmatchcase(self.spec, kernel)
                     or fnmatchcase(self.release, kernel)
                     or fnmatchcase(self.release, f"{kernel}[!0-9]*"))
                and (case is None or any(fnmatchcase(name, case) for name in self.cases)))


class _Known(msgspec.Struct, frozen=True, array_like=True):
    """A run, and the time in ns at which its file was written."""

    time: int
    entry: Entry


class _Index(msgspec.Struct, frozen=True):
    version: int
    known: dict[str, _Known]


def entries(root: Path, read: Callable[[Path], Run | Program | None]) -> list[Entry]:
    """What is known of every run in a results directory, the oldest first.

    `read` gives the run in a file, or None where there is none that counts; it is asked of what is
    new or changed.
    """
    place = root / INDEX_NAME
    known = _read(place)
    found = {}
    for name, size, time in _files(root):
        old = known.get(name)
        if old is not None and (old.entry.file, old.entry.bytes, old.time) == (name, size, time):
            found[name] = old
        elif (run := read(root / name)) is not None:
            found[name] = _Known(time, _entry(run, name, size))
    if found != known and (place.is_file() or not place.exists()):
        with contextlib.suppress(OSError):
            content = msgspec.json.encode(_Index(_VERSION, found))
            replace_file(place, f"{short_digest(content)}\n".encode() + content)
    return sorted((one.entry for one in found.values()),
                  key=lambda entry: (entry.created, entry.file))


def _read(place: Path) -> dict[str, _Known]:
    try:
        digest, _, content = read_bounded(place, _MOST_BYTES).partition(b"\n")
        index = msgspec.json.decode(content, type=_Index)
    except (OSError, ValueError, RecursionError):
        return {}
    whole = index.version == _VERSION and digest == short_digest(content).encode()
    return index.known if whole else {}


def _entry(run: Run | Program, name: str, size: int) -> Entry:
    system = run.conditions.filesystem
    if isinstance(run, Program):
        kernel, = run.kernels
        return Entry(
            file=name, bytes=size, id=run.id, created=run.created, rig=DEFAULT_RIG,
            unit="instructions", spec=kernel.spec, release=kernel.release, inputs=kernel.inputs,
            filesystem=system.kind, block_size=system.block_size, figures=len(kernel.calls),
            cases=(), program=shlex.join(run.command), repeats=run.exact)
    return Entry(
        file=name, bytes=size, id=run.id, created=run.created, rig=run.rig, unit=run.unit,
        spec=run.kernel.spec, release=run.kernel.release, inputs=run.inputs,
        filesystem=system.kind, block_size=system.block_size, figures=len(run.figures),
        repeats=RIGS[run.rig].metric.repeatable,
        cases=tuple(dict.fromkeys(figure.case.name for figure in run.figures)))


def _files(root: Path) -> Iterator[tuple[str, int, int]]:
    """Name, size and time of whatever may hold a run."""
    with contextlib.suppress(FileNotFoundError), os.scandir(root) as there:
        for one in there:
            if one.name.endswith(".json") and not one.name.startswith("."):
                with contextlib.suppress(FileNotFoundError):
                    state = one.stat()
                    yield one.name, state.st_size, state.st_mtime_ns
