# SPDX-License-Identifier: GPL-2.0-or-later
"""What series write to a tree: all or nothing, and nothing outside of it."""

from __future__ import annotations

import contextlib
import itertools
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import pytest
from made_series import DEFINITION, RING, made_definition, made_tree

from tailwalk.errors import SeriesError
from tailwalk.series import load_series, plan_series


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return made_tree(tmp_path)


@pytest.fixture
def definition(tmp_path: Path) -> Path:
    return made_definition(tmp_path)


class TestHostileTrees:
    """What a tree of somebody else's may hold where a series looks for source."""

    @pytest.mark.parametrize("kind", ["file", "directory", "into a link"])
    def test_a_link_out_of_the_tree_is_refused_by_name(self, tree: Path, definition: Path,
                                                       tmp_path: Path, kind: str) -> None:
        outside = tmp_path / "outside"
        outside.mkdir()
        (outside / "ring.c").write_text(RING)
        if kind == "file":
            (tree / "fs/ring.c").unlink()
            (tree / "fs/ring.c").symlink_to(outside / "ring.c")
            link, target = tree / "fs/ring.c", outside / "ring.c"
        else:
            (tree / "fs/ring.c").unlink()
            (tree / "fs").rmdir()
            (tree / "fs").symlink_to("away" if kind == "into a link" else outside)
            (tree / "away").symlink_to(outside)
            link = tree / "fs"
            target = link.readlink()
        with pytest.raises(SeriesError) as caught:
            plan_series(load_series(definition), tree)
        assert f"leads out of {tree} by the link {link} to {target}, or" in str(caught.value)
        assert [path.name for path in outside.iterdir()] == ["ring.c"]

    def test_a_link_that_comes_after_the_plan(self, tree: Path, definition: Path,
                                              tmp_path: Path) -> None:
        plan = plan_series(load_series(definition), tree)
        (tmp_path / "ring.c").write_text("another's")
        (tree / "fs/ring.c").unlink()
        (tree / "fs/ring.c").symlink_to(tmp_path / "ring.c")
        with pytest.raises(SeriesError, match=r"by the link .* Nothing was changed"):
            plan.write()
        assert (tmp_path / "ring.c").read_text() == "another's"
        assert [path.name for path in (tree / "fs").iterdir()] == ["ring.c"]

    def test_links_within_stay_and_lead_to_the_change(self, tree: Path, definition: Path) -> None:
        (tree / "fs/ring.c").rename(tree / "fs/real.c")
        (tree / "fs/ring.c").symlink_to("real.c")
        (tree / "fs").rename(tree / "files")
        (tree / "fs").symlink_to("files")
        plan = plan_series(load_series(definition), tree)
        assert sorted(plan.changes) == ["files/helper.h", "files/real.c"]
        plan.write()
        assert (tree / "files/ring.c").is_symlink()
        assert "walk_end(ring, to)" in (tree / "files/real.c").read_text()
        assert plan_series(load_series(definition), tree).state == "already there"

    def test_one_file_by_two_names_gets_both_changes(self, tree: Path, definition: Path) -> None:
        (tree / "fs/same.c").symlink_to("ring.c")
        head, _, last = DEFINITION.rpartition('file = "fs/ring.c"\ninside = "walk"\nreplace')
        definition.write_text(f'{head}file = "fs/same.c"\ninside = "walk"\nreplace{last}')
        plan = plan_series(load_series(definition), tree)
        assert "++step < end" in plan.changes["fs/ring.c"]
        assert "int end = walk_end(ring, to);" in plan.changes["fs/ring.c"]

    def test_what_is_no_file_of_source(self, tree: Path, definition: Path) -> None:
        file = tree / "fs/ring.c"
        for make, said in ((os.mkfifo, "no regular file"), (os.mkdir, "no regular file"),
                           (lambda path: path.symlink_to("/dev/zero"), "to /dev/zero"),
                           (lambda path: path.symlink_to("ring.c"), "or nowhere"),
                           (lambda path: path.write_bytes(bytes(100_000_000)), "more than")):
            file.unlink() if not file.is_dir() else file.rmdir()
            make(file)
            with pytest.raises(SeriesError, match=said):
                plan_series(load_series(definition), tree)

    def test_a_tree_that_is_none(self, tree: Path, definition: Path) -> None:
        for none in (tree / "Makefile", tree / "gone", Path("/dev/zero")):
            with pytest.raises(SeriesError, match="is no kernel source tree"):
                plan_series(load_series(definition), none)

    def test_gits_own_files_are_not_written(self, tree: Path, definition: Path) -> None:
        (tree / ".git").mkdir()
        (tree / "hooks").symlink_to(".git")
        for file in (".git/hooks/post-commit", "hooks/post-commit"):
            definition.write_text(DEFINITION.replace("fs/helper.h", file, 1))
            with pytest.raises(SeriesError, match="is git's and no source"):
                plan_series(load_series(definition), tree)


class TestWriting:
    def test_an_interrupt_at_any_moment_leaves_all_or_nothing(self, tree: Path,
                                                              definition: Path) -> None:
        def held() -> dict[Path, bytes]:
            return {path: path.read_bytes() for path in tree.rglob("*")
                    if path.is_file() and ".tailwalk-" not in str(path)}

        plan = plan_series(load_series(definition), tree)
        before = held()
        whole = before | {tree / file: text.encode() for file, text in plan.changes.items()}
        for moment in itertools.count(step=7):
            calls = itertools.count()

            def interrupt(_frame: FrameType, _event: str, _what: object, *,
                          at: int = moment, calls: Iterator[int] = calls) -> None:
                if next(calls) == at:
                    raise KeyboardInterrupt

            with contextlib.suppress(KeyboardInterrupt):
                sys.setprofile(interrupt)
                plan.write()
                sys.setprofile(None)
            assert held() in (before, whole)
            if next(calls) <= moment:  # it came to the end
                break
            (tree / "fs/helper.h").unlink(missing_ok=True)
            (tree / "fs/ring.c").write_text(RING)
        assert held() == whole
        assert moment > 100

    def test_other_links_and_the_mode_stay(self, tree: Path, definition: Path,
                                           tmp_path: Path) -> None:
        other = tmp_path / "ring.c"
        os.link(tree / "fs/ring.c", other)
        plan_series(load_series(definition), tree).write()
        assert other.read_text() == RING
        assert (tree / "fs/ring.c").stat().st_mode & 0o777 == 0o640

    def test_bytes_that_are_no_utf8_stay(self, tree: Path, definition: Path) -> None:
        (tree / "fs/ring.c").write_bytes(b"/* M\xfcller */\n" + RING.encode())
        plan_series(load_series(definition), tree).write()
        assert (tree / "fs/ring.c").read_bytes().startswith(b"/* M\xfcller */\n#include")

    def test_all_or_nothing(self, tree: Path, definition: Path) -> None:
        definition.write_text(DEFINITION.replace('"fs/helper.h"', '"fs/ring.c/helper.h"'))
        plan = plan_series(load_series(definition), tree)
        with pytest.raises(SeriesError, match=r"cannot be written .* Nothing was changed"):
            plan.write()
        assert (tree / "fs/ring.c").read_text() == RING
        assert sorted(path.name for path in (tree / "fs").iterdir()) == ["ring.c"]
