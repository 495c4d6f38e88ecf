# SPDX-License-Identifier: GPL-2.0-or-later
"""Portions of a measurement, and programs, on a Dask cluster (optional extra `dask`).

A worker needs this package and the QEMU that the client has; the kernel's image, the guest's first
file system and a program's root travel to it by their content, so it needs neither a shared disk,
nor a compiler, nor the archive. It boots a kernel once and keeps the state in its own cache.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import warnings
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from threading import Event, Thread
from typing import Any
from uuid import uuid4

from tailwalk import __version__
from tailwalk.cache import Cache, digest_bytes
from tailwalk.errors import TailwalkError, ToolError
from tailwalk.extras import import_extra
from tailwalk.plugins.build import Plugin
from tailwalk.progress import SILENT
from tailwalk.rigs.alone import kept_plugin
from tailwalk.rigs.bench import Bench
from tailwalk.rigs.counting import Counted, Outcome, Portion, count
from tailwalk.rigs.exec import Executed, GivenUpError, ProgramPortion, run_portion
from tailwalk.rigs.programs import ProgramPool
from tailwalk.rigs.running import Interrupts, Sink
from tailwalk.vm.qemu import find_qemu
from tailwalk.vm.state import Start

_CONNECT_SECONDS = 15
_LOOK_SECONDS = 0.2


@dataclass(frozen=True)
class WorkerTask:
    """What a worker does with a portion, and the files whose content travels there."""

    work: Callable[..., Any]
    portion: Any
    files: Sequence[Path]


@contextmanager
def _closing(client: Any) -> Generator[None]:
    """Close the client at the end. One that was waiting for a lost scheduler can fail at that
    (RuntimeError of asyncio.Timeout), and what ended the block is what has to be said."""
    try:
        yield
    finally:
        with suppress(RuntimeError):
            client.close()


class DaskPool:
    """The workers of the Dask cluster whose scheduler is at `address` (`tcp://HOST:8786`).

    A portion whose worker is lost is done again by another. Portions under way when the iterator
    is closed end on their workers, within the limits of every guest.
    """

    def __init__(self, address: str, *, seconds: float = _CONNECT_SECONDS) -> None:
        """`seconds`: how long the scheduler has to answer at first."""
        self.address, self._seconds = address, seconds

    def __call__(self, bench: Bench, portions: Sequence[Portion]) -> Generator[tuple[int, Outcome]]:
        """See `Pool`. Raises ToolError where the cluster cannot be reached or is lost."""
        return self._done(bench, [counting(portion) for portion in portions])

    def programs(self, interrupts: Interrupts) -> ProgramPool:
        """As `on_cores` for programs. What one writes comes when it has ended."""
        def run(bench: Bench, portions: Sequence[tuple[ProgramPortion, Sink | None]]) -> (
                Generator[tuple[int, Executed | TailwalkError]]):
            name = uuid4().hex
            done = self._done(bench, [WorkerTask(partial(_run_program, name), portion, (
                portion.start.kernel.image, portion.prepared.content, portion.plugin.path))
                for portion, _ in portions], within=partial(_passing_on, name, interrupts))
            with closing(done):
                for number, outcome in done:
                    if isinstance(outcome, TailwalkError):
                        yield number, outcome
                        continue
                    executed, written = outcome
                    if (sink := portions[number][1]) is not None:
                        for stream, content in written:
                            sink(stream, content)
                    yield number, executed

        return run

    def _done(self, bench: Bench, tasks: Sequence[WorkerTask], *, within: Callable[
            [Any], AbstractContextManager[None]] = nullcontext) -> Generator[tuple[int, Any]]:
        """What tasks come to, done while the client is `within` a block."""
        distributed = import_extra("distributed", extra="dask", what="--dask")
        try:
            # A client that fails on such an address complains once more when it is collected.
            distributed.comm.get_address_host_port(self.address)
            self._await_answer(distributed)
            client = distributed.Client(self.address, timeout=self._seconds,
                                        set_as_default=False, direct_to_workers=False)
        except (OSError, ValueError, TypeError) as error:
            raise ToolError(f"no Dask scheduler answers at {self.address!r} ({error}): give the "
                            "address that `dask scheduler` prints, such as "
                            "tcp://HOST:8786.") from error
        with _closing(client):
            try:
                if not client.scheduler_info()["workers"]:
                    bench.progress.note(f"the cluster at {self.address} has no worker yet: "
                                        "waiting for one.")
                    client.wait_for_workers(1)
                with within(client):
                    yield from self._outcomes(client, bench, tasks, distributed=distributed)
            except OSError as error:
                if error.filename is not None:  # a file of this machine, not the connection
                    raise
                raise self._lost() from error

    def _await_answer(self, distributed: Any) -> None:
        """Raise OSError where the scheduler says nothing: a Client waits for ever for one that
        takes the connection and is silent."""
        errors: list[Exception] = []
        answered = Event()

        async def ask() -> None:
            async with distributed.rpc(self.address, timeout=self._seconds) as scheduler:
                await scheduler.identity()

        def asking() -> None:
            try:
                asyncio.run(ask())
            except Exception as error:
                errors.append(error)
            answered.set()

        Thread(target=asking, name="dask", daemon=True).start()
        if not answered.wait(self._seconds + 1):
            raise OSError(f"nothing came for {self._seconds:g} seconds")
        if errors:
            raise OSError(str(errors[0])) from errors[0]

    def _outcomes(self, client: Any, bench: Bench, tasks: Sequence[WorkerTask], *,
                  distributed: Any) -> Generator[tuple[int, Any]]:
        paths = dict.fromkeys(path for task in tasks for path in task.files)
        # A task's argument, which Dask would rather not have so large, and not data of a worker's:
        # those die with it, and what needs them is cancelled.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            sent = {path: client.submit(bytes, path.read_bytes(), pure=False) for path in paths}
        # A worker that is busy with a task that was given up gives its result to the next of its
        # key, whoever asks.
        name = uuid4().hex
        lean = replace(bench, progress=SILENT, counted={})
        numbers = {
            client.submit(_do, task.work, __version__, lean,
                          task.portion, *(sent[path] for path in task.files),
                          key=f"tailwalk-{name}-{number}", pure=False): number
            for number, task in enumerate(tasks)}
        try:
            for future in distributed.as_completed(list(numbers), loop=client.loop):
                yield numbers.pop(future), self._outcome(future, distributed)
        finally:
            if numbers and client.status == "running":
                client.cancel(list(numbers))

    def _outcome(self, future: Any, distributed: Any) -> Any:
        try:
            return future.result()
        except TailwalkError as error:
            return error
        except distributed.CancelledError as error:
            raise self._lost() from error
        except OSError:
            raise
        except Exception as error:
            raise ToolError(f"the Dask cluster at {self.address} cannot do its work "
                            f"({type(error).__name__}: {error}): see the workers' logs.") from error

    def _lost(self) -> ToolError:
        return ToolError(f"the connection to the Dask scheduler at {self.address} is lost; the "
                         "runs that were complete are kept. Run the command again.")


def counting(portion: Portion) -> WorkerTask:
    """The task of counting a portion."""
    return WorkerTask(_count, portion, (portion.start.kernel.image,))


def _do(work: Callable[..., Any], version: str, bench: Bench, portion: Any, *sent: bytes) -> Any:
    """Do a task on a worker; runs there."""
    place = f"the Dask worker on {socket.gethostname()}"
    if version != __version__:
        raise ToolError(f"{place} has tailwalk {__version__}, the client {version}: install the "
                        "same on both.")
    qemu = find_qemu()
    if qemu.digest != bench.qemu.digest:
        raise ToolError(f"{place} has another QEMU ({qemu.version}) than the client "
                        f"({bench.qemu.version}), and its counts might differ: install the same "
                        "package on both.")
    return work(replace(bench, qemu=qemu, cache=Cache()), portion, *sent)


def _count(bench: Bench, portion: Portion, image: bytes) -> Counted:
    return count(bench, replace(portion, start=_with_image(bench.cache, portion.start, image)))


_BEGUN: list[tuple[str, Interrupts]] = []
"""On a worker: the command that each program is of, and what gives it up."""


def _give_up(name: str) -> bool:
    """Give up a command's programs on a worker; does any run yet? Runs there."""
    found = [interrupts for begun, interrupts in list(_BEGUN) if begun == name]
    for interrupts in found:
        interrupts.asked.set()
    return any(interrupts.under_way for interrupts in found)


