# SPDX-License-Identifier: GPL-2.0-or-later
"""What a command that was invoked came to, and whether a document is what a schema says."""

from __future__ import annotations

from typing import Any

from click.testing import Result
from jsonschema import Draft202012Validator

from tailwalk.errors import TailwalkError


def output(result: Result) -> str:
    assert result.exception is None, (result.exception, result.output)
    return result.stdout


def error(result: Result) -> TailwalkError:
    assert isinstance(result.exception, TailwalkError), (result.exception, result.output)
    return result.exception


def validate(document: Any, schema: dict[str, Any]) -> None:
    """Raises ValidationError; of the schema nothing is asked: test_schemas.py does, once."""
    Draft202012Validator(schema).validate(document)
