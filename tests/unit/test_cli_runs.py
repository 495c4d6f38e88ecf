# SPDX-License-Identifier: GPL-2.0-or-later
"""`tailwalk runs`, and kept runs as arguments of other commands."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from made_runs import (
    COUNTS,
    made_case,
    made_figure,
    made_run,
    made_samples,
    made_seed_run,
    made_seed_runs,
    made_timed_figure,
    made_timed_run,
)
from results import error, output

from tailwalk.cli import group
from tailwalk.errors import RecordError, SpecError, ToolError, UsageError
from tailwalk.runs import Run, write_run
from tailwalk.runs.export import lines, to_csv, write_parquet
from tailwalk.runs.store import Store
from tailwalk.words import visible

Invoke = Callable[..., Result]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A results directory with four kernels' runs."""
    monkeypatch.setenv("TAILWALK_RESULTS", str(tmp_path / "runs"))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LANG", "C.UTF-8")
    monkeypatch.chdir(tmp_path)
    found = Store()
    for run in made_seed_runs():
        found.add(run)
    return found


@pytest.fixture
def invoke(store: Store) -> Invoke:  # noqa: ARG001
    return lambda *arguments: CliRunner().invoke(group, list(arguments))


def test_list(invoke: Invoke) -> None:
    shown = output(invoke("runs", "list"))
    assert all(spec in shown for spec in COUNTS)
    assert max(map(len, shown.splitlines())) <= 80
    some = output(invoke("runs", "list", "--kernel", "6.18"))
    assert "debian:6.18" in some and "src:6.18+tail" in some and "7.3" not in some
    assert "No such run in" in output(invoke("runs", "list", "--case", "read_u1k"))
    [entry] = json.loads(output(invoke("runs", "list", "--kernel", "7.3", "--format", "json")))
    assert entry["id"] == made_seed_run("debian:7.3").id
    assert entry["cases"][0] == "write_u1k"


def test_show(invoke: Invoke) -> None:
    run = made_seed_run("debian:7.3")
    assert "2,274" in output(invoke("runs", "show", run.id[:6]))
    assert json.loads(output(invoke("runs", "show", run.id, "--format", "json")))["kernel"][
        "spec"] == "debian:7.3"
    assert isinstance(error(invoke("runs", "show", "0" * 12)), RecordError)


def test_compare_takes_ids(invoke: Invoke, store: Store, tmp_path: Path) -> None:
    runs = made_seed_runs("debian:6.12", "debian:6.18", "debian:7.3")
    paths = [str(store.path(run)) for run in runs]
    by_path = output(invoke("compare", *paths))
    assert "5.05×" in by_path
    assert output(invoke("compare", *(run.id for run in runs))) == by_path
    assert output(invoke("compare", runs[0].id[:8], paths[1], runs[2].id[:8])) == by_path
    # A file of that name comes first; an id must not hide a file that the user sees.
    (tmp_path / runs[0].id).write_bytes(Path(paths[1]).read_bytes())
    assert output(invoke("compare", runs[0].id, paths[1])) != by_path
    assert "no run abcdef12" in str(error(invoke("compare", "abcdef12", paths[0])))
    assert isinstance(error(invoke("compare", "7.3", paths[0])), SpecError)


def test_a_damaged_run_is_named_and_the_rest_listed(invoke: Invoke, store: Store) -> None:
    path = store.path(made_seed_run("debian:6.12"))
    path.write_bytes(path.read_bytes()[:-10])
    result = invoke("runs", "list")
    assert "debian:6.18" in output(result) and "debian:6.12" not in result.stdout
    assert str(path) in result.stderr and "set aside" in result.stderr
    assert "1 other file would be removed" in output(invoke("runs", "prune", "--damaged", "-n"))
    assert "1 other file removed" in output(invoke("runs", "prune", "--damaged"))
    assert store.damaged() == []


def test_csv(invoke: Invoke, tmp_path: Path) -> None:
    table = list(csv.DictReader(io.StringIO(output(invoke("runs", "export")))))
    assert len(table) == 24
    [row] = [row for row in table
             if row["kernel"] == "debian:6.18" and row["case"] == "pwrite_u1k"]
    assert row["figure"] == "11120" and row["unit"] == "instructions/call"
    assert row["calls"] == "300" and row["steady"] == "true" and row["interval_low"] == ""
    run = made_seed_run("debian:7.3")
    output(invoke("runs", "export", run.id, "-o", "one.csv"))
    assert len((tmp_path / "one.csv").read_text().splitlines()) == 7


def test_json_export_can_be_read_again(invoke: Invoke) -> None:
    text = output(invoke("runs", "export", "--format", "json"))
    assert sorted(msgspec.json.decode(text, type=list[Run]), key=lambda run: run.id) == sorted(
        made_seed_runs(), key=lambda run: run.id)


