# SPDX-License-Identifier: GPL-2.0-or-later
"""What an operating system refuses, provoked: for root too, and without filling a disk."""

from __future__ import annotations

import ctypes
import resource
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")

_CAPABILITY_VERSION_3 = 0x20080522  # linux/capability.h


def unprivileged(call: Callable[[], T]) -> T:
    """What the call gives, or raises, where the permissions of files hold for root too.

    In a thread of its own, which gives up its capabilities for good: only a thread's own are lost.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)

    def begin() -> None:
        if libc.capset(header, (ctypes.c_uint32 * 6)()):
            raise OSError(ctypes.get_errno(), "capset")

    with ThreadPoolExecutor(1, initializer=begin) as thread:
        return thread.submit(call).result()


@contextmanager
def files_up_to(length: int) -> Iterator[None]:
    """No file of this process grows beyond so many bytes: it is "too large" then."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (length, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
