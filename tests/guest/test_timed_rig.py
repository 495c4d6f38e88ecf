# SPDX-License-Identifier: GPL-2.0-or-later
"""The timed rig. Its guests run under TCG here, where a nanosecond is an instruction: so its
figures can be held to the exact rig's, on machines without KVM too."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from processes import guests
from skips import not_here
from tailwalk.cases import KIB, MIB, find_cases
from tailwalk.errors import GuestError, ToolError, UsageError
from tailwalk.rigs.bench import Bench
from tailwalk.rigs.exact import measure
from tailwalk.rigs.plan import Pace, Plan
from tailwalk.rigs.timed import measure_timed
from tailwalk.vm.kvm import kvm_runs_guests

pytestmark = pytest.mark.guest

CASES = [case.changed(fill=fill)
         for fill in (4 * KIB, MIB) for case in find_cases(["pwrite_u1k", "write_u1k"])]
# Instructions of the loop round each call and its row of steps, and a clock reading's share.
LOOP = 64


@pytest.fixture(scope="module")
def bench(bench: Bench) -> Bench:
    """TCG is slower than KVM, and a busy machine slower than that."""
    return replace(bench, boot_seconds=300)


def test_agrees_with_the_exact_rig(bench, kernel) -> None:
    kernels = [kernel("debian:6.12"), kernel("debian:6.18")]
    runs = measure_timed(kernels, Plan(rig="timed", cases=CASES, pace=Pace(rounds=8)), bench=bench)
    exact = measure(kernels, Plan(cases=CASES), bench=bench)
    assert guests(os.getpid()) == []
    for run, counted in zip(runs, exact, strict=True):
        assert (run.rig, run.unit) == ("timed", "ns/call")
        assert run.kernel == counted.run.kernel
        assert run.figures[0].main.number == 8
        for figure, same in zip(run.figures, counted.run.figures, strict=True):
            assert figure.case == same.case
            assert figure.written == same.written
            assert abs(figure.main.value - same.main.value) < LOOP
    assert runs[0].conditions == runs[1].conditions


def test_a_kernel_may_stand_there_twice(bench, kernel) -> None:
    plan = Plan(rig="timed", cases=CASES[:1], pace=Pace(rounds=8))
    first, second = measure_timed([kernel("debian:6.12")] * 2, plan, bench=bench)
    assert first.figures[0].main.value == pytest.approx(second.figures[0].main.value, abs=1)


def test_a_guest_that_panics_ends_all(bench, kernel) -> None:
    plan = Plan(rig="timed", cases=CASES[:1], append="rdinit=/no/such/init init=/no/such/init")
    with pytest.raises(GuestError, match="the kernel panicked"):
        measure_timed([kernel("debian:6.12")] * 2, plan, bench=bench)
    assert guests(os.getpid()) == []


def test_a_guest_that_does_not_come_up_is_given_up(bench, kernel) -> None:
    with pytest.raises(GuestError, match="no sign in time"):
        measure_timed([kernel("debian:6.12")], Plan(rig="timed", cases=CASES[:1]),
                      bench=replace(bench, boot_seconds=0.5))
    assert guests(os.getpid()) == []


def test_refuses_what_cannot_be_measured(bench) -> None:
    for plan in (Plan(rig="timed", cases=[]), Plan(rig="timed", cases=CASES, pace=Pace(rounds=1)),
                 Plan(rig="timed", cases=CASES, cpu=4095)):
        with pytest.raises(UsageError):
            measure_timed([], plan, bench=bench)


def test_says_what_was_tried_where_kvm_runs_no_guest(kernel) -> None:
    runs, _ = kvm_runs_guests()
    if runs:
        not_here("KVM runs guests here")
    with pytest.raises(ToolError, match=r"timed rig needs KVM.*/dev/kvm.*--rig exact"):
        measure_timed([kernel("debian:6.12")], Plan(rig="timed", cases=CASES))


def test_measures_under_kvm(kernel) -> None:
    runs, reason = kvm_runs_guests()
    if not runs:
        not_here(reason)
    [old, new] = measure_timed([kernel("debian:6.12"), kernel("debian:6.18")],
                               Plan(rig="timed", cases=CASES, pace=Pace(rounds=10)))
    small, large = (run.figures[2] for run in (old, new))
    assert 100 < small.main.value < 20_000
    assert (small.written, large.written) == (0, 8)
