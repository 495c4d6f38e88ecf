# SPDX-License-Identifier: GPL-2.0-or-later
"""Why a case costs more on one kernel than on another: the functions that carry the difference,
and what is known of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tailwalk.profile.difference import check_comparable
from tailwalk.profile.pairing import PairedNode, function_counts, paired_tree, plain_name
from tailwalk.profile.record import Profile

_LEAST = 0.5
_TOKEN = 0.02


@dataclass(frozen=True, kw_only=True)
class Known:
    """Something that is known to make calls dearer.

    Attributes:
        cause: as a sentence without its full stop.
        functions: the kernel functions that it is known by, by their newest names.
        whole: does what they call belong to it?
        token: functions of which one has to carry a part that can be seen, where others of
            `functions` carry differences of other causes too.
        explained: why that is so, as sentences.
        page: of the documentation that says more, from `docs` on, and its heading.
    """

    cause: str
    functions: frozenset[str]
    explained: str
    page: str
    whole: bool = False
    token: frozenset[str] = frozenset()


def _names(text: str) -> frozenset[str]:
    return frozenset(map(plain_name, text.split()))


# v6.18: fs/ext4/inode.c, fs/ext4/page-io.c, fs/buffer.c.
_WRITEBACK = "mpage_process_page_bufs ext4_bio_write_folio ext4_finish_bio"
KNOWN = (
    Known(cause="a write walks the buffer heads of the whole folio",
          functions=_names("ext4_block_write_begin __block_write_begin_int block_commit_write"),
          explained="ext4 looks at the buffer head of each block of the folio, before and after it "
                    "copies, however few bytes are written.",
          page="explanation/upgrade.md#walks-in-the-write"),
    Known(cause="writeback walks the buffer heads of the whole folio",
          functions=_names(_WRITEBACK),
          explained="To write one dirty block back, ext4 looks at the buffer heads of all blocks "
                    "of the folio three times.",
          page="explanation/upgrade.md#walks-in-writeback"),
    Known(cause="the folio is dirtied, and so written back, as a whole",
          functions=_names(f"block_dirty_folio bio_add_folio bio_add_page bvec_try_merge_page "
                           f"wbc_account_cgroup_owner {_WRITEBACK}"),
          token=_names("block_dirty_folio bio_add_folio"),
          explained="A store through a mapping makes every block of the folio dirty, so that a "
                    "sync writes all of them.",
          page="explanation/upgrade.md#a-folio-dirtied-whole"),
    Known(cause="buffer heads are made for the whole folio",
          functions=_names("create_empty_buffers folio_alloc_buffers"), whole=True,
          explained="The first write to a folio that was read in allocates a buffer head for each "
                    "of its blocks.",
          page="explanation/upgrade.md#buffer-heads-of-a-whole-folio"),
    Known(cause="checksums are computed in software",
          functions=_names("crc32c_base crc32c_generic crc32c_le_base crc32_le_base crc32c_le "
                           "__crc32c_le crc32c_arch"),
          explained="The kernel does not use the CPU's instruction for them, as it does on a "
                    "server.",
          page="explanation/counting.md#the-guests-cpu"),
)


@dataclass(frozen=True, kw_only=True)
class Explained:
    """What two profiles of one case say.

    Attributes:
        difference: by how many kernel instructions a call executes more on the second.
        carriers: the functions whose own instructions differ in the same direction, with by how
            many, the largest difference first.
        causes: what is known to make the call dearer, with the share of the difference.
    """

    difference: int
    carriers: list[tuple[str, int]]
    causes: list[tuple[Known, float]]


def explain(first: Profile, second: Profile) -> Explained:
    """The second profile against the first.

    A cause is named where its functions carry at least half of the difference. Raises UsageError
    for profiles that cannot be compared.
    """
    check_comparable(first, second)
    nodes = paired_tree([first, second])
    changes = {name: after - before
               for name, (before, after) in function_counts(nodes).items()}
    total = sum(changes.values())
    sign = 1 if total > 0 else -1
    carriers = sorted(((name, change) for name, change in changes.items() if change * sign > 0),
                      key=lambda item: (-abs(item[1]), item[0]))
    if total <= 0:
        return Explained(difference=total, carriers=carriers, causes=[])

    within = list(_within(nodes))

    def share(known: Known) -> float:
        return sum(node.counts[1] - node.counts[0] for node, above in zip(
            nodes, within, strict=True) if not known.functions.isdisjoint(
                above if known.whole else {node.name})) / total

    shares = [(known, share(known)) for known in KNOWN
              if not known.token or sum(changes.get(name, 0)
                                        for name in known.token) >= _TOKEN * total]
    causes = sorted((one for one in shares if one[1] >= _LEAST), key=lambda one: -one[1])
    return Explained(difference=total, carriers=carriers, causes=causes)


def _within(nodes: Sequence[PairedNode]) -> Iterator[frozenset[str]]:
    """The functions on each node's path, itself among them."""
    found: list[frozenset[str]] = []
    for node in nodes:
        above = found[node.parent] if node.parent >= 0 else frozenset()
        found.append(above | {node.name})
        yield found[-1]
