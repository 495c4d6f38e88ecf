# SPDX-License-Identifier: GPL-2.0-or-later
"""What the probe says of a session: how far it came, what it did, what differs."""

from __future__ import annotations

import re
import struct
from collections import Counter
from dataclasses import dataclass, field, fields
from typing import Annotated

import msgspec

from tailwalk.bounds import Count
from tailwalk.errors import GuestError
from tailwalk.framing import Frame, FrameType
from tailwalk.verify.pattern import explain

_STEP = struct.Struct("<QQQQ")

# A number of at most 15 digits, of which all sums still fit into a record.
_COUNT = re.compile("(did|landed) ([0-9]{1,15}) (?:order )?([a-z0-9 ]{1,24})"
                    "|(compared|durable|repeated) ([0-9]{1,15})")

# More kinds of operations, or of places that writes land in, than there can be.
_MOST_NAMES = 64

# Lines of the kernel's log after which nothing it holds can be trusted. An OOM kill is none of
# them: memory pressure is part of the exercise.
_BROKEN = (r"WARNING: |BUG: |BUG at |BUG \w+|Oops|general protection|KASAN|KCSAN|UBSAN|"
           r"possible (?:circular|recursive) locking|inconsistent lock state|"
           r"INFO: task .* blocked|soft lockup|rcu.* stall|[Bb]ad page")
_FAILED = (r"EXT4-fs error|EXT4-fs .*[Ff]ailed|JBD2: .*([Ee]rror|[Ff]ail)|I/O error|"
           r"lost .*page write")
_COMPLAINT = re.compile(f"{_BROKEN}|{_FAILED}")
_COMPLAINT_OF_CODE = re.compile(_BROKEN)

# The kernel's own have 1,024 bytes at most (PRINTKRB_RECORD_MAX, kernel/printk/internal.h, v6.18);
# in much longer ones the expression's stars would search for long.
_LONGEST_LINE = 2048


@dataclass
class Tally:
    """What sessions did, added up (the fields are those of a Verification)."""

    operations: int = 0
    power_cuts: int = 0
    cut_images: int = 0
    compared: int = 0
    durable: int = 0
    repeated: int = 0
    failed_writes: int = 0
    told: int = 0
    read_only: int = 0
    actions: Counter[str] = field(default_factory=Counter)
    landed: Counter[str] = field(default_factory=Counter)

    def add(self, other: Tally) -> None:
        """Add what another tally holds."""
        for one in fields(self):
            setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))


@dataclass(frozen=True, order=True)
class Reached:
    """So many operations of a writer have returned; none after `limit` has begun.

    Attributes:
        told: the numbers of those that have told of an error, in order.
    """

    completed: int
    limit: int
    told: tuple[int, ...] = ()


def read_step(frame: Frame, before: dict[int, Reached], *, most: int) -> dict[int, Reached]:
    """How far the writers are by the content of a STEP frame: for one of them a step on from where
    it was before, to at most so many operations."""
    completed, limit, writer, told = frame.unpack(FrameType.STEP, _STEP)
    if writer not in before:
        raise GuestError(f"the probe tells of writer {writer}, of {len(before)}: the result is "
                         "torn.")
    was = before[writer]
    step = Reached(completed, limit, (*was.told, told) if told else was.told)
    if not (was < step and completed <= limit <= most and told in (0, completed)):
        raise GuestError(f"the probe says that {completed} operations are done and none after "
                         f"{limit} has begun, after {was.completed} and {was.limit}, "
                         f"of {most}: the result is torn.")
    return {**before, writer: step}


def add_counts(frame: Frame, tally: Tally) -> None:
    """Add the content of a COUNTS frame: lines `did N ACTION`, `landed N WHERE`, `compared N`,
    `repeated N` and `durable N` (probe/exercise/exercise.c, probe/exercise/recover.c)."""
    for line in frame.text.splitlines():
        match = _COUNT.fullmatch(line)
        if match is None:
            raise GuestError(f"the probe counts something unknown: {line[:80]!r}.")
        if match[1] is None:
            setattr(tally, match[4], getattr(tally, match[4]) + int(match[5]))
            continue
        counts = tally.actions if match[1] == "did" else tally.landed
        counts[match[3]] += int(match[2])
        if len(counts) > _MOST_NAMES:
            raise GuestError(f"the probe counts too many things, among them {match[3]!r}.")


def complaints(log: str, *, failing: bool = False) -> list[str]:
    """The lines of a kernel's log that nothing else may be believed after; where writes to the disk
    fail, those that do not speak of that."""
    pattern = _COMPLAINT_OF_CODE if failing else _COMPLAINT
    return [line for line in log.splitlines() if pattern.search(line[:_LONGEST_LINE])]


_Words = Annotated[str, msgspec.Meta(pattern="^[ -~]{1,160}$")]
_Hex = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{16}$")]


class FileDifference(msgspec.Struct, frozen=True, kw_only=True):
    """A file that is not what it must be (`report_difference` in probe/exercise/check.c).

    Attributes:
        operation, doing: the operation after which it was noticed, and its description.
        what: how it was noticed.
        file, offset: the first byte that differs.
        expected_size, found_size: of the file.
        expected, found: the 8 bytes at the multiple of 8 round the offset, in hexadecimal digits;
            None where it is not bytes that differ.
    """

    operation: Count
    doing: _Words
    what: _Words
    file: Count
    offset: Count
    expected_size: Count
    found_size: Count
    expected: _Hex | None = None
    found: _Hex | None = None

    @property
    def title(self) -> str:
        """One line: what, where."""
        return f"{self.what}: file {self.file} differs from byte {self.offset} on"

    def details(self, operations: int) -> list[str]:
        """More lines; `operations` bounds the operations that can have written what was found."""
        lines = [f"noticed at operation {self.operation} ({self.doing})"]
        if self.expected_size != self.found_size:
            lines.append(f"size: expected {self.expected_size}, found {self.found_size}")
        if self.expected is not None and self.found is not None:
            start = self.offset & ~7
            for name, digits in (("expected", self.expected), ("found", self.found)):
                data = bytes.fromhex(digits)
                meaning = explain(data, file=self.file, offset=start, operations=operations)
                lines.append(f"bytes {start} to {start + 7}: {name} {data.hex(' ')}, {meaning}")
        return lines


def read_difference(frame: Frame) -> FileDifference:
    """The content of a DIFFERENCE frame: lines of a name and a value."""
    values = {name: value for name, _, value in (
        line.partition(" ") for line in frame.text.splitlines())}
    try:
        return msgspec.convert(values, FileDifference, strict=False)
    except msgspec.ValidationError as error:
        raise GuestError(f"the probe reports a difference that cannot be read ({error}): "
                         f"{frame.text[:400]!r}") from error
