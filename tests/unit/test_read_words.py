# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads of a cached file are measured as overwrites are, and nothing is said of them that holds of
overwrites alone."""

from __future__ import annotations

import pytest
from click.testing import CliRunner
from made_runs import made_figure, made_run, made_samples, made_timed_figure, made_timed_run

from tailwalk.cases import KIB, MIB, find_cases
from tailwalk.cli import group
from tailwalk.compare.growth import growth
from tailwalk.errors import ModelError
from tailwalk.model.designs import find_design
from tailwalk.model.predict import cost_of
from tailwalk.report.growth import verdict
from tailwalk.report.words import conditions

[READ] = find_cases(["pread_u1k"])


def test_a_read_is_a_case() -> None:
    made = CliRunner().invoke(group, ["cases", "pread_u1k"])
    assert made.stdout == ("pread_u1k      pread(2) of 1024 bytes at offset 0; a file of 10MiB "
                           "cached by writes of 1MiB\n")


def test_the_model_predicts_no_read() -> None:
    with pytest.raises(ModelError, match="pread_u1k is no overwrite"):
        cost_of(READ, find_design("full"), block_size=4 * KIB)


def test_a_read_does_not_tell_whether_a_machine_is_affected() -> None:
    run = made_timed_run("host", *(
        made_timed_figure(READ.changed(fill=fill), made_samples(1, 200), written=order)
        for fill, order in ((4 * KIB, 0), (MIB, 8))))
    [said] = verdict(run, growth(run))
    assert said.startswith("Unclear: an overwrite tells")


def test_conditions_say_that_calls_read() -> None:
    run = made_run("debian:6.18", [made_figure(READ, 1654)])
    [cache] = [text for name, text in conditions(run.rig, run.conditions, [READ])
               if name == "page cache"]
    assert cache.endswith("calls read at offset 0")
