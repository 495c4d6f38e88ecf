# SPDX-License-Identifier: GPL-2.0-or-later
"""What a command that was invoked came to."""

from __future__ import annotations

from click.testing import Result

from tailwalk.errors import TailwalkError


def output(result: Result) -> str:
    assert result.exception is None, (result.exception, result.output)
    return result.stdout


def error(result: Result) -> TailwalkError:
    assert isinstance(result.exception, TailwalkError), (result.exception, result.output)
    return result.exception
