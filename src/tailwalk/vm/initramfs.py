# SPDX-License-Identifier: GPL-2.0-or-later
"""The guest's first file system: the probe as /init and the modules it loads.

The format is `newc` of cpio, uncompressed: unpacking costs guest instructions and a compressed
archive costs more than the bytes saved (Documentation/driver-api/early-userspace, v6.12).
"""

from __future__ import annotations

import stat
from collections.abc import Iterable, Mapping

from tailwalk.kernels import Module


def _entry(number: int, name: str, mode: int, content: bytes) -> bytes:
    encoded = name.encode() + b"\0"
    fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(encoded), 0)
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + encoded
    return _padded(head) + _padded(content)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def make_initramfs(init: bytes, modules: Iterable[Module],
                   parameters: Mapping[str, str]) -> bytes:
    """A cpio archive of `/init`, `/modules/NN-NAME.ko` in loading order, and beside a module
    `NN-NAME.parameters` where `parameters` names it, and `NN-NAME.cpus` where it is for some CPUs
    alone: a pattern of /sys/devices/system/cpu/modalias a line.

    The bytes depend on the arguments alone.
    """
    entries: list[tuple[str, int, bytes]] = [
        ("init", stat.S_IFREG | 0o755, init),
        ("modules", stat.S_IFDIR | 0o755, b""),
    ]
    for number, module in enumerate(modules):
        stem = f"modules/{number:02}-{module.name}"
        entries.append((f"{stem}.ko", stat.S_IFREG | 0o644, module.content))
        if module.cpus:
            entries.append((f"{stem}.cpus", stat.S_IFREG | 0o644,
                            "".join(f"{pattern}\n" for pattern in module.cpus).encode()))
        if module.name in parameters:
            entries.append((f"{stem}.parameters", stat.S_IFREG | 0o644,
                            parameters[module.name].encode()))
    entries.append(("TRAILER!!!", 0, b""))
    return b"".join(_entry(number, *entry) for number, entry in enumerate(entries, start=1))
