# SPDX-License-Identifier: GPL-2.0-or-later
"""The execution: one run of a user's program on one kernel, counted."""

from __future__ import annotations

import msgspec

from tailwalk.runs.record import Conditions, KernelRecord


class Instructions(msgspec.Struct, frozen=True, kw_only=True):
    """Executed instructions, from the program's execve(2) to its end.

    Attributes:
        user: of the program, in user mode; all of its processes and threads, and the start-up of
            the C library that it is linked with.
        kernel: of the kernel on its behalf: system calls, page faults, and the interrupts that
            landed in it.
        others: of the kernel's own threads meanwhile, such as writeback and the journal's commit.
    """

    user: int
    kernel: int
    others: int


class Execution(msgspec.Struct, frozen=True, kw_only=True):
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

    tailwalk: str
    created: str
    kernel: KernelRecord
    conditions: Conditions
    command: list[str]
    program: str
    files: list[str]
    status: int | None
    signal: int | None
    instructions: Instructions
    tasks: int
    switches: int
    inputs: str
