# SPDX-License-Identifier: GPL-2.0-or-later
"""Files are read within bounds, and written together or not at all, and only where they belong."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from refused import files_up_to, unprivileged
from tailwalk.errors import PlaceError
from tailwalk.files import place_within, read_at_most, write_together


class TestReading:
    def test_a_file_up_to_its_bound(self, tmp_path: Path) -> None:
        (tmp_path / "four").write_bytes(b"four")
        assert read_at_most(tmp_path / "four", 4) == b"four"
        with pytest.raises(OSError, match="more than 3 bytes"):
            read_at_most(tmp_path / "four", 3)

    def test_what_is_no_regular_file_is_neither_waited_for_nor_read(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "fifo")
        (tmp_path / "zero").symlink_to("/dev/zero")
        for name in ("fifo", "zero"):
            with pytest.raises(OSError, match="no regular file"):
                read_at_most(tmp_path / name, 4)
        with pytest.raises(IsADirectoryError):
            read_at_most(tmp_path, 4)


class TestPlaces:
    def test_links_within_are_followed(self, tmp_path: Path) -> None:
        (tmp_path / "a").mkdir()
        (tmp_path / "b").symlink_to("a")
        (tmp_path / "a" / "c").symlink_to(tmp_path / "new")
        assert place_within(tmp_path / "b" / "..", "b/x") == tmp_path / "a" / "x"
        assert place_within(tmp_path, "b/c") == tmp_path / "new"

    @pytest.mark.parametrize("name", ["link", "link/x", "in/x", "../out", "/etc/passwd"])
    def test_none_outside(self, tmp_path: Path, name: str) -> None:
        root = tmp_path / "root"
        root.mkdir()
        (tmp_path / "out").mkdir()
        (root / "link").symlink_to("../out")
        (root / "in").symlink_to("link")
        with pytest.raises(PlaceError, match=rf"outside {root}"):
            place_within(root, name)

    def test_the_link_and_what_it_leads_to_are_named(self, tmp_path: Path) -> None:
        root = tmp_path / "root"
        (root / "a").mkdir(parents=True)
        (root / "a" / "b").symlink_to("../..")
        with pytest.raises(PlaceError) as caught:
            place_within(root, "a/b/c")
        assert f"{root}/a/b is a link to {tmp_path}, outside" in str(caught.value)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    (root / "one").write_text("one")
    (root / "one").chmod(0o750)
    (root / "sub" / "two").write_text("two")
    return root


def shown(root: Path) -> dict[str, tuple[str, int]]:
    return {str(path.relative_to(root)): (path.read_text(), stat.S_IMODE(path.stat().st_mode))
            for path in sorted(root.rglob("*")) if path.is_file()}


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


NEW = {"made/deep/three": b"3", "one": b"1", "sub/two": b"2"}


class TestWriting:
    def test_all_of_them(self, folder: Path) -> None:
        write_together(folder, NEW)
        assert shown(folder) == {"made/deep/three": ("3", 0o644), "one": ("1", 0o750),
                                 "sub/two": ("2", 0o644)}
        assert names(folder) == ["made", "one", "sub"]

    def test_a_link_stays_and_what_it_leads_to_is_written(self, folder: Path) -> None:
        (folder / "link").symlink_to("sub/two")
        write_together(folder, {"link": b"2"})
        assert (folder / "link").readlink() == Path("sub/two")
        assert (folder / "sub/two").read_text() == "2"

    def test_none_where_one_leads_out(self, folder: Path) -> None:
        (folder / "sub" / "two").unlink()
        (folder / "sub" / "two").symlink_to(folder.parent / "victim")
        with pytest.raises(PlaceError):
            write_together(folder, NEW)
        assert names(folder) == ["one", "sub"]
        assert (folder / "one").read_text() == "one"

    def test_none_where_there_is_no_room(self, folder: Path) -> None:
        before = shown(folder)
        with files_up_to(10), pytest.raises(OSError, match="too large"):
            write_together(folder, {**NEW, "sub/two": bytes(20)})
        assert shown(folder) == before
        assert names(folder) == ["one", "sub"]

    def test_none_where_permission_lacks_midway(self, folder: Path) -> None:
        before = shown(folder)
        (folder / "sub").chmod(0o555)  # only the last rename is refused
        with pytest.raises(PermissionError):
            unprivileged(lambda: write_together(folder, NEW))
        assert shown(folder) == before
        assert names(folder) == ["one", "sub"]

    @pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
    def test_none_where_one_is_no_file(self, folder: Path, make: type[object]) -> None:
        (folder / "sub" / "two").unlink()
        make(folder / "sub" / "two")
        with pytest.raises(OSError, match="no regular file"):
            write_together(folder, NEW)
        assert (folder / "one").read_text() == "one"
