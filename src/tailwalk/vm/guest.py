# SPDX-License-Identifier: GPL-2.0-or-later
"""One guest under QEMU, from its start to its certain end.

The guest's console, the probe's frames and QEMU's control socket are read by one loop in the
calling thread. Every wait has a deadline; whatever way the block is left (a result, an error,
Ctrl-C), QEMU is gone afterwards. If this process is killed, the kernel kills QEMU.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import selectors
import shutil
import socket
import subprocess
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from tailwalk.errors import GuestError, ProbeError
from tailwalk.files import file_in_memory
from tailwalk.framing import Frame, FrameReader, FrameType
from tailwalk.machines import GUEST
from tailwalk.probe.protocol import Ready, read_ready
from tailwalk.processes import bound
from tailwalk.refusals import naming, temporary_folder
from tailwalk.vm.crew import THREAD
from tailwalk.vm.disk import broken_image
from tailwalk.vm.memory import Memory, Saved
from tailwalk.vm.qemu import STATE_SET, Backing, Machine, MemoryFile, Qemu, arguments, state_as_file

_CONSOLE_BYTES = 64 * 1024
_CONSOLE_LINES = 12
CONSOLE = " The end of its console:\n"
"""In an error, what comes before the lines of a console."""

MOST_MEMORY = 128 << 20
"""Bytes that are taken from a guest's memory at a time."""

# Frames that nobody has asked for yet: a probe is at most some ahead.
_MOST_FRAMES = 1 << 16

# A guest that says nothing for so long, in seconds, is looked at.
_LOOK_SECONDS = 1.0
_LOOK = {"execute": "human-monitor-command", "id": "look",
         "arguments": {"command-line": "info registers"}}

# What the probe says where a device or a file system is not there (probe/disk.c).
_DRIVER = "driver"

_BEGIN = 1024
"""Bytes of a program that tell it from others: its headers name the build."""

_MIB = 1 << 20

Message = dict[str, Any]

Job = bytes | Sequence[bytes | Path]
"""What the probe is to do: bytes, some of which may lie in files."""


class TroubleError(GuestError):
    """The guest does not go on, by what was done in it or to it."""


class EndedError(TroubleError):
    """QEMU is gone."""


class SilenceError(TroubleError):
    """The guest gave no sign in time."""


