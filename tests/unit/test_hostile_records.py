# SPDX-License-Identifier: GPL-2.0-or-later
"""Records are input: whatever a file holds, that file alone is damaged, is named, and the rest goes
on."""

from __future__ import annotations

import base64
import copy
import json
import os
import shutil
import tempfile
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import example, given, settings
from hypothesis import strategies as st
from made_lab import MadeLab
from made_profiles import made_profile
from made_runs import (
    changed_amount,
    made_case,
    made_figure,
    made_run,
    made_seed_runs,
    made_timed_figure,
)
from msgspec.structs import replace
from results import error, output

from mounts import mounted
from refused import files_up_to
from tailwalk.cli import group
from tailwalk.compare import compare, read_comparison
from tailwalk.compare.agreement import is_sweep
from tailwalk.compare.steps import track
from tailwalk.compare.sweep import arrange, cells
from tailwalk.errors import DamagedError, RecordError, TailwalkError, UsageError
from tailwalk.lab.plans import plan_like
from tailwalk.lab.records import Records, read_arguments, read_records
from tailwalk.profile.annotate import annotate
from tailwalk.profile.record import Profile, read_profile
from tailwalk.report.comparison import comparison_shown, run_shown
from tailwalk.report.growth import growth_shown
from tailwalk.report.page import page
from tailwalk.report.sections import sections_of
from tailwalk.report.sweep import sweep_shown
from tailwalk.runs import Figure, Run
from tailwalk.runs.amount import amount_of
from tailwalk.runs.export import to_csv
from tailwalk.runs.metrics import INSTRUCTIONS
from tailwalk.runs.record import Missing, decode_run, encode
from tailwalk.runs.store import Store, older_than_days

OLD = Path(__file__).parent / "old"
SWEPT = made_run("debian:6.18", [made_figure(made_case(fill=fill, offset=offset), 2000 + offset)
                                 for fill in (4096, 1 << 20) for offset in (0, 8192)])
TIMED = made_run("host", [made_timed_figure(made_case(fill=fill), [500.0 + at for at in range(8)],
                                            interval=(501.0, 506.0))
                          for fill in (4096, 1 << 20)], rig="host")
LACKING = replace(SWEPT, missing=[Missing(case=made_case(), reason="no room")])
RECORDS = {"exact": json.loads(encode(LACKING)), "timed": json.loads(encode(TIMED)),
           "old": json.loads((OLD / "run-1.json").read_bytes())}
