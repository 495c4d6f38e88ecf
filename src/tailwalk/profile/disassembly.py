# SPDX-License-Identifier: GPL-2.0-or-later
"""Instructions in words, by the machine's objdump."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence

from tailwalk.machines import GUEST
from tailwalk.refusals import temporary_folder

_LINE = re.compile(r"\s*([0-9a-f]+):\t[0-9a-f ]+\t(.*)")


def disassemble(code: Sequence[tuple[int, bytes]], names: Mapping[int, str]) -> dict[int, str]:
    """The instructions at offsets in a function, in AT&T's syntax; targets of jumps and calls are
    offsets in the same function, or `names` of such. Empty where there is no objdump."""
    program = shutil.which("objdump")
    if program is None or not code:
        return {}
    slot = GUEST.code.slot
    with temporary_folder() as folder:
        path = folder / "code"
        path.write_bytes(b"".join(body.ljust(slot, GUEST.code.nop) for _, body in code))
        done = subprocess.run(
            [program, "-D", "-b", "binary", "-m", GUEST.code.objdump, "-w", str(path)],
            capture_output=True, text=True, check=False)
    said = {int(match[1], 16): " ".join(match[2].split("#")[0].split())
            for match in map(_LINE.match, done.stdout.splitlines()) if match}
    return {offset: _with_target(offset, body, said[at * slot], names)
            for at, (offset, body) in enumerate(code) if at * slot in said}


def _with_target(offset: int, body: bytes, text: str, names: Mapping[int, str]) -> str:
    """The instruction with its target in the function: objdump saw it at another place."""
    length = GUEST.code.distance_bytes(body)
    if not length:
        return text
    distance = int.from_bytes(body[-length:], "little", signed=True)
    target = offset + len(body) + distance
    return f"{text.split()[0]} {names.get(target) or format(target, '#x')}"
