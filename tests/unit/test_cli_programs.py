# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs under the commands that take cases: compared, explained and reported, run by a made-up
lab or read from records."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest
from click.testing import CliRunner, Result
from golden_files import check_golden
from made_exec import ENDED, ExecLab, made_exec_lab
from made_lab import available
from made_programs import (
    NEW,
    OLD,
    made_on_kernel,
    made_on_several_cpus,
    made_program,
    made_row,
)
from made_runs import made_seed_runs
from msgspec.structs import replace
from page_texts import Elements, words
from results import error

from tailwalk.cli import group
from tailwalk.errors import KernelError
from tailwalk.programs.plan import ExecPlan
from tailwalk.rigs.exec import Executed
from tailwalk.runs import write_run
from tailwalk.runs.program import read_program_record
from tailwalk.runs.record import encode
from tailwalk.runs.store import Store

KERNELS = ("debian:6.12", "debian:6.18")
PROGRAM = ("--", "./program", "--fast")


def tailwalk(*line: str, lab: ExecLab | None = None) -> Result:
    return CliRunner().invoke(group, line, obj=lab or made_exec_lab())


def good(done: Result) -> str:
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture
def records(tmp_path: Path) -> tuple[str, str]:
    paths = (str(tmp_path / "old.json"), str(tmp_path / "new.json"))
    for path, kernel in zip(paths, (OLD, NEW), strict=True):
        Path(path).write_bytes(encode(made_program(kernel)))
    return paths


def test_a_program_is_compared_as_exec_does() -> None:
    lab = made_exec_lab()
    done = tailwalk("compare", *KERNELS, "--memory", "512", *PROGRAM, lab=lab)
    check_golden("program-exec.table", good(done))
    assert "debian:6.12:\nits output\nits complaint\n" in done.stderr
    [(specs, asked)] = lab.asked_for
    assert (specs, asked.plan.program, list(asked.plan.arguments), asked.memory, asked.repeat) == (
        list(KERNELS), Path("program"), ["--fast"], 512, 1)


def test_records_of_programs_are_compared_and_beside_kernels(records: tuple[str, str]) -> None:
    check_golden("program-exec.table", good(tailwalk("compare", *records)))
    lab = made_exec_lab()
    mixed = good(tailwalk("compare", records[0], KERNELS[1], *PROGRAM, lab=lab))
    assert mixed == good(tailwalk("compare", *records))
    assert [specs for specs, _ in lab.asked_for] == [[KERNELS[1]]]
    assert "the program that it is to run is not named" in str(error(tailwalk(
        "compare", records[0], KERNELS[1])))


def test_a_comparison_of_programs_is_a_gate(records: tuple[str, str], tmp_path: Path) -> None:
    done = tailwalk(
        "compare", *records, "--fail-on", "regressed", "--annotations", "github", "--junit",
        str(tmp_path / "gate.xml"), "--sarif", str(tmp_path / "gate.sarif"), "--json",
        str(tmp_path / "both.json"))
    assert done.exit_code == 1
    assert "::error title=pwrite64 ext4 to 1KiB" in done.stderr
    tests = ElementTree.parse(tmp_path / "gate.xml").getroot().iter("testcase")
    failed = {test.get("name") for test in tests if test.find("failure") is not None}
    assert failed == {"the kernel in all", "pwrite64 ext4 to 1KiB", "damon"}
    [run] = json.loads((tmp_path / "gate.sarif").read_text())["runs"]
    said = next(found["message"]["text"] for found in run["results"]
                if found["ruleId"].endswith("/pwrite64 ext4 to 1KiB"))
    assert "functions: block_write +2,670,000" in said
    assert ("tailwalk why debian:6.12.95 debian:6.18.15 --call pwrite64 -- ./program --fast"
            in said)
    assert [kernel.spec for kernel in read_program_record(
        tmp_path / "both.json").kernels] == list(KERNELS)
    assert tailwalk("compare", records[0], records[0], "--fail-on", "regressed").exit_code == 0


