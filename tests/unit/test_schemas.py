# SPDX-License-Identifier: GPL-2.0-or-later
"""The published JSON Schemas: they are what the code writes, and the code writes what they say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner
from made_runs import made_case, made_run, made_samples, made_seed_runs, made_timed_figure

from tailwalk.cli import group
from tailwalk.cli.schema import RECORDS
from tailwalk.compare import compare
from tailwalk.runs import Run
from tailwalk.runs.record import encode
from tailwalk.runs.schema import json_schema

PUBLISHED = Path(__file__).parents[2] / "docs" / "schema"


def published(record: str) -> dict[str, Any]:
    """The committed schema of the record's present version."""
    version = json_schema(RECORDS[record])["title"].partition("/")[2]
    document: dict[str, Any] = json.loads((PUBLISHED / f"{record}-{version}.json").read_bytes())
    return document


@pytest.mark.parametrize("record", RECORDS)
def test_the_committed_schema_is_what_the_code_makes(record: str) -> None:
    made = CliRunner().invoke(group, ["schema", record])
    assert made.exit_code == 0
    assert json.loads(made.stdout) == published(record), (
        f"the {record} record has changed: raise its version, keep a reader for the old one, and "
        f"write `tailwalk schema {record}` to a new file in docs/schema; or, if only words have "
        "changed, to the old one")


@pytest.mark.parametrize("record", RECORDS)
def test_schemas_are_schemas(record: str) -> None:
    jsonschema.Draft202012Validator.check_schema(published(record))


def test_records_are_what_the_schemas_say() -> None:
    timed = made_run("host", [made_timed_figure(
        made_case(), made_samples(1, 560), interval=(551.5, 570.25))], rig="host", unit="ns/call")
    for run in [*made_seed_runs(), timed]:
        jsonschema.validate(json.loads(encode(run)), published("run"))
    jsonschema.validate(json.loads(encode(compare(made_seed_runs()))), published("comparison"))


@pytest.mark.parametrize(("path", "value"), [
    (("schema",), "tailwalk.run/2"),
    (("unit",), "seconds"),
    (("surplus",), 1),
    (("figures", 0, "value"), "2203"),
    (("figures", 0, "calls"), [[2203]]),
    (("figures", 0, "case", "call"), "read"),
    (("conditions", "filesystem", "kind"), None),
])
def test_what_is_no_run_is_refused(path: tuple[str | int, ...], value: Any) -> None:
    document = json.loads(encode(made_seed_runs()[0]))
    place = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, published("run"))


def test_no_field_may_be_left_out() -> None:
    document = json.loads(encode(made_seed_runs()[0]))
    for name in Run.__struct_fields__:
        with pytest.raises(jsonschema.ValidationError, match=name):
            jsonschema.validate({key: value for key, value in document.items() if key != name},
                                published("run"))
