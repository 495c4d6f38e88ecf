# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from made_kernels import compress, make_module, make_modules
from tailwalk.cache import Cache
from tailwalk.errors import KernelError
from tailwalk.kernels import Kernel
from tailwalk.kernels.modules import load_order
from tailwalk.vm.initramfs import make_initramfs


def kernel_with(folder: Path | None) -> Kernel:
    return Kernel(spec="image:x", release="6.18.15-test", image=Path("vmlinux"), digest="0",
                  modules=folder)


def names(kernel: Kernel, *wanted: str) -> list[str]:
    return [module.name for module in load_order(kernel, wanted)]


@pytest.fixture
def kernel(tmp_path: Path) -> Kernel:
    block, lib = "kernel/drivers/block", "kernel/lib"
    return kernel_with(make_modules(tmp_path / "modules", {
        f"{block}/virtio_blk.ko.xz": compress(
            make_module("virtio_blk", depends="virtio,virtio-ring"), "xz"),
        f"{block}/virtio.ko.gz": compress(make_module("virtio"), "gzip"),
        f"{block}/virtio-ring.ko": make_module("virtio_ring", depends="virtio"),
        "kernel/fs/xfs/xfs.ko": make_module("xfs", depends="libcrc32c,ext4",
                                            softdep="pre: crc32c nothing-such post: later"),
        f"{lib}/libcrc32c.ko": make_module("libcrc32c"),
        f"{lib}/crc32c_generic.ko": make_module("crc32c_generic"),
        f"{lib}/later.ko": make_module("later"),
        f"{lib}/orphan.ko": make_module("orphan", depends="gone"),
        f"{lib}/one.ko": make_module("one", depends="two"),
        f"{lib}/two.ko": make_module("two", depends="one"),
        f"{lib}/junk.ko": b"junk",
        f"{lib}/cut.ko.xz": compress(make_module("cut"), "xz")[:-20],
    }, builtin="kernel/fs/ext4/ext4.ko\nkernel/drivers/char/virtio-console.ko\n"))


def test_dependencies_come_first_and_once(kernel: Kernel) -> None:
    assert names(kernel, "virtio_blk") == ["virtio", "virtio_ring", "virtio_blk"]
    assert names(kernel, "virtio-ring", "virtio_blk", "virtio_blk") == [
        "virtio", "virtio_ring", "virtio_blk"]


def test_modules_come_decompressed(kernel: Kernel) -> None:
    contents = {module.name: module.content for module in load_order(kernel, ["virtio_blk"])}
    assert contents["virtio"] == make_module("virtio")
    assert contents["virtio_blk"] == make_module("virtio_blk", depends="virtio,virtio-ring")


@pytest.mark.skipif(not shutil.which("zstd"), reason="zstd")
def test_zstd_modules_too(tmp_path: Path) -> None:
    folder = make_modules(tmp_path, {"brd.ko.zst": compress(make_module("brd"), "zstd")})
    assert load_order(kernel_with(folder), ["brd"])[0].content == make_module("brd")


def test_what_is_built_in_is_left_out(kernel: Kernel) -> None:
    assert names(kernel, "ext4", "virtio_console") == []


def test_soft_dependencies_are_loaded_where_there(kernel: Kernel) -> None:
    assert names(kernel, "xfs") == ["libcrc32c", "crc32c_generic", "xfs"]


def test_without_modules_everything_is_built_in() -> None:
    assert names(kernel_with(None), "virtio_blk", "anything") == []


@pytest.mark.parametrize(("name", "reason"), [
    ("btrfs", r"6\.18\.15-test \(image:x\) has no driver btrfs"),
    ("orphan", "has no driver gone, which orphan needs"),
    ("one", "one needs two needs one"),
    ("junk", "junk.ko is damaged or no kernel module"),
    ("cut", "cut.ko.xz is damaged"),
])
def test_what_cannot_be_loaded_is_named(kernel: Kernel, name: str, reason: str) -> None:
    with pytest.raises(KernelError, match=reason):
        load_order(kernel, [name])


def test_modules_of_the_users_own_are_named_with_their_directory(kernel: Kernel) -> None:
    assert kernel.modules is not None
    with pytest.raises(KernelError) as caught:
        load_order(kernel, ["btrfs"])
    assert f"nor in {kernel.modules}. Build it in, put its module there, or use" in str(
        caught.value)
    (kernel.modules / "modules.builtin").unlink()
    with pytest.raises(KernelError, match=rf"is in the package linux-base-{kernel.release}\. Bui"):
        load_order(kernel, ["btrfs"])