class Guest:
    """A running QEMU. Use as a context manager; not to be shared between threads."""

    def __init__(self, machine: Machine, *, qemu: Qemu, kernel: Path, initramfs: Path, name: str,
                 sought: str = "", job: Job = b"", state: Saved | None = None,
                 memory: Memory | None = None, disks: Sequence[Backing] = (),
                 inherited: Sequence[int] = ()) -> None:
        """Prepare a guest that boots `kernel`, or goes on from the saved `state`.

        `name` stands for the kernel in errors, and `sought` says there where its modules were
        looked for (Kernel); one that is to be saved has `memory` for its own, which holds what the
        state's does; `disks` are what the machine's disks keep their bytes in; `inherited` are
        descriptors that the machine's plugins write to.
        """
        self._arguments = partial(arguments, machine, qemu=qemu, kernel=kernel,
                                  initramfs=initramfs, disks=disks)
        self._qemu = qemu
        self._name = name
        self._sought = sought
        self._job = job
        self._state = state
        self._memory = memory or (state.memory if state else None)
        self._backing = (None if self._memory is None else
                         MemoryFile(self._memory.descriptor, shared=memory is not None))
        self._cpus = machine.cpus
        self._initramfs = initramfs
        served = [disk for disk in disks if isinstance(disk, int)]
        self._may_be_told = bool(served)
        self._inherited = [*inherited, *served]
        self._console: deque[bytes] = deque()
        self._console_size = 0
        self._frames: deque[Frame] = deque()
        self._messages: deque[Message] = deque()
        self._reader = FrameReader()
        self._control_pending = b""
        self._greeted = False
        self._reset = False
        self._stopped = False
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Guest:
        with contextlib.ExitStack() as failing:
            failing.callback(self._stack.close)
            with naming(f"a guest on {self._name} cannot be started"):
                self._start()
            failing.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._stack.close()

    def _start(self) -> None:
        channel_read, channel_write = os.pipe2(os.O_CLOEXEC)
        self._stack.callback(os.close, channel_read)
        ours, theirs = socket.socketpair()
        self._control = self._stack.enter_context(ours)
        with contextlib.ExitStack() as handed:
            handed.callback(os.close, channel_write)
            handed.enter_context(theirs)
            job = os.memfd_create("tailwalk-job")
            handed.callback(os.close, job)
            with open(job, "wb", closefd=False) as stream:
                for part in (self._job,) if isinstance(self._job, bytes) else self._job:
                    if isinstance(part, bytes):
                        stream.write(part)
                    else:
                        with part.open("rb") as content:
                            shutil.copyfileobj(content, stream, _MIB)
            given = [channel_write, theirs.fileno(), job, *self._inherited,
                     *([self._backing.descriptor] if self._backing else [])]
            command = bound(self._arguments(
                channel=channel_write, control=theirs.fileno(), job=job, memory=self._backing,
                restored=self._state is not None))

            def launch() -> None:
                self._process = subprocess.Popen(
                    command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT, pass_fds=given,
                    # A Ctrl-C on the terminal is ours to handle.
                    start_new_session=True)

            if THREAD.crew is None:
                launch()
            else:
                THREAD.crew.admit(self, launch)
        self._stack.callback(self._end)
        assert self._process.stdout is not None
        self._selector = self._stack.enter_context(selectors.DefaultSelector())
        for source, take in (
            (channel_read, self._take_channel),
            (self._process.stdout.fileno(), self._take_console),
            (ours.fileno(), self._take_control),
        ):
            os.set_blocking(source, False)
            self._selector.register(source, selectors.EVENT_READ, take)

    def kill(self) -> None:
        """End QEMU now; any thread may call this."""
        self._process.kill()

    def _end(self) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()

    def _take_channel(self, data: bytes) -> None:
        self._frames.extend(self._reader.feed(data))
        if len(self._frames) > _MOST_FRAMES:
            raise GuestError(f"the guest on {self._name} sends frames without end.")

    def _take_console(self, data: bytes) -> None:
        self._console.append(data)
        self._console_size += len(data)
        while self._console_size > _CONSOLE_BYTES and len(self._console) > 1:
            self._console_size -= len(self._console.popleft())

    def _take_control(self, data: bytes) -> None:
        *lines, self._control_pending = (self._control_pending + data).split(b"\n")
        for message in (json.loads(line) for line in lines if line.strip()):
            if message.get("event") == "BLOCK_IO_ERROR":
                failed = message["data"]
                if failed["action"] == "report" and self._may_be_told:
                    continue  # it was to fail; of what this machine fails to do Disk tells
                raise broken_image(f"the guest on {self._name}", failed["operation"],
                                   failed.get("reason"))
            if message.get("event") == "STOP":
                self._stopped = True
            elif message.get("event") == "SHUTDOWN":
                self._reset = bool(message["data"].get("guest"))
            elif message.get("id") != "look":
                self._messages.append(message)
            elif GUEST.is_halted(str(message.get("return"))):
                raise TroubleError(
                    f"the guest on {self._name} was halted or powered off before its result: its "
                    "processor waits for nothing more." + self._console_tail())

    @property
    def console(self) -> str:
        """The end of what the guest wrote to its console."""
        return b"".join(self._console).decode("utf-8", "replace").replace("\r", "")

    def _console_tail(self) -> str:
        lines = [line for line in self.console.splitlines() if line.strip()][-_CONSOLE_LINES:]
        if not lines:
            return " Its console is empty."
        return CONSOLE + "\n".join(f"    {line}" for line in lines)

    def _await(self, what: str, deadline: float, ready: Callable[[], bool]) -> bool:
        """Read until `ready`; False where QEMU ended first.

        Raises GuestError at the deadline (a time of time.monotonic).
        """
        while not ready():
            if not self._selector.get_map():
                return False
            left = deadline - time.monotonic()
            if left <= 0:
                raise SilenceError(
                    f"the guest on {self._name} gave no sign in time while Tailwalk waited for "
                    f"{what}: it hangs, or this machine is very slow." + self._console_tail())
            found = self._selector.select(min(left, _LOOK_SECONDS))
            if not found and self._greeted:
                self._send(_LOOK)
            for key, _ in found:
                try:
                    data = os.read(key.fd, 1 << 16)
                except BlockingIOError:
                    continue
                except ConnectionResetError:
                    data = b""
                if data:
                    key.data(data)
                else:
                    self._selector.unregister(key.fd)
        return True

    def frame(self, deadline: float) -> Frame:
        """The next frame that is no error.

        Raises GuestError where the guest panics, hangs past `deadline`, ends, sends a torn frame
        or reports an error.
        """
        if not self._await("the probe", deadline, lambda: bool(self._frames)):
            raise self._ended()
        frame = self._frames.popleft()
        if frame.type is FrameType.ERROR:
            sought = f" {self._sought}" if self._sought and _DRIVER in frame.text else ""
            raise ProbeError(f"the guest on {self._name} says: {frame.text}.{sought}"
                             + self._console_tail())
        return frame

    def frames(self, seconds: float) -> Iterator[Frame]:
        """The frames up to DONE; each may take `seconds` (errors as `frame`)."""
        while (frame := self.frame(time.monotonic() + seconds)).type is not FrameType.DONE:
            yield frame

    def finish(self, deadline: float) -> None:
        """Read what a guest that is done still has to say on its console, until QEMU ends."""
        self._await("QEMU's end", deadline, lambda: False)

    def _ended(self) -> EndedError:
        status = self._process.wait()
        if THREAD.crew is not None:
            THREAD.crew.require_life()  # or what was done to it is no fault of what runs in it
        try:
            self._reader.close()
        except GuestError as torn:
            return EndedError(f"{torn} ({self._name}){self._console_tail()}")
        panic = re.search(r"Kernel panic[^\n]*", self.console)
        if panic:
            reason = f"the kernel panicked ({panic[0]})"
        elif self._reset:
            reason = ("it was reset or powered off, as a program in it can ask for (reboot(2)), or "
                      "as a processor does at a fault that it cannot handle")
        elif status < 0:
            reason = f"QEMU was killed by signal {-status}"
        else:
            reason = f"QEMU ended with status {status}"
        return EndedError(f"the guest on {self._name} ended before its result: {reason}."
                          + self._console_tail())

    def command(self, name: str, deadline: float, *, descriptor: int | None = None,
                **given: object) -> Any:
        """Run a QMP command and return what it returns; `descriptor` travels with it.

        Raises GuestError where QEMU refuses it or ends.
        """
        self._send({"execute": name, "arguments": given}, *([] if descriptor is None else
                                                            [descriptor]))
        answer = self._message(f"an answer to {name}", deadline,
                               lambda message: "return" in message or "error" in message)
        if "error" in answer:
            raise GuestError(f"QEMU refuses {name}: {answer['error'].get('desc')}")
        return answer["return"]

    def _send(self, request: Message, *descriptors: int) -> None:
        # Where QEMU is gone, waiting for its answer tells, once all is read that the guest said.
        with contextlib.suppress(OSError):
            socket.send_fds(self._control, [json.dumps(request).encode() + b"\n"], descriptors)

    def give_up(self) -> None:
        """Tell the probe to kill the program that it runs (probe/program.c)."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            os.write(self._process.stdin.fileno(), b"\n")

    def resume(self, deadline: float) -> None:
        """Let a paused guest go on, and wait until it says that it does.

        It stops once more where its clock did not jump at the pause (probe/x86_64/transport.c).
        One with little left to do may end QEMU before QEMU has answered: whether it came to its
        end is for its frames to say.
        """
        while not self._frames:
            self._stopped = False
            with contextlib.suppress(EndedError):
                self.command("cont", deadline)
            if not self._await("the guest to go on", deadline,
                               lambda: bool(self._stopped or self._frames)):
                return
        self._frames.popleft().expect(FrameType.WENT_ON, 0)

    def await_ready(self, deadline: float) -> Ready:
        """Wait until the probe is ready and has paused the guest: what the kernel says of itself.
        Errors as `frame`, and GuestError for a probe that begins otherwise."""
        ready = read_ready(self.frame(deadline))
        self.await_pause(deadline)
        return ready

    def await_pause(self, deadline: float) -> None:
        """Wait until the guest has stopped itself; errors as `frame`.

        QEMU is asked: its event may come before anybody listens, or before the answer to the
        command that let the guest go on, and does come before the machine stands still.
        """
        while self.command("query-status", deadline)["status"] != "guest-panicked":
            if time.monotonic() > deadline:
                raise GuestError(f"the guest on {self._name} did not stop itself in time."
                                 + self._console_tail())
            time.sleep(0.002)

    def _message(self, what: str, deadline: float, wanted: Callable[[Message], bool]) -> Message:
        while True:
            if not self._await(what, deadline, lambda: bool(self._messages)):
                raise self._ended()
            message = self._messages.popleft()
            if wanted(message):
                return message

    def greet(self, deadline: float) -> None:
        """Open the control connection."""
        self._message("QEMU's greeting", deadline, lambda message: "QMP" in message)
        self.command("qmp_capabilities", deadline)
        self._greeted = True

    def start_job(self, seconds: float) -> None:
        """Let a guest that was started from a saved state go on, within `seconds`."""
        deadline = time.monotonic() + seconds
        try:
            self.greet(deadline)
            assert self._state is not None
            with _state_file() as file:
                file.write(self._state.rest)
                file.seek(0)
                self._migrate("migrate-incoming", file.fileno(), deadline)
        except _MigrationError as error:
            raise self._unrestored() from error
        except EndedError as error:
            if "load of migration failed" in self.console:
                raise self._unrestored() from error
            raise
        self.resume(deadline)

    def _unrestored(self) -> GuestError:
        place = self._state and self._state.place
        return GuestError(
            f"QEMU cannot restore the saved state of {self._name}: it is damaged. "
            f"{f'Remove {place} and run' if place else 'Run'} the command again."
            + self._console_tail())

    def _migrate(self, command: str, file: int, deadline: float) -> None:
        """Have QEMU write or read the state without the memory, and wait until it has."""
        self.command("migrate-set-capabilities", deadline,
                     capabilities=[{"capability": "x-ignore-shared", "state": True}])
        if name := state_as_file(self._qemu):
            self.command("add-fd", deadline, descriptor=file, **{"fdset-id": STATE_SET})
        else:
            name = "fd:state"
            self.command("getfd", deadline, descriptor=file, fdname="state")
        self.command(command, deadline, uri=name)
        while (found := self.command("query-migrate", deadline)).get("status") != "completed":
            if found.get("status") == "failed":
                raise _MigrationError(found.get("error-desc", "no reason given"))
            time.sleep(0.002)

    def memory(self, address: int, length: int, deadline: float) -> bytes:
        """Bytes at a virtual address of the probe, which has paused the guest for them to be taken
        and goes on afterwards; where there are none, it has not.

        By a port the probe can send a byte at a time. Raises GuestError where they are not there,
        or are more than MOST_MEMORY.
        """
        if not length:
            return b""
        if length > MOST_MEMORY:
            raise GuestError(f"the probe offers {length:,} bytes, and {MOST_MEMORY:,} are taken.")
        self.await_pause(deadline)
        content = self._seen_by(self._probes_cpu(deadline), address, length, deadline)
        if len(content) != length:
            raise GuestError(f"{len(content):,} of {length:,} bytes came: the result is torn.")
        self.resume(deadline)
        return content

    def _seen_by(self, cpu: int, address: int, length: int, deadline: float) -> bytes:
        """Bytes at a virtual address, as a CPU has it; raises GuestError where it has none."""
        with temporary_folder() as folder:
            path = folder / "memory"
            self.command("memsave", deadline, val=address, size=length, filename=str(path),
                         **{"cpu-index": cpu})
            return path.read_bytes()

    def _probes_cpu(self, deadline: float) -> int:
        """The CPU that executes the probe. With several another one may execute the user's program,
        whose addresses may be the same: the probe's begin is in the first file system."""
        begins = self._initramfs.read_bytes() if self._cpus > 1 else b""
        for cpu in range(self._cpus if self._cpus > 1 else 0):
            with contextlib.suppress(GuestError):
                if self._seen_by(cpu, GUEST.program_begin, _BEGIN, deadline) in begins:
                    return cpu
        return 0

    def save(self, deadline: float) -> Saved:
        """The state of a guest that has paused itself, and that was given memory of its own."""
        assert self._memory is not None
        self.command("migrate-set-parameters", deadline, **{"max-bandwidth": 1 << 40})
        with _state_file() as file:
            try:
                self._migrate("migrate", file.fileno(), deadline)
            except _MigrationError as error:
                raise GuestError(f"QEMU cannot save the state of {self._name}: {error}") from error
            return Saved(self._memory, os.pread(file.fileno(), os.fstat(file.fileno()).st_size, 0))


class _MigrationError(Exception):
    """QEMU did not write or read a state, for this reason."""


def _state_file() -> BinaryIO:
    return os.fdopen(file_in_memory("a guest's state"), "w+b", buffering=0)
