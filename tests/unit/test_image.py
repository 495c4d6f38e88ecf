# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from made_kernels import (
    drivers,
    kernel_debs,
    make_bzimage,
    make_deb,
    make_module,
    make_modules,
    make_vmlinux,
    split_debs,
)
from tailwalk.cache import Cache
from tailwalk.errors import KernelError
from tailwalk.kernels import resolve

RELEASE = "6.18.15-mine"
VMLINUX = make_vmlinux(RELEASE)


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


@pytest.mark.parametrize("content", [VMLINUX, make_bzimage(VMLINUX, "gzip")])
def test_an_image_without_modules(tmp_path: Path, cache: Cache, content: bytes) -> None:
    path = tmp_path / "image"
    path.write_bytes(content)
    kernel = resolve(f"image:{path}", cache=cache)
    assert kernel.image.read_bytes() == VMLINUX
    assert (kernel.release, kernel.modules) == (RELEASE, None)
    assert kernel.provenance["path"] == str(path)
    assert drivers(kernel, "virtio_blk") == []


def test_a_changed_module_is_another_kernel(tmp_path: Path, cache: Cache) -> None:
    (tmp_path / "vmlinux").write_bytes(VMLINUX)
    module = make_modules(tmp_path / "lib/modules" / RELEASE,
                          {"brd.ko": make_module("brd")}) / "brd.ko"
    first = resolve(f"image:{tmp_path}/vmlinux", cache=cache)
    assert resolve(f"image:{tmp_path}/vmlinux", cache=cache).digest == first.digest
    module.touch()
    assert resolve(f"image:{tmp_path}/vmlinux", cache=cache).digest == first.digest
    before = module.stat()
    module.write_bytes(module.read_bytes().swapcase())
    os.utime(module, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert resolve(f"image:{tmp_path}/vmlinux", cache=cache).digest != first.digest


def test_an_image_without_a_pvh_entry_is_booted_as_a_bzimage(tmp_path: Path,
                                                             cache: Cache) -> None:
    without = make_vmlinux(RELEASE, pvh=False)
    image = make_bzimage(without)
    (tmp_path / "bzImage").write_bytes(image)
    (tmp_path / "vmlinux").write_bytes(without)
    assert resolve(f"image:{tmp_path}/bzImage", cache=cache).image.read_bytes() == image
    with pytest.raises(KernelError, match="CONFIG_PVH=y"):
        resolve(f"image:{tmp_path}/vmlinux", cache=cache)


def test_a_package(tmp_path: Path, cache: Cache) -> None:
    (name, content), = kernel_debs(RELEASE, "6.18.15-1").items()
    for path in (tmp_path / name, tmp_path / "renamed"):
        path.write_bytes(content)
        kernel = resolve(f"image:{path}", cache=cache)
        assert kernel.release == RELEASE and kernel.image.read_bytes() == VMLINUX
        assert drivers(kernel, "brd", "ext4") == ["brd"]


def test_a_kernel_in_several_packages(tmp_path: Path, cache: Cache) -> None:
    debs = split_debs(RELEASE, "6.18.15-1")
    for name, content in debs.items():
        (tmp_path / name).write_bytes(content)
    binary = next(name for name in debs if "binary" in name)
    assert drivers(resolve(f"image:{tmp_path / binary}", cache=cache), "brd", "ext4") == ["brd"]
    modules = next(name for name in debs if "modules" in name)
    with pytest.raises(KernelError, match="holds no vmlinuz"):
        resolve(f"image:{tmp_path / modules}", cache=cache)


@pytest.mark.parametrize("form", ["xz", "gzip", "none", "zstd"])
def test_each_compression_of_a_package(tmp_path: Path, cache: Cache, form: str) -> None:
    path = tmp_path / "kernel.deb"
    path.write_bytes(make_deb("mine", "1", {f"boot/vmlinuz-{RELEASE}": VMLINUX},
                              compression=form))
    assert resolve(f"image:{path}", cache=cache).modules is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), form=st.sampled_from(["xz", "gzip", "none"]))
def test_a_package_changed_by_one_byte(tmp_path_factory: pytest.TempPathFactory,
                                       data: st.DataObject, form: str) -> None:
    folder = tmp_path_factory.mktemp("deb")
    good = make_deb("mine", "1", {
        f"boot/vmlinuz-{RELEASE}": VMLINUX,
        f"lib/modules/{RELEASE}/brd.ko": make_module("brd"),
        f"lib/modules/{RELEASE}/modules.builtin": b"kernel/fs/ext4/ext4.ko\n"}, compression=form)
    changed = bytearray(good)
    place = data.draw(st.integers(0, len(good) - 1))
    changed[place] ^= data.draw(st.integers(1, 255))
    path = folder / "kernel.deb"
    path.write_bytes(bytes(changed))
    try:
        kernel = resolve(f"image:{path}", cache=Cache(folder / "cache"))
    except KernelError as error:
        assert str(path) in str(error)
        assert not list((folder / "cache").glob("kernels/[!.]*"))
    else:  # what was hit is padding or a time
        assert kernel.image.read_bytes() == VMLINUX
        assert kernel.modules is not None
        assert (kernel.modules / "brd.ko").read_bytes() == make_module("brd")
        assert drivers(kernel, "ext4") == []


@pytest.mark.parametrize("name", ["missing", "."])
def test_what_cannot_be_read_is_named(tmp_path: Path, cache: Cache, name: str) -> None:
    with pytest.raises(KernelError, match="cannot read the kernel image"):
        resolve(f"image:{tmp_path / name}", cache=cache)


def test_what_is_no_kernel_leaves_nothing(tmp_path: Path, cache: Cache) -> None:
    (tmp_path / "note").write_text("hello")
    with pytest.raises(KernelError, match=r"note is no kernel image"):
        resolve(f"image:{tmp_path}/note", cache=cache)
    assert [path.name for path in (cache.root / "kernels").iterdir()
            if not path.name.startswith(".lock")] == []


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir])
def test_what_never_ends_is_no_image(cache: Cache, tmp_path: Path,
                                     make: Callable[[Path], None]) -> None:
    make(tmp_path / "image")
    with pytest.raises(KernelError, match="image: it is no regular file"):
        resolve(f"image:{tmp_path / 'image'}", cache=cache)
