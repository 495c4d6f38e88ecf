# SPDX-License-Identifier: GPL-2.0-or-later
"""Regressions that are known and accepted: a file that says which, up to what ratio, why and until
when, and what that makes of a comparison."""

from __future__ import annotations

import re
import reprlib
import tomllib
from collections.abc import Iterator, Sequence
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from tailwalk.bounds import Text
from tailwalk.cases import SUITES, find_cases
from tailwalk.compare.comparison import Acceptance, Accepted, Comparison
from tailwalk.errors import UsageError
from tailwalk.files import read_bounded
from tailwalk.runs.metrics import METRICS
from tailwalk.words import listed

_LARGEST = 1 << 20
_NAMED = 12
_TABLE = "accepted"
_HEADER = re.compile(rf"^[ \t]*\[\[[ \t]*{_TABLE}[ \t]*\]\]", re.MULTILINE)
_GLOB = frozenset("*?[")
_FORM = (f"An entry is a table [[{_TABLE}]] with case, ratio, reason and until, such as "
         "2027-01-31, and where it is not of every kernel, kernel.")


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A difference that is accepted.

    Attributes:
        case: the case's name, or a pattern of such names (`*`, `?`, `[...]`).
        kernel: a pattern of its spec or its release; every kernel after the baseline by itself.
        metric: its name; the one that the rig is for by itself.
        ratio: the most that is accepted.
        reason: why it is.
        until: the last day on which it is.
    """

    case: Annotated[str, Meta(min_length=1, max_length=1024)]
    kernel: Annotated[str, Meta(min_length=1, max_length=1024)] = "*"
    metric: Text | None = None
    ratio: Annotated[float, Meta(gt=1, le=1e9)]
    reason: Annotated[str, Meta(pattern=r"\S", max_length=4096)]
    until: date

    def covers(self, spec: str, release: str) -> bool:
        """Is it of this kernel?"""
        return any(fnmatchcase(name, self.kernel) for name in (spec, release))


class AcceptFile(msgspec.Struct, frozen=True, kw_only=True):
    """The differences that a file accepts; `lines` says where in it each entry begins, and holds
    nothing where that cannot be said."""

    path: Path
    entries: list[Entry]
    lines: list[int]


def read_accepted(path: Path) -> AcceptFile:
    """The accepted differences in a TOML file.

    Raises UsageError for a file that cannot be read, or an entry that is wrong, whose number it
    says: the first is 1.
    """
    try:
        text = read_bounded(path, _LARGEST).decode("utf-8-sig")
        document = tomllib.loads(text)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}. --accept takes a TOML file of "
                         f"accepted differences. {_FORM}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is no TOML file: {error}. {_FORM}") from error
    if unknown := [name for name in document if name != _TABLE]:
        raise UsageError(f"{path}: {unknown[0]!r} is nothing that a file of accepted differences "
                         f"has. {_FORM}")
    tables = document.get(_TABLE, [])
    if not isinstance(tables, list):
        raise UsageError(f"{path}: {_TABLE} is no list of tables. {_FORM}")
    entries = [_entry(path, number, table) for number, table in enumerate(tables, start=1)]
    lines = [text.count("\n", 0, found.start()) + 1 for found in _HEADER.finditer(text)]
    return AcceptFile(path=path, entries=entries,
                      lines=lines if len(lines) == len(entries) else [])


def _entry(path: Path, number: int, table: Any) -> Entry:
    try:
        entry = msgspec.convert(table, Entry)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$.")
        key = where.rstrip("`")
        given = "" if not key else f": {key} = {reprlib.repr(table[key])}"
        raise UsageError(f"{path}, entry {number}{given}: {what}. {_FORM}") from error
    if entry.metric is not None and entry.metric not in METRICS:
        raise UsageError(f"{path}, entry {number}: metric = {entry.metric!r} is no metric; those "
                         f"are {listed(list(METRICS))}.")
    if _GLOB.isdisjoint(entry.case) and not _is_known(entry):  # better now than after a measurement
        raise UsageError(f"{path}, entry {number}: case = {entry.case!r} is the name of no case; "
                         "tailwalk cases lists the names.")
    return entry


def check_entries(file: AcceptFile, names: set[str]) -> list[str]:
    """The entries that are of no case of these names, in words.

    Raises UsageError for one whose case no suite has either.
    """
    elsewhere = []
    for number, entry in enumerate(file.entries, start=1):
        if _among(names, entry):
            continue
        if not _is_known(entry):
            raise UsageError(
                f"{file.path}, entry {number}: case = {entry.case!r} is the name of no case here, "
                f"nor of any other; those here are {_some(sorted(names))}.")
        elsewhere.append(f"entry {number} ({entry.case})")
    return elsewhere


def _some(names: Sequence[str]) -> str:
    return listed(names if len(names) <= _NAMED else [
        *names[:_NAMED], f"{len(names) - _NAMED} more"])


def accept(comparison: Comparison, file: AcceptFile, *, today: date) -> Comparison:
    """The comparison with what the file accepts of its regressions, and a note of every entry that
    is not needed any more.

    Raises UsageError for an entry whose case neither the comparison nor any suite has.
    """
    check_entries(file, {row.case for row in comparison.rows})
    found = list(_found(comparison, file, today))
    notes = [
        f"entry {number} of {file.path} ({entry.case}) is not needed any more: no such case "
        "regressed on a kernel that it is of"
        for number, entry in enumerate(file.entries, start=1) if _is_idle(comparison, entry)]
    return replace(comparison, notes=[*comparison.notes, *notes],
                   accepted=found or msgspec.UNSET)


def _among(names: set[str], entry: Entry) -> bool:
    return any(fnmatchcase(name, entry.case) for name in names)


def _is_known(entry: Entry) -> bool:
    """Is it of a case that could have been measured: has a suite one, or is it a case's name?"""
    if _among({name for members in SUITES.values() for name in members}, entry):
        return True
    try:
        return any(case.name == entry.case for case in find_cases([entry.case]))
    except UsageError:
        return False