EXTREMES = [2**53 + 1, 2**63, 2**70, -2**70, 10**400, -1, -3, 0, 1, 25.0, 1e18, 1e300, -0.0,
            float("nan"), float("inf"), True, None, "", "\ud800", "\x1b[2J", "x" * 200_000,
            "9999-99-99T99:99:99Z", [], {}, [None], [[1, 2**62]], {"a": {}}]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where the document has something."""
    if path:
        yield path
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(
        value, list) else ()
    for name, member in inside:
        yield from places(member, (*path, name))


def changed(document: Any, path: tuple[Any, ...], change: Callable[[Any, Any], None]) -> bytes:
    """The document with something else at a place."""
    made = copy.deepcopy(document)
    inner = made
    for step in path[:-1]:
        inner = inner[step]
    change(inner, path[-1])
    return json.dumps(made).encode()


def use(run: Run, folder: Path) -> None:
    """Do with a run whatever commands do; what they refuse they say in words."""
    assert decode_run(encode(run), "again") == run
    uses: list[Callable[[], object]] = [
        lambda: comparison_shown(compare([run, replace(run, created="2026-01-01T00:00:00Z")])),
        lambda: sweep_shown(arrange([run])), lambda: growth_shown(run),
        lambda: track([run, run]), lambda: plan_like(run), lambda: is_sweep(run),
        lambda: page(sections_of([run]))]
    run_shown(run)
    to_csv([run])
    for one in uses:
        try:
            one()
        except TailwalkError as error:
            assert str(error)
    store = Store(folder)
    store.add(run)
    entries = store.select()
    older_than_days(entries, 1)
    assert store.open(entries[-1]).figures
    assert store.find(run.inputs) is not None


def is_read_or_refused(content: bytes, folder: Path) -> None:
    try:
        run = decode_run(content, "it.json")
    except RecordError as error:
        assert "it.json" in str(error)
    else:
        use(run, folder)


@pytest.mark.slow
@settings(max_examples=settings().max_examples * 4)
@given(st.data())
def test_no_value_of_a_run_is_more_than_damage(tmp_path_factory: pytest.TempPathFactory,
                                               data: st.DataObject) -> None:
    document = RECORDS[data.draw(st.sampled_from(sorted(RECORDS)))]
    path = data.draw(st.sampled_from(list(places(document))))
    value = data.draw(st.sampled_from(EXTREMES) | st.integers() | st.floats() | st.text())
    content = changed(document, path, lambda inner, at: inner.__setitem__(at, value))
    is_read_or_refused(content, tmp_path_factory.mktemp("runs"))


@pytest.mark.slow
@given(st.data())
def test_no_structure_of_a_run_is_more_than_damage(tmp_path_factory: pytest.TempPathFactory,
                                                   data: st.DataObject) -> None:
    document = RECORDS[data.draw(st.sampled_from(sorted(RECORDS)))]
    path, other = (data.draw(st.sampled_from(list(places(document)))) for _ in range(2))
    found = document
    for step in other:
        found = found[step]

    def drop(inner: Any, at: Any) -> None:
        del inner[at]

    change = data.draw(st.sampled_from([
        drop, lambda inner, at: inner.__setitem__(at, found),
        lambda inner, at: inner.__setitem__(at, [inner[at]] * 3)]))
    is_read_or_refused(changed(document, path, change), tmp_path_factory.mktemp("runs"))


@pytest.mark.parametrize("record", RECORDS)
def test_a_run_that_ends_early_is_damaged(record: str) -> None:
    content = encode(RECORDS[record]).rstrip()
    for length in range(len(content)):
        with pytest.raises(DamagedError, match=r"cut\.json"):
            decode_run(content[:length], "cut.json")


@pytest.mark.slow
def test_no_value_of_another_record_is_more_than_damage(tmp_path: Path) -> None:
    path = tmp_path / "it.json"
    profile = made_profile([("vfs_write", -1, 9), ("ext4_write", 0, 7)])
    for record, read in (
            (profile, read_profile), (compare(made_seed_runs()[:2]), read_comparison)):
        document = json.loads(encode(record))
        for place in places(document):
            for value in (2**70, 10**400, -3, 25.0, float("nan"), None, "\ud800", [], {}):
                path.write_bytes(changed(document, place,
                                         lambda inner, at, new=value: inner.__setitem__(at, new)))
                try:
                    found = read(path)
                    if isinstance(found, Profile):
                        annotate([found], found.functions[0].name)
                except TailwalkError as error:
                    assert str(error)


HUGE = made_run("debian:6.18", [made_figure(made_case(), 2000)])


def text_of(**figure: Any) -> bytes:
    """The run with something else in its figure or its amount."""
    document = json.loads(encode(HUGE))
    [made] = document["figures"]
    amount = made["metrics"]["instructions"]
    for name, value in figure.items():
        (amount if name in amount else made)[name] = value
    return json.dumps(document).encode()


DAMAGE: dict[str, bytes] = {
    "of two to the 70th": text_of(value=2**70),
    "of a number of 400 digits": text_of(value=10**400),
    "of 40,000 digits": text_of().replace(b'"value": 2000', b'"value": ' + b"1" * 40_000),
    "of an order below 0": text_of(written=-3),
    "of a share of 25": text_of(share=25.0),
    "of a share that its calls have not": text_of(share=0.5),
    "of half a call": text_of(value=1.5, calls=[[1.5, 300]], share=1.0),
    "of calls without end": text_of(calls=[[2000, 2**52]]),
    "of no calls": text_of(calls=[]),
    "of more user mode than there is": text_of(user=2001),
    "nested": b'{"schema": "tailwalk.run/2", "rig": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "of NaN": text_of(value=float("nan")),
    "of infinity": text_of().replace(b'"value": 2000', b'"value": 1e999'),
    "of two rigs": encode(HUGE).replace(b'"rig":', b'"rig": "timed", "rig":'),
    "of no day": encode(HUGE).replace(b"2026-07-01", b"2026-02-30"),
    "of a day long ago": encode(HUGE).replace(b"2026-07-01", b"0001-07-01"),
    "of blocks of nothing": encode(HUGE).replace(b'"block_size": 4096', b'"block_size": 0'),
    "of too small a file": encode(HUGE).replace(b'"file_size": 10485760', b'"file_size": 1'),
    "in UTF-16": encode(HUGE).decode().encode("utf-16"),
    "with a mark of its order of bytes": b"\xef\xbb\xbf" + encode(HUGE),
    "in no UTF-8": encode(HUGE).replace(b"debian", b"debi\xe4n"),
    "of nothing": b"",
}


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A results directory with one good run."""
    monkeypatch.setenv("TAILWALK_RESULTS", str(tmp_path / "runs"))
    monkeypatch.chdir(tmp_path)
    found = Store()
    found.add(SWEPT)
    return found


