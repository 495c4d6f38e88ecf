# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest that TCG plugins watch, and the names of its kernel's functions."""

from __future__ import annotations

import os
import re
import struct
import time
import zlib
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from tailwalk.errors import GuestError, ToolError
from tailwalk.files import file_in_memory
from tailwalk.framing import FrameType
from tailwalk.kernels import Kernel
from tailwalk.machines import GUEST
from tailwalk.rigs.bench import Bench
from tailwalk.rigs.job import FRAME_SECONDS
from tailwalk.vm.guest import EndedError, Guest, Job
from tailwalk.vm.memory import Saved
from tailwalk.vm.state import Booted

_WHERE = struct.Struct("<3Q")


@contextmanager
def watched(bench: Bench, kernel: Kernel, booted: Booted, job: Job, *,
            plugins: Sequence[tuple[Path, str]], state: Saved | None = None,
            inherited: Sequence[int] = ()) -> Generator[tuple[Guest, Callable[[], list[bytes]]]]:
    """A guest with plugins beside, each with more of its arguments, and what reads the bytes that
    each wrote so far to the descriptor that its argument `output` names. The guest goes on from
    the booted state, or from a `state` that it was brought to later. `inherited` are descriptors
    that the plugins read.

    Raises ToolError in place of an EndedError where QEMU loaded no plugin: its first act is to
    write.
    """
    with ExitStack() as stack:
        outputs = []
        for _ in plugins:
            outputs.append(file_in_memory("the plugin's output"))
            stack.callback(os.close, outputs[-1])
        values = tuple(f"{str(path).replace(',', ',,')},output={output}{arguments}"
                       for (path, arguments), output in zip(plugins, outputs, strict=True))
        bench = replace(bench, machine=replace(bench.machine, plugins=values))
        guest = stack.enter_context(bench.guest(kernel, booted, job, state=state,
                                                inherited=[*outputs, *inherited]))
        try:
            yield guest, lambda: [os.pread(output, os.fstat(output).st_size, 0)
                                  for output in outputs]
            for used in (booted.place, *(path.parent for path, _ in plugins)):
                bench.cache.check(used)
        except EndedError as error:
            if not all(os.fstat(output).st_size for output in outputs):
                raise ToolError(
                    f"QEMU {bench.qemu.version} ({bench.qemu.program}) does not load the counting "
                    "plugin, without which it cannot be told whose instructions are executed; it "
                    f"says: {' '.join(guest.console.split()) or 'nothing'}. Use a QEMU that was "
                    "built with plugins (./configure --enable-plugins), as Debian's "
                    f"{GUEST.qemu_package} is.") from error
            raise


def symbol_text(bench: Bench, kernel: Kernel, booted: Booted) -> str:
    """The functions in the guest's /proc/kallsyms, modules included: from the cache or asked of
    a guest now (1.5 s). Empty where the kernel has no such table.

    Raises GuestError where the guest does not answer.
    """
    def make(folder: Path) -> None:
        (folder / "functions").write_bytes(_ask(bench, kernel, booted))
        bench.cache.check(booted.place)

    folder = bench.cache.entry("symbols", booted.key, make)
    return (folder / "functions").read_text(errors="replace")


_NEWBORN = re.compile(rf"^([0-9a-f]{{16}}) [tT] ({GUEST.newborn})$", re.MULTILINE)


def newborn_address(symbols: str) -> int:
    """Where new tasks begin, by the text of `symbol_text`; 0 where the kernel does not say. Of two
    functions of that name the one with a suffix comes first."""
    found = max(_NEWBORN.finditer(symbols), key=lambda match: len(match[2]), default=None)
    return 0 if found is None else int(found[1], 16)


def _ask(bench: Bench, kernel: Kernel, booted: Booted) -> bytes:
    with bench.guest(kernel, booted, b"symbols\nend\n") as guest:
        guest.start_job(FRAME_SECONDS)
        deadline = time.monotonic() + FRAME_SECONDS
        address, length, checksum = guest.frame(deadline).unpack(FrameType.SYMBOLS, _WHERE)
        text = guest.memory(address, length, deadline)
    if zlib.crc32(text) != checksum:
        raise GuestError(f"the table of {kernel.spec}'s functions is torn: its checksum does not "
                         "hold.")
    return text
