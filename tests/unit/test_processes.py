# SPDX-License-Identifier: GPL-2.0-or-later
"""Processes that do not outlive this one."""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from processes import gone
from tailwalk import processes

_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER of prctl(2)
LONG = 30.0


@pytest.fixture
def orphans() -> Iterator[None]:
    """Processes whose parent ended become this one's children, which asks for none's status."""
    prctl = ctypes.CDLL(None).prctl
    assert not prctl(_SUBREAPER, 1, 0, 0, 0)
    try:
        yield
    finally:
        prctl(_SUBREAPER, 0, 0, 0, 0)


@pytest.mark.usefixtures("orphans")
def test_a_group_is_gone_though_nobody_asked_how_it_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_ENDING_SECONDS", LONG)
    with processes.group(["sh", "-c", "sleep 1000 & echo $!; wait"], folder=Path(),
                         environment=os.environ) as process:
        assert process.stdout is not None
        orphan = int(process.stdout.readline())
        begun = time.monotonic()
    assert time.monotonic() - begun < LONG
    assert gone(orphan)
    os.killpg(process.pid, 0)  # what ended is in the group still
    for _ in range(3):  # the shells and the one that slept
        os.waitpid(-process.pid, 0)
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)
