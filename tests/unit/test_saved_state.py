# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest

from tailwalk.vm.qemu import Machine, Qemu, arguments, state_as_file


@pytest.mark.parametrize(("version", "incoming"), [
    ("7.2.22", "fd:9"), ("8.2.4", "fd:9"), ("9.0.2", "fd:9"),
    ("9.1.0", "file:/dev/fdset/2"), ("10.0.13", "file:/dev/fdset/2"),
    ("11.0.50", "file:/dev/fdset/2")])
def test_a_saved_state_is_named_as_each_qemu_asks_for_it(version: str, incoming: str) -> None:
    qemu = Qemu("qemu-system-x86_64", version, "")

    def line(state: int | None) -> list[str]:
        return arguments(Machine(), qemu=qemu, kernel=Path("vmlinux"), initramfs=Path("initramfs"),
                         channel=3, control=4, job=5, state=state)

    words = line(9)
    assert words[words.index("-incoming") + 1] == incoming
    # What is named by its set has to be in it, and saved by the same name.
    assert ("fd=9,set=2" in words) == incoming.startswith("file:")
    assert (state_as_file(qemu) or "fd:9") == incoming
    assert "-incoming" not in line(None)
