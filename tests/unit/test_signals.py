# SPDX-License-Identifier: GPL-2.0-or-later
"""A signal ends a command, whoever passes over what it raises."""

import signal
import subprocess
import sys

import pytest

_PASSED_OVER = """
import signal, sys, time
import click
import tailwalk.cli

for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
    signal.signal(number, signal.SIG_DFL)  # under nohup they come ignored

@click.command()
def command():
    try:
        print("ready", flush=True)
        time.sleep(60)
    except:
        pass
    try:
        time.sleep(60)
    finally:
        time.sleep(1.2)  # cleaning up is not disturbed
        print("cleaned", flush=True)

tailwalk.cli.group = command
sys.argv = ["tailwalk"]
tailwalk.cli.main()
"""


@pytest.mark.slow
@pytest.mark.parametrize(("number", "status"), [
    (signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)])
def test_an_end_that_a_library_passed_over_comes_again(number: int, status: int) -> None:
    with subprocess.Popen([sys.executable, "-c", _PASSED_OVER], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        output, errors = process.communicate(timeout=50)
    assert output == "cleaned\n"
    assert "Traceback" not in errors
    assert process.returncode == status


def test_a_command_ends_where_sigterm_is_ignored() -> None:
    script = ("import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
              "from tailwalk.processes import run; print(run(['echo', 'it']))")
    done = subprocess.run([sys.executable, "-c", script], text=True, capture_output=True,
                          timeout=50, check=True)
    assert done.stdout == "(0, 'it\\n')\n"
