# SPDX-License-Identifier: GPL-2.0-or-later
"""Names that stand for one thing. pytest imports test modules by their names alone, so no two
of the tree may share one; a class name of two files would stand for two things."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import tailwalk


def test_no_two_modules_share_a_name() -> None:
    tests = Path(__file__).parent.parent
    names = Counter(path.name for path in tests.rglob("*.py") if path.name != "conftest.py")
    assert [name for name, count in names.items() if count > 1] == []


def test_no_two_classes_share_a_name() -> None:
    names = Counter(name for path in Path(tailwalk.__path__[0]).rglob("*.py")
                    for name in re.findall(r"^class (\w+)", path.read_text(), re.MULTILINE))
    assert [name for name, count in names.items() if count > 1] == []
