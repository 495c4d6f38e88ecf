# SPDX-License-Identifier: GPL-2.0-or-later
"""Is what was seen what the model expects?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tailwalk.cases import PAGE
from tailwalk.conformance.wire import COUNTED, DATA, SHOWN, SPLIT, TAIL, Seen
from tailwalk.model import folio
from tailwalk.model.expected import SHOWN_FLAGS, Expected
from tailwalk.model.sequence import Sequence
from tailwalk.model.words import UNITS


@dataclass(frozen=True)
class FirstDifference:
    """The first thing that differs: after which step (from 0), what it is, and both sides."""

    step: int
    what: str
    model: str
    kernel: str


def first_difference(sequence: Sequence, expected: list[Expected],
                     seen: list[Seen]) -> FirstDifference | None:
    """Where kernel and model part; None where they do not."""
    for number, (model, kernel) in enumerate(zip(expected, seen, strict=True)):
        for what, one, other in _differences(sequence, model, kernel):
            return FirstDifference(number, what, one, other)
    return None


def _differences(sequence: Sequence, model: Expected,
                 kernel: Seen) -> Iterator[tuple[str, str, str]]:
    if model.result != kernel.result:
        yield "the call's result", str(model.result), str(kernel.result)
    if model.size != kernel.size:
        yield "size", f"{model.size} bytes", f"{kernel.size} bytes"
        return
    yield from _contents(sequence, model, kernel)
    shown = show_segments(kernel)
    if any(letter not in ("?", found)
           for letter, found in zip(model.segments, shown, strict=False)):
        yield "data (D) and holes (H) by SEEK_HOLE", model.segments, shown
    in_file = -(-kernel.size // PAGE)
    if model.folio is not None and not all(
            _is_page_of(model.folio, number, page, in_file=number < in_file)
            for number, page in enumerate(kernel.pages)):
        yield "the folio, by pages", flags_text(model.folio), ", ".join(
            map(flags_text, kernel.pages))
    if model.clean and any(page & folio.UPTODATE and page & (folio.DIRTY | folio.WRITEBACK)
                           for page in kernel.pages[:in_file]):
        yield "pages after fsync", "clean", ", ".join(map(flags_text, kernel.pages))


def _is_page_of(whole: int, number: int, page: int, *, in_file: bool) -> bool:
    """Can the page be that of the model's folio?

    The flags of a folio itself are seen if it is uptodate and in the file. Of others there is at
    most the page cache's mark that it is dirty (PAGECACHE_TAG_DIRTY), which outlives the flag
    where a folio turns out to have nothing to write (try_to_free_buffers(), fs/buffer.c,
    ext4_bio_write_folio(), fs/ext4/page-io.c, v6.18).
    """
    seen = page & SHOWN_FLAGS
    if page & folio.UPTODATE and in_file:
        return seen == whole and (number == 0 or bool(page & TAIL))
    if not page & COUNTED:
        return not (page ^ whole) & folio.UPTODATE
    return seen in (whole, whole | folio.DIRTY)


def _contents(sequence: Sequence, model: Expected,
              kernel: Seen) -> Iterator[tuple[str, str, str]]:
    for unit, value in enumerate(model.contents):
        shown = kernel.blocks[unit // UNITS] & SHOWN
        if shown and kernel.units[unit] != (value, value):
            first, other = kernel.units[unit]
            yield (f"bytes {unit * sequence.unit} to {(unit + 1) * sequence.unit - 1}",
                   f"{value:#04x}", f"{first:#04x}" + (f" and {other:#04x}" if other != first
                                                       else ""))


def show_segments(kernel: Seen) -> str:
    """A letter for each block: D, H, or X where data or a hole begins in its middle."""
    return "".join("X" if block & SPLIT else "D" if block & DATA else "H"
                   for block in kernel.blocks)


def flags_text(flags: int) -> str:
    """A folio's flags in words."""
    return "+".join(name for flag, name in folio.NAMES.items()
                    if flags & flag & SHOWN_FLAGS) or "not cached"
