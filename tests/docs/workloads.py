# SPDX-License-Identifier: GPL-2.0-or-later
"""The reference of the workloads, made from their declarations.

    python tests/docs/workloads.py

writes docs/reference/workloads.md; a test says when that has to be done.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from pages import ROOT

from tailwalk.cases import LEFT_OUT, all_workloads, show_size
from tailwalk.cases.workload import Parameter, Value, Workload

PAGE = ROOT / "docs" / "reference" / "workloads.md"
_HEAD = """# Workloads

<!-- made by tests/docs/workloads.py -->

A workload is one call, or a short row of calls and of touches of memory, and what prepares it; a
[case](specs.md#cases) is a workload with its parameters. Names are libMicro's where libMicro has
the workload.

"""
_PREPARED = """
## What is prepared

Before the first call, with parameters that all workloads on it share:

"""
_PARAMETERS = """
## Parameters

Those without a default are in the case's name; `k` at the end of a number there is 1,024, `m`
1,024k. Of words in braces a name has one.

"""

_LIBMICRO = """
## libMicro's cases

The suite `libmicro` has libMicro's cases of files, memory, descriptors, events, signals, pipes and
processes, by its names (of version 1505, whose samples are single calls), with its sizes and its
split into what is measured and what is not; `t` and `tmp` are in a tmpfs, which guests alone have.
The suite `lts`, the upgrade test, has them too. These are left out:

"""
_OTHERWISE = """
What is done in another way:

| cases | here | there |
|---|---|---|
| `mprot_z8k` and the like | a call is both, to no access and back | they are samples by turns |
| `chdir_usr` and the like | the way back is not measured | two directories by turns |
| `realpath_usr`, `realpath_tmp` | the `readlink(2)` of each of 11 parts | realpath(3) |
| `stat_usr`, `select_10` and the like | the system call that glibc makes of it | the function |
| `stat_usr`, `open_usr`, `close_usr`, `fcntl_usr`, with `tmp` too | an empty file | one of 10 MiB |
| `file_lock` | a file of the file system under test | one in `/tmp` |
| `exec` | a static program | one with the shared C library |
"""

_COUNTED = {"mode": "every call on its own; the figure is the mode",
            "median": "every call on its own; the figure is the median, beside the middle 90%"}


def reference() -> str:
    """The whole page."""
    workloads = all_workloads()
    needs = {need.name: need for workload in workloads for need in workload.needs}
    parameters = {one.name: one for workload in workloads for one in workload.declared.values()}
    return "".join([
        _HEAD,
        _table(["workload", "family", "one call", "before it, uncounted", "counted",
                "file systems", "cases"], [
            [f"`{one.name}`", one.family, _text(one.call, one.declared.values()),
             _text(one.outside, one.declared.values()) or "nothing",
             _COUNTED[one.counted], ", ".join(one.filesystems) or "any",
             f"`{_pattern(one)}`"]
            for one in workloads]),
        _PREPARED,
        _table(["what", "for"], [
            [_text(need.prepared, need.parameters), ", ".join(f"`{one.name}`" for one in workloads
                                             if need.name in [each.name for each in one.needs])]
            for need in needs.values()]),
        _PARAMETERS,
        _table(["parameter", "meaning", "default", "bounds"], [
            [f"`{one.name}`", one.meaning, "" if one.default is None else _value(one, one.default),
             _bounds(one)] for one in parameters.values()]),
        _LIBMICRO,
        _table(["cases", "why they are not there"], [
            [", ".join(f"`{name}`" for name in LEFT_OUT if LEFT_OUT[name] == why), why]
            for why in dict.fromkeys(LEFT_OUT.values())]),
        _OTHERWISE,
    ])


def _table(titles: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    titles = list(titles)
    lines = [f"| {' | '.join(line)} |\n" for line in [titles, *rows]]
    return "".join([lines[0], f"{'|---' * len(titles)}|\n", *lines[1:]])


def _text(template: str, parameters: Iterable[Parameter]) -> str:
    """What a declaration says: its parameters by their names, or by all that they can say."""
    said = {one.name: " or ".join(filter(None, one.words.values())) for one in parameters}
    return re.sub(r"\{(\w+)(?::(\w+))?\}", lambda match: said[match[1]] or (
        f"`{match[1]}`{' bytes' if match[2] == 'bytes' else ''}"), template)


def _named(parameter: Parameter) -> str:
    """What stands for the parameter in the name of a case: a word, or a number."""
    return f"{{{','.join(parameter.words)}}}" if parameter.words else parameter.name.upper()


def _pattern(workload: Workload) -> str:
    return workload.pattern.format(**{name: _named(one)
                                      for name, one in workload.declared.items()})


def _value(parameter: Parameter, value: Value) -> str:
    if parameter.unit == "bytes" and value:
        return show_size(value)
    return str(value).lower()


def _bounds(parameter: Parameter) -> str:
    if parameter.unit == "flag":
        return "true or false"
    least = _value(parameter, parameter.least)
    return f"from {least}" if parameter.highest is None else (
        f"{least} to {_value(parameter, parameter.highest)}")


if __name__ == "__main__":
    PAGE.write_text(reference())
