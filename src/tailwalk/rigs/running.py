# SPDX-License-Identifier: GPL-2.0-or-later
"""A program in its guest: the job that begins it, what it writes while it runs, and its end.

When the host takes what the program wrote is for the guest to say, at moments of its own clock
that depend on the program alone (probe/output.c); the guest's clock stands while the host is at
it. So counts do not depend on who reads. Only the end by --timeout or Ctrl-C comes from outside.
"""

from __future__ import annotations

import errno
import os
import signal
import struct
import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import FrameType as StackFrame

from tailwalk.cache import Cache
from tailwalk.cases import MIB
from tailwalk.errors import GuestError, UsageError
from tailwalk.files import open_bounded
from tailwalk.framing import Frame, FrameType
from tailwalk.probe.job import job_line
from tailwalk.programs.plan import ExecPlan
from tailwalk.programs.prepare import Prepared
from tailwalk.rigs.job import FRAME_SECONDS, prologue
from tailwalk.vm.guest import Guest, Job, SilenceError
from tailwalk.vm.qemu import Machine

Sink = Callable[[int, bytes], None]
"""Takes what a program wrote: to standard output, 1, or standard error, 2."""



_OUTPUT = struct.Struct("<3Q")
_ENDED = struct.Struct("<2Q")
_END_SECONDS = 30.0
"""For a program that was given up to be killed, and for output to be taken."""
_LOOK_SECONDS = 1.0
INTERRUPTED, _LATE = "interrupted", "late"


class Gathered:
    """A sink, `take`, that keeps all: for a program that writes little."""

    def __init__(self) -> None:
        self._streams = {1: bytearray(), 2: bytearray()}

    def take(self, stream: int, content: bytes) -> None:
        """Keep what came."""
        self._streams[stream] += content

    @property
    def stdout(self) -> bytes:
        """What came by standard output."""
        return bytes(self._streams[1])

    @property
    def stderr(self) -> bytes:
        """What came by standard error."""
        return bytes(self._streams[2])


@dataclass(frozen=True)
class Carried:
    """A file that is carried to the program's directory."""

    name: str
    content: bytes
    mode: int


@dataclass(frozen=True)
class Ending:
    """How a program ended: its status as of wait(2), and why it was given up, if it was."""

    status: int
    given_up: str = ""


