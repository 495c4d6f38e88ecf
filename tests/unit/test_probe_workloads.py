# SPDX-License-Identifier: GPL-2.0-or-later
"""A workload's declaration and its C twin: where they differ, no probe is built."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from tailwalk.cache import Cache
from tailwalk.cases import all_workloads, find_workload
from tailwalk.cases.workload import Parameter, Preparation, Workload
from tailwalk.compiling import c_sources
from tailwalk.errors import ToolError
from tailwalk.probe.build import build_probe, compile_probe

SOURCES = c_sources("probe")
TWIN = "workloads/pwrite.c"
QUICKLY = ["-O0"]
DEPTH = Parameter(name="depth", unit="number", meaning="how deep", default=1)


def complaint(folder: Path, *, sources: dict[str, bytes] = SOURCES,
              workloads: list[Workload] | None = None) -> str:
    """Why there is no probe of these sources."""
    with pytest.raises(ToolError, match="cannot be built") as caught:
        compile_probe(Cache(folder), sources, workloads or all_workloads(), flags=QUICKLY)
    return str(caught.value)


def changed(was: bytes, now: bytes) -> dict[str, bytes]:
    """The sources with another twin of pwrite."""
    assert was in SOURCES[TWIN]
    return {**SOURCES, TWIN: SOURCES[TWIN].replace(was, now)}


def test_every_workload_has_its_twin_and_a_probe_is_built() -> None:
    made = build_probe()
    assert made.path.is_file()
    other = {**SOURCES, "exercise/plan.c": b"no C"}
    assert compile_probe(Cache(), other, all_workloads()) == made, \
        "the exerciser is a program apart"


def test_a_declaration_without_a_twin_is_named(tmp_path: Path) -> None:
    lacking = {file: body for file, body in SOURCES.items() if file != TWIN}
    assert "the workload pwrite is not the same in Python and in C: it has no C twin, " \
           "probe/workloads/pwrite.c" in complaint(tmp_path, sources=lacking)


def test_a_twin_without_a_declaration_is_named(tmp_path: Path) -> None:
    others = [workload for workload in all_workloads() if workload.name != "writev"]
    assert "the workload writev is not the same in Python and in C: nothing declares it: " \
           "cases/workloads/writev.py" in complaint(tmp_path, workloads=others)


def test_a_parameter_that_only_python_has_is_named(tmp_path: Path) -> None:
    deeper = replace(find_workload("pwrite"), parameters=[*find_workload("pwrite").parameters,
                                                          DEPTH])
    others = [workload for workload in all_workloads() if workload.name != "pwrite"]
    said = complaint(tmp_path, workloads=[*others, deeper])
    assert "the workload pwrite is" in said
    assert "its C twin never reads the parameter depth" in said
    mentioned = changed(b"#include", b'/* it->depth, */ // it->depth\n'
                                   b'static const char *said = "it->depth";\n#include')
    assert "never reads" in complaint(tmp_path, sources=mentioned, workloads=[*others, deeper])


def test_a_preparation_without_a_twin_is_named(tmp_path: Path) -> None:
    need = Preparation(name="deep", prepared="a hole", parameters=[DEPTH])
    deeper = replace(find_workload("pwrite"), needs=[*find_workload("pwrite").needs, need])
    others = [workload for workload in all_workloads() if workload.name != "pwrite"]
    assert "the preparation deep is not the same in Python and in C: it has no C twin, " \
           "probe/preparations/deep.c" in complaint(tmp_path, workloads=[*others, deeper])
    twin = b"const struct preparation preparation_deep = { 0 };\n"
    assert "the preparation deep is not the same in Python and in C: its C twin never reads the " \
           "parameter depth" in complaint(tmp_path, workloads=[*others, deeper],
                                          sources={**SOURCES, "preparations/deep.c": twin})
    assert "the preparation deep is not the same in Python and in C: nothing declares it: no " \
           "workload needs" in complaint(tmp_path, sources={**SOURCES,
                                                           "preparations/deep.c": twin})


@pytest.mark.slow
@pytest.mark.parametrize(("was", "now", "told"), [
    (b"of->file_size;", b"of->file_length;", "file_length"),
    (b"preparation_cached_file =", b"preparation_cached_files =",
     "its C twin has no preparation_cached_file")])
def test_a_preparation_of_another_declaration_is_named(was: bytes, now: bytes, told: str,
                                                       tmp_path: Path) -> None:
    twin = "preparations/cached_file.c"
    assert was in SOURCES[twin]
    said = complaint(tmp_path, sources={**SOURCES, twin: SOURCES[twin].replace(was, now)})
    assert "the preparation cached_file is not the same in Python and in C" in said
    assert told in said


@pytest.mark.slow
@pytest.mark.parametrize(("was", "now", "told"), [
    (b"of->offset);", b"of->depth);", "depth"),
    (b"struct workload workload_pwrite", b"struct workload workload_pwritev", "workload_pwrite"),
    (b"PARAMETERS(pwrite, work)", b"PARAMETERS(pread, work)", "the parameters of pread"),
    (b"pwrite", b"pread", "the parameters of pread"),
    (b".prepare = prepare ", b"", "no .prepare"),
    (b".prepare = prepare", b".prepare = prepare, .restore = prepare",
     "a .restore, and .* nothing"),
    (b".prepare = prepare", b".prepare = prepare, .call = prepare", "call"),
    (b"CALL(pwrite64", b"CALL(pwrite46", "pwrite46"),
])
def test_a_twin_that_is_of_another_declaration_is_named(was: bytes, now: bytes, told: str,
                                                        tmp_path: Path) -> None:
    said = complaint(tmp_path, sources=changed(was, now))
    assert "the workload pwrite is not the same in Python and in C" in said
    assert re.search(told, said)


def test_what_is_done_outside_is_done_in_the_twin(tmp_path: Path) -> None:
    twin = "workloads/write.c"
    lacking = SOURCES[twin].replace(b", .restore = restore", b"")
    assert lacking != SOURCES[twin]
    assert "the workload write is not the same in Python and in C: its C twin has no .restore" in (
        complaint(tmp_path, sources={**SOURCES, twin: lacking}))
