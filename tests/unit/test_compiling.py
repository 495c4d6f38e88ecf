# SPDX-License-Identifier: GPL-2.0-or-later
"""What the compiler leaves behind where it is killed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tailwalk.cache import Cache
from tailwalk.compiling import compiled
from tailwalk.errors import ToolError


def test_a_compiler_that_is_killed_leaves_nothing(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = tmp_path / "tmp"
    shared.mkdir()
    monkeypatch.setenv("TMPDIR", str(shared))
    cc = tmp_path / "cc"
    cc.write_text('#!/bin/sh\n[ "$1" = --version ] && exit\n: > "$TMPDIR/made.o"\nkill -KILL $$\n')
    cc.chmod(0o755)
    cache = Cache(tmp_path / "cache")
    with pytest.raises(ToolError):
        compiled(cache, "thing", {"a.c": b""}, (), cc=str(cc))
    assert [*tmp_path.rglob("made.o")] == []
