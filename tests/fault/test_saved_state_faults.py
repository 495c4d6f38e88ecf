# SPDX-License-Identifier: GPL-2.0-or-later
"""A saved state that is whole, and one that is not."""

from __future__ import annotations

import os
import time

import pytest

from stand_ins import Notes
from tailwalk.cases import Filesystem
from tailwalk.errors import GuestError
from tailwalk.vm.guest import Guest

pytestmark = pytest.mark.guest


@pytest.fixture
def booted(own_bench, kernel):
    return own_bench.boot(kernel("debian:6.12"), Filesystem())


@pytest.fixture
def guest(own_bench, kernel, booted) -> Guest:
    return own_bench.guest(kernel("debian:6.12"), booted, b"end\n")


def test_qemu_has_nothing_to_say_about_a_whole_one(guest):
    with guest:
        guest.start_job(120)
        list(guest.frames(120))
        guest.finish(time.monotonic() + 120)
        assert guest.console == ""


@pytest.mark.parametrize("keep", [0.5, 0.0])
def test_one_that_is_cut_short_is_named_with_the_way_out(own_bench, kernel, booted, keep):
    rest = booted.place / "state"
    whole = rest.read_bytes()
    rest.write_bytes(whole[:int(keep * len(whole))])
    guest = own_bench.guest(kernel("debian:6.12"), booted, b"end\n")
    with guest, pytest.raises(GuestError, match="cannot restore the saved state") as caught:
        guest.start_job(120)
    assert f"Remove {booted.place} and run the command again" in str(caught.value)
    assert "load of migration failed" in str(caught.value)


@pytest.mark.parametrize("name", ["state", "memory"])
def test_nine_bytes_exchanged_are_seen_and_the_state_is_made_again(own_bench, kernel, booted, name):
    where = booted.place / name
    size = where.stat().st_size
    before = where.stat()
    with where.open("r+b") as stream:
        stream.seek(size * 2 // 3)
        stream.write(b"nine byte")
    os.utime(where, ns=(before.st_atime_ns, before.st_mtime_ns))
    own_bench.cache.progress = notes = Notes()
    again = own_bench.boot(kernel("debian:6.12"), Filesystem())
    assert again.place == where.parent
    note, = notes.said
    assert f"{where.parent} in the cache is damaged ({name} is not what was kept)" in note
    with own_bench.guest(kernel("debian:6.12"), again, b"end\n") as guest:
        guest.start_job(120)
        list(guest.frames(120))
