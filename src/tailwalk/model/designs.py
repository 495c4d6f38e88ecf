# SPDX-License-Identifier: GPL-2.0-or-later
"""The designs of the walk by name: those that are proposed, and wrong ones that a check must
catch.

A route says whether a walk visits buffer `i`: one formula over the buffer's number, the written
range's `start` and `end`, the size of a `block`, and whether the walk is `whole` because the folio
was not uptodate on entry. The model asks it of plain integers and truth values, the proof of z3's
terms.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tailwalk.errors import UsageError
from tailwalk.model import bh, wrong
from tailwalk.model.walks import BitmapWalk, CommitAt, RingWalk, Visits, Walk, commit_at
from tailwalk.model.words import MODES, Mode
from tailwalk.model.writeback import Flush, Whole


def whole_ring(*_: Any) -> Any:
    """Every buffer, to v7.2."""
    return True


def begin_to_end_of_write(i: Any, start: Any, end: Any, block: Any, whole: Any) -> Any:  # noqa: ARG001
    """ext4_block_write_begin(), v7.3: block_start < to || (!folio_uptodate && bh != head)."""
    return whole | (i * block < end)


def commit_to_end_of_write(i: Any, start: Any, end: Any, block: Any, whole: Any) -> Any:  # noqa: ARG001
    """block_commit_write(), v7.3: leaves after a buffer with uptodate && block_start >= to."""
    return whole | (i == 0) | (i * block < end)


def only_span(i: Any, start: Any, end: Any, block: Any, whole: Any) -> Any:
    """Nothing but the buffers that the write touches, where the folio was uptodate on entry."""
    return whole | (((i + 1) * block > start - start % block) & (i * block < end))


def one_short(i: Any, start: Any, end: Any, block: Any, whole: Any) -> Any:  # noqa: ARG001
    """Wrong: the commit leaves one buffer early."""
    return whole | (i == 0) | ((i + 1) * block < end)


def cut_always(route: Visits) -> Visits:
    """Wrong: cuts the walk of a folio that is not uptodate too."""
    return lambda i, start, end, block, whole: route(i, start, end, block, whole & False)


@dataclass(frozen=True, kw_only=True)
class Design:
    """A design of the walks.

    Attributes:
        name: as the command line has it.
        summary: what it visits, in one line.
        begin, commit: the routes of the walks along the ring; None: it walks none.
        indexed: does it reach the middle of the ring by an index?
        at: the body of the commit's loop.
        writeback: the walks of wrong.
        modes: the modes of the file system that it can serve.
        wrong: True for the variants that only show that a check catches them.
    """

    name: str
    summary: str
    begin: Visits | None = None
    commit: Visits | None = None
    indexed: bool = False
    at: CommitAt = commit_at
    writeback: type[Whole] = Whole
    modes: tuple[Mode, ...] = MODES
    wrong: bool = False

    @property
    def routes(self) -> tuple[Visits, Visits] | None:
        """The routes, where they are all that it differs in from others."""
        if self.begin is None or self.commit is None or self.at is not commit_at:
            return None
        return self.begin, self.commit

    def walk(self) -> Walk:
        """Its walks."""
        if self.begin is None or self.commit is None:
            return BitmapWalk()
        return RingWalk(self.begin, self.commit, indexed=self.indexed, at=self.at)


def _clean_commit_at(flags: int, outside: bool) -> tuple[int, int]:
    """The commit without mark_buffer_dirty()."""
    after, operations = commit_at(flags, outside)
    return after & ~bh.DIRTY | flags & bh.DIRTY, operations


DESIGNS = {design.name: design for design in (
    Design(name="full", summary="every buffer of the ring, to v7.2",
           begin=whole_ring, commit=whole_ring),
    Design(name="tail", summary="to the end of the write if the folio is uptodate, from v7.3",
           begin=begin_to_end_of_write, commit=commit_to_end_of_write),
    Design(name="seek", summary="only the span if the folio is uptodate, reached along the ring",
           begin=only_span, commit=only_span),
    Design(name="span", summary="as seek, reached by an index of the ring",
           begin=only_span, commit=only_span, indexed=True),
    Design(name="flush", summary="as span; writeback passes the buffers that may be dirty",
           begin=only_span, commit=only_span, indexed=True, writeback=Flush),
    Design(name="bitmap", summary="iomap's uptodate and dirty bits in place of the ring",
           modes=("ordered",)),
    Design(name="cut-always", summary="wrong: cuts the walks of folios that are not uptodate too",
           begin=cut_always(begin_to_end_of_write), commit=cut_always(commit_to_end_of_write),
           wrong=True),
    Design(name="off-by-one", summary="wrong: tail, but the commit leaves one buffer early",
           begin=begin_to_end_of_write, commit=one_short, wrong=True),
    Design(name="clean-commit", summary="wrong: tail, but the commit leaves its buffers clean",
           begin=begin_to_end_of_write, commit=commit_to_end_of_write, at=_clean_commit_at,
           wrong=True),
    *(Design(name=name, summary=f"wrong: flush, but {summary}", begin=only_span,
             commit=only_span, indexed=True, writeback=kind, wrong=True)
      for name, kind, summary in (
          ("forget-early", wrong.ForgetEarly,
           "what the ring knows is taken before the folio is marked clean"),
          ("forget-chosen", wrong.ForgetChosen,
           "the first loop forgets what the second is to submit"),
          ("keep-none", wrong.KeepNone, "a buffer that stays dirty is forgotten"),
          ("mark-late", wrong.MarkLate,
           "that any may be dirty is said after the folio was marked"),
          ("peek", wrong.Peek, "whether any may be dirty is looked at without the lock"),
          ("end-early", wrong.EndEarly, "the end of a bio looks at its own buffers alone"),
          ("count-late", wrong.CountLate, "buffers are counted after they were submitted"),
          ("track-early", wrong.TrackEarly,
           "a ring is seen to be tracked before its leaves are cleared"))),
)}


def find_design(name: str) -> Design:
    """The design called `name`; raises UsageError for another name."""
    if name not in DESIGNS:
        raise UsageError(f"there is no design {name!r}: a design is one of {', '.join(DESIGNS)}.")
    return DESIGNS[name]