def _columns(comparison: Comparison, entry: Entry) -> list[int]:
    return [number for number, kernel in enumerate(comparison.kernels)
            if number and entry.covers(kernel.spec, kernel.release)]


def _is_idle(comparison: Comparison, entry: Entry) -> bool:
    """Is there a figure that it is of, and has none regressed or is in doubt?"""
    metric = entry.metric or comparison.metric.name
    verdicts = {row.verdicts[column] for row in comparison.rows if row.metric == metric
                and fnmatchcase(row.case, entry.case) for column in _columns(comparison, entry)}
    verdicts.discard("missing")
    return bool(verdicts) and verdicts <= {"improved", "unchanged", "within noise"}


def _found(comparison: Comparison, file: AcceptFile, today: date) -> Iterator[Accepted]:
    """What there is to say of each regression that an entry is of."""
    for row in comparison.rows:
        for column, verdict in enumerate(row.verdicts):
            entries = [(number, entry) for number, entry in enumerate(file.entries, start=1)
                       if fnmatchcase(row.case, entry.case)
                       and row.metric == (entry.metric or comparison.metric.name)
                       and column in _columns(comparison, entry)]
            if verdict != "regressed" or not entries:
                continue
            ratio = row.ratios[column]
            states = [_state(entry, ratio, today) for _, entry in entries]
            order: Sequence[Acceptance] = ("accepted", "exceeded", "expired")
            best = min(range(len(states)), key=lambda at: order.index(states[at]))
            number, entry = entries[best]
            yield Accepted(
                case=row.case, parameters=row.parameters, metric=row.metric, kernel=column,
                ratio=ratio, most=entry.ratio, reason=entry.reason, until=str(entry.until),
                entry=number, state=states[best])


def _state(entry: Entry, ratio: float | None, today: date) -> Acceptance:
    if today > entry.until:
        return "expired"
    # As it is shown, which is what a reader writes down: in three digits.
    return "accepted" if ratio is not None and min(
        ratio, float(f"{ratio:.3g}")) <= entry.ratio else "exceeded"
