# SPDX-License-Identifier: GPL-2.0-or-later
"""Which function an address belongs to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailwalk.errors import KernelError
from tailwalk.kernels.symbols import Function, SymbolTable, read_symbols

TEXT = """\
ffffffff81000000 T _stext
ffffffff81000000 T _text
ffffffff81000000 T startup
ffffffff81000100 t __do_write
ffffffff81000100 T do_write
ffffffff81000200 W weak_one
ffffffff81000300 T _etext
ffffffffc0000000 t module_write\t[brd]
ffffffffc0000100 t module_exit\t[brd]
"""


def found(address: int) -> str | None:
    function = read_symbols(TEXT, "debian:6.12").find(address)
    return function and function.name


@pytest.mark.parametrize(("address", "name"), [
    (0xffffffff81000000, "startup"),
    (0xffffffff810000ff, "startup"),
    (0xffffffff81000100, "do_write"),
    (0xffffffff810002ff, "weak_one"),
    (0xffffffff81000300, None),
    (0xffffffff80ffffff, None),
    (0xffffffffc0000010, "module_write"),
    (0xffffffffc0000110, "module_exit"),
    (0xffffffffc1000000, None),
])
def test_find(address: int, name: str | None):
    assert found(address) == name


def test_a_module_is_named():
    function = read_symbols(TEXT, "x").find(0xffffffffc0000010)
    assert function == Function("module_write", "brd", 0xffffffffc0000000)


@pytest.mark.parametrize(("text", "why"), [
    ("", "has no functions"),
    ("0000000000000000 T do_write\n", "shows no addresses"),
    ("garbage\n", "has no functions"),
])
def test_a_kernel_that_names_no_functions(text: str, why: str):
    with pytest.raises(KernelError, match=f"src:/tmp/linux {why}.*CONFIG_KALLSYMS"):
        read_symbols(text, "src:/tmp/linux")


@given(st.sets(st.integers(0xffffffff81000000, 0xffffffff81ffffff), min_size=1),
       st.integers(0xffffffff81000000, 0xffffffff81ffffff))
def test_the_nearest_symbol_below_holds_the_address(starts: set[int], address: int):
    table = SymbolTable(Function(f"f{start:x}", None, start) for start in starts)
    function = table.find(address)
    below = [start for start in starts if start <= address]
    assert (function.address if function else None) == (max(below) if below else None)
