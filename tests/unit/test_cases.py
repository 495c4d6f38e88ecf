# SPDX-License-Identifier: GPL-2.0-or-later
"""Cases, and the workloads that they are of."""

from __future__ import annotations

import msgspec
import pytest
from click.testing import CliRunner

from tailwalk.cases import KIB, MIB, SUITES, Case, Filesystem, all_workloads, find_cases
from tailwalk.cli import group
from tailwalk.errors import RecordError, UsageError
from tailwalk.lab.plans import chosen_cases, host_plan, upgrade_cases


def test_a_name_means_a_workload_and_its_parameters() -> None:
    [small, large] = find_cases(["pwrite_u512", "writev_u10k"])
    assert small == Case(name="pwrite_u512", workload="pwrite", parameters={
        "size": 512, "offset": 0, "fill": MIB, "file_size": 10 * MIB, "uptodate": True})
    assert (large.workload, large.size, large.vectors, large.length) == (
        "writev", 10 * KIB, 10, 100 * KIB)


@pytest.mark.parametrize("name", ["", "pwrite", "pwrite_u", "pwrite_uk", "pwrite_u1kk", "_u1k",
                                  "nocall_u1k", "pwritev_u1k", "write_v_u1k", "pwrite_u1k ", "__",
                                  "pwrite_u\N{ARABIC-INDIC DIGIT ONE}k", "pwrite_u01k",
                                  "pwrite_u0k"])
def test_what_is_no_case_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match=r"there is no case .*tailwalk cases"):
        find_cases([name])


def test_of_a_name_that_is_none_the_patterns_that_begin_so_are_told() -> None:
    with pytest.raises(UsageError) as refused:
        find_cases(["unlink_x"])
    assert "Cases that begin so are unlink_u{size} and unlink_u." in str(refused.value)
    with pytest.raises(UsageError) as refused:
        find_cases(["nosuch"])
    assert len(str(refused.value)) < 200 and "{" not in str(refused.value)


def test_sizes_in_names_have_units_and_names_may_have_none() -> None:
    [small, large, long, bare] = find_cases(["unlink_u512", "unlink_u8m", "mmap_ru128k",
                                             "open_usr"])
    assert (small.size, large.size, large.fill) == (512, 8 * MIB, MIB)
    assert (long.workload, long.parameters["length"]) == ("mmap", 128 * KIB)
    assert (bare.workload, bare.parameters) == ("open", {})
    assert [Case.of("unlink", size=size).name for size in (512, 3 * KIB, 1024 * KIB)] == [
        "unlink_u512", "unlink_u3k", "unlink_u1m"]


def test_a_word_in_a_name_stands_for_a_value() -> None:
    [here, memory, tmp] = find_cases(["pwrite_u1k", "pwrite_t1k", "open_tmp"])
    assert (here.get("place"), memory.get("place"), tmp.parameters) == (None, 1, {"place": 1})
    assert (here.values["place"], here.parameters | {"place": 1}) == (0, memory.parameters)
    assert Case.of("pwrite", size=KIB, place=1) == memory
    assert Case.of("pwrite", size=KIB, place=0) == here
    assert memory.declared.explained(memory.parameters) == (
        here.declared.explained(here.parameters).replace(
            "offset 0; ", "offset 0; in a tmpfs that is mounted for it; "))
    with pytest.raises(UsageError, match="2 is out of bounds"):
        memory.changed(place=2).check()
    with pytest.raises(UsageError, match="pwrite_t1k: files in a tmpfs never leave"):
        memory.changed(uptodate=False).check()


def test_dear_calls_are_few() -> None:
    [dear, cheap] = find_cases(["unlink_u8m", "getpid"])
    assert (dear.calls_of(300), dear.calls_of(5), cheap.calls_of(300)) == (10, 5, 300)


