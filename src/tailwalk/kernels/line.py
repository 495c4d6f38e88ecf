# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernels of the archive that can boot, by the lines of stable releases they belong to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from tailwalk.errors import SpecError
from tailwalk.kernels.listing import Available
from tailwalk.versions import KernelVersion, parse_version

_MAJOR = re.compile(r"\d{1,4}", re.ASCII)


def version_of(kernel: Available) -> KernelVersion:
    """The upstream version of a kernel of the archive."""
    version = parse_version(kernel.spec.removeprefix("debian:"))
    assert version is not None  # the listing names kernels by their whole versions
    return version


def line_of(available: Iterable[Available], lines: Sequence[str], *,
            newest: int | None = None) -> list[Available]:
    """The kernels of the lines that can boot, the oldest first.

    A line is `6.18` (every 6.18.y) or `7` (every 7.x.y). With `newest`, only so many of each
    x.y. Raises SpecError for what is no line, or one of which the archive has nothing.
    """
    bootable = sorted((kernel for kernel in available if not kernel.missing), key=version_of)
    chosen: set[str] = set()
    for line in lines:
        members = {kernel.spec for kernel in bootable if _covers(line, version_of(kernel))}
        if not members:
            there = dict.fromkeys(kernel.line for kernel in bootable)
            raise SpecError(f"the archive has no kernel of the line {line} that can boot; it has "
                            f"{', '.join(there) or 'none at all'}.")
        chosen |= members
    found = [kernel for kernel in bootable if kernel.spec in chosen]
    return [kernel for number, kernel in enumerate(found) if newest is None or sum(
        other.line == kernel.line for other in found[number:]) <= newest]


def _covers(line: str, version: KernelVersion) -> bool:
    if _MAJOR.fullmatch(line):
        return version.major == int(line)
    parsed = parse_version(line)
    if parsed is None or parsed.patch is not None:
        raise SpecError(f"{line!r} is no kernel line: write 6.18 for every 6.18.y, or 7 for "
                        "every 7.x.")
    return parsed.covers(version)


def between(available: Iterable[Available], good: KernelVersion,
            bad: KernelVersion) -> list[Available]:
    """The kernels that can boot and were released after `good` and before `bad`, in order."""
    return sorted((kernel for kernel in available if not kernel.missing
                   and good < version_of(kernel) < bad), key=version_of)
