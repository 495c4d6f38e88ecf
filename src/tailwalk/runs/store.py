# SPDX-License-Identifier: GPL-2.0-or-later
"""Where runs are kept, those of programs too: one file each in a results directory, and an index
made from them.

The files are the runs; each is written under a temporary name and renamed, under a name that its
content decides, so that any number of writers lose nothing.
"""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tailwalk.errors import DamagedError, RecordError, UsageError
from tailwalk.files import replace_file, user_place
from tailwalk.progress import SILENT, Progress
from tailwalk.refusals import unusable
from tailwalk.runs.index import Entry, entries
from tailwalk.runs.metrics import Metric
from tailwalk.runs.program import PROGRAM_SCHEMA, Program, decode_program
from tailwalk.runs.record import (
    RUN_SCHEMA,
    Run,
    decode_run,
    encode,
    read_bytes,
    schema_of,
    short_digest,
)
from tailwalk.words import listed

_NAMED_BY_CONTENT = re.compile(r".*-([0-9a-f]{12})\.json")
Kept = Run | Program
"""What is kept: the latter with one kernel."""

_SET_ASIDE = "damaged"
_TRIAL = 64 * 1024  # bytes; the records of most plans have less
_WRITTEN_WITHIN = 3600  # seconds; an unfinished file that is older belongs to a killed writer


def default_results() -> Path:
    """`$TAILWALK_RESULTS`, else `$XDG_DATA_HOME/tailwalk/runs`, else
    `~/.local/share/tailwalk/runs`.

    Raises RecordError where none of them is set and this user has no home.
    """
    return user_place(
        "TAILWALK_RESULTS", "XDG_DATA_HOME", ".local/share", "tailwalk/runs", homeless=RecordError(
            "this user has no home directory to keep records in: point TAILWALK_RESULTS at a "
            "directory that can be written."))


