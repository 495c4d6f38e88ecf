# SPDX-License-Identifier: GPL-2.0-or-later
"""The modules of `image:PATH`, in every shape that distributions and kernel trees have."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from made_kernels import (
    compress,
    drivers,
    make_bzimage,
    make_deb,
    make_module,
    make_modules,
    make_tar,
    make_vmlinux,
    split_debs,
    ubuntu_debs,
)
from refused import unprivileged
from tailwalk.cache import Cache
from tailwalk.errors import KernelError, ToolError
from tailwalk.kernels import resolve
from tailwalk.kernels.modules import load_order

RELEASE = "6.8.0-31-mine"
OTHER = "6.17.0-5-mine"
VMLINUX = make_vmlinux(RELEASE)
BRD = make_module("brd", release=RELEASE)

needs_zstd = pytest.mark.skipif(not shutil.which("zstd"), reason="no zstd here")


@pytest.fixture
def cache(tmp_path_factory: pytest.TempPathFactory) -> Cache:
    return Cache(tmp_path_factory.mktemp("cache"))


def put(debs: dict[str, bytes], folder: Path) -> dict[str, Path]:
    """Write packages; their paths by the part of the kernel they are (`modules-extra`)."""
    for name, content in debs.items():
        (folder / name).write_bytes(content)
    return {name.removeprefix("linux-").split("-6.")[0]: folder / name for name in debs}


def image_in(folder: Path, name: str = "vmlinuz") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(make_bzimage(VMLINUX))
    return path


def modules_in(folder: Path, release: str = RELEASE) -> Path:
    brd = make_module("brd", release=release)
    return make_modules(folder, {"kernel/drivers/block/brd.ko": brd}, "kernel/fs/ext4/ext4.ko\n")


# Packages


@needs_zstd
@pytest.mark.parametrize("signed", [True, False])
def test_ubuntus_image_has_its_modules_in_packages_beside_it(tmp_path: Path, cache: Cache, *,
                                                             signed: bool) -> None:
    debs = put(ubuntu_debs(RELEASE, "6.8.0-31.31", signed=signed), tmp_path)
    put(ubuntu_debs(OTHER, "6.17.0-5.5"), tmp_path)
    image = next(path for part, path in debs.items() if part.startswith("image"))
    kernel = resolve(f"image:{image}", cache=cache)
    assert kernel.release == RELEASE
    assert drivers(kernel, "brd", "ext4", "loop") == ["brd", "loop"]
    assert load_order(kernel, ["brd"])[0].content == make_module("brd", release=RELEASE)

    debs["modules-extra"].unlink()
    fewer = resolve(f"image:{image}", cache=cache)
    assert drivers(fewer, "brd") == ["brd"] and fewer.digest != kernel.digest
    with pytest.raises(KernelError, match="has no driver loop") as caught:
        drivers(fewer, "loop")
    assert f"linux-modules-extra-{RELEASE}" in str(caught.value)
    assert str(tmp_path) in str(caught.value)


@needs_zstd
def test_ubuntus_image_alone_takes_what_is_installed(tmp_path: Path, cache: Cache) -> None:
    image = put(ubuntu_debs(RELEASE, "6.8.0-31.31"), tmp_path)["image"]
    for path in tmp_path.glob("linux-modules-*"):
        path.unlink()
    bare = resolve(f"image:{image}", cache=cache)
    assert bare.modules is None
    assert f"linux-modules-{RELEASE}" in bare.sought and f"lib/modules/{RELEASE}" in bare.sought
    installed = modules_in(tmp_path / "lib/modules" / RELEASE)
    kernel = resolve(f"image:{image}", cache=cache)
    assert kernel.modules == installed and kernel.digest != bare.digest


@needs_zstd
def test_of_two_versions_of_the_modules_the_image_s_own_is_taken(tmp_path: Path,
                                                                cache: Cache) -> None:
    debs = put(ubuntu_debs(RELEASE, "6.8.0-31.31"), tmp_path)
    newer = put(ubuntu_debs(RELEASE, "6.8.0-31.32"), tmp_path)
    assert drivers(resolve(f"image:{debs['image']}", cache=cache), "brd") == ["brd"]
    # Signed images may be of another version than their modules.
    debs["modules"].unlink()
    debs["modules-extra"].unlink()
    assert drivers(resolve(f"image:{debs['image']}", cache=cache), "brd") == ["brd"]
    shutil.copy(newer["modules"], tmp_path / f"linux-modules-{RELEASE}_6.8.0-31.33_amd64.deb")
    with pytest.raises(KernelError, match=r"several packages linux-modules-.*_6\.8\.0-31\.33_"):
        resolve(f"image:{debs['image']}", cache=cache)


def test_debians_packages_by_whichever_is_named(tmp_path: Path, cache: Cache) -> None:
    debs = put(split_debs(RELEASE, "6.8-1"), tmp_path)
    empty = tmp_path / f"linux-image-{RELEASE}_6.8-1_amd64.deb"
    empty.write_bytes(make_deb(f"linux-image-{RELEASE}", "6.8-1", {"usr/share/doc/note": b"-"}))
    for path in (debs["binary"], empty):
        assert drivers(resolve(f"image:{path}", cache=cache), "brd", "ext4") == ["brd"]
    debs["binary"].unlink()
    with pytest.raises(KernelError, match=r"holds no vmlinuz.*linux-binary-\*"):
        resolve(f"image:{empty}", cache=cache)


def test_without_the_list_of_what_is_built_in_the_error_says_so(tmp_path: Path,
                                                               cache: Cache) -> None:
    debs = put(split_debs(RELEASE, "6.8-1"), tmp_path)
    debs["base"].unlink()
    kernel = resolve(f"image:{debs['binary']}", cache=cache)
    with pytest.raises(KernelError) as caught:
        drivers(kernel, "brd", "ext4")
    said = str(caught.value)
    assert "has no driver ext4: it is neither built in nor among the modules that came with" in said
    assert f"linux-base-{RELEASE} does: put it beside the others." in said
    assert f"looked for in {debs['binary']}; and in the packages linux-modules-{RELEASE}, " in said
    assert "put the package of its module beside it, or use another kernel" in said
    assert str(cache.root) not in said


def test_packages_of_two_builds_are_refused(tmp_path: Path, cache: Cache) -> None:
    path = tmp_path / "kernel.deb"
    path.write_bytes(make_deb("mine", "1", {
        f"boot/vmlinuz-{RELEASE}": VMLINUX, f"lib/modules/{OTHER}/kernel/brd.ko": BRD}))
    with pytest.raises(KernelError, match=f"kernel {RELEASE}, and the modules .* of {OTHER}"):
        resolve(f"image:{path}", cache=cache)


@needs_zstd
@pytest.mark.parametrize(("image", "form"), [
    (f"usr/lib/modules/{RELEASE}/vmlinuz", "zstd"),  # Arch
    (f"boot/vmlinuz-{RELEASE}", "gzip"),  # make targz-pkg
    (f"boot/vmlinuz-{RELEASE}", "none")])  # make dir-pkg, archived
def test_a_tar_archive(tmp_path: Path, cache: Cache, image: str, form: str) -> None:
    place = image.rpartition("/")[0] if "lib" in image else f"lib/modules/{RELEASE}"
    path = tmp_path / "linux-6.8-1-x86_64.pkg.tar.zst"
    path.write_bytes(make_tar({
        image: make_bzimage(VMLINUX), f"{place}/modules.builtin": b"kernel/fs/ext4/ext4.ko\n",
        f"{place}/kernel/brd.ko.zst": compress(BRD, "zstd")}, form))
    kernel = resolve(f"image:{path}", cache=cache)
    assert kernel.release == RELEASE and drivers(kernel, "brd", "ext4") == ["brd"]
    path.write_bytes(make_tar({"etc/motd": b"hello"}, form))
    with pytest.raises(KernelError, match="holds no vmlinuz"):
        resolve(f"image:{path}", cache=cache)


def test_a_tar_archive_cut_short(tmp_path: Path, cache: Cache) -> None:
    path = tmp_path / "kernel.tar"
    path.write_bytes(make_tar({f"boot/vmlinuz-{RELEASE}": VMLINUX}, "none")[:2000])
    with pytest.raises(KernelError, match=r"kernel\.tar is damaged"):
        resolve(f"image:{path}", cache=cache)


def test_an_rpm_is_refused_with_the_way_out(tmp_path: Path, cache: Cache) -> None:
    path = tmp_path / "kernel-core-6.17.1-300.fc43.x86_64.rpm"
    path.write_bytes(b"\xed\xab\xee\xdb\x03\x00\x00\x00" + bytes(200))
    with pytest.raises(KernelError, match=r"an RPM package.*rpm2cpio.*lib/modules/RELEASE/vmlinuz"):
        resolve(f"image:{path}", cache=cache)


def test_without_zstd_a_package_asks_for_it(tmp_path: Path, cache: Cache,
                                            monkeypatch: pytest.MonkeyPatch) -> None:
    if not shutil.which("zstd"):
        pytest.skip("no zstd to make one with")
    image = put(ubuntu_debs(RELEASE, "6.8.0-31.31"), tmp_path)["image"]
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ToolError, match="install the package zstd"):
        resolve(f"image:{image}", cache=cache)


# Directories


@pytest.mark.parametrize(("image", "modules"), [
    # dpkg-deb -x of a package of Debian 12 or Ubuntu, and an installed system
    (f"boot/vmlinuz-{RELEASE}", f"lib/modules/{RELEASE}"),
    (f"boot/vmlinuz-{RELEASE}", f"usr/lib/modules/{RELEASE}"),  # of Debian 13
    # of Debian's 7.x; Fedora and Arch
    (f"usr/lib/modules/{RELEASE}/vmlinuz", f"usr/lib/modules/{RELEASE}"),
    (f"lib/modules/{RELEASE}/vmlinuz", f"lib/modules/{RELEASE}"),
    # make modules_install INSTALL_MOD_PATH=. in a tree, or beside it
    ("linux/arch/x86/boot/bzImage", f"linux/lib/modules/{RELEASE}"),
    ("linux/arch/x86/boot/bzImage", f"lib/modules/{RELEASE}"),
])
def test_modules_are_found_by_release(tmp_path: Path, cache: Cache, image: str,
                                      modules: str) -> None:
    path = image_in((tmp_path / image).parent, Path(image).name)
    bare = resolve(f"image:{path}", cache=cache)
    assert bare.modules is None
    assert f"Modules of {RELEASE} were looked for in {path.parent}" in bare.sought
    # Of another release, at the very place: passed over, and said to be there.
    modules_in((tmp_path / modules).parent / OTHER, OTHER)
    passed = resolve(f"image:{path}", cache=cache)
    assert passed.modules is None and f"there are those of {OTHER}" in passed.sought

    folder = modules_in(tmp_path / modules)
    kernel = resolve(f"image:{path}", cache=cache)
    assert kernel.modules == folder
    assert drivers(kernel, "brd", "ext4") == ["brd"]
    assert kernel.digest != bare.digest


@pytest.mark.parametrize("place", ["brd.ko", "kernel/drivers/block/brd.ko"])
def test_modules_in_the_image_s_own_directory_say_their_release(tmp_path: Path, cache: Cache,
                                                               place: str) -> None:
    path = image_in(tmp_path)
    for release, folder in ((OTHER, None), (RELEASE, tmp_path)):
        make_modules(tmp_path, {place: make_module("brd", release=release)})
        assert resolve(f"image:{path}", cache=cache).modules == folder


def test_the_nearest_modules_are_taken(tmp_path: Path, cache: Cache) -> None:
    path = image_in(tmp_path / "tree/arch/x86/boot", "bzImage")
    modules_in(tmp_path / "lib/modules" / RELEASE)
    near = modules_in(tmp_path / "tree/lib/modules" / RELEASE)
    assert resolve(f"image:{path}", cache=cache).modules == near


def test_a_directory_with_the_image_alone_does_not_hide_the_modules(tmp_path: Path,
                                                                    cache: Cache) -> None:
    path = image_in(tmp_path / "a/usr/lib/modules" / RELEASE)
    installed = modules_in(tmp_path / "lib/modules" / RELEASE)
    assert resolve(f"image:{path}", cache=cache).modules == installed


def test_modules_that_were_built_and_not_installed(tmp_path: Path, cache: Cache) -> None:
    path = image_in(tmp_path / "arch/x86/boot", "bzImage")
    make_modules(tmp_path, {"drivers/block/brd.ko": BRD}, "kernel/fs/ext4/ext4.ko\n")
    assert resolve(f"image:{path}", cache=cache).modules is None
    config = tmp_path / "include/config"
    config.mkdir(parents=True)
    (config / "kernel.release").write_text(f"{RELEASE}\n")
    kernel = resolve(f"image:{path}", cache=cache)
    assert kernel.modules == tmp_path and drivers(kernel, "brd", "ext4") == ["brd"]
    (config / "kernel.release").write_text(f"{OTHER}\n")
    assert resolve(f"image:{path}", cache=cache).modules is None


def test_a_linked_image_has_its_modules_where_it_lies(tmp_path: Path, cache: Cache) -> None:
    path = image_in(tmp_path / "there/boot")
    folder = modules_in(tmp_path / "there/lib/modules" / RELEASE)
    link = tmp_path / "here"
    link.symlink_to(path)
    assert resolve(f"image:{link}", cache=cache).modules == folder


def test_a_module_of_another_release_is_never_loaded(tmp_path: Path, cache: Cache) -> None:
    path = image_in(tmp_path)
    folder = modules_in(tmp_path / "lib/modules" / RELEASE, OTHER)
    kernel = resolve(f"image:{path}", cache=cache)
    assert kernel.modules == folder
    with pytest.raises(KernelError, match=f"built for kernel {OTHER}, and image:.* is {RELEASE}"):
        drivers(kernel, "brd")


def test_an_image_for_root_alone_says_how_to_have_it(tmp_path: Path, cache: Cache) -> None:
    path = image_in(tmp_path)
    path.chmod(0)
    with pytest.raises(KernelError, match=r"Permission denied.*install -m 644"):
        unprivileged(lambda: resolve(f"image:{path}", cache=cache))
