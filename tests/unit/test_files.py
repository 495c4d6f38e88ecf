# SPDX-License-Identifier: GPL-2.0-or-later
"""Files of somebody else's: what never ends, what is too large, and names that lead out."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tailwalk.errors import PlaceError
from tailwalk.files import open_bounded, place_inside, read_bounded


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
