# SPDX-License-Identifier: GPL-2.0-or-later
"""The guests of some threads, to be killed together by another one."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from typing import Protocol

from tailwalk.cache import WHILE_WAITING
from tailwalk.errors import GuestError


class Member(Protocol):
    """A guest, or a crew within the crew."""

    def kill(self) -> None:
        """End it now; any thread may call this."""


class Crew:
    """The guests of some threads, to be killed together by another one: those that a thread
    starts once it has joined, and those of the crews that are made there."""

    def __init__(self) -> None:
        """Raises GuestError in a thread whose own crew was killed."""
        self._lock = threading.Lock()
        self._members: weakref.WeakSet[Member] = weakref.WeakSet()
        self._killed = False
        if THREAD.crew is not None:
            THREAD.crew.admit(self)

    def join(self) -> None:
        """Count this thread's guests among the crew from now on; while it waits for another
        process to make what it needs, the end of the crew ends it too."""
        THREAD.crew = self
        WHILE_WAITING.set(self.require_life)

    def require_life(self) -> None:
        """Raise GuestError where the crew was killed."""
        if self._killed:
            raise GuestError("the guest was stopped with others.")

    def admit(self, member: Member, start: Callable[[], None] = lambda: None) -> None:
        """Start a member; raises GuestError where the crew was killed."""
        with self._lock:
            self.require_life()
            start()
            self._members.add(member)

    def kill(self) -> None:
        """Kill every guest, and let none start any more."""
        with self._lock:
            self._killed = True
            for member in self._members:
                member.kill()


class _Thread(threading.local):
    crew: Crew | None = None


THREAD = _Thread()
"""This thread, and the crew that it joined."""