def test_other_forms_of_a_comparison(records: tuple[str, str]) -> None:
    lines = good(tailwalk("compare", *records, "--format", "csv")).splitlines()
    assert lines[0].startswith("kind,call,file,size,kernel,release,count,instructions,")
    assert ("call,pwrite64,ext4,1024,debian:6.18,6.18.15+deb13-cloud-amd64,300,3330000,11100,11100"
            ",,,5.123076923076923,regressed") in lines
    table = good(tailwalk("compare", *records, "--format", "markdown"))
    assert "| pwrite64 ext4 to 1KiB | 300 | 2,167 | 11,100 | 5.12× | +2,680,000 |" in table
    assert json.loads(good(tailwalk("compare", *records, "--format", "json")))[
        "schema"] == "tailwalk.program/1"
    check_golden("program-two.mail", good(tailwalk("compare", *records, "--format", "mail")))


def test_a_mail_is_narrow_whatever_the_names_and_however_many_kernels(tmp_path: Path) -> None:
    rows = [made_row(call, 4, {"entry": count * 10**9}, file="other file system", size=1 << 20)
            for count, call in enumerate(("unlinkat×", "rt_sigtimedwait\n"), start=1)]
    path = tmp_path / "four.json"
    path.write_bytes(encode(made_program(*(
        made_on_kernel(f"debian:6.{number}", rows) for number in range(10, 14)))))
    text = good(tailwalk("compare", str(path), str(path), "--format", "mail"))
    assert text.isascii() and max(map(len, text.splitlines())) < 72
    assert "call 1: " in text and text.count("500,000,000  1.00x") == 7


def accepting(path: Path, *entries: str, ratio: float = 6, until: str = "2999-12-31") -> str:
    path.write_text("".join(
        f"[[accepted]]\n{entry}\nratio = {ratio}\nreason = 'known'\nuntil = {until}\n"
        for entry in entries))
    return str(path)


ALL = ("call = 'pwrite64 ext4*'", "call = 'damon'", "call = 'kernel'")


def test_what_is_accepted_of_a_program_is_no_regression(records: tuple[str, str],
                                                        tmp_path: Path) -> None:
    file = tmp_path / "accepted.toml"
    words = ("compare", *records, "--fail-on", "regressed", "--accept")
    done = tailwalk(*words, accepting(file, *ALL[:1], ALL[2]))
    assert done.exit_code == 1  # damon, which is new and has no ratio
    assert "dearer, and accepted: pwrite64 ext4 to 1KiB 5.12×" in " ".join(done.stdout.split())
    assert tailwalk(*words, accepting(file, *ALL)).exit_code == 1
    for kernel, regressed in (("6.18*", 0), ("6.12*", 1)):
        old, new = (made_program(replace(one, calls=one.calls[:1], kernel=one.calls[0].instructions,
                                         others=0, driver=0)) for one in (OLD, NEW))
        for path, program in zip(records, (old, new), strict=True):
            Path(path).write_bytes(encode(program))
        done = tailwalk(*words, accepting(file, *(
            f"{one}\nkernel = '{kernel}'" for one in (ALL[0], ALL[2]))), "--junit",
            str(tmp_path / "gate.xml"), "--sarif", str(tmp_path / "gate.sarif"))
        assert done.exit_code == regressed
    for changed in ({"ratio": 5}, {"until": "2020-01-01"}):
        assert tailwalk(*words, accepting(file, *ALL, **changed)).exit_code == 1


def test_every_output_says_what_is_accepted_of_a_program(records: tuple[str, str],
                                                         tmp_path: Path) -> None:
    words = ("compare", *records, "--accept", accepting(
        tmp_path / "accepted.toml", ALL[0], "case = 'pwrite_u1k'", "call = 'getppid'"))
    done = tailwalk(*words, "--annotations", "github", "--junit", str(tmp_path / "gate.xml"),
                    "--sarif", str(tmp_path / "gate.sarif"), "--html", str(tmp_path / "page.html"))
    said = "accepted up to 6× until 2999-12-31: known"
    shown = " ".join(good(done).split())
    assert f"accepted pwrite64 ext4 to 1KiB (5.12×) on debian:6.18, {said}" in shown
    assert "entry 3 of" in shown and "(getppid) is not needed any more: no such call" in shown
    assert "entry 2 (pwrite_u1k): of no call that is compared here" in done.stderr
    assert "::notice title=pwrite64 ext4 to 1KiB on debian%3A6.18" in done.stderr
    assert said in words_of_page(tmp_path / "page.html")
    tests = {test.get("name"): test for test in ElementTree.parse(
        tmp_path / "gate.xml").getroot().iter("testcase")}
    assert said in tests["pwrite64 ext4 to 1KiB"].findtext("system-out", "")
    [run] = json.loads((tmp_path / "gate.sarif").read_text())["runs"]
    assert {found["ruleId"]: found["level"] for found in run["results"]}[
        "instructions/pwrite64 ext4 to 1KiB"] == "note"
    lines = good(tailwalk(*words, "--format", "csv")).splitlines()
    assert lines[0].endswith(",accepted,accepted_ratio,accepted_until,accepted_reason")
    assert sum(line.endswith(",regressed,accepted,6.0,2999-12-31,known") for line in lines) == 1


