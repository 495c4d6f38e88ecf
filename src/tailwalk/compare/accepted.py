# SPDX-License-Identifier: GPL-2.0-or-later
"""Regressions that are known and accepted: a file that says which, up to what ratio, why and until
when, and what that makes of a comparison."""

from __future__ import annotations

import re
import reprlib
import tomllib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace as changed
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from tailwalk.bounds import Text
from tailwalk.cases import SUITES, find_cases
from tailwalk.compare.comparison import Acceptance, Accepted, Comparison, Verdict
from tailwalk.compare.program import (
    KERNEL,
    AcceptedCall,
    ComparedProgram,
    call_label,
    of_kernel,
)
from tailwalk.errors import UsageError
from tailwalk.files import read_bounded
from tailwalk.runs.metrics import METRICS
from tailwalk.words import listed

_LARGEST = 1 << 20
_NAMED = 12
_TABLE = "accepted"
_HEADER = re.compile(rf"^[ \t]*\[\[[ \t]*{_TABLE}[ \t]*\]\]", re.MULTILINE)
_GLOB = frozenset("*?[")
_FORM = (f"An entry is a table [[{_TABLE}]] with case, or call for a program's, ratio, reason and "
         "until, such as 2027-01-31, and where it is not of every kernel, kernel.")
_FINE: frozenset[Verdict] = frozenset(("improved", "unchanged", "within noise"))


