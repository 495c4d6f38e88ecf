# SPDX-License-Identifier: GPL-2.0-or-later
"""Sequences as the probe's `replay` command takes them, and what it sees (probe/replay.c)."""

from __future__ import annotations

import struct
from collections.abc import Sequence as Sequences
from dataclasses import dataclass

from tailwalk.cases import PAGE
from tailwalk.framing import Frame, FrameType
from tailwalk.model.sequence import ACTIONS, LAYOUTS, Sequence
from tailwalk.model.words import UNITS
from tailwalk.probe.job import job_line

_HEAD = struct.Struct("<II")
_STEP = struct.Struct("<BBxxIII")
_SEEN = struct.Struct("<iI")

TAIL, COUNTED = 16, 32
"""Of a page: it is uptodate and lies behind the first page of its folio; the kernel has
cachestat(2), so that pages which are not uptodate are seen too."""

DATA, SHOWN, SPLIT = 1, 2, 4
"""Of a block: SEEK_DATA finds it; its bytes were read from the page cache; data or a hole begins
in its middle."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What was seen after a step.

    Attributes:
        result: of the call: a count, 0, or a negative error number.
        size: st_size, bytes.
        pages: flags of each page's folio (`model.expected.SHOWN_FLAGS`), TAIL and COUNTED.
        blocks: DATA, SHOWN and SPLIT of each block.
        units: of each half block the first byte and the first that is another; the same one twice
            where it holds but one value.
    """

    result: int
    size: int
    pages: bytes
    blocks: bytes
    units: tuple[tuple[int, int], ...]


def encode(sequence: Sequence) -> bytes:
    """A sequence as the probe reads it."""
    return b"".join([
        _HEAD.pack(len(sequence.layout), len(sequence.steps)),
        bytes(LAYOUTS.index(kind) for kind in sequence.layout),
        *(_STEP.pack(ACTIONS.index(step.do), step.value, step.offset, step.length,
                     step.copied if step.value else 0) for step in sequence.steps)])


def replay_lines(sequences: Sequences[Sequence], device: str) -> bytes:
    """The part of a job that replays sequences, all with blocks of one size, on the file system
    that is mounted from `device`."""
    encoded = b"".join(map(encode, sequences))
    return job_line("replay", device=device, block_size=sequences[0].block_size,
                    length=len(encoded)) + encoded


def decode(frame: Frame, sequence: Sequence) -> list[Seen]:
    """The content of a SEEN frame: what was seen after each step of the sequence.

    Raises GuestError for another frame.
    """
    blocks = len(sequence.layout)
    pages = -(-blocks * sequence.block_size // PAGE)
    record = _SEEN.size + pages + blocks + 2 * UNITS * blocks
    frame.expect(FrameType.SEEN, record * len(sequence.steps))
    found = []
    for at in range(0, len(frame.payload), record):
        result, size = _SEEN.unpack_from(frame.payload, at)
        rest = frame.payload[at + _SEEN.size:at + record]
        units = rest[pages + blocks:]
        found.append(Seen(result=result, size=size, pages=rest[:pages],
                          blocks=rest[pages:pages + blocks],
                          units=tuple(zip(units[::2], units[1::2], strict=True))))
    return found