def make_large(path: Path) -> None:
    with path.open("wb") as stream:
        stream.truncate(100_000_000)


FILES: dict[str, Callable[[Path], object]] = {
    **{name: (lambda path, content=content: path.write_bytes(content))
       for name, content in DAMAGE.items()},
    "of 100 MB": make_large,
    "a directory": Path.mkdir,
    "a pipe": os.mkfifo,
    "an endless device": lambda path: path.symlink_to("/dev/zero"),
}


@pytest.mark.parametrize("kind", FILES)
def test_a_file_alone_is_damaged_named_and_set_aside(store: Store, kind: str) -> None:
    bad = store.root / f"6.18-exact-{SWEPT.inputs[:16]}-mine.json"
    FILES[kind](bad)
    shown = CliRunner().invoke(group, ["runs", "list"])
    assert SWEPT.id[:6] in output(shown)
    assert str(bad) in shown.stderr and "set aside" in shown.stderr
    assert [path.name for path in store.damaged()] == [bad.name]
    assert CliRunner().invoke(group, ["runs", "list"]).stderr == ""


@pytest.mark.parametrize("kind", FILES)
def test_it_is_no_run_to_be_used_again_nor_one_to_be_read(store: Store, kind: str) -> None:
    bad = store.root / f"6.18-exact-{SWEPT.inputs[:16]}-mine.json"
    FILES[kind](bad)
    with pytest.raises(RecordError, match=r"mine\.json"):
        read_arguments(str(bad))
    assert store.find(SWEPT.inputs) == SWEPT
    assert CliRunner().invoke(group, ["runs", "show", SWEPT.id[:5]]).exit_code == 0


def test_a_pipe_may_take_its_time() -> None:
    """Such as the shell's <(...)."""
    end, other = os.pipe()

    def write() -> None:
        time.sleep(0.2)
        with os.fdopen(other, "wb") as stream:
            stream.write(encode(SWEPT))

    writer = threading.Thread(target=write)
    writer.start()
    assert read_arguments(f"/dev/fd/{end}") == [SWEPT]
    writer.join()
    os.close(end)


def test_a_file_of_a_strange_name_or_time_is_listed_or_named(store: Store) -> None:
    late = store.root / "late.json"
    late.write_bytes(encode(TIMED))
    os.utime(late, (12_000_000_000, 12_000_000_000))  # the year 2350: more ns than 64 bits hold
    (store.root / os.fsdecode(b"\xff.json")).write_bytes(encode(HUGE))
    shown = CliRunner().invoke(group, ["runs", "list", "--format", "json"])
    assert {entry["id"] for entry in json.loads(output(shown))} == {SWEPT.id, TIMED.id}
    assert "rename it" in shown.stderr


def test_a_list_of_runs_is_read_by_the_same_measure(tmp_path: Path) -> None:
    path = tmp_path / "list.json"
    for content in (b"[" * 100_000, b"[1]", b"[" + DAMAGE["of two to the 70th"] + b"]"):
        path.write_bytes(content)
        with pytest.raises(RecordError, match=r"list\.json"):
            read_arguments(str(path))


NAMES: dict[str, Callable[[Path, Path], Path]] = {
    "in it": lambda root, _: root / "new.json",
    "a record": lambda root, _: next(root.glob("*.json")),
    "below it": lambda root, _: root / "damaged" / "new.json",
    "by another way": lambda root, aside: aside / ".." / root.name / "new.json",
    "a link to a record": lambda root, aside: linked(aside / "link", next(root.glob("*.json"))),
    "a link to it": lambda root, aside: linked(aside / "link", root) / "new.json",
    "a hard link": lambda root, aside: hard(aside / "hard.json", next(root.glob("*.json"))),
}


def linked(path: Path, target: Path) -> Path:
    path.symlink_to(target)
    return path


def hard(path: Path, target: Path) -> Path:
    path.hardlink_to(target)
    return path


WRITERS = [
    ["runs", "export", "-o"], ["compare", "debian:6.12", "debian:6.18", "-o"],
    ["run", "debian:6.18", "-o"], ["sweep", "debian:6.18", "--svg"], ["report", "a", "-o"],
    ["track", "debian:6.18", "--html"], ["verify", "debian:6.18", "-o"]]


@pytest.mark.parametrize(("name", "command"), [
    pytest.param(name, command, marks=[pytest.mark.slow] * (place != at))
    for place, name in enumerate(NAMES) for at, command in enumerate(WRITERS)])
