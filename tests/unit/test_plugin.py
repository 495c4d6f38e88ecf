# SPDX-License-Identifier: GPL-2.0-or-later
"""Which plugin is built for which QEMU, and that every one of them compiles."""

from __future__ import annotations

import subprocess

import pytest

from tailwalk.plugins.build import build_plugin
from tailwalk.vm.qemu import Qemu, plugin_interface


@pytest.mark.parametrize(("version", "interface"), [
    ("7.2.22", 1), ("8.2.0", 1), ("9.0.4", 2), ("9.1.0", 3), ("9.2.0", 4),
    ("10.0.2", 4), ("11.0.50", 4),
])
def test_each_qemu_gets_its_interface(version: str, interface: int):
    assert plugin_interface(Qemu("qemu-system-x86_64", version, "")) == interface


@pytest.mark.parametrize("name", ["trace", "split", "calls"])
@pytest.mark.parametrize("version", [
    "7.2.22", *(pytest.param(one, marks=pytest.mark.slow) for one in ("9.0.0", "9.1.0", "10.0.2"))])
def test_the_plugin_compiles_and_exports_what_qemu_looks_for(name, version: str):
    plugin = build_plugin(name, Qemu("qemu-system-x86_64", version, ""))
    exported = subprocess.run(["nm", "-D", "--defined-only", plugin.path], capture_output=True,
                              text=True, check=True).stdout.split()
    assert {"qemu_plugin_install", "qemu_plugin_version"} <= set(exported)
    assert "output_frame" not in exported
