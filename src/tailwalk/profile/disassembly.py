# SPDX-License-Identifier: GPL-2.0-or-later
"""Instructions in words, by the machine's objdump."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence

from tailwalk.refusals import temporary_folder

_SLOT = 16  # no x86 instruction is longer than 15 bytes
_NOP = b"\x90"
_LINE = re.compile(r"\s*([0-9a-f]+):\t[0-9a-f ]+\t(.*)")
_SHORT_JUMPS = (0xeb, *range(0x70, 0x80))


def disassemble(code: Sequence[tuple[int, bytes]], names: Mapping[int, str]) -> dict[int, str]:
    """The instructions at offsets in a function, in AT&T's syntax; targets of jumps and calls are
    offsets in the same function, or `names` of such. Empty where there is no objdump."""
    program = shutil.which("objdump")
    if program is None or not code:
        return {}
    with temporary_folder() as folder:
        path = folder / "code"
        path.write_bytes(b"".join(body.ljust(_SLOT, _NOP) for _, body in code))
        done = subprocess.run(
            [program, "-D", "-b", "binary", "-m", "i386:x86-64", "-w", str(path)],
            capture_output=True, text=True, check=False)
    said = {int(match[1], 16): " ".join(match[2].split("#")[0].split())
            for match in map(_LINE.match, done.stdout.splitlines()) if match}
    return {offset: _with_target(offset, body, said[at * _SLOT], names)
            for at, (offset, body) in enumerate(code) if at * _SLOT in said}


def _with_target(offset: int, body: bytes, text: str, names: Mapping[int, str]) -> str:
    """The instruction with its target in the function: objdump saw it at another place."""
    length = 1 if body[0] in _SHORT_JUMPS else (
        4 if body[0] in (0xe8, 0xe9) or (body[0] == 0x0f and 0x80 <= body[1] < 0x90) else 0)
    if not length:
        return text
    distance = int.from_bytes(body[-length:], "little", signed=True)
    target = offset + len(body) + distance
    return f"{text.split()[0]} {names.get(target) or format(target, '#x')}"
