# SPDX-License-Identifier: GPL-2.0-or-later
"""A kernel line: the releases of some series that the archive holds and that can boot."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from tailwalk.errors import SpecError
from tailwalk.kernels.listing import Available
from tailwalk.kernels.spec import KernelVersion, parse_version

_MAJOR = re.compile(r"\d{1,4}", re.ASCII)


def version_of(kernel: Available) -> KernelVersion:
    """The upstream version of a kernel of the archive; sorts by `sort_key`."""
    version = parse_version(kernel.spec.removeprefix("debian:"))
    assert version is not None  # the listing names kernels by their whole versions
    return version


def sort_key(version: KernelVersion) -> tuple[int, int, int]:
    """Orders versions as they were released within the mainline: 6.12.117 before 6.16.3."""
    return version.major, version.minor, version.patch or 0


def line_of(available: Iterable[Available], series: Sequence[str], *,
            newest: int | None = None) -> list[Available]:
    """The kernels of the series that can boot, the oldest first.

    A series is `6.18` (every 6.18.y) or `7` (every 7.x.y). With `newest`, only so many of each
    x.y. Raises SpecError for what is no series, or one of which the archive has nothing.
    """
    bootable = [kernel for kernel in available if not kernel.missing]
    chosen: dict[str, Available] = {}
    for one in series:
        members = [kernel for kernel in bootable if _covers(one, version_of(kernel))]
        if not members:
            there = dict.fromkeys(kernel.series for kernel in sorted(
                bootable, key=lambda kernel: sort_key(version_of(kernel))))
            raise SpecError(f"the archive has no kernel of the line {one} that can boot; it has "
                            f"{', '.join(there) or 'none at all'}.")
        chosen |= {kernel.spec: kernel for kernel in members}
    found = sorted(chosen.values(), key=lambda kernel: sort_key(version_of(kernel)))
    if newest is None:
        return found
    return [kernel for number, kernel in enumerate(found)
            if sum(other.series == kernel.series for other in found[number:]) <= newest]


def _covers(series: str, version: KernelVersion) -> bool:
    if _MAJOR.fullmatch(series):
        return version.major == int(series)
    parsed = parse_version(series)
    if parsed is None or parsed.patch is not None:
        raise SpecError(f"{series!r} is no kernel line: write 6.18 for every 6.18.y, or 7 for "
                        "every 7.x.")
    return parsed.covers(version)


def between(available: Iterable[Available], good: KernelVersion,
            bad: KernelVersion) -> list[Available]:
    """The kernels that can boot and were released after `good` and before `bad`, in order."""
    found = [kernel for kernel in available if not kernel.missing
             and sort_key(good) < sort_key(version_of(kernel)) < sort_key(bad)]
    return sorted(found, key=lambda kernel: sort_key(version_of(kernel)))
