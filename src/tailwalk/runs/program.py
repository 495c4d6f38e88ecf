# SPDX-License-Identifier: GPL-2.0-or-later
"""The program: what it executed on each of some kernels, by what it asked of them, as a JSON
document.

Versions of the format:
    tailwalk.program/1: the first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from tailwalk.bounds import FEW, MANY, Count, Moment, Text, Times, Whole
from tailwalk.errors import RecordError, UsageError
from tailwalk.runs.record import Conditions, decode_record, encode, read_bytes, short_digest

PROGRAM_SCHEMA = "tailwalk.program/1"

Kind = Literal["call", "exception", "interrupt", "beginning", "thread", "driver", "other"]
"""What instructions are executed for: a system call, an exception such as a page fault, an
interrupt, a task's beginning before its first instruction in user mode, the work of one of the
kernel's own threads, the disk's driver, or what entered the kernel otherwise."""

_DIGITS = 9

_CURE = "Run the program again, or take the file from its backup."


class FunctionCount(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A function of the kernel and the instructions executed in it itself."""

    function: Text
    instructions: Count


class Requests(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the disk under test was asked for, whether it is done at once or not: a RAM disk has no
    cache to flush.

    Attributes:
        read: bytes.
        written: bytes.
        writes: requests to write them.
        flushes: requests to flush the disk's cache, alone or before a write.
        forced: writes that are to reach the disk itself, past its cache (FUA).
    """

    read: Count
    written: Count
    writes: Count
    flushes: Count
    forced: Count


def all_requests(rows: Iterable[CallRow]) -> Requests:
    """What all of the rows asked for."""
    asked = [row.disk for row in rows if row.disk is not None]
    return Requests(**{name: sum(getattr(one, name) for one in asked)
                       for name in Requests.__struct_fields__})


class CallRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was executed for one kind of call, or for something else that has a name.

    Attributes:
        kind: of what the rest is about.
        call: the system call's name, the exception's, the interrupt's, or what the kernel's thread
            does.
        file: kind of file that it is of, or nothing.
        size: class of the size that it was given: it is the largest of them, and they are more than
            half of it; None where it has no size.
        program: was it executed by the program's tasks, and not by the kernel's own threads?
        count: how often; 0 for threads and the driver.
        instructions: in all; page faults and interrupts that came in between are rows of their
            own, and so is the disk's driver.
        median: of each time; None where `count` is 0.
        high: nine of ten times it was no more.
        spread: the fewest and the most instructions of all repetitions of the program; None where
            there was one.
        functions: the dearest first; they add up to `instructions`.
        tree: of call paths, parents before their children: index of the function, index of the
            node that it was entered from or -1, how often it was entered, and instructions
            executed in it itself.
        disk: what the disk was asked for meanwhile; None where that is nothing.
        wrote: bytes that the calls wrote to files, as they said; None for other calls.
    """

    kind: Kind
    call: Text
    file: Text
    size: Count | None
    program: bool
    count: Count
    instructions: Count
    median: Count | None
    high: Count | None
    spread: tuple[Count, Count] | None
    functions: Annotated[list[FunctionCount], MANY]
    tree: Annotated[list[tuple[Count, Whole, Count, Count]], MANY]
    disk: Requests | None = None
    wrote: Count | None = None

    @property
    def name(self) -> tuple[str, str, str, int, bool]:
        """What tells the row from others, on every kernel."""
        return self.kind, self.call, self.file, -1 if self.size is None else self.size, self.program


class Repetitions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A region of the program that it marked: instructions of each time, user and kernel, as pairs
    of a value and how often it was counted, the least first."""

    values: Annotated[list[tuple[Count, Times]], MANY]


class ProgramOnKernel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The program on one kernel; of several repetitions the one in which the kernel executed the
    median.

    Attributes:
        repetitions: how often it ran.
        user: instructions of its own, in user mode.
        kernel: of the kernel for it; without the disk's driver.
        others: of the kernel's own threads meanwhile.
        driver: of the RAM disk's driver, which is the machine's and not the kernel's.
        unattributed: of all of these but `user`, those that no row or no function is known of.
        tasks: processes and threads that it ran.
        switches: of tasks.
        status: exit status; None where a signal ended it.
        signal: number of the signal that ended it, else None.
        calls: the dearest first; they add up to kernel, others and driver.
        regions: where it marked any; all else is then of what was executed in regions.
        symbols: names of all functions of the kernel, packed as in tailwalk.profile.
        inputs: digest of everything the counts follow from.
        disk: what the disk under test was asked for; None where that is not known: `undisked` says
            why.
        wrote: bytes that the program's write calls wrote to files of the file system under test;
            None where that is not known.
        undisked: why there is nothing of the disk.
        spread: the fewest and the most instructions of `kernel` and `others` of all repetitions;
            None where there was one.
        cpus: how many of the guest's CPUs executed anything of the kernel's.
    """

    spec: Text
    release: Text
    digest: Text
    provenance: Annotated[dict[str, Text], FEW]
    repetitions: Times
    user: Count
    kernel: Count
    others: Count
    driver: Count
    unattributed: Count
    tasks: Count
    switches: Count
    status: Count | None
    signal: Count | None
    calls: Annotated[list[CallRow], MANY]
    regions: Repetitions | None
    symbols: Annotated[str, msgspec.Meta(max_length=32 * 1024 * 1024)]
    inputs: Text
    disk: Requests | None = None
    wrote: Count | None = None
    undisked: Text = ""
    spread: tuple[Count, Count] | None = None
    cpus: Times = 1

    @property
    def amplification(self) -> float | None:
        """Bytes written to the disk for each that the program wrote."""
        return self.disk.written / self.wrote if self.disk and self.wrote else None


class Program(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One program on one or more kernels.

    Attributes:
        command: the program as it was named, and its arguments.
        program: sha256 of the program's file.
        files: files that were there when it began, as `NAME SIZE` with ` filled by SIZE` where it
            was made in the guest.
        exact: are the counts those that any run with the same inputs has? With several CPUs they
            are of one run of many: the one in which the kernel executed the median.
    """

    schema: str = PROGRAM_SCHEMA
    tailwalk: Text
    created: Moment
    command: Annotated[list[Text], MANY]
    program: Text
    files: Annotated[list[Text], MANY]
    conditions: Conditions
    kernels: Annotated[list[ProgramOnKernel], FEW]
    exact: bool = True

    @property
    def id(self) -> str:
        """The record's short name: 12 hex digits of the digest of its content."""
        return short_digest(encode(self))

    @property
    def apart(self) -> list[Program]:
        """A record for each kernel."""
        return [msgspec.structs.replace(self, kernels=[kernel]) for kernel in self.kernels]


def read_program_record(path: Path) -> Program:
    """The program in a file.

    Raises RecordError for a file that is missing, is no such record, is damaged, or was written by
    a newer version of the format.
    """
    return decode_program(read_bytes(path), str(path))


def decode_program(content: bytes, source: str) -> Program:
    """The program in `content`; `source` names it in errors (RecordError, as
    `read_program_record`)."""
    program = decode_record(content, source, Program, schema=PROGRAM_SCHEMA, cure=_CURE)
    if not program.kernels:
        raise RecordError(f"{source} is damaged: it is of no kernel. {_CURE}")
    for kernel in program.kernels:
        for wrong in _wrong_with(program, kernel):
            raise RecordError(f"{source} is damaged: {wrong} on {kernel.spec}. {_CURE}")
    return program


_OF_ALL = ("command", "program", "files", "exact", "conditions")
"""What records of one program have in common."""


def joined(programs: Sequence[Program]) -> Program:
    """One program's records as one, with the kernels of all.

    Raises UsageError for records of different programs, or under different conditions.
    """
    first = programs[0]
    for other in programs[1:]:
        if other.exact != first.exact:
            raise UsageError(
                f"the records do not compare: counts on {other.kernels[0].spec} are "
                f"{'exact' if other.exact else 'not exact (--cpus)'} and those on "
                f"{first.kernels[0].spec} {'are' if first.exact else 'are not'}. Run the program "
                "on all kernels with as many CPUs.")
        for name in _OF_ALL:
            if getattr(other, name) != getattr(first, name):
                raise UsageError(
                    f"the records do not compare: the {name} of {other.command[0]} on "
                    f"{other.kernels[0].spec} differs from that of {first.command[0]} on "
                    f"{first.kernels[0].spec}. Run one program on all kernels, in one command.")
    return msgspec.structs.replace(
        first, kernels=[kernel for program in programs for kernel in program.kernels])


def alike(programs: Sequence[Program]) -> list[Program]:
    """Each program once, with the kernels of all of its records."""
    groups: list[list[Program]] = []
    for program in programs:
        group = next((group for group in groups if all(
            getattr(group[0], name) == getattr(program, name) for name in _OF_ALL)), None)
        if group is None:
            groups.append([program])
        else:
            group.append(program)
    return [joined(group) for group in groups]


def _wrong_with(program: Program, kernel: ProgramOnKernel) -> Iterator[str]:
    """What contradicts itself, in words."""
    total = kernel.kernel + kernel.others
    rows = sum(row.instructions for row in kernel.calls)
    if not rows <= total + kernel.driver <= rows + kernel.unattributed:
        yield "the calls do not add up to what the kernel executed"
    if len({row.name for row in kernel.calls}) < len(kernel.calls):
        yield "two rows are of one kind of call"
    for row in kernel.calls:
        yield from _wrong_with_row(row, repeated=kernel.repetitions > 1)
    if (kernel.status is None) == (kernel.signal is None):
        yield "the program ended both by itself and by a signal, or by neither,"
    if kernel.spread is not None and not (
            kernel.repetitions > 1 and kernel.spread[0] <= total <= kernel.spread[1]):
        yield "what the kernel executed is not among its repetitions"
    values = [value for value, _ in kernel.regions.values] if kernel.regions else [0]
    if not values or any(one >= other for one, other in pairwise(values)):
        yield "the region has no values, or they are not in order,"
    cpus = program.conditions.machine.get("cpus", "1")
    if program.exact != (cpus == "1") or kernel.cpus not in range(1, _number(cpus) + 1) or not (
            program.exact or kernel.repetitions > 1):
        yield (f"counts that are {'' if program.exact else 'not '}exact do not go with "
               f"{kernel.repetitions} runs on {kernel.cpus} of {cpus} CPUs")
    yield from _wrong_with_disk(kernel, program.conditions.filesystem.kind)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < _DIGITS else 0


def _wrong_with_row(row: CallRow, *, repeated: bool) -> Iterator[str]:
    own = sum(function.instructions for function in row.functions)
    paths = sum(count for _, _, _, count in row.tree)
    if not own == paths == row.instructions or not all(
            function < len(row.functions) and -1 <= parent < at
            for at, (function, parent, _, _) in enumerate(row.tree)):
        yield f"the functions of {row.call} do not add up to its instructions"
    if not (row.count == 0) == (row.median is None) == (row.high is None) or (
            row.median or 0) > (row.high or 0):
        yield f"the median of {row.call} is not that of so many calls"
    if repeated != (row.spread is not None) or (
            row.spread is not None and not row.spread[0] <= row.instructions <= row.spread[1]):
        yield f"the instructions of {row.call} are not among its repetitions"
    if row.wrote is not None and row.kind != "call":
        yield f"{row.call} is no call, and wrote"


def _wrong_with_disk(kernel: ProgramOnKernel, kind: str) -> Iterator[str]:
    if kernel.disk is not None and kernel.disk != all_requests(kernel.calls):
        yield "what calls asked of the disk does not add up"
    if kernel.undisked and kernel.disk is not None:
        yield "what the disk was asked for is there, and a reason why it is not,"
    wrote = sum(row.wrote or 0 for row in kernel.calls if row.file == kind)
    if kernel.wrote is not None and (kernel.disk is None or kernel.wrote != wrote):
        yield "what calls wrote does not add up"
