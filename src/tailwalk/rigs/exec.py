# SPDX-License-Identifier: GPL-2.0-or-later
"""Running a static program of the user's in a guest, on a fresh file system, and counting it.

The program is carried to the guest's memory; its output goes to files in memory and comes back by
the probe's channel. A TCG plugin (plugins/tasks) tells its instructions and the kernel's on its
behalf from the kernel's other work.
"""

from __future__ import annotations

import os
import re
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile

from tailwalk import __version__
from tailwalk.cache import Cache, digest_bytes
from tailwalk.cases import MIB, Filesystem, show_size
from tailwalk.errors import GuestError, KernelError, UsageError
from tailwalk.filesystems import find_kind
from tailwalk.framing import FrameType, read_output
from tailwalk.kernels import Kernel
from tailwalk.kernels.spec import require_measurable
from tailwalk.machines import GUEST
from tailwalk.plugins.build import build_plugin
from tailwalk.probe.job import job_line
from tailwalk.progress import Progress
from tailwalk.rigs.bench import Bench
from tailwalk.rigs.job import prologue
from tailwalk.rigs.recording import symbol_text, watched
from tailwalk.runs.execution import Execution, Instructions
from tailwalk.vm.filesystem import IMAGE_SIZE
from tailwalk.vm.guest import Guest
from tailwalk.vm.state import Booted, kernel_record

_RESULT = struct.Struct("<6Q")
_STREAM = struct.Struct("<Q")

_NEWBORN = re.compile(rf"^([0-9a-f]{{16}}) [tT] {GUEST.newborn}$", re.MULTILINE)

_MOST_ARGUMENTS = 1024
_CANNOT_RUN = 127
_LONGEST = 1_000_000
"""Seconds; poll(2) takes milliseconds in 32 bits."""


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
    """A program that has ended: the record, and what it wrote to standard output and error."""

    execution: Execution
    stdout: bytes
    stderr: bytes


def read_program(path: Path) -> bytes:
    """A program's bytes, if a guest can run it without any library.

    Raises UsageError where it cannot be read or is no static ELF file for the guest.
    """
    try:
        content = path.read_bytes()
        elf = ELFFile(BytesIO(content))
        machine, kind = elf["e_machine"], elf["e_type"]
        segments = {segment["p_type"] for segment in elf.iter_segments()}
    except OSError as error:
        raise UsageError(f"cannot read the program {path}: {error.strerror}.") from error
    except ELFError as error:
        raise UsageError(f"{path} is no ELF program ({error}): a guest has no shell for scripts; "
                         "give a static binary.") from error
    if machine != GUEST.elf or kind not in ("ET_EXEC", "ET_DYN"):
        raise UsageError(f"{path} is an ELF file of machine {machine} and type {kind}, and guests "
                         f"run {GUEST.title} programs.")
    if "PT_INTERP" in segments:
        raise UsageError(f"{path} needs shared libraries, which a guest has not: link it with "
                         "-static.")
    return content


def execute(kernel: Kernel, plan: ExecPlan, *, bench: Bench | None = None,
            progress: Progress | None = None, plugins: Sequence[str] = ()) -> Executed:
    """Run the plan's program on the kernel; `plugins` are values for QEMU's -plugin, besides the
    plugin that counts.

    Raises UsageError for a program or file that cannot be taken, ToolError where QEMU loads no
    plugin, KernelError where a driver is missing or tasks cannot be told apart, GuestError where
    the guest panics, or the program cannot be run or does not end in time.
    """
    plan.check()
    require_measurable(kernel.spec)
    program = read_program(plan.program)
    carried = [(path.name, _read_file(path)) for path in plan.files]
    bench = bench or Bench.prepare()
    if progress is not None:
        bench = replace(bench, progress=progress)
    bench = replace(bench, machine=replace(bench.machine, append=plan.append))
    plugin = build_plugin("tasks", bench.qemu, bench.cache).path
    booted = bench.boot(kernel, plan.filesystem)
    job = _job(plan, program, carried, bench.cache)
    newborn = _newborn_address(bench, kernel, booted)
    with (bench.progress.task(f"run {plan.program.name} on {kernel.spec}"),
          watched(bench, kernel, booted, job, plugin=plugin, arguments=f",newborn={newborn}",
                  others=plugins) as (guest, output)):
        ended = _collect(guest, plan)
        counts = _counts(output(), kernel)
    return Executed(
        Execution(
            tailwalk=__version__, created=datetime.now(UTC).isoformat(timespec="seconds"),
            kernel=kernel_record(kernel, booted.said), conditions=bench.conditions(plan.filesystem),
            command=[str(plan.program), *plan.arguments], program=digest_bytes(program),
            files=_file_names(carried, plan.made), status=ended.status, signal=ended.signal,
            instructions=counts.instructions, tasks=counts.tasks, switches=counts.switches,
            inputs=digest_bytes(booted.key.encode(), job, plugin.read_bytes())),
        ended.stdout, ended.stderr)


