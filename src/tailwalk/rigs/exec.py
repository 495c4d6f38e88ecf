# SPDX-License-Identifier: GPL-2.0-or-later
"""Running a static program of the user's in a guest, on a fresh file system, and counting it.

The program is carried to the guest's memory; its output goes to files in memory and comes back by
the probe's channel. A TCG plugin (plugins/calls) tells its instructions and the kernel's on its
behalf from the kernel's other work.
"""

from __future__ import annotations

import errno
import os
import struct
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile

from tailwalk.cache import Cache, digest_bytes
from tailwalk.cases import MIB, Filesystem, show_size
from tailwalk.errors import GuestError, UsageError
from tailwalk.files import read_bounded
from tailwalk.filesystems import find_kind
from tailwalk.framing import Frame, FrameType
from tailwalk.kernels import Kernel
from tailwalk.kernels.spec import require_measurable
from tailwalk.machines import GUEST
from tailwalk.probe.job import job_line
from tailwalk.rigs.bench import Bench
from tailwalk.rigs.counted import Counted, counting_calls
from tailwalk.rigs.job import prologue
from tailwalk.runs.execution import Execution, Instructions
from tailwalk.runs.record import made_now
from tailwalk.vm.filesystem import IMAGE_SIZE
from tailwalk.vm.guest import MOST_MEMORY, Guest, SilenceError
from tailwalk.vm.qemu import Machine, kernel_command_line
from tailwalk.vm.state import kernel_record

_OUTPUT = struct.Struct("<4Q")
_ENDED = struct.Struct("<2Q")

_MOST_ARGUMENTS = 1024
_LONGEST = 1_000_000
"""Seconds; poll(2) takes milliseconds in 32 bits."""
_END_SECONDS = 30.0
"""For a program that was given up to be killed, and for output to be taken."""


@dataclass(frozen=True)
class MadeFile:
    """A file that is made in the guest before the program begins: its name, its bytes, and the
    size of the writes that put it in the page cache."""

    name: str
    size: int
    fill: int = MIB


@dataclass(frozen=True, kw_only=True)
class ExecPlan:
    """What to run.

    Attributes:
        program: a static ELF file of this machine.
        arguments: after the program's name.
        filesystem: made afresh; the program begins in its root directory.
        files: files of this machine that are put there beforehand.
        made: files that are made there beforehand.
        append: kernel parameters besides Tailwalk's own.
        seconds: time after which the program is given up.
    """

    program: Path
    arguments: Sequence[str] = ()
    filesystem: Filesystem = field(default_factory=Filesystem)
    files: Sequence[Path] = ()
    made: Sequence[MadeFile] = ()
    append: str = ""
    seconds: float = 600.0

    def check(self) -> ExecPlan:
        """Itself, if it can be run; raises UsageError naming the value that cannot."""
        if len(self.arguments) >= _MOST_ARGUMENTS:
            raise UsageError(f"{len(self.arguments)} arguments: a program can be given "
                             f"{_MOST_ARGUMENTS - 1}.")
        if any("\0" in argument for argument in self.arguments):
            raise UsageError("an argument holds a NUL character, which no program can be given.")
        if not 0 < self.seconds <= _LONGEST:
            raise UsageError(f"--timeout {self.seconds:g}: give a number of seconds above 0, at "
                             f"most {_LONGEST}.")
        kernel_command_line(Machine(append=self.append))
        find_kind(self.filesystem.kind)
        for made in self.made:
            if not 1 <= made.size <= IMAGE_SIZE // 2 or not 512 <= made.fill <= 64 * MIB:
                raise UsageError(
                    f"--make {made.name}: files of 1 to {IMAGE_SIZE // 2 // MIB} MiB are made, by "
                    f"writes of 512 bytes to 64 MiB; this one has {made.size} bytes by writes of "
                    f"{made.fill}.")
        names = [path.name for path in self.files] + [made.name for made in self.made]
        for name in names:
            if not name or "/" in name or "\0" in name or len(name.encode()) > 255 or (
                    name in (".", "..") or names.count(name) > 1):
                raise UsageError(f"a file cannot be called {name!r} there: names are plain, have "
                                 "no slash, and each is given once.")
        return self


@dataclass(frozen=True)
class Executed:
    """A program that has ended: the record, what it wrote to standard output and error, and where
    that was cut, as sentences."""

    execution: Execution
    stdout: bytes
    stderr: bytes
    counted: Counted
    notes: Sequence[str] = ()


class GivenUpError(GuestError):
    """A program that did not end in time, with what it wrote and cost so far."""

    def __init__(self, message: str, executed: Executed) -> None:
        super().__init__(message)
        self.executed = executed


