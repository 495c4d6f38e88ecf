# SPDX-License-Identifier: GPL-2.0-or-later
"""libMicro's output into runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from made_libmicro import COSTS, bare, classic, late

from tailwalk.cases import KIB, MIB, Filesystem, find_cases
from tailwalk.cli import group
from tailwalk.compare import compare
from tailwalk.errors import RecordError, UsageError
from tailwalk.runs import read_run
from tailwalk.runs.libmicro import import_libmicro, parse_libmicro
from tailwalk.runs.record import decode_run, encode

SEED = list(find_cases(["seed"]))


@pytest.mark.parametrize("form", [classic, late])
def test_reads_the_six_cases(form) -> None:
    [run] = import_libmicro({"a": form("6.12.95")}).runs
    assert [figure.case for figure in run.figures] == SEED
    assert [figure.main.value for figure in run.figures] == pytest.approx(
        [1000 * usecs for _, _, usecs in COSTS.values()])
    assert (run.rig, run.unit) == ("host", "ns/call")
    assert (run.kernel.spec, run.kernel.release) == ("6.12.95", "6.12.95")
    assert run.conditions.machine == {"machine": "teacup", "cpu": "Made-up Processor 100",
                                      "cpus": "4"}
    assert run.conditions.probe in ("libMicro 0.4.0", "libMicro 1505")
    assert run.figures[0].main.interval is None
    assert decode_run(encode(run), "it") == run


def test_several_files_a_kernel_give_samples_and_intervals() -> None:
    texts = {str(number): classic("6.12.95", factor=1 + number / 100) for number in range(10)}
    texts |= {f"b{number}": classic("6.18.15", factor=7 + number / 100) for number in range(10)}
    old, new = import_libmicro(texts).runs
    assert [run.kernel.release for run in (old, new)] == ["6.12.95", "6.18.15"]
    figure = new.figures[2]
    assert len(figure.main.calls) == 10
    assert figure.main.interval is not None
    assert figure.main.value == pytest.approx(603 * 7.045)
    assert figure.main.interval[0] < figure.main.value < figure.main.interval[1]
    comparison = compare([old, new])
    assert {row.verdicts[1] for row in comparison.rows} == {"regressed"}
    assert comparison.rows[2].ratios[1] == pytest.approx(7.045 / 1.045)


def test_a_file_may_hold_several_kernels_and_several_rounds() -> None:
    together = late("6.12.95") + late("6.18.15") + late("6.12.95", factor=3) + late("6.12.95")
    old, new = import_libmicro({"a": together}).runs
    assert [len(figure.main.calls) for figure in old.figures] == [3] * 6
    assert [len(figure.main.calls) for figure in new.figures] == [1] * 6


def test_another_machine_or_libmicro_is_another_run() -> None:
    texts = {"a": classic("6.12.95"), "b": classic("6.12.95").replace("teacup", "kettle"),
             "c": late("6.12.95"), "d": classic("6.12.95", factor=2)}
    runs = import_libmicro(texts).runs
    assert [(run.conditions.machine["machine"], run.conditions.probe, run.figures[0].main.number)
            for run in runs] == [("teacup", "libMicro 0.4.0", 2), ("kettle", "libMicro 0.4.0", 1),
                                 ("teacup", "libMicro 1505", 1)]


def test_reads_bare_lines_of_both_lineages() -> None:
    text = bare(("pwrite", 0.6, "    1024"), ("pwrite_u10k", 1.4, "   0   20    10240"),
                ("writev", 2.2, "    1024   10"), ("writev_v", 3.2, "   0   1    512   4"),
                ("write", 0.5, "     100"))
    with pytest.raises(UsageError, match="--kernel"):
        import_libmicro({"a": text})
    imported = import_libmicro({"a": text}, kernel="mine", fill=4 * KIB, file_size=MIB,
                               filesystem=Filesystem(kind="xfs"))
    [run] = imported.runs
    assert [(figure.case.name, figure.case.size, figure.case.vectors, figure.case.fill)
            for figure in run.figures] == [
        ("pwrite_u1k", 1024, 1, 4096), ("pwrite_u10k", 10240, 1, 4096),
        ("writev_u1k", 1024, 10, 4096), ("write_u100", 100, 1, 4096)]
    assert run.conditions.filesystem.kind == "xfs"


def test_takes_progress_on_the_same_stream() -> None:
    text = late("6.12.95").replace("             prc", "Running:   write_u1k             prc")
    [run] = import_libmicro({"a": text + " for      0.10000 seconds\n"}).runs
    assert len(run.figures) == 6


@pytest.mark.parametrize(("line", "reason"), [
    ("pwrite_n1k     1   1      0.20000          100        0      200     1024", "/dev/null"),
    ("pwrite_u1k     2   1      0.20000          100        0      200     1024", "2 processes"),
    ("pwrite_u1k     1   1     -0.20000          100        0      200     1024", "the clock"),
    (f"pwrite_u1k     1   1    {'9' * 400}.0     100       0      200     1024", "no call takes"),
    ("pwrite_u1k     1   1      0.20000          100        7      200     1024", "7 errors"),
    ("pwrite_u1k     1   1      0.20000          100", "says no size"),
    ("pwrite_u1k ERROR 28 No space left on device pwrite.c:80", "No space left"),
])
def test_says_what_it_leaves_out(line: str, reason: str) -> None:
    imported = import_libmicro({"a": classic("6.12.95", costs={"write_u1k": COSTS["write_u1k"]})
                                + line + "\n"})
    assert [figure.case.name for figure in imported.runs[0].figures] == ["write_u1k"]
    [clause] = imported.left_out
    assert clause.startswith("pwrite_")
    assert reason in clause


def test_says_that_the_last_line_is_torn() -> None:
    imported = import_libmicro({"a": late("6.12.95")[:-3]})
    assert len(imported.runs[0].figures) == 5
    assert list(imported.left_out) == ["writev_u10k is on a last line that is cut short"]


def test_batches_of_sequential_writes_are_told_apart() -> None:
    [run] = import_libmicro({"a": classic("6.12.95", batch=20)}).runs
    notes = {figure.case.name: " ".join(figure.notes) for figure in run.figures}
    assert "wrote 20 calls one after the other" in notes["write_u1k"]
    assert "one after the other" not in notes["pwrite_u1k"]


@pytest.mark.parametrize("text", [
    "", "nonsense\n", "!OS_release: 6.12\n", classic("6.12.95", costs={}), "\0\0\0"])
def test_refuses_what_holds_no_result(text: str) -> None:
    with pytest.raises(RecordError, match=r"a\.txt holds no result of libMicro's pread, pwrite, "
                                          r"read, readv, write and writev on a file"):
        import_libmicro({"a.txt": text})


@given(st.text(), st.text())
def test_no_text_breaks_the_reader(before: str, after: str) -> None:
    parse_libmicro(before)
    parse_libmicro(before + "\n" + late("6.12.95") + after)


@given(st.sampled_from([classic, late]), st.integers(0, 4000))
def test_a_torn_file_gives_whole_results_alone(form, cut: int) -> None:
    whole = parse_libmicro(form("6.12.95"))[0].results
    parts = parse_libmicro(form("6.12.95")[:cut])
    results = parts[0].results if parts else []
    assert results == whole[:len(results)]


def test_the_command_writes_records_once(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}.txt").write_text(classic("6.18.15", factor=1 + number / 10))
    results = tmp_path / "results"
    results.mkdir()
    arguments = ["runs", "import", "--from", "libmicro",
                 *(str(path) for path in sorted(tmp_path.glob("*.txt"))),
                 "-o", str(results), "--fs", "ext4"]
    first, second = (CliRunner().invoke(group, arguments) for _ in range(2))
    assert "host (imported: measured by libMicro 0.4.0)" in first.stdout
    assert "this machine's own kernel" not in first.stdout
    assert first.exit_code == second.exit_code == 0
    [path] = results.iterdir()
    assert str(path) in first.stdout.replace("\n", "")
    assert str(path) in second.stdout.replace("\n", "")
    run = read_run(path)
    assert run.conditions.filesystem == Filesystem(kind="ext4")
    assert len(run.figures[0].main.calls) == 3


def test_the_command_names_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(classic("6.18.15"))
    for arguments, error in (
            ([str(tmp_path / "none.txt")], RecordError),
            ([str(tmp_path / "a.txt"), "-o", str(tmp_path / "none")], RecordError)):
        done = CliRunner().invoke(group, ["runs", "import", "--from", "libmicro", *arguments])
        assert isinstance(done.exception, error)
        assert "none" in str(done.exception)


def test_a_record_says_itself_what_libmicro_does_not(tmp_path: Path) -> None:
    done = CliRunner().invoke(group, ["runs", "import", "--fill", "4KiB", str(tmp_path)])
    assert isinstance(done.exception, UsageError)
    assert "--fill: a record says that itself" in str(done.exception)
