# SPDX-License-Identifier: GPL-2.0-or-later
"""`tailwalk` as a process: statuses, signals, closed pipes, full disks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from forked import Ended, Forks
from made_runs import made_seed_runs

from tailwalk.cli import group
from tailwalk.runs import write_run

Start = Callable[..., "subprocess.Popen[str]"]

# A command that waits as a long measurement does, with something to be cleared away.
_WAITING = """
import contextlib, sys, time, pathlib
import click
import tailwalk.cli

@contextlib.contextmanager
def guest():
    pathlib.Path("guest").touch()
    try:
        yield
    finally:
        pathlib.Path("guest").unlink()

@click.command()
def wait():
    with guest():
        print("waiting", flush=True)
        time.sleep(600)

tailwalk.cli.group.add_command(wait)
tailwalk.cli._COMMANDS["wait"] = ("__main__:wait", "Wait.")
tailwalk.cli.main()
"""


def write_records(folder: Path) -> None:
    for number, run in enumerate(made_seed_runs("debian:6.12", "debian:6.18")):
        write_run(run, folder / f"run{number}.json")


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Start `tailwalk` in a directory with the records run0.json and run1.json."""
    write_records(tmp_path)

    def begin(*arguments: str, program: tuple[str, ...] = ("-m", "tailwalk"),
              stdout: int = subprocess.PIPE,
              stderr: int = subprocess.PIPE) -> subprocess.Popen[str]:
        # Under nohup SIGHUP is ignored, by children too.
        return subprocess.Popen(
            ["env", "--default-signal=HUP", sys.executable, *program, *arguments], cwd=tmp_path,
            stdout=stdout, stderr=stderr, text=True)

    return begin


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Status, standard output and standard error."""
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err


@pytest.fixture(scope="module")
def tailwalk(tmp_path_factory: pytest.TempPathFactory) -> Forks:
    """Run `tailwalk` where the records run0.json and run1.json are."""
    forks = Forks(tmp_path_factory.mktemp("main"))
    write_records(forks.folder)
    return forks


def test_statuses(start: Start, tailwalk: Forks) -> None:
    records = ("compare", "run0.json", "run1.json")
    status, out, err = ended(start(*records))
    assert (status, err) == (0, "")
    assert out.startswith("Instructions per call")
    assert tailwalk(*records, "--fail-on", "regressed") == Ended(1, out, "")


@pytest.mark.parametrize(("arguments", "said"), [
    (["compare", "run0.json", "none.json"], "tailwalk: cannot read none.json: No such file"),
    (["compare", "run0.json", "run1.json", "--format", "xml"], "'xml' is not one of"),
    (["compare", "run0.json", "run1.json", "--treshold", "1"], "--threshold"),
    (["compare"], "Missing argument"),
    (["comapre"], "comapre"),
])
def test_errors_are_named_on_standard_error(
        tailwalk: Forks, arguments: list[str], said: str) -> None:
    found = tailwalk(*arguments)
    assert (found.status, found.out) == (2, "")
    assert said in found.err
    assert "Traceback" not in found.err


@pytest.mark.parametrize(("number", "status"), [
    (signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_clears_away_and_says_its_status(
        start: Start, tmp_path: Path, number: signal.Signals, status: int) -> None:
    process = start("wait", program=("-c", _WAITING))
    assert process.stdout is not None
    assert process.stdout.readline() == "waiting\n"
    assert (tmp_path / "guest").exists()
    process.send_signal(number)
    found, _, err = ended(process)
    assert found == status
    assert "Traceback" not in err
    assert not (tmp_path / "guest").exists()


def test_an_interrupt_during_an_import_leaves_no_trace(tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text("import time\nopen('begun', 'w').close()\ntime.sleep(300)\n")
    process = subprocess.Popen(
        [sys.executable, "-m", "tailwalk"], cwd=tmp_path, stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}"})
    while not (tmp_path / "begun").exists():
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=60) == (None, b"")
    assert process.returncode == -signal.SIGINT


def test_under_nohup_a_hangup_is_ignored(start: Start) -> None:
    process = start("wait", program=(
        "-c", "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n" + _WAITING))
    assert process.stdout is not None
    assert process.stdout.readline() == "waiting\n"
    process.send_signal(signal.SIGHUP)
    time.sleep(0.3)
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    assert ended(process)[0] == 143


@pytest.mark.parametrize("arguments", [
    ["--help"],
    *(pytest.param(words, marks=pytest.mark.slow) for words in (
        ["compare", "run0.json", "run1.json"], ["compare", "--help"], ["schema", "run"]))])
def test_a_reader_that_leaves_is_no_error(start: Start, arguments: list[str]) -> None:
    reader, writer = os.pipe()
    process = start(*arguments, stdout=writer)
    os.close(writer)
    os.close(reader)
    status, _, err = ended(process)
    assert (status, err) == (141, "")


@pytest.mark.parametrize("arguments", [
    pytest.param(["compare", "run0.json", "run1.json"], marks=pytest.mark.slow), ["--help"]])
@pytest.mark.parametrize("program", [("-m", "tailwalk"), ("-u", "-m", "tailwalk")])
def test_output_that_cannot_be_written_is_an_error(
        start: Start, arguments: list[str], program: tuple[str, ...]) -> None:
    with Path("/dev/full").open("w") as full:
        status, _, err = ended(start(*arguments, program=program, stdout=full.fileno()))
    assert status == 2
    assert err == "tailwalk: standard output: No space left on device.\n"


@pytest.mark.parametrize("arguments", [
    ["compare"],
    *(pytest.param(words, marks=pytest.mark.slow) for words in (
        ["compare", "run0.json", "none.json"], ["compare", "--no-such-option"]))])
def test_a_complaint_that_cannot_be_written_is_no_verdict(
        start: Start, arguments: list[str]) -> None:
    """Python would end with 1, or with 120 where its own last flush fails."""
    with Path("/dev/full").open("w") as full:
        assert ended(start(*arguments, stderr=full.fileno()))[0] == 2


_FAILING = """
import click, errno, os
import tailwalk.cli