def words_of_page(path: Path) -> str:
    return " ".join(words(path.read_text()).split())


@pytest.mark.parametrize(("entry", "said"), [
    ("call = 'kernel'\ncase = 'pwrite_u1k'", "it has both case and call"),
    ("kernel = '*'", "it has neither case nor call"),
    ("call = 'kernel'\nmetric = 'instructions'", "metric = 'instructions' is for cases"),
])
def test_an_entry_is_of_a_case_or_of_a_call(records: tuple[str, str], tmp_path: Path, entry: str,
                                            said: str) -> None:
    assert said in str(error(tailwalk("compare", *records, "--accept", accepting(
        tmp_path / "accepted.toml", entry))))


def test_why_shows_the_functions_of_a_program(records: tuple[str, str], tmp_path: Path) -> None:
    call = ("--call", "pwrite64")
    check_golden("program-functions.table", good(tailwalk("why", *records, *call)))
    check_golden("program-functions.table", good(tailwalk("why", *KERNELS, *call, *PROGRAM)))
    check_golden("program-tree.table", good(tailwalk("why", *records, *call, "--tree")))
    good(tailwalk("why", *records, *call, "--svg", str(tmp_path / "graph.svg"), "--html",
                  str(tmp_path / "why.html")))
    assert "block_write" in (tmp_path / "graph.svg").read_text()
    text = words((tmp_path / "why.html").read_text())
    assert "tailwalk why debian:6.12.95 debian:6.18.15 --call pwrite64 -- ./program --fast" in text
    assert "entry &gt; block_write: +2,670,000 with all it calls" in text


def test_a_page_shows_calls_what_differs_and_functions(
        records: tuple[str, str], tmp_path: Path) -> None:
    pages = [tmp_path / f"{number}.html" for number in range(3)]
    good(tailwalk("report", *records, "-o", str(pages[0])))
    tailwalk("compare", *KERNELS, "--html", str(pages[1]), *PROGRAM)
    tailwalk("exec", *KERNELS, "--html", str(pages[2]), *PROGRAM)
    text = pages[0].read_text()
    Elements(text)
    assert len(text.encode()) < 100_000
    check_golden("program-page.table", words(text).partition(" Written by tailwalk")[0] + "\n")
    for other in pages[1:]:
        assert words(other.read_text()) == words(text)


def test_a_page_has_runs_and_programs(records: tuple[str, str], tmp_path: Path) -> None:
    [run] = made_seed_runs("debian:6.12")
    write_run(run, tmp_path / "run.json")
    good(tailwalk("report", *records, str(tmp_path / "run.json"), "-o", str(tmp_path / "page")))
    text = (tmp_path / "page").read_text()
    assert '<section id="comparison"' in text and '<section id="program"' in text
    Elements(text)


@pytest.mark.parametrize(("line", "said"), [
    (("compare", *KERNELS, "--fill", "4KiB", *PROGRAM), "--fill: of cases, and ./program is"),
    (("compare", *KERNELS, "--regressed", "1", *PROGRAM), "--regressed: of cases"),
    (("compare", *KERNELS, "--root", "."), "--root: of a program that is to run, and none is"),
    (("why", *KERNELS, "--call", "pwrite64"), "--call: of a program that is to run"),
    (("why", *KERNELS, "--vs-fill", "4KiB", *PROGRAM), "--vs-fill: of cases"),
    (("why", *KERNELS, "--annotate", "f", *PROGRAM), "--annotate: of cases"),
    (("why", *KERNELS, "debian:7.3", *PROGRAM), "leave out all but two"),
    (("track", *KERNELS, "--fill", "4KiB", *PROGRAM), "--fill: of cases"),
    (("track", *KERNELS, "--call", "mount", *PROGRAM), "--call mount: the program makes no such"),
    (("run", "debian:6.12", *PROGRAM), "run runs no program"),
    (("upgrade", *KERNELS, *PROGRAM), "compared by compare"),
])
def test_what_cannot_be_meant_says_what_can(line: tuple[str, ...], said: str) -> None:
    assert said in str(error(tailwalk(*line)))


