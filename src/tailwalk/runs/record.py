# SPDX-License-Identifier: GPL-2.0-or-later
"""The run: one kernel's cases on one rig, as an immutable JSON document.

Versions of the format:
    tailwalk.run/1: the first; a case had just the parameters of writes to a cached file.
    tailwalk.run/2: a case has a workload and its parameters.
"""

from __future__ import annotations

import hashlib
import math
import os
import tempfile
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Mapping
from itertools import accumulate
from pathlib import Path
from typing import Any, Literal

import msgspec

from tailwalk.cases import Case, Filesystem, case_of_run1
from tailwalk.errors import DamagedError, RecordError

RUN_SCHEMA = "tailwalk.run/2"

_LEAST, _MOST = 1e-9, 1e18

Rig = Literal["exact", "timed", "host"]
Unit = Literal["instructions/call", "ns/call"]


class KernelRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which kernel: spec, `uname -r`, digest of image and modules, and where it came from."""

    spec: str
    release: str
    digest: str
    provenance: dict[str, str] = {}


class Conditions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What else the figures depend on, besides kernel and cases.

    Attributes:
        filesystem: the file system the cases wrote to.
        probe: sha256 of the probe binary.
        machine: rig-specific facts, name to value: for `exact` the QEMU version and digest, its
            arguments, CPU model, guest memory; for `host` CPU model, mount point, and so on.
    """

    filesystem: Filesystem
    probe: str
    machine: dict[str, str] = {}


