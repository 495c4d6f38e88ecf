# SPDX-License-Identifier: GPL-2.0-or-later
"""Roots of a user's: directories, tar archives and images, good and bad, and programs in them."""

from __future__ import annotations

import gzip
import io
import os
import socket
import stat
import struct
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tailwalk.cache import Cache
from tailwalk.errors import UsageError
from tailwalk.programs import roots
from tailwalk.programs.plan import ExecPlan
from tailwalk.programs.prepare import Prepared, prepare, room_for_root
from tailwalk.programs.tree import MIB, Tree, read_tree
from tailwalk.progress import SILENT


@pytest.fixture
def get(tmp_path: Path) -> Callable[..., Prepared]:
    """What is prepared of a root in a cache of its own."""
    def get(root: Path, program: str = "/bin/program", *, memory: int = 1024,
            **more: object) -> Prepared:
        plan = ExecPlan(program=Path(program), root=root, **more).check()  # type: ignore[arg-type]
        return prepare(plan, memory=memory, cache=Cache(tmp_path / "cache"), progress=SILENT)

    return get


def member(name: str, kind: bytes = tarfile.REGTYPE, **more: object) -> tarfile.TarInfo:
    found = tarfile.TarInfo(name)
    found.type, found.mode = kind, 0o755
    for attribute, value in more.items():
        setattr(found, attribute, value)
    return found


def make_tar(path: Path, members: list[tuple[tarfile.TarInfo, bytes]]) -> Path:
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        for info, content in members:
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


@pytest.fixture
def tar(tmp_path: Path, static: bytes) -> Path:
    """As docker export makes one, and then some."""
    long = "usr/share/" + "long/" * 40 + "name" * 20
    return make_tar(tmp_path / "root.tar", [
        (member("usr/bin", tarfile.DIRTYPE), b""),
        (member("usr/bin/program", uid=3, gid=4, mode=0o4755, mtime=1_700_000_000), static),
        (member("bin", tarfile.SYMTYPE, linkname="usr/bin"), b""),
        (member("usr/bin/again", tarfile.LNKTYPE, linkname="usr/bin/program"), b""),
        (member("usr/bin/absolute", tarfile.SYMTYPE, linkname="/bin/program"), b""),
        (member("dev/null", tarfile.CHRTYPE, devmajor=1, devminor=3), b""),
        (member("run/pipe", tarfile.FIFOTYPE), b""),
        (member(long), b"long"),
        (member("etc/script"), b"#!/bin/absolute -x\n"),
        (member("etc/lost"), b"#! /bin/none\n"),
        (member("etc/plain", mode=0o644), b"text"),
        (member("with", pax_headers={"SCHILY.xattr.user.x": "y"}), b""),
    ])


def test_a_tar_as_container_tools_make_it(tar: Path, get: Callable[..., Prepared]) -> None:
    prepared = get(tar)
    assert prepared.program == "/bin/program"
    assert prepared.title == "tar root.tar"
    assert prepared.notes == [f"extended attributes of 1 files of {tar} are left out, as are the "
                              "capabilities that some of them may be"]
    nodes = read_tree(prepared.content).nodes
    assert nodes["usr/bin/again"] is nodes["usr/bin/program"]
    assert nodes["bin"].target == "usr/bin"
    assert stat.S_ISCHR(nodes["dev/null"].mode)
    assert stat.S_ISFIFO(nodes["run/pipe"].mode)
    assert any(name.endswith("name" * 20) for name in nodes)
    assert b"tree entries=" in prepared.line
    # By whatever name, it is the same program.
    assert {get(tar, name).digest for name in (
        "/usr/bin/again", "/bin/absolute", "absolute", "/bin/../bin/program")} == {prepared.digest}
    assert get(tar, "/etc/script").program == "/etc/script"


def test_a_compressed_tar_is_the_same(tar: Path, tmp_path: Path,
                                      get: Callable[..., Prepared]) -> None:
    packed = tmp_path / "root.tar.gz"
    packed.write_bytes(gzip.compress(tar.read_bytes()))
    assert get(packed).content.read_bytes() == get(tar).content.read_bytes()


def test_a_root_is_read_once(tar: Path, get: Callable[..., Prepared],
                             monkeypatch: pytest.MonkeyPatch) -> None:
    first = get(tar)
    monkeypatch.setattr(roots, "add_tar", lambda *_: pytest.fail("read again"))
    assert get(tar) == first


