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
        provenance: where it came from, for the record: package, version, sha256, compiler.
    """

    spec: str
    release: str
    image: Path
    digest: str
    modules: Path | None = None
    provenance: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Module:
    """One kernel module as it is loaded: its name and the bytes of the ELF object."""

    name: str
    content: bytes
