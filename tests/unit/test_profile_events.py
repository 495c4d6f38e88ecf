# SPDX-License-Identifier: GPL-2.0-or-later
"""What a call did besides what the modal call does, by the paths that it alone took."""

from __future__ import annotations

import pytest

from tailwalk.kernels.symbols import Function
from tailwalk.profile.events import added_paths
from tailwalk.profile.record import AddedPath
from tailwalk.profile.tree import CallTree, PathNode


def tree(*nodes: tuple[str, int, int]) -> CallTree:
    """Of nodes with name, parent and count."""
    return CallTree([PathNode(Function(name, None, 0), parent, 1, count)
                     for name, parent, count in nodes], {})


MODAL = tree(("vfs_write", -1, 90), ("ext4_write", 0, 200))


def test_a_path_is_named_down_to_the_child_that_it_is_spent_in() -> None:
    other = tree(("vfs_write", -1, 90), ("ext4_write", 0, 210), ("asm_tick", 1, 4),
                 ("hrtimer_interrupt", 2, 6), ("tick", 3, 90), ("one", 4, 50), ("two", 4, 50))
    assert added_paths(other, MODAL) == (
        [AddedPath(path=["asm_tick", "hrtimer_interrupt", "tick"], count=200,
                   events=["timer tick"])], 10)


@pytest.mark.parametrize(("names", "events"), [
    (["schedule"], ["switch to another task"]),
    (["schedule", "worker_thread"], ["work of a kernel thread"]),
    (["worker_thread", "wb_workfn"], ["writeback", "work of a kernel thread"]),
    (["generic_update_time", "ext4_dirty_inode"], ["timestamp update"]),
    (["generic_update_time.isra.0"], ["timestamp update"]),
    (["nobody_knows"], []),
])
def test_what_is_known_to_happen_is_told_in_one_order(names: list[str], events: list[str]) -> None:
    nodes = [("vfs_write", -1, 90), ("ext4_write", 0, 200)]
    other = tree(*nodes, *((name, 1 + at, 10) for at, name in enumerate(names)))
    [path], elsewhere = added_paths(other, MODAL)
    assert (path.events, path.count, elsewhere) == (events, 10 * len(names), 0)


def test_the_dearest_are_told_and_the_rest_is_counted_as_elsewhere() -> None:
    other = tree(("vfs_write", -1, 90), ("ext4_write", 0, 200),
                 *((f"path{number}", 0, number) for number in range(1, 11)))
    found, elsewhere = added_paths(other, MODAL)
    assert [path.count for path in found] == [10, 9, 8, 7, 6, 5, 4, 3]
    assert elsewhere == 1 + 2
    assert sum(path.count for path in found) + elsewhere == other.count - MODAL.count


def test_a_call_like_the_modal_one_added_nothing() -> None:
    assert added_paths(MODAL, MODAL) == ([], 0)
