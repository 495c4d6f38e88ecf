# SPDX-License-Identifier: GPL-2.0-or-later
"""Traces and profiles made up for tests."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Sequence

from made_runs import made_case, made_figure

from tailwalk.cases import Case, Filesystem
from tailwalk.kernels.symbols import packed_names
from tailwalk.profile.record import (
    Loop,
    OtherCalls,
    Profile,
    ProfiledFunction,
    TreeNode,
)
from tailwalk.profile.trace import Block, Stretch
from tailwalk.runs import Conditions, KernelRecord

KERNEL = 0xffffffff81000000


def frame(kind: int, payload: bytes) -> bytes:
    """A frame as the counting plugin writes it."""
    head = struct.pack("<II", kind, len(payload))
    return b"TWP1" + head + struct.pack("<I", zlib.crc32(payload, zlib.crc32(head))) + payload


def block(offset: int, length: int, *, size: int = 4, code: bytes | None = None) -> Block:
    """A kernel block of `length` instructions of `size` bytes each."""
    body = code if code is not None else bytes(length * size)
    return Block(KERNEL + offset, bytes([size] * length), body)


def run(offset: int, length: int, *, executed: int | None = None, times: int = 1,
        code: bytes | None = None) -> Stretch:
    """A kernel block executed whole, or its first `executed` instructions."""
    return Stretch(block(offset, length, code=code), length if executed is None else executed,
                    times)


def made_profile(tree: Sequence[tuple[str, int, int]], *, spec: str = "debian:6.12",
                 symbols: Iterable[str] = (), case: Case | None = None, digest: str | None = None,
                 filesystem: Filesystem | None = None, loops: Sequence[Loop] = (),
                 others: Sequence[OtherCalls] = (), written: int | None = 0) -> Profile:
    """A profile with a call tree of (function, index of the parent, instructions)."""
    names = list(dict.fromkeys(name for name, _, _ in tree))
    counts = {name: sum(count for other, _, count in tree if other == name) for name in names}
    total = sum(counts.values())
    return Profile(
        tailwalk="0", created="2026-01-01T00:00:00+00:00",
        kernel=KernelRecord(spec=spec, release=spec.partition(":")[2], digest=digest or spec),
        conditions=Conditions(filesystem=filesystem or Filesystem(), probe="p",
                              machine={"qemu": "7.2.22"}),
        plugin="p", inputs="i",
        figure=made_figure(case or made_case(), total + 8, user=8, share=1.0,
                           calls=[(total + 8, 300)], folios=[], order=written),
        count=total, unattributed=0, share=0.99,
        functions=[ProfiledFunction(name=name, address=hex(KERNEL + 4096 * at), count=counts[name],
                                    instructions=[f"0x0 {counts[name]} 90"])
                   for at, name in enumerate(names)],
        tree=[TreeNode(function=names.index(name), parent=parent, entered=1, count=count)
              for name, parent, count in tree],
        loops=list(loops), others=list(others), others_left=0,
        symbols=packed_names(frozenset({*names, *symbols})))
