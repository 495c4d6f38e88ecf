# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs in real guests under the commands that take cases."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tailwalk.cli import group
from tailwalk.runs.program import read_program_record
from tailwalk.runs.store import Store

pytestmark = pytest.mark.guest

SOURCE = r"""
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	static char bytes[1024];
	int file = open("data", O_RDWR | O_CREAT, 0644);

	for (int i = 0; i < atoi(argv[1]); i++)
		if (pwrite(file, bytes, sizeof(bytes), 0) != sizeof(bytes))
			return 1;
	puts("READY");
	fflush(stdout);
	for (int i = 0; i < 7; i++)
		getppid();
	return 0;
}
"""


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("program") / "program"
    subprocess.run(["cc", "-static", "-O1", "-w", "-o", path, "-xc", "-"], check=True,
                   input=SOURCE.encode())
    return path


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("TAILWALK_RESULTS", str(tmp_path / "runs"))
    return Store()


Tailwalk = Callable[..., Result]


@pytest.fixture
def tailwalk(store: Store) -> Tailwalk:  # noqa: ARG001 - where it keeps runs
    def invoke(*words: object) -> Result:
        done = CliRunner().invoke(group, [*map(str, words)])
        assert done.exit_code == 0, (done.output, done.exception)
        return done

    return invoke


TAKEN = "run before with identical inputs"


def test_what_ran_before_with_identical_inputs_is_not_run_again(
        tailwalk: Tailwalk, store: Store, program: Path, tmp_path: Path) -> None:
    (tmp_path / "carried").write_text("one")
    words = ("compare", "debian:6.12", "debian:6.18", "--file", tmp_path / "carried")
    first = tailwalk(*words, "--", program, 30)
    assert "debian:6.12:\nREADY\n" in first.stderr.replace("tailwalk: ", "")
    again = tailwalk(*words, "--", program, 30)
    assert again.stdout == first.stdout
    assert f"debian:6.12, debian:6.18: {TAKEN}" in again.stderr and "READY" not in again.stderr
    assert len(store.select()) == 2
    why = tailwalk("why", "debian:6.12", "--call", "pwrite64", "--file", tmp_path / "carried",
                   "--", program, 30)
    assert TAKEN in why.stderr and "ext4_file_write_iter" in why.stdout
    assert TAKEN not in tailwalk(*words, "--", program, 31).stderr
    (tmp_path / "carried").write_text("two")
    assert TAKEN not in tailwalk(*words, "--", program, 30).stderr
    assert "READY" in tailwalk("exec", *words[1:], "--", program, 30).stderr  # it always runs


def test_a_region_lies_between_two_texts(tailwalk: Tailwalk, program: Path,
                                         tmp_path: Path) -> None:
    """After the call that writes the one, and before that which writes the other."""
    for spec in ("debian:6.12", "debian:6.18"):
        tailwalk("exec", "--from", "output:READY", "--json", tmp_path / "from", spec, "--", program,
                 30)
        tailwalk("exec", "--to", "output:READY", "--json", tmp_path / "to", spec, "--", program, 30)
        tailwalk("exec", "--json", tmp_path / "all", spec, "--", program, 30)
        [after], [before], [whole] = (
            read_program_record(tmp_path / name).kernels for name in ("from", "to", "all"))
        made = [{row.call: row.count for row in kernel.calls if row.kind == "call"}
                for kernel in (after, before, whole)]
        assert made[0] == {"getppid": 7, "exit_group": 1}
        assert made[1]["pwrite64"] == 30 and not {"write", "getppid", "exit_group"} & made[1].keys()
        [written] = [row.instructions for row in whole.calls if row.call == "write"]
        assert before.regions.values == [(before.user + before.kernel, 1)]
        assert sum(part.user + part.kernel for part in (after, before)) + written == (
            whole.user + whole.kernel)
    late = CliRunner().invoke(group, ["exec", "--from", "output:NEVER", "debian:6.12", "--",
                                      str(program), "1"])
    assert "wrote no such text" in str(late.exception)


def test_a_program_is_followed_and_judged(tailwalk: Tailwalk, program: Path,
                                          tmp_path: Path) -> None:
    """By what ran before: nothing runs a second time."""
    shown = tailwalk("track", "debian:6.12", "debian:6.18", "--call", "getppid", "--json",
                     tmp_path / "track", "--", program, 30).stdout
    kernels = read_program_record(tmp_path / "track").kernels
    totals = [kernel.kernel + kernel.others for kernel in kernels]
    assert [kernel.spec for kernel in kernels] == ["debian:6.12", "debian:6.18"]
    for kernel, total in zip(kernels, totals, strict=True):
        assert kernel.release.partition("+")[0] in shown and f" {total:,} " in shown
    ratio = totals[1] / totals[0]
    for limit, status, word in ((ratio * 0.99, 1, "bad"), (ratio * 1.01, 0, "good")):
        done = CliRunner().invoke(group, [
            "bisect", "step", "debian:6.18", "--good", "debian:6.12", "--ratio", f"{limit:.6f}",
            "--", str(program), "30"])
        assert (done.exit_code, done.stderr) == (status, ""), (done.output, done.exception)
        assert done.stdout.startswith(f"{word}: ") and f"takes {totals[1]:,} " in done.stdout
