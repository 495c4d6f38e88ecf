# SPDX-License-Identifier: GPL-2.0-or-later
"""`tailwalk upgrade`: what readers see of made-up kernels, what is refused before anything is
measured, and the statuses."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner, Result
from golden_files import check_golden
from made_lab import MadeLab
from made_profiles import made_profile
from made_runs import made_figure, made_run
from msgspec.structs import replace
from results import error, output

from tailwalk.cases import SUITES, Case, Filesystem, find_cases
from tailwalk.cli import group
from tailwalk.compare.upgrade import Upgrade, read_upgrade
from tailwalk.errors import (
    ArchiveError,
    GuestError,
    KernelError,
    RecordError,
    SpecError,
    UsageError,
)
from tailwalk.kernels import Kernel
from tailwalk.profile.record import Profile
from tailwalk.rigs.plan import Plan
from tailwalk.runs import Amount, Run, write_run
from tailwalk.runs.amount import amount_of
from tailwalk.runs.metrics import INSTRUCTIONS
from tailwalk.runs.record import Missing
from tailwalk.runs.schema import json_schema

OLD, NEW, LATER = "debian:6.12", "debian:6.18", "debian:7.3"
COUNTS = {
    "pwrite_u1k": (2224, 11117, 2271), "writev_u10k": (41398, 25597, 17466),
    "fdatasync_u1k": (9298, 34248, 33294), "msync_u1": (10502, 559134, 557120),
    "touch_u4k": (3713, 23505, 23391), "rename_u": (79258, 39337, 38970),
    "append_fdatasync_u8k": (109516, 114409, 121001), "read_u1k": (1500, 1512, 1498),
    "getpid": (118, 118, 125), "stat_usr": (1904, 1904, 1950),
}
NAMES = tuple(COUNTS)
KERNELS = {made_run(spec, []).kernel.exact_spec: made_run(spec, []).kernel
           for spec in (OLD, NEW, LATER)}
FEW = [part for name in NAMES for part in ("--case", name)]
WALKS = {"pwrite_u1k": ("ext4_block_write_begin", "block_commit_write"),
         "fdatasync_u1k": ("ext4_bio_write_folio", "ext4_finish_bio"),
         "msync_u1": ("bio_add_folio", "bvec_try_merge_page"),
         "touch_u4k": ("create_empty_buffers", "kmem_cache_alloc_noprof")}


def made(spec: str, plan: Plan) -> Run:
    """The run of a kernel of the headline by a plan: figures of `COUNTS`, and of other cases one
    that is the same on each; for a fill other than 1 MiB what 6.12 has."""
    column = [OLD, NEW, LATER].index(spec)
    return made_run(spec, [
        made_figure(case, COUNTS.get(case.name, (1000,) * 3)[
            column if case.get("fill") in (None, 1 << 20) else 0], order=None)
        for case in plan.cases])


def kernel(spec: str) -> Kernel:
    """The kernel of a spec, such as debian:6.12, and of that very release, debian:6.12.95."""
    record = next(one for exact, one in KERNELS.items() if spec in (one.spec, exact))
    return Kernel(spec=spec, release=record.release, digest=record.digest, image=Path("none"))


def profile(exact: str, case: Case) -> Profile:
    """A call whose difference is in the two functions of `WALKS`, in the first two thirds of it."""
    spec = KERNELS[exact].spec
    if case.name not in WALKS:
        raise KernelError(f"the calls of {case.name} on {spec} differ too much")
    old, new = COUNTS[case.name][:2]
    more = 0 if spec == OLD else new - old
    first, second = WALKS[case.name]
    run = made(spec, Plan(cases=[case]))
    return made_profile(
        [("do_syscall_64", -1, old - 200), (first, 0, 100 + more * 2 // 3),
         (second, 1, 100 + more - more * 2 // 3)], spec=spec, case=case, digest=run.kernel.digest)


class Desk:
    """`tailwalk upgrade` on a lab that boots nothing."""

    def __init__(self, run: Callable[[str, Plan], Run] = made) -> None:
        self.lab = MadeLab(run=run, named=kernel, profile=profile)

    def on(self, lab: MadeLab) -> Desk:
        self.lab = lab
        return self

    def call(self, *arguments: str) -> Result:
        return CliRunner().invoke(group, ["upgrade", *arguments], obj=self.lab)


@pytest.fixture(autouse=True)
def _plain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "LC_ALL", "LC_CTYPE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "C.UTF-8")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)


SCENES: dict[str, tuple[str, ...]] = {
    "two": (OLD, NEW, *FEW), "later": (OLD, NEW, LATER, *FEW),
    "all": (OLD, NEW, LATER, *FEW, "--all"),
    "fills": (OLD, NEW, "--case", "pwrite_u1k", "--fill", "4KiB", "--fill", "1MiB"),
    "same": (OLD, NEW, "--case", "getpid", "--case", "stat_usr"),
}


@pytest.mark.parametrize("scene", SCENES)
def test_what_readers_see(scene: str) -> None:
    text = output(Desk().call(*SCENES[scene]))
    assert max(map(len, text.splitlines())) <= 80
    check_golden(f"upgrade-{scene}.table", text)


def moving(spec: str, plan: Plan) -> Run:
    """Every second case costs more on the later kernels, every fourth less, and every eighth has
    calls that overlap; the kernels lack four calls."""
    figures = []
    for at, case in enumerate(plan.cases):
        value = 10_000 + (0 if spec == OLD or at % 2 else -9_000 if at % 4 else 300_000 + 100 * at)
        amount = amount_of(INSTRUCTIONS, [*[value] * 90, *[400_000 if at % 8 == 0 else value] * 10],
                           varies=True)
        figures.append(replace(made_figure(case, value, order=None), metrics={
            INSTRUCTIONS.name: amount}))
    return made_run(spec, figures[4:], missing=[
        Missing(case=case, reason=f"{'socket' if at else 'eventfd'}: Function not implemented")
        for at, case in enumerate(plan.cases[:4])])


def profile_of_many(exact: str, case: Case) -> Profile:
    """A call whose difference is in the functions of one of `WALKS`."""
    spec = KERNELS[exact].spec
    more = 0 if spec == OLD else 300_000
    first, second = list(WALKS.values())[len(case.name) % 4]
    run = moving(spec, Plan(cases=[case]))
    return made_profile(
        [("do_syscall_64", -1, 9_800), (first, 0, 100 + more * 2 // 3),
         (second, 1, 100 + more // 3)], spec=spec, case=case, digest=run.kernel.digest)


@pytest.mark.parametrize("scene", ["later", "whole"])
def test_the_answer_is_on_one_screen_and_its_first_line(scene: str) -> None:
    """Of 80 columns and 50 lines, however many cases of however many families regressed."""
    desk = Desk() if scene == "later" else Desk().on(
        MadeLab(run=moving, named=kernel, profile=profile_of_many))
    cases = FEW if scene == "later" else ["--suite", "lts"]
    text = output(desk.call(OLD, NEW, LATER, *cases))
    lines = text.splitlines()
    assert len(lines) <= 50 and max(map(len, lines)) <= 80
    assert re.match(r"\d+ of \d+ cases cost more on debian:6.18 than on debian:6.12", lines[1])
    assert "Where debian:6.18 executes more, by kernel function" in lines
    if scene == "whole":
        assert re.search(r"^and \d+ more, from 3\d\.\d× down: --all$", text, re.MULTILINE)
        everything = output(desk.call(OLD, NEW, LATER, *cases, "--all"))
        assert re.search(r" and \d+ more", everything) is None
        assert all(f"\n{case.name} " in everything for case in find_cases(["lts"])[4:])


def test_a_reason_is_told_once() -> None:
    first, *others = [case.name for case in find_cases(["lts"])][:4]
    asked = (OLD, NEW, LATER, "--suite", "lts", "--why", "0")
    for text in (output(Desk(moving).call(*asked)), output(Desk(moving).call(*asked, "--all"))):
        assert text.count("every kernel, ") == text.count("Function not") == 2
    assert [" ".join(note.split()) for note in text.split("\nnote ")[1:]] == [
        f"every kernel, {first}: not measured: eventfd: Function not implemented",
        f"every kernel, {', '.join(others)}: not measured: socket: Function not implemented"]


def test_what_one_kernel_lacks_alone_is_told_of_that_kernel() -> None:
    def differing(spec: str, plan: Plan) -> Run:
        found = moving(spec, plan)
        return found if spec == NEW else replace(found, missing=[
            replace(one, reason=f"{spec} has none") for one in found.left_out])

    text = " ".join(output(Desk(differing).call(
        OLD, NEW, "--suite", "lts", "--why", "0", "--all")).split())
    assert "debian:6.12 has none" in text
    assert "debian:6.18, " in text and "socket: Function not implemented" in text


def test_a_terminal_of_ascii_alone_has_no_sign_that_it_cannot_show(
        monkeypatch: pytest.MonkeyPatch) -> None:
    Path("accepted.toml").write_text(ACCEPTED.format(6))
    arguments = (OLD, NEW, LATER, *FEW, "--accept", "accepted.toml", "--all")
    monkeypatch.setenv("COLUMNS", "60")
    whole = output(Desk().call(*arguments))
    monkeypatch.setenv("LC_ALL", "C")
    text = output(Desk().call(*arguments))
    assert text.isascii() and "\\x" not in text and "\\u" not in text
    assert text == whole.replace("×", "x").replace("─", "-")
    check_golden("upgrade-ascii-60.table", text)


def lacking(spec: str, plan: Plan) -> Run:
    """As `made`, but 6.12 lacks a call, 6.18 fails in one, and the disk gets more of a third."""
    found = made(spec, plan)
    gone = {OLD: ("pwrite_u1k", "io_uring_setup is not there", False),
            NEW: ("getpid", "the call gave 5", True)}
    name, reason, failed = gone[spec]
    written = {OLD: 4096, NEW: 1 << 20}[spec]
    return replace(found, figures=[
        replace(figure, metrics=figure.metrics | {"bytes": Amount(
            value=written, unit="bytes/call", steady=True, share=1.0, calls=[(written, 100)])})
        if figure.case.name == "msync_u1" else figure
        for figure in found.figures if figure.case.name != name],
        missing=[Missing(case=figure.case, reason=reason, failed=failed)
                 for figure in found.figures if figure.case.name == name])


def test_what_is_missing_is_told_and_what_the_disk_gets() -> None:
    result = Desk(lacking).call(OLD, NEW, *FEW, "--why", "0")
    assert isinstance(error(result), GuestError)
    check_golden("upgrade-missing.table", result.stdout)


def test_a_case_without_a_figure_on_any_kernel_is_one_of_the_cases(tmp_path: Path) -> None:
    def run(spec: str, plan: Plan) -> Run:
        found = made(spec, plan)
        return replace(found, figures=found.figures[:1], missing=[
            Missing(case=plan.cases[1], reason="ENOSPC", failed=True),
            Missing(case=plan.cases[2], reason="no xattrs")])

    result = Desk(run).call(OLD, NEW, "--case", "pwrite_u1k", "--case", "fill_u900m", "--case",
                            "getxattr_u32", "--why", "0", "--json", "upgrade.json", "--junit",
                            "upgrade.xml", "--html", "upgrade.html", "--all")
    assert "fill_u900m on debian:6.12 (ENOSPC)" in str(error(result))
    assert "1 of 3 cases costs more" in result.stdout
    assert re.search(r"^all +3 +1 +2$", result.stdout, re.MULTILINE)
    assert re.search(r"^fill_u900m +failed +failed +- +missing$", result.stdout, re.MULTILINE)
    assert result.stdout.count("ENOSPC") == 1  # and of every kernel
    found = read_upgrade(tmp_path / "upgrade.json")
    assert [(one.case, one.failed, one.verdicts) for one in found.cases[1:]] == [
        ("fill_u900m", [True, True], ["missing"] * 2),
        ("getxattr_u32", [False, False], ["missing"] * 2)]
    assert 'tests="3" failures="1" errors="1" skipped="1"' in (
        tmp_path / "upgrade.xml").read_text()
    assert "fill_u900m on debian:6.18: ENOSPC" in (
        tmp_path / "upgrade.html").read_text().replace("<wbr>", "")


def overlapping(spec: str, plan: Plan) -> Run:
    """Calls that vary: most take what `COUNTS` says, and some more than most on the other."""
    figures = []
    for case in plan.cases:
        usual = COUNTS[case.name][[OLD, NEW].index(spec)]
        amount = amount_of(INSTRUCTIONS, [*[usual] * 90, *[70_000] * 10], varies=True)
        figures.append(replace(made_figure(case, usual, order=None), metrics={
            INSTRUCTIONS.name: amount}))
    return made_run(spec, figures)


def test_a_figure_that_moved_and_is_not_judged_is_named() -> None:
    text = " ".join(output(Desk(overlapping).call(
        OLD, NEW, "--case", "fdatasync_u1k", "--case", "read_u1k")).split())
    assert "No case of 2 costs more" in text
    assert "Not judged, as calls overlap: debian:6.18 fdatasync_u1k 3.68×." in text


def test_a_later_kernel_that_leaves_a_doubt_is_named() -> None:
    def late(spec: str, plan: Plan) -> Run:
        found = overlapping(NEW if spec == LATER else OLD, plan)
        return replace(found, kernel=made_run(spec, []).kernel)

    text = " ".join(output(Desk(late).call(OLD, NEW, LATER, "--case", "fdatasync_u1k")).split())
    assert "Not judged, as calls overlap: debian:7.3 fdatasync_u1k 3.68×." in text
    assert "No case of 1 costs more" in text


def test_no_figure_is_cut_short_on_a_terminal_of_any_width(
        monkeypatch: pytest.MonkeyPatch) -> None:
    cases = ["--case", "overwrite_fdatasync_u1k", "--case", "msync_u1", "--case", "pwrite_u1k"]
    monkeypatch.setitem(COUNTS, "overwrite_fdatasync_u1k", (11_051, 4_444_445, 3_535_421))
    for columns in ("60", "80", "100", "200"):
        monkeypatch.setenv("COLUMNS", columns)
        text = output(Desk().call(OLD, NEW, LATER, *cases, "--why", "0"))
        assert "…" not in text
        assert max(map(len, text.splitlines())) <= int(columns)
        for figure in ("11,051", "4,444,445", "3,535,421", "overwrite_fdatasync_u1k"):
            assert figure in text


@pytest.mark.parametrize(("cases", "basis"), [
    (("pwrite_u1k", "getpid"),
     "each figure is the mode of the calls' executed instructions, a count"),
    (("pwrite_u1k", "fdatasync_u1k"),
     "each figure is the mode of the calls' executed instructions, their median where calls are "
     "not alike, a count")])
def test_what_each_figure_is_holds_of_all_of_them(cases: tuple[str, ...], basis: str) -> None:
    text = output(Desk().call(OLD, NEW, "--all",
                              *[part for name in cases for part in ("--case", name)]))
    assert basis in " ".join(text.split())


def test_the_record_is_what_the_schema_says(tmp_path: Path) -> None:
    text = output(Desk().call(OLD, NEW, *FEW, "-o", "upgrade.json", "--format", "json"))
    found = read_upgrade(tmp_path / "upgrade.json")
    assert json.loads(text) == json.loads((tmp_path / "upgrade.json").read_text())
    jsonschema.validate(json.loads(text), json_schema(Upgrade))
    by_name = {one.case: one for one in found.cases}
    assert list(by_name) == list(NAMES)
    assert [one.function for one in by_name["pwrite_u1k"].why] == [*WALKS["pwrite_u1k"]]
    assert by_name["pwrite_u1k"].difference == 11117 - 2224
    assert by_name["getpid"].why == [] and by_name["getpid"].difference is None


def test_it_measures_the_upgrade_test_by_itself() -> None:
    desk = Desk()
    output(desk.call(OLD, NEW, "--why", "0"))
    [(specs, plan, _)] = desk.lab.asked
    assert specs == (OLD, NEW)
    assert [case.name for case in plan.cases] == list(SUITES["lts"])
    assert plan.calls == 100


def test_a_family_is_its_cases_alone() -> None:
    desk = Desk()
    output(desk.call(OLD, NEW, "--family", "sync", "--family", "append", "--why", "0"))
    [(_, plan, _)] = desk.lab.asked
    families = {case.declared.family for case in plan.cases}
    assert families == {"sync", "append"}
    assert [case.name for case in plan.cases] == [
        case.name for case in find_cases(["lts"]) if case.declared.family in families]


def test_cases_of_a_cached_file_are_measured_with_each_fill_and_others_once() -> None:
    desk = Desk()
    output(desk.call(OLD, NEW, "--case", "pwrite_u1k", "--case", "getpid", "--fill", "4KiB",
                     "--fill", "2MiB", "--why", "0"))
    [(_, plan, _)] = desk.lab.asked
    assert [(case.name, case.get("fill")) for case in plan.cases] == [
        ("pwrite_u1k", 4096), ("pwrite_u1k", 2 << 20), ("getpid", None)]


def test_no_more_are_profiled_than_asked_for_and_the_worst_first() -> None:
    def profiled(*arguments: str) -> list[str]:
        document = json.loads(output(Desk().call(OLD, NEW, *FEW, "--format", "json", *arguments)))
        return [one["case"] for one in document["cases"] if one["why"]]

    assert profiled("--why", "0") == []
    assert profiled("--why", "2") == ["msync_u1", "touch_u4k"]  # in the suite's order: by chance
    assert set(profiled()) == set(WALKS)


def test_all_that_moved_is_profiled_where_that_is_asked_for(
        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(WALKS, "writev_u10k", ("filemap_get_entry", "fault_in_readable"))
    result = Desk().call(OLD, NEW, *FEW, "--why", "all", "--json", "upgrade.json",
                         "--html", "page.html")
    dearer, _, cheaper = output(result).partition("Where debian:6.18 executes less")
    assert "touch_u4k: +19,792, in create_empty_buffers 67%" in dearer
    assert ("writev_u10k: -15,801, in filemap_get_entry 67%, fault_in_readable 33%."
            in " ".join(cheaper.split()))
    assert "Not profiled: rename_u" in cheaper  # it moved, and the lab has no profile of it
    by_name = {one.case: one for one in read_upgrade(Path("upgrade.json")).cases}
    assert [one.function for one in by_name["writev_u10k"].why] == [
        "filemap_get_entry", "fault_in_readable"]
    assert all((one.difference or one.unprofiled) is not None
               for one in by_name.values() if one.verdicts[1] in ("regressed", "improved"))
    assert by_name["getpid"].unprofiled is None
    text = Path("page.html").read_text()
    assert "executes less than" in text and "filemap_<wbr>get_<wbr>entry" in text


def test_how_many_are_profiled_is_a_number_or_all() -> None:
    result = Desk().call(OLD, NEW, "--why", "every")
    assert result.exit_code == 2
    assert "'every' is no whole number. Or say all." in result.output


def test_without_it_no_cheaper_case_is() -> None:
    text = output(Desk().call(OLD, NEW, *FEW, "--why", "10", "--html", "page.html"))
    assert "executes less" not in text and "executes less" not in Path("page.html").read_text()


def test_a_case_that_cannot_be_profiled_is_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(WALKS, "touch_u4k")
    text = output(Desk().call(OLD, NEW, *FEW))
    assert "Not profiled: touch_u4k: the calls of touch_u4k on debian:6.12 differ" in text


def test_a_kernel_that_changed_since_is_not_profiled_in_its_place() -> None:
    """Such as a package of one version that was built again, or a tree that was changed."""
    def newer(spec: str) -> Kernel:
        return dataclasses.replace(kernel(spec), digest="f" * 64)

    old = made(OLD, Plan(cases=find_cases(["pwrite_u1k"])))
    write_run(old, Path("old.json"))
    lab = MadeLab(run=made, named=newer)  # which says so where it is asked for a profile
    text = " ".join(output(Desk().on(lab).call("old.json", NEW)).split())
    assert ("Not profiled: pwrite_u1k: debian:6.12.95 is another kernel by now: "
            f"{old.kernel.release}, and not the {old.kernel.release} of run {old.id}.") in text


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


ACCEPTED = """\
[[accepted]]
case = "*"
ratio = {}
reason = "large folios"
until = 2999-12-31
"""


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
