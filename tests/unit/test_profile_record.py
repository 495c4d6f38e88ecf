# SPDX-License-Identifier: GPL-2.0-or-later
"""Profile files: written, read, damaged, and what reports make of them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest
from click.testing import CliRunner
from made_profiles import made_profile
from made_runs import made_case
from results import validate
from test_difference import NEW, OLD
from test_schemas import published

from tailwalk.cli import group
from tailwalk.errors import RecordError, TailwalkError, UsageError
from tailwalk.profile.record import (
    AddedPath,
    Loop,
    OtherCalls,
    read_profile,
)
from tailwalk.report.profile_tree import flame_svg, folded_stacks, forest_of, tree_text
from tailwalk.runs.record import encode

WALK = made_profile(
    [("vfs_write", -1, 90), ("ext4_block_write_begin", 0, 4723), ("<scary>&", 0, 100)],
    spec="debian:6.18", case=made_case(), written=8,
    loops=[Loop(function=1, entry=0, head="0x162", visits=256,
                runs=[(24, 1), (18, 254), (40, 1)], ended_early=False)],
    others=[OtherCalls(calls=3, first=7, count=6000, elsewhere=2, added=[
        AddedPath(path=["asm_tick", "tick"], count=1184, events=["timer tick"])])])


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str, str]:
    paths = tuple(tmp_path / name for name in ("old.json", "new.json", "walk.json"))
    for path, profile in zip(paths, (OLD, NEW, WALK), strict=True):
        path.write_bytes(encode(profile))
    return tuple(map(str, paths))


def why(*arguments: str):
    return CliRunner().invoke(group, ["why", *arguments])


def test_a_profile_reads_back_and_is_what_its_schema_says(files):
    assert read_profile(Path(files[2])) == WALK
    validate(json.loads(encode(WALK)), published("profile"))


@pytest.mark.parametrize(("damage", "why"), [
    (lambda text: text[:len(text) // 2], "not a tailwalk record|cut short"),
    (lambda text: text.replace("tailwalk.profile/2", "tailwalk.profile/3"), "update tailwalk"),
    (lambda text: text.replace("tailwalk.profile/2", "tailwalk.run/1"), "'tailwalk.run/1' record"),
    (lambda text: text.replace('"count": 4723', '"count": 4724', 1), "do not add up"),
    (lambda text: text.replace('"parent": 0', '"parent": 7'), "do not add up"),
    (lambda text: text.replace('"symbols": "', '"symbols": "!'), "damaged"),
])
def test_damaged_profiles(files, damage, why):
    path = Path(files[2])
    path.write_text(damage(path.read_text()))
    with pytest.raises(RecordError, match=why):
        read_profile(path)


def test_folded_stacks_add_up():
    lines = folded_stacks(forest_of([OLD, NEW])).splitlines()
    assert "vfs_write;ext4_write_begin 67 4000" in lines
    counts = [line.rsplit(" ", 2)[1:] for line in lines]
    assert [sum(int(pair[side]) for pair in counts) for side in (0, 1)] == [OLD.count, NEW.count]


def test_the_tree_has_inclusive_counts_and_hides_only_what_is_small():
    text = tree_text(forest_of([OLD, NEW]))
    assert text.splitlines()[1].split() == ["252", "7,181", "+6,929", "vfs_write"]
    assert "  ext4_write_begin" in text and text.count("\n") == 5
    small = made_profile([("top", -1, 100_000), ("a", 0, 1), ("b", 0, 2)])
    text = tree_text(forest_of([small]))
    assert "(2 smaller)" in text and " b\n" not in text
    assert "(2 smaller)" not in tree_text(forest_of([small]), everything=True)


def test_the_flame_graph_is_well_formed_and_to_scale():
    drawn = ElementTree.fromstring(flame_svg(forest_of([OLD, NEW])))
    frames = [frame for frame in drawn.iter("{http://www.w3.org/2000/svg}g")
              if frame.get("class") == "frame"]
    said = [re.match(r"(\S+) on \S+: (\S+) instructions/call with callees", frame[0].text)
            for frame in frames]
    width = {one.groups(): float(frame[1].get("width"))
             for one, frame in zip(said, frames, strict=True)}
    assert width["vfs_write", "7,181"] == pytest.approx(1168)
    assert width["vfs_write", "252"] == pytest.approx(1168 * 252 / 7181, abs=0.1)
    assert all(float(frame[1].get("x")) + float(frame[1].get("width")) <= 1184.5
               for frame in frames)
    assert "rgb(226,222,210)" in {frame[1].get("fill") for frame in frames}  # vfs_write: the same
    escaped = ElementTree.fromstring(flame_svg(forest_of([WALK])))
    assert any("<scary>&" in (title.text or "")
               for title in escaped.iter("{http://www.w3.org/2000/svg}title"))


def test_why_on_two_files(files):
    done = why(files[0], files[1])
    assert done.exit_code == 0, done.output
    assert "+6,929 instructions, nearly all in ext4_write_begin" in done.stdout.replace("\n", " ")
    assert "figure" in done.stdout and "7,189" in done.stdout


def test_why_on_one_file_with_the_other_calls(files):
    done = why(files[2], "--others")
    assert "timer tick" in done.stdout and "+1,087" in done.stdout
    assert "4,723" in done.stdout


def test_json_of_one_is_the_profile_and_of_two_the_difference(files):
    assert msgspec.json.decode(why(files[2], "--format", "json").stdout) == json.loads(
        encode(WALK))
    assert json.loads(why(files[0], files[1], "--format", "json").stdout)["schema"] == (
        "tailwalk.difference/2")


def test_annotate_tells_visits_by_side(files):
    done = why(files[2], "--annotate", "ext4_block_write_begin")
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["visited", "in", "one", "call", "0", "1", "255", "256"] in lines
    assert ["in", "the", "ring", "0", "1", "255", "256"] in lines


@pytest.mark.parametrize(("name", "why_not"), [
    ("ext4_block_write_begn", "there is no function.*did you mean ext4_block_write_begin"),
    ("not_called", "a function of the kernel, but a modal call does not execute it"),
])
def test_annotate_a_function_that_is_not_there(tmp_path, name, why_not):
    path = tmp_path / "p.json"
    path.write_bytes(encode(
        made_profile([("ext4_block_write_begin", -1, 5)], symbols=["not_called"])))
    caught = why(str(path), "--annotate", name).exception
    assert isinstance(caught, UsageError)
    assert re.search(why_not, str(caught))


@pytest.mark.parametrize(("arguments", "said"), [
    (["debian:6.12", "debian:6.18", "debian:7.3"], "two profiles at most"),
    (["debian:6.12", "debian:6.18", "--vs-fill", "1MiB"], "two profiles at most.*--vs-fill"),
    (["debian:6.12", "-o", "a.json", "-o", "b.json"], "--output is given 2 times for 1 profile"),
    (["debian:6.12", "--svg", "/no/such/directory/x.svg"], "there is no directory"),
    (["debian:6.12", "--tree", "--format", "json"], "--tree and --format json each say what to"),
    (["debian:6.12", "--case", "seed"], "suite of 6 cases"),
    (["debian:6.12", "--case", "nonsense"], "there is no case"),
    (["nonsense"], "nonsense"),
    (["/no/such/profile.json"], "cannot read"),
])
def test_what_cannot_be_meant_is_refused_before_anything_is_measured(arguments, said):
    done = why(*arguments)
    assert isinstance(done.exception, TailwalkError)
    assert re.search(said, " ".join(str(done.exception).split()))
    assert not done.stdout


def test_conditions_beside_a_file_are_refused(files):
    assert "--fill: nothing is measured" in str(why(files[0], "--fill", "4KiB").exception)
    assert "was taken before" in " ".join(str(why(files[0], "--vs-fill", "4KiB").exception).split())
