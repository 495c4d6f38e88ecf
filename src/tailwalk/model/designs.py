# SPDX-License-Identifier: GPL-2.0-or-later
"""The designs of the walk by name: those that are proposed, and wrong ones that a check must
catch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tailwalk.errors import UsageError
from tailwalk.model.walks import (
    BitmapWalk,
    RingWalk,
    Span,
    Walk,
    begin_to_end_of_write,
    commit_at,
    commit_to_end_of_write,
    only_span,
    whole_ring,
)
from tailwalk.model.words import DIRTY, MODES, Mode


@dataclass(frozen=True, kw_only=True)
class Design:
    """A design of the two walks.

    Attributes:
        name: as the command line has it.
        summary: what it visits, in one line.
        walk: makes it.
        modes: the modes of the file system that it can serve.
        wrong: True for the variants that only show that a check catches them.
    """

    name: str
    summary: str
    walk: Callable[[], Walk]
    modes: tuple[Mode, ...] = MODES
    wrong: bool = False


def _clean_commit_at(flags: int, outside: bool) -> tuple[int, bool, int]:
    """The commit without mark_buffer_dirty()."""
    after, partial, operations = commit_at(flags, outside)
    return after & ~DIRTY | flags & DIRTY, partial, operations


def _cut_always(route: Callable[[Span, bool], range]) -> Callable[[Span, bool], range]:
    return lambda span, uptodate: route(span, True)  # noqa: ARG005


def _one_short(span: Span, uptodate: bool) -> range:
    if not uptodate:
        return range(span.buffers)
    return range(max(1, (span.end - 1) // span.block))


DESIGNS = {design.name: design for design in (
    Design(name="full", summary="every buffer of the ring, to v7.2",
           walk=lambda: RingWalk(whole_ring, whole_ring)),
    Design(name="tail", summary="to the end of the write if the folio is uptodate, from v7.3",
           walk=lambda: RingWalk(begin_to_end_of_write, commit_to_end_of_write)),
    Design(name="seek", summary="only the span if the folio is uptodate, reached along the ring",
           walk=lambda: RingWalk(only_span, only_span)),
    Design(name="span", summary="as seek, reached by an index of the ring",
           walk=lambda: RingWalk(only_span, only_span, indexed=True)),
    Design(name="bitmap", summary="iomap's uptodate and dirty bits in place of the ring",
           walk=BitmapWalk, modes=("ordered",)),
    Design(name="cut-always", summary="wrong: cuts the walks of folios that are not uptodate too",
           walk=lambda: RingWalk(_cut_always(begin_to_end_of_write),
                                 _cut_always(commit_to_end_of_write)), wrong=True),
    Design(name="off-by-one", summary="wrong: tail, but the commit leaves one buffer early",
           walk=lambda: RingWalk(begin_to_end_of_write, _one_short), wrong=True),
    Design(name="clean-commit", summary="wrong: tail, but the commit leaves its buffers clean",
           walk=lambda: RingWalk(begin_to_end_of_write, commit_to_end_of_write,
                                 at=_clean_commit_at), wrong=True),
)}


def find_design(name: str) -> Design:
    """The design called `name`; raises UsageError for another name."""
    if name not in DESIGNS:
        raise UsageError(f"there is no design {name!r}: a design is one of {', '.join(DESIGNS)}.")
    return DESIGNS[name]
