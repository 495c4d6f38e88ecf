# SPDX-License-Identifier: GPL-2.0-or-later
"""Compiling the probe with the machine's C compiler."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tailwalk.cache import Cache, digest_file
from tailwalk.compiling import c_sources, compiled

_FLAGS = ("-std=gnu11", "-O2", "-Wall", "-Wextra", "-static", "-s")


@dataclass(frozen=True)
class Probe:
    """The compiled probe: where it is, and the sha256 of the file."""

    path: Path
    digest: str


def build_probe(cache: Cache | None = None) -> Probe:
    """The probe, from the cache or compiled now.

    Raises ToolError where there is no compiler, or it fails.
    """
    path = compiled(cache or Cache(), "probe", c_sources("probe"), _FLAGS,
                    explain=_missing_library)
    return Probe(path, digest_file(path))


def _missing_library(complaint: str) -> str | None:
    if "cannot find -lc" not in complaint:
        return None
    return "the C compiler finds no static C library: as root, run apt-get install libc6-dev"
