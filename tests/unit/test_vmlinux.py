# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from made_kernels import compress, make_bzimage, make_module, make_vmlinux
from tailwalk.errors import KernelError, ToolError
from tailwalk.kernels import compression
from tailwalk.kernels.vmlinux import read_vmlinux

VMLINUX = make_vmlinux("6.18.15+deb13-cloud-amd64")
FORMATS = ["none", "gzip", "xz", "bzip2", "lzma", *(
    pytest.param(name, marks=pytest.mark.skipif(not shutil.which(name), reason=name))
    for name in ("zstd", "lz4"))]


@pytest.mark.parametrize("form", FORMATS)
def test_a_bzimage_gives_its_payload(form: str) -> None:
    kernel = read_vmlinux(make_bzimage(VMLINUX, form), "it")
    assert kernel.content == VMLINUX
    assert kernel.release == "6.18.15+deb13-cloud-amd64"
    assert "gcc 14.2.0" in kernel.banner


def test_a_vmlinux_is_taken_as_it_is() -> None:
    assert read_vmlinux(VMLINUX, "it").content == VMLINUX
    assert read_vmlinux(compress(VMLINUX, "gzip"), "it").content == VMLINUX


@pytest.mark.parametrize(("content", "reason"), [
    (b"", "no kernel image"),
    (b"#!/bin/sh\n", "no kernel image"),
    (b"\x7fELF", "cut short"),
    (make_vmlinux(machine=183), "for arm64"),
    (make_vmlinux(machine=3), "32-bit"),
    (make_vmlinux(banner=False), "no 'Linux version' banner"),
    (make_vmlinux(kind=1), "nothing that can be started"),
    (make_module("brd"), "nothing that can be started"),
    (VMLINUX[:-200], "cut short"),
    (VMLINUX[:100], "cut short"),
    (make_bzimage(VMLINUX, flags=0), "32-bit x86 kernel"),
    (make_bzimage(VMLINUX, protocol=0x204), "boot protocol 2.04"),
    (make_bzimage(VMLINUX)[:8000], "cut short"),
    (make_bzimage(VMLINUX)[:0x240], "boot protocol"),
    (b"MZ" + bytes(0x36) + b"ARM\x64" + bytes(64), "for arm64"),
    (compress(b"not a kernel", "gzip"), "holds no ELF vmlinux"),
])
def test_what_is_no_bootable_kernel_is_refused(content: bytes, reason: str) -> None:
    with pytest.raises(KernelError) as caught:
        read_vmlinux(content, "some/file")
    assert reason in str(caught.value) and "some/file" in str(caught.value)


# lzma and lz4's legacy frame carry no checksum; the others do.
@pytest.mark.parametrize("form", [form for form in FORMATS if form in ("gzip", "xz", "bzip2")])
def test_a_changed_byte_in_the_payload_is_noticed(form: str) -> None:
    image = bytearray(make_bzimage(VMLINUX, form))
    image[len(image) // 2] ^= 1
    with pytest.raises(KernelError, match="damaged"):
        read_vmlinux(bytes(image), "it")


def test_a_wrong_size_after_the_payload_is_noticed() -> None:
    image = bytearray(make_bzimage(VMLINUX, "xz"))
    image[-512 - 4] ^= 1
    with pytest.raises(KernelError, match="should have"):
        read_vmlinux(bytes(image), "it")


@given(st.integers(0, len(VMLINUX) + 3000), st.integers(0, 255), st.booleans())
def test_damage_anywhere_is_a_kernel_or_a_kernel_error(place: int, value: int, cut: bool) -> None:
    for whole in (VMLINUX, make_bzimage(VMLINUX, "xz"), make_bzimage(VMLINUX, "gzip")):
        image = bytearray(whole)
        if cut:
            del image[place:]
        elif place < len(image):
            image[place] = value
        try:
            kernel = read_vmlinux(bytes(image), "it")
        except KernelError:
            continue
        assert len(kernel.content) == len(VMLINUX)


def test_a_missing_program_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolError, match="install the package zstd"):
        compression.decompress(b"\x28\xb5\x2f\xfd" + bytes(20), "it")


@given(st.binary(max_size=64), st.sampled_from(["gzip", "xz", "bzip2", "lzma"]), st.data())
def test_what_was_compressed_comes_back_or_is_refused(content: bytes, form: str,
                                                      data: st.DataObject) -> None:
    packed = compress(content, form)
    assert compression.decompress(packed, "it") == content
    cut = data.draw(st.integers(0, len(packed) - 1))
    with pytest.raises(KernelError):
        compression.decompress(packed[:cut], "it")
