# SPDX-License-Identifier: GPL-2.0-or-later
"""What a call did besides what the modal call does: ticks, timestamps, other tasks."""

from __future__ import annotations

from collections.abc import Iterator

from tailwalk.profile.pairing import plain_name
from tailwalk.profile.record import AddedPath
from tailwalk.profile.tree import CallTree

_MOST_PATHS = 8

# While one child holds this share of a path's instructions, the path is named by the child.
_MAIN_SHARE = 0.75

# What is known to happen in functions (plain names of v6.12 to v7.3), in the order it is told in.
_EVENTS = (
    ("mpi_powm", "crypto self-tests"),
    ("ecc_point_mult_shamir", "crypto self-tests"),
    ("kdamond_fn", "DAMON's thread"),
    ("rcu_gp_kthread", "RCU's thread"),
    ("kcompactd", "compaction"),
    ("khugepaged", "khugepaged"),
    ("kswapd", "page reclaim"),
    ("wb_workfn", "writeback"),
    ("jbd2_journal_commit_transaction", "journal commit"),
    ("worker_thread", "work of a kernel thread"),
    ("extract_entropy", "RNG reseeding"),
    ("generic_update_time", "timestamp update"),
    ("inode_update_time", "timestamp update"),
    ("ext4_dirty_inode", "timestamp update"),
    ("tick_handle_periodic", "timer tick"),
    ("hrtimer_interrupt", "timer tick"),
    ("timer_interrupt", "timer tick"),
)
_SWITCH = ("schedule", "switch to another task")


def added_paths(other: CallTree, modal: CallTree) -> tuple[list[AddedPath], int]:
    """The paths that only the other call took, the dearest first, and how many more instructions
    (or fewer, if negative) it executed elsewhere.

    The two add up to the difference of the calls' counts, if no path is left out; those beyond
    the dearest are counted as elsewhere.
    """
    known = {_path(modal, index) for index in range(len(modal.nodes))}
    inclusive = other.inclusive()
    children: dict[int, list[int]] = {}
    for index, node in enumerate(other.nodes):
        children.setdefault(node.parent, []).append(index)

    found = []
    for index, node in enumerate(other.nodes):
        if _path(other, index) in known or (
                node.parent >= 0 and _path(other, node.parent) not in known):
            continue
        names = {plain_name(other.nodes[below].function.name) for below in _below(index, children)}
        events = list(dict.fromkeys(event for name, event in _EVENTS if name in names))
        found.append(AddedPath(
            path=list(_main_path(other, index, inclusive, children)), count=inclusive[index],
            events=events or [event for name, event in (_SWITCH,) if name in names]))
    found.sort(key=lambda path: -path.count)
    kept = found[:_MOST_PATHS]
    return kept, other.count - modal.count - sum(path.count for path in kept)


def _path(tree: CallTree, index: int) -> tuple[str, ...]:
    names: list[str] = []
    while index >= 0:
        names.append(tree.nodes[index].function.name)
        index = tree.nodes[index].parent
    return tuple(names)


def _below(index: int, children: dict[int, list[int]]) -> Iterator[int]:
    pending = [index]
    while pending:
        at = pending.pop()
        yield at
        pending += children.get(at, [])


def _main_path(tree: CallTree, index: int, inclusive: list[int],
               children: dict[int, list[int]]) -> Iterator[str]:
    yield tree.nodes[index].function.name
    whole = inclusive[index]
    while below := children.get(index):
        index = max(below, key=lambda child: inclusive[child])
        if inclusive[index] < _MAIN_SHARE * whole:
            return
        yield tree.nodes[index].function.name
