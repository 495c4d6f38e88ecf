# SPDX-License-Identifier: GPL-2.0-or-later
"""Packages and archives that somebody made to lead out, to fill memory, or just badly."""

from __future__ import annotations

import gzip
import io
import itertools
import os
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from made_kernels import compress, make_bzimage, make_deb, make_module, make_tar, make_vmlinux
from stand_ins import put_program
from tailwalk.cache import Cache
from tailwalk.errors import KernelError, TailwalkError
from tailwalk.kernels import bounds, compression, resolve
from tailwalk.kernels.package import extract, package_of, tar_members
from tailwalk.kernels.sourcetree import unpack_tree
from tailwalk.progress import SILENT

RELEASE = "6.18.15-mine"
VMLINUX = make_vmlinux(RELEASE)
MODULES = f"lib/modules/{RELEASE}"


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


def entry(name: str, kind: bytes = tarfile.REGTYPE, *, content: bytes = b"", link: str = "",
          size: int | None = None) -> tuple[tarfile.TarInfo, bytes]:
    made = tarfile.TarInfo(name)
    made.type, made.linkname = kind, link
    made.size = len(content) if size is None else size
    return made, content


def tar_of(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    """A tar archive, whatever its members say."""
    parts = []
    for made, content in members:
        parts += [made.tobuf(tarfile.GNU_FORMAT), content, bytes(-len(content) % 512)]
    return b"".join([*parts, bytes(1024)])


IMAGE = entry(f"boot/vmlinuz-{RELEASE}", content=VMLINUX)
BUILTIN = entry(f"{MODULES}/modules.builtin", content=b"kernel/fs/ext4/ext4.ko\n")


def everything(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")
            if not path.is_relative_to(folder / "cache")}


@pytest.mark.parametrize("member", [
    entry(f"{MODULES}/../../../../../../escaped", content=b"x"),
    entry("/lib/modules/x/escaped", content=b"x"),
    entry(f"{MODULES}/out", tarfile.SYMTYPE, link="../../../../../.."),
    entry(f"{MODULES}/out", tarfile.SYMTYPE, link="/tmp"),
    entry(f"{MODULES}/zero", tarfile.CHRTYPE),
    entry(f"{MODULES}/pipe", tarfile.FIFOTYPE),
    entry(f"boot/vmlinuz-{RELEASE}", tarfile.SYMTYPE, link="/dev/zero"),
], ids=lambda member: f"{member[0].name}-{member[0].type.decode()}")
def test_what_leads_out_has_no_effect(tmp_path: Path, cache: Cache,
                                      member: tuple[tarfile.TarInfo, bytes]) -> None:
    path = tmp_path / "kernel.tar"
    path.write_bytes(tar_of(IMAGE, BUILTIN, member,
                            entry(f"{MODULES}/out/escaped", content=b"x")))
    before = everything(tmp_path)
    kernel = resolve(f"image:{path}", cache=cache)
    assert everything(tmp_path) == before
    assert kernel.modules is not None and not any(
        found.is_symlink() or not (found.is_file() or found.is_dir())
        for found in kernel.modules.rglob("*"))


@pytest.mark.parametrize("members", [
    [entry(f"{MODULES}/a", content=b"x"), entry(f"{MODULES}/a/b", content=b"x")],
    [entry(f"{MODULES}/a/b", content=b"x"), entry(f"{MODULES}/a", content=b"x")],
    [entry(f"{MODULES}/{'a' * 90}" + "/b" * 2000, content=b"x")],
    [entry(f"{MODULES}/{'a' * 300}", content=b"x")],
    [entry(f"{MODULES}/a", tarfile.LNKTYPE, link="/etc/passwd")],
    [entry(f"{MODULES}/a", tarfile.LNKTYPE, link="../../../etc/passwd")],
    [entry(f"{MODULES}/a", size=bounds.UNPACKED + 1)],
    [entry(f"{MODULES}/a", size=1 << 70)],
    [entry(f"{MODULES}/a", size=-512)],
    [entry("x", tarfile.XHDTYPE, size=1 << 30)],
    [entry("x", tarfile.GNUTYPE_LONGNAME, size=1 << 30)],
    [entry("x", tarfile.GNUTYPE_LONGNAME, content=b"y")] * 1500,
    [entry("x", tarfile.XHDTYPE, content=b"31 path=lib/modules/x/a\0b/cccc\n")],
], ids=lambda members: f"{len(members)}-{members[0][0].name[-20:]}-{members[0][0].size}")
def test_what_cannot_be_unpacked_is_damage(tmp_path: Path, cache: Cache,
                                           members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
    path = tmp_path / "kernel.tar"
    path.write_bytes(tar_of(IMAGE, *members, entry("lib/modules/x/a", content=b"x")))
    with pytest.raises(KernelError, match="is damaged or no tar archive"):
        resolve(f"image:{path}", cache=cache)
    assert not list(cache.root.glob("kernels/[!.]*"))


def test_a_hard_link_inside_is_the_same_file(tmp_path: Path) -> None:
    path = tmp_path / "kernel.tar"
    path.write_bytes(tar_of(IMAGE, entry("boot/vmlinuz", tarfile.LNKTYPE, link=IMAGE[0].name)))
    extract(path, lambda name: tmp_path / name.name)
    assert (tmp_path / "vmlinuz").read_bytes() == VMLINUX


def test_of_two_files_of_one_name_the_last_counts(tmp_path: Path, cache: Cache) -> None:
    path = tmp_path / "kernel.tar"
    path.write_bytes(tar_of(entry(IMAGE[0].name, content=b"not it"), IMAGE))
    assert resolve(f"image:{path}", cache=cache).release == RELEASE


@pytest.mark.parametrize("members", [
    [entry("linux-6/out", tarfile.SYMTYPE, link="../.."),
     entry("linux-6/out/escaped", content=b"x")],
    [entry("linux-6/fs", tarfile.SYMTYPE, link="/tmp"), entry("linux-6/fs/escaped", content=b"x")],
    [entry("linux-6/../../escaped", content=b"x")],
    [entry("x//escaped", content=b"x")],
    [entry("linux-6/fs/a", content=b"x"), entry("linux-6/fs/a/b", content=b"x")],
])
def test_a_source_archive_that_leads_out_is_damaged(
        tmp_path: Path, members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
    (tmp_path / "linux.tar").write_bytes(tar_of(*members))
    (tmp_path / "entry").mkdir()
    with (pytest.raises(KernelError, match="damaged or no source archive"),
          SILENT.task("unpack") as task):
        unpack_tree(tmp_path / "linux.tar", tmp_path / "entry", {}, task=task)
    assert not list(tmp_path.rglob("escaped"))


@pytest.mark.slow
def test_an_archive_without_end_is_left_off() -> None:
    piece = bytes(compression.PIECE)
    header = entry("huge", size=1 << 60)[0].tobuf(tarfile.GNU_FORMAT)
    with pytest.raises(tarfile.ReadError, match="more than 8,192 MiB"):
        list(tar_members(itertools.chain([header], itertools.repeat(piece))))


@pytest.mark.slow
def test_files_without_end_are_left_off() -> None:
    header = entry("file")[0].tobuf(tarfile.GNU_FORMAT)
    with pytest.raises(tarfile.ReadError, match="more than 200,000 members"):
        for _, member in tar_members(itertools.repeat(header * 128)):
            assert member.size == 0


@pytest.mark.parametrize("form", ["gzip", "xz", "bzip2", "lzma", "zstd"])
def test_what_unpacks_to_too_much_is_left_off(form: str) -> None:
    packed = compress(bytes(3 << 20), form)
    assert len(compression.decompress(packed, "it", most=3 << 20)) == 3 << 20
    with pytest.raises(KernelError, match="it unpacks to more than 2 MiB"):
        compression.decompress(packed, "it", most=2 << 20)


@pytest.mark.parametrize("form", ["xz", "bzip2", "gzip"])
def test_streams_that_follow_each_other_are_one(form: str) -> None:
    first, second = os.urandom(70_000), os.urandom(1000)
    packed = compress(first, form) + compress(second, form)
    assert compression.decompress(packed, "it") == first + second


def test_a_dictionary_that_fills_the_memory_is_refused() -> None:
    packed = bytearray(compress(b"x" * 100, "lzma"))
    packed[1:5] = b"\0\0\xff\xff"
    with pytest.raises(KernelError, match="lzma data cannot be decompressed"):
        compression.decompress(bytes(packed), "it")


@pytest.mark.slow
def test_a_small_package_that_unpacks_to_much_needs_little_memory(tmp_path: Path) -> None:
    """Of what is of no use nothing is kept."""
    size = 400 << 20
    path = package_with(tmp_path, gzip.compress(
        tar_of(IMAGE)[:-1024] + zeros(size) + bytes(size + 1024), compresslevel=1))
    code = ("import resource\n"
            f"resource.setrlimit(resource.RLIMIT_DATA, ({200 << 20}, {200 << 20}))\n"
            "from tailwalk.kernels import resolve\n"
            f"print(resolve('image:{path}').release)\n")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False,
                          env={**os.environ, "TAILWALK_CACHE": str(tmp_path / "cache")})
    assert done.stdout == f"{RELEASE}\n", done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_unpacking_at_once(tmp_path: Path, number: signal.Signals) -> None:
    path = package_with(tmp_path, b"\x28\xb5\x2f\xfd")
    (tmp_path / "begin").write_bytes(tar_of(IMAGE)[:-1024] + zeros(bounds.ARCHIVE))
    (tmp_path / "bin").mkdir()
    put_program(tmp_path / "bin/zstd", f"cat {tmp_path}/begin /dev/zero")
    process = subprocess.Popen(
        [sys.executable, "-c", "from tailwalk.cli import main; main()", "run", f"image:{path}"],
        stderr=subprocess.PIPE,
        env={**os.environ, "TAILWALK_CACHE": str(tmp_path / "cache"),
             "PATH": f"{tmp_path}/bin:{os.environ['PATH']}"})
    end = time.monotonic() + 60
    while not list(tmp_path.glob("cache/kernels/.partial-*/.image")):
        assert time.monotonic() < end and process.poll() is None
        time.sleep(0.01)
    process.send_signal(number)
    process.communicate(timeout=20)
    assert process.returncode == 128 + number
    assert not list(tmp_path.glob("cache/kernels/.partial-*"))


def zeros(size: int) -> bytes:
    """The header of a file of zeros."""
    return entry("usr/share/zeros", size=size)[0].tobuf(tarfile.GNU_FORMAT)


def package_with(folder: Path, data: bytes) -> Path:
    """A package of these data."""
    path = folder / "kernel.deb"
    members = {"debian-binary": b"2.0\n",
               "control.tar": tar_of(entry("./control", content=b"Package: x\nVersion: 1\n")),
               "data.tar": data}
    path.write_bytes(b"!<arch>\n" + b"".join(
        f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(content):<10}`\n".encode()
        + content + b"\n" * (len(content) % 2) for name, content in members.items()))
    return path


def test_a_missing_decompressor_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "kernel.deb"
    path.write_bytes(make_deb("mine", "1", {IMAGE[0].name: VMLINUX}, compression="zstd"))
    put_program(tmp_path / "none", "")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TailwalkError, match="install the package zstd"):
        extract(path, lambda _: None)


# Generated and changed ones: the outcome is a value or an error of the tree.

DEBS = [make_deb("linux-image-6.1", "6.1-1", {
    f"boot/vmlinuz-{RELEASE}": make_bzimage(VMLINUX, "none"),
    f"{MODULES}/kernel/brd.ko": make_module("brd"),
    f"{MODULES}/modules.builtin": b"x.ko\n"}, compression=form) for form in ("none", "gzip", "xz")]
TARS = [make_tar({f"boot/vmlinuz-{RELEASE}": VMLINUX[:3000], f"{MODULES}/x.ko": b"x" * 700}, form)
        for form in ("none", "gzip", "xz", "bzip2")]


@st.composite
def changed(draw: st.DrawFn, wholes: list[bytes]) -> bytes:
    """One of the wholes with some bytes exchanged, cut out, put in or put elsewhere."""
    content = bytearray(draw(st.sampled_from(wholes)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(content)))
        length = draw(st.sampled_from([0, 1, 4, 60, 512, 3000]))
        content[at:at + length] = draw(st.one_of(
            st.binary(max_size=64), st.sampled_from([b"", b"\xff" * 8, b"\0" * 512, b"9" * 10]),
            st.just(bytes(content[:draw(st.sampled_from([8, 512, 2048]))]))))
    return bytes(content)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.one_of(changed(DEBS), changed(TARS), st.binary(max_size=2000),
                         st.binary(max_size=200).map(lambda tail: b"!<arch>\n" + tail)))
@example(content=b"!<arch>\n" + b"data.tar" + b" " * 40 + b"-9        `\n")
@example(content=b"!<arch>\n" + b"\xff" * 48 + b"3         `\nabc\n")
def test_no_bytes_break_the_reader(tmp_path_factory: pytest.TempPathFactory,
                                   content: bytes) -> None:
    folder = tmp_path_factory.mktemp("package")
    path = folder / "kernel"
    path.write_bytes(content)
    for read in (package_of, lambda path: extract(path, place(folder)),
                 lambda path: unpack(path, folder)):
        try:
            read(path)
        except TailwalkError as error:
            assert str(path) in str(error) or "source tree" in str(error)


def place(folder: Path):  # type: ignore[no-untyped-def]
    def inside(name: PurePosixPath) -> Path | None:
        return folder / "out" / str(name).strip("/").replace("..", "") if name.parts else None
    return inside


def unpack(path: Path, folder: Path) -> None:
    (folder / "entry").mkdir()
    with SILENT.task("unpack") as task:
        unpack_tree(path, folder / "entry", {}, task=task)


@given(st.lists(st.tuples(
    st.sampled_from(["linux/fs/x", "linux/fs", "linux/../x", "linux//x", "linux/a\nb",
                     f"{MODULES}/x", f"boot/vmlinuz-{RELEASE}"]),
    st.sampled_from([tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE,
                     tarfile.GNUTYPE_SPARSE, tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME, b"Z"]),
    st.binary(max_size=40),
    st.sampled_from(["", "x", "..", "../../..", "/", "linux/fs/x", "fs", "x" * 99])), max_size=6))
def test_no_row_of_members_breaks_the_reader(
        tmp_path_factory: pytest.TempPathFactory,
        members: list[tuple[str, bytes, bytes, str]]) -> None:
    folder = tmp_path_factory.mktemp("tar")
    path = folder / "made.tar"
    path.write_bytes(tar_of(*(entry(name, kind, content=content, link=link)
                              for name, kind, content, link in members)))
    for read in (lambda path: extract(path, place(folder)), lambda path: unpack(path, folder)):
        try:
            read(path)
        except TailwalkError:
            continue
    assert {found.name for found in folder.iterdir()} <= {"made.tar", "out", "entry"}


def pieces_of(content: bytes) -> Iterator[bytes]:
    stream = io.BytesIO(content)
    return iter(lambda: stream.read(100), b"")


def test_members_are_read_one_after_the_other() -> None:
    names = [member.name for _, member in tar_members(pieces_of(tar_of(IMAGE, BUILTIN)))]
    assert names == [IMAGE[0].name, BUILTIN[0].name]


def test_a_piece_that_holds_nothing_is_not_the_end_of_an_archive() -> None:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name in ("one", "two"):
            tar.addfile(tarfile.TarInfo(name), io.BytesIO())
    whole = archive.getvalue()
    pieces = iter([whole[:512], b"", whole[512:]])
    assert [member.name for _, member in tar_members(pieces)] == ["one", "two"]