@pytest.mark.parametrize("name", [
    "append_u4k", "fadvise_dontneed_u8m", "fault_write_u4k", "fill_u8m", "fsync_u1k",
    "mprotect_shared_u", "msync_u1", "populate_u8m", "punch_hole_u1m", "truncate_down_u8m",
    "unlink_u8m", "writeback_u8m"])
def test_a_fill_reaches_every_case_in_which_the_folio_matters(name: str) -> None:
    [case] = chosen_cases([name], Filesystem(), fill=4 * KIB)
    assert case.fill == 4 * KIB
    assert "4KiB" in case.declared.explained(case.parameters)


def test_every_workload_is_declared_and_told_from_the_others() -> None:
    declared = all_workloads()
    assert {"pwrite", "write", "writev"} <= {workload.name for workload in declared}
    assert len({workload.pattern for workload in declared}) == len(declared)
    for workload in declared:
        values = workload.with_defaults({
            one: len(parameter.words) - 1 if parameter.words else 8192
            for one, parameter in workload.declared.items() if parameter.default is None})
        [case] = find_cases([workload.name_of(values)])
        assert (case.workload, case.parameters) == (workload.name, values)
        assert len(workload.declared) == len([*workload.parameters, *(
            one for need in workload.needs for one in need.parameters)])


def test_a_parameter_that_a_case_has_not_can_be_told() -> None:
    [case] = find_cases(["pwrite_u1k"])
    assert case.get("depth") is None
    assert (case.get("vectors"), case.vectors) == (1, 1)
    with pytest.raises(UsageError, match=r"pwrite_u1k has no vectors: its .*, pwrite, has size"):
        case.changed(vectors=2)


def test_a_case_without_a_file_has_no_use_for_how_one_is_cached() -> None:
    [case, cached] = find_cases(["mmap_a8k", "mmap_u8k"])
    assert "a file" not in case.declared.explained(case.parameters).replace(
        "memory without a file", "")
    assert "a file of 10MiB" in cached.declared.explained(cached.parameters)
    assert (case.cached, cached.cached) == (False, True)
    assert (case.get("fill"), cached.get("fill")) == (None, MIB)
    assert case.fitted(fill=4 * KIB, file_size=MIB) == case
    with pytest.raises(UsageError, match=r"mmap_a8k has no use for a fill: .*without a file"):
        chosen_cases(["mmap_a8k"], Filesystem(), fill=4 * KIB)
    both = upgrade_cases(["mmap_a8k", "mmap_u8k"], fills=[4 * KIB, MIB])
    assert [one.name for one in both] == ["mmap_a8k", "mmap_u8k", "mmap_u8k"]
    here = host_plan(["unmap_wa8k", "unmap_wu8k"], fills=[4 * KIB, MIB])
    assert [one.name for one in here.cases] == ["unmap_wa8k", "unmap_wu8k", "unmap_wu8k"]


@pytest.mark.parametrize("name", ["fallocate_u400m", "truncate_up_u100m", "direct_append_u20m",
                                  "mmap_a100m"])
def test_what_needs_no_such_place_in_the_file_is_not_refused(name: str) -> None:
    [case] = find_cases([name])
    assert case.check() is case


@pytest.mark.parametrize(("name", "way_out"), [
    ("pwrite_u100m", "Take fewer bytes, or a larger file."),
    ("punch_hole_u100m", "Take fewer bytes, or a larger file."),
    ("truncate_down_u100m", "Take fewer bytes, or a larger file."),
    ("direct_read_u100m", "Take fewer bytes, or a larger file."),
    ("mmap_u100m", "Map fewer bytes, or a larger file."),
    ("mmap_a500m", "256MiB are mapped at the most.")])
def test_the_way_out_names_no_option_that_a_command_lacks(name: str, way_out: str) -> None:
    with pytest.raises(UsageError) as refused:
        upgrade_cases([name])
    assert str(refused.value).endswith(way_out) and "--" not in str(refused.value)


