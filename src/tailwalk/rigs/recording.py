# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest whose calls a TCG plugin records, and the names of its kernel's functions."""

from __future__ import annotations

import os
import struct
import time
import zlib
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from tailwalk.cases import Case, Filesystem
from tailwalk.errors import GuestError, ToolError
from tailwalk.framing import FrameType
from tailwalk.kernels import Kernel
from tailwalk.machines import GUEST
from tailwalk.refusals import naming
from tailwalk.rigs.bench import Bench
from tailwalk.rigs.counting import FRAME_SECONDS, collect_figures
from tailwalk.rigs.job import counting_job, prologue
from tailwalk.runs import Figure
from tailwalk.vm.guest import Guest
from tailwalk.vm.state import Booted

_WHERE = struct.Struct("<3Q")


def record(bench: Bench, kernel: Kernel, booted: Booted, *, case: Case, filesystem: Filesystem,
           calls: int, plugin: Path) -> tuple[Figure, bytes]:
    """Measure one case with the plugin beside, which writes to the descriptor that its argument
    `output` names: the figure, as the exact rig has it, and the bytes that the plugin wrote.

    Raises ToolError where QEMU loads no plugin, GuestError as `collect_figures`.
    """
    job = counting_job(prologue(filesystem, bench.cache), [case], calls)
    with watched(bench, kernel, booted, job, plugin=plugin) as (guest, output):
        figure, = collect_figures(guest, [case], calls)
        return figure, output()


@contextmanager
def watched(bench: Bench, kernel: Kernel, booted: Booted, job: bytes, *, plugin: Path,
            arguments: str = "") -> Generator[tuple[Guest, Callable[[], bytes]]]:
    """A guest with a plugin beside, and what reads the bytes that the plugin wrote so far to the
    descriptor that its argument `output` names; `arguments` are more of its.

    Raises ToolError in place of a GuestError where QEMU loaded no plugin: its first act is to
    write.
    """
    with ExitStack() as stack:
        with naming("a file in memory for the plugin's output"):
            output = os.memfd_create("tailwalk-plugin", os.MFD_CLOEXEC)
        stack.callback(os.close, output)
        value = f"{str(plugin).replace(',', ',,')},output={output}{arguments}"
        bench = replace(bench, machine=replace(bench.machine, plugins=(value,)))
        guest = stack.enter_context(bench.guest(kernel, booted, job, inherited=(output,)))
        try:
            yield guest, lambda: os.pread(output, os.fstat(output).st_size, 0)
            for used in (booted.place, plugin.parent):
                bench.cache.check(used)
        except GuestError as error:
            if os.fstat(output).st_size == 0:
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
