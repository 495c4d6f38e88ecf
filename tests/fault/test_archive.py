# SPDX-License-Identifier: GPL-2.0-or-later
"""The archive as it should be, and everything that goes wrong with it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fake_archive import FakeArchive
from made_kernels import (
    compress,
    kernel_debs,
    make_deb,
    make_module,
    make_tar,
    make_vmlinux,
    split_debs,
)
from made_sources import make_source
from mounts import mounted
from stand_ins import Notes
from tailwalk.cache import Cache, with_digest, without_digest
from tailwalk.errors import ArchiveError, CacheError, TailwalkError
from tailwalk.kernels import Kernel, resolve
from tailwalk.kernels.apt import GoneError
from tailwalk.kernels.archive import MAX_AGE, Archive
from tailwalk.kernels.mirrors import ELSEWHERE
from tailwalk.kernels.modules import load_order
from tailwalk.kernels.source import open_source
from tailwalk.versions import KernelVersion

RELEASE = "6.18.15+deb13-cloud-amd64"
DEBS = kernel_debs(RELEASE, "6.18.15-1~bpo13+1")
NAME = next(iter(DEBS))


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


def get(spec: str, cache: Cache, *, refresh: bool = False) -> tuple[Kernel, list[str]]:
    notes = Notes()
    cache = Cache(cache.root, progress=notes)
    return resolve(spec, cache=cache, progress=notes, refresh=refresh), notes.said


def leftovers(cache: Cache) -> list[Path]:
    """What an interrupted maker would have left."""
    return [path for path in cache.root.rglob("*") if path.name.startswith(".partial")]


def grow_old(cache: Cache) -> None:
    """Let the cached index be older than it may be used unasked."""
    old = time.time() - MAX_AGE - 60
    for link in (cache.root / "archive").glob("current-*"):
        os.utime(link, (old, old), follow_symlinks=False)


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


# As it should be


def test_a_kernel_in_one_package(archive: FakeArchive, cache: Cache) -> None:
    archive.publish(DEBS)
    kernel, notes = get("debian:6.18", cache)
    assert kernel.release == RELEASE
    assert kernel.image.read_bytes() == make_vmlinux(RELEASE)
    assert kernel.provenance["package"] == f"linux-image-{RELEASE}"
    assert kernel.provenance["version"] == "6.18.15-1~bpo13+1"
    assert kernel.provenance["suite"] == "trixie"
    assert [module.content for module in load_order(kernel, ["brd", "ext4"])] == [
        make_module("brd")]
    assert notes == [] and leftovers(cache) == []


def test_a_kernel_in_several_packages(archive: FakeArchive, cache: Cache) -> None:
    release = "7.3.4+deb13-cloud-amd64"
    archive.publish(split_debs(release, "7.3.4-1"), pointers=pointer(release, "7.3.4-1"))
    kernel, _ = get("debian:7.3", cache)
    assert kernel.release == release
    assert [module.name for module in load_order(kernel, ["brd", "ext4"])] == ["brd"]


def test_a_second_time_nothing_is_asked_for(archive: FakeArchive, cache: Cache) -> None:
    archive.publish(DEBS)
    first, _ = get("debian:6.18", cache)
    asked = sum(archive.requests.values())
    assert get("debian:6.18.15", cache)[0].digest == first.digest
    assert sum(archive.requests.values()) == asked


def test_the_newest_bootable_of_a_series(archive: FakeArchive, cache: Cache) -> None:
    release = "6.18.20+deb13-cloud-amd64"
    debs = split_debs(release, "6.18.20-1")
    modules = next(name for name in debs if "modules" in name)
    del debs[modules]
    archive.publish({**DEBS, **kernel_debs("6.18.9+deb13-cloud-amd64", "6.18.9-1"), **debs},
                    pointers={**pointer(release, "6.18.20-1"),
                              "linux-image-cloud-amd64_6.18.20-1": f"linux-image-{release}"})
    kernel, notes = get("debian:6.18", cache)
    assert kernel.release == RELEASE
    assert len(notes) == 1 and f"linux-modules-{release}" in notes[0]
    with pytest.raises(ArchiveError, match=r"linux-modules-6\.18\.20.*can: 6\.18\.9, 6\.18\.15"):
        get("debian:6.18.20", cache)
    with pytest.raises(ArchiveError, match=r"there are 6\.18\.9, 6\.18\.15\. "):
        get("debian:6.18.1", cache)
    with pytest.raises(ArchiveError, match=r"the lines 6\.18"):
        get("debian:5.10", cache)


def test_a_refresh_fetches_only_what_changed(archive: FakeArchive, cache: Cache) -> None:
    archive.publish(DEBS)
    get("debian:6.18", cache)
    assert get("debian:6.18", cache, refresh=True)[0].release == RELEASE
    assert archive.asked_for("trixie/main/binary-amd64/Packages.xz") == 1


def test_a_refresh_sees_what_is_new(archive: FakeArchive, cache: Cache) -> None:
    archive.publish(DEBS)
    get("debian:6.18", cache)
    newer = "6.18.16+deb13-cloud-amd64"
    archive.publish({**DEBS, **kernel_debs(newer, "6.18.16-1")})
    assert get("debian:6.18", cache)[0].release == RELEASE
    assert get("debian:6.18", cache, refresh=True)[0].release == newer
    assert len(list((cache.root / "archive").glob("Packages-*"))) == 1


def test_an_old_index_is_refreshed(archive: FakeArchive, cache: Cache) -> None:
    archive.publish(DEBS)
    get("debian:6.18", cache)
    newer = "6.18.16+deb13-cloud-amd64"
    archive.publish({**DEBS, **kernel_debs(newer, "6.18.16-1")})
    grow_old(cache)
    assert get("debian:6.18", cache)[0].release == newer


def test_source_packages(archive: FakeArchive, cache: Cache) -> None:
    files = {f"linux_6.18.15{ending}": os.urandom(3000)
             for ending in ("-1.dsc", ".orig.tar.xz", "-1.debian.tar.xz")}
    archive.publish({}, sources={"linux": {"6.18.15-1": files,
                                           "6.18.9-1": {"linux_6.18.9.orig.tar.xz": b"x"}}})
    found = Archive(cache).sources()
    assert [source.version for source in found] == ["6.18.15-1", "6.18.9-1"]

    # Debian's own files are gone: the upstream archive is what counts.
    archive.lost |= {".dsc", ".debian.tar.xz"}
    folder = Archive(cache).fetch(found[0])
    assert [path.name for path in folder.glob("[!.]*")] == ["linux_6.18.15.orig.tar.xz"]
    upstream = folder / "linux_6.18.15.orig.tar.xz"
    assert upstream.read_bytes() == files[upstream.name]
    flip(upstream)
    assert Archive(cache).fetch(found[0]) == folder
    assert upstream.read_bytes() == files[upstream.name]
    archive.lost.add(".orig.tar.xz")
    with pytest.raises(GoneError, match=r"linux 6\.18\.9-1 .*no longer holds it"):
        Archive(cache).fetch(found[1])


def test_source_of_a_version_is_upstreams_or_else_debians(archive: FakeArchive, cache: Cache,
                                                          tmp_path: Path) -> None:
    root = make_source(tmp_path / "linux")
    files = {f"linux-6.18/{path.relative_to(root)}": path.read_bytes()
             for path in root.rglob("*") if path.is_file()}
    tree = make_tar(files, "xz")
    version = "6.18.1-1"
    archive.publish(
        {f"linux-source-6.18_{version}_amd64.deb": make_deb("linux-source-6.18", version, {
            "usr/src/linux-source-6.18.tar.xz": tree, "usr/share/doc/x": b"x"})},
        sources={"linux": {version: {"linux_6.18.1.orig.tar.xz": tree}}})
    wanted = KernelVersion(6, 18)
    found = open_source(wanted, cache)
    assert found.version == "6.18.1" and found.provenance["Debian's patches"] == "not applied"
    assert (found.root / "fs/ring.c").read_bytes() == (root / "fs/ring.c").read_bytes()
    assert "sound/left_out.c" not in found.files
    assert open_source(wanted, cache) == found

    flip(found.root / "fs/ring.c")
    assert open_source(wanted, cache).files == found.files
    assert (found.root / "fs/ring.c").read_bytes() == (root / "fs/ring.c").read_bytes()

    archive.lost.add(".orig.tar.xz")
    other = Cache(tmp_path / "other")
    patched = open_source(wanted, other)
    assert patched.provenance["Debian's patches"] == "applied"
    assert patched.files == found.files
    assert not list((other.root / "sources").glob("*/source.tar"))


# What the archive does wrong


def test_a_package_changed_by_one_byte(archive: FakeArchive, cache: Cache) -> None:
    archive.publish(DEBS)
    archive.changed.add(".deb")
    with pytest.raises(ArchiveError, match=f"linux-image-{RELEASE.replace('+', '.')}.*not match"):
        get("debian:6.18", cache)
    assert leftovers(cache) == [] and not list(cache.root.rglob("*.deb"))
    archive.changed.clear()
    assert get("debian:6.18", cache)[0].release == RELEASE


def test_a_lying_mirror_is_not_covered_up_by_the_cache(archive: FakeArchive, cache: Cache) -> None:
    archive.publish(DEBS)
    get("debian:6.18", cache)
    archive.publish({**DEBS, **kernel_debs("6.18.16+deb13-cloud-amd64", "6.18.16-1")})
    archive.changed.add(".deb")
    with pytest.raises(ArchiveError, match="does not match the signed index"):
        get("debian:6.18", cache, refresh=True)


@pytest.mark.parametrize("file", ["InRelease", "Packages.xz"])
def test_an_index_changed_by_one_byte(archive: FakeArchive, cache: Cache, file: str) -> None:
    archive.publish(DEBS)
    archive.changed.add(file)
    with pytest.raises(ArchiveError, match=r"signature|does not match"):
        get("debian:6.18", cache)
    assert leftovers(cache) == []
    archive.changed.clear()
    assert get("debian:6.18", cache)[0].release == RELEASE


def test_an_index_signed_by_somebody_else(archive: FakeArchive, cache: Cache) -> None:
    archive.publish(DEBS)
    (archive.configuration.parent / "keyring.gpg").write_bytes(b"")
    with pytest.raises(ArchiveError, match="signature check of the package index failed"):
        get("debian:6.18", cache)


def test_one_suite_that_cannot_be_trusted(archive: FakeArchive, cache: Cache) -> None:
    archive.publish(DEBS)
    named = archive.configuration.with_name("sources.list")
    named.write_text(named.read_text().replace(" stable ", " trixie "))
    archive.changed.add("/stable/InRelease")
    kernel, notes = get("debian:6.18", cache)
    assert kernel.release == RELEASE
    assert len(notes) == 1 and "stable InRelease" in notes[0] and "left out" in notes[0]


def test_somebody_elses_archive_beside_debians(archive: FakeArchive, cache: Cache) -> None:
    archive.publish(DEBS)
    with archive.configuration.with_name("sources.list").open("a") as named:
        named.write(f"deb [signed-by=/nowhere.gpg] {archive.uri}/other stable main\n")
    assert get("debian:6.18", cache)[1] == []


def test_an_archive_that_is_not_debians(archive: FakeArchive, cache: Cache) -> None:
    archive.publish(DEBS, origin="Ubuntu")
    with pytest.raises(ArchiveError, match=r"none of .*\(stable\) is Debian's") as caught:
        get("debian:6.18", cache)
    assert ELSEWHERE in str(caught.value)


def test_a_package_the_archive_lost(archive: FakeArchive, cache: Cache) -> None:
    newer = "6.18.16+deb13-cloud-amd64"
    archive.publish(DEBS, named_only=kernel_debs(newer, "6.18.16-1"))
    kernel, notes = get("debian:6.18", cache)
    assert kernel.release == RELEASE
    assert len(notes) == 1 and "6.18.16-1" in notes[0]
    with pytest.raises(ArchiveError, match=r"linux-image-6\.18\.16.*no longer holds it"):
        get("debian:6.18.16", cache)


# The network


def test_no_network_and_nothing_cached(archive: FakeArchive, cache: Cache) -> None:
    archive.publish(DEBS)
    archive.close()
    with pytest.raises(ArchiveError, match="Check the network"):
        get("debian:6.18", cache)
    assert leftovers(cache) == []


@pytest.mark.parametrize("suite", ["stable", "trixie"])
def test_no_network_but_a_cached_kernel(archive: FakeArchive, cache: Cache, suite: str) -> None:
    archive.publish(DEBS)
    named = archive.configuration.with_name("sources.list")
    named.write_text(named.read_text().replace(" stable ", f" {suite} "))
    first, _ = get("debian:6.18", cache)
    archive.close()
    assert get("debian:6.18", cache) == (first, [])
    grow_old(cache)
    kernel, notes = get("debian:6.18", cache)
    assert kernel == first
    assert len(notes) == 1 and "could not be refreshed" in notes[0]
    with pytest.raises(ArchiveError):
        get("debian:6.18", cache, refresh=True)
    shutil.rmtree(cache.root / "archive")
    kernel, notes = get("debian:6.18", cache)
    assert kernel == first
    assert len(notes) == 1 and "from the cache" in notes[0]
    with pytest.raises(ArchiveError):
        get("debian:6.12", cache)


# Interruptions


def start(cache: Cache, spec: str = "debian:6.18") -> subprocess.Popen[str]:
    code = ("from tailwalk.kernels import resolve\n"
            f"try: print(resolve({spec!r}).digest)\n"
            "except KeyboardInterrupt: raise SystemExit(130)\n")
    return subprocess.Popen([sys.executable, "-c", code], text=True, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, start_new_session=True,
                            env={**os.environ, "TAILWALK_CACHE": str(cache.root)})


def wait_until(true: object, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not true():  # type: ignore[operator]
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.05)


def processes_on(cache: Cache) -> list[str]:
    """Command lines that name the cache's directory."""
    found = []
    for process in Path("/proc").iterdir():
        try:
            line = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except (OSError, UnicodeDecodeError):
            continue
        if str(cache.root) in line:
            found.append(line)
    return found


