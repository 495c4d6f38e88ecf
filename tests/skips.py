# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests that are skipped, and what for.

A test can lack what the machine could have (a package, a program): `lacking`. Or the machine, or
the day, is not of the kind that the test is about (KVM runs no guest, only root may mount):
`not_here`. Where CI is set, what the machine could have it must have: a test that is skipped for
any reason but the second fails.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NoReturn

import pytest

NOT_HERE = "not here: "


def not_here(reason: str) -> NoReturn:
    """Skip a test that is about another kind of machine, or another day."""
    pytest.skip(NOT_HERE + reason)


def lacking(reason: str) -> NoReturn:
    """Skip a test for want of something that can be installed."""
    pytest.skip(reason)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Iterator[None]:
    report = yield
    _fail_if_lacking(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Iterator[None]:
    report = yield
    _fail_if_lacking(report)
    return report


def _fail_if_lacking(report: pytest.TestReport | pytest.CollectReport) -> None:
    if not os.environ.get("CI") or not report.skipped or hasattr(report, "wasxfail"):
        return
    where, line, said = report.longrepr
    reason = said.removeprefix("Skipped: ")
    if not reason.startswith(NOT_HERE):
        report.outcome = "failed"
        report.longrepr = f"{where}:{line}: skipped where CI is set, for want of: {reason}"
