# SPDX-License-Identifier: GPL-2.0-or-later
"""The routes of the designs: does a walk visit buffer i?

Each is one formula over the buffer's number `i`, the written range's `start` and `end`, the size
of a `block` and whether the folio was `uptodate` on entry. The model asks it of plain integers and
truth values, the proof of z3's terms.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tailwalk.extras import import_extra

Visits = Callable[[Any, Any, Any, Any, Any], Any]


def logic() -> Any:
    """z3."""
    return import_extra("z3", extra="proof", what="the proof")


def is_outside(i: Any, start: Any, end: Any, block: Any) -> Any:
    """Is a buffer outside the written range?"""
    return _either((i + 1) * block <= start, i * block >= end)


def whole_ring(*_: Any) -> Any:
    """Every buffer, to v7.2."""
    return True


def begin_to_end_of_write(i: Any, start: Any, end: Any,  # noqa: ARG001
                          block: Any, uptodate: Any) -> Any:
    """ext4_block_write_begin(), v7.3: block_start < to || (!folio_uptodate && bh != head)."""
    return _either(_not(uptodate), i * block < end)


def commit_to_end_of_write(i: Any, start: Any, end: Any,  # noqa: ARG001
                           block: Any, uptodate: Any) -> Any:
    """block_commit_write(), v7.3: leaves after a buffer with uptodate && block_start >= to."""
    return _either(_not(uptodate), i == 0, i * block < end)


def only_span(i: Any, start: Any, end: Any, block: Any, uptodate: Any) -> Any:
    """Nothing but the buffers that the write touches, where the folio was uptodate on entry."""
    return _either(_not(uptodate), _both((i + 1) * block > start - start % block, i * block < end))


def one_short(i: Any, start: Any, end: Any, block: Any, uptodate: Any) -> Any:  # noqa: ARG001
    """Wrong: the commit leaves one buffer early."""
    return _either(_not(uptodate), i == 0, (i + 1) * block < end)


def cut_always(route: Visits) -> Visits:
    """Wrong: cuts the walk of a folio that is not uptodate too."""
    return lambda i, start, end, block, _: route(i, start, end, block, True)


def _either(*terms: Any) -> Any:
    return logic().Or(*terms) if any(map(_symbolic, terms)) else any(terms)


def _both(*terms: Any) -> Any:
    return logic().And(*terms) if any(map(_symbolic, terms)) else all(terms)


def _not(term: Any) -> Any:
    return logic().Not(term) if _symbolic(term) else not term


def _symbolic(term: Any) -> bool:
    return not isinstance(term, (bool, int))