class FolioCount(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many folios of an order (0: one page of 4 KiB; 9: 2 MiB) cached the file."""

    order: int
    folios: int


class Figure(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The result of one case.

    Attributes:
        case: the case with all its parameters.
        value: the figure, in the run's unit. On the exact rig the mode of the calls' counts,
            user instructions included; on timed rigs the median.
        user: instructions of `value` executed in user mode (exact rig), else None.
        share: share of the calls that had exactly `value` (exact rig), else None.
        steady: False where the figure must not be relied on (exact rig: share of 50% or less).
        interval: 95% confidence interval of `value` (timed rigs), else None.
        calls: the measured calls (exact rig) or samples (timed rigs) in order of time, run-length
            encoded: [value, repetitions] pairs.
        folios: the folios that cached the file before the calls; None where that is unknown.
        written: order of the folio at the case's offset; None where unknown.
        notes: what else a reader has to know, as sentences.
    """

    case: Case
    value: int | float
    user: int | None = None
    share: float | None = None
    steady: bool = True
    interval: tuple[float, float] | None = None
    calls: list[tuple[int | float, int]] = []
    folios: list[FolioCount] | None = None
    written: int | None = None
    notes: list[str] = []

    @property
    def usable(self) -> bool:
        """Is the value what a call can cost? Ratios and fits of such figures are finite numbers;
        a timed figure can come out at 0 or below."""
        return _LEAST <= self.value <= _MOST


class Run(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One kernel's cases on one rig.

    `inputs` is the digest of everything the figures follow from; a record with the same inputs
    is the same measurement and may be used again. `created` is the only field that differs
    between two exact runs with equal inputs.
    """

    schema: str = RUN_SCHEMA
    tailwalk: str
    created: str
    rig: Rig
    unit: Unit
    kernel: KernelRecord
    conditions: Conditions
    inputs: str
    figures: list[Figure]

    @property
    def id(self) -> str:
        """The run's short name: 12 hex digits of the digest of its content."""
        return hashlib.sha256(encode(self)).hexdigest()[:12]


def encode(record: msgspec.Struct) -> bytes:
    """A record as indented JSON with a newline at its end."""
    return msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n"


def read_run(path: Path) -> Run:
    """The run in a file.

    Raises RecordError for a file that is missing, is no run, is damaged, or was written by a
    newer version of the format.
    """
    return decode_run(read_bytes(path), str(path))


def read_runs(path: Path) -> list[Run]:
    """The run in a file, or the runs of a list as `tailwalk sweep --format json` writes it; raises
    RecordError as `read_run`."""
    content = read_bytes(path)
    if not content.lstrip().startswith(b"["):
        return [decode_run(content, str(path))]
    try:
        records = msgspec.json.decode(content, type=list[msgspec.Raw])
    except msgspec.MsgspecError as error:
        raise DamagedError(f"{path} is damaged: {error}. Write the list again.") from error
    return [decode_run(bytes(record), f"record {number} of {path}")
            for number, record in enumerate(records, start=1)]


def read_bytes(path: Path) -> bytes:
    """A record file's bytes; raises RecordError where it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise RecordError(f"cannot read {path}: {error.strerror}.") from error


def decode_run(content: bytes, source: str) -> Run:
    """The run in `content`; `source` names it in errors (RecordError, as `read_run`)."""
    try:
        run = msgspec.json.decode(
            as_present(content, source, RUN_SCHEMA, older={"tailwalk.run/1": _from_run1}),
            type=Run)
    except msgspec.MsgspecError as error:
        raise DamagedError(
            f"{source} is damaged: {error}. Measure again, or take the file from its backup."
        ) from error
    if not run.figures:
        raise DamagedError(f"{source} is damaged: it is a run without a figure. Measure again, or "
                           "take the file from its backup.")
    for figure in run.figures:
        _check_calls(figure, run.rig, source)
    return run


def _from_run1(document: Any) -> None:
    for figure in document["figures"]:
        figure["case"] = case_of_run1(figure["case"])


def _check_calls(figure: Figure, rig: Rig, source: str) -> None:
    """Raise DamagedError unless the figure follows from its calls, as the mode or the median: a run
    that was imported is used in place of a measurement."""
    counts: Counter[int | float] = Counter()
    for value, repetitions in figure.calls:
        if repetitions < 1:
            raise DamagedError(f"{source} is damaged: {repetitions} calls of {figure.case.name} "
                               f"had {value:g}. Measure again, or take the file from its backup.")
        counts[value] += repetitions
    if not counts:
        return
    if rig == "exact":
        right, what = counts[figure.value] == max(counts.values()), "most of its calls had"
        found = counts.most_common(1)[0][0]
    else:
        found, what = _median(counts), "the median of its samples is"
        right = math.isclose(figure.value, found, rel_tol=1e-9)
    if not right:
        raise DamagedError(
            f"{source} is damaged: it says {figure.value:g} of {figure.case.name}, and {what} "
            f"{found:g}. Measure again, or take the file from its backup.")


def _median(counts: Mapping[int | float, int]) -> float:
    values = sorted(counts)
    ends = list(accumulate(counts[value] for value in values))
    middle = [values[bisect_right(ends, at)] for at in ((ends[-1] - 1) // 2, ends[-1] // 2)]
    return sum(middle) / 2


class _Head(msgspec.Struct):
    schema: str


def schema_of(content: bytes, source: str) -> str:
    """The schema that a record names; raises RecordError where it is no record."""
    try:
        return msgspec.json.decode(content, type=_Head).schema
    except msgspec.MsgspecError as error:
        raise DamagedError(
            f"{source} is not a tailwalk record, or was cut short: {error}."
        ) from error


def expect_schema(content: bytes, source: str, known: str) -> None:
    """Raise RecordError unless the record names `known` as its schema, telling too new a version
    from another kind of record."""
    schema = schema_of(content, source)
    if schema == known:
        return
    kind, _, version = known.partition("/")
    if schema.startswith(f"{kind}/"):
        raise RecordError(f"{source} has schema {schema}, which this tailwalk cannot read (it "
                          f"knows up to {kind}/{version}): update tailwalk.")
    raise RecordError(f"{source} is a {schema!r} record where a {known!r} was expected.")


def as_present(content: bytes, source: str, known: str, *,
               older: Mapping[str, Callable[[Any], None]]) -> bytes:
    """The record as its present version `known` has it; `older` versions are changed in place by
    functions, which may raise.

    Raises RecordError as `expect_schema`, msgspec.ValidationError for an older record that is none.
    """
    if (change := older.get(schema_of(content, source))) is None:
        expect_schema(content, source, known)
        return content
    document = msgspec.json.decode(content)
    try:
        change(document)
    except (KeyError, TypeError) as error:
        raise msgspec.ValidationError(f"it lacks what its version has: {error}") from error
    return msgspec.json.encode(document | {"schema": known})


def write_run(run: Run, path: Path) -> None:
    """Write a run as a whole or not at all; raises RecordError where that fails."""
    write_whole(path, encode(run))


def write_whole(path: Path, content: bytes) -> None:
    """Write a file as `replace_file` does; raises RecordError where that fails."""
    try:
        replace_file(path, content)
    except OSError as error:
        raise RecordError(f"cannot write {path}: {error.strerror}. Nothing was kept of it; name "
                          "another file.") from error


def replace_file(path: Path, content: bytes) -> None:
    """Write a file under a temporary name beside it, then rename; raises OSError.

    A device or pipe is written to instead: root's rename would put a file in the place of
    /dev/null.
    """
    if path.exists() and not path.is_file():
        path.write_bytes(content)
        return
    path = path.resolve()  # what a link leads to is replaced, and never the link
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        temporary.chmod(0o644)
        temporary.rename(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
