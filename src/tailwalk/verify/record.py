# SPDX-License-Identifier: GPL-2.0-or-later
"""What a verification found, as an immutable JSON document.

Versions of the format:
    tailwalk.verification/1: the first.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from tailwalk.bounds import FEW, MANY, Count, Moment, Text
from tailwalk.runs.record import KernelRecord

VERIFICATION_SCHEMA = "tailwalk.verification/1"

Kind = Literal["difference", "failure", "e2fsck", "complaint", "panic", "hang"]


class Finding(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing that must not be.

    Attributes:
        kind: `difference`: a file is not what it must be; `failure`: a system call failed, such as
            the mount after a power cut; `e2fsck`: the file system is damaged; `complaint`: the
            kernel's log says so; `panic`, `hang`: the kernel did not go on.
        configuration: the configuration's name.
        seed: of the session.
        operation: its number in the session, from 1: where it was noticed, which may be long after
            the operation that did it. None where that is unknown.
        after_cut: what had become of unflushed writes, where a power cut came before; else None.
        title: one line: what, where.
        details: more lines, for somebody who looks for the cause.
        replay: the command that does the same operations again.
        kept: the image that was kept, if one was.
    """

    kind: Kind
    configuration: Text
    seed: Count
    operation: Count | None
    after_cut: Text | None
    title: Text
    details: Annotated[list[Text], MANY]
    replay: Text
    kept: Text | None = None


class Verification(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was done to a kernel, and the first finding.

    Attributes:
        tailwalk: the program's version.
        created: UTC, ISO 8601.
        kernel: which one.
        engine: QEMU's: `tcg` or `kvm`.
        seed: of the first session of each configuration; the next have the numbers after it.
        configurations: names.
        seconds: wall time from the first session's start, booting not counted.
        operations: random operations carried out, those before power cuts included; one
            that all writers do together counts for each of them.
        power_cuts: guests that were killed.
        cut_images: disks that were recovered and compared after a cut: one for each fate.
        compared: bytes of files compared with their shadow.
        durable: of those compared after a cut, bytes that had to be there.
        failing: percent of the allocations in writes that were made to fail.
        repeated: writes that were carried out again, since an allocation had failed in them.
        writers: processes that wrote to the same files.
        direct: whether there was direct I/O.
        failing_writes: percent of the disk's writes that failed.
        failed_writes: so many did.
        told: operations that told of an error of the disk.
        read_only: sessions that ended because the file system took nothing more.
        actions: operations by kind; one that all writers do together counts once.
        landed: of a sample of a quarter of the writes (fills apart), how many landed in a folio of
            which order (key `0` to `9`), or where no uptodate folio was cached (`uncached`).
        finding: the first, or None.
    """

    schema: str = VERIFICATION_SCHEMA
    tailwalk: Text
    created: Moment
    kernel: KernelRecord
    engine: Text
    seed: Count
    configurations: Annotated[list[Text], FEW]
    seconds: Annotated[float, msgspec.Meta(ge=0, le=1e12)]
    operations: Count
    power_cuts: Count
    cut_images: Count
    compared: Count
    durable: Count
    failing: Annotated[int, msgspec.Meta(ge=0, le=100)] = 0
    repeated: Count = 0
    writers: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 1
    direct: bool = False
    failing_writes: Annotated[int, msgspec.Meta(ge=0, le=100)] = 0
    failed_writes: Count = 0
    told: Count = 0
    read_only: Count = 0
    actions: Annotated[dict[str, Count], FEW]
    landed: Annotated[dict[str, Count], FEW]
    finding: Finding | None = None


def encode(verification: Verification) -> bytes:
    """The JSON document, ending with a newline."""
    return msgspec.json.format(msgspec.json.encode(verification), indent=2) + b"\n"