class Store:
    """A results directory: `RELEASE-RIG-INPUTS-ID.json` for each run, and for a program's
    `RELEASE-program-INPUTS-ID.json`.

    A damaged file is moved to the directory `damaged` in it, and `progress` is told; one that
    cannot be read, or was written by a newer version, is named and left where it is.
    """

    def __init__(self, root: Path | None = None, *, progress: Progress = SILENT) -> None:
        """Raises RecordError where nobody can tell what is in the directory."""
        self.root = root or default_results()
        self._progress = progress
        self._unkept: list[Kept] = []
        with self._using(), contextlib.suppress(FileNotFoundError):
            os.close(os.open(self.root, os.O_RDONLY | os.O_DIRECTORY))

    def path(self, run: Kept) -> Path:
        """Where a run is kept, or would be: under its id, or where its record is of an older
        version of the format, and not kept as that, under the digest of what is written now."""
        said = f"{run.kernel.release}-{run.rig}-{run.inputs[:16]}" if isinstance(run, Run) else (
            f"{run.kernels[0].release}-program-{run.kernels[0].inputs[:16]}")
        name = re.sub(r"[^\w.+-]", "_", said, flags=re.ASCII)
        path = self.root / f"{name}-{run.id}.json"
        if isinstance(run, Program) or run.origin is None or path.exists():
            return path
        return self.root / f"{name}-{short_digest(encode(run))}.json"

    def ready(self) -> Store:
        """Itself, with its directory made, if there is room for a record in it: to be asked before
        a measurement, which would be lost. Raises RecordError."""
        with self._using():
            self.root.mkdir(parents=True, exist_ok=True)
            # Tried and not only asked for: root has every right in /proc, and a full disk gives it.
            try:
                with tempfile.TemporaryFile(dir=self.root) as trial:
                    trial.write(bytes(_TRIAL))
            except OSError as error:
                error.filename = str(self.root)  # and not the trial's
                raise
        return self

    def add(self, run: Kept) -> Path:
        """Keep a run; raises RecordError where the directory cannot be written."""
        path = self.path(run)
        with self._using():
            self.root.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                replace_file(path, encode(run))
        return path

    def keep(self, run: Kept) -> None:
        """Keep a run that has just been measured; where that fails, put it with the temporary
        files and say where, so that it is not lost (`require_kept`)."""
        try:
            self.add(run)
        except RecordError as error:
            self._unkept.append(run)
            place = Path(tempfile.gettempdir()) / self.path(run).name
            try:
                replace_file(place, encode(run))
            except OSError:
                said = "name a file for it (-o), or another TAILWALK_RESULTS, and measure again."
            else:
                said = f"it was written to {place}: tailwalk runs import {place} keeps it."
            self._progress.note(f"The run of {_spec(run)} is not kept: {error} Until then, "
                                f"{said}")

    def require_kept(self) -> None:
        """Raise RecordError unless every run that was measured is kept."""
        if self._unkept:
            specs = listed(list(dict.fromkeys(map(_spec, self._unkept))))
            raise RecordError(f"what was measured of {specs} is not kept in {self.root}; why, and "
                              "what to do, is said above.")

    @contextlib.contextmanager
    def _using(self) -> Iterator[None]:
        """Turn the operating system's refusals into a RecordError with a way out."""
        try:
            yield
        except OSError as error:
            reason, cure = unusable(self.root, error)
            raise RecordError(
                f"the results directory {self.root}, which records are kept in, cannot be used "
                f"({reason}): {f'{cure}, or ' if cure else ''}point TAILWALK_RESULTS at another "
                "directory.") from error

    def find(self, inputs: str, *, having: Sequence[Metric] = (), since: str = "") -> Run | None:
        """The newest run with these inputs whose every figure has these metrics, and which was
        `created` after `since`; None where there is none."""
        names = {metric.name for metric in having}
        return max((run for run in self._with(inputs) if isinstance(run, Run)
                    and run.inputs == inputs and run.created > since
                    and all(names <= figure.metrics.keys() for figure in run.figures)),
                   key=lambda run: run.created, default=None)

    def find_program(self, inputs: str, *, repetitions: int) -> Program | None:
        """The newest run of a program with these inputs, so often repeated; None where there is
        none."""
        return max((run for run in self._with(inputs) if isinstance(run, Program)
                    and run.kernels[0].inputs == inputs
                    and run.kernels[0].repetitions == repetitions),
                   key=lambda run: run.created, default=None)

    def _with(self, inputs: str) -> Iterator[Kept]:
        """What is kept under the beginning of some inputs."""
        return filter(None, map(self._read, sorted(self.root.glob(f"*-{inputs[:16]}-*.json"))))

    def select(self, *, kernel: str | None = None, case: str | None = None,
               rig: str | None = None) -> list[Entry]:
        """What is known of the runs that fit every condition given (`Entry.fits`), the oldest
        first."""
        return [entry for entry in self._entries()
                if entry.fits(kernel=kernel, case=case, rig=rig)]

    def _entries(self) -> list[Entry]:
        with self._using():
            return entries(self.root, self._read)

    def get(self, name: str) -> Kept:
        """The run whose id begins with `name`.

        Raises RecordError where there is none, or more than one.
        """
        found = {entry.id: entry for entry in self._entries() if entry.id.startswith(name)}
        if not found:
            raise RecordError(f"there is no run {name} in {self.root}; `tailwalk runs list` shows "
                              "those that are there.")
        if len(found) > 1:
            raise RecordError(f"{name} may be any of the runs {', '.join(sorted(found))}: give "
                              "more of its digits.")
        return self.open(next(iter(found.values())))

    def open(self, entry: Entry) -> Kept:
        """The run of an entry; raises RecordError where it is gone or damaged by now."""
        path = self.root / entry.file
        return _decode(read_bytes(path), path)

    def remove(self, entries: Sequence[Entry]) -> None:
        """Remove runs; raises RecordError where the directory cannot be written."""
        self.discard([self.root / entry.file for entry in entries])

    def leftovers(self) -> list[Path]:
        """Unfinished files of writers that were killed."""
        now = time.time()
        found = []
        for path in sorted(self.root.glob(".*.json-*")):
            with contextlib.suppress(FileNotFoundError):
                if now - path.stat().st_mtime > _WRITTEN_WITHIN:
                    found.append(path)
        return found

    def damaged(self) -> list[Path]:
        """The files that were set aside."""
        return sorted((self.root / _SET_ASIDE).glob("*"))

    def discard(self, paths: Sequence[Path]) -> None:
        """Remove leftovers or damaged files; raises RecordError as `remove`."""
        for path in paths:
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise RecordError(f"cannot remove {path}: {error.strerror}.") from error

    def _read(self, path: Path) -> Kept | None:
        """The run in a file of the directory, None where there is none to be had."""
        try:
            if not path.is_file() and path.exists():
                raise DamagedError(f"{path} is no regular file, as a record is.")
            if not path.name.isprintable():
                raise RecordError(f"{str(path)!a} has a name that no text can hold: rename "
                                  "it.")
            content = read_bytes(path)
            if _kind(schema_of(content, str(path))) not in _KINDS:
                return None  # another kind of record, which somebody keeps here
            return _decode(content, path)
        except DamagedError as error:
            self._set_aside(path, error)
        except RecordError as error:
            if path.exists():  # else another process has just removed it
                self._progress.note(f"passed over: {error}")
        return None

    def _set_aside(self, path: Path, error: DamagedError) -> None:
        folder = self.root / _SET_ASIDE
        target = folder / path.name
        number = 1
        while target.exists():
            number += 1
            target = folder / f"{path.name}.{number}"
        try:
            folder.mkdir(exist_ok=True)
            path.rename(target)
        except FileNotFoundError:
            return  # another process has set it aside
        except OSError as refusal:
            self._progress.note(f"{error} It stays where it is ({refusal.strerror}).")
            return
        self._progress.note(f"{error} It was set aside as {target}.")


