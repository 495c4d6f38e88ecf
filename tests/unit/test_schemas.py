# SPDX-License-Identifier: GPL-2.0-or-later
"""The published JSON Schemas: they are what the code writes, and the code writes what they say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import jsonschema
import msgspec
import pytest
from click.testing import CliRunner
from made_runs import made_case, made_run, made_samples, made_seed_runs, made_timed_figure
from results import validate

from tailwalk.cli import group
from tailwalk.cli.schema import RECORDS
from tailwalk.compare import compare
from tailwalk.runs import Run
from tailwalk.runs.record import encode
from tailwalk.runs.schema import json_schema

PUBLISHED = Path(__file__).parents[2] / "docs" / "schema"


def published_text(record: str) -> str:
    """The committed schema of the record's present version."""
    version = json_schema(RECORDS[record])["title"].partition("/")[2]
    return (PUBLISHED / f"{record}-{version}.json").read_text()


def published(record: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(published_text(record))
    return document


@pytest.mark.parametrize("record", RECORDS)
def test_the_committed_schema_is_what_the_code_makes(record: str) -> None:
    made = CliRunner().invoke(group, ["schema", record])
    assert made.exit_code == 0
    assert made.stdout == published_text(record), (
        f"the {record} record has changed: raise its version, keep a reader for the old one, and "
        f"write `tailwalk schema {record}` to a new file in docs/schema; or, if only words have "
        "changed, to the old one")


@pytest.mark.parametrize("record", RECORDS)
def test_schemas_are_schemas(record: str) -> None:
    jsonschema.Draft202012Validator.check_schema(published(record))
    assert all(definition["description"] for definition in published(record)["$defs"].values())


class Part(msgspec.Struct):
    """A part.

    It has one line more.
    """

    whole: Whole | None = None


class Whole(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Of parts."""

    schema: str = "made.whole/3"
    pairs: list[tuple[int, float | None]] = []
    named: dict[str, Part]
    kind: Literal["b", "a"] = "a"
    sure: bool | None = None


def test_every_word_of_a_schema_is_its_own() -> None:
    """What msgspec or Python would say otherwise in one version or another: how docstrings are
    indented, in which order a choice stands, whether None is named first, what the default is."""
    assert json.dumps(json_schema(Whole)) == json.dumps({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "made.whole/3",
        "$ref": "#/$defs/Whole",
        "$defs": {
            "Whole": {
                "title": "Whole", "description": "Of parts.", "type": "object",
                "properties": {
                    "schema": {"const": "made.whole/3"},
                    "pairs": {"type": "array", "items": {
                        "type": "array", "minItems": 2, "maxItems": 2, "prefixItems": [
                            {"type": "integer"},
                            {"anyOf": [{"type": "number"}, {"type": "null"}]}],
                        "items": False}},
                    "named": {"type": "object", "additionalProperties": {"$ref": "#/$defs/Part"}},
                    "kind": {"enum": ["a", "b"]},
                    "sure": {"anyOf": [{"type": "boolean"}, {"type": "null"}]}},
                "required": ["schema", "pairs", "named", "kind", "sure"],
                "additionalProperties": False},
            "Part": {
                "title": "Part", "description": "A part.\n\nIt has one line more.",
                "type": "object",
                "properties": {"whole": {"anyOf": [{"$ref": "#/$defs/Whole"}, {"type": "null"}]}},
                "required": ["whole"]}}})


@pytest.mark.parametrize(("kind", "complaint"), [
    (bytes, "no record has a Bytes"), (set[int], "no record has a Set"),
    (dict[int, str], "no record has a Dict"), (tuple[int, ...], "no record has a VarTuple"),
    (Annotated[int, msgspec.Meta(multiple_of=2)], "no record has a Int"),
    (Annotated[list[int], msgspec.Meta(min_length=1)], "no record has a List"),
    (list[msgspec.defstruct("Part", [])], "two structs of one record are called Part"),
    (msgspec.defstruct("Tagged", [], tag=True), "no record has a struct like Tagged"),
    (msgspec.defstruct("Line", [], array_like=True), "no record has a struct like Line")])
def test_a_kind_that_no_record_has_is_not_guessed_at(kind: Any, complaint: str) -> None:
    made = msgspec.defstruct("Made", [("schema", str, "made/1"), ("part", Part | None, None),
                                      ("member", kind, None)])
    with pytest.raises(TypeError, match=complaint):
        json_schema(made)


def test_records_are_what_the_schemas_say() -> None:
    timed = made_run("host", [made_timed_figure(
        made_case(), made_samples(1, 560), interval=(551.5, 570.25))], rig="host")
    for run in [*made_seed_runs(), timed]:
        validate(json.loads(encode(run)), published("run"))
    validate(json.loads(encode(compare(made_seed_runs()))), published("comparison"))


@pytest.mark.parametrize(("path", "value"), [
    (("schema",), "tailwalk.run/1"),
    (("unit",), "ns/call"),
    (("surplus",), 1),
    (("figures", 0, "metrics"), {"instructions": 2203}),
    (("figures", 0, "metrics", "instructions", "value"), "2203"),
    (("figures", 0, "metrics", "instructions", "calls"), [[2203]]),
    (("figures", 0, "case", "call"), "pwrite"),
    (("figures", 0, "case", "parameters", "size"), "1k"),
    (("conditions", "filesystem", "kind"), None),
])
def test_what_is_no_run_is_refused(path: tuple[str | int, ...], value: Any) -> None:
    document = json.loads(encode(made_seed_runs()[0]))
    place = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(jsonschema.ValidationError):
        validate(document, published("run"))


def test_no_field_may_be_left_out_but_what_is_missing() -> None:
    document = json.loads(encode(made_seed_runs()[0]))
    assert set(Run.__struct_fields__) - set(document) == {"missing"}
    for name in document:
        with pytest.raises(jsonschema.ValidationError, match=name):
            validate({key: value for key, value in document.items() if key != name},
                                published("run"))
