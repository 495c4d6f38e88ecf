# SPDX-License-Identifier: GPL-2.0-or-later
"""What the command line writes where: ASCII, progress in logs, progress on a terminal."""

from __future__ import annotations

import io
import os
import pty
import re
import select
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tailwalk.cli.console import LineProgress, open_progress, shows_ascii_only


class Stream(io.StringIO):
    """A stream that claims an encoding."""

    def __init__(self, encoding: str) -> None:
        super().__init__()
        self._encoding = encoding

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._encoding


@pytest.mark.parametrize(("environment", "ascii_only"), [
    ({}, False),
    ({"LANG": "C.UTF-8"}, False),
    ({"LANG": "de_DE.UTF-8"}, False),
    ({"LANG": "C"}, True),
    ({"LANG": "POSIX"}, True),
    ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, True),  # as Python sets it under LANG=C
    ({"LC_CTYPE": "C.UTF-8"}, False),
    ({"LANG": "C", "LC_CTYPE": "en_US.UTF-8"}, False),
    ({"LANG": "C", "LC_ALL": "C.UTF-8"}, False),
    ({"LANG": "en_US.UTF-8", "LC_ALL": "C"}, True),
    ({"LANG": "en_US.UTF-8", "LC_CTYPE": "C"}, True),
])
def test_the_locale_that_the_user_asked_for_decides(
        environment: dict[str, str], ascii_only: bool) -> None:
    assert shows_ascii_only(Stream("utf-8"), environment) == ascii_only
    assert shows_ascii_only(Stream("iso8859-1"), environment)


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_log_gets_a_line_now_and_then() -> None:
    stream, clock = io.StringIO(), Clock()
    progress = LineProgress(stream, clock=clock)
    with progress.task("fetch linux-image", 200) as task:
        for _ in range(40):
            clock.now += 0.6
            task.advance(5)
            task.say("unpacking")
        progress.note("using the cached index")
    assert stream.getvalue().splitlines() == [
        "fetch linux-image",
        "fetch linux-image: 42%, unpacking",
        "fetch linux-image: 85%, unpacking",
        "using the cached index",
        "fetch linux-image: done after 24.0 s",
    ]


def test_no_task_is_done_by_more_than_all_of_it() -> None:
    stream, clock = io.StringIO(), Clock()
    with LineProgress(stream, clock=clock).task("unpack", 100) as task:
        clock.now += 60
        task.advance(103)
    assert stream.getvalue().splitlines()[1] == "unpack: 100%"


def test_short_tasks_say_one_line_and_failed_ones_do_not_say_done() -> None:
    stream, clock = io.StringIO(), Clock()
    progress = LineProgress(stream, clock=clock)
    with progress.task("measure"):
        clock.now += 0.9
    with pytest.raises(KeyboardInterrupt), progress.task("boot"):
        clock.now += 3
        raise KeyboardInterrupt
    assert stream.getvalue().splitlines() == ["measure", "boot", "boot: stopped after 3.0 s"]


