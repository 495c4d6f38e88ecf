# SPDX-License-Identifier: GPL-2.0-or-later
"""The notes of a run's figures, for readers."""

from __future__ import annotations

from collections.abc import Iterable

from tailwalk.runs.record import KernelRecord, Run

SOFTWARE_CHECKSUMS = "checksums in software"
"""Names, among the provenance of a record's kernel, the checksums that it computed in software on
a CPU that has an instruction for them."""


def kernel_notes(kernel: KernelRecord) -> list[str]:
    """What a reader has to know of the kernel, as sentences."""
    slow = kernel.provenance.get(SOFTWARE_CHECKSUMS)
    return [f"{slow}: what writes metadata is dearer here than on a server"] if slow else []


def notes_by_kernel(kernels: Iterable[KernelRecord]) -> list[str]:
    """What a reader has to know of each of several kernels, with its spec."""
    return [f"{kernel.spec}, {note}" for kernel in kernels for note in kernel_notes(kernel)]


def grouped_notes(run: Run) -> list[str]:
    """What a reader has to know of the run's kernel, then every note of its figures once, with the
    names of the cases it is about."""
    cases: dict[str, dict[str, None]] = {}
    for figure in run.figures:
        for note in figure.notes:
            cases.setdefault(note, {})[figure.case.name] = None
    return [*kernel_notes(run.kernel),
            *(f"{', '.join(names)}: {note}" for note, names in cases.items())]
