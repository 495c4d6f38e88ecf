# SPDX-License-Identifier: GPL-2.0-or-later
"""A reader that goes away in the middle of a measurement ends it with its guests, quietly."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from processes import gone, guests


@pytest.mark.guest
def test_a_reader_that_leaves_ends_the_measurement(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "tailwalk", "compare", "debian:6.12", "debian:6.18", "--fresh",
         "--case", "pwrite_u1k", "--calls", "100000"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env=os.environ | {"TAILWALK_RESULTS": str(tmp_path)})
    assert process.stdout is not None
    deadline = time.monotonic() + 120
    while not (found := guests(process.pid)):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.05)
    process.stdout.close()  # as head -1 does, when it has its line
    assert process.wait(60) == 141
    assert all(map(gone, found))