def test_many_threads_may_advance_one_task() -> None:
    stream, clock = io.StringIO(), Clock()
    with LineProgress(stream, clock=clock).task("measure", 4000) as task:
        threads = [threading.Thread(target=lambda: [task.advance() for _ in range(1000)])
                   for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        clock.now += 60
        task.say("last")
    assert stream.getvalue().splitlines()[1] == "measure: 100%, last"


class Slow(io.StringIO):
    """A stream in the middle of which another thread takes its turn."""

    def write(self, text: str) -> int:
        time.sleep(0.001)
        return super().write(text)


def test_lines_of_many_threads_do_not_tear() -> None:
    stream = Slow()
    progress = LineProgress(stream)
    labels = [f"boot debian:6.{number}" for number in range(8)]

    def work(label: str) -> None:
        for _ in range(10):
            with progress.task(label):
                progress.note(f"{label} says so")

    threads = [threading.Thread(target=work, args=[label]) for label in labels]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = stream.getvalue().splitlines()
    assert {line: lines.count(line) for line in lines} == {
        line: 10 for label in labels for line in (label, f"{label} says so")}


def test_without_a_terminal_progress_is_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with open_progress() as progress:
        assert isinstance(progress, LineProgress)
        with progress.task("boot [kernel]"):
            pass
    captured = capsys.readouterr()
    assert captured.err == "boot [kernel]\n"
    assert captured.out == ""


_ON_A_TERMINAL = """
import time
from tailwalk.cli.console import open_progress
with open_progress() as progress:
    with progress.task("fetch [image]", 10) as task:
        task.advance(5)
        task.say("a [b] c")
        time.sleep(0.3)
        progress.note("kept [note]")
print("result")
"""


def on_a_terminal(script: str, **environment: str) -> str:
    """What a script writes to a terminal of 80 columns."""
    leader, follower = pty.openpty()
    variables = {key: value for key, value in os.environ.items()
                 if key not in ("CI", "NO_COLOR", "LC_ALL", "LC_CTYPE")}
    variables |= {"TERM": "xterm", "COLUMNS": "80", "LANG": "C.UTF-8", **environment}
    process = subprocess.Popen([sys.executable, "-c", script], stdin=follower, stdout=follower,
                               stderr=follower, env=variables, close_fds=True)
    os.close(follower)
    text = b""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and select.select([leader], [], [], 60)[0]:
        try:
            part = os.read(leader, 65536)
        except OSError:  # EIO: the other side is closed
            break
        if not part:
            break
        text += part
    assert process.wait(timeout=60) == 0, text
    os.close(leader)
    return text.decode()


def test_on_a_terminal_bars_vanish_and_notes_stay() -> None:
    text = on_a_terminal(_ON_A_TERMINAL)
    assert "fetch [image]" in text
    assert "a [b] c" in text
    assert "━" in text
    assert "kept [note]" in text
    # The last bar's line is erased before the result is written where it was.
    assert re.search(r"\x1b\[2K(\x1b\[\?25h)?\r?result\s*$", text)


_THREADS_ON_A_TERMINAL = """
import threading
from tailwalk.cli.console import open_progress
def work(number):
    for _ in range(20):
        with progress.task(f"boot {number}", 2) as task:
            task.advance()
            progress.note(f"said by {number}")
with open_progress() as progress:
    threads = [threading.Thread(target=work, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
"""


def test_notes_of_many_threads_on_a_terminal_do_not_tear() -> None:
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", on_a_terminal(_THREADS_ON_A_TERMINAL))
    said = [line.strip() for line in re.split(r"[\r\n]+", plain) if "said" in line]
    assert {line: said.count(line) for line in said} == {
        f"said by {number}": 20 for number in range(4)}


@pytest.mark.parametrize("environment", [{"TERM": "dumb"}, {"CI": "true"}])
def test_a_log_that_looks_like_a_terminal_gets_lines(environment: dict[str, str]) -> None:
    text = on_a_terminal(_ON_A_TERMINAL, **environment)
    lines = [line for line in text.splitlines() if "done after" not in line]
    assert lines == ["fetch [image]", "kept [note]", "result"]


def test_an_ascii_terminal_gets_ascii_bars() -> None:
    assert on_a_terminal(_ON_A_TERMINAL, LANG="C").isascii()


def test_help_is_fast_and_imports_nothing_heavy(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "tailwalk", "--help"],
        capture_output=True, text=True, check=True, cwd=tmp_path)
    assert "compare" in done.stdout
    imported = {line.rpartition("|")[2].strip().partition(".")[0]
                for line in done.stderr.splitlines()}
    assert not imported & {"rich", "scipy", "numpy", "z3", "jinja2", "elftools", "debian"}


def test_a_line_goes_on_below_at_a_blank_on_a_terminal_and_only_there() -> None:
    long = " ".join(["a_name_of_some_length"] * 6)
    script = f"from tailwalk.cli.console import say\nsay({long!r})\nsay('    ' + {long!r})"
    first, second, *copied = on_a_terminal(script).splitlines()
    assert len(first) <= 80 and second.startswith("    a_name")
    assert set((first + second).split()) == {"a_name_of_some_length"}
    assert copied == [f"    {long}"]
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True,
                          check=True)
    assert done.stdout.splitlines() == [long, f"    {long}"]


def test_text_goes_on_in_the_column_of_its_last_field_on_a_terminal_and_only_there() -> None:
    words = " ".join(["word"] * 30)
    text = f"configurations   {words}\n     so: {words}\n  replay: {words}\n"
    script = f"from tailwalk.cli.console import tell\ntell({text!r})"
    lines = on_a_terminal(script).splitlines()
    fields, deeper, replay = (next(number for number, line in enumerate(lines) if mark in line)
                              for mark in ("configurations", "so:", "replay:"))
    assert lines[fields + 1].startswith(" " * 17 + "word")
    assert lines[deeper + 1].startswith(" " * 7 + "word")
    assert lines[replay] == f"  replay: {words}"
    assert all(len(line) <= 80 for line in lines[:replay])
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True,
                          check=True)
    assert done.stdout == text
