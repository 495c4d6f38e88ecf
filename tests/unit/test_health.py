# SPDX-License-Identifier: GPL-2.0-or-later
"""What `tailwalk doctor` says of a machine."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from stand_ins import put_program
from tailwalk.cache import Cache
from tailwalk.cli import group
from tailwalk.errors import ToolError
from tailwalk.lab.health import Look, examine
from tailwalk.vm.qemu import find_qemu


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with no program in it, the only one that programs are looked for in."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def examined(folder: Path, name: str) -> Look:
    return next(check for check in examine(Cache(folder / "cache")) if check.name == name)


def test_debian_kernels_need_zstd(programs: Path, tmp_path: Path) -> None:
    check = examined(tmp_path, "zstd")
    assert check.state == "missing"
    assert "apt-get install zstd" in check.found
    put_program(programs / "zstd", "")
    assert examined(tmp_path, "zstd") == Look("zstd", "ok", str(programs / "zstd"))


def test_a_qemu_that_was_there_is_looked_for_again(programs: Path) -> None:
    put_program(programs / "qemu-system-x86_64", "echo QEMU emulator version 8.2.1")
    assert find_qemu().version == "8.2.1"
    (programs / "qemu-system-x86_64").unlink()
    with pytest.raises(ToolError, match="qemu-system-x86_64 is missing"):
        find_qemu()


@pytest.mark.usefixtures("programs")
@pytest.mark.parametrize(("name", "state", "said"), [
    ("qemu", "missing", "qemu-system-x86"), ("cc and a static libc", "missing", "gcc"),
    ("compiler for src: specs", "optional", "gcc"), ("apt-get", "optional", "no apt-get"),
])
def test_what_is_not_there_is_named_with_its_package(name: str, state: str, said: str,
                                                     tmp_path: Path) -> None:
    check = examined(tmp_path, name)
    assert check.state == state
    assert said in check.found


@pytest.mark.usefixtures("programs")
def test_room_is_looked_for_where_the_cache_will_be(tmp_path: Path) -> None:
    check = examined(tmp_path, "disk space")
    assert not (tmp_path / "cache").exists()
    assert f"GiB free for the cache in {tmp_path / 'cache'}" in check.found


@pytest.mark.usefixtures("programs")
def test_a_machine_without_programs_is_told_all_that_it_lacks() -> None:
    done = CliRunner().invoke(group, ["doctor", "--self-test"])
    assert done.exit_code == 2
    assert "MISSING  qemu: " in done.stdout and "MISSING  cc and a static libc: " in done.stdout
    assert "absent   kvm: " in done.stdout
    assert "self-test" not in done.stdout
