# SPDX-License-Identifier: GPL-2.0-or-later
"""Processes that do not outlive this one."""

from __future__ import annotations

from collections.abc import Sequence


def bound(command: Sequence[str]) -> list[str]:
    """A command whose process the kernel kills if the thread that started it dies (prctl(2))."""
    return ["setpriv", "--pdeathsig", "KILL", "--", *command]
