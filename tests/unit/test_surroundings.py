# SPDX-License-Identifier: GPL-2.0-or-later
"""What the host rig learns of its surroundings."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refused import unprivileged
from tailwalk.cases import MIB
from tailwalk.errors import HostError, UsageError
from tailwalk.host.surroundings import (
    Mount,
    examine_place,
    machine_facts,
    mount_of,
    parse_mountinfo,
    running_kernel,
)

MOUNTINFO = r"""
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard
30 22 0:26 / /dev/shm rw,nosuid shared:5 - tmpfs tmpfs rw,size=1024k
31 22 254:1 / /srv/two\040words\134x rw - xfs /dev/vdb rw,attr2
32 22 254:2 / /srv rw - ext4 /dev/vdc rw
33 22 0:40 /@home /srv rw,noatime - btrfs /dev/vdd rw,subvol=/@home
broken line
"""


def test_reads_mounts() -> None:
    mounts = parse_mountinfo(MOUNTINFO)
    assert mounts[0] == Mount("/", "ext4", "rw,relatime,discard")
    assert mounts[2] == Mount("/srv/two words\\x", "xfs", "rw,attr2")
    assert len(mounts) == 5


@pytest.mark.parametrize(("directory", "kind"), [
    ("/", "ext4"), ("/dev/shm/a", "tmpfs"), ("/dev/shmoo", "ext4"), ("/srv/x/y", "btrfs"),
    ("/srv/two words\\x/y", "xfs"), ("/srv/two", "btrfs"),
])
def test_finds_the_mount_nearest_and_last(directory: str, kind: str) -> None:
    mount = mount_of(Path(directory), parse_mountinfo(MOUNTINFO))
    assert mount is not None
    assert mount.kind == kind


@given(st.text())
def test_no_text_breaks_the_reader(text: str) -> None:
    mount_of(Path("/somewhere"), parse_mountinfo(text))


def test_this_machine_is_described() -> None:
    place = examine_place(Path(), MIB)
    assert place.filesystem.block_size >= 512
    assert place.filesystem.kind != "unknown"
    assert place.directory.is_relative_to(place.mount_point)
    facts = machine_facts(0)
    assert facts["cpus"].isdecimal()
    kernel = running_kernel()
    assert (kernel.spec, kernel.release) == ("host", running_kernel().release)
    assert len(kernel.digest) == 64


def test_refuses_what_is_no_directory(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for name in ("file", "none", "file/none"):
        with pytest.raises(UsageError, match="directory"):
            examine_place(tmp_path / name, MIB)


def test_refuses_a_full_directory(tmp_path: Path) -> None:
    with pytest.raises(HostError, match=r"KiB free, and measuring takes a file of .* KiB"):
        examine_place(tmp_path, 1 << 60)


def test_refuses_a_directory_that_may_not_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    with pytest.raises(HostError, match="you lack the permission"):
        unprivileged(lambda: examine_place(tmp_path, MIB))
