# SPDX-License-Identifier: GPL-2.0-or-later
"""The run: one kernel's cases on one rig, as an immutable JSON document.

Versions of the format:
    tailwalk.run/1: the first. A figure had one metric, whose amount's fields stood in the figure
        itself; its unit stood in the run. A case had the parameters of writes to a cached file.
    tailwalk.run/2: a figure has any number of metrics, each with its unit, and a case the
        parameters of its workload. A record that was read from one of an older version has that
        one's id, as its origin.
"""

from __future__ import annotations

import errno
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec

from tailwalk import __version__
from tailwalk.bounds import FEW, MANY, Count, Digest, Moment, Order, Release, Text
from tailwalk.cases import Case, Filesystem
from tailwalk.errors import DamagedError, RecordError, UsageError
from tailwalk.files import read_bounded, replace_file
from tailwalk.runs.amount import FEWEST_CALLS, Amount, contradiction
from tailwalk.runs.metrics import METRICS, RIGS, Metric, Rig
from tailwalk.runs.version1 import figure_from_1
from tailwalk.words import everywhere, visible_json

RUN_SCHEMA = "tailwalk.run/2"

R = TypeVar("R", bound=msgspec.Struct)

_VERSION = re.compile(r"\d+(?:\.\d+)+")

_MOST_BYTES = 32 * 1024 * 1024
"""Of a record's file: the largest, profiles, have less than one MiB."""

UNKNOWN = "unknown"
"""The file system that is recorded where nobody says which; its blocks have no size."""

SOFTWARE_CHECKSUMS = "checksums in software"
"""Names, among the provenance of a record's kernel, the checksums that it computed in software on
a CPU that has an instruction for them."""


class KernelRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which kernel: spec, `uname -r`, digest of image and modules, and where it came from."""

    spec: Text
    release: Release
    digest: Text
    provenance: Annotated[dict[str, Text], FEW] = {}

    @property
    def exact_spec(self) -> str:
        """The spec that names just this kernel, where the recorded one may mean a newer one by
        now."""
        packaged = self.provenance.get("version") or self.release
        version = _VERSION.match(packaged) if self.spec.startswith("debian:") else None
        return f"debian:{version[0]}" if version else self.spec


class Conditions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What else the figures depend on, besides kernel and cases.

    Attributes:
        filesystem: the file system the cases wrote to.
        probe: sha256 of the probe binary.
        machine: rig-specific facts, name to value: for `exact` the QEMU version and digest, its
            arguments, CPU model, guest memory; for `host` CPU model, mount point, and so on.
    """

    filesystem: Filesystem
    probe: Text
    machine: Annotated[dict[str, Text], FEW] = {}


