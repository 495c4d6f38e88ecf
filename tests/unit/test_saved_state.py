# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailwalk.errors import GuestError
from tailwalk.vm.memory import Memory, Saved, read_state
from tailwalk.vm.qemu import Machine, MemoryFile, Qemu, arguments, state_as_file


@pytest.mark.parametrize(("version", "incoming"), [
    ("7.2.22", None), ("8.2.4", None), ("9.0.2", None),
    ("9.1.0", "file:/dev/fdset/2"), ("10.0.13", "file:/dev/fdset/2"),
    ("11.0.50", "file:/dev/fdset/2")])
def test_a_saved_state_is_named_as_each_qemu_asks_for_it(version: str,
                                                         incoming: str | None) -> None:
    assert state_as_file(Qemu("qemu-system-x86_64", version, "")) == incoming


def line(**given: Any) -> str:
    return " ".join(arguments(
        Machine(), qemu=Qemu("qemu-system-x86_64", "7.2.22", ""), kernel=Path("vmlinux"),
        initramfs=Path("initramfs"), channel=3, control=4, job=5, **given))


def test_only_what_goes_on_from_a_state_waits_for_it() -> None:
    assert "-incoming defer" in line(restored=True)
    assert "-incoming" not in line()


def test_memory_in_a_file_is_ones_own_unless_it_is_to_be_saved() -> None:
    backend = "mem-path=/proc/self/fd/9,size=1024M,share="
    assert f"{backend}off" in line(memory=MemoryFile(9, shared=False))
    assert f"{backend}on" in line(memory=MemoryFile(9, shared=True))
    assert "memory-backend" not in line()


PAGE = 4096
CONTENT = st.dictionaries(st.integers(0, 63), st.integers(1, 255))


def filled(content: dict[int, int]) -> Memory:
    memory = Memory(64 * PAGE)
    for page, byte in content.items():
        os.pwrite(memory.descriptor, bytes([byte]), page * PAGE + 17 * page)
    return memory


def held(memory: Memory) -> bytes:
    return os.pread(memory.descriptor, memory.size, 0)


@given(CONTENT)
def test_what_is_packed_comes_back_and_a_page_of_zeros_takes_no_room(
        tmp_path_factory: pytest.TempPathFactory, content: dict[int, int]) -> None:
    memory, path = filled(content), tmp_path_factory.mktemp("memory") / "memory"
    os.pwrite(memory.descriptor, bytes(PAGE), 5 * PAGE)
    content.pop(5, None)
    memory.pack(path)
    with path.open("rb") as stream:
        assert held(Memory.unpack(stream, memory.size)) == held(memory)
    assert path.stat().st_size <= len(content) * (PAGE + 16)


@given(CONTENT)
def test_a_copy_holds_the_same_and_is_one_of_its_own(content: dict[int, int]) -> None:
    memory = filled(content)
    before, copy = held(memory), memory.copy()
    assert held(copy) == before
    os.pwrite(copy.descriptor, b"other", 0)
    assert held(memory) == before


@pytest.mark.parametrize("keep", [1, 15, 20, -1])
def test_a_torn_file_is_refused(tmp_path: Path, keep: int) -> None:
    Saved(filled({3: 7, 9: 7}), b"rest").keep(tmp_path)
    whole = (tmp_path / "memory").read_bytes()
    (tmp_path / "memory").write_bytes(whole[:keep])
    with pytest.raises(GuestError, match=r"damaged \(.*torn\): remove it"):
        read_state(tmp_path, 64 * PAGE)


def test_a_file_is_unpacked_once_for_all_and_again_when_it_changed(tmp_path: Path) -> None:
    Saved(filled({3: 7}), b"rest").keep(tmp_path)
    first = read_state(tmp_path, 64 * PAGE)
    assert read_state(tmp_path, 64 * PAGE).memory is first.memory
    filled({3: 8}).pack(tmp_path / "another")
    (tmp_path / "another").replace(tmp_path / "memory")
    assert held(read_state(tmp_path, 64 * PAGE).memory)[3 * PAGE + 51] == 8
    (tmp_path / "state").write_bytes(b"more than the rest")
    assert (first.rest, read_state(tmp_path, 64 * PAGE).rest) == (b"rest", b"more than the rest")
