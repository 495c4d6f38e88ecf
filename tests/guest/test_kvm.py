# SPDX-License-Identifier: GPL-2.0-or-later
"""The guest that tries KVM, tried itself under TCG, where every outcome can be had on purpose."""

from __future__ import annotations

import re

import pytest

from tailwalk.vm.kvm import kvm_runs_guests, try_guest

pytestmark = pytest.mark.guest


def test_comes_to_its_end_where_guests_run() -> None:
    assert try_guest("tcg", "qemu64", rounds=1000) is None


@pytest.mark.parametrize(("cpu", "rounds", "seconds", "reason"), [
    ("qemu64,-lm", 1000, 10, "it was reset on its way to 64-bit mode"),
    ("qemu64", (1 << 32) - 1, 2, "after 2 seconds it was in user mode"),
    ("nonsense", 1000, 10, "QEMU ended with status 1: .*nonsense"),
])
def test_names_the_stage_that_failed(cpu: str, rounds: int, seconds: float, reason: str) -> None:
    failed = try_guest("tcg", cpu, rounds=rounds, seconds=seconds)
    assert failed is not None and re.match(reason, failed)


def test_verdict_has_a_reason() -> None:
    runs, reason = kvm_runs_guests()
    assert reason
    assert runs == (reason == "a test guest went to user mode and back")