class FolioCount(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many folios of an order (0: one page; N: 2**N pages) cached the file."""

    order: Order
    folios: Count


def folio_counts(counts: Mapping[int, int] | None) -> list[FolioCount] | None:
    """Numbers of folios by order as a figure has them; None where they are unknown."""
    return None if counts is None else [
        FolioCount(order=order, folios=folios) for order, folios in counts.items()]


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one of those executed that a call set to work: itself, or a thread of the kernel's."""

    name: Text
    instructions: Count


class Figure(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The result of one case.

    Attributes:
        case: the case with all its parameters.
        metrics: what was counted, by the metric's name.
        folios: the folios that cached the file before the calls; None where that is unknown.
        written: order of the folio at the case's offset; None where unknown.
        notes: what else a reader has to know, as sentences.
        parts: of a case that is counted alone: who executed its instructions, in the first call
            that took exactly the figure.
        apart: instructions that the driver of the guest's disk executed in that call, which are no
            part of the figure.
    """

    case: Case
    metrics: Annotated[dict[str, Amount], FEW]
    folios: Annotated[list[FolioCount], FEW] | None = None
    written: Order | None = None
    notes: Annotated[list[Text], FEW] = []
    parts: Annotated[list[Part], FEW] | msgspec.UnsetType = msgspec.UNSET
    apart: Count | msgspec.UnsetType = msgspec.UNSET

    @property
    def split(self) -> list[Part]:
        """The parts, where they are told apart."""
        return [] if self.parts is msgspec.UNSET else self.parts

    @property
    def main(self) -> Amount:
        """The amount of the metric that the figure is known by."""
        return self.ranked[0]

    @property
    def ranked(self) -> list[Amount]:
        """The amounts by the rank of their metrics."""
        return [self.metrics[name] for name in METRICS if name in self.metrics]


class Missing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A case without a figure.

    Attributes:
        case: the case with all its parameters.
        reason: why there is none, as a clause.
        failed: did the case fail there? Else the kernel or the file system cannot do what it
            measures.
    """

    case: Case
    reason: Text
    failed: bool = False

    @property
    def said(self) -> str:
        """The reason, and whether the case failed."""
        return f"{'failed' if self.failed else 'not measured'}: {self.reason}"


class Run(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One kernel's cases on one rig.

    `inputs` is the digest of everything the figures follow from; a record with the same inputs
    is the same measurement and may be used again, where it has every metric that its rig gives by
    now: what is counted is none of the inputs, and never changes what another metric counts.
    `created` is the only field that differs between two exact runs with equal inputs and metrics.
    `missing` are the cases that were to be measured and have no figure, where there are such.
    `origin` is the id of the record of an older version of the format that this one was read from,
    else None.
    """

    schema: str = RUN_SCHEMA
    tailwalk: Text
    created: Moment
    rig: Rig
    kernel: KernelRecord
    conditions: Conditions
    inputs: Digest
    figures: Annotated[list[Figure], MANY]
    origin: Digest | None = None
    missing: Annotated[list[Missing], MANY] | msgspec.UnsetType = msgspec.UNSET

    @property
    def left_out(self) -> list[Missing]:
        """The cases without a figure."""
        return [] if self.missing is msgspec.UNSET else self.missing

    @property
    def id(self) -> str:
        """The run's short name: 12 hex digits of the digest of its content, as it was written
        first."""
        return self.origin or short_digest(encode(self))

    @property
    def metric(self) -> Metric:
        """What the figures are known by."""
        return RIGS[self.rig].metric

    @property
    def metrics(self) -> list[Metric]:
        """What any of the figures has, by rank."""
        return [metric for name, metric in METRICS.items()
                if any(name in figure.metrics for figure in self.figures)]

    @property
    def unit(self) -> str:
        """Of `metric`."""
        return self.metric.unit


def made_now() -> dict[str, Any]:
    """What every record says of its making: by which tailwalk, and when."""
    return {"tailwalk": __version__, "created": datetime.now(UTC).isoformat(timespec="seconds")}


def short_digest(content: bytes) -> str:
    """12 hex digits of a record's digest."""
    return hashlib.sha256(content).hexdigest()[:12]


def encode(record: object) -> bytes:
    """A record, or what was read of one, as indented JSON with a newline at its end; what a
    terminal would obey is escaped."""
    try:
        document = msgspec.json.encode(record)
    except UnicodeEncodeError:  # a name or argument that is not UTF-8
        document = msgspec.json.encode(everywhere(record, _in_utf8))
    return visible_json(msgspec.json.format(document, indent=1).decode()).encode() + b"\n"


def _in_utf8(text: str) -> str:
    return text.encode(errors="backslashreplace").decode()


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
    except _NO_RECORD as error:
        raise _damaged(str(path), error, "Write the list again.") from error
    return [decode_run(bytes(record), f"record {number} of {path}")
            for number, record in enumerate(records, start=1)]


def read_bytes(path: Path) -> bytes:
    """A record file's bytes; raises RecordError where it cannot be read, DamagedError where it is
    too large for a record."""
    try:
        return read_bounded(path, _MOST_BYTES, pipes=True)
    except OSError as error:
        if error.errno == errno.EFBIG:
            raise DamagedError(f"{path} is no tailwalk record: {error.strerror}.") from error
        raise RecordError(f"cannot read {path}: {error.strerror}.") from error


def decode_run(content: bytes, source: str) -> Run:
    """The run in `content`; `source` names it in errors (RecordError, as `read_run`)."""
    run = decode_record(content, source, Run, schema=RUN_SCHEMA, cure=_CURE,
                        older={"tailwalk.run/1": _run_from_1})
    system = run.conditions.filesystem
    if not run.figures:
        raise _damaged(source, "it is a run without a figure", _CURE)
    if system.block_size < 1 and (system.kind != UNKNOWN or RIGS[run.rig].boots):
        raise _damaged(source, f"its {system.kind} has blocks of nothing", _CURE)
    for figure in run.figures:
        check_figure(figure, run.metric, source, cure=_CURE)
    for missing in run.left_out:
        _check_case(missing.case, source, _CURE)
    return run


_CURE = "Measure again, or take the file from its backup."


def _run_from_1(document: dict[str, Any]) -> dict[str, Any]:
    origin = short_digest(encode(document))
    unit = document.pop("unit", None)
    figures = document.get("figures")
    if isinstance(figures, list):
        document["figures"] = [figure_from_1(figure, unit) for figure in figures]
    return {**document, "origin": origin}


def check_figure(figure: Figure, main: Metric, source: str, *, cure: str) -> None:
    """Raise DamagedError unless a figure that was read has the metric `main` and follows from its
    calls, RecordError for a metric that only a newer version knows."""
    for name in figure.metrics:
        if name not in METRICS:
            raise RecordError(f"{source} counts {name}, a metric that this tailwalk does not know "
                              f"(it knows {', '.join(METRICS)}): update tailwalk.")
    if not figure.metrics or figure.main is not figure.metrics.get(main.name):
        raise _damaged(source, f"{main.name} are not what {figure.case.name} is known by", cure)
    if figure.split and sum(part.instructions for part in figure.split) != figure.main.value:
        raise _damaged(source, f"the parts of {figure.case.name} do not add up to its figure", cure)
    if figure.apart and not figure.split:
        raise _damaged(source, f"what the driver executed is told apart in {figure.case.name}, "
                               "which has no parts", cure)
    _check_case(figure.case, source, cure)
    for name, amount in figure.metrics.items():
        if wrong := contradiction(METRICS[name], amount, figure.case.name):
            raise _damaged(source, wrong, cure)


def _check_case(case: Case, source: str, cure: str) -> None:
    try:
        case.check()
    except UsageError as error:
        raise _damaged(source, f"{case.name} cannot have been run: {error}", cure) from error


def _damaged(source: str, why: object, cure: str) -> DamagedError:
    return DamagedError(f"{source} is damaged: {why}. {cure}")


Update = Callable[[dict[str, Any]], dict[str, Any]]
"""From a document of an older version of a format to one of the present version."""


def decode_record(content: bytes, source: str, kind: type[R], *, schema: str, cure: str,
                  older: Mapping[str, Update] | None = None) -> R:
    """The record of a kind in `content`, which is of the version `schema` or of an `older` one.

    Raises RecordError, whose way out for a damaged record is `cure`, telling too new a version
    from another kind of record.
    """
    found = schema_of(content, source)
    update = (older or {}).get(found)
    try:
        if found == schema or update is not None:
            if update is None:
                record = msgspec.json.decode(content, type=kind)
            else:
                document = update(msgspec.json.decode(content, type=dict[str, Any]))
                record = msgspec.convert({**document, "schema": schema}, kind)
            if (created := getattr(record, "created", None)) is not None:
                datetime.fromisoformat(created)
            return record
    except _NO_RECORD as error:
        raise _damaged(source, error, cure) from error
    except RecordError as error:
        raise RecordError(f"{source} {error}") from error
    if found.startswith(f"{schema.partition('/')[0]}/"):
        raise RecordError(f"{source} has schema {found}, which this tailwalk cannot read (it "
                          f"knows up to {schema}): update tailwalk.")
    raise RecordError(f"{source} is a {found!r} record where a {schema!r} was expected: name "
                      "one of those.")


class _Head(msgspec.Struct):
    schema: str


_NO_RECORD = (ValueError, OverflowError, RecursionError)
"""What is raised of content that is no record, by msgspec too: of numbers that are none, and of
more brackets than anybody closes."""


def schema_of(content: bytes, source: str) -> str:
    """The schema that a record names; raises DamagedError where it is no record, or has a field
    twice, of which each reader takes another."""
    try:
        # The numbers are msgspec's to read: int() takes its time with a long one.
        json.loads(content, object_pairs_hook=_each_once, parse_int=len, parse_float=len)
        return msgspec.json.decode(content, type=_Head).schema
    except _NO_RECORD as error:
        raise DamagedError(
            f"{source} is not a tailwalk record, or was cut short: {error}."
        ) from error


def _each_once(pairs: list[tuple[str, Any]]) -> None:
    names = [name for name, _ in pairs]
    if len(names) != len(set(names)):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"it has the field {twice!r} twice")


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


def kernel_notes(kernel: KernelRecord) -> list[str]:
    """What a reader has to know of the kernel, as sentences."""
    slow = kernel.provenance.get(SOFTWARE_CHECKSUMS)
    return [f"{slow}: what writes metadata is dearer here than on a server"] if slow else []


def notes_by_kernel(kernels: Iterable[KernelRecord]) -> list[str]:
    """What a reader has to know of each of several kernels, with its spec."""
    return [f"{kernel.spec}, {note}" for kernel in kernels for note in kernel_notes(kernel)]


_FEW_CALLS = f"a figure of fewer than {FEWEST_CALLS} calls is unsteady, and not judged"


def grouped_notes(run: Run) -> list[str]:
    """What a reader has to know of the run's kernel, then every note of its figures once, with the
    names of the cases that it is about, and why others are missing."""
    cases: dict[str, dict[str, None]] = {}
    for figure in run.figures:
        for note in figure.notes:
            cases.setdefault(note, {})[figure.case.name] = None
        if any(amount.few for amount in figure.metrics.values()):
            cases.setdefault(_FEW_CALLS, {})[figure.case.name] = None
    return [*kernel_notes(run.kernel), *_with_names(cases), *missing_notes(run)]


def missing_notes(run: Run) -> list[str]:
    """Why figures of the run are missing, each reason once, with the cases' names."""
    cases: dict[str, dict[str, None]] = {}
    for one in run.left_out:
        cases.setdefault(one.said, {})[one.case.name] = None
    return _with_names(cases)


def _with_names(cases: Mapping[str, Iterable[str]]) -> list[str]:
    return [f"{', '.join(names)}: {note}" for note, names in cases.items()]
