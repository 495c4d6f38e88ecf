# SPDX-License-Identifier: GPL-2.0-or-later
"""The index of a results directory: SQLite, made from the files and never their master.

Nothing but `refreshed` writes it, from what the directory holds at that moment, so it cannot miss a
run that another process has added. A lost, damaged or older index is made anew.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tailwalk.runs.metrics import Rig
from tailwalk.runs.record import Run

INDEX_NAME = "index.sqlite"
_LOCK_NAME = ".lock"

# Raised with every change to the tables; an index of another version is made anew.
_VERSION = 2

_TABLES = f"""
CREATE TABLE files (
    name TEXT PRIMARY KEY, size INTEGER NOT NULL, mtime INTEGER NOT NULL);
CREATE TABLE runs (
    file TEXT PRIMARY KEY REFERENCES files ON DELETE CASCADE, id TEXT NOT NULL,
    created TEXT NOT NULL, rig TEXT NOT NULL, unit TEXT NOT NULL, spec TEXT NOT NULL,
    release TEXT NOT NULL, inputs TEXT NOT NULL, filesystem TEXT NOT NULL,
    block_size INTEGER NOT NULL);
CREATE INDEX runs_by_id ON runs (id);
CREATE TABLE figures (
    file TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, number INTEGER NOT NULL,
    name TEXT NOT NULL, PRIMARY KEY (file, number));
CREATE INDEX figures_by_name ON figures (name);
PRAGMA user_version = {_VERSION};
"""

# A kernel is asked for by its spec, its release, the start of that at a boundary, or a pattern.
_WHERE = """
WHERE (:id IS NULL OR runs.id LIKE :id || '%')
  AND (:rig IS NULL OR rig = :rig)
  AND (:kernel IS NULL OR spec GLOB :kernel OR release GLOB :kernel
       OR release GLOB :kernel || '[^0-9]*')
  AND (:case IS NULL OR EXISTS (
       SELECT 1 FROM figures WHERE figures.file = runs.file AND figures.name GLOB :case))
ORDER BY created, runs.file
"""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What the index knows of a run: see `Run`.

    Attributes:
        file: name of its file in the results directory.
        bytes: of the file.
        cases: names of its cases, each once, in order.
        figures: how many figures it has.
    """

    file: str
    bytes: int
    id: str
    created: str
    rig: Rig
    unit: str
    spec: str
    release: str
    inputs: str
    filesystem: str
    block_size: int
    cases: tuple[str, ...]
    figures: int


class RunIndex:
    """An open index that agrees with its directory."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def select(self, *, kernel: str | None = None, case: str | None = None,
               rig: str | None = None, start_of_id: str | None = None) -> list[Entry]:
        """The runs that fit every condition given, the oldest first.

        `kernel` is a spec, a release or the start of one (`6.18` means every 6.18.y); it and
        `case` may be patterns with `*`.
        """
        given = {"kernel": kernel, "case": case, "rig": rig, "id": start_of_id}
        rows = self._connection.execute(
            f"SELECT runs.*, size FROM runs JOIN files ON runs.file = files.name {_WHERE}", given)
        return [self._entry(row) for row in rows]

    def _entry(self, row: sqlite3.Row) -> Entry:
        names = [name for name, in self._connection.execute(
            "SELECT name FROM figures WHERE file = ? ORDER BY number", [row["file"]])]
        fields = {name: row[name] for name in row.keys() if name != "size"}  # noqa: SIM118
        return Entry(**fields, bytes=row["size"], cases=tuple(dict.fromkeys(names)),
                     figures=len(names))


@contextlib.contextmanager
def refreshed(root: Path, read: Callable[[Path], Run | None]) -> Iterator[RunIndex]:
    """The index of a results directory, brought up to date first.

    `read` gives the run in a file, or None where there is none that counts. Where the directory
    cannot be written, or its disk is full, the index is made in memory.
    """
    with contextlib.ExitStack() as stack:
        places = [":memory:"]
        with contextlib.suppress(OSError):
            lock = stack.enter_context((root / _LOCK_NAME).open("a"))
            fcntl.flock(lock, fcntl.LOCK_EX)
            # A second time after the first was found damaged and removed.
            places = [str(root / INDEX_NAME)] * 2 + places
        yield RunIndex(stack.enter_context(contextlib.closing(_connect(places, root, read))))


def _connect(places: list[str], root: Path,
             read: Callable[[Path], Run | None]) -> sqlite3.Connection:
    """A connection to an index that agrees with the directory, at the first place that does."""
    for place in places:
        connection = None
        try:
            connection = sqlite3.connect(place)
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA foreign_keys = ON")
            version, = connection.execute("PRAGMA user_version").fetchone()
            if version != _VERSION:
                if connection.execute("SELECT 1 FROM sqlite_master").fetchone():
                    raise sqlite3.DatabaseError(f"an index of version {version}")
                connection.executescript(_TABLES)
            _update(connection, root, read)
            return connection
        except BaseException as error:
            if connection is not None:
                connection.close()
            if not isinstance(error, sqlite3.DatabaseError):
                raise
        for name in (INDEX_NAME, f"{INDEX_NAME}-journal"):
            (root / name).unlink(missing_ok=True)
    raise AssertionError("SQLite cannot make tables in memory")


def _update(connection: sqlite3.Connection, root: Path,
            read: Callable[[Path], Run | None]) -> None:
    known = {name: (size, mtime) for name, size, mtime in
             connection.execute("SELECT name, size, mtime FROM files")}
    there = _files(root)
    with connection:
        connection.executemany("DELETE FROM files WHERE name = ?", [
            (name,) for name, state in known.items() if there.get(name) != state])
        for name, (size, mtime) in there.items():
            if known.get(name) == (size, mtime):
                continue
            run = read(root / name)
            if run is not None:
                kernel, system = run.kernel, run.conditions.filesystem
                connection.execute("INSERT INTO files VALUES (?, ?, ?)", [name, size, mtime])
                connection.execute("INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", [
                    name, run.id, run.created, run.rig, run.unit, kernel.spec, kernel.release,
                    run.inputs, system.kind, system.block_size])
                connection.executemany("INSERT INTO figures VALUES (?, ?, ?)", [
                    (name, number, figure.case.name)
                    for number, figure in enumerate(run.figures)])


def _files(root: Path) -> dict[str, tuple[int, int]]:
    """Size and time of every file that may hold a run."""
    found: dict[str, tuple[int, int]] = {}
    with contextlib.suppress(FileNotFoundError), os.scandir(root) as entries:
        for entry in entries:
            if entry.name.endswith(".json") and not entry.name.startswith("."):
                with contextlib.suppress(FileNotFoundError):
                    state = entry.stat()
                    found[entry.name] = (state.st_size, state.st_mtime_ns)
    return found
