# SPDX-License-Identifier: GPL-2.0-or-later
"""What every kernel spec becomes: an uncompressed image with its provenance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Kernel:
    """A bootable kernel.

    Attributes:
        spec: as the user wrote it (`debian:6.18`).
        release: what `uname -r` says on it (`6.18.15+deb13-cloud-amd64`).
        image: the uncompressed ELF `vmlinux`, or the file that QEMU has to boot by its own boot
            protocol where no ELF image can be had from it.
        digest: sha256 (hex) that names image and modules together; equal digests run alike.
        modules: the directory that holds `modules.builtin` and the `.ko` files (compressed or
            not; `load_order` reads them), or None where everything needed is built in.
        sought: a sentence that says where modules were looked for; empty where they are known to
            come with the image.
        provenance: where it came from, for the record: package, version, sha256, compiler.
    """

    spec: str
    release: str
    image: Path
    digest: str
    modules: Path | None = None
    sought: str = ""
    provenance: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Module:
    """One kernel module as it is loaded.

    Attributes:
        name: with underscores.
        content: the bytes of the ELF object.
        cpus: patterns, one of which the CPU's modalias (/sys/devices/system/cpu/modalias) has to
            match for the module to be loaded; empty: it is loaded on any CPU.
    """

    name: str
    content: bytes
    cpus: tuple[str, ...] = ()
