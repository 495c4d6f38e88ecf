# SPDX-License-Identifier: GPL-2.0-or-later
"""What the probe takes from the declarations of workloads: C that is made when it is built, and
the checks that every workload has its twin, `workloads/NAME.c`, with the same parameters."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from tailwalk.cases.workload import Workload
from tailwalk.errors import ToolError

_TWIN = re.compile(r"workloads/(\w+)\.c")
# The compiler names the twin before its first error, which may be in a header.
_COMPLAINT = re.compile(r"\A(?:(?!error:).)*?workloads/(\w+)\.c.*?error: ([^\n]*)"
                        r"|undefined reference to `workload_(\w+)'", re.DOTALL)
_SAID = re.compile(r'"(?:\\.|[^"\\\n])*"|/\*.*?\*/|//[^\n]*', re.DOTALL)
_PARAMETERS = re.compile(r"\b(?:PARAMETERS\s*\(\s*(\w+)|struct\s+(\w+)_parameters\b)")


def with_declared(sources: Mapping[str, bytes], workloads: Sequence[Workload]) -> dict[str, bytes]:
    """The probe's sources, and the header and table of the workloads among them.

    Raises ToolError for a workload of which the two sides do not agree.
    """
    twins = {match[1]: body.decode() for file, body in sources.items()
             if (match := _TWIN.fullmatch(file))}
    declared = {workload.name: workload for workload in workloads}
    for name in sorted({*twins, *declared}):
        if name not in twins:
            raise _differing(name, f"it has no C twin, probe/workloads/{name}.c")
        if name not in declared:
            raise _differing(name, f"nothing declares it: cases/workloads/{name}.py is missing")
        code = _SAID.sub("", twins[name])
        for match in _PARAMETERS.finditer(code):
            if (other := match[1] or match[2]) != name:
                raise _differing(name, f"its C twin reads the parameters of {other}")
        for function in ("prepare", "call", "restore"):
            given = re.search(rf"\.{function}\s*=", code) is not None
            if given != (function != "restore" or bool(declared[name].outside)):
                raise _differing(name, f"its C twin has {'a' if given else 'no'} .{function}" + (
                    f", and the declaration {'nothing' if given else 'something'} done outside"
                    if function == "restore" else ""))
        for parameter in declared[name].parameters:
            if not re.search(rf"->{parameter.name}\b", code):
                raise _differing(name, f"its C twin never reads the parameter {parameter.name}")
    return {**sources, "declared.h": _header(workloads).encode(),
            "declared.c": _table(workloads).encode()}


def explained(complaint: str) -> str | None:
    """The compiler's complaint about a twin as a sentence; None for another complaint."""
    match = _COMPLAINT.search(complaint)
    return match and str(_differing(match[1] or match[3], match[2] or (
        f"its C twin has no workload_{match[3]}")))


def _differing(name: str, how: str) -> ToolError:
    return ToolError(f"the probe cannot be built: the workload {name} is not the same in Python "
                     f"and in C: {how}.")


def _struct(name: str, members: Iterable[str]) -> str:
    return f"struct {name} {{\n" + "".join(f"\t{member};\n" for member in members) + "};\n"


def _header(workloads: Sequence[Workload]) -> str:
    """The parameters of each workload as a struct, in the order of its declaration."""
    needs = {need.name: need for workload in workloads for need in workload.needs}
    most = max(len(workload.declared) for workload in workloads)
    return "\n".join([
        "/* Made from the declarations of workloads. */",
        "#ifndef TAILWALK_DECLARED_H\n#define TAILWALK_DECLARED_H\n\n#include <stdint.h>\n",
        f"#define MOST_PARAMETERS {most}\n",
        *(_struct(need.name, [f"uint64_t {one.name}" for one in need.parameters])
          for need in needs.values()),
        *(_struct(f"{workload.name}_parameters", [
            *(f"uint64_t {one.name}" for one in workload.parameters),
            *(f"struct {need.name} {need.name}" for need in workload.needs)])
          for workload in workloads),
        "#endif\n"])


def _table(workloads: Sequence[Workload]) -> str:
    names, rows = [], []
    for workload in workloads:
        name = workload.name
        quoted = "".join(f'"{parameter}", ' for parameter in workload.declared)
        names.append(f"extern const struct workload workload_{name};\n"
                     f"static const char *const {name}_names[] = {{ {quoted}NULL }};\n")
        needs = {need.name for need in workload.needs}
        file = f"offsetof(struct {name}_parameters, cached_file)"
        rows.append(f'\t{{ "{name}", &workload_{name}, {name}_names, '
                    f'{file if "cached_file" in needs else "NONE"} }},\n')
    return ('#include "probe.h"\n\n' + "\n".join(names)
            + "\nconst struct declared workloads[] = {\n" + "".join(rows) + "\t{ 0 }\n};\n")
