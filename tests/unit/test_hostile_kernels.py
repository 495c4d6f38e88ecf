# SPDX-License-Identifier: GPL-2.0-or-later
"""What kernels are told by: whatever somebody put there, the outcome is a value or an error of
the tree, in bounded time."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from pathlib import Path
from threading import Event

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from made_kernels import make_bzimage, make_module, make_modules, make_vmlinux
from made_sources import make_source
from tailwalk.cache import Cache
from tailwalk.errors import ArchiveError, KernelError, SpecError, TailwalkError
from tailwalk.kernels import Kernel, resolve
from tailwalk.kernels.apt import failure
from tailwalk.kernels.archive import read_list
from tailwalk.kernels.mirrors import machine_mirrors, parse_list, parse_sources
from tailwalk.kernels.modules import built_for, load_order
from tailwalk.kernels.sourcetree import tree_version
from tailwalk.kernels.symbols import read_symbols
from tailwalk.kernels.vmlinux import read_vmlinux
from tailwalk.versions import packaged_version, split_release

RELEASE = "6.18.15-mine"
VMLINUX = make_vmlinux(RELEASE, size=2000)
FOLDERS = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@st.composite
def changed(draw: st.DrawFn, wholes: list[bytes]) -> bytes:
    """One of the wholes with some bytes exchanged, cut out or put in; in the headers above all."""
    content = bytearray(draw(st.sampled_from(wholes)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.one_of(st.integers(0, 200), st.integers(0, len(content))))
        content[at:at + draw(st.sampled_from([0, 1, 2, 4, 8]))] = draw(st.one_of(
            st.binary(max_size=8), st.sampled_from([b"\xff" * 8, bytes(8), b"\x7f\xff", b"%s"])))
    return bytes(content)


def image_of(tmp_path: Path, content: bytes) -> Kernel:
    (tmp_path / "vmlinux").write_bytes(content)
    return resolve(f"image:{tmp_path}/vmlinux", cache=Cache(tmp_path / "cache"))


# What never ends, or is no file


@pytest.mark.parametrize("place", ["image:{}", "src:{}", "debug:{}/x"])
@pytest.mark.parametrize("make", [
    os.mkfifo, lambda path: path.symlink_to("/dev/zero"),
    lambda path: path.symlink_to("/dev/urandom"),
    Path.touch, lambda path: path.symlink_to(path.name)],
    ids=["pipe", "zero", "urandom", "empty", "loop"])
def test_what_is_no_kernel_and_no_source(tmp_path: Path, place: str,
                                         make: Callable[[Path], None]) -> None:
    make(tmp_path / "it")
    with pytest.raises(TailwalkError, match="it"):
        resolve(place.format(tmp_path / "it"), cache=Cache(tmp_path / "cache"))


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")],
                         ids=["pipe", "zero"])
@pytest.mark.parametrize("name", ["Makefile", "include/config/kernel.release", "Kconfig",
                                  "brd.ko", "modules.builtin",
                                  "lib/modules/6.18.1/modules.builtin"])
def test_a_tree_with_what_never_ends_in_it(tmp_path: Path, name: str,
                                           make: Callable[[Path], None]) -> None:
    source = make_source(tmp_path / "linux")
    (source / name).parent.mkdir(parents=True, exist_ok=True)
    (source / name).unlink(missing_ok=True)
    make(source / name)
    kernel = resolve(f"image:{source}/vmlinux.in", cache=Cache(tmp_path / "cache"))
    assert kernel.release == "6.18.1"
    load_order(kernel, [])
    if name == "Makefile":
        with pytest.raises(SpecError, match="no kernel source tree"):
            tree_version(source)


def test_a_source_file_that_fills_the_disk(tmp_path: Path) -> None:
    source = make_source(tmp_path / "linux")
    with (source / "fs/core").open("wb") as stream:
        stream.truncate(1 << 40)
    with pytest.raises(KernelError, match=r"fs/core has more than 256 MiB"):
        resolve(f"src:{source}", cache=Cache(tmp_path / "cache"))


def test_a_sparse_image_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "vmlinux").open("wb") as stream:
        stream.truncate(1 << 40)
    with pytest.raises(KernelError, match="more than 4,096 MiB"):
        resolve(f"image:{tmp_path}/vmlinux", cache=Cache(tmp_path / "cache"))


def test_apts_lists_that_are_no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = tmp_path / "parts"
    parts.mkdir()
    os.mkfifo(parts / "a.list")
    (parts / "b.sources").symlink_to("/dev/zero")
    (parts / "c.list").write_text("deb http://mirror.example/debian trixie main\n")
    (tmp_path / "apt.conf").write_text(f'Dir::Etc::sourcelist "{tmp_path}/none";\n'
                                       f'Dir::Etc::sourceparts "{parts}";\n')
    monkeypatch.setenv("APT_CONFIG", str(tmp_path / "apt.conf"))
    assert [mirror.suite for mirror in machine_mirrors()] == ["trixie"]


# Images


@pytest.mark.parametrize("release", ["6.18.1/../../..", "6.18.1\x1b[31m", "6.18.1" + "x" * 90])
def test_a_release_that_is_none(tmp_path: Path, release: str) -> None:
    (tmp_path / "lib/modules").mkdir(parents=True)
    with pytest.raises(KernelError, match="has up to 64") as caught:
        image_of(tmp_path, make_vmlinux(release))
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize("text", [
    b"Linux version 6.1 (" + b"a" * 20 + b") " * 200 + b"#" * 200_000,
    b"Linux version " * 50_000,
    b"Linux version 6.1 (" + b"x) #" * 50_000])
def test_a_banner_made_to_be_searched_for_long(text: bytes) -> None:
    with pytest.raises(KernelError, match="no 'Linux version' banner"):
        read_vmlinux(make_vmlinux(RELEASE, banner=False) + text, "it")


@pytest.mark.parametrize(("at", "form", "value"), [
    (0x38, "<H", 0xffff),  # segments
    (0x36, "<H", 0),  # the size of a segment's header
    (64 + 32, "<Q", 1 << 62),  # the size of the notes
    (64 + 8, "<Q", 1 << 63),  # their place
])
def test_an_elf_header_made_to_be_read_for_long(at: int, form: str, value: int) -> None:
    elf = bytearray(VMLINUX)
    struct.pack_into(form, elf, at, value)
    with pytest.raises(KernelError):
        read_vmlinux(bytes(elf), "it")


@given(changed([VMLINUX, make_bzimage(VMLINUX, "none"), make_bzimage(VMLINUX, "gzip"),
                make_bzimage(VMLINUX, "xz")]))
def test_no_bytes_break_the_reader_of_images(content: bytes) -> None:
    try:
        read_vmlinux(content, "it")
    except TailwalkError as error:
        assert "it" in str(error)


# Modules


@FOLDERS
@given(changed([make_module("brd", depends="a,b", softdep="pre: x post: y", release=RELEASE)]))
def test_no_bytes_break_the_reader_of_modules(tmp_path_factory: pytest.TempPathFactory,
                                              content: bytes) -> None:
    path = tmp_path_factory.mktemp("module") / "brd.ko"
    path.write_bytes(content)
    try:
        built_for(path)
    except KernelError as error:
        assert str(path) in str(error)


def test_a_section_beyond_all_memory(tmp_path: Path) -> None:
    module = bytearray(make_module("brd"))
    struct.pack_into("<Q", module, len(module) - 64 + 24, (1 << 64) - 1)
    (tmp_path / "brd.ko").write_bytes(module)
    with pytest.raises(KernelError, match=r"brd\.ko is damaged"):
        built_for(tmp_path / "brd.ko")


@pytest.mark.slow
def test_modules_that_need_each_other_without_end(tmp_path: Path) -> None:
    modules = {f"m{at}.ko": make_module(f"m{at}", depends=f"m{at + 1}") for at in range(2000)}
    make_modules(tmp_path / "lib/modules" / RELEASE, modules)
    with pytest.raises(KernelError, match="modules directory is damaged"):
        load_order(image_of(tmp_path, VMLINUX), ["m0"])


@FOLDERS
@given(st.lists(st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]),
                        min_size=1, max_size=20), max_size=4), st.binary(max_size=60))
def test_no_names_break_the_reader_of_a_directory(tmp_path_factory: pytest.TempPathFactory,
                                                  names: list[str], builtin: bytes) -> None:
    folder = tmp_path_factory.mktemp("kernel")
    place = make_modules(folder / "lib/modules" / RELEASE, {
        f"{name}.ko": make_module("x") for name in names})
    (place / "modules.builtin").write_bytes(builtin)
    try:
        load_order(image_of(folder, VMLINUX), ["x", "order.json"], cache=Cache(folder / "cache"))
    except KernelError as error:
        assert "has no driver" in str(error)


# What is text


@given(st.lists(st.one_of(
    st.binary(max_size=30), st.sampled_from([
        b"\nPackage: linux-image-6.1.1-cloud-amd64\n", b"\nPackage: linux\n", b"Version: 6.1-1\n",
        b"Filename: ../../x\n", b"Size: 3\n", b"Size: -1x\n", b"SHA256: ab\n", b"\n\n",
        b"Checksums-Sha256:\n ab 3 x\n", b"Checksums-Sha256:\n ab\n"])), max_size=12))
def test_no_text_breaks_the_reader_of_lists(tmp_path_factory: pytest.TempPathFactory,
                                            parts: list[bytes]) -> None:
    path = tmp_path_factory.mktemp("lists") / "list"
    path.write_bytes(b"".join(parts))
    for kind in ("Packages", "Sources"):
        try:
            found = read_list(path, kind, "trixie", Event())  # type: ignore[arg-type]
        except ArchiveError as error:
            assert f"the list of {kind} of trixie is damaged" in str(error)
        else:
            assert all("/" not in file.name for package in found for file in package.files)


ODD = st.one_of(st.text(max_size=60), st.lists(st.sampled_from([
    "deb ", "[", "signed-by=a,b", "]", "http://x/", " main", "#", "\n", " ", "Types: deb\n",
    "URIs: http://x\n", "Suites: a b\n", "Components: main\n", "Signed-By:\n -----\n .\n",
    "Enabled: no\n", "E: 404", "Err:1 x\n  y", "W: GPG error", "\x1b", "6.18.1-2", "~rc1", "v"]),
    max_size=14).map("".join))


@given(ODD)
def test_no_text_breaks_the_readers_of_words(text: str) -> None:
    for mirror in (*parse_list(text), *parse_sources(text)):
        assert mirror.suite and "/" not in mirror.list_prefix
    packaged_version(text)
    version, rest = split_release(text)
    assert version is None or text.strip().endswith(rest)
    assert isinstance(failure(text, "it"), TailwalkError)


@FOLDERS
@given(st.binary(max_size=80))
def test_no_makefile_breaks_the_reader_of_versions(tmp_path_factory: pytest.TempPathFactory,
                                                   content: bytes) -> None:
    source = make_source(tmp_path_factory.mktemp("linux"))
    (source / "Makefile").write_bytes(b"VERSION = 6\n" + content)
    assert tree_version(source).startswith(("6.", "0."))


@given(st.one_of(st.text(max_size=200), st.lists(st.sampled_from([
    "ffffffff81000000 T _text\n", "ffffffff81000010 t f\t[ext4]\n", "0000000000000000 T g\n",
    "ffffffffc0000000 t h\t[x]\n", "zz", "\n", "ffffffff81000020 T _etext\n", "\t[", "\x1b"]),
    max_size=12).map("".join)), st.integers(0, (1 << 64) - 1))
def test_no_text_breaks_the_reader_of_symbols(text: str, address: int) -> None:
    try:
        table = read_symbols(text, "image:x")
    except KernelError as error:
        assert "/proc/kallsyms" in str(error)
    else:
        found = table.find(address)
        assert found is None or (found.address <= address and found.name in table.names)