def test_parquet_holds_what_csv_holds(invoke: Invoke, store: Store, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    store.add(made_timed_run("host", made_timed_figure(
        made_case(), made_samples(1, 560), interval=(551.5, 570.25), notes=["one", "two"])))
    output(invoke("runs", "export", "--format", "parquet", "-o", "all.parquet"))
    table = parquet.read_table(tmp_path / "all.parquet")
    assert [str(table.schema.field(name).type) for name in (
        "figure", "size", "steady", "user", "case")] == [
        "double", "int64", "bool", "int64", "string"]
    runs = [store.open(entry) for entry in store.select()]
    assert table.to_pylist() == [{name: value for name, value in line.items()
                                  if name != "parameters"} for line in lines(runs)]


def test_parquet_of_nothing_has_its_columns(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    write_parquet([], tmp_path / "none.parquet")
    table = parquet.read_table(tmp_path / "none.parquet")
    assert table.num_rows == 0 and str(table.schema.field("figure").type) == "double"


def test_parquet_without_its_library(invoke: Invoke, tmp_path: Path,
                                     monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    found = error(invoke("runs", "export", "--format", "parquet", "-o", "all.parquet"))
    assert isinstance(found, ToolError) and "needs the package pyarrow" in str(found)
    assert not (tmp_path / "all.parquet").exists()


@given(st.lists(st.tuples(
    st.integers(1, 10**9), st.one_of(st.none(), st.integers(0, 500)),
    st.one_of(st.none(), st.floats(0, 1)), st.text(st.characters(codec="utf-8"), max_size=20)),
    max_size=5))
def test_csv_reads_back(figures: list[tuple[int, int | None, float | None, str]]) -> None:
    run = made_run("src:/a,b/\"c\"", [
        made_figure(made_case(offset=index), value, user=user, share=share, notes=[note])
        for index, (value, user, share, note) in enumerate(figures)])
    table = list(csv.DictReader(io.StringIO(to_csv([run]), newline="")))
    assert len(table) == len(figures)
    for row, (value, user, share, note) in zip(table, figures, strict=True):
        assert row["kernel"] == run.kernel.spec and int(row["figure"]) == value
        assert (int(row["user"]) if row["user"] else None) == user
        assert (float(row["share"]) if row["share"] else None) == share
        shown = visible(note)
        assert row["notes"] == (f"'{shown}" if shown[:1] in tuple("=+-@＝＋－＠") else shown)


def test_import(invoke: Invoke, store: Store, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    runs = [made_run("debian:6.1", [made_figure(made_case(), value)]) for value in (11, 12, 13)]
    for number, run in enumerate(runs):
        write_run(run, elsewhere / f"{number}.json")
    (elsewhere / "readme.txt").write_text("not a record")
    assert "3 kept, 0 there before." in output(invoke("runs", "import", "elsewhere"))
    assert all(store.get(run.id) == run for run in runs)
    assert "0 kept, 3 there before." in output(invoke("runs", "import", "elsewhere"))
    assert (elsewhere / "0.json").exists()


def test_import_goes_on_after_a_damaged_file(invoke: Invoke, store: Store,
                                             tmp_path: Path) -> None:
    good = made_run("debian:6.1", [made_figure(made_case(), 15)])
    write_run(good, tmp_path / "good.json")
    (tmp_path / "bad.json").write_text("{")
    result = invoke("runs", "import", "bad.json", "good.json", "none.json")
    assert "2 of 3 files could not be imported" in str(error(result))
    assert "bad.json" in result.stderr and "none.json" in result.stderr
    assert store.get(good.id) == good
    assert (tmp_path / "bad.json").read_text() == "{"


def test_prune_removes_what_a_newer_run_repeats(invoke: Invoke, store: Store) -> None:
    old = made_seed_run("debian:6.18")
    new = msgspec.structs.replace(old, inputs="1" * 64, created="2026-08-01T00:00:00+00:00")
    older = msgspec.structs.replace(new, created="2026-07-15T00:00:00+00:00")
    timed = [made_timed_run("host", made_timed_figure(made_case(), made_samples(seed, 560)))
             for seed in (1, 2)]
    for run in (new, older, *timed):
        store.add(run)
    # The four of the fixture share one digest of inputs, which real runs of two kernels do not.
    before = {entry.id for entry in store.select()}
    said = output(invoke("runs", "prune", "--dry-run", "--kernel", "debian:6.18"))
    assert older.id in said and "would be removed" in said
    assert {entry.id for entry in store.select()} == before
    output(invoke("runs", "prune", "--kernel", "debian:6.18"))
    assert before - {entry.id for entry in store.select()} == {older.id}
    output(invoke("runs", "prune", "--rig", "host"))
    assert before - {entry.id for entry in store.select()} == {older.id}


def test_prune_by_age(invoke: Invoke, store: Store) -> None:
    recent = msgspec.structs.replace(made_seed_run("debian:7.3"),
                                     created="2999-01-01T00:00:00+00:00")
    store.add(recent)
    output(invoke("runs", "prune", "--older-than", "30", "--kernel", "6.12"))
    assert "debian:6.12" not in {entry.spec for entry in store.select()}
    output(invoke("runs", "prune", "--older-than", "0"))
    left = [entry.id for entry in store.select()]
    assert recent.id in left
    assert isinstance(error(invoke("runs", "prune", "--older-than", "9999999999")), UsageError)


@pytest.mark.parametrize("arguments", [
    ["export", "--format", "parquet"],
    ["export", "abcdef", "--kernel", "6.18"],
])
def test_what_cannot_be_meant(invoke: Invoke, arguments: list[str]) -> None:
    assert isinstance(error(invoke("runs", *arguments)), UsageError)


def test_an_empty_directory_to_import(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert isinstance(error(invoke("runs", "import", "empty")), UsageError)
