# SPDX-License-Identifier: GPL-2.0-or-later
"""What the probe says of a session: how far it came, what it did, what differs."""

from __future__ import annotations

import re
import struct
from collections import Counter
from dataclasses import dataclass, field

from tailwalk.errors import GuestError
from tailwalk.framing import Frame, FrameType
from tailwalk.verify.pattern import explain

_STEP = struct.Struct("<QQ")
_COUNT = re.compile(r"(?:(?P<what>compared|repeated|durable)|did(?= \d+ (?P<did>.+))|"
                    r"landed(?= \d+ (?P<landed>.+))) (?P<number>\d{1,20})(?: .+)?", re.ASCII)

# Lines of the kernel's log after which nothing it holds can be trusted. An OOM kill is none of
# them: memory pressure is part of the exercise.
_COMPLAINT = re.compile(
    r"WARNING: |BUG: |BUG at |BUG \w+|Oops|general protection|KASAN|KCSAN|UBSAN|"
    r"possible (?:circular|recursive) locking|inconsistent lock state|"
    r"INFO: task .* blocked|soft lockup|rcu.* stall|[Bb]ad page|"
    r"EXT4-fs error|EXT4-fs .*[Ff]ailed|JBD2: .*([Ee]rror|[Ff]ail)|I/O error|lost .*page write")


@dataclass
class Tally:
    """What sessions did, added up (the fields are those of a Verification)."""

    operations: int = 0
    power_cuts: int = 0
    cut_images: int = 0
    compared: int = 0
    durable: int = 0
    repeated: int = 0
    actions: Counter[str] = field(default_factory=Counter)
    landed: Counter[str] = field(default_factory=Counter)

    def add(self, other: Tally) -> None:
        """Add what another tally holds."""
        self.operations += other.operations
        self.power_cuts += other.power_cuts
        self.cut_images += other.cut_images
        self.compared += other.compared
        self.durable += other.durable
        self.repeated += other.repeated
        self.actions += other.actions
        self.landed += other.landed


@dataclass(frozen=True)
class Reached:
    """So many operations have returned; none after `limit` has begun."""

    completed: int
    limit: int


def read_step(frame: Frame) -> Reached:
    """The content of a STEP frame."""
    return Reached(*frame.unpack(FrameType.STEP, _STEP))


def add_counts(frame: Frame, tally: Tally) -> None:
    """Add the content of a COUNTS frame: lines `did N ACTION`, `landed N WHERE`, `compared N`,
    `repeated N` and `durable N` (probe/exercise/exercise.c, probe/exercise/recover.c)."""
    for line in frame.text.splitlines():
        match = _COUNT.fullmatch(line)
        if match is None:
            raise GuestError(f"the probe counts something unknown: {line!r}.")
        number = int(match["number"])
        if match["did"]:
            tally.actions[match["did"]] += number
        elif match["landed"]:
            tally.landed[match["landed"].removeprefix("order ")] += number
        else:
            setattr(tally, match["what"], getattr(tally, match["what"]) + number)


def complaints(log: str) -> list[str]:
    """The lines of a kernel's log that nothing else may be believed after."""
    return [line for line in log.splitlines() if _COMPLAINT.search(line)]


@dataclass(frozen=True)
class FileDifference:
    """A file that is not what it must be (`report_difference` in probe/exercise/check.c).

    Attributes:
        operation, doing: the operation after which it was noticed, and its description.
        what: how it was noticed.
        file, offset: the first byte that differs.
        expected_size, found_size: of the file.
        expected, found: the 8 bytes at the multiple of 8 round the offset; None where it is not
            bytes that differ.
    """

    operation: int
    doing: str
    what: str
    file: int
    offset: int
    expected_size: int
    found_size: int
    expected: bytes | None = None
    found: bytes | None = None

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
            for name, data in (("expected", self.expected), ("found", self.found)):
                meaning = explain(data, file=self.file, offset=start, operations=operations)
                lines.append(f"bytes {start} to {start + 7}: {name} {data.hex(' ')}, {meaning}")
        return lines


def read_difference(frame: Frame) -> FileDifference:
    """The content of a DIFFERENCE frame: lines of a name and a value."""
    try:
        values = dict(line.split(" ", 1) for line in frame.text.splitlines())
        return FileDifference(
            operation=int(values["operation"]), doing=values["doing"], what=values["what"],
            file=int(values["file"]), offset=int(values["offset"]),
            expected_size=int(values["expected_size"]), found_size=int(values["found_size"]),
            expected=bytes.fromhex(values["expected"]) if "expected" in values else None,
            found=bytes.fromhex(values["found"]) if "found" in values else None)
    except (KeyError, ValueError) as error:
        raise GuestError(f"the probe reports a difference that cannot be read ({error}): "
                         f"{frame.text!r}") from error
