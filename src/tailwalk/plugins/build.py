# SPDX-License-Identifier: GPL-2.0-or-later
"""Compiling the TCG plugins for the machine's QEMU."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tailwalk.cache import Cache, digest_file
from tailwalk.compiling import c_sources, compiled
from tailwalk.vm.qemu import Qemu, plugin_interface

_FLAGS = ("-std=gnu11", "-O2", "-Wall", "-Wextra", "-Wno-unused-parameter", "-fPIC", "-shared",
          "-fvisibility=hidden")


@dataclass(frozen=True)
class Plugin:
    """A compiled plugin: where it is, and the sha256 of the file."""

    path: Path
    digest: str


def build_plugin(name: Literal["trace", "calls", "split"], qemu: Qemu,
                 cache: Cache | None = None) -> Plugin:
    """The plugin of that folder for this QEMU, from the cache or compiled now.

    Raises ToolError where there is no compiler, or it fails.
    """
    sources = {file: body for file, body in c_sources("plugins").items()
               if file.startswith((f"{name}/", "framing/")) or "/" not in file}
    path = compiled(cache or Cache(), f"{name}-plugin", sources,
                    (*_FLAGS, f"-DAPI={plugin_interface(qemu)}"))
    return Plugin(path, digest_file(path))
