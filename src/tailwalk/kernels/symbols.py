# SPDX-License-Identifier: GPL-2.0-or-later
"""Which function a kernel address belongs to, by the guest's own /proc/kallsyms."""

from __future__ import annotations

import base64
import re
import zlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from functools import cached_property, lru_cache
from itertools import zip_longest
from typing import NamedTuple

from tailwalk.errors import KernelError

_LINE = re.compile(r"^([0-9a-f]{16}) [tTwW] (\S+)(?:\t\[(\S+)\])?$", re.MULTILINE)
_BOUNDARY = re.compile(r"_s?text|_[se]inittext|__\w+_(start|end|begin)")
_END_OF_TEXT = "_etext"

# Nothing tells where a module's last function ends; no function of the kernel is longer.
_LONGEST_LAST = 1 << 16


class Function(NamedTuple):
    """A function of the kernel: its symbol's name, the module it is in (None: the kernel itself)
    and its address."""

    name: str
    module: str | None
    address: int


UNKNOWN = Function("(unknown)", None, 0)
"""Stands for kernel code that no symbol names."""


class SymbolTable:
    """The functions of a booted kernel."""

    def __init__(self, functions: Iterable[Function]) -> None:
        best: dict[int, Function] = {}
        for function in functions:
            known = best.get(function.address)
            if known is None or _rank(function) < _rank(known):
                best[function.address] = function
        self._addresses = sorted(best)
        self._functions = [best[address] for address in self._addresses]

    @cached_property
    def names(self) -> frozenset[str]:
        """The functions' names."""
        return frozenset(function.name for function in self._functions)

    def find(self, address: int) -> Function | None:
        """The function that holds an instruction's address, if the kernel names one."""
        at = bisect_right(self._addresses, address) - 1
        if at < 0:
            return None
        function = self._functions[at]
        after = self._functions[at + 1] if at + 1 < len(self._functions) else None
        end = _end_of(function, after)
        return function if end is None or address < end else None

    def places(self) -> Iterator[tuple[int, Function | None]]:
        """Where each function begins, and where code begins that none is known of, by rising
        address."""
        for function, after in zip_longest(self._functions, self._functions[1:]):
            yield function.address, function
            end = _end_of(function, after)
            if end is not None and (after is None or end < after.address):
                yield end, None


def _end_of(function: Function, after: Function | None) -> int | None:
    """Where a function ends, if that is before the one after it in memory."""
    if function.name == _END_OF_TEXT:
        return function.address
    if function.module is None or (after is not None and after.module == function.module):
        return None
    return function.address + _LONGEST_LAST


def _rank(function: Function) -> tuple[bool, int, int, str]:
    """Of several names at one address the least: no boundary of a section, few underscores."""
    name = function.name
    return (_BOUNDARY.fullmatch(name) is not None, len(name) - len(name.lstrip("_")), len(name),
            name)


@lru_cache(maxsize=4)
def read_symbols(text: str, kernel: str) -> SymbolTable:
    """The table in the text of /proc/kallsyms; `kernel` names the kernel in errors.

    Raises KernelError where the kernel shows no functions, or hides their addresses.
    """
    functions = [Function(name, module or None, int(address, 16))
                 for address, name, module in _LINE.findall(text)]
    if not any(function.address for function in functions):
        why = "shows no addresses in" if functions else "has no functions in"
        raise KernelError(f"the kernel {kernel} {why} /proc/kallsyms, so its instructions cannot "
                          "be told apart by function. Build it with CONFIG_KALLSYMS, or profile "
                          "another kernel.")
    return SymbolTable(functions)


# Names, packed or not: a kernel with all of its modules has some 10 MB of them.
MOST_SYMBOLS = 32 * 1024 * 1024


@lru_cache(maxsize=4)
def packed_names(names: frozenset[str]) -> str:
    """Names as records hold them: lines, compressed by zlib, in base64."""
    return base64.b64encode(zlib.compress("\n".join(sorted(names)).encode())).decode()


@lru_cache(maxsize=4)
def unpacked_names(packed: str) -> frozenset[str]:
    """What `packed_names` packed; raises ValueError or zlib.error for what is no such thing."""
    reader = zlib.decompressobj()
    names = reader.decompress(base64.b64decode(packed, validate=True), MOST_SYMBOLS)
    if not reader.eof:
        raise ValueError("its symbols are cut short, or endless")
    return frozenset(names.decode().split("\n"))