@pytest.mark.parametrize(("program", "said"), [
    ("/bin/none", "has no /bin/none"), ("none", "no program none on its PATH"),
    ("/etc", "is a directory"), ("/etc/plain", "is not executable"),
    ("/etc/lost", "has no /bin/none, which /etc/lost is a script of"),
])
def test_a_program_that_a_root_has_not_is_named(tar: Path, get: Callable[..., Prepared],
                                                program: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        get(tar, program)


def test_a_dynamic_program_without_its_loader_is_named(tmp_path: Path,
                                                       get: Callable[..., Prepared]) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root/true").write_bytes(Path("/bin/true").read_bytes())
    (tmp_path / "root/true").chmod(0o755)
    with pytest.raises(UsageError, match=r"/true of the directory root is loaded by /lib.*missing"):
        get(tmp_path / "root", "/true")


@pytest.mark.parametrize(("made", "said"), [
    (member("../../etc/passwd"), "leads out of the root"),
    (member("usr/../../x"), "leads out of the root"),
    (member("x", tarfile.LNKTYPE, linkname="../../etc/shadow"), "leads out of the root"),
    (member("x", tarfile.LNKTYPE, linkname="/etc/shadow"), "no such file before it"),
    (member("a", tarfile.SYMTYPE, linkname="/"), None),
])
def test_names_that_lead_out_are_refused(tmp_path: Path, get: Callable[..., Prepared],
                                         made: tarfile.TarInfo, said: str | None) -> None:
    """And an absolute link leads to the root's own root, for what comes after it too."""
    path = make_tar(tmp_path / "bad.tar", [
        (made, b""), (member("a/tmp/out"), b"#!/a/tmp/out"), (member("/absolute"), b"")])
    if said is None:
        assert "tmp/out" in read_tree(_content(tmp_path, path)).nodes
        assert "absolute" in read_tree(_content(tmp_path, path)).nodes
        return
    with pytest.raises(UsageError, match=said):
        get(path, "/a/tmp/out")
    assert not (tmp_path / "cache/roots").exists() or not [
        one for one in (tmp_path / "cache/roots").iterdir() if one.is_dir()]


def _content(folder: Path, tar: Path) -> Path:
    with (folder / "tree").open("wb") as out:
        roots.add_tar(Tree(out), tar)
    return folder / "tree"


def test_a_tar_that_ends_too_early_is_no_root(tar: Path, tmp_path: Path,
                                              get: Callable[..., Prepared]) -> None:
    torn = tmp_path / "torn.tar"
    torn.write_bytes(tar.read_bytes()[:200_000])
    with pytest.raises(UsageError, match=f"--root {torn}"):
        get(torn)


def _state(root: Path) -> dict[Path, tuple[int, ...]]:
    """What a change would show in; not when each was read."""
    return {path: (found.st_mode, found.st_ino, found.st_nlink, found.st_size, found.st_mtime_ns,
                   found.st_ctime_ns)
            for path in root.rglob("*") for found in [path.lstat()]}


def test_a_directory(tmp_path: Path, static: bytes, get: Callable[..., Prepared]) -> None:
    root = tmp_path / "root"
    (root / "bin").mkdir(parents=True)
    (root / "bin/program").write_bytes(static)
    (root / "bin/program").chmod(0o755)
    os.link(root / "bin/program", root / "bin/zwei")
    (root / "lib").symlink_to("/usr/lib")
    os.mkfifo(root / "pipe")
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(root / "socket"))
        before = _state(root)
        prepared = get(root)
        assert _state(root) == before
    nodes = read_tree(prepared.content).nodes
    assert nodes["bin/zwei"] is nodes["bin/program"]
    assert nodes["lib"].target == "/usr/lib"
    assert stat.S_ISFIFO(nodes["pipe"].mode)
    assert "socket" not in nodes
    (root / "bin/new").write_bytes(b"new")
    assert get(root).key != prepared.key


def test_a_root_larger_than_the_memory_is_refused(tmp_path: Path, static: bytes,
                                                  get: Callable[..., Prepared]) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "program").write_bytes(static)
    (root / "program").chmod(0o755)
    (root / "large").touch()
    os.truncate(root / "large", room_for_root(256) + MIB)
    with pytest.raises(UsageError, match=r"find room in the guest's memory .* --memory"):
        get(root, "/program", memory=256)
    # One that was read for a larger guest too.
    get(root, "/program", memory=1024)
    with pytest.raises(UsageError, match="give it more with --memory"):
        get(root, "/program", memory=256)
    with tarfile.open(tmp_path / "large.tar", "w") as tar:
        tar.add(root, ".")
    with pytest.raises(UsageError, match="give it more with --memory"):
        get(tmp_path / "large.tar", "/program", memory=256)


@pytest.mark.parametrize("content", [b"", b"text", bytes(2048), b"XFSB" + bytes(4096)])
def test_what_is_no_root_is_refused(tmp_path: Path, content: bytes,
                                    get: Callable[..., Prepared]) -> None:
    path = tmp_path / "root"
    path.write_bytes(content)
    with pytest.raises(UsageError, match="neither a directory, nor a tar archive"):
        get(path)
    with pytest.raises(UsageError, match="cannot be read"):
        get(tmp_path / "none")


def test_of_an_image_travels_what_is_not_zero(tmp_path: Path,
                                              get: Callable[..., Prepared]) -> None:
    image = tmp_path / "image"
    content = bytearray(9 * MIB + 1234)
    content[1024 + 56:1024 + 58] = b"\x53\xef"
    content[3 * MIB - 5000:3 * MIB + 5000] = b"\x01" * 10_000
    content[-3:] = b"end"
    image.write_bytes(content)
    prepared = get(image)
    packed, again, at = prepared.content.read_bytes(), bytearray(len(content)), 0
    while at < len(packed):
        begin, length, byte = struct.unpack_from("<QQQ", packed, at)
        assert byte == 256
        again[begin:begin + length] = packed[at + 24:at + 24 + length]
        at += 24 + length
    assert again == content
    assert len(packed) < 40_000
    with pytest.raises(UsageError, match="program is no path, and an image is not looked into"):
        get(image, "program")
    assert prepared.image == len(content)
    assert prepared.drivers == ("brd", "ext4")


@pytest.mark.parametrize(("given", "said"), [
    ({"root": Path("x"), "packages": ["y"]}, "a guest has one"),
    ({"packages": ["Name"]}, "names of Debian packages"),
    ({"packages": ["-o", "x"]}, "names of Debian packages"),
    ({"directory": "relative"}, "--chdir 'relative'"), ({"user": "a b"}, "--user 'a b'"),
    ({"user": "1:x"}, "--user '1:x'"), ({"disk": 1000}, "--disk 1000"),
    ({"environment": {"": "x"}}, "--env ''"), ({"environment": {"A": "x\0"}}, "NUL"),
])
def test_a_plan_that_cannot_be_is_refused(given: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        ExecPlan(program=Path("x"), **given).check()  # type: ignore[arg-type]