def test_options_of_what_is_run_are_refused_beside_records(records: tuple[str, str]) -> None:
    assert "--user: of a program that is to run" in str(error(tailwalk(
        "compare", *records, "--user", "1")))
    assert "--fill: of cases, and what is read is a program" in str(error(tailwalk(
        "compare", *records, "--fill", "4KiB")))


def test_a_word_after_the_dashes_may_be_a_kernel_as_ever(records: tuple[str, str]) -> None:
    check_golden("program-exec.table", good(tailwalk("compare", "--", *records)))
    check_golden("program-exec.table", good(tailwalk("compare", records[0], "--", records[1])))


def test_help_has_the_options_of_a_program_apart() -> None:
    for command in ("compare", "track", "why"):
        text = good(tailwalk(command, "--help"))
        cases, _, programs = text.partition("Options of a program:")
        assert "[-- PROGRAM [ARGUMENT]...]" in cases.replace("\n", " ").replace("  ", "")
        assert "--fill" in cases and "--root" in programs and "--fill" not in programs


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """With a run of cases and a program on two kernels."""
    monkeypatch.setenv("TAILWALK_RESULTS", str(tmp_path / "runs"))
    found = Store()
    [run] = made_seed_runs("debian:6.12")
    for record in (run, *made_program(OLD, NEW).apart):
        found.add(record)
    return found


def test_programs_are_listed_and_shown_with_the_runs(store: Store) -> None:
    listed = good(tailwalk("runs", "list"))
    assert listed.count("./program") == 2 and "seed" in listed
    entries = store.select(kernel="debian:6.18")
    assert [(entry.program, entry.cases, entry.figures) for entry in entries] == [
        ("./program --fast", (), 7)]
    assert store.select(case="pwrite_u1k", kernel="debian:6.18") == []
    shown = good(tailwalk("runs", "show", entries[0].id))
    assert "pwrite64 ext4 to 1KiB" in shown and "What ./program asks of the kernel" in shown
    assert json.loads(good(tailwalk("runs", "show", "--format", "json", entries[0].id)))[
        "schema"] == "tailwalk.program/1"
    assert good(tailwalk("runs", "export")).count("\n") == 7  # a line for each of six cases


def test_kept_programs_are_named_by_their_ids(store: Store, tmp_path: Path) -> None:
    old, new = (entry.id[:6] for entry in store.select() if entry.program)
    run, = (entry.id for entry in store.select() if not entry.program)
    check_golden("program-exec.table", good(tailwalk("compare", old, new)))
    check_golden("program-functions.table", good(tailwalk("why", old, new, "--call", "pwrite64")))
    good(tailwalk("report", old, new, run, "-o", str(tmp_path / "page")))
    assert '<section id="program"' in (tmp_path / "page").read_text()
    assert "the two do not compare" in str(error(tailwalk("compare", old, run)))
    assert "is the record of a program, ./program" in str(error(tailwalk(
        "runs", "export", old)))


def test_what_is_kept_is_found_by_its_inputs_and_repetitions(store: Store) -> None:
    found = store.find_program("0" * 64, repetitions=1)
    assert found is not None and found.kernels[0].spec in KERNELS
    assert store.find_program("0" * 64, repetitions=2) is None
    assert store.find_program("1" * 64, repetitions=1) is None
    run = store.find("0" * 64)
    assert run is not None and run.figures  # of cases, though its inputs are the same


def test_records_of_several_kernels_are_imported_one_by_one(
        store: Store, tmp_path: Path) -> None:
    both = tmp_path / "both.json"
    both.write_bytes(encode(made_program(OLD, NEW)))
    assert "0 kept, 2 there before." in good(tailwalk("runs", "import", str(both)))
    store.remove([entry for entry in store.select() if entry.program])
    assert "2 kept, 0 there before." in good(tailwalk("runs", "import", str(both)))
    (store.root / "empty.json").write_bytes(encode(made_program()))
    assert "it is of no kernel" in tailwalk("runs", "list").stderr


