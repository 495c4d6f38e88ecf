# SPDX-License-Identifier: GPL-2.0-or-later
"""`tailwalk upgrade`: what readers see of made-up kernels, and what is measured and profiled."""

from __future__ import annotations

import dataclasses
import json
import re
from functools import partial
from pathlib import Path

import pytest
from golden_files import check_golden
from made_lab import MadeLab
from made_profiles import made_profile
from made_runs import made_figure, made_run
from made_upgrade import (
    ACCEPTED,
    COUNTS,
    FEW,
    KERNELS,
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
from results import error, output, validate

from tailwalk.cases import SUITES, Case, find_cases
from tailwalk.compare.upgrade import Upgrade, read_upgrade
from tailwalk.errors import (
    GuestError,
)
from tailwalk.kernels import Kernel
from tailwalk.profile.record import Profile
from tailwalk.rigs.plan import Plan
from tailwalk.runs import Amount, Run, write_run
from tailwalk.runs.amount import amount_of
from tailwalk.runs.metrics import INSTRUCTIONS
from tailwalk.runs.record import Missing, Part
from tailwalk.runs.schema import json_schema


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
    """Calls that vary: 40% take what `COUNTS` says, and some more than most on the other."""
    figures = []
    for case in plan.cases:
        usual = COUNTS[case.name][[OLD, NEW].index(spec)]
        amount = amount_of(INSTRUCTIONS, [*[usual - 1] * 30, *[usual] * 40, *[70_000] * 30],
                           varies=True)
        figures.append(replace(made_figure(case, usual, order=None), metrics={
            INSTRUCTIONS.name: amount}))
    return made_run(spec, figures)


def test_a_figure_that_moved_and_is_not_judged_is_named() -> None:
    text = " ".join(output(Desk(overlapping).call(
        OLD, NEW, "--case", "fdatasync_u1k", "--case", "read_u1k")).split())
    assert "No case of 2 costs more" in text
    assert "Not judged, as calls overlap: debian:6.18 fdatasync_u1k 3.68×." in text


def test_what_cannot_be_judged_is_told_first() -> None:
    """Nobody takes a case without a judgement for one that costs no more."""
    def few(spec: str, plan: Plan, *, doubtful: tuple[str, ...] = NAMES) -> Run:
        found = made(spec, plan)
        return replace(found, figures=[
            made_figure(one.case, one.main.value, steady=one.case.name not in doubtful)
            for one in found.figures])

    text = output(Desk(few).call(OLD, NEW, *FEW))
    assert text.splitlines()[1:3] == [
        "No case of 10 can be said to cost more or less on debian:6.18 than on",
        "debian:6.12; 10 cannot be judged."]
    assert re.search(r"^\d families +10 +10$", text, re.MULTILINE)
    some = " ".join(output(Desk(partial(few, doubtful=("pwrite_u1k",))).call(
        OLD, NEW, "--case", "pwrite_u1k", "--case", "getpid")).split())
    assert "No case of 2 costs more on debian:6.18 than on debian:6.12; none costs less; " \
           "1 cannot be judged." in some

    def absent(spec: str, plan: Plan) -> Run:
        found = made(spec, plan)
        return replace(found, figures=found.figures[:1], missing=[
            Missing(case=case, reason="none here") for case in plan.cases[1:]])

    lone = " ".join(output(Desk(absent).call(OLD, NEW, *FEW)).split())
    assert ("1 of 10 cases costs more on debian:6.18 than on debian:6.12, pwrite_u1k (5.00×); none "
            "costs less; 9 have no figure.") in lone


def test_who_executed_a_figure_is_told_with_every_case(tmp_path: Path) -> None:
    def run(spec: str, plan: Plan) -> Run:
        found = made(spec, plan)
        first, second, *others = found.figures
        old = spec == OLD
        return replace(found, figures=[
            replace(first, apart=1021 if old else 472_871, parts=[
                Part(name="call", instructions=int(first.main.value) - 900),
                Part(name="jbd2", instructions=800), Part(name="rcu", instructions=100)]),
            replace(second, apart=0, parts=[
                Part(name="call", instructions=int(second.main.value))]), *others])

    asked = (OLD, NEW, "--case", "fdatasync_u1k", "--case", "pwrite_u1k", "--case", "getpid",
             "--why", "0")
    text = output(Desk(run).call(*asked, "--all", "--html", "upgrade.html"))
    told = text.partition("Who executed the instructions, where not the call alone\n")[2]
    assert [line.split() for line in told.partition("─\n")[2].splitlines()[:3]] == [
        ["fdatasync_u1k", "debian:6.12", "8,398", "jbd2", "800,", "rcu", "100", "1,021"],
        ["debian:6.18", "33,348", "jbd2", "800,", "rcu", "100", "472,871"], []]
    assert "Who executed" not in output(Desk(run).call(*asked))
    assert "Who executed" not in output(Desk().call(*asked, "--all"))
    page = (tmp_path / "upgrade.html").read_text().replace("<wbr>", "")
    assert ("executed by call 33,348, jbd2 800, rcu 100; apart: disk driver 472,871; regressed"
            in page)
    assert page.count("executed by") == 1


def test_one_case_is_one_case() -> None:
    text = output(Desk().call(OLD, NEW, "--case", "pwrite_u1k", "--why", "0"))
    assert "1 of 1 case costs more on debian:6.18 than on debian:6.12, pwrite_u1k" in " ".join(
        text.split())


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
    validate(json.loads(text), json_schema(Upgrade))
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
    assert "touch_u4k: +19,792, in create_empty_buffers (+13,194)" in dearer
    assert ("writev_u10k: -15,801, in filemap_get_entry (-10,534), fault_in_readable "
            "(-5,267)."
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
