# SPDX-License-Identifier: GPL-2.0-or-later
"""Portions on a made-up cluster, and what it answers."""

from __future__ import annotations

import socket
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tailwalk.errors import GuestError, ToolError
from tailwalk.progress import SILENT
from tailwalk.rigs.bench import Bench
from tailwalk.rigs.counting import Counted, Portion
from tailwalk.rigs.dask_pool import DaskPool, counting
from tailwalk.vm.qemu import Machine

BENCH = Bench(machine=Machine(), qemu=None, probe=None, cache=None, progress=SILENT)
DONE = Counted("6.18.15", [], [])


class CancelledError(Exception):
    """A future's connection is lost."""


class KilledWorker(Exception):  # noqa: N818 - its name in distributed
    """A worker died each time that it had the task."""


class Client:
    """Gives one answer to each task, whose future has finished by then."""

    def __init__(self, *answers: Counted | Exception) -> None:
        self.answers = list(answers)
        self.status = "running"
        self.loop = None
        self.keys: list[str] = []

    def submit(self, function: object, *_: object, key: str = "", **__: object) -> Any:
        if function is bytes:  # a kernel's image
            return None
        self.keys.append(key)
        return Future(self, self.answers.pop(0))


class Future:
    def __init__(self, client: Client, answer: Counted | Exception) -> None:
        self.client, self.answer = client, answer

    def result(self) -> Counted:
        if isinstance(self.answer, Counted):
            return self.answer
        raise self.answer


@pytest.fixture
def work(tmp_path: Path):
    """The outcomes of one portion on a cluster with such answers."""
    distributed = SimpleNamespace(
        as_completed=lambda futures, loop: iter(futures),  # noqa: ARG005
        CancelledError=CancelledError)
    image = tmp_path / "image"
    image.touch()
    portion = Portion(start=SimpleNamespace(kernel=SimpleNamespace(image=image)), begin=b"",
                      cases=[], calls=1)
    def outcomes(client: Client) -> list[tuple[int, object]]:
        return list(DaskPool("tcp://made")._outcomes(client, BENCH, [counting(portion)],
                                                     distributed=distributed))

    return outcomes


def test_a_scheduler_that_is_lost_with_a_result_is_named(work) -> None:
    with pytest.raises(ToolError, match="is lost"):
        work(Client(CancelledError("scheduler")))


def test_what_a_portion_that_cannot_be_done_comes_to(work) -> None:
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


@pytest.mark.slow
def test_a_scheduler_that_takes_the_connection_and_is_silent_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(ToolError, match=r"no Dask scheduler answers at .*seconds|s\b"):
            list(DaskPool(address, seconds=1)(BENCH, []))


def test_a_lost_scheduler_is_named_though_its_client_fails_to_close(
        monkeypatch: pytest.MonkeyPatch) -> None:
    class Lost:
        def scheduler_info(self) -> None:
            raise OSError("closed")

        def close(self) -> None:
            raise RuntimeError("Cannot change state of expiring Timeout")

    distributed = SimpleNamespace(Client=lambda *_, **__: Lost(), comm=SimpleNamespace(
        get_address_host_port=lambda _: None))
    monkeypatch.setattr("tailwalk.rigs.dask_pool.import_extra", lambda *_, **__: distributed)
    monkeypatch.setattr(DaskPool, "_await_answer", lambda *_: None)
    with pytest.raises(ToolError, match="is lost"):
        list(DaskPool("tcp://127.0.0.1:1")(BENCH, []))
