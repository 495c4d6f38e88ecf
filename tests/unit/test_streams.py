# SPDX-License-Identifier: GPL-2.0-or-later
"""Streams that are closed or full, for every command: a clear error or silence, and the status that
there is without."""

from __future__ import annotations

from pathlib import Path

import pytest
from forked import Forks, leaves
from made_runs import made_seed_runs

from tailwalk.runs import write_run

USUAL = ("/dev/null", "out", "err")
BROKEN = [(None, "out", "err"), ("/dev/null", None, "err"), ("/dev/null", "/dev/full", "err"),
          ("/dev/null", "out", None), ("/dev/null", "out", "/dev/full"),
          ("/dev/null", "/dev/full", "/dev/full"), (None, None, None)]

CHEAP = {
    ("cases",): ["pwrite_u1k"], ("compare",): ["run0.json", "run1.json"], ("schema",): ["run"],
    ("series", "show"): ["tail"], ("runs", "show"): ["run0.json"], ("report",): ["run0.json"],
    ("model", "predict"): [], ("runs", "export"): [],
    ("bisect", "step"): ["src:none", "--above", "1"],
}
"""Arguments that make a command do something cheap; others are given one that is wrong."""


@pytest.fixture(scope="module")
def tailwalk(tmp_path_factory: pytest.TempPathFactory) -> Forks:
    forks = Forks(tmp_path_factory.mktemp("streams"))
    for number, run in enumerate(made_seed_runs("debian:6.12", "debian:6.18")):
        write_run(run, forks.folder / f"run{number}.json")
    return forks


@pytest.mark.parametrize("help", [True, False])
@pytest.mark.parametrize("words", [
    pytest.param(words, id=" ".join(words),
                 marks=() if words == ("runs", "list") else pytest.mark.slow)
    for words in leaves()])
def test_every_command_bears_closed_and_full_streams(
        tailwalk: Forks, words: tuple[str, ...], help: bool) -> None:
    arguments = [*words, *(["--help"] if help else CHEAP.get(words, ["no-such-thing"]))]
    usual = tailwalk(*arguments, places=USUAL)
    assert "Traceback" not in usual.err and "mistake in tailwalk" not in usual.err
    lost = 255 if words == ("bisect", "step") and not help else 2  # where its output is
    for places in BROKEN:
        found = tailwalk(*arguments, places=places)
        said = (arguments, places, found)
        assert "Traceback" not in found.out + found.err, said
        if places[1] == "out":
            assert (found.status, found.out) == (usual.status, usual.out), said
            assert places[2] != "err" or found.err == usual.err, said
        else:
            assert found.status == (lost if usual.out else usual.status), said
            reason = "Bad file descriptor" if places[1] is None else "No space left on device"
            assert not usual.out or places[2] != "err" or (
                f"standard output: {reason}" in found.err), said


def test_a_file_does_not_become_a_closed_stream(tailwalk: Forks) -> None:
    """What is opened first would be descriptor 1 or 2, and complaints would be written into it."""
    before = (tailwalk.folder / "run0.json").read_bytes()
    found = tailwalk("compare", "run0.json", "run1.json", "-o", "made.json",
                     places=("/dev/null", None, None))
    assert found.status == 2
    assert (tailwalk.folder / "run0.json").read_bytes() == before
    assert Path(tailwalk.folder / "made.json").read_text().endswith("}\n")
