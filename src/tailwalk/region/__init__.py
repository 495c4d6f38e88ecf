# SPDX-License-Identifier: GPL-2.0-or-later
"""How a program marks the region of itself that `tailwalk exec` counts."""

from __future__ import annotations

from pathlib import Path

from tailwalk.cache import Cache
from tailwalk.compiling import c_sources, compiled
from tailwalk.machines import GUEST

_FLAGS = ("-std=gnu11", "-O2", "-static", "-s")


def region_header() -> str:
    """The text of tailwalk.h."""
    return (Path(__file__).parent / "tailwalk.h").read_text(encoding="utf-8")


def build_region_program(cache: Cache | None = None) -> Path:
    """The program that marks a region for scripts, from the cache or compiled now; raises
    ToolError as `compiled`."""
    return compiled(cache or Cache(), "region", c_sources("region"), _FLAGS, cc=GUEST.compiler)
