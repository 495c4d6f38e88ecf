# SPDX-License-Identifier: GPL-2.0-or-later
"""Compiling the counting plugin for the machine's QEMU."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tailwalk.cache import Cache, digest_file
from tailwalk.compiling import c_sources, compiled
from tailwalk.rigs.qemu import Qemu, plugin_interface

_FLAGS = ("-std=gnu11", "-O2", "-Wall", "-Wextra", "-fPIC", "-shared", "-fvisibility=hidden")


@dataclass(frozen=True)
class Plugin:
    """The compiled plugin: where it is, and the sha256 of the file."""

    path: Path
    digest: str


def build_plugin(qemu: Qemu, cache: Cache | None = None) -> Plugin:
    """The counting plugin for this QEMU, from the cache or compiled now.

    Raises ToolError where there is no compiler, or it fails.
    """
    path = compiled(cache or Cache(), "plugin", c_sources("tailwalk.attribute.plugin"),
                    (*_FLAGS, f"-DAPI={plugin_interface(qemu)}"))
    return Plugin(path, digest_file(path))
