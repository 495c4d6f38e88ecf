# SPDX-License-Identifier: GPL-2.0-or-later
"""Several CPUs at one folio: what they share, and the steps that each makes of it at once.

A rule is a generator that yields steps and is sent what each gave, so it reads like the function
it mirrors. Between two steps every other CPU can look. Steps come in the order of the stores;
where the kernel has no barrier between two stores, no rule may rest on their order.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from typing import Any, NamedTuple

from tailwalk.model import folio

Event = tuple[Any, ...]
"""Something that a run did which another design has to do too."""


class Shared(NamedTuple):
    """What the CPUs share. Masks have a bit for each buffer of the ring.

    Attributes:
        newer: bytes were stored, and no bio has been given them since.
        dirty, delay, mapped, uptodate, async_write, error: flags of the buffers; `delay` stands
            for unwritten too.
        folio: flags of the folio.
        pte: is a page table entry dirty, whose bytes the folio does not know of?
        tracked: does the buffer say that its ring knows its dirty buffers?
        bits, groups, all, writes: what the ring knows: a bit for each buffer and for each group
            that may be dirty, one for all, and how many are under I/O. JUNK where nobody has
            cleared them.
        locks: names of those that are held.
        bios: on their way to the device, a mask each.
        log: the events.
    """

    newer: int = 0
    dirty: int = 0
    delay: int = 0
    mapped: int = 0
    uptodate: int = 0
    async_write: int = 0
    error: int = 0
    folio: int = folio.CACHED
    pte: int = 0
    tracked: int = 0
    bits: int = 0
    groups: int = 0
    all: int = 0
    writes: int = 0
    locks: frozenset[str] = frozenset()
    bios: tuple[int, ...] = ()
    log: tuple[Event, ...] = ()


JUNK = 1 << 16
"""More than any ring has buffers: the pointers of a list head, read as a number."""


def changed(shared: Shared, **fields: Any) -> Shared:
    """The same with other fields."""
    return shared._replace(**fields)


class CpuStep(NamedTuple):
    """What a CPU does at once.

    Attributes:
        text: in words.
        make: from what is shared to what it may become, each with what the rule is sent; nothing
            while the CPU has to wait.
    """

    text: str
    make: Callable[[Shared], Iterable[tuple[Shared, int]]]


Rule = Generator[CpuStep, int, Any]
"""A function of the kernel."""


def change(text: str, make: Callable[[Shared], tuple[Shared, int]]) -> CpuStep:
    """A step that never waits."""
    return CpuStep(text, lambda shared: (make(shared),))


def read(field: str) -> CpuStep:
    """What a field holds."""
    return change(f"reads {field}", lambda shared: (shared, getattr(shared, field)))


def test(field: str, index: int) -> CpuStep:
    """Is a bit set?"""
    return change(f"looks at {field} of {index}",
                  lambda shared: (shared, getattr(shared, field) >> index & 1))


def put(field: str, value: int) -> CpuStep:
    """Store a field."""
    return change(f"{field} becomes {value}",
                  lambda shared: (changed(shared, **{field: value}), 0))


def set_bit(field: str, index: int) -> CpuStep:
    """Set a bit; gives what it was (test_and_set_bit())."""
    return change(f"sets {field} of {index}", lambda shared: (
        changed(shared, **{field: getattr(shared, field) | 1 << index}),
        getattr(shared, field) >> index & 1))


def clear_bits(field: str, bits: int, name: object) -> CpuStep:
    """Clear bits."""
    return change(f"clears {field} of {name}", lambda shared: (
        changed(shared, **{field: getattr(shared, field) & ~bits}), 0))


def set_folio(flag: int) -> CpuStep:
    """Set a flag of the folio."""
    return change(f"marks the folio {folio.NAMES[flag]}",
                  lambda shared: (shared._replace(folio=shared.folio | flag), 0))


def clear_folio(flag: int) -> CpuStep:
    """Clear a flag of the folio."""
    return change(f"marks the folio no more {folio.NAMES[flag]}",
                  lambda shared: (shared._replace(folio=shared.folio & ~flag), 0))


def wait_while(flag: int) -> CpuStep:
    """Wait until the folio has lost a flag."""
    return CpuStep(f"has waited for the folio's {folio.NAMES[flag]}",
                   lambda shared: () if shared.folio & flag else ((shared, 0),))


def lock(name: str) -> CpuStep:
    """Take a lock."""
    return CpuStep(f"takes the {name} lock", lambda shared: () if name in shared.locks else (
        (shared._replace(locks=shared.locks | {name}), 0),))


def unlock(name: str) -> CpuStep:
    """Give a lock back."""
    return change(f"gives the {name} lock back",
                  lambda shared: (shared._replace(locks=shared.locks - {name}), 0))


def tell(*event: Any) -> CpuStep:
    """Write an event into the log."""
    return change(" ".join(map(str, event)),
                  lambda shared: (shared._replace(log=(*shared.log, event)), 0))