def _read_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read the file {path}: {error.strerror}.") from error


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
    parts += [job_line("run", count=1 + len(plan.arguments), length=len(arguments)), arguments,
              job_line("end")]
    return b"".join(parts)


def _file_names(carried: Sequence[tuple[str, bytes]], made: Sequence[MadeFile]) -> list[str]:
    return [*(f"{name} {len(content)}B" for name, content in carried),
            *(f"{one.name} {show_size(one.size)} filled by {show_size(one.fill)}"
              for one in made)]


def _newborn_address(bench: Bench, kernel: Kernel, booted: Booted) -> int:
    """Where new tasks begin; 0 where the kernel does not say."""
    match = _NEWBORN.search(symbol_text(bench, kernel, booted))
    return int(match[1], 16) if match else 0


@dataclass(frozen=True)
class _Ended:
    status: int | None
    signal: int | None
    stdout: bytes
    stderr: bytes


def _collect(guest: Guest, plan: ExecPlan) -> _Ended:
    streams: dict[int, list[bytes]] = {1: [], 2: []}
    status: int | None = None
    guest.start_job(plan.seconds)
    deadline = time.monotonic() + plan.seconds
    while (frame := guest.frame(deadline)).type is not FrameType.DONE:
        if frame.type is FrameType.OUTPUT:
            [stream] = _STREAM.unpack_from(frame.payload)
            streams[stream].append(frame.payload[_STREAM.size:])
        elif frame.type is FrameType.ENDED:
            [status] = _STREAM.unpack(frame.payload)
        else:
            raise GuestError(f"the probe sent a {frame.type.name} frame while {plan.program} ran.")
    if status is None:
        raise GuestError(f"the probe was done before {plan.program} had ended.")
    stdout, stderr = (b"".join(streams[stream]) for stream in (1, 2))
    if os.WIFSIGNALED(status):
        return _Ended(None, os.WTERMSIG(status), stdout, stderr)
    status = os.WEXITSTATUS(status)
    if status == _CANNOT_RUN and stderr.startswith(b"cannot run it: "):
        raise GuestError(f"the kernel does not run {plan.program}: "
                         f"{stderr.decode('utf-8', 'replace').partition(': ')[2].strip()}.")
    return _Ended(status, None, stdout, stderr)


@dataclass(frozen=True)
class _Counts:
    instructions: Instructions
    tasks: int
    switches: int


def _counts(output: bytes, kernel: Kernel) -> _Counts:
    """What the plugin wrote (plugins/tasks/tasks.c)."""
    results = [frame for frame in read_output(output)
               if frame.type is FrameType.TASKS]
    if not results:
        raise GuestError("the plugin has not counted to the program's end: the result is torn. "
                         "Run it again.")
    user, inside, others, _, tasks, switches = _RESULT.unpack(results[-1].payload)
    if not switches:
        raise KernelError(f"the plugin saw no context switch on {kernel.spec}: this kernel changes "
                          "tasks in a way that it does not know, so that instructions cannot be "
                          "told apart.")
    return _Counts(Instructions(user=user, kernel=inside, others=others), tasks, switches)