@contextmanager
def _passing_on(name: str, interrupts: Interrupts, client: Any) -> Generator[None]:
    """While the block lasts the first Ctrl-C gives up a command's programs on all workers; where
    none runs yet, it is as ever."""
    ended = Event()

    def watch() -> None:
        told = False
        while not ended.wait(_LOOK_SECONDS):
            if not interrupts.asked.is_set():
                continue
            try:  # again and again: others may begin later
                told |= any(client.run(_give_up, name, on_error="ignore").values())
            except Exception:
                told = False  # the connection is lost
            if not told:
                signal.raise_signal(signal.SIGINT)
                return

    with interrupts.running():
        Thread(target=watch, name="interrupts", daemon=True).start()
        try:
            yield
        finally:
            ended.set()


def _run_program(name: str, bench: Bench, portion: ProgramPortion, image: bytes, content: bytes,
                 plugin: bytes) -> tuple[Executed | GivenUpError, list[tuple[int, bytes]]]:
    interrupts = Interrupts()
    prepared = replace(portion.prepared,
                       content=_kept(bench.cache, "roots", "content", content))
    written: list[tuple[int, bytes]] = []
    _BEGUN.append((name, interrupts))
    try:
        return run_portion(
            bench, replace(portion, start=_with_image(bench.cache, portion.start, image),
                           prepared=prepared, plugin=Plugin(kept_plugin(bench, plugin),
                                                            portion.plugin.digest)),
            sink=lambda stream, piece: written.append((stream, piece)),
            interrupts=interrupts), written
    except GivenUpError as late:
        return late, written
    finally:
        _BEGUN.remove((name, interrupts))


def _with_image(cache: Cache, start: Start, image: bytes) -> Start:
    return replace(start, kernel=replace(start.kernel, image=_kept(cache, "image", "image", image)))


def _kept(cache: Cache, kind: str, name: str, content: bytes) -> Path:
    """A file of the worker's cache with what was sent."""
    def keep(folder: Path) -> None:
        (folder / name).write_bytes(content)

    return cache.entry(kind, digest_bytes(content), keep) / name
