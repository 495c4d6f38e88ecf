# SPDX-License-Identifier: GPL-2.0-or-later
"""The pools of workers that do the portions of a measurement."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from functools import partial
from typing import Protocol

from tailwalk.errors import TailwalkError
from tailwalk.rigs.bench import Bench
from tailwalk.rigs.cores import as_finished
from tailwalk.rigs.counting import Counted, Portion, count

Outcome = Counted | TailwalkError


class Pool(Protocol):
    """Where portions are done."""

    def work(self, bench: Bench, portions: Sequence[Portion]) -> Generator[tuple[int, Outcome]]:
        """Each portion's number and what it came to, as they finish.

        A portion that cannot be done gives its error and does not stop the others. Closing the
        iterator stops them.
        """


class LocalPool:
    """This machine's cores, a guest on each."""

    def work(self, bench: Bench, portions: Sequence[Portion]) -> Generator[tuple[int, Outcome]]:
        """See `Pool`."""
        return as_finished([partial(count, bench, portion) for portion in portions])
