# SPDX-License-Identifier: GPL-2.0-or-later
"""The published JSON Schema of a record, made from the struct that reads and writes it."""

from __future__ import annotations

from typing import Any

import msgspec

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema(record: type[msgspec.Struct]) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a record whose `schema` field defaults to its name.

    Every field is required, since every writer of this version of the format writes them all.
    """
    name = _schema_name(record)
    (root,), definitions = msgspec.json.schema_components(
        [record], ref_template="#/$defs/{name}")
    for definition in definitions.values():
        properties = definition.get("properties", {})
        definition["required"] = list(properties)
        for member in properties.values():
            member.pop("default", None)
    definitions[record.__name__]["properties"]["schema"] = {"const": name}
    return {"$schema": _DIALECT, "title": name, **root, "$defs": definitions}


def _schema_name(record: type[msgspec.Struct]) -> str:
    for member in msgspec.structs.fields(record):
        if member.name == "schema" and isinstance(member.default, str):
            return member.default
    raise TypeError(f"{record.__name__} has no `schema` field that names its format")
