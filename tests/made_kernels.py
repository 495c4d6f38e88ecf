# SPDX-License-Identifier: GPL-2.0-or-later
"""Kernel files made up for tests: vmlinux, bzImage, modules and .debs of a few kilobytes."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import struct
import subprocess
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tailwalk.kernels import Kernel
from tailwalk.kernels.modules import load_order

X86_64 = 62


def make_vmlinux(release: str = "6.18.15-test", *, machine: int = X86_64, kind: int = 2,
                 banner: bool = True, pvh: bool = True, size: int = 20_000) -> bytes:
    """An ELF file with a PVH note, `size` bytes of noise and a kernel's banner."""
    body = hashlib.shake_128(release.encode()).digest(size)
    if banner:
        body += (f"Linux version {release} (someone@example) (gcc 14.2.0, GNU ld 2.44) "
                 "#1 SMP PREEMPT_DYNAMIC Thu Jan  1 00:00:00 UTC 1970\n").encode() + b"\0"
    header = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", kind, machine, 1,
                         0x1000000, 64, 0, 0, 64, 56, 2, 0, 0, 0)
    notes = (struct.pack("<III4s3sx", 4, 3, 3, b"GNU", b"abc")
             + struct.pack("<III4sQ", 4, 8, 18 if pvh else 17, b"Xen", 0x1000000))
    start = 64 + 2 * 56
    segments = (struct.pack("<IIQQQQQQ", 4, 4, start, 0, 0, len(notes), len(notes), 4)
                + struct.pack("<IIQQQQQQ", 1, 5, start + len(notes), 0x1000000, 0x1000000,
                              len(body), len(body), 4096))
    return header + segments + notes + body


def make_bzimage(vmlinux: bytes, compression: str = "xz", *, protocol: int = 0x20f,
                 flags: int = 1) -> bytes:
    """A bzImage with a boot sector, a setup header and `vmlinux` as its compressed payload."""
    payload = compress(vmlinux, compression)
    if compression not in ("gzip", "none"):
        payload += struct.pack("<I", len(vmlinux))
    setup = bytearray(5 * 512)
    setup[0x1f1] = 4
    setup[0x1fe:0x200] = b"\x55\xaa"
    setup[0x202:0x206] = b"HdrS"
    struct.pack_into("<H", setup, 0x206, protocol)
    struct.pack_into("<H", setup, 0x236, flags)
    struct.pack_into("<II", setup, 0x248, 0x100, len(payload))
    return bytes(setup) + bytes(0x100) + payload + bytes(512)


def compress(content: bytes, how: str) -> bytes:
    """`content` in one of the formats that kernels and modules come in."""
    if how in ("zstd", "lz4"):
        options = ["-l"] if how == "lz4" else []
        return subprocess.run([how, *options, "-c"], input=content, capture_output=True,
                              check=True).stdout
    return {"none": bytes, "gzip": lambda data: gzip.compress(data, mtime=0),
            "xz": lambda data: lzma.compress(data, check=lzma.CHECK_CRC32), "bzip2": bz2.compress,
            "lzma": lambda data: lzma.compress(data, lzma.FORMAT_ALONE)}[how](content)


def make_module(name: str, *, depends: str = "", softdep: str = "", release: str = "",
                aliases: Sequence[str] = ()) -> bytes:
    """An ELF object with nothing but a `.modinfo` section and section names; it says of which
    `release` it is, if that is given."""
    tags = [f"name={name}", f"depends={depends}", "license=GPL"]
    if release:
        tags.append(f"vermagic={release} SMP preempt mod_unload modversions ")
    if softdep:
        tags.append(f"softdep={softdep}")
    tags += [f"alias={alias}" for alias in aliases]
    modinfo = b"".join(tag.encode() + b"\0" for tag in tags)
    names = b"\0.modinfo\0.shstrtab\0"
    table = 64 + len(modinfo) + len(names)
    header = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 1, X86_64, 1, 0, 0, table, 0,
                         64, 0, 0, 64, 3, 2)
    sections = bytes(64)
    for offset, kind, place, size in ((1, 1, 64, len(modinfo)),
                                      (10, 3, 64 + len(modinfo), len(names))):
        sections += struct.pack("<IIQQQQIIQQ", offset, kind, 0, 0, place, size, 0, 0, 1, 0)
    return header + modinfo + names + sections


