# SPDX-License-Identifier: GPL-2.0-or-later
"""Portions of a measurement on a Dask cluster (optional extra `dask`).

A worker needs this package and the QEMU that the client has; the kernel's image and the guest's
first file system travel to it by their content, so it needs neither a shared disk, nor a
compiler, nor the archive. It boots a kernel once and keeps the state in its own cache.
"""

from __future__ import annotations

import asyncio
import socket
import warnings
from collections.abc import Generator, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread
from typing import Any
from uuid import uuid4

from tailwalk import __version__
from tailwalk.cache import Cache, digest_bytes
from tailwalk.errors import TailwalkError, ToolError
from tailwalk.extras import import_extra
from tailwalk.progress import SILENT
from tailwalk.rigs.bench import Bench
from tailwalk.rigs.counting import Counted, Outcome, Portion, count
from tailwalk.vm.qemu import find_qemu

_CONNECT_SECONDS = 15


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
        with client:
            try:
                if not client.scheduler_info()["workers"]:
                    bench.progress.note(f"the cluster at {self.address} has no worker yet: "
                                        "waiting for one.")
                    client.wait_for_workers(1)
                yield from self._outcomes(client, bench, portions, distributed=distributed)
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

    def _outcomes(self, client: Any, bench: Bench, portions: Sequence[Portion], *,
                  distributed: Any) -> Generator[tuple[int, Outcome]]:
        paths = dict.fromkeys(portion.start.kernel.image for portion in portions)
        # A task's argument, which Dask would rather not have so large, and not data of a worker's:
        # those die with it, and what needs them is cancelled.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            images = {path: client.submit(bytes, path.read_bytes(), pure=False) for path in paths}
        # A worker that is busy with a task that was given up gives its result to the next of its
        # key, whoever asks.
        name = uuid4().hex
        numbers = {
            client.submit(_count, __version__, replace(bench, progress=SILENT, counted={}), portion,
                          images[portion.start.kernel.image], key=f"tailwalk-{name}-{number}",
                          pure=False): number
            for number, portion in enumerate(portions)}
        try:
            for future in distributed.as_completed(list(numbers), loop=client.loop):
                yield numbers.pop(future), self._outcome(future, distributed)
        finally:
            if numbers and client.status == "running":
                client.cancel(list(numbers))

    def _outcome(self, future: Any, distributed: Any) -> Outcome:
        try:
            outcome: Outcome = future.result()
        except TailwalkError as error:
            return error
        except distributed.CancelledError as error:
            raise self._lost() from error
        except OSError:
            raise
        except Exception as error:
            raise ToolError(f"the Dask cluster at {self.address} cannot do its work "
                            f"({type(error).__name__}: {error}): see the workers' logs.") from error
        return outcome

    def _lost(self) -> ToolError:
        return ToolError(f"the connection to the Dask scheduler at {self.address} is lost; the "
                         "runs that were complete are kept. Run the command again.")


def _count(version: str, bench: Bench, portion: Portion, image: bytes) -> Counted:
    """Do a portion on a worker; runs there."""
    place = f"the Dask worker on {socket.gethostname()}"
    if version != __version__:
        raise ToolError(f"{place} has tailwalk {__version__}, the client {version}: install the "
                        "same on both.")
    qemu = find_qemu()
    if qemu.digest != bench.qemu.digest:
        raise ToolError(f"{place} has another QEMU ({qemu.version}) than the client "
                        f"({bench.qemu.version}), and its counts might differ: install the same "
                        "package on both.")
    cache = Cache()

    def keep(folder: Path) -> None:
        (folder / "image").write_bytes(image)

    path = cache.entry("image", digest_bytes(image), keep) / "image"
    kernel = replace(portion.start.kernel, image=path)
    return count(replace(bench, qemu=qemu, cache=cache),
                 replace(portion, start=replace(portion.start, kernel=kernel)))
