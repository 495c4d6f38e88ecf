# SPDX-License-Identifier: GPL-2.0-or-later
"""Sessions: one guest that exercises a file system, or one whose power is cut while it does."""

from __future__ import annotations

import contextlib
import random
import shlex
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from tailwalk.errors import GuestError, ProbeError
from tailwalk.framing import Frame, FrameType
from tailwalk.kernels import Kernel
from tailwalk.probe.job import job_line
from tailwalk.verify.configuration import Configuration
from tailwalk.verify.frames import (
    Reached,
    Tally,
    add_counts,
    complaints,
    read_difference,
    read_step,
)
from tailwalk.verify.image import check_filesystem
from tailwalk.verify.pattern import FILES, is_of_exerciser
from tailwalk.verify.record import Finding, Kind
from tailwalk.vm.disk import FATES, Disk
from tailwalk.vm.guest import Guest
from tailwalk.vm.qemu import Backing, Machine, Qemu
from tailwalk.vm.state import Booted

DEFAULT_MEMORY = 256
"""MiB of guest memory: little, so that folios are reclaimed."""

# The probe tells at least every 32 operations how far it is.
FRAME_SECONDS = 180.0

# But it goes through all operations of a session, on the shadow, without a word.
_RECOVERY_SECONDS = 900.0

# A session reaches a power cut long before it has done so many operations.
_ENDLESS = 1_000_000

# Writes of blocks between the start of a session and its power cut: up to some 1,000 operations.
_MOST_WRITES = 1500


class Found(Exception):  # noqa: N818 - it is a result, not an error
    """Carries a finding out of the session that made it, to end the others."""

    def __init__(self, finding: Finding, tally: Tally) -> None:
        """Keep what was found, and what the session had done by then."""
        super().__init__(finding.title)
        self.finding = finding
        self.tally = tally

    def beside(self, complaints: list[str]) -> Found:
        """The same, with what the kernel complained of meanwhile."""
        details = [*self.finding.details, *(line.strip() for line in complaints)]
        return Found(msgspec.structs.replace(self.finding, details=details), self.tally)


def original(folder: Path, block_size: int) -> Path:
    """The path of a fresh file system with blocks of so many bytes."""
    return folder / f"original-{block_size}"


@dataclass(frozen=True, kw_only=True)
class Manner:
    """What sessions do beside what all do.

    Attributes:
        failing: percent of the allocations in writes that the kernel is told to fail.
        writers: processes that write to the same files, each its own bytes.
        direct: whether there is direct I/O.
        failing_writes: percent of the disk's writes that fail, in sessions that end with a power
            cut.
    """

    failing: int = 0
    writers: int = 1
    direct: bool = False
    failing_writes: int = 0

    def options(self) -> list[object]:
        """The options of `tailwalk verify` that say it."""
        return [*(("--fail-allocations", self.failing) if self.failing else ()),
                *(("--writers", self.writers) if self.writers > 1 else ()),
                *(("--direct",) if self.direct else ()),
                *(("--fail-writes", self.failing_writes) if self.failing_writes else ())]