class AcceptedDifference(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A difference that is accepted.

    Attributes:
        case: the case's name, or a pattern of such names (`*`, `?`, `[...]`); None where it is of
            a program's calls.
        call: the call, as a table shows it, or a pattern of such; `KERNEL` is all that the kernel
            executes.
        kernel: a pattern of its spec or its release; every kernel after the baseline by itself.
        metric: its name; the one that the rig is for by itself.
        ratio: the most that is accepted.
        reason: why it is.
        until: the last day on which it is.
    """

    case: Annotated[str, Meta(min_length=1, max_length=1024)] | None = None
    call: Annotated[str, Meta(min_length=1, max_length=1024)] | None = None
    kernel: Annotated[str, Meta(min_length=1, max_length=1024)] = "*"
    metric: Text | None = None
    ratio: Annotated[float, Meta(gt=1, le=1e9)]
    reason: Annotated[str, Meta(pattern=r"\S", max_length=4096)]
    until: date

    @property
    def of(self) -> str:
        """What it names."""
        return self.case or self.call or ""

    def covers(self, spec: str, release: str) -> bool:
        """Is it of this kernel?"""
        return any(fnmatchcase(name, self.kernel) for name in (spec, release))


class AcceptFile(msgspec.Struct, frozen=True, kw_only=True):
    """The differences that a file accepts; `lines` says where in it each entry begins, and holds
    nothing where that cannot be said."""

    path: Path
    entries: list[AcceptedDifference]
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


def _entry(path: Path, number: int, table: Any) -> AcceptedDifference:
    try:
        entry = msgspec.convert(table, AcceptedDifference)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$.")
        key = where.rstrip("`")
        given = "" if not key else f": {key} = {reprlib.repr(table[key])}"
        raise UsageError(f"{path}, entry {number}{given}: {what}. {_FORM}") from error
    if (entry.case is None) == (entry.call is None):
        have = "neither case nor" if entry.case is None else "both case and"
        raise UsageError(f"{path}, entry {number}: it has {have} call. {_FORM}")
    if entry.call is not None and entry.metric is not None:
        raise UsageError(f"{path}, entry {number}: metric = {entry.metric!r} is for cases; what is "
                         "judged of a program's calls is instructions.")
    if entry.metric is not None and entry.metric not in METRICS:
        raise UsageError(f"{path}, entry {number}: metric = {entry.metric!r} is no metric; those "
                         f"are {listed(list(METRICS))}.")
    if entry.case is not None and _GLOB.isdisjoint(entry.case) and not _is_known(entry):
        # Better now than after a measurement.
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
        if entry.case is not None and not _is_known(entry):
            raise UsageError(
                f"{file.path}, entry {number}: case = {entry.case!r} is the name of no case here, "
                f"nor of any other; those here are {_some(sorted(names))}.")
        elsewhere.append(f"entry {number} ({entry.of})")
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
    notes = list(_not_needed(file, "case", lambda entry: _verdicts(comparison, entry)))
    return replace(comparison, notes=[*comparison.notes, *notes],
                   accepted=found or msgspec.UNSET)


def accept_program(compared: ComparedProgram, file: AcceptFile, *,
                   today: date) -> ComparedProgram:
    """A program on several kernels, with what a file accepts of it on a day."""
    judged = list(_judged(compared))

    def is_of(entry: AcceptedDifference, label: str, column: int) -> bool:
        kernel = compared.program.kernels[column]
        return _names(entry.call, label) and entry.covers(kernel.spec, kernel.release)

    found = []
    for label, column, verdict, ratio in judged:
        best = _best(((number, entry) for number, entry in enumerate(file.entries, start=1)
                      if is_of(entry, label, column)), ratio, today)
        if verdict == "regressed" and best is not None:
            number, entry, state = best
            found.append(AcceptedCall(
                call=label, kernel=column, ratio=ratio, most=entry.ratio, reason=entry.reason,
                until=str(entry.until), entry=number, state=state))
    return changed(compared, accepted=found, notes=list(_not_needed(file, "call", lambda entry: {
        verdict for label, column, verdict, _ in judged if is_of(entry, label, column)})))


def calls_elsewhere(file: AcceptFile, compared: ComparedProgram) -> list[str]:
    """The entries that are of nothing that the program asks of any kernel, in words."""
    labels = [KERNEL, *(call_label(call.row) for call in compared.calls)]
    return [f"entry {number} ({entry.of})" for number, entry in enumerate(file.entries, start=1)
            if not any(_names(entry.call, label) for label in labels)]


def _judged(compared: ComparedProgram) -> Iterator[
        tuple[str, int, Verdict | None, float | None]]:
    """Label, kernel, verdict and ratio of all that a program is judged by."""
    totals = [of_kernel(kernel) for kernel in compared.program.kernels]
    for label, counts, verdicts in ((KERNEL, totals, compared.verdicts), *(
            (call_label(call.row), call.instructions, call.verdicts) for call in compared.calls)):
        for column, verdict in enumerate(verdicts, start=1):
            yield label, column, verdict, counts[column] / counts[0] if counts[0] else None


def _names(pattern: str | None, name: str) -> bool:
    return pattern is not None and fnmatchcase(name, pattern)


def _among(names: set[str], entry: AcceptedDifference) -> bool:
    return any(_names(entry.case, name) for name in names)


def _is_known(entry: AcceptedDifference) -> bool:
    """Is it of a case that could have been measured: has a suite one, or is it a case's name?"""
    if _among({name for members in SUITES.values() for name in members}, entry):
        return True
    try:
        return any(case.name == entry.case for case in find_cases([entry.of]))
    except UsageError:
        return False


def _columns(comparison: Comparison, entry: AcceptedDifference) -> list[int]:
    return [number for number, kernel in enumerate(comparison.kernels)
            if number and entry.covers(kernel.spec, kernel.release)]


def _not_needed(file: AcceptFile, what: str,
                verdicts_of: Callable[[AcceptedDifference], set[Verdict | None]]) -> Iterator[str]:
    """A note on each entry of which there is a figure, and none has regressed or is in doubt."""
    for number, entry in enumerate(file.entries, start=1):
        verdicts = verdicts_of(entry) - {"missing", None}
        if verdicts and verdicts <= _FINE:
            yield (f"entry {number} of {file.path} ({entry.of}) is not needed any more: no such "
                   f"{what} regressed on a kernel that it is of")


def _verdicts(comparison: Comparison, entry: AcceptedDifference) -> set[Verdict | None]:
    metric = entry.metric or comparison.metric.name
    return {row.verdicts[column] for row in comparison.rows if row.metric == metric
            and _names(entry.case, row.case) for column in _columns(comparison, entry)}


def _found(comparison: Comparison, file: AcceptFile, today: date) -> Iterator[Accepted]:
    """What there is to say of each regression that an entry is of."""
    for row in comparison.rows:
        for column, verdict in enumerate(row.verdicts):
            ratio = row.ratios[column]
            best = _best(((number, entry) for number, entry in enumerate(file.entries, start=1)
                          if _names(entry.case, row.case)
                          and row.metric == (entry.metric or comparison.metric.name)
                          and column in _columns(comparison, entry)), ratio, today)
            if verdict == "regressed" and best is not None:
                number, entry, state = best
                yield Accepted(
                    case=row.case, parameters=row.parameters, metric=row.metric, kernel=column,
                    ratio=ratio, most=entry.ratio, reason=entry.reason, until=str(entry.until),
                    entry=number, state=state)


def _best(entries: Iterable[tuple[int, AcceptedDifference]], ratio: float | None,
          today: date) -> tuple[int, AcceptedDifference, Acceptance] | None:
    """Of entries that are of one regression the first that accepts it, or comes closest to
    that."""
    order: Sequence[Acceptance] = ("accepted", "exceeded", "expired")
    return min(((number, entry, _state(entry, ratio, today)) for number, entry in entries),
               key=lambda found: order.index(found[2]), default=None)


def _state(entry: AcceptedDifference, ratio: float | None, today: date) -> Acceptance:
    if today > entry.until:
        return "expired"
    # As it is shown, which is what a reader writes down: in three digits.
    return "accepted" if ratio is not None and min(
        ratio, float(f"{ratio:.3g}")) <= entry.ratio else "exceeded"
