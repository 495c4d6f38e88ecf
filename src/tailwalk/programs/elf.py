# SPDX-License-Identifier: GPL-2.0-or-later
"""What an ELF file of the guest's machine says it needs: a loader and libraries, by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

from elftools.common.exceptions import ELFError
from elftools.elf.dynamic import DynamicSegment
from elftools.elf.elffile import ELFFile
from elftools.elf.segments import InterpSegment

from tailwalk.errors import UsageError
from tailwalk.machines import GUEST


@dataclass(frozen=True)
class Elf:
    """What a program or library needs.

    Attributes:
        loader: the path of what loads its libraries; empty for a static program and a library.
        needed: the names of libraries.
        runpath: where these are looked for first, as written (DT_RUNPATH).
        rpath: the same, for those that its libraries need too (DT_RPATH, where there is no other).
    """

    loader: str
    needed: Sequence[str]
    runpath: Sequence[str]
    rpath: Sequence[str]


def read_elf(stream: BinaryIO, what: str) -> Elf:
    """What the file `what` needs; raises UsageError where it is no ELF file of the guest's
    machine."""
    try:
        elf = ELFFile(stream)
        machine, kind, width = elf["e_machine"], elf["e_type"], elf.elfclass
        loader, needed = "", list[str]()
        paths: dict[str, list[str]] = {"DT_RUNPATH": [], "DT_RPATH": []}
        if machine == GUEST.elf and width == 64:
            for segment in elf.iter_segments():
                if isinstance(segment, InterpSegment):
                    loader = segment.get_interp_name()
                elif isinstance(segment, DynamicSegment):
                    for tag in segment.iter_tags():
                        name = tag.entry.d_tag
                        text = getattr(tag, name[len("DT_"):].lower(), "")
                        if name == "DT_NEEDED":
                            needed.append(text)
                        elif name in paths:
                            paths[name] += text.split(":")
    # A damaged file has pyelftools fail in more ways than its own.
    except (ELFError, OverflowError, ValueError, AttributeError, KeyError, IndexError, TypeError,
            RecursionError) as error:
        raise UsageError(f"{what} is no ELF program ({error or type(error).__name__}), nor a "
                         "script, whose first line is #! and its interpreter.") from error
    if machine != GUEST.elf or width != 64 or kind not in ("ET_EXEC", "ET_DYN"):
        raise UsageError(f"{what} is an ELF file of machine {machine} and type {kind}, and guests "
                         f"run {GUEST.title} programs.")
    return Elf(loader, needed, paths["DT_RUNPATH"],
               [] if paths["DT_RUNPATH"] else paths["DT_RPATH"])


def interpreter_of(head: bytes) -> tuple[str, str] | None:
    """The interpreter and its argument that a script's first line names; None for no script."""
    if not head.startswith(b"#!"):
        return None
    line = head[2:].split(b"\n", 1)[0].decode(errors="surrogateescape").strip()
    name, _, argument = line.partition(" ")
    return name, argument.strip()