def make_modules(folder: Path, modules: Mapping[str, bytes], builtin: str = "") -> Path:
    """A modules directory; the keys of `modules` are paths below it."""
    for path, content in modules.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "modules.builtin").write_text(builtin)
    return folder


def make_deb(package: str, version: str, files: Mapping[str, bytes], *,
             compression: str = "xz") -> bytes:
    """A binary package with a control file, md5sums and `files`."""
    sums = "".join(f"{hashlib.md5(content, usedforsecurity=False).hexdigest()}  {path}\n"
                   for path, content in files.items())
    control = (f"Package: {package}\nVersion: {version}\nArchitecture: amd64\n"
               "Maintainer: Nobody <nobody@example>\nDescription: made up\n")
    control_tar = _tar({"control": control.encode(), "md5sums": sums.encode()})
    endings = {"xz": ".xz", "gzip": ".gz", "none": "", "zstd": ".zst"}
    control_form = "zstd" if compression == "zstd" else "gzip"
    members = {"debian-binary": b"2.0\n",
               f"control.tar{endings[control_form]}": compress(control_tar, control_form),
               f"data.tar{endings[compression]}": compress(_tar(files), compression)}
    return b"!<arch>\n" + b"".join(
        f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(content):<10}`\n".encode()
        + content + b"\n" * (len(content) % 2) for name, content in members.items())


def kernel_debs(release: str, version: str, *, size: int = 20_000) -> dict[str, bytes]:
    """The package of a kernel in one piece, by file name."""
    name = f"linux-image-{release}"
    return {f"{name}_{version}_amd64.deb": make_deb(name, version, {
        f"boot/vmlinuz-{release}": make_bzimage(make_vmlinux(release, size=size)),
        f"usr/lib/modules/{release}/kernel/drivers/block/brd.ko.xz":
            compress(make_module("brd"), "xz"),
        f"usr/lib/modules/{release}/modules.builtin": b"kernel/fs/ext4/ext4.ko\n"})}


def split_debs(release: str, version: str) -> dict[str, bytes]:
    """The packages of a kernel in several pieces, the empty one that names them left out."""
    place = f"usr/lib/modules/{release}"
    contents = {
        "binary": {f"{place}/vmlinuz": make_bzimage(make_vmlinux(release))},
        "modules": {f"{place}/kernel/drivers/block/brd.ko.xz": compress(make_module("brd"), "xz")},
        "base": {f"{place}/modules.builtin": b"kernel/fs/ext4/ext4.ko\n"}}
    return {f"linux-{part}-{release}_{version}_amd64.deb":
            make_deb(f"linux-{part}-{release}", version, files)
            for part, files in contents.items()}


def ubuntu_debs(release: str, version: str, *, signed: bool = True) -> dict[str, bytes]:
    """The packages of a kernel as Ubuntu has them: the image alone, and modules in two."""
    place = f"lib/modules/{release}/kernel/drivers"
    brd, loop = (compress(make_module(name, release=release), "zstd") for name in ("brd", "loop"))
    contents = {
        f"image{'' if signed else '-unsigned'}": {
            f"boot/vmlinuz-{release}": make_bzimage(make_vmlinux(release), "zstd")},
        "modules": {f"boot/config-{release}": b"", f"{place}/block/brd.ko.zst": brd,
                    f"lib/modules/{release}/modules.builtin": b"kernel/fs/ext4/ext4.ko\n"},
        "modules-extra": {f"{place}/block/loop.ko.zst": loop}}
    return {f"linux-{part}-{release}_{version}_amd64.deb":
            make_deb(f"linux-{part}-{release}", version, files, compression="zstd")
            for part, files in contents.items()}


def make_tar(files: Mapping[str, bytes], compression: str) -> bytes:
    """A tar archive of `files`, compressed."""
    return compress(_tar(files), compression)


def _tar(files: Mapping[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for path, content in files.items():
            entry = tarfile.TarInfo(f"./{path}")
            entry.size = len(content)
            entry.mode = 0o755 if "bin/" in path else 0o644
            tar.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


def drivers(kernel: Kernel, *names: str) -> list[str]:
    """The modules that a guest of the kernel would load to have those that are named."""
    return [module.name for module in load_order(kernel, names)]