def read_program(path: Path, *, memory: int = Machine.memory) -> bytes:
    """A program's bytes, if a guest with so many MiB can run it without any library.

    Raises UsageError where it cannot be read or is no static ELF file for the guest.
    """
    try:
        # What the guest unpacks to is memory as well, and so is the disk.
        content = read_bounded(path, memory * MIB // 4)
        elf = ELFFile(BytesIO(content))
        machine, kind = elf["e_machine"], elf["e_type"]
        segments = {segment["p_type"] for segment in elf.iter_segments()}
    except OSError as error:
        raise UsageError(f"cannot read the program {path}: {error.strerror}.") from error
    except (ELFError, OverflowError) as error:  # the latter for places far outside of it
        raise UsageError(f"{path} is no ELF program ({error}): a guest has no shell for scripts; "
                         "give a static binary.") from error
    if machine != GUEST.elf or kind not in ("ET_EXEC", "ET_DYN"):
        raise UsageError(f"{path} is an ELF file of machine {machine} and type {kind}, and guests "
                         f"run {GUEST.title} programs.")
    if "PT_INTERP" in segments:
        raise UsageError(f"{path} needs shared libraries, which a guest has not: link it with "
                         "-static.")
    return content


def execute(kernel: Kernel, plan: ExecPlan, *, bench: Bench | None = None) -> Executed:
    """Run the plan's program on the kernel.

    Raises UsageError for a program or file that cannot be taken, ToolError where QEMU loads no
    plugin, KernelError where a driver is missing or tasks cannot be told apart, GivenUpError for a
    program that does not end in time, GuestError where the guest panics, or the program cannot be
    run or ends the guest.
    """
    plan.check()
    require_measurable(kernel.spec)
    bench = bench or Bench.prepare()
    program = read_program(plan.program, memory=bench.machine.memory)
    carried = _read_files(plan)
    bench = replace(bench, machine=replace(bench.machine, append=plan.append))
    booted = bench.boot(kernel, plan.filesystem)
    job = _job(plan, program, carried, bench.cache)
    with (bench.progress.task(f"run {plan.program.name} on {kernel.spec}"),
          counting_calls(bench, kernel, booted, job) as (guest, counts)):
        status, given_up, (stdout, stderr), notes = _collect(guest, plan)
        counted = counts()
    totals = counted.totals
    killed = os.WIFSIGNALED(status)
    executed = Executed(
        Execution(
            **made_now(), kernel=kernel_record(kernel, booted.said),
            conditions=bench.conditions(plan.filesystem),
            command=[str(plan.program), *plan.arguments], program=digest_bytes(program),
            files=[*(f"{name} {len(content)}B" for name, content in carried),
                   *(f"{one.name} {show_size(one.size)} filled by {show_size(one.fill)}"
                     for one in plan.made)],
            status=None if killed else os.WEXITSTATUS(status),
            signal=os.WTERMSIG(status) if killed else None,
            instructions=Instructions(user=totals.user, kernel=totals.kernel,
                                      others=totals.others),
            tasks=totals.tasks, switches=totals.switches,
            inputs=digest_bytes(booted.key.encode(), job, counted.plugin.encode())),
        stdout, stderr, counted, notes)
    if given_up:
        raise GivenUpError(
            f"{plan.program} was given up after {plan.seconds:g} seconds (--timeout): what it "
            "wrote and cost is what it had come to by then. Give it more time, or less to do.",
            executed)
    return executed


def _read_files(plan: ExecPlan) -> list[tuple[str, bytes]]:
    """The names and contents of the files that are carried; raises UsageError where one cannot be
    read, or the guest's disk cannot hold all."""
    room = IMAGE_SIZE - sum(made.size for made in plan.made)
    found = []
    for path in plan.files:
        try:
            found.append((path.name, read_bounded(path, max(room, 0))))
        except OSError as error:
            raise UsageError(
                f"cannot read the file {path}: {error.strerror}" + (
                    f", and all files have to find room on a disk of {IMAGE_SIZE // MIB} MiB."
                    if error.errno == errno.EFBIG else ".")) from error
        room -= len(found[-1][1])
    return found


def _job(plan: ExecPlan, program: bytes, carried: Sequence[tuple[str, bytes]],
         cache: Cache) -> bytes:
    parts = [prologue(plan.filesystem, cache), job_line("program", length=len(program)),
             program]
    for title, content in carried:
        parts += [job_line("file", name=title, length=len(content)), content]
    for made in plan.made:
        parts.append(job_line("make", name=made.name, size=made.size, fill=made.fill))
    arguments = b"".join(os.fsencode(text) + b"\0"
                         for text in (str(plan.program), *plan.arguments))
    parts += [job_line("run", count=1 + len(plan.arguments), length=len(arguments),
                       most=MOST_MEMORY), arguments, job_line("end")]
    return b"".join(parts)


def _collect(guest: Guest, plan: ExecPlan) -> tuple[int, int, list[bytes], list[str]]:
    """The status that the program ended with, whether it was given up, what it wrote to standard
    output and error, and where that was cut."""
    guest.start_job(plan.seconds)
    try:
        frame = guest.frame(time.monotonic() + plan.seconds)
    except SilenceError as silent:
        frame = _given_up(guest, plan, silent)
    deadline = time.monotonic() + _END_SECONDS
    streams, notes = [], []
    for name in ("standard output", "standard error"):
        _, address, length, total = frame.unpack(FrameType.OUTPUT, _OUTPUT)
        streams.append(guest.memory(address, length, deadline))
        if total > length:
            notes.append(f"{name} is cut: the first {length:,} of {total:,} bytes are kept.")
        frame = guest.frame(deadline)
    status, given_up = frame.unpack(FrameType.ENDED, _ENDED)
    guest.frame(deadline).expect(FrameType.DONE)
    return status, given_up, streams, notes


def _given_up(guest: Guest, plan: ExecPlan, silent: GuestError) -> Frame:
    """The frame that comes after the program was killed."""
    deadline = time.monotonic() + _END_SECONDS
    while time.monotonic() < deadline:
        guest.give_up()  # again and again: one may come before the probe listens
        with suppress(SilenceError):
            return guest.frame(time.monotonic() + 1)
    raise GuestError(f"{plan.program} did not end within {plan.seconds:g} seconds (--timeout), and "
                     f"could not be stopped in {_END_SECONDS:g} more: {silent}") from silent