PLAIN = Manner()
"""Nothing beside."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """What the sessions on one kernel share.

    Attributes:
        folder: a directory for disk images, of this process alone, in which there is an
            original for each block size (`original`).
        keep: where to copy the image of a finding; None: nowhere.
        append: kernel parameters beside the usual ones.
        manner: what the sessions do.
        disk: what serves an image whose power is cut.
    """

    kernel: Kernel
    machine: Machine
    qemu: Qemu
    booted: Booted
    folder: Path
    keep: Path | None = None
    append: str = ""
    manner: Manner = PLAIN
    disk: Callable[[Path], Disk] = Disk

    def guest(self, job: bytes, disks: Sequence[Backing]) -> Guest:
        """A guest that goes on from the saved state."""
        return Guest(self.machine, qemu=self.qemu, kernel=self.kernel.image,
                     initramfs=self.booted.initramfs, name=self.kernel.spec,
                     sought=self.kernel.sought, job=job,
                     state=self.booted.state, disks=disks)

    @contextlib.contextmanager
    def image(self, block_size: int | None = None) -> Iterator[Path]:
        """A path for an image, removed at the end; with a block size a fresh one is there."""
        with tempfile.NamedTemporaryFile(dir=self.folder, suffix=".img") as file:
            if block_size is not None:
                shutil.copyfile(original(self.folder, block_size), file.name)
            yield Path(file.name)


@dataclass
class Session:
    """One seed on one configuration.

    Attributes:
        advance: is told of operations as they are done.
        _steps: how far each writer is.
        _trusted: so many operations had returned when the journal may have failed. v6.18 takes a
            while to see that, and until then a sync whose transaction another one failed to commit
            returns 0 (jbd2_complete_transaction finds it gone).
        _image, _fate: the disk that is looked at, and what a power cut has made of it.
    """

    stage: Stage
    configuration: Configuration
    seed: int
    advance: Callable[[int], None]
    _tally: Tally = field(default_factory=Tally)
    _steps: dict[int, Reached] = field(init=False)
    _trusted: int = _ENDLESS
    _image: Path = field(default_factory=Path)
    _fate: str | None = None

    def __post_init__(self) -> None:
        self._steps = dict.fromkeys(range(self.stage.manner.writers), Reached(0, 0))

    def exercise(self, operations: int) -> Tally:
        """Carry out so many operations and check the file system; raises Found."""
        each = -(-operations // self.stage.manner.writers)
        with self.stage.image(self.configuration.block_size) as self._image:
            with self.stage.guest(self._exercise(each), [self._image]) as guest:
                self._watch(guest, self._take)
            self._count_to(each * self.stage.manner.writers)
            self._check_filesystem()
        return self._tally

    def cut_power(self) -> Tally:
        """Kill the guest at a random write to its disk, then see in another that all is there
        that must be; raises Found."""
        chance = random.Random(f"{self.configuration.name} {self.seed}")
        writes = 1 + int(_MOST_WRITES * chance.random() ** 2)
        with self.stage.image(self.configuration.block_size) as self._image:
            with self.stage.disk(self._image) as disk:
                guest = self.stage.guest(self._exercise(_ENDLESS), [disk.descriptor])

                def take(frame: Frame) -> None:
                    if frame.type is FrameType.STEP and not disk.armed and self._is_under_way():
                        disk.arm(writes, guest.kill, self._fails(chance))
                    self._take(frame)

                with guest:
                    self._watch(guest, take, lambda: disk.was_cut)
            self._tally.power_cuts += 1
            self._tally.told += sum(len(step.told) for step in self._steps.values())
            self._tally.read_only += not disk.was_cut
            self._recover(disk)
        return self._tally

    def _is_under_way(self) -> bool:
        """Whether a power cut may come; where several write, after their files are filled."""
        return self.stage.manner.writers == 1 or self._limit > FILES

    def _fails(self, chance: random.Random) -> Callable[[bytes], bool]:
        """Which writes fail: in three sessions of four those of files' data only, or else the
        journal fails so soon that little is done."""
        share = self.stage.manner.failing_writes / 100
        any_write = chance.random() < 0.25

        journalled = "data=journal" in self.configuration.mount_options

        def fails(data: bytes) -> bool:
            if chance.random() >= share:
                return False
            of_file = is_of_exerciser(data, operations=_ENDLESS)
            if not (any_write or of_file):
                return False
            if journalled or not of_file:
                self._trusted = min(self._trusted, self._steps[0].completed)
            self._tally.failed_writes += 1
            return True

        return fails if share else lambda _: False

    def _recover(self, disk: Disk) -> None:
        """Recover the disk as each fate leaves it, all of them in one guest."""
        with contextlib.ExitStack() as stack:
            images = [disk.leave(fate, stack.enter_context(self.stage.image()),
                                 seed=f"{self.configuration.name} {self.seed}")
                      for fate in FATES]
            ahead = iter(zip(FATES, images, strict=True))
            self._fate, self._image = next(ahead)

            judged = 0

            def take(frame: Frame) -> None:
                nonlocal judged
                self._take(frame)
                judged += frame.type is FrameType.COUNTS
                if judged == len(self._steps):
                    judged = 0
                    self._fate, self._image = next(ahead, (self._fate, self._image))

            job = b"".join(self._line("recover", device, step.limit, writer=writer,
                                      completed=min(step.completed, self._trusted),
                                      told=",".join(map(str, step.told)))
                           for device, _ in zip("abc", FATES, strict=True)
                           for writer, step in self._steps.items())
            with self.stage.guest(job + job_line("end"), images) as guest:
                self._watch(guest, take, seconds=_RECOVERY_SECONDS)
            for self._fate, self._image in zip(FATES, images, strict=True):
                self._check_filesystem()
                self._tally.cut_images += 1

    def _exercise(self, operations: int) -> bytes:
        """The job of a guest that exercises the file system."""
        failing = self.stage.manner.failing
        return (b"" if not failing else job_line("faults", percent=failing)) + (
            self._line("exercise", "a", operations) + job_line("end"))

    def _line(self, verb: str, device: str, operations: int, *, writer: int = 0,
              completed: int = 0, told: str = "") -> bytes:
        """The line of a job that does something with a disk."""
        manner = self.stage.manner
        return job_line(verb, kind="ext4", device=f"/dev/vd{device}", seed=self.seed,
                        block_size=self.configuration.block_size,
                        options=self.configuration.mount_options, operations=operations,
                        direct=manner.direct, failing=bool(manner.failing_writes),
                        writers=manner.writers, writer=writer, completed=completed, told=told)

    def _watch(self, guest: Guest, take: Callable[[Frame], None],
               was_cut: Callable[[], bool] = lambda: False, *,
               seconds: float = FRAME_SECONDS) -> None:
        """Hand on the guest's frames to its end; raises Found where the kernel does not go on or
        complains."""
        since = time.monotonic()
        try:
            guest.start_job(FRAME_SECONDS)
            for frame in guest.frames(seconds):
                since = time.monotonic()
                take(frame)
            guest.finish(time.monotonic() + FRAME_SECONDS)
        except Found as found:
            # What was found stands, whether or not the guest comes to its end.
            with contextlib.suppress(GuestError):
                guest.finish(time.monotonic() + FRAME_SECONDS)
            raise found.beside(self._complaints(guest)) from None
        except GuestError as error:
            # Whether or not the power was cut meanwhile: a cut ends a guest without a word.
            if "Kernel panic" in guest.console:
                raise self._found("panic", "the kernel panicked", [str(error)]) from error
            if isinstance(error, ProbeError):
                raise self._found("failure", "a system call failed", [str(error)]) from error
            if not was_cut():
                if time.monotonic() - since >= seconds:
                    raise self._found("hang", "the kernel hangs", [str(error)]) from error
                raise
        if said := self._complaints(guest):
            raise self._found("complaint", f"the kernel complains: {said[0].strip()}",
                              guest.console.splitlines())

    def _complaints(self, guest: Guest) -> list[str]:
        return complaints(guest.console, failing=bool(self.stage.manner.failing_writes))

    @property
    def _limit(self) -> int:
        return max(step.limit for step in self._steps.values())

    def _count_to(self, operations: int) -> None:
        self.advance(operations - self._tally.operations)
        self._tally.operations = operations

    def _take(self, frame: Frame) -> None:
        if frame.type is FrameType.STEP:
            self._steps = read_step(frame, self._steps, most=_ENDLESS)
            self._count_to(sum(step.completed for step in self._steps.values()))
        elif frame.type is FrameType.COUNTS:
            add_counts(frame, self._tally)
        elif frame.type is FrameType.DIFFERENCE:
            difference = read_difference(frame)
            raise self._found("difference", difference.title,
                              difference.details(max(self._limit, difference.operation)),
                              difference.operation)
        else:
            raise GuestError(f"the probe sent a {frame.type.name} frame while it exercised.")

    def _check_filesystem(self) -> None:
        said = check_filesystem(self._image)
        if said is not None:
            raise self._found("e2fsck", "e2fsck finds the file system damaged", said.splitlines())

    def _found(self, kind: Kind, title: str, details: list[str],
               operation: int | None = None) -> Found:
        kept = None
        try:
            kept = self._keep(kind)
        except OSError as error:  # the finding is worth more than its image
            details = [*details, f"the image could not be kept: {error.strerror}"]
        return Found(Finding(
            kind=kind, configuration=self.configuration.name, seed=self.seed,
            operation=operation, after_cut=self._fate, title=title, details=details,
            replay=self._replay(operation or self._limit or 1), kept=kept), self._tally)

    def _replay(self, reached: int) -> str:
        """The command that does the same once more, up to the operation that was reached."""
        stage = self.stage
        operations, cuts = ((0, 1) if self._fate or stage.manner.failing_writes
                            else (reached * stage.manner.writers, 0))
        more = stage.manner.options()
        if stage.machine.memory != DEFAULT_MEMORY:
            more += ["--memory", stage.machine.memory]
        if stage.append:
            more += ["--append", stage.append]
        return shlex.join(map(str, [
            "tailwalk", "verify", stage.kernel.spec, "--config", self.configuration.name,
            "--first", self.seed, "--operations", operations, "--power-cuts", cuts, *more]))

    def _keep(self, kind: Kind) -> str | None:
        if self.stage.keep is None:
            return None
        fate = f"-{self._fate}" if self._fate else ""
        path = self.stage.keep / f"{self.configuration.name}-{self.seed}{fate}-{kind}.img"
        try:
            shutil.copyfile(self._image, path)
        except OSError:
            path.unlink(missing_ok=True)
            raise
        return str(path)
