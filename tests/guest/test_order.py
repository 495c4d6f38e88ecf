# SPDX-License-Identifier: GPL-2.0-or-later
"""Cases that share a guest: what a case costs does not depend on those before it."""

from __future__ import annotations

import random

import pytest

from tailwalk.cases import find_cases
from tailwalk.rigs.exact import measure
from tailwalk.rigs.plan import Plan

pytestmark = [pytest.mark.guest, pytest.mark.slow]


def test_calls_that_are_alike_cost_the_same_in_any_order(kernel, bench):
    cases = [case for case in find_cases(["lts"]) if case.declared.counted == "mode"]
    shuffled = random.Random(1).sample(cases, len(cases))
    first, other = (
        {figure.case.name: figure.main.value for figure in measure(
            [kernel("debian:6.12")], Plan(cases=order, calls=30), bench=bench)[0].run.figures}
        for order in (cases, shuffled))
    assert len(first) == len(cases)
    assert {name: (value, other[name]) for name, value in first.items()
            if value != other[name]} == {}