class Interrupts:
    """Ctrl-C while programs run, in whatever threads: the first gives them up, with what was
    counted so far, and the second is as ever. Where none runs yet, the first is as ever too. To be
    used as a context manager, in the main thread."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self._running = 0
        self._lock = threading.Lock()

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, self._before)

    def _note(self, number: int, frame: StackFrame | None) -> None:
        if self.under_way and not self.asked.is_set():
            self.asked.set()
        elif callable(self._before):
            self._before(number, frame)

    @property
    def under_way(self) -> bool:
        """Does any program run?"""
        return self._running > 0

    @contextmanager
    def running(self) -> Generator[None]:
        """While a program runs."""
        with self._lock:
            self._running += 1
        try:
            yield
        finally:
            with self._lock:
                self._running -= 1


def read_files(plan: ExecPlan) -> list[Carried]:
    """The files that are carried; raises UsageError where one cannot be read, or the guest's disk
    cannot hold all."""
    room = plan.disk - sum(made.size for made in plan.made)
    found = []
    for path in plan.files:
        try:
            with open_bounded(path, max(room, 0)) as stream:
                runs = os.fstat(stream.fileno()).st_mode & 0o111
                found.append(Carried(path.name, stream.read(), 0o755 if runs else 0o644))
        except OSError as error:
            raise UsageError(
                f"cannot read the file {path}: {error.strerror}" + (
                    f", and all files have to find room on a disk of {plan.disk // MIB} MiB "
                    "(--disk)." if error.errno == errno.EFBIG else ".")) from error
        room -= len(found[-1].content)
    return found


def program_machine(machine: Machine, plan: ExecPlan, prepared: Prepared) -> Machine:
    """The machine that the plan's program needs; raises UsageError for more disk than memory."""
    if plan.disk >= machine.memory_bytes:
        raise UsageError(f"--disk {plan.disk // MIB}MiB: the disk lies in the guest's memory, "
                         f"which has {machine.memory} MiB: give it more with --memory.")
    return replace(machine, append=plan.append, ram_disks=2 if prepared.image else 1,
                   ram_disk_kib=max(plan.disk, prepared.image + MIB - 1) // MIB * 1024)


def root_job(prepared: Prepared) -> tuple[Job, bytes]:
    """The part of a job that makes the program's root, and what names it."""
    return [prepared.line, prepared.content], prepared.line + prepared.key.encode()


def program_job(plan: ExecPlan, prepared: Prepared, carried: Sequence[Carried],
                cache: Cache) -> bytes:
    """The job that runs the plan's program, after the root's `root_job`."""
    rest = [prologue(plan.filesystem, cache, size=plan.disk)]
    if plan.user:
        rest.append(job_line("user", name=plan.user))
    if plan.input is not None:
        rest += [job_line("input", length=len(plan.input)), plan.input]
    for file in carried:
        rest += [job_line("file", name=file.name, mode=file.mode, length=len(file.content)),
                 file.content]
    for made in plan.made:
        rest.append(job_line("make", name=made.name, size=made.size, fill=made.fill))
    arguments = [str(plan.program), *plan.arguments]
    variables = [f"{name}={value}" for name, value in sorted(plan.variables.items())]
    texts = b"".join(os.fsencode(text) + b"\0"
                     for text in (prepared.program, *arguments, *variables))
    rest += [job_line("run", arguments=len(arguments), variables=len(variables),
                      length=len(texts), directory=plan.directory), texts, job_line("end")]
    return b"".join(rest)


def run_program(guest: Guest, plan: ExecPlan, sink: Sink | None,
                interrupts: Interrupts) -> Ending:
    """Let the guest run its job's program, and give the sink, if there is one, what
    it writes as it comes.

    Where it takes longer than the plan's time, or Ctrl-C comes, it is killed. Raises GuestError
    where it cannot be, and what `Guest.frame` raises.
    """
    with interrupts.running():
        guest.start_job(FRAME_SECONDS)
        why, deadline = "", time.monotonic() + plan.seconds
        while True:
            if not why and (interrupts.asked.is_set() or time.monotonic() > deadline):
                why = INTERRUPTED if interrupts.asked.is_set() else _LATE
                deadline = time.monotonic() + _END_SECONDS
            if why:
                guest.give_up()  # again and again: one may come before the probe listens
            try:
                frame = guest.frame(min(deadline, time.monotonic() + _LOOK_SECONDS))
            except SilenceError as silent:
                if why and time.monotonic() > deadline:
                    raise GuestError(
                        f"{plan.program} did not end within {plan.seconds:g} seconds (--timeout), "
                        f"and could not be stopped in {_END_SECONDS:g} more: {silent}") from silent
                continue
            if frame.type is FrameType.OUTPUT:
                output = _output(guest, frame)
                if sink is not None:
                    sink(*output)
                continue
            status, given_up = frame.unpack(FrameType.ENDED, _ENDED)
            guest.frame(time.monotonic() + _END_SECONDS).expect(FrameType.DONE)
            return Ending(status, why if given_up else "")


def _output(guest: Guest, frame: Frame) -> tuple[int, bytes]:
    """The stream and the bytes of a frame, or those in memory that it tells of."""
    stream, address, length = _OUTPUT.unpack(frame.payload[:_OUTPUT.size])
    if address:
        frame.expect(FrameType.OUTPUT, _OUTPUT.size)
        return stream, guest.memory(address, length, time.monotonic() + _END_SECONDS)
    return stream, frame.expect(FrameType.OUTPUT, _OUTPUT.size + length)[_OUTPUT.size:]
