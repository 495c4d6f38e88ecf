# SPDX-License-Identifier: GPL-2.0-or-later
"""How a list is said, and what no text may do to its reader, in errors as in reports."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

Anything = TypeVar("Anything")

# Printable by their category, which nevertheless take no room: joiners, fillers, selectors.
_UNSEEN = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u3164\uffa0").union(
    map(chr, range(0xfe00, 0xfe10)), map(chr, range(0xe0100, 0xe01f0)))


def listed(words: Sequence[str]) -> str:
    """Words with commas, and `and` before the last; nothing where there are none."""
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def _in_python(sign: str) -> str:
    return ascii(sign)[1:-1]


def _in_json(sign: str) -> str:
    units = sign.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at:at + 2].hex()}" for at in range(0, len(units), 2))


def visible(text: str, *, keep: str = "", escape: Callable[[str], str] = _in_python) -> str:
    """The text with an escape, such as `\\x1b`, for every sign that a terminal obeys, that hides or
    reorders others (controls, bidirectional controls, zero-width signs) or is half of one; but for
    those to `keep`, which lay the text out."""
    plain = text.translate(dict.fromkeys(map(ord, keep))) if keep else text
    if plain.isprintable() and (plain.isascii() or _UNSEEN.isdisjoint(plain)):
        return text
    return "".join(sign if sign in keep or (sign.isprintable() and sign not in _UNSEEN)
                   else escape(sign) for sign in text)


def visible_json(document: str) -> str:
    """As `visible`, of a JSON document, which means the same then."""
    return visible(document, keep="\n", escape=_in_json)


def everywhere(value: Anything, change: Callable[[str], str]) -> Anything:
    """The value with every text in it changed, however deep in data classes, structs, lists and
    mappings; but for markup, which is a kind of string."""
    return _changed(value, change)  # type: ignore[no-any-return]


def _changed(value: Any, change: Callable[[str], str]) -> Any:
    if type(value) is str:
        return change(value)
    if isinstance(value, list | tuple):
        parts = [_changed(part, change) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    if isinstance(value, Mapping):
        return {_changed(name, change): _changed(part, change) for name, part in value.items()}
    if hasattr(value, "__struct_fields__"):
        from msgspec.structs import replace

        return replace(value, **_changed_fields(value, value.__struct_fields__, change))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.replace(value, **_changed_fields(
            value, [field.name for field in dataclasses.fields(value) if field.init], change))
    return value


def _changed_fields(value: Any, names: Sequence[str],
                    change: Callable[[str], str]) -> dict[str, Any]:
    """The fields that change; a check of the others' is not made again."""
    found = {name: _changed(getattr(value, name), change) for name in names}
    return {name: part for name, part in found.items() if part != getattr(value, name)}
