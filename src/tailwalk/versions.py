# SPDX-License-Identifier: GPL-2.0-or-later
"""Upstream kernel versions, their order, and the names that carry one."""

from __future__ import annotations

import re
from dataclasses import dataclass

_VERSION = re.compile(r"(0|[1-9]\d{0,3})\.(0|[1-9]\d{0,3})(?:\.(0|[1-9]\d{0,5}))?", re.ASCII)
_RELEASE = re.compile(r"(\d+\.\d+(?:\.\d+)?)(?!\d)(.*)", re.ASCII | re.DOTALL)


@dataclass(frozen=True)
class KernelVersion:
    """An upstream version: `x.y`, or `x.y.z`; without `patch` it means a whole line of stable
    releases.

    Versions are ordered as they were released within the mainline: 6.12.117 before 6.16.3, and a
    line as its x.y.0.
    """

    major: int
    minor: int
    patch: int | None = None

    def __str__(self) -> str:
        line = f"{self.major}.{self.minor}"
        return line if self.patch is None else f"{line}.{self.patch}"

    def __lt__(self, other: KernelVersion) -> bool:
        return self._released < other._released

    @property
    def _released(self) -> tuple[int, int, int]:
        return self.major, self.minor, self.patch or 0

    @property
    def line(self) -> KernelVersion:
        """The line of stable releases it belongs to."""
        return KernelVersion(self.major, self.minor)

    def covers(self, other: KernelVersion) -> bool:
        """Is `other` this version, or in this line?"""
        return (self.line == other.line
                and (self.patch is None or self.patch == (other.patch or 0)))


def parse_version(text: str) -> KernelVersion | None:
    """The version that `x.y` or `x.y.z` is; None for anything else."""
    match = _VERSION.fullmatch(text)
    if match is None:
        return None
    return KernelVersion(int(match[1]), int(match[2]), None if match[3] is None else int(match[3]))


def packaged_version(debian_version: str) -> KernelVersion | None:
    """6.18.15 of Debian's 6.18.15-1~bpo13+1, 6.19.0 of its 6.19-1; None for a release candidate
    (7.3~rc7-1)."""
    version = parse_version(debian_version.partition("-")[0])
    return version and KernelVersion(version.major, version.minor, version.patch or 0)


def split_release(release: str) -> tuple[KernelVersion | None, str]:
    """The version that a release as `uname -r` names it begins with, and what follows; no version
    where it begins with none."""
    match = _RELEASE.match(release.strip())
    return (parse_version(match[1]), match[2]) if match else (None, release)
