# SPDX-License-Identifier: GPL-2.0-or-later
"""Compiling the probe with the machine's C compiler."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tailwalk.cache import Cache, digest_file
from tailwalk.cases.workload import Workload, all_workloads
from tailwalk.compiling import c_sources, compiled
from tailwalk.machines import GUEST
from tailwalk.probe.declared import explained, with_declared

# A twin that takes another workload's parameters for its own is no warning.
_FLAGS = ("-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror=incompatible-pointer-types", "-static",
          "-s", "-pthread", f"-I{GUEST.name}")

# The exerciser is a program apart: a change of it must not move what the other one measures.
_EXERCISER = "exercise/"
_IN_BOTH = ("channel.c", "disk.c", "guest.c", "job.c", "main.c", "pages.c", "probe.h", "framing/",
            f"{GUEST.name}/transport.c")


@dataclass(frozen=True)
class Probe:
    """A compiled program that is a guest's /init: where it is, and the sha256 of the file."""

    path: Path
    digest: str


def build_probe(cache: Cache | None = None) -> Probe:
    """The probe, from the cache or compiled now.

    Raises ToolError where there is no compiler, or it fails.
    """
    return compile_probe(cache or Cache(), c_sources("probe"), all_workloads())


def compile_probe(cache: Cache, sources: Mapping[str, bytes],
                  workloads: Sequence[Workload], *, flags: Sequence[str] = ()) -> Probe:
    """The probe that these sources make, for the workloads declared; raises ToolError as
    `build_probe`, and where declarations and sources do not agree."""
    measuring = {file: body for file, body in sources.items() if not file.startswith(_EXERCISER)}
    return _compile(cache, "probe", with_declared(measuring, workloads), flags)


def exerciser_sources() -> dict[str, bytes]:
    """The C files of the exerciser, by their paths below `probe`."""
    return {file: body for file, body in c_sources("probe").items()
            if file.startswith((_EXERCISER, *_IN_BOTH))}


def build_exerciser(cache: Cache | None = None) -> Probe:
    """The probe that exercises a file system (probe/exercise), from the cache or compiled now;
    raises ToolError as `build_probe`."""
    return _compile(cache or Cache(), "exerciser", exerciser_sources())


def _compile(cache: Cache, name: str, sources: Mapping[str, bytes],
             flags: Sequence[str] = ()) -> Probe:
    path = compiled(cache, name, sources, (*_FLAGS, *flags), cc=GUEST.compiler,
                    explain=_explained)
    return Probe(path, digest_file(path))


def _explained(complaint: str) -> str | None:
    if "cannot find -lc" in complaint:
        return "the C compiler finds no static C library: as root, run apt-get install libc6-dev"
    return explained(complaint)