def test_what_is_kept_is_never_overwritten(store: Store, tmp_path: Path, name: str,
                                           command: list[str]) -> None:
    aside = tmp_path / "aside"
    aside.mkdir()
    (store.root / "damaged").mkdir()
    before = {path: path.read_bytes() for path in store.root.glob("*.json")}
    target = os.path.relpath(NAMES[name](store.root, aside))
    done = CliRunner().invoke(group, [*command, target])
    assert isinstance(done.exception, UsageError), done.output
    assert "never overwritten" in str(done.exception)
    assert {path: path.read_bytes() for path in store.root.glob("*.json")} == before


@example(0)
@example(300)
@given(st.integers(0, 70_000))
@settings(max_examples=10)
def test_a_directory_without_room_is_noticed_beforehand(tmp_path_factory: Any, room: int) -> None:
    store = Store(tmp_path_factory.mktemp("runs"))
    with files_up_to(room):
        if room >= 64 * 1024:
            assert store.ready() is store
        else:
            with pytest.raises(RecordError, match="File too large"):
                store.ready()
    assert list(store.root.iterdir()) == []


def losing(run: Run) -> MadeLab:
    """A lab whose results directory becomes a file while it measures."""
    def measure(spec: str, plan: Any) -> Run:  # noqa: ARG001
        root = Store().root
        shutil.rmtree(root)
        root.write_text("in the way")
        return run

    return MadeLab(run=measure)


@pytest.mark.parametrize("named", [True, False])
def test_what_cannot_be_kept_is_shown_and_put_elsewhere(
        store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: bool) -> None:
    aside = tmp_path / "tmp"
    aside.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(aside))
    run = replace(TIMED, rig="timed")
    done = CliRunner().invoke(group, [
        "run", "debian:6.18", "--rig", "timed", "-c", "pwrite_u1k",
        *(["-o", "mine.json"] if named else [])], obj=losing(run))
    assert run.id in done.stdout
    assert isinstance(error(done), RecordError)
    assert "is not kept" in str(done.exception)
    [kept] = aside.glob("*.json")
    assert f"tailwalk runs import {kept}" in done.stderr
    assert read_arguments(str(kept)) == [run]
    assert not named or read_arguments("mine.json") == [run]
    store.root.unlink()
    assert "1 kept" in output(CliRunner().invoke(group, ["runs", "import", str(kept)]))


def test_a_disk_that_is_full_is_noticed_before_anything_is_measured(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with mounted(tmp_path / "small", "size=32k") as folder:
        monkeypatch.setenv("TAILWALK_RESULTS", str(folder / "runs"))
        lab = MadeLab(run=lambda _, __: TIMED)
        done = CliRunner().invoke(group, ["run", "debian:6.18", "--rig", "timed"], obj=lab)
        assert "No space left" in str(error(done)) and "make room" in str(error(done))
        assert lab.asked == [] == lab.fetched


@pytest.mark.parametrize(("calls", "judged"), [(1, False), (9, False), (10, True)])
def test_a_mode_of_few_calls_is_judged_nowhere(calls: int, judged: bool) -> None:
    case = made_case()
    amount = amount_of(INSTRUCTIONS, [4000] * calls)
    assert amount.steady == amount.reliable == judged
    few = made_run("debian:7.3", [Figure(case=case, metrics={INSTRUCTIONS.name: amount},
                                        written=8)])
    # As an older version wrote it.
    said = changed_amount(few.figures[0], steady=True)
    for run in (few, decode_run(encode(replace(few, figures=[said])), "older")):
        good = made_run("debian:6.18", [made_figure(case, 2000)])
        for runs in ([good, run], [run, good]):
            comparison = compare(runs)
            assert (comparison.rows[0].verdicts[1] != "unsteady") == judged
            assert comparison.regressed() == (judged and runs[0] is good)
            assert bool(comparison.unjudged()) == (not judged)
            assert any("fewer than 10" in note for note in comparison.notes) == (not judged)
            assert bool(track(runs).steps) == judged
        assert [cell.doubt for cell in cells(run)] == ["" if judged else "unsteady"]


def test_a_profile_may_come_by_a_pipe_and_holds_no_bomb(tmp_path: Path) -> None:
    """It is read once: what is read of a pipe is gone."""
    made = made_profile([("vfs_write", -1, 9)])
    end, other = os.pipe()
    with os.fdopen(other, "wb") as stream:
        stream.write(encode(made))
    assert read_records([f"/dev/fd/{end}"]) == Records(profiles=[made])
    os.close(end)
    (tmp_path / "bomb.json").write_bytes(encode(replace(made, symbols=base64.b64encode(
        zlib.compress(bytes(40_000_000), 1)).decode())))
    with pytest.raises(RecordError, match="cut short, or endless"):
        read_records([str(tmp_path / "bomb.json")])
