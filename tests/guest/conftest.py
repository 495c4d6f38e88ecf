# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests of suites share: a suite measured twice, and a case counted in a second way."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tailwalk.cases import find_cases
from tailwalk.kernels import Kernel
from tailwalk.profile.measure import profile
from tailwalk.rigs.bench import Bench
from tailwalk.rigs.exact import measure
from tailwalk.rigs.plan import Plan
from tailwalk.runs import Run


@pytest.fixture(scope="session")
def measured_twice(kernel: Callable[[str], Kernel], bench: Bench) -> Callable[..., Run]:
    """Cases measured twice on debian:6.12, which has to give the same figures, and the same of
    each call."""
    def measured(*names: str, calls: int) -> Run:
        plan = Plan(cases=find_cases(names), calls=calls)
        first, again = (measure([kernel("debian:6.12")], plan, bench=bench)[0].run
                        for _ in range(2))
        assert first.figures == again.figures
        return first

    return measured


@pytest.fixture(scope="session")
def counted_by_address(kernel: Callable[[str], Kernel],
                       bench: Bench) -> Callable[..., dict[str, int]]:
    """The instructions of a case by kernel function on debian:6.12, which have to be those of its
    figure."""
    def counted(name: str, calls: int) -> dict[str, int]:
        [found] = profile([(kernel("debian:6.12"), Plan(cases=find_cases([name]), calls=calls))],
                          bench=bench)
        functions = {function.name: function.count for function in found.functions}
        assert found.figure.main.user is not None
        assert sum(functions.values()) == found.figure.main.value - found.figure.main.user
        return functions

    return counted
