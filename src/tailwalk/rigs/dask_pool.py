# SPDX-License-Identifier: GPL-2.0-or-later
"""Portions of a measurement on a Dask cluster (optional extra `dask`).

A worker needs this package and the QEMU that the client has; the kernel's image and the guest's
first file system travel to it by their content, so it needs neither a shared disk, nor a
compiler, nor the archive. It boots a kernel once and keeps the state in its own cache.
"""

from __future__ import annotations

import socket
from collections.abc import Generator, Sequence
from dataclasses import replace
from pathlib import Path
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

# A worker that dies takes the images it held with it, and Dask then cancels what needs them.
_ATTEMPTS = 5


class DaskPool:
    """The workers of the Dask cluster whose scheduler is at `address` (`tcp://HOST:8786`).

    A portion whose worker is lost is done again by another. Portions under way when the iterator
    is closed end on their workers, within the limits of every guest.
    """

    def __init__(self, address: str) -> None:
        self.address = address

    def __call__(self, bench: Bench, portions: Sequence[Portion]) -> Generator[tuple[int, Outcome]]:
        """See `Pool`. Raises ToolError where the cluster cannot be reached or is lost."""
        distributed = import_extra("distributed", extra="dask", what="--dask")
        try:
            # A client that fails on such an address complains once more when it is collected.
            distributed.comm.get_address_host_port(self.address)
            client = distributed.Client(self.address, timeout=_CONNECT_SECONDS,
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
                yield from _Work(client, self.address, bench, portions,
                                 distributed=distributed).outcomes()
            except OSError as error:
                if error.filename is not None:  # a file of this machine, not the connection
                    raise
                raise _lost(self.address) from error


class _Work:
    """Some portions on their way through a cluster."""

    def __init__(self, client: Any, address: str, bench: Bench, portions: Sequence[Portion], *,
                 distributed: Any) -> None:
        self._client = client
        self._distributed = distributed
        self._address = address
        self._bench = replace(bench, progress=SILENT)
        self._portions = portions
        self._attempt = dict.fromkeys(range(len(portions)), 0)
        # A worker that is busy with a task that was given up gives its result to the next of its
        # key, whoever asks.
        self._name = uuid4().hex
        self._images: dict[Path, Any] = {}

    def outcomes(self) -> Generator[tuple[int, Outcome]]:
        numbers = {self._submit(number): number for number in range(len(self._portions))}
        waiting = self._distributed.as_completed(numbers, loop=self._client.loop)
        try:
            for future in waiting:
                number = numbers.pop(future)
                outcome = self._outcome(future)
                if outcome is not None:
                    yield number, outcome
                else:
                    again = self._again(number, future)
                    numbers[again] = number
                    waiting.add(again)
        finally:
            if numbers and self._client.status == "running":
                self._client.cancel(list(numbers))

    def _submit(self, number: int) -> Any:
        portion = self._portions[number]
        path = portion.start.kernel.image
        image = self._images.get(path)
        if image is None or image.status == "cancelled":
            image = self._images[path] = self._client.scatter(path.read_bytes(), hash=False)
        return self._client.submit(_count, __version__, self._bench, portion, image,
                                   key=f"tailwalk-{self._name}-{number}-{self._attempt[number]}",
                                   pure=False)

    def _again(self, number: int, future: Any) -> Any:
        """A new future for a portion that was lost with its worker or its image."""
        if self._client.status != "running":
            raise _lost(self._address)
        self._attempt[number] += 1
        if future.status == "error" or self._attempt[number] == _ATTEMPTS:
            reason = future.exception() if future.status == "error" else "lost each time"
            raise ToolError(f"the Dask cluster at {self._address} cannot do its work "
                            f"({type(reason).__name__}: {reason}): see the workers' logs.")
        self._images.clear()
        return self._submit(number)

    def _outcome(self, future: Any) -> Outcome | None:
        """What a portion came to; None where it was lost, perhaps after its end but before it
        came."""
        if future.status == "error":
            error = future.exception()
            return error if isinstance(error, TailwalkError) else None
        if future.status != "finished":
            return None
        try:
            outcome: Outcome = future.result()
        except TailwalkError as error:
            return error
        except (self._distributed.CancelledError, self._distributed.KilledWorker):
            return None
        return outcome


def _lost(address: str) -> ToolError:
    return ToolError(f"the connection to the Dask scheduler at {address} is lost; the runs that "
                     "were complete are kept. Run the command again.")


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