def test_a_program_is_followed_over_kernels(tmp_path: Path) -> None:
    lab = made_exec_lab()
    kernels = ("debian:6.12", "debian:6.16", "debian:6.18")
    done = tailwalk("track", *kernels, "--json", str(tmp_path / "track.json"), "--svg",
                    str(tmp_path / "track.svg"), "--html", str(tmp_path / "page"), *PROGRAM,
                    lab=lab)
    check_golden("program-track.table", good(done))
    assert "debian:6.16 is left out: debian:6.16 does not boot" in done.stderr
    assert [specs for specs, _ in lab.asked_for] == [list(kernels)]
    assert [kernel.spec for kernel in read_program_record(
        tmp_path / "track.json").kernels] == list(KERNELS)
    svg = (tmp_path / "track.svg").read_text()
    assert "pwrite64 ext4 to 1KiB on 6.18.15: 11,100 instructions" in svg
    Elements((tmp_path / "page").read_text())
    text = words((tmp_path / "page").read_text())
    assert "Between 6.12.95 and 6.18.15 (1 between not run): the kernel in all" in text
    assert "tailwalk track debian:6.12.95 debian:6.18.15 -- ./program --fast" in text
    assert "tailwalk why debian:6.12.95 debian:6.18.15 --call pwrite64 -- ./program --fast" in text


def test_calls_that_are_named_are_followed_alone() -> None:
    shown = good(tailwalk("track", *KERNELS, "--call", "getppid", *PROGRAM))
    assert "getppid" in shown and "pwrite64" not in shown
    assert good(tailwalk("track", *KERNELS, "--format", "csv", *PROGRAM)).startswith("kind,call")
    same = good(tailwalk("track", "debian:6.12", "--threshold", "1", *PROGRAM))
    assert "No step over 6.12.95." in same
    assert isinstance(tailwalk("track", "debian:6.16", *PROGRAM).exception, KernelError)
    late = ExecLab(run=lambda *_: pytest.fail("measured"), ended=ENDED, late="interrupted")
    assert tailwalk("track", *KERNELS, *PROGRAM, lab=late).exit_code == 130


class Releases(ExecLab):
    """A lab whose archive has some releases, of which that from 6.16.12 on are dear."""

    def executed(self, spec: str, number: int) -> Executed:
        dear = spec in ("debian:6.16.12", "debian:6.17.13", "debian:6.18.15")
        return super().executed("debian:6.18" if dear else "debian:6.12", number)


RELEASES = ("6.12.118", "6.16.3", "6.16.12", "6.17.13", "6.18.15")


def made_releases(**ended: object) -> Releases:
    return Releases(
        run=lambda *_: pytest.fail("measured"), ended=msgspec.structs.replace(ENDED, **ended),
        on={f"debian:{release}" for release in RELEASES},
        releases=[available(release) for release in RELEASES])


def test_the_release_from_which_a_program_is_dearer_is_found(tmp_path: Path) -> None:
    (tmp_path / "carried").touch()
    lab = made_releases()
    ends = ("bisect", "debian:6.12", "debian:6.18")
    shown = good(tailwalk(*ends, "--file", str(tmp_path / "carried"), *PROGRAM, lab=lab))
    assert "program, instructions of the kernel; bad is above 1,559,700" in shown
    assert "First bad: debian:6.16.12, 3,795,300 (3.65 times)." in shown
    assert [specs for specs, _ in lab.asked_for] == [
        ["debian:6.12.118", "debian:6.18.15"], ["debian:6.16.12"], ["debian:6.16.3"]]
    here = Path("program").absolute()
    assert (f"bisect step src:. --good src:6.16 --ratio 1.5 --file {tmp_path / 'carried'} -- {here}"
            " --fast") in shown
    shown = good(tailwalk(*ends, "--call", "pwrite64", *PROGRAM, lab=made_releases()))
    assert "pwrite64 of program, instructions per call; bad is above 3,250" in shown
    assert "Last good: debian:6.16.3, 2,167." in shown
    for options, said in (
            (("--call", "getppid"), "is no worse than --ratio says: getppid of program"),
            (("--call", "mount"), "makes no call mount on debian:6.1"),
            (("--call", "a", "--call", "b"), "a search is for one call"),
            (("--cpus", "2", "--repeat", "3"), "--cpus 2: a search goes by exact counts"),
            (("--fill", "4KiB"), "--fill: of cases")):
        assert said in str(error(tailwalk(*ends, *options, *PROGRAM, lab=made_releases())))
    failing = made_releases(status=3)
    assert "ended with exit status 3" in str(error(tailwalk(*ends, *PROGRAM, lab=failing)))


