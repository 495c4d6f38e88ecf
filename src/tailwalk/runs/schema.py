# SPDX-License-Identifier: GPL-2.0-or-later
"""The published JSON Schema of a record, made from the struct that reads and writes it.

Every word of it is chosen here, and none by msgspec or Python: a schema is published once, and is
to be the same text whatever is installed. What a docstring is indented by, and how a type is put
in JSON Schema, has changed between versions of both.
"""

from __future__ import annotations

from inspect import cleandoc
from typing import Any

import msgspec
from msgspec import inspect

_DIALECT = "https://json-schema.org/draft/2020-12/schema"

_PLAIN: dict[type[inspect.Type], str] = {
    inspect.NoneType: "null", inspect.BoolType: "boolean", inspect.IntType: "integer",
    inspect.FloatType: "number", inspect.StrType: "string",
}
_LIMITS = {"ge": "minimum", "le": "maximum", "max_length": "maxLength", "pattern": "pattern"}


def json_schema(record: type[msgspec.Struct]) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a record whose `schema` field defaults to its name.

    Every field is required, since every writer of this version of the format writes them all, but
    those that are not written where they are unset.
    Members are in the order of the struct's, definitions in that of their first mention.

    Raises TypeError for a record with a field of a kind that no record has yet.
    """
    name = next((member.default for member in msgspec.structs.fields(record)
                 if member.name == "schema" and isinstance(member.default, str)), None)
    if name is None:
        raise TypeError(f"{record.__name__} has no `schema` field that names its format")
    writer = _Writer()
    root = writer.schema(inspect.type_info(record))
    writer.definitions[record.__name__]["properties"]["schema"] = {"const": name}
    return {"$schema": _DIALECT, "title": name, **root, "$defs": writer.definitions}


class _Writer:
    """Schemas of types, and the definitions of the structs that they mention."""

    def __init__(self) -> None:
        self.definitions: dict[str, dict[str, Any]] = {}
        self._classes: dict[str, type[msgspec.Struct]] = {}

    def schema(self, kind: inspect.Type) -> dict[str, Any]:
        if isinstance(kind, inspect.StructType):
            return self._reference(kind)
        if isinstance(kind, inspect.LiteralType):
            return {"enum": sorted(kind.values)}
        if isinstance(kind, inspect.UnionType):
            members = [self.schema(member) for member in kind.types]
            return {"anyOf": sorted(members, key=lambda member: member == {"type": "null"})}
        if type(kind) in _PLAIN and _is_free(kind, *_LIMITS):
            limits = {word: limit for name, word in _LIMITS.items()
                      if (limit := getattr(kind, name, None)) is not None}
            return {"type": _PLAIN[type(kind)], **limits}
        if isinstance(kind, inspect.ListType) and _is_free(kind, "item_type", "max_length"):
            most = {} if kind.max_length is None else {"maxItems": kind.max_length}
            return {"type": "array", "items": self.schema(kind.item_type), **most}
        if isinstance(kind, inspect.TupleType):
            length = len(kind.item_types)
            return {"type": "array", "minItems": length, "maxItems": length,
                    "prefixItems": [self.schema(item) for item in kind.item_types], "items": False}
        if isinstance(kind, inspect.DictType) and _is_free(
                kind, "key_type", "value_type", "max_length") and (
                self.schema(kind.key_type) == {"type": "string"}):
            most = {} if kind.max_length is None else {"maxProperties": kind.max_length}
            return {"type": "object", "additionalProperties": self.schema(kind.value_type), **most}
        raise TypeError(f"no record has a {kind} yet: say here how its schema is written")

    def _reference(self, struct: inspect.StructType) -> dict[str, Any]:
        title = struct.cls.__name__
        if self._classes.setdefault(title, struct.cls) is not struct.cls:
            raise TypeError(f"two structs of one record are called {title}")
        if title not in self.definitions:
            self.definitions[title] = {}  # which keeps its place in the order
            self.definitions[title].update(self._definition(struct))
        return {"$ref": f"#/$defs/{title}"}

    def _definition(self, struct: inspect.StructType) -> dict[str, Any]:
        if struct.tag is not None or struct.array_like:
            raise TypeError(f"no record has a struct like {struct.cls.__name__} yet, with a tag or "
                            "written as an array: say here how its schema is written")
        description = vars(struct.cls)["__doc__"]
        properties = {member.encode_name: self.schema(member.type) for member in struct.fields}
        return {
            "title": struct.cls.__name__,
            **({"description": cleandoc(description)} if description else {}),
            "type": "object",
            "properties": properties,
            "required": [member.encode_name for member in struct.fields if not _is_unset(member)],
            **({"additionalProperties": False} if struct.forbid_unknown_fields else {}),
        }


def _is_unset(member: inspect.Field) -> bool:
    return not member.required and (
        member.default is member.default_factory is msgspec.NODEFAULT)


def _is_free(kind: inspect.Type, *parts: str) -> bool:
    """Has the type no limits, such as a divisor, besides its parts and those named?"""
    return all(getattr(kind, name) is None for name in kind.__struct_fields__ if name not in parts)
