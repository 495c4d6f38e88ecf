# SPDX-License-Identifier: GPL-2.0-or-later
"""What kernels and functions are called where there is little room."""

from __future__ import annotations

import io

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_profiles import made_profile
from made_runs import made_case, made_figure, made_run
from rich.console import Console, RenderableType

from tailwalk.compare.steps import track
from tailwalk.profile.record import AddedPath, OtherCalls, Profile
from tailwalk.report.names import cut, cut_apart
from tailwalk.report.profile_tree import forest_of, tree_text
from tailwalk.report.profile_words import side_labels
from tailwalk.report.terminal import terminal
from tailwalk.report.track import track_labels
from tailwalk.report.why import why_shown
from tailwalk.report.words import short_names

LONG = "ext4_da_write_inline_data_begin_with_a_name_of_sixty_letters"
TREE = "src:/home/somebody/kernels/linux"


@pytest.mark.parametrize(("kernels", "names"), [
    ([("debian:6.12", "6.12.95+deb12"), ("src:6.18+tail", "6.18.15-lab")],
     ["debian:6.12", "src:6.18+tail"]),
    ([(f"{TREE}-a", "6.12.95"), (f"{TREE}-b", "6.18.15")], ["6.12.95", "6.18.15"]),
    ([(TREE, "6.18.15"), (f"{TREE}+tail", "6.18.15"), (f"{TREE}+./my.toml", "6.18.15")],
     ["6.18.15 #0", "6.18.15+tail", "6.18.15+my"]),
    ([(f"{TREE}-a", "6.18.15-one"), (f"{TREE}-b", "6.18.15-two")],
     ["6.18.15-one", "6.18.15-two"]),
    ([(f"{TREE}-a", "6.18.15"), (f"{TREE}-b", "6.18.15")], ["6.18.15 #0", "6.18.15 #1"]),
    ([("debian:6.18", "6.18.9+deb13"), ("debian:6.18", "6.18.15+deb13")], ["6.18.9", "6.18.15"]),
    ([("debian:6.18", "6.18.15"), ("debian:6.18", "6.18.15")],
     ["debian:6.18 #0", "debian:6.18 #1"]),
    ([("6.18.44", "6.18.44"), (TREE, "6.18.44")], ["6.18.44 #0", "6.18.44 #1"]),
    ([("image:/srv/kernels/a/bzImage", "rolling"), ("host", "6.18.44")], ["rolling", "host"]),
])
def test_the_release_says_more_than_a_number(
        kernels: list[tuple[str, str]], names: list[str]) -> None:
    assert short_names(kernels) == names


specs = st.sampled_from(["debian:6.18", "src:6.18+tail", TREE, f"{TREE}+tail", "6.18.15", "host"])
releases = st.sampled_from(["6.18.15", "6.18.15+deb13-cloud-amd64", "6.18.15-lab", "7.0.0-rc1"])


@given(st.lists(st.tuples(specs, releases), min_size=1, max_size=9), st.integers(4, 30))
def test_names_are_short_and_each_is_one_kernels(
        kernels: list[tuple[str, str]], longest: int) -> None:
    names = short_names(kernels, longest=longest)
    assert len(set(names)) == len(names)
    assert all(len(name) <= longest for name in names)


def test_one_pair_of_kernels_has_one_pair_of_names_in_every_command() -> None:
    kernels = [(f"{TREE}-a", "6.18.15"), (f"{TREE}-b", "6.18.15")]
    profiles = [of_release(spec, release) for spec, release in kernels]
    runs = [made_run(spec, [made_figure(made_case(), 1)], release=release)
            for spec, release in kernels]
    assert (short_names(kernels) == side_labels(profiles) == track_labels(track(runs))
            == ["6.18.15 #0", "6.18.15 #1"])


@given(st.text(st.characters(codec="ascii", categories=["L", "N"]), max_size=90),
       st.integers(1, 80), st.booleans())
def test_a_cut_name_keeps_its_ends(name: str, room: int, ascii_only: bool) -> None:
    short = cut(name, room, ascii_only=ascii_only)
    assert len(short) <= room
    if len(name) <= room:
        assert short == name
    elif room > 6:
        head, tail = short.split("..." if ascii_only else "…")
        assert head and tail and name.startswith(head) and name.endswith(tail)
        assert len(short) == room


