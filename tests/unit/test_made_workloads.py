# SPDX-License-Identifier: GPL-2.0-or-later
"""What is said and done for workloads that are not like those there are."""

from __future__ import annotations

import csv
import io
import shlex
from pathlib import Path

import pytest
from made_runs import made_figure, made_run, made_samples, made_timed_figure, made_timed_run
from made_workloads import made_workloads

from tailwalk.cache import Cache
from tailwalk.cases import KIB, MIB, Filesystem, all_workloads, find_cases
from tailwalk.compare import compare
from tailwalk.compare.sweep import arrange
from tailwalk.compiling import c_sources
from tailwalk.errors import UsageError
from tailwalk.lab.plans import chosen_cases, host_plan
from tailwalk.probe.build import compile_probe
from tailwalk.report.commands import run_commands
from tailwalk.report.comparison import run_shown
from tailwalk.report.data import comparison_csv
from tailwalk.report.growth import growth_shown
from tailwalk.report.sweep import sweep_shown
from tailwalk.report.words import case_labels, conditions
from tailwalk.rigs.host import measure_host
from tailwalk.rigs.plan import Pace
from tailwalk.runs.export import to_csv

pytestmark = pytest.mark.usefixtures(made_workloads.__name__)


def cache_of(*names: str) -> str:
    """What is said of the page cache of cases."""
    cases = find_cases(names)
    run = made_run("debian:6.18", [made_figure(case, 1654) for case in cases])
    return dict(conditions(run.rig, run.conditions, cases)).get("page cache", "")


def test_a_case_without_a_file_is_measured_here_once_and_not_changed() -> None:
    plan = host_plan(["gettid", "pwrite_u1k"], fills=[4 * KIB, MIB], file_size=MIB, offset=100)
    assert [(case.name, case.get("fill"), case.get("file_size"), case.get("offset"))
            for case in plan.cases] == [
        ("gettid", None, None, None), ("pwrite_u1k", 4 * KIB, MIB, 100),
        ("pwrite_u1k", MIB, MIB, 100)]


def test_options_change_the_cases_that_have_a_use_for_them() -> None:
    [bare, write] = chosen_cases(["gettid", "pwrite_u1k"], Filesystem(), fill=8 * KIB,
                                 offset="half", partial=False)
    assert bare.parameters == {}
    assert (write.fill, write.offset) == (8 * KIB, 4 * KIB)
    for given in ({"fill": 8 * KIB}, {"file_size": MIB}, {"offset": "4KiB"}, {"partial": True}):
        with pytest.raises(UsageError, match=r"case gettid has no .*nothing to choose"):
            chosen_cases(["gettid"], Filesystem(), **given)


def test_growth_is_of_cases_with_a_fill_and_says_the_others() -> None:
    [bare, write] = find_cases(["gettid", "pwrite_u1k"])
    run = made_timed_run("host", made_timed_figure(bare, made_samples(1, 80)), *(
        made_timed_figure(write.changed(fill=fill), made_samples(1, 200), written=order)
        for fill, order in ((4 * KIB, 0), (MIB, 8))))
    shown = growth_shown(run)
    assert [row.cells[0].text for row in shown.parts[0].rows] == ["pwrite_u1k"]
    assert dict(shown.facts)["gettid"].endswith(" ns/call, whatever the fill")
    alone = made_timed_run("host", made_timed_figure(bare, made_samples(1, 80)))
    with pytest.raises(UsageError, match="one fill shows no growth"):
        growth_shown(alone)


def test_nothing_is_said_of_the_folios_of_a_case_without_a_file() -> None:
    bare, write = find_cases(["gettid", "pwrite_u1k"])
    [shown] = run_shown(made_run("debian:6.18", [made_figure(case, 80, order=None)
                                                 for case in (bare, write)]))
    assert [[cell.text for cell in row.cells[-2:]] for row in shown.parts[0].rows] == [
        ["", ""], ["unknown", "unknown"]]


@pytest.mark.slow
def test_a_case_without_a_file_is_timed_here(
        tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    twin = (b'#include <unistd.h>\n#include "workload.h"\n'
            b"static void prepare(struct work *work)\n"
            b"{\n\tadd_step(work, (struct step){ CALL(gettid), .gives = getpid() });\n}\n"
            b"const struct workload workload_gettid = { .prepare = prepare };\n")
    sources = {**c_sources("probe"), "workloads/gettid.c": twin}
    probe = compile_probe(Cache(tmp_path_factory.mktemp("cache")), sources,
                          [one for one in all_workloads() if one.name != "settle"])
    plan = host_plan(["gettid"], fills=[4 * KIB], pace=Pace(rounds=8, seconds=0))
    run = measure_host(tmp_path, plan, probe=probe)
    [figure] = run.figures
    assert (figure.case.name, figure.folios, figure.main.number) == ("gettid", None, 8)
    assert 1 < figure.main.value < 10**6
    assert run_shown(run)


def test_the_host_commands_of_a_case_without_a_file() -> None:
    [bare, write] = find_cases(["gettid", "pwrite_u1k"])
    run = made_timed_run("host", *(made_timed_figure(case, made_samples(1, 80))
                                   for case in (bare, write.changed(offset=4096))))
    assert [shlex.split(line, comments=True)[3:] for line in run_commands([run])] == [
        ["--case", "gettid"],
        ["--case", "pwrite_u1k", "--fill", "1MiB", "--offset", "4KiB"]]


def test_what_is_said_of_calls_is_what_they_do() -> None:
    file = "file of 10MiB filled by writes of 1MiB"
    assert cache_of("pwrite_u1k", "pread_u1k") == f"{file}; calls overwrite or read at offset 0"
    assert cache_of("settle") == file
    assert cache_of("settle", "pread_u1k") == f"{file}; calls at offset 0"
    assert cache_of("gettid") == ""


def test_a_sweep_of_reads_says_that_calls_read() -> None:
    [read] = find_cases(["pread_u1k"])
    run = made_run("debian:6.18", [made_figure(read.changed(offset=offset), 1654)
                                   for offset in (0, 4096)])
    assert dict(sweep_shown(arrange([run]))[-1].facts)["page cache"] == (
        "file of various sizes filled by writes of various sizes; calls read at various offsets")


def test_cases_that_differ_in_a_parameter_of_their_own_are_told_apart() -> None:
    [case] = find_cases(["settle"])
    cases = [case, case.changed(depth=3), case.changed(span=4096)]
    assert case_labels(cases) == ["settle depth 1 span 0", "settle depth 3 span 0",
                                  "settle depth 1 span 4KiB"]
    runs = [made_run(spec, [made_figure(one, 80) for one in cases])
            for spec in ("debian:6.12", "debian:6.18")]
    for text in (to_csv(runs), comparison_csv(compare(runs))):
        rows = list(csv.DictReader(io.StringIO(text)))
        assert [row["parameters"] for row in rows if row["kernel"] == "debian:6.18"] == [
            "depth=1 span=0", "depth=3 span=0", "depth=1 span=4096"]
