# SPDX-License-Identifier: GPL-2.0-or-later
"""The probe's channel where several processes send frames, of which one may be killed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tailwalk.compiling import c_sources
from tailwalk.machines import GUEST

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def senders(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("channel")
    harness = (Path(__file__).parent / "killed_writer.c").read_bytes()
    for name, body in {**c_sources("probe"), "harness.c": harness}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(body)
    subprocess.run(["cc", "-std=gnu11", "-Wall", "-Werror", "-pthread", "-I.", f"-I{GUEST.name}",
                    "harness.c", "channel.c", "-o", "program"], cwd=folder, check=True)
    return folder / "program"


def test_frames_of_children_follow_each_other(senders):
    done = subprocess.run([senders], capture_output=True, check=True, timeout=60)
    assert done.stdout.count(b"TWP1") == 2 and b"step" in done.stdout


def test_a_child_that_is_killed_within_a_frame_ends_the_guest(senders):
    """Nobody waits for its turn for ever, and nothing is taken for the rest of its frame."""
    done = subprocess.run([senders, "dies"], capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (41, b"")