@pytest.mark.parametrize(("changed", "complaint"), [
    ({"size": 0}, "a call of 0 bytes measures nothing"),
    ({"vectors": 1025}, "1025 vectors; a call takes 1 to 1024"),
    ({"offset": -1}, "a file begins at offset 0"),
    ({"fill": 511}, "--fill 511B: .* 512 bytes to 64MiB"),
    ({"fill": 65 * MIB}, "--fill 65MiB"),
    ({"file_size": 257 * MIB}, "--file-size 257MiB: .* at most 256MiB"),
    ({"offset": 10 * MIB}, "past the end of a file of 10MiB"),
    ({"uptodate": False, "fill": 4 * KIB}, "writes of 8KiB to 2MiB"),
    ({"uptodate": False, "offset": MIB - 12 * KIB}, "reaches the last page of its folio")])
def test_a_case_that_cannot_be_run_names_the_value(changed: dict[str, int],
                                                   complaint: str) -> None:
    [case] = find_cases(["writev_u1k"])
    assert case.check() is case
    with pytest.raises(UsageError, match=complaint):
        case.changed(**changed).check()


@pytest.mark.parametrize(("document", "complaint"), [
    (b'{"name": "a", "workload": "pwrite", "parameters": {"size": 1}}', "has a parameter offset"),
    (b'{"name": "a", "workload": "pwrite", "parameters": {"size": true, "offset": 0, "fill": 1, '
     b'"file_size": 1, "uptodate": true}}', "size cannot be True")])
def test_a_record_of_no_case_is_refused(document: bytes, complaint: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=complaint):
        msgspec.json.decode(document, type=Case)


@pytest.mark.parametrize(("document", "unknown"), [
    (b'{"name": "a", "workload": "nothing", "parameters": {}}', "workload nothing"),
    (b'{"name": "a", "workload": "pwrite", "parameters": {"size": 1, "offset": 0, "fill": 1, '
     b'"file_size": 1, "uptodate": true, "depth": 1}}', "parameter depth")])
def test_a_case_of_a_newer_version_is_no_damage(document: bytes, unknown: str) -> None:
    with pytest.raises(RecordError, match=rf"{unknown}, .*: update tailwalk"):
        msgspec.json.decode(document, type=Case)


def test_cases_are_keys() -> None:
    one, other = find_cases(["write_u1k", "pwrite_u1k"])
    again = msgspec.json.decode(msgspec.json.encode(one), type=Case)
    assert {one: 1, other: 2}[again] == 1
    assert one != one.changed(offset=1)


def test_cases_are_explained_by_their_declarations() -> None:
    made = CliRunner().invoke(group, ["cases", "write_u1k", "writev_u512"])
    assert made.stdout == (
        "write_u1k      write(2) of 1024 bytes at offset 0, after an uncounted lseek(2) to 0; a "
        "file of 10MiB cached by writes of 1MiB\n"
        "writev_u512    writev(2) of 10 vectors of 512 bytes at offset 0, after an uncounted "
        "lseek(2) to 0; a file of 10MiB cached by writes of 1MiB\n")
    everything = CliRunner().invoke(group, ["cases"]).stdout
    assert all(case in everything for members in SUITES.values() for case in members)


@pytest.mark.parametrize(("name", "said"), [
    ("pipe_pst1", "write(2) of 1 byte to a pipe"), ("pipe_pst4k", "write(2) of 4096 bytes to"),
    ("pwrite_u1", "pwrite(2) of 1 byte at offset 0")])
def test_one_byte_is_no_bytes(name: str, said: str) -> None:
    [case] = find_cases([name])
    assert said in case.declared.explained(case.parameters)


def test_only_calls_that_handle_many_bytes_have_a_figure_per_mib() -> None:
    assert {case.name: case.mib for case in find_cases(["lts", "unlink_u512"]) if case.mib} == {
        "read_cold_u8m": 8, "fill_u8m": 8, "writeback_u8m": 8, "unlink_u8m": 8}
    for workload in all_workloads():
        assert not workload.bulk or workload.declared[workload.bulk].unit == "bytes"