SSE42 = "cpu:type:x86,ven*fam*mod*:feature:*0094*"
PCLMUL = "cpu:type:x86,ven*fam*mod*:feature:*0081*"


@pytest.fixture
def checksums(tmp_path: Path) -> Kernel:
    """As Debian's 6.12: some modules of the architecture are for some CPUs."""
    arch = "kernel/arch/x86/crypto"
    return kernel_with(make_modules(tmp_path / "modules", {
        f"{arch}/crc32c-intel.ko.xz": compress(make_module(
            "crc32c_intel", aliases=("crypto-crc32c", "crc32c", SSE42), depends="shared"), "xz"),
        f"{arch}/ghash.ko": make_module("ghash", aliases=("crypto-ghash", PCLMUL)),
        f"{arch}/sha256.ko": make_module("sha256", aliases=("crypto-sha256",)),
        "kernel/arch/x86/events/rapl.ko": make_module("rapl", aliases=(PCLMUL,)),
        "kernel/lib/shared.ko": make_module("shared"),
        "kernel/lib/crc32c_generic.ko": make_module("crc32c_generic", aliases=("crypto-crc32c",)),
        "kernel/fs/xfs/xfs.ko": make_module("xfs", softdep="pre: crc32c"),
        "kernel/fs/odd/odd.ko": make_module("odd", depends="crc32c-intel"),
    }))


def test_what_sums_on_some_cpus_comes_first_with_their_patterns(checksums: Kernel) -> None:
    assert [(module.name, module.cpus) for module in load_order(checksums, ["xfs"])] == [
        ("shared", ()), ("crc32c_intel", (SSE42,)), ("crc32c_generic", ()), ("xfs", ())]


def test_what_a_driver_needs_is_loaded_on_any_cpu(checksums: Kernel) -> None:
    assert [(module.name, module.cpus) for module in load_order(checksums, ["odd"])] == [
        ("shared", ()), ("crc32c_intel", ()), ("odd", ())]


def test_which_modules_are_for_some_cpus_is_kept(checksums: Kernel, tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    first = load_order(checksums, ["xfs"], cache=cache)
    assert first == load_order(checksums, ["xfs"])
    assert checksums.modules is not None
    (checksums.modules / "kernel/arch/x86/crypto/ghash.ko").write_bytes(b"junk")
    assert load_order(checksums, ["xfs"], cache=cache) == first, "it is not read again"
    with pytest.raises(KernelError, match=r"ghash\.ko is damaged"):
        load_order(replace(checksums, digest="1"), ["xfs"], cache=cache)


def test_the_first_file_system_has_the_patterns_beside_the_module(checksums: Kernel) -> None:
    archive = make_initramfs(b"init", load_order(checksums, ["xfs"]), {})
    assert b"modules/01-crc32c_intel.cpus\0" in archive
    assert f"\0{SSE42}\n\0".encode() in archive.replace(b"\0\0", b"\0")
    assert archive.count(b".cpus\0") == 1


@given(st.dictionaries(st.integers(0, 9), st.sets(st.integers(0, 9)), max_size=10),
       st.lists(st.integers(0, 9), max_size=4))
def test_every_module_follows_what_it_needs(tmp_path_factory: pytest.TempPathFactory,
                                            graph: dict[int, set[int]], asked: list[int]) -> None:
    # Only edges to smaller numbers, so that there is no cycle; all else is built in.
    needs = {f"m{number}": [f"m{other}" for other in others if other < number]
             for number, others in graph.items()}
    folder = make_modules(
        tmp_path_factory.mktemp("modules"),
        {f"{name}.ko": make_module(name, depends=",".join(others))
         for name, others in needs.items()},
        builtin="".join(f"m{number}.ko\n" for number in range(10) if number not in graph))
    order = names(kernel_with(folder), *(f"m{number}" for number in asked))
    assert len(set(order)) == len(order)
    for place, name in enumerate(order):
        assert {other for other in needs[name] if other in needs} <= set(order[:place])
    assert {f"m{number}" for number in asked if number in graph} <= set(order)
