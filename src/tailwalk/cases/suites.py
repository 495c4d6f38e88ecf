# SPDX-License-Identifier: GPL-2.0-or-later
"""The named cases: libMicro's names and what they stand for."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tailwalk.cases.case import KIB, Call, Case
from tailwalk.errors import UsageError

SUITES: dict[str, tuple[str, ...]] = {
    "seed": ("write_u1k", "write_u10k", "pwrite_u1k", "pwrite_u10k", "writev_u1k", "writev_u10k"),
    "seed100k": ("write_u100k", "pwrite_u100k", "writev_u100k"),
}

_NAME = re.compile(r"(write|pwrite|writev)_u(\d+)(k?)")
_LIBMICRO_VECTORS = 10


def named_case(name: str) -> Case:
    """The case that a name of libMicro's pattern stands for: CALL_uSIZE, `k` for KiB.

    Raises UsageError for a name of another form.
    """
    match = _NAME.fullmatch(name)
    if match is None:
        raise UsageError(
            f"there is no case {name!r}: a case is write, pwrite or writev, then _u and a size, "
            "such as pwrite_u1k or writev_u512; `tailwalk cases` lists the named ones.")
    calls: dict[str, Call] = {"write": "write", "pwrite": "pwrite", "writev": "writev"}
    call = calls[match[1]]
    size = int(match[2]) * (KIB if match[3] else 1)
    return Case(name=name, call=call, size=size,
                vectors=_LIBMICRO_VECTORS if call == "writev" else 1)


def find_cases(names: Iterable[str]) -> tuple[Case, ...]:
    """The cases that names of suites and cases stand for, in order, each once.

    Raises UsageError for an unknown name.
    """
    found: dict[str, Case] = {}
    for name in names:
        for case in SUITES.get(name, (name,)):
            found.setdefault(case, named_case(case))
    return tuple(found.values())
