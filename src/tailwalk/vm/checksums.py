# SPDX-License-Identifier: GPL-2.0-or-later
"""Which code of a booted kernel computes the checksums that file systems use.

Up to v6.13 file systems take them from the crypto interface, where the implementation of the
highest priority wins and /proc/crypto names it; a module that is not loaded cannot win. From v6.14
crc32c is the kernel library's (lib/crc), which chooses by the CPU's features when it starts and
shows nothing: whether it was built with code for the architecture is read from the names in the
kernel image (`crc32_optimizations`, there since v6.14 where CONFIG_CRC32_ARCH is on).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import msgspec

from tailwalk.kernels.modules import CHECKSUMS
from tailwalk.machines import GUEST
from tailwalk.probe.protocol import Ready

_SOME_LIBRARY = "the kernel's library"
_LIBRARY = "the kernel's library, for any CPU"
_LIBRARY_FOR_CPU = "the kernel's library, by instructions of the CPU"
_BUILT_FOR_CPU = "crc32_optimizations"
# The library has `crc32c` since v6.14; before, that was a wrapper round the crypto interface
# (lib/libcrc32c.c), and the library had `__crc32c_le`.
_LIBRARY_NAME, _EARLIER_NAME = "crc32c", "__crc32c_le"
_GENERIC = "-generic"
_WRAPPER = "-lib"
"""Drivers that call the library, which shows nothing of the code it chose."""


class Checksum(msgspec.Struct, frozen=True):
    """One checksum on one booted kernel.

    Attributes:
        name: as the crypto interface calls it: `crc32c`.
        code: what computes it: a driver of that interface (`crc32c-intel`), or words.
        unused: the extension of the CPU that has an instruction for it, which the code does not
            use; empty where the CPU has none, or the code uses it.
    """

    name: str
    code: str
    unused: str = ""


def checksums(ready: Ready, names: Callable[[str], bool]) -> tuple[Checksum, ...]:
    """What computes each of CHECKSUMS, as far as it is known; `names` tells whether a name is in
    the kernel's image or its modules."""
    features = _features(ready.modalias)
    found = []
    for name in CHECKSUMS:
        extension, number = GUEST.checksum_instructions.get(name, ("", -1))
        code = _library(names, number in features) if name == "crc32c" else None
        if code is None:
            code = _driver(ready.crypto, name)
        if code is not None:
            software = code == _LIBRARY or code.endswith(_GENERIC)
            found.append(Checksum(name, code, extension if software and number in features else ""))
    return tuple(found)


def _library(names: Callable[[str], bool], has_instruction: bool) -> str | None:
    if names(_BUILT_FOR_CPU):
        return _LIBRARY_FOR_CPU if has_instruction else _LIBRARY
    return _LIBRARY if names(_LIBRARY_NAME) and not names(_EARLIER_NAME) else None


def _driver(crypto: str, name: str) -> str | None:
    """The driver of the highest priority; None where /proc/crypto has none."""
    drivers = [entry for entry in _entries(crypto) if entry.get("name") == name]
    if not drivers:
        return None
    best = max(drivers, key=lambda entry: _priority(entry.get("priority", "")))
    driver = best.get("driver")
    return _SOME_LIBRARY if driver is not None and driver.endswith(_WRAPPER) else driver


def _priority(text: str) -> int:
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else -1


def _entries(crypto: str) -> Iterator[dict[str, str]]:
    for block in crypto.split("\n\n"):
        yield {key.strip(): value.strip() for key, colon, value in (
            line.partition(":") for line in block.splitlines()) if colon}


def _features(modalias: str) -> frozenset[int]:
    """The numbers after `feature:` in a CPU's modalias."""
    listed = modalias.partition("feature:")[2]
    return frozenset(int(number, 16) for number in re.findall(r"(?<=,)[0-9A-F]{4}(?=,|$)", listed))
