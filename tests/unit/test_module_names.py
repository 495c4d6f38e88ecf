# SPDX-License-Identifier: GPL-2.0-or-later
"""pytest imports test modules by their names alone, so no two of the tree may share one."""

from __future__ import annotations

from collections import Counter
from pathlib import Path


def test_no_two_modules_share_a_name() -> None:
    tests = Path(__file__).parent.parent
    names = Counter(path.name for path in tests.rglob("*.py") if path.name != "conftest.py")
    assert [name for name, count in names.items() if count > 1] == []
