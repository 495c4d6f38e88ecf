# SPDX-License-Identifier: GPL-2.0-or-later
"""Files of somebody else's: what never ends, what is too large, and names that lead out."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from refused import files_up_to, unprivileged
from tailwalk.errors import PlaceError
from tailwalk.files import open_bounded, place_inside, read_bounded, write_together


def a_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


def test_a_file_up_to_its_bound(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"abc")
    assert read_bounded(tmp_path / "file", 3) == b"abc"
    with pytest.raises(OSError, match="more than 2 bytes"):
        read_bounded(tmp_path / "file", 2)
    (tmp_path / "empty").touch()
    assert read_bounded(tmp_path / "empty", 0) == b""


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir, a_socket,
                                  lambda path: path.symlink_to("/dev/zero")])
def test_what_is_no_regular_file(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "it")
    handles = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(OSError):
        open_bounded(tmp_path / "it", 10)
    assert len(list(Path("/proc/self/fd").iterdir())) == handles


def test_a_sparse_file_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "huge").open("wb") as stream:
        stream.truncate(1 << 40)
    with pytest.raises(OSError, match="more than 64 MiB"):
        read_bounded(tmp_path / "huge", 64 << 20)


def test_a_pipe_where_one_makes_sense() -> None:
    reader, writer = os.pipe()
    try:
        os.write(writer, b"abcd")
        os.close(writer)
        with pytest.raises(OSError, match="no regular file"):
            read_bounded(Path(f"/dev/fd/{reader}"), 4)
        assert read_bounded(Path(f"/dev/fd/{reader}"), 4, pipes=True) == b"abcd"
    finally:
        os.close(reader)


def test_names_below_a_directory(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "real").mkdir(parents=True)
    (root / "inner").symlink_to("real")
    assert place_inside(root, "a/b") == root / "a/b"
    assert place_inside(root, "inner/x") == root / "real/x"


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/etc/passwd", "out/x", "out", "up/up/x",
                                  "file", "dangling", "loop/x", "x" * 300 + "/y", "a\0b"])
def test_names_that_lead_out(tmp_path: Path, name: str) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "out").symlink_to("/tmp")
    (root / "up").symlink_to("..")
    (root / "file").symlink_to("/etc/passwd")
    (root / "dangling").symlink_to("nowhere")
    (root / "loop").symlink_to("loop")
    with pytest.raises(PlaceError, match="leads out of"):
        place_inside(root, name)


def test_a_link_too_deep_to_be_looked_at_is_not_trusted(tmp_path: Path) -> None:
    """A link whose own path is longer than the system takes is taken for no link by what only
    tries."""
    root = tmp_path / "root"
    deep = "/".join(["d" * 200] * ((4000 - len(str(root))) // 201))
    (root / deep).mkdir(parents=True)
    (root / "a").symlink_to(deep)
    (root / "a" / ("e" * 250)).mkdir()
    (root / "b").symlink_to(f"a/{'e' * 250}/{'../' * 30}")
    assert (root / "b").is_dir()
    with pytest.raises(PlaceError):
        place_inside(root, "b/x")


def test_the_link_that_leads_out_is_named(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "a").mkdir(parents=True)
    (root / "a" / "b").symlink_to("../../victim")
    (tmp_path / "victim").touch()
    with pytest.raises(PlaceError) as caught:
        place_inside(root, "a/b")
    assert f"by the link {root}/a/b to ../../victim" in str(caught.value)


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