@click.command()
def fail():
    raise {error}

tailwalk.cli.group.add_command(fail)
tailwalk.cli._COMMANDS["fail"] = ("__main__:fail", "Fail.")
"""


@pytest.mark.parametrize(("error", "said"), [
    ("OSError(errno.ENOSPC, 'No space left on device')",
     "this machine refused something in tailwalk.cli, and does not say what: No space left on "
     "device."),
    ("OSError(errno.EMFILE, 'Too many open files')", "does not say what: Too many open files."),
    ("BrokenPipeError(errno.EPIPE, 'Broken pipe')", "does not say what: Broken pipe."),
    ("OSError('it is not there')", "does not say what: it is not there."),
    ("OSError(errno.EBADF, 'Bad file descriptor', 7)", "does not say what: Bad file descriptor."),
    ("PermissionError(errno.EACCES, 'Permission denied', '/srv/x')", "/srv/x: Permission denied."),
    ("OSError(errno.ENOSPC, 'No space left on device', 'from', None, 'to')",
     "to: No space left on device."),
])
def test_no_other_error_of_the_system_is_called_standard_output(
        tailwalk: Forks, error: str, said: str) -> None:
    found = tailwalk("fail", first=_FAILING.format(error=error))
    assert (found.status, found.out) == (2, "")
    assert said in found.err and found.err.startswith("tailwalk: ")
    assert "Traceback" not in found.err
    assert "standard" not in found.err


@pytest.mark.parametrize("name", group.list_commands(click.Context(group)))
def test_every_command_of_the_list_explains_itself(name: str) -> None:
    command = group.get_command(click.Context(group), name)
    assert command is not None
    assert command.help