@pytest.mark.parametrize("file", ["Packages.xz", ".deb"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_download_that_is_interrupted(archive: FakeArchive, cache: Cache, file: str,
                                        number: signal.Signals) -> None:
    archive.publish(DEBS)
    archive.slow.add(file)
    process = start(cache)
    wait_until(lambda: archive.asked_for(file))
    time.sleep(0.3)
    assert processes_on(cache)
    process.send_signal(number)
    process.communicate(timeout=120)
    if number is signal.SIGINT:
        assert process.returncode == 130
        assert leftovers(cache) == []
        assert processes_on(cache) == []
    assert not list(cache.root.glob("packages/[!.]*"))
    assert not list(cache.root.glob("kernels/[!.]*"))
    archive.slow.clear()
    assert get("debian:6.18", cache)[0].release == RELEASE
    assert leftovers(cache) == []
    wait_until(lambda: not processes_on(cache))


def test_processes_that_share_a_cache(archive: FakeArchive, cache: Cache) -> None:
    archive.publish(DEBS)
    archive.slow.add("Packages.xz")
    processes = [start(cache) for _ in range(3)]
    answers = [process.communicate(timeout=300) for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], answers
    assert len({out for out, _ in answers}) == 1
    assert archive.asked_for(".deb") == 1
    assert archive.asked_for("trixie/main/binary-amd64/Packages.xz") == 1
    assert leftovers(cache) == []


# The disk


@pytest.mark.parametrize("room", ["16k", "48k", "96k", "160k"])
def test_a_full_disk(archive: FakeArchive, tmp_path: Path, room: str) -> None:
    release = "6.18.15+big-cloud-amd64"
    archive.publish({**kernel_debs(release, "6.18.15-1", size=120_000)})
    with mounted(tmp_path / "disk", f"size={room}") as disk:
        cache = Cache(disk / "cache")
        with pytest.raises(CacheError, match="no space left"):
            get("debian:6.18", cache)
        assert leftovers(cache) == []
        assert not list(cache.root.glob("kernels/[!.]*"))
        subprocess.run(["mount", "-o", "remount,size=8m", str(disk)], check=True)
        assert get("debian:6.18", cache)[0].release == release


# The cache


@pytest.mark.parametrize("file", ["vmlinux", "kernel.json"])
def test_an_unpacked_kernel_that_was_changed(archive: FakeArchive, cache: Cache,
                                             file: str) -> None:
    archive.publish(DEBS)
    first, _ = get("debian:6.18", cache)
    archive.close()
    flip(first.image.with_name(file))
    kernel, notes = get("debian:6.18", cache)
    assert kernel == first and kernel.image.read_bytes() == make_vmlinux(RELEASE)
    assert len(notes) == 1 and str(first.image.parent) in notes[0]


def test_a_module_that_was_changed(archive: FakeArchive, cache: Cache) -> None:
    archive.publish(DEBS)
    kernel, _ = get("debian:6.18", cache)
    assert kernel.modules is not None
    module = kernel.modules / "kernel/drivers/block/brd.ko.xz"
    module.write_bytes(compress(make_module("brd", softdep="pre: else"), "xz"))
    with pytest.raises(CacheError, match=r"changed while it was in use \(.*/brd\.ko\.xz is not "):
        load_order(kernel, ["brd"], cache=cache)
    assert not list(cache.root.glob("modules/[!.]*"))
    again, notes = get("debian:6.18", cache)
    assert again == kernel
    note, = notes
    assert "brd.ko.xz is not what was kept" in note
    assert [one.name for one in load_order(again, ["brd"], cache=cache)] == ["brd"]


@pytest.mark.parametrize("damage", [
    lambda modules: (modules / "kernel/drivers/block/brd.ko.xz").unlink(),
    lambda modules: (modules / "kernel/drivers/block/dm.ko").write_bytes(make_module("dm")),
    lambda modules: shutil.rmtree(modules / "kernel"),
], ids=["gone", "one more", "all gone"])
def test_modules_that_are_not_those_unpacked(archive: FakeArchive, cache: Cache,
                                             damage: Callable[[Path], None]) -> None:
    archive.publish(DEBS)
    kernel, _ = get("debian:6.18", cache)
    assert kernel.modules is not None
    damage(kernel.modules)
    again, notes = get("debian:6.18", cache)
    assert again == kernel and len(notes) == 1
    assert [one.name for one in load_order(again, ["brd"], cache=cache)] == ["brd"]


def test_a_kernel_in_the_place_of_another(archive: FakeArchive, cache: Cache) -> None:
    archive.publish(DEBS)
    first, _ = get("debian:6.18", cache)
    place = first.image.parent
    manifest = place / "kernel.json"
    content = without_digest(manifest.read_bytes())
    assert content is not None and place.name.encode() in content
    manifest.write_bytes(with_digest(content.replace(place.name.encode(), b"0" * 64)))
    again, notes = get("debian:6.18", cache)
    assert again == first
    assert len(notes) == 1 and "(it was made as another entry)" in notes[0]


def test_a_package_that_was_changed(archive: FakeArchive, cache: Cache) -> None:
    archive.publish(DEBS)
    get("debian:6.18", cache)
    shutil.rmtree(cache.root / "kernels")
    package = next(cache.root.rglob("*.deb"))
    flip(package)
    kernel, notes = get("debian:6.18", cache)
    assert kernel.image.read_bytes() == make_vmlinux(RELEASE)
    note, = notes
    assert str(package.parent) in note and package.name in note
    shutil.rmtree(cache.root / "kernels")
    flip(package)
    archive.close()
    with pytest.raises(ArchiveError, match="Check the network"):
        get("debian:6.18", cache)


def test_an_index_that_was_changed(archive: FakeArchive, cache: Cache) -> None:
    archive.publish(DEBS)
    first, _ = get("debian:6.18", cache)
    flip(next(cache.root.glob("archive/Packages-*/index.json")))
    assert get("debian:6.18", cache) == (first, [])
    (cache.root / "archive/current-Packages").unlink()
    assert get("debian:6.18", cache) == (first, [])


def test_a_cache_that_is_no_directory(archive: FakeArchive, tmp_path: Path) -> None:
    archive.publish(DEBS)
    (tmp_path / "file").write_text("here already")
    with pytest.raises(TailwalkError, match=str(tmp_path / "file")):
        get("debian:6.18", Cache(tmp_path / "file"))


def pointer(release: str, version: str) -> dict[str, str]:
    """The empty package of a kernel in several pieces."""
    return {f"linux-image-{release}_{version}": ", ".join(
        f"linux-{part}-{release} (= {version})" for part in ("base", "binary", "modules"))}