def require_elsewhere(path: Path) -> None:
    """Raise UsageError for a file to write that lies in the results directory, or is a record of it
    by another name: what is kept is never overwritten."""
    try:
        root = default_results()
        inside = any(folder.samefile(root) for folder in Path(os.path.realpath(path)).parents
                     if folder.exists())
        if not inside and path.is_file() and path.stat().st_nlink > 1:
            inside = any(path.samefile(kept) for kept in root.glob("*.json"))
    except (RecordError, OSError):
        return  # there is no such directory, or nothing to be known of it
    if inside:
        raise UsageError(f"{path} is in the results directory {root}, where records are kept and "
                         "never overwritten: name a file elsewhere.")


def _kind(schema: str) -> str:
    return schema.partition("/")[0]


_KINDS: dict[str, Callable[[bytes, str], Kept]] = {
    _kind(RUN_SCHEMA): decode_run, _kind(PROGRAM_SCHEMA): decode_program}


def decode_kept(content: bytes, source: str) -> Kept:
    """What may be kept, in `content`; `source` names it in errors. Raises RecordError."""
    return _KINDS.get(_kind(schema_of(content, source)), decode_run)(content, source)


def _spec(run: Kept) -> str:
    return run.kernel.spec if isinstance(run, Run) else run.kernels[0].spec


def _decode(content: bytes, path: Path) -> Kept:
    """The run in a file; raises DamagedError where it is not what its name says it is."""
    run = decode_kept(content, str(path))
    named = _NAMED_BY_CONTENT.fullmatch(path.name)
    digest = short_digest(content)
    if named is not None and named[1] != digest:
        raise DamagedError(f"{path} is damaged: its content was changed after it was written "
                           f"(digest {digest}). Measure again, or take the file from its backup.")
    return run


@dataclass
class Copied:
    """How many files were added to the store, were there before, and are no runs."""

    added: int = 0
    there: int = 0
    failed: int = 0


def keep_copies(store: Store, sources: Sequence[Path], *, progress: Progress = SILENT) -> Copied:
    """Add the runs in files, or in all *.json files of directories, to a store; `progress` is told
    of those that are none.

    Raises UsageError for a directory without such a file.
    """
    done = Copied()
    for source in sources:
        paths = sorted(source.glob("*.json")) if source.is_dir() else [source]
        if not paths:
            raise UsageError(f"{source} holds no *.json file.")
        for path in paths:
            try:
                record = decode_kept(read_bytes(path), str(path))
            except RecordError as error:
                progress.note(str(error))
                done.failed += 1
                continue
            for run in record.apart if isinstance(record, Program) else [record]:
                if store.path(run).exists():
                    done.there += 1
                else:
                    store.add(run)
                    done.added += 1
    return done


def superseded(found: Sequence[Entry]) -> list[Entry]:
    """All but the newest of the repeatable runs with the same inputs; repeats of others are
    samples of their own."""
    repeatable = [entry for entry in found if entry.repeats]
    newest = {entry.inputs: entry for entry in repeatable}
    return [entry for entry in repeatable if newest[entry.inputs] is not entry]


def older_than_days(found: Sequence[Entry], days: int) -> list[Entry]:
    """Those that are older; raises UsageError for more days than there were."""
    try:
        limit = datetime.now(UTC) - timedelta(days=days)
    except OverflowError as error:
        raise UsageError(f"--older-than {days}: so many days ago there were no runs.") from error
    created = [datetime.fromisoformat(entry.created) for entry in found]
    return [entry for entry, moment in zip(found, created, strict=True)
            if (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) < limit]
