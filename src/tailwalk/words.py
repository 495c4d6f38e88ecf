# SPDX-License-Identifier: GPL-2.0-or-later
"""How a list is said, in errors as in reports."""

from __future__ import annotations

from collections.abc import Sequence


def listed(words: Sequence[str]) -> str:
    """Words with commas, and `and` before the last; nothing where there are none."""
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))
