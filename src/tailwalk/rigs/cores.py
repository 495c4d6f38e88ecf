# SPDX-License-Identifier: GPL-2.0-or-later
"""Independent jobs side by side on this machine's cores."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing
from typing import TypeVar

from tailwalk.errors import TailwalkError
from tailwalk.vm.crew import Crew

K = TypeVar("K")
T = TypeVar("T")


def cores() -> int:
    """CPUs this process may run on."""
    return len(os.sched_getaffinity(0))


def as_finished(jobs: Sequence[Callable[[], T]], *,
                workers: int | None = None) -> Generator[tuple[int, T | TailwalkError]]:
    """Each job's number and what it returned, or the error of the project's tree that it raised,
    as the jobs finish; as many at a time as there are cores.

    Any other exception passes through. Then, at Ctrl-C, and where the iterator is closed before
    its end, the guests of the jobs under way are killed and the rest is not begun.
    """
    crew = Crew()
    pool = ThreadPoolExecutor(workers or cores(), thread_name_prefix="guest",
                              initializer=crew.join)
    numbers = {pool.submit(job): number for number, job in enumerate(jobs)}
    try:
        for future in as_completed(numbers):
            error = future.exception()
            if error is not None and not isinstance(error, TailwalkError):
                raise error
            yield numbers[future], future.result() if error is None else error
    except BaseException:
        crew.kill()
        pool.shutdown(cancel_futures=True)
        raise
    pool.shutdown()


def run_jobs(jobs: Sequence[Callable[[], T]], *, workers: int | None = None) -> list[T]:
    """What the jobs return, in their order; as many at a time as there are cores.

    At the first job that raises, or at Ctrl-C, the guests of all others are killed and the error
    passes through.
    """
    found = collected(as_finished(jobs, workers=workers))
    return [found[number] for number in range(len(jobs))]


def collected(finished: Generator[tuple[K, T | TailwalkError]]) -> dict[K, T]:
    """What comes as it is finished, by its name. The first error closes the iterator, which stops
    the rest, and passes through."""
    found: dict[K, T] = {}
    with closing(finished):
        for name, outcome in finished:
            if isinstance(outcome, TailwalkError):
                raise outcome
            found[name] = outcome
    return found
