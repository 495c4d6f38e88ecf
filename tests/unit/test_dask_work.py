# SPDX-License-Identifier: GPL-2.0-or-later
"""Portions on a made-up cluster that loses what it has done."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tailwalk.errors import GuestError, ToolError
from tailwalk.progress import SILENT
from tailwalk.rigs.bench import Bench
from tailwalk.rigs.counting import Counted, Portion
from tailwalk.rigs.dask_pool import _Work
from tailwalk.vm.qemu import Machine

DONE = Counted("6.18.15", [], [])


class CancelledError(Exception):
    """A future's connection is lost."""


class KilledWorker(Exception):  # noqa: N818 - its name in distributed
    """A worker died each time that it had the task."""


class Waiting:
    """Futures in the order in which they were made."""

    def __init__(self, futures: Any, loop: object) -> None:  # noqa: ARG002
        self.futures = list(futures)

    def add(self, future: Any) -> None:
        self.futures.append(future)

    def __iter__(self) -> Iterator[Any]:
        while self.futures:
            yield self.futures.pop(0)


class Client:
    """Gives one answer to each task, whose future has finished by then."""

    def __init__(self, *answers: Counted | Exception) -> None:
        self.answers = list(answers)
        self.status = "running"
        self.loop = None
        self.keys: list[str] = []

    def scatter(self, *_: object, **__: object) -> SimpleNamespace:
        return SimpleNamespace(status="finished")

    def submit(self, *_: object, key: str, **__: object) -> Any:
        self.keys.append(key)
        return Future(self, self.answers.pop(0))


class Future:
    def __init__(self, client: Client, answer: Counted | Exception) -> None:
        self.client, self.answer, self.status = client, answer, "finished"

    def result(self) -> Counted:
        if isinstance(self.answer, Counted):
            return self.answer
        self.status = "cancelled" if isinstance(self.answer, CancelledError) else "error"
        if self.status == "cancelled" and str(self.answer) == "scheduler":
            self.client.status = "closed"
        raise self.answer

    def exception(self) -> Exception:
        assert isinstance(self.answer, Exception)
        return self.answer


@pytest.fixture
def work(tmp_path: Path):
    """The outcomes of one portion on a cluster with such answers."""
    distributed = SimpleNamespace(
        as_completed=Waiting, CancelledError=CancelledError, KilledWorker=KilledWorker)
    image = tmp_path / "image"
    image.touch()
    portion = Portion(start=SimpleNamespace(kernel=SimpleNamespace(image=image)), begin=b"",
                      cases=[], calls=1)
    bench = Bench(machine=Machine(), qemu=None, probe=None, cache=None, progress=SILENT)

    def outcomes(client: Client) -> list[tuple[int, object]]:
        return list(_Work(client, "tcp://made", bench, [portion],
                          distributed=distributed).outcomes())

    return outcomes


def test_a_result_that_is_lost_on_its_way_is_made_again(work) -> None:
    client = Client(CancelledError("worker"), DONE)
    assert work(client) == [(0, DONE)]
    assert len(set(client.keys)) == 2


def test_a_scheduler_that_is_lost_with_a_result_is_named(work) -> None:
    with pytest.raises(ToolError, match="is lost"):
        work(Client(CancelledError("scheduler")))


def test_what_a_lost_result_comes_to_the_second_time(work) -> None:
    error = GuestError("the kernel panicked")
    assert work(Client(error)) == [(0, error)]
    with pytest.raises(ToolError, match=r"cannot do its work .KilledWorker"):
        work(Client(KilledWorker("tailwalk-1")))


def test_no_two_measurements_share_a_key(work) -> None:
    """Dask would take the one's result for the other's."""
    clients = [Client(DONE) for _ in range(200)]
    for client in clients:
        work(client)
    assert len({key for client in clients for key in client.keys}) == 200
