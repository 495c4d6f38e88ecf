# SPDX-License-Identifier: GPL-2.0-or-later
"""`tailwalk upgrade`: the statuses, records as kernels, and what is refused before anything is
measured."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from made_lab import MadeLab
from made_runs import made_figure, made_run
from made_upgrade import (
    ACCEPTED,
    FEW,
    LATER,
    NAMES,
    NEW,
    OLD,
    WALKS,
    Desk,
    kernel,
    made,
)
from msgspec.structs import replace
from results import error, output

from tailwalk.cases import Filesystem, find_cases
from tailwalk.compare.upgrade import read_upgrade
from tailwalk.errors import (
    ArchiveError,
    GuestError,
    RecordError,
    SpecError,
    UsageError,
)
from tailwalk.kernels import Kernel
from tailwalk.rigs.plan import Plan
from tailwalk.runs import Run, write_run
from tailwalk.runs.record import Missing


@pytest.fixture(autouse=True)
def _plain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(("arguments", "status"), [
    ((OLD, NEW, *FEW, "--fail-on", "regressed"), 1),
    ((OLD, NEW, *FEW), 0),
    ((OLD, NEW, "--case", "getpid", "--fail-on", "regressed"), 0),
    ((OLD, NEW, LATER, "--case", "getpid", "--fail-on", "regressed"), 1),
    ((OLD, NEW, LATER, "--case", "getpid", "--fail-on", "regressed", "--threshold", "10"), 0)])
def test_the_status_is_what_was_asked_about(arguments: tuple[str, ...], status: int) -> None:
    assert Desk().call(*arguments).exit_code == status


def test_a_case_that_failed_is_an_error_once_all_else_was_shown() -> None:
    def run(spec: str, plan: Plan) -> Run:
        found = made(spec, plan)
        if spec == OLD:
            return found
        failed = Missing(case=plan.cases[-1], reason="the call gave 5", failed=True)
        return replace(found, figures=found.figures[:-1], missing=[failed])

    result = Desk(run).call(OLD, NEW, "--case", "pwrite_u1k", "--case", "getpid")
    assert "pwrite_u1k" in result.stdout
    assert isinstance(error(result), GuestError)
    assert "getpid on debian:6.18 (the call gave 5)" in str(result.exception)


def test_a_figure_that_cannot_be_judged_leaves_the_gate_without_an_answer() -> None:
    def run(spec: str, plan: Plan) -> Run:
        few = {"calls": [(1000, 40), *((1001 + at, 1) for at in range(60))], "share": 0.4,
               "steady": False}
        return made_run(spec, [made_figure(case, 1000, order=None, **few) for case in plan.cases])

    result = Desk(run).call(OLD, NEW, "--case", "getpid", "--fail-on", "regressed")
    assert isinstance(error(result), RecordError)
    assert "cannot be judged" in str(result.exception)


def test_a_record_is_the_baseline_and_one_kernel_is_measured_as_it_was() -> None:
    plan = Plan(cases=find_cases(NAMES[:3]))
    write_run(made(OLD, plan), Path("old.json"))
    desk = Desk()
    text = output(desk.call("old.json", NEW))
    [(specs, asked, _)] = desk.lab.asked
    assert (specs, [*asked.cases], asked.calls) == ((NEW,), [*plan.cases], 300)
    assert "2 of 3 cases cost more on debian:6.18" in text
    assert "Where debian:6.18 executes more, by kernel function pwrite_u1k: " in " ".join(
        text.split())
    alone = output(desk.call("old.json", NEW, "--why", "0"))
    assert "Not profiled: --why N names the functions of the worst N." in alone


def test_beside_a_record_the_options_that_are_left_out_are_as_it_says() -> None:
    system = Filesystem(kind="xfs", mount_options="noatime")
    plan = Plan(cases=find_cases(["pwrite_u1k", "getpid", "fdatasync_u1k"]))
    write_run(replace(made(OLD, plan), conditions=replace(
        made(OLD, plan).conditions, filesystem=system)), Path("old.json"))
    for arguments, cases, calls in (
            (("--calls", "50"), [*plan.cases], 50), (("--fs", "xfs"), [*plan.cases], 300),
            (("--family", "sync"), [plan.cases[2]], 300),
            (("--case", "getpid", "--mount-options", "noatime"), [plan.cases[1]], 300)):
        desk = Desk()
        result = desk.call("old.json", NEW, "--why", "0", *arguments)
        [(specs, asked, _)] = desk.lab.asked
        assert (specs, [*asked.cases], asked.calls, asked.filesystem) == (
            (NEW,), cases, calls, system)
        assert isinstance(result.exception, UsageError)  # the made run is on ext4
        assert "file system is xfs there and ext4 here" in str(result.exception)


def test_an_entry_that_is_of_no_case_here_is_said_before_anything_is_measured() -> None:
    Path("accepted.toml").write_text(ACCEPTED.format(2).replace('"*"', '"read_*"'))

    def run(spec: str, plan: Plan) -> Run:
        raise GuestError(f"{spec} does not boot {plan.rig}")

    result = Desk(run).call(OLD, NEW, "--case", "getpid", "--accept", "accepted.toml")
    assert isinstance(error(result), GuestError)
    assert "accepted.toml: entry 1 (read_*): of no case that is compared here" in result.stderr


@pytest.mark.parametrize(("arguments", "ratio", "fetched", "profiled"), [
    ((), 100, False, set()), ((), 7, True, {"msync_u1"}), (("--why", "9"), 100, True, set(WALKS))])
def test_the_old_kernel_of_a_record_is_had_where_a_regression_is_not_accepted(
        arguments: tuple[str, ...], ratio: int, fetched: bool, profiled: set[str]) -> None:
    """The functions of the others are known to who accepted them."""
    write_run(made(OLD, Plan(cases=find_cases(list(WALKS)))), Path("old.json"))
    Path("accepted.toml").write_text(ACCEPTED.format(ratio))
    desk = Desk()
    result = desk.call("old.json", NEW, "--accept", "accepted.toml", "-o", "upgrade.json",
                       "--junit", "upgrade.xml", "--fail-on", "regressed", *arguments)
    assert result.exit_code == (0 if ratio == 100 else 1)
    assert ("debian:6.12.95" in desk.lab.fetched) is fetched
    assert {one.case for one in read_upgrade(Path("upgrade.json")).cases if one.why} == profiled
    assert ("functions: " in Path("upgrade.xml").read_text()) is bool(profiled)


def test_an_old_kernel_that_is_not_there_any_more_is_said_and_changes_no_status() -> None:
    def gone(spec: str) -> Kernel:
        if spec != NEW:
            raise ArchiveError(f"the archive has no {spec}.")
        return kernel(spec)

    write_run(made(OLD, Plan(cases=find_cases(["pwrite_u1k"]))), Path("old.json"))
    result = Desk().on(MadeLab(run=made, named=gone)).call("old.json", NEW, "--fail-on",
                                                           "regressed")
    assert result.exit_code == 1
    assert "Not profiled: pwrite_u1k: the archive has no debian:6.12.95." in result.stdout


def test_records_alone_are_read_and_nothing_is_booted() -> None:
    for name, spec in (("old.json", OLD), ("new.json", NEW)):
        write_run(made(spec, Plan(cases=find_cases(["pwrite_u1k"]))), Path(name))
    desk = Desk()
    text = output(desk.call("old.json", "new.json"))
    assert "Not profiled: --why N names the functions of the worst N." in text
    assert desk.lab.asked == desk.lab.fetched == []


def test_of_a_record_the_cases_asked_for_are_taken() -> None:
    old, new = (made(spec, Plan(cases=find_cases(NAMES))) for spec in (OLD, NEW))
    write_run(old, Path("old.json"))
    write_run(new, Path("new.json"))
    document = json.loads(output(Desk().call("old.json", "new.json", "--case", "msync_u1",
                                             "--format", "json")))
    assert [one["case"] for one in document["cases"]] == ["msync_u1"]
    assert [kernel["run"] for kernel in document["kernels"]] == [old.id, new.id]


@pytest.mark.parametrize(("arguments", "kind", "words"), [
    ((OLD,), UsageError, "only debian:6.12 is named"),
    ((OLD, OLD), UsageError, "debian:6.12 is named twice"),
    ((OLD, "6.18"), SpecError, "6.18"),
    ((OLD, NEW, "--family", "synch"), UsageError, "no family 'synch'. Did you mean sync?"),
    ((OLD, NEW, "--family", "sync", "--case", "getpid"), UsageError, "no case that is named"),
    ((OLD, NEW, "--case", "pwrit_u1k"), UsageError, "no case 'pwrit_u1k'"),
    ((OLD, NEW, "--case", "getpid", "--fill", "4KiB"), UsageError, "getpid has no fill"),
    ((OLD, NEW, "--fill", "128MiB"), UsageError, "64MiB"),
    ((OLD, NEW, "--fill", "0"), UsageError, "--fill 0"),
    ((OLD, NEW, "-o", "one", "--html", "one"), UsageError, "one is to be written twice"),
    ((OLD, NEW, "--sarif", "one", "--junit", "./one"), UsageError, "one is to be written twice"),
    ((OLD, NEW, "--accept", "wrong.toml"), UsageError, "entry 1: case = 'pwrit_u1k' is the name"),
    ((OLD, NEW, "--accept", "absent.toml"), UsageError, "cannot read absent.toml"),
    ((OLD, NEW, "--sarif", "wrong.toml", "--accept", "wrong.toml"), UsageError, "is read here"),
    ((OLD, NEW, "--junit", "nowhere/upgrade.xml"), UsageError, "no directory"),
    ((OLD, NEW, "--junit", "/proc/x"), UsageError, "cannot write /proc/x: "),
    ((OLD, NEW, "--html", "/proc/version"), UsageError, "cannot write /proc/version: "),
    ((OLD, "upgrade.json"), RecordError, "upgrade.json is a 'tailwalk.upgrade/1' record where a"),
    (("cut.json", NEW), RecordError, "cut.json is not a tailwalk record, or was cut short"),
    (("twice.json", NEW), RecordError,
     "the run of debian:6.12 (6.12.95+deb12-cloud-amd64) holds case getpid twice"),
    ((OLD, NEW, "--calls", "0"), UsageError, "--calls 0"),
    ((OLD, NEW, "--dask", "foo"), UsageError, "--dask 'foo' is no address"),
    (("old.json", "again.json", "--dask", "tcp://host"), UsageError, "--dask 'tcp://host' is no"),
    ((OLD, NEW, "--threshold", "-1"), UsageError, "threshold"),
    ((OLD, NEW, "-o", "nowhere/upgrade.json"), UsageError, "no directory"),
    (("old.json", NEW, "--case", "stat_usr", "--case", "getpid"), UsageError,
     "has not stat_usr, with the parameters that are asked for: 1 of 2 cases"),
    (("old.json", NEW, "--case", "pwrite_u1k", "--fill", "4KiB"), UsageError,
     "--fill 4KiB: old.json, the record of debian:6.12, has pwrite_u1k with a fill of 1MiB"),
    (("old.json", NEW, "--fill", "1MiB", "--fill", "4KiB"), UsageError, "--fill 4KiB: old.json"),
    (("old.json", NEW, "--fs", "xfs"), UsageError,
     "--fs xfs: old.json, the record of debian:6.12, was measured with ext4"),
    (("old.json", NEW, "--fs-block-size", "1KiB"), UsageError, "was measured with 4KiB"),
    (("old.json", NEW, "--mount-options", "noatime"), UsageError, "was measured with none"),
    ((NEW, "old.json", "--append", "quiet"), UsageError, "was measured with none"),
    (("old.json", NEW, "--family", "sync"), UsageError, "of overwrite and process"),
    ((OLD, NEW, "--accept", "pattern.toml"), UsageError, "entry 1: case = 'pwrit_*' is the name"),
    (("old.json", NEW, "--accept", "pattern.toml"), UsageError, "entry 1: case = 'pwrit_*'"),
    (("old.json", "again.json"), UsageError, "old.json and again.json are the same kernel"),
    (("old.json", "again.json", "--calls", "50"), UsageError, "nothing is measured"),
    (("absent.json", NEW), RecordError, "absent.json"),
])
def test_what_is_refused_is_refused_before_anything_is_measured(
        arguments: tuple[str, ...], kind: type[Exception], words: str) -> None:
    record = made(OLD, Plan(cases=find_cases(["pwrite_u1k", "getpid"])))
    for name in ("old.json", "again.json"):
        write_run(record, Path(name))
    write_run(replace(record, figures=[*record.figures, record.figures[-1]]), Path("twice.json"))
    Path("pattern.toml").write_text(ACCEPTED.format(2).replace("*", "pwrit_*"))
    Path("wrong.toml").write_text(ACCEPTED.format(2).replace("*", "pwrit_u1k"))
    Path("upgrade.json").write_text('{"schema": "tailwalk.upgrade/1"}')
    Path("cut.json").write_bytes(Path("old.json").read_bytes()[:-100])
    there = sorted(Path().iterdir())
    desk = Desk()
    result = desk.call(*arguments)
    assert isinstance(error(result), kind)
    assert words in str(result.exception)
    assert desk.lab.asked == [] and sorted(Path().iterdir()) == there
