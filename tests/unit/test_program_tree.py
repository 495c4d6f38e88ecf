# SPDX-License-Identifier: GPL-2.0-or-later
"""Trees of files on their way to a guest: names, links, and what does not fit."""

from __future__ import annotations

import io
import posixpath
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailwalk.errors import UsageError
from tailwalk.programs.tree import MIB, Node, Owned, Tree, read_tree


def made() -> Tree:
    tree = Tree(what="made")
    tree.directory("usr/bin")
    tree.link("bin", "usr/bin")
    tree.link("usr/bin/sh", "/bin/dash")
    tree.text("bin/dash", "dash", 0o755)
    tree.link("loop", "pool")
    tree.link("pool", "loop")
    tree.link("out", "../../../../usr")
    return tree


def test_names_are_followed_in_the_tree_alone() -> None:
    tree = made()
    assert tree.resolve("bin/sh") == tree.resolve("/bin/../bin/./sh") == "usr/bin/dash"
    assert tree.resolve("bin/sh", last=False) == "usr/bin/sh"
    assert tree.resolve("out/bin/sh") == tree.resolve("../../out/bin/dash") == "usr/bin/dash"
    assert tree.find("bin/sh") == Node(stat.S_IFREG | 0o755, size=4, at=tree.nodes[
        "usr/bin/dash"].at)
    assert tree.find("bin/none") is None
    with pytest.raises(UsageError, match="links without end"):
        tree.resolve("loop/x")


def test_a_directory_at_a_link_is_where_the_link_leads() -> None:
    tree = made()
    tree.directory("bin", 0o700)
    assert tree.nodes["bin"].is_link
    assert stat.S_IMODE(tree.nodes["usr/bin"].mode) == 0o700
    assert tree.find("bin/dash") is not None


def test_of_what_comes_twice_the_last_holds(tmp_path: Path) -> None:
    path = tmp_path / "tree"
    with path.open("wb") as out:
        tree = Tree(out)
        for text in ("first", "the last"):
            tree.text("etc/file", text)
    node = read_tree(path).nodes["etc/file"]
    assert path.read_bytes()[node.at:node.at + node.size] == b"the last"


@pytest.mark.parametrize(("add", "said"), [
    (lambda tree: tree.text("bin", "x"), None),  # in the place of a link
    (lambda tree: tree.text("usr", "x"), "is a directory and something else"),
    (lambda tree: tree.directory("bin/dash"), "is a directory and something else"),
    (lambda tree: tree.text("bin/dash/x", "x"), "which is no directory"),
    (lambda tree: tree.hard("x", "none"), "no such file before it"),
    (lambda tree: tree.hard("x", "usr"), "no such file before it"),
    (lambda tree: tree.text("x" * 5000, "x"), "no file can have"),
    (lambda tree: tree.link("x", "a\0b"), "no file can have"),
    (lambda tree: tree.file("x", io.BytesIO(b"12"), 3), "ends too early"),
])
def test_what_no_file_system_takes_is_refused(add, said: str | None) -> None:
    if said is None:
        add(made())
        return
    with pytest.raises(UsageError, match=said):
        add(made())


def test_more_than_finds_room_is_refused_before_it_is_read() -> None:
    tree = Tree(most=2 * MIB, what="--root x")
    with pytest.raises(UsageError, match=r"more than the 2 MiB that find room .* --memory"):
        tree.file("large", io.BytesIO(), 3 * MIB)


NAMES = st.text("ab./é\n", min_size=1, max_size=6)
STEPS = st.lists(st.tuples(st.sampled_from(["directory", "text", "link", "hard", "special"]),
                           NAMES, NAMES), max_size=12)


@given(STEPS)
def test_what_is_written_is_read_back_and_never_lies_outside(
        tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, str, str]]) -> None:
    path = tmp_path_factory.mktemp("tree") / "tree"
    with path.open("wb") as out:
        tree = Tree(out)
        for kind, name, other in steps:
            try:
                if kind == "special":
                    tree.special(name, stat.S_IFIFO | 0o600)
                elif kind == "directory":
                    tree.directory(name, 0o755, Owned(uid=3, gid=4, modified=5))
                else:
                    getattr(tree, kind)(name, other)
            except UsageError:
                continue
    found = read_tree(path)
    tree.nodes.pop("")
    found.nodes.pop("", None)
    assert found.nodes == tree.nodes
    assert found.entries == tree.entries
    for name in tree.nodes:
        assert name == posixpath.normpath(name)
        assert name[0] != "/"
        assert ".." not in name.split("/")
        parents = [name[:at] for at, sign in enumerate(name) if sign == "/"]
        assert all(tree.nodes[parent].is_directory for parent in parents)
