# SPDX-License-Identifier: GPL-2.0-or-later
"""Verification of a real kernel: nothing to find, and the same seed does the same."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tailwalk.verify import Goal, find_configurations, verify
from tailwalk.verify.session import Manner

pytestmark = [pytest.mark.guest, pytest.mark.long]


@pytest.fixture(scope="module")
def done(kernel, tmp_path_factory):
    """All configurations, each with operations and one power cut."""
    keep = tmp_path_factory.mktemp("keep")
    return verify(kernel("debian:6.18"), Goal(operations=3000, power_cuts=10), engine="tcg",
                  keep=keep)


def test_debian_s_kernel_loses_nothing(done):
    assert done.finding is None, done.finding
    assert done.power_cuts == 10 and done.cut_images == 30
    assert done.operations >= 3000


def test_every_kind_of_operation_is_done(done):
    rare = {"memory pressure", "remount"}
    assert all(count for action, count in done.actions.items() if action not in rare)
    assert len(done.actions) == 22 and sum(done.actions.values()) == 3000


def large_share(done) -> float:
    """Of the writes looked at, how many landed in a folio of two pages or more."""
    small = done.landed.get("0", 0) + done.landed.get("uncached", 0)
    return 1 - small / sum(done.landed.values())


def test_writes_land_in_large_folios_and_outside_the_cache(done):
    large = sum(count for where, count in done.landed.items()
                if where.isdecimal() and int(where) >= 4)
    assert large > 0.1 * sum(done.landed.values())
    assert done.landed["uncached"] and done.landed["9"]


def test_a_power_cut_leaves_something_to_compare(done):
    assert done.durable > 10 * (1 << 20)


@pytest.mark.parametrize("manner", [Manner(direct=True), Manner(writers=2, direct=True)],
                         ids=["direct", "writers"])
def test_two_writers_and_direct_io_lose_nothing(kernel, manner):
    done = verify(kernel("debian:6.18"), Goal(operations=4000, power_cuts=4), engine="tcg",
                  configurations=find_configurations(["ordered"]), manner=manner)
    assert done.finding is None, done.finding
    assert done.actions["direct write"] and done.actions["direct read"]
    assert done.power_cuts == 4 and done.durable
    if manner.writers > 1:
        assert large_share(done) > 0.5


def test_the_same_seed_does_the_same_operations(kernel):
    one = find_configurations(["4k-ordered"])
    goal = Goal(operations=400, power_cuts=0)
    first, again = (verify(kernel("debian:6.18"), goal, configurations=one, seed=9, engine="tcg")
                    for _ in range(2))
    other = verify(kernel("debian:6.18"), goal, configurations=one, seed=10, engine="tcg")
    assert first.actions == again.actions != other.actions
    assert first.compared == again.compared != other.compared


def test_nothing_stays_behind(kernel, tmp_path):
    kernel("debian:6.18")
    subprocess.run([sys.executable, "-m", "tailwalk", "verify", "debian:6.18", "--operations", "10",
                    "--power-cuts", "0", "--config", "1k-ordered", "--engine", "tcg"],
                   check=True, env={**os.environ, "TMPDIR": str(tmp_path)})
    assert not list(tmp_path.iterdir())
    mounts = subprocess.run(["mount"], capture_output=True, text=True, check=True).stdout
    assert str(tmp_path) not in mounts
