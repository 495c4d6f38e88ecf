# SPDX-License-Identifier: GPL-2.0-or-later
"""Packages that one thing needs and the rest does not: the extras of this package's metadata."""

from __future__ import annotations

import re
import shlex
import sys
from importlib import import_module
from typing import Any

from tailwalk.errors import ToolError

_OF_EXTRA = re.compile(r"(?P<wanted>[^;]+?)\s*;\s*extra\s*==\s*['\"](?P<extra>[\w-]+)['\"]")


def import_extra(module: str, *, extra: str, what: str) -> Any:
    """A module of a package that `extra` brings, which has no types.

    Raises ToolError, saying that `what` needs it and how to install it, where it is missing.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise ToolError(f"{what} needs the package {module.partition('.')[0]}, which is not "
                        f"installed: {_way(extra)}.") from error


def _way(extra: str) -> str:
    """How to install an extra. Tailwalk is not in the package index: pip has to be given what the
    extra stands for, or the place that Tailwalk itself was installed from."""
    from importlib.metadata import PackageNotFoundError, requires

    try:
        metadata = requires("tailwalk") or []
    except PackageNotFoundError:  # run from a checkout that was never installed
        metadata = []
    found = [match["wanted"] for match in map(_OF_EXTRA.fullmatch, metadata)
             if match and match["extra"] == extra]
    if not found:
        return f"in the checkout, run pip install '.[{extra}]'"
    return f"run {shlex.join([sys.executable, '-m', 'pip', 'install', *found])}"
