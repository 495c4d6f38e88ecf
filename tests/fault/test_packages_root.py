# SPDX-License-Identifier: GPL-2.0-or-later
"""Roots of packages: of a made-up archive that is as it should be, and of one that is not."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from fake_archive import FakeArchive
from made_kernels import make_deb
from tailwalk.cache import Cache
from tailwalk.errors import ArchiveError, UsageError
from tailwalk.programs.plan import ExecPlan
from tailwalk.programs.prepare import Prepared, prepare
from tailwalk.programs.tree import read_tree
from tailwalk.progress import SILENT


def debs(static: bytes, *, version: str = "1.0") -> dict[str, bytes]:
    """A package that needs another of two, a shell, and what nobody asked for."""
    return {
        f"app_{version}_amd64.deb": make_deb("app", version, {
            "usr/bin/app": static, "lib/app/data": b"data"}),
        "libapp_2.1~x+b1_amd64.deb": make_deb("libapp", "2.1~x+b1", {"usr/lib/app/more": b"more"}),
        "libother_1_amd64.deb": make_deb("libother", "1", {"usr/lib/other": b"other"}),
        "busybox-static_1_amd64.deb": make_deb("busybox-static", "1", {"bin/busybox": static}),
        "unasked_1_amd64.deb": make_deb("unasked", "1", {"usr/bin/unasked": b""})}


def publish(archive: FakeArchive, static: bytes, **more: str) -> None:
    archive.publish(debs(static, **more), depends={"app": "libapp | libother"})


def get(folder: Path, *names: str, program: str = "app") -> Prepared:
    plan = ExecPlan(program=Path(program), packages=names or ("app",)).check()
    return prepare(plan, memory=1024, cache=Cache(folder / "cache"), progress=SILENT)


def test_a_root_has_what_packages_need_and_no_more(archive: FakeArchive, tmp_path: Path,
                                                   static: bytes) -> None:
    publish(archive, static)
    prepared = get(tmp_path)
    assert prepared.program == "/usr/bin/app"
    assert prepared.title == "packages app: app=1.0 busybox-static=1 libapp=2.1~x+b1"
    tree = read_tree(prepared.content)
    assert tree.nodes["lib"].target == "usr/lib"  # whatever names a package has
    for name in ("lib/app/data", "lib/app/more", "bin/sh", "bin/busybox", "etc/passwd", "var/lib"):
        assert tree.find(name) is not None, name
    assert tree.find("usr/lib/other") is None
    assert tree.find("usr/bin/unasked") is None
    temporary = tree.find("tmp")
    assert temporary is not None
    assert stat.S_IMODE(temporary.mode) == 0o1777
    asked = archive.requests.total()
    assert get(tmp_path) == prepared
    assert archive.requests.total() == asked
    # What takes another name is another root; the packages' own are the same.
    assert get(tmp_path, "busybox-static", "app").key == prepared.key


def test_a_new_version_is_a_new_root(archive: FakeArchive, tmp_path: Path, static: bytes) -> None:
    publish(archive, static)
    first = get(tmp_path)
    publish(archive, static, version="1.1")
    from tailwalk.kernels.archive import Archive
    Archive(Cache(tmp_path / "cache"), refresh=True).packages()
    again = get(tmp_path)
    assert "app=1.1" in again.title
    assert again.key != first.key


def test_a_package_that_is_not_there_is_named(archive: FakeArchive, tmp_path: Path,
                                              static: bytes) -> None:
    publish(archive, static)
    with pytest.raises(UsageError, match=r"--packages app,none: .*none.* in trixie"):
        get(tmp_path, "app", "none")


@pytest.mark.parametrize("how", ["changed", "lost"])
def test_a_package_that_is_not_what_the_index_says_makes_no_root(
        archive: FakeArchive, tmp_path: Path, static: bytes, how: str) -> None:
    publish(archive, static)
    getattr(archive, how).add("app_1.0_amd64.deb")
    with pytest.raises(ArchiveError):
        get(tmp_path)
    assert not [path for path in (tmp_path / "cache/roots").iterdir() if path.is_dir()]
    getattr(archive, how).clear()
    assert get(tmp_path).program == "/usr/bin/app"