@pytest.mark.parametrize(("line", "status", "said"), [
    (("debian:6.18", "--above", "3000000"), 1, "bad: 6.18.15+deb13-cloud-amd64 takes 3,795,300 "
                                               "instructions of program, 1.27 times the limit"),
    (("debian:6.12", "--above", "3000000"), 0, "good: "),
    (("debian:6.18", "--good", "debian:6.12", "--call", "pwrite64"), 1,
     "takes 11,100 instructions a call of pwrite64 of program, 3.42 times the limit of 3,250"),
    (("debian:6.18", "--good", "old.json"), 1, "2.43 times the limit"),
    (("debian:6.16", "--above", "1"), 125, ""), (("debian:6.18", "--above", "1", "--fixed"), 0, ""),
    (("debian:6.18", "--above", "1", "--call", "mount"), 125, ""),
    (("debian:6.18", "--above", "1", "--rig", "timed"), 255, ""),
])
def test_a_step_judges_a_program(records: tuple[str, str], line: tuple[str, ...], status: int,
                                 said: str) -> None:
    line = tuple(records[0] if word == "old.json" else word for word in line)
    done = tailwalk("bisect", "step", *line, *PROGRAM)
    assert done.exit_code == status, done.output
    assert said in done.stdout


@pytest.mark.parametrize("changed", ["command", "exact", "kernels", "options"])
def test_a_step_takes_a_record_of_its_own_program_alone(records: tuple[str, str], tmp_path: Path,
                                                        changed: str) -> None:
    record = read_program_record(Path(records[0]))
    kernel, = record.kernels
    other = {"command": ["other", *record.command[1:]],
             "kernels": [kernel, msgspec.structs.replace(kernel, spec="debian:6.16")]}
    if changed in other:
        record = msgspec.structs.replace(record, **{changed: other[changed]})
    if changed == "exact":
        record = made_on_several_cpus(kernel)
    (tmp_path / "other.json").write_bytes(encode(record))
    options = ("--user", "1000") if changed == "options" else ()
    done = tailwalk("bisect", "step", "debian:6.18", "--good", str(tmp_path / "other.json"),
                    *options, *PROGRAM)
    assert done.exit_code == 255 and "give a record of" in done.stderr


def test_a_record_says_of_which_region_it_is() -> None:
    plan = ExecPlan(program=Path("program"), between=("fsync", "output:READY"))
    assert plan.facts() == {"counted from": "fsync", "counted to": "output:READY"}


def test_ctrl_c_stops_a_bisection() -> None:
    late = ExecLab(run=lambda *_: pytest.fail("measured"), ended=ENDED, late="interrupted")
    assert tailwalk("bisect", "step", "debian:6.18", "--above", "1", *PROGRAM,
                    lab=late).exit_code == 130


@pytest.mark.slow
def test_a_page_of_a_large_program_is_small(tmp_path: Path) -> None:
    paths = {"entry": 1}
    for number in range(3000):
        above = "entry" if number < 60 else list(paths)[number // 60]
        paths[f"{above}>a_function_with_a_long_name_{number}"] = 10**7 // (number + 300)
    kernels = [made_on_kernel(spec, [made_row(f"call{number}", 10, paths) for number in range(3)])
               for spec in KERNELS]
    (tmp_path / "large.json").write_bytes(encode(made_program(*kernels)))
    good(tailwalk("report", str(tmp_path / "large.json"), "-o", str(tmp_path / "page")))
    text = (tmp_path / "page").read_text()
    assert len(text.encode()) < 500_000 and text.count('class="frame"') > 400


def test_a_newer_run_of_a_program_stands_for_an_older_one_if_it_is_exact(store: Store) -> None:
    for made, pruned in ((made_program, 1), (made_on_several_cpus, 0)):
        store.remove(store.select())
        for minute in range(2):
            store.add(msgspec.structs.replace(
                made(OLD), created=f"2026-07-01T12:0{minute}:00Z"))
        assert len(store.select()) == 2
        assert f"{pruned} run{'' if pruned == 1 else 's'} and 0 other files would be removed" in (
            good(tailwalk("runs", "prune", "--dry-run")))
