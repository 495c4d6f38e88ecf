# SPDX-License-Identifier: GPL-2.0-or-later
"""The probe's job: one function writes its lines, one reader in C reads them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tailwalk.cases import find_cases
from tailwalk.errors import HostError
from tailwalk.host.worker import Worker
from tailwalk.probe.build import build_probe
from tailwalk.probe.job import job_line
from tailwalk.rigs.job import case_line

[CASE] = find_cases(["writev_u1k"])


def complaint(line: bytes, folder: Path) -> str:
    """What the probe says of a line."""
    with Worker(build_probe(), folder) as worker:
        worker.tell(line)
        with pytest.raises(HostError) as caught:
            worker.answer()
    return str(caught.value)


def test_a_line_is_a_verb_and_its_words() -> None:
    assert job_line("end") == b"end\n"
    assert job_line("mount", kind="ext4", options="") == b"mount kind=ext4 options=\n"
    assert job_line("make", name="a b=50%\n\x7f\udcff", uptodate=True) == (
        b"make name=a%20b=50%25%0A%7F%FF uptodate=1\n")
    assert case_line("case", CASE, calls=3) == (
        b"case workload=writev size=1024 vectors=10 offset=0 fill=1048576 file_size=10485760 "
        b"uptodate=1 place=0 calls=3\n")


def test_the_probe_reads_what_was_written(tmp_path: Path) -> None:
    device, options = "/dev/none such", "a=1,b=50%,\u00e4"
    said = complaint(job_line("mount", kind="ext4", device=device, options=options), tmp_path)
    assert f"cannot mount {device} as ext4 (options '{options}')" in said


@pytest.mark.parametrize(("line", "said"), [
    (b"\n", "a line the probe does not know: "),
    (b"unmount\n", "a line the probe does not know: unmount"),
    (b"pin\n", "the job's line pin lacks cpu"),
    (b"pin cpu=0 node=1\n", "line pin has a key that is none of its own: node"),
    (b"pin cpu\n", "line pin has a word without a value: cpu"),
    (b"pin cpu=\n", "line pin has cpu=, which is no number"),
    (b"pin cpu=-1\n", "line pin has cpu=-1, which is no number"),
    (b"pin cpu=1k\n", "line pin has cpu=1k, which is no number"),
    (b"pause now=1\n", "line pause has a key that is none of its own: now"),
    (b"case calls=1\n", "line case lacks workload"),
    (b"case workload=nothing calls=1\n", "the probe has no workload nothing"),
    (b"pin " + b"cpu=1 " * 33 + b"\n", "more than 32 words"),
])
def test_a_line_that_is_none_names_what_is_wrong(line: bytes, said: str, tmp_path: Path) -> None:
    assert said in complaint(line, tmp_path)


@pytest.mark.parametrize("verb", ["case", "prepare", "time", "folios"])
def test_a_case_has_just_the_parameters_of_its_workload(verb: str, tmp_path: Path) -> None:
    more = {"case": {"calls": 1}, "time": {"batches": 1, "calls": 1}}.get(verb, {})
    whole = case_line(verb, CASE, **more)
    for name in CASE.parameters:
        lacking = whole.replace(f" {name}={int(CASE.parameters[name])}".encode(), b"")
        assert f"the job's line {verb} lacks {name}" in complaint(lacking, tmp_path)
    assert "none of its own: depth" in complaint(whole[:-1] + b" depth=1\n", tmp_path)
    other = whole.replace(b"workload=writev", b"workload=pwrite")
    assert "none of its own: vectors" in complaint(other, tmp_path)
    assert list(tmp_path.iterdir()) == []
