# SPDX-License-Identifier: GPL-2.0-or-later
"""Records that older versions of Tailwalk wrote: those in `old` are read as they were meant."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from made_profiles import made_profile
from made_runs import made_case, made_figure, made_run

from tailwalk.cases import KIB, MIB, Case, case_of_run1
from tailwalk.compare import compare
from tailwalk.compare.comparison import read_comparison
from tailwalk.errors import DamagedError
from tailwalk.kernels.symbols import unpacked_names
from tailwalk.profile.record import read_profile
from tailwalk.runs import Run, read_run
from tailwalk.runs.record import decode_run, encode

OLD = Path(__file__).parent / "old"


def made(spec: str, *values: int) -> Run:
    """What the old runs hold."""
    return made_run(spec, [
        made_figure(made_case("pwrite_u1k", fill=4 * KIB, offset=8 * KIB), values[0]),
        made_figure(made_case("writev_u10k", uptodate=False, file_size=MIB), values[1],
                    order=None)])


def test_an_old_run_is_read_and_written_anew() -> None:
    read = read_run(OLD / "run-1.json")
    assert read.figures == made("debian:6.12", 2203, 41501).figures
    assert decode_run(encode(read), "anew") == read


def test_an_old_comparison_and_an_old_profile_are_read() -> None:
    present = compare([made("debian:6.12", 2203, 41501), made("debian:6.18", 11120, 25578)])
    assert read_comparison(OLD / "comparison-1.json").rows == present.rows
    read, meant = read_profile(OLD / "profile-1.json"), made_profile([("vfs_write", -1, 9)])
    assert unpacked_names(read.symbols) == unpacked_names(meant.symbols)  # however packed
    assert msgspec.structs.replace(read, symbols=meant.symbols) == meant


def test_an_old_case_has_the_parameters_of_its_workload() -> None:
    old = {"name": "writev_u1k", "call": "writev", "size": 1024, "vectors": 3}
    assert case_of_run1(old) == Case.of("writev", name="writev_u1k", size=1024, vectors=3)
    assert case_of_run1({**old, "call": "write", "vectors": 1}) == Case.of(
        "write", name="writev_u1k", size=1024)


@pytest.mark.parametrize("changed", [
    {"call": "read"}, {"call": "pwrite", "vectors": 2}, {"size": "1k"}, {"depth": 1}])
def test_what_was_no_case_is_none_now(changed: dict[str, object]) -> None:
    old = {"name": "writev_u1k", "call": "writev", "size": 1024, "vectors": 3}
    with pytest.raises(msgspec.ValidationError):
        case_of_run1({**old, **changed})


@pytest.mark.parametrize(("this", "that"), [
    ('"call": "pwrite"', '"call": "read"'), ('"size": 1024', '"size": "1k"'),
    ('"figures"', '"lines"'), ('"uptodate": false', '"uptodate": 0'), ('"case"', '"cases"')])
def test_a_damaged_old_run_is_refused(this: str, that: str) -> None:
    content = (OLD / "run-1.json").read_text()
    assert this in content
    with pytest.raises(DamagedError):
        decode_run(content.replace(this, that).encode(), "old.json")
