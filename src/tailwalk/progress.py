# SPDX-License-Identifier: GPL-2.0-or-later
"""How long work (download, build, boot, sweep) tells where it is.

The packages that do the work speak to the `Progress` protocol; the command line decides whether
that becomes bars on a terminal or plain lines in a log.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Task(Protocol):
    """One piece of work under way."""

    def advance(self, amount: float = 1) -> None:
        """Count `amount` more units of the task's total as done."""

    def say(self, text: str) -> None:
        """Replace the short text that tells what the task is doing now."""


class Progress(Protocol):
    """Where tasks and notes go."""

    def task(self, label: str, total: float | None = None) -> AbstractContextManager[Task]:
        """Open a task of `total` units (None: not known beforehand)."""

    def note(self, text: str) -> None:
        """Say one line that the user should read even after the work is done."""


class _SilentTask:
    def advance(self, amount: float = 1) -> None:
        """Count nothing."""

    def say(self, text: str) -> None:
        """Say nothing."""


class Silent:
    """A Progress that shows nothing: the default of every Python entry point."""

    @contextmanager
    def task(self, label: str, total: float | None = None) -> Iterator[Task]:  # noqa: ARG002
        """Open a task that shows nothing."""
        yield _SilentTask()

    def note(self, text: str) -> None:
        """Say nothing."""


SILENT = Silent()
