# SPDX-License-Identifier: GPL-2.0-or-later
"""The execution: one run of a user's program on one kernel, counted, as a JSON document.

Versions of the format:
    tailwalk.execution/1: the first.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from tailwalk.bounds import MANY, Count, Moment, Text
from tailwalk.runs.record import Conditions, KernelRecord

EXECUTION_SCHEMA = "tailwalk.execution/1"


class Instructions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Executed instructions, from the program's execve(2) to its end.

    Attributes:
        user: of the program, in user mode; all of its processes and threads, and the start-up of
            the C library that it is linked with.
        kernel: of the kernel on its behalf: system calls, page faults, and the interrupts that
            landed in it.
        others: of the kernel's own threads meanwhile, such as writeback and the journal's commit.
    """

    user: Count
    kernel: Count
    others: Count


class Execution(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One run of a program.

    Attributes:
        command: the program as it was named, and its arguments.
        program: sha256 of the program's file.
        files: files that were there when it began, as `NAME SIZE` with ` filled by SIZE` where it
            was made in the guest.
        status: exit status; None where a signal ended it.
        signal: number of the signal that ended it, else None.
        tasks: processes and threads it ran.
        switches: context switches meanwhile.
        inputs: digest of everything the counts follow from: with equal inputs they are equal.
    """

    schema: str = EXECUTION_SCHEMA
    tailwalk: Text
    created: Moment
    kernel: KernelRecord
    conditions: Conditions
    command: Annotated[list[Text], MANY]
    program: Text
    files: Annotated[list[Text], MANY]
    status: Count | None
    signal: Count | None
    instructions: Instructions
    tasks: Count
    switches: Count
    inputs: Text
