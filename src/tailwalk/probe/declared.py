# SPDX-License-Identifier: GPL-2.0-or-later
"""What the probe takes from the declarations of workloads and preparations: C that is made when it
is built, and the checks that each has its twin, `workloads/NAME.c` or `preparations/NAME.c`, with
the same parameters."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from tailwalk.cases.workload import Preparation, Workload
from tailwalk.errors import ToolError

_TWIN = re.compile(r"(workload|preparation)s/(\w+)\.c")
# The compiler names the twin before its first error, which may be in a header.
_COMPLAINT = re.compile(r"\A(?:(?!error:).)*?(workload|preparation)s/(\w+)\.c.*?error: ([^\n]*)"
                        r"|undefined reference to `(workload|preparation)_(\w+)'", re.DOTALL)
_SAID = re.compile(r'"(?:\\.|[^"\\\n])*"|/\*.*?\*/|//[^\n]*', re.DOTALL)
_PARAMETERS = re.compile(r"\b(?:PARAMETERS\s*\(\s*(\w+)|struct\s+(\w+)_parameters\b)")


def with_declared(sources: Mapping[str, bytes], workloads: Sequence[Workload]) -> dict[str, bytes]:
    """The probe's sources, and the header and table of the workloads among them.

    Raises ToolError for a workload of which the two sides do not agree.
    """
    needs = needed(workloads)
    declared: dict[tuple[str, str], Workload | Preparation] = {
        **{("workload", one.name): one for one in workloads},
        **{("preparation", one.name): one for one in needs}}
    twins = {(match[1], match[2]): _SAID.sub("", body.decode()) for file, body in sources.items()
             if (match := _TWIN.fullmatch(file))}
    for what, name in sorted({*twins, *declared}):
        if (what, name) not in twins:
            raise _differing(what, name, f"it has no C twin, probe/{what}s/{name}.c")
        if (what, name) not in declared:
            raise _differing(what, name, "nothing declares it: " + (
                f"cases/workloads/{name}.py is missing" if what == "workload"
                else "no workload needs one of this name"))
        code, one = twins[what, name], declared[what, name]
        if isinstance(one, Workload):
            _check_twin(one, code)
        for parameter in one.parameters:
            if not re.search(rf"->{parameter.name}\b", code):
                raise _differing(what, name,
                                 f"its C twin never reads the parameter {parameter.name}")
    return {**sources, "declared.h": _header(workloads, needs).encode(),
            "declared.c": _table(workloads).encode()}


def needed(workloads: Iterable[Workload]) -> list[Preparation]:
    """The preparations that workloads need, each once."""
    return list({need.name: need for workload in workloads for need in workload.needs}.values())


def _check_twin(workload: Workload, code: str) -> None:
    name = workload.name
    for match in _PARAMETERS.finditer(code):
        if (other := match[1] or match[2]) != name:
            raise _differing("workload", name, f"its C twin reads the parameters of {other}")
    for function in ("prepare", "restore"):
        given = re.search(rf"\.{function}\s*=", code) is not None
        if given != (function != "restore" or bool(workload.outside)):
            raise _differing("workload", name, f"its C twin has {'a' if given else 'no'} "
                             f".{function}" + (
                f", and the declaration {'nothing' if given else 'something'} done outside"
                if function == "restore" else ""))


def explained(complaint: str) -> str | None:
    """The compiler's complaint about a twin as a sentence; None for another complaint."""
    match = _COMPLAINT.search(complaint)
    if match is None:
        return None
    what, name = match[1] or match[4], match[2] or match[5]
    return str(_differing(what, name, match[3] or f"its C twin has no {what}_{name}"))


def _differing(what: str, name: str, how: str) -> ToolError:
    return ToolError(f"the probe cannot be built: the {what} {name} is not the same in Python "
                     f"and in C: {how}.")


def _struct(name: str, members: Iterable[str]) -> str:
    return f"struct {name} {{\n" + "".join(f"\t{member};\n" for member in members) + "};\n"


def _header(workloads: Sequence[Workload], needs: Sequence[Preparation]) -> str:
    """The parameters of each workload as a struct, in the order of its declaration."""
    most = max(len(workload.declared) for workload in workloads)
    return "\n".join([
        "/* Made from the declarations of workloads. */",
        "#ifndef TAILWALK_DECLARED_H\n#define TAILWALK_DECLARED_H\n\n#include <stdint.h>\n",
        f"#define MOST_PARAMETERS {most}\n",
        *(_struct(need.name, [f"uint64_t {one.name}" for one in need.parameters])
          for need in needs),
        *(_struct(f"{workload.name}_parameters", [
            *(f"uint64_t {one.name}" for one in workload.parameters),
            *(f"struct {need.name} {need.name}" for need in workload.needs)])
          for workload in workloads),
        "#endif\n"])


def _names(name: str, parameters: Iterable[str]) -> str:
    listed = "".join(f'"{parameter}", ' for parameter in parameters)
    return f"static const char *const {name}[] = {{ {listed}NULL }};\n"


def _table(workloads: Sequence[Workload]) -> str:
    lists, rows, made = [], [], []
    for need in needed(workloads):
        name = need.name
        lists.append(f"extern const struct preparation preparation_{name};\n"
                     + _names(f"preparation_{name}_names", (one.name for one in need.parameters)))
        made.append(f'\t{{ "{name}", &preparation_{name}, preparation_{name}_names }},\n')
    for workload in workloads:
        name = workload.name
        needs = "".join(f"{{ &preparation_{need.name}, offsetof(struct {name}_parameters, "
                        f"{need.name}) }}, " for need in workload.needs)
        lists.append(f"extern const struct workload workload_{name};\n"
                     + _names(f"{name}_names", workload.declared)
                     + f"static const struct need {name}_needs[] = {{ {needs}{{ 0 }} }};\n")
        rows.append(f'\t{{ "{name}", &workload_{name}, {name}_names, {name}_needs }},\n')
    return ('#include "workload.h"\n\n' + "\n".join(lists)
            + "\nconst struct declared workloads[] = {\n" + "".join(rows) + "\t{ 0 }\n};\n"
            + "\nconst struct declared_preparation preparations[] = {\n" + "".join(made)
            + "\t{ 0 }\n};\n")