@pytest.mark.parametrize(("names", "room", "cuts"), [
    (["fault_in_readable", "fault_in_iov_iter_readable", "vfs_write"], 16,
     ["fault_in_r…dable", "fault_in_i…dable", "vfs_write"]),
    (["a_long_walk_of_the_ring_4k", "a_long_walk_of_the_ring_1k"], 16,
     ["a_long_w…ring_4k", "a_long_w…ring_1k"]),
    (["a_ring_one_walk_of_it_all", "a_ring_two_walk_of_it_all"], 10,
     ["a_ring_o…l", "a_ring_t…l"]),
])
def test_names_that_differ_are_cut_apart(names: list[str], room: int, cuts: list[str]) -> None:
    found = cut_apart(frozenset(names), room)
    assert [found[name] for name in names] == cuts


@given(st.frozensets(st.text("ab_", max_size=30), min_size=1, max_size=8), st.integers(1, 40))
def test_cutting_apart_keeps_to_the_room_and_loses_no_name(names: frozenset[str],
                                                           room: int) -> None:
    found = cut_apart(names, room)
    assert found.keys() == names and max(map(len, found.values())) <= room
    assert len(set(found.values())) >= len({cut(name, room) for name in names})


@pytest.mark.parametrize("ascii_only", [False, True])
def test_no_two_functions_of_a_table_or_a_tree_read_alike(ascii_only: bool) -> None:
    names = ["fault_in_readable", "fault_in_iov_iter_readable"]
    sides = [made_profile([("vfs_write", -1, 100), *((name, 0, count) for name in names)],
                          spec=spec) for spec, count in (("debian:6.12", 1000),
                                                         ("debian:6.18", 2000))]
    sign = "..." if ascii_only else "…"
    for profiles, width in ((sides, 54), (sides[:1], 28)):
        stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii" if ascii_only else "utf-8")
        console = Console(file=stream, width=width)
        console.print(terminal(why_shown(profiles), console))
        stream.seek(0)
        shorts = sorted(line.split()[0] for line in stream if line.startswith("fault_in_")
                        and "1,000" in line)
        assert len(shorts) == len(set(shorts)) == 2 and all(sign in short for short in shorts)
    tree = tree_text(forest_of(sides), width=56, ascii_only=ascii_only)
    shorts = [line.split()[-1] for line in tree.splitlines() if "fault" in line]
    assert len(set(shorts)) == 2 and all(sign in short for short in shorts)


def of_release(spec: str, release: str, count: int = 50) -> Profile:
    made = made_profile([("vfs_write", -1, 100), (LONG, 0, count), ("b", 1, 7)], spec=spec)
    return msgspec.structs.replace(
        made, kernel=msgspec.structs.replace(made.kernel, release=release),
        others=[OtherCalls(
            calls=1, first=2, count=900, elsewhere=0,
            added=[AddedPath(path=[f"other_{LONG}"], count=5, events=["timer tick"])])])


def lines_of(shown: RenderableType, width: int) -> list[str]:
    stream = io.StringIO()
    Console(file=stream, width=width).print(shown)
    return [line.rstrip() for line in stream.getvalue().splitlines()]


@pytest.mark.parametrize("width", [60, 80, 100])
def test_a_functions_name_never_stands_on_two_lines(width: int) -> None:
    one, other = (of_release(f"{TREE}-a+tail", "6.12.95"),
                  of_release(f"{TREE}-b+tail", "6.18.15-lab", 5000))
    console = Console(width=width)
    for profiles in ([one, other], [one]):
        lines = lines_of(terminal(why_shown(profiles, others=True), console), width)
        at = next(number for number, line in enumerate(lines) if line.startswith("───"))
        names = [line.split()[0] for line in lines[at + 1:at + 4]]
        assert sorted(name for name in names if len(name) < 12) == ["b", "vfs_write"]
        [name] = [name for name in names if len(name) >= 12]
        head, _, tail = name.partition("…")
        assert name == LONG or (LONG.startswith(head) and LONG.endswith(tail) and tail)
        assert lines[at + 4] == ""
        at = next(number for number, line in enumerate(lines) if line.startswith("calls"))
        added, after = lines[at + 2], lines[at + 3]
        assert added.endswith("sixty_letters") and "timer tick" in added and after == ""


def test_the_tree_keeps_to_a_terminals_width_and_to_none_elsewhere() -> None:
    pair = [of_release("debian:6.12", "6.12.95"), of_release("debian:6.18", "6.18.15", 5000)]
    assert f"  {LONG}\n" in tree_text(forest_of(pair))
    lines = tree_text(forest_of(pair), width=80).splitlines()
    assert max(map(len, lines)) == 80
    assert len(lines) == len(tree_text(forest_of(pair)).splitlines())
    assert tree_text(forest_of(pair), width=80, ascii_only=True).isascii()
