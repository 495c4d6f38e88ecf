# SPDX-License-Identifier: GPL-2.0-or-later
"""What a program made the disk do, in lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec.structs import astuple

from tailwalk.cases import KIB, MIB
from tailwalk.report.grid import Fact
from tailwalk.report.words import show_figure, show_ratio
from tailwalk.runs.program import ProgramOnKernel


def show_amount(size: int) -> str:
    """So many bytes, with one decimal: `28.0 MiB`."""
    if size < KIB:
        return f"{size} B"
    return f"{size / KIB:,.1f} KiB" if size < MIB else f"{size / MIB:,.1f} MiB"


def disk_lines(kernels: Sequence[ProgramOnKernel], labels: Sequence[str]) -> Iterator[str]:
    """A line for each kernel of which it is known what its disk was asked for, if that is anything
    on any; of the later ones with the ratio to the first."""
    if not _used(kernels):
        return
    first = kernels[0].disk
    for number, (kernel, label) in enumerate(zip(kernels, labels, strict=True)):
        if (disk := kernel.disk) is None:
            continue
        amplified = kernel.amplification
        beside = [] if amplified is None else [
            f"{show_ratio(amplified, times=' ×')} what the program wrote"]
        if number and first is not None and first.written:
            beside.append(f"{show_ratio(disk.written / first.written)} of {labels[0]}")
        name = f"{label}: " if len(kernels) > 1 else ""
        ratios = f" ({', '.join(beside)})" if beside else ""
        yield (f"{name}written to the disk {show_amount(disk.written)}{ratios}, "
               f"{_number(disk.flushes, 'flush', 'es')}; read {show_amount(disk.read)}")


def disk_facts(kernels: Sequence[ProgramOnKernel], labels: Sequence[str]) -> Iterator[Fact]:
    """What is counted of the disk, and why it is not where it is not."""
    if _used(kernels):
        yield "disk", ("what the file system asked for: a RAM disk has no cache to flush; "
                       f"{' / '.join(_asked(kernel) for kernel in kernels)}")
    for label, kernel in zip(labels, kernels, strict=True):
        if kernel.undisked:
            yield "note", f"nothing is said of the disk on {label}: {kernel.undisked}"


def _used(kernels: Sequence[ProgramOnKernel]) -> bool:
    return any(any(astuple(kernel.disk)) for kernel in kernels if kernel.disk)


def _asked(kernel: ProgramOnKernel) -> str:
    disk = kernel.disk
    return "-" if disk is None else (
        f"{_number(disk.writes, 'write')}, {show_figure(disk.forced)} of them past a cache")


def _number(number: int, what: str, plural: str = "s") -> str:
    return f"{show_figure(number)} {what}{plural if number != 1 else ''}"
