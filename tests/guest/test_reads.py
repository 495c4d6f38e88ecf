# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads of a cached file."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.guest


@pytest.fixture(scope="module")
def figures(measured_twice):
    return {figure.case.name: figure.main for figure in measured_twice("reads", calls=300).figures}


def test_reads_are_steady_and_grow_with_their_size(figures):
    assert all(figure.steady for figure in figures.values())
    for call in ("pread", "read", "readv"):
        small, middle, large = (figures[f"{call}_u{size}"].value for size in ("1k", "10k", "100k"))
        assert small < middle < large
    # A page holds a read of 1 KiB, 26 hold one of 100 KiB.
    assert figures["pread_u100k"].value > 10 * figures["pread_u1k"].value
    # read(2) has the file's position to keep, pread(2) does not.
    assert 0 < figures["read_u1k"].value - figures["pread_u1k"].value < 100
    assert figures["readv_u1k"].value < 10 * figures["read_u1k"].value


@pytest.mark.parametrize("name", ["pread_u1k", "readv_u10k"])
def test_a_second_way_of_counting_agrees(name, counted_by_address):
    counted = counted_by_address(name, calls=300)
    assert counted["filemap_read"] > 0
    assert "generic_perform_write" not in counted
