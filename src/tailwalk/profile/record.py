# SPDX-License-Identifier: GPL-2.0-or-later
"""The profile: where the instructions of one case's call on one kernel were executed.

Versions of the format:
    tailwalk.profile/1: the first.
    tailwalk.profile/2: the figure is one of tailwalk.run/2.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Annotated, Any

import msgspec

from tailwalk.bounds import MANY, Count, Hexadecimal, Moment, Share, Text, Whole
from tailwalk.errors import RecordError
from tailwalk.kernels.symbols import MOST_SYMBOLS, unpacked_names
from tailwalk.runs import Conditions, Figure, KernelRecord
from tailwalk.runs.metrics import INSTRUCTIONS, Rig
from tailwalk.runs.record import check_figure, decode_record, read_bytes
from tailwalk.runs.version1 import figure_from_1

PROFILE_SCHEMA = "tailwalk.profile/2"

PROFILED_ON: Rig = "exact"
"""The rig of every profile, whose calls are counted one by one."""

Executed = Annotated[str, msgspec.Meta(
    max_length=128, pattern="^0x[0-9a-f]{1,16} [0-9]{1,16} ([0-9a-f]{2})*$")]

_CURE = "Profile again, or take the file from its backup."


class ProfiledFunction(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A function of the kernel and the instructions of one call executed in it itself.

    Attributes:
        name: as /proc/kallsyms has it; `(unknown)` for code that no symbol names.
        module: the module it is in, or None.
        address: of its first byte, hexadecimal.
        count: instructions executed.
        instructions: one text each, by rising address: the offset in the function, how often it
            was executed, and its code, such as `0x1a2 511 4883c008`.
    """

    name: Text
    module: Text | None = None
    address: Hexadecimal
    count: Count
    instructions: Annotated[list[Executed], MANY]


class TreeNode(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A function on one call path.

    Attributes:
        function: index into the profile's functions.
        parent: index of the node it was entered from, or -1.
        entered: how often it was entered.
        count: instructions executed in it itself, on this path.
    """

    function: Count
    parent: Whole
    entered: Count
    count: Count


class Loop(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The busiest loop of one entry of a function.

    Attributes:
        function: index into the profile's functions.
        entry: which of the function's entries, from 0.
        head: offset in the function of the instruction that begins a visit, hexadecimal.
        visits: how often it was executed.
        runs: visits of the same path, one run after the other, as pairs of instructions executed
            in the function itself in each visit, and visits. The last visit reaches to the
            function's end.
        ended_early: did the last visit leave the loop before it had done what another did? It may
            be no visit then, but only the look whether there is one.
    """

    function: Count
    entry: Count
    head: Hexadecimal
    visits: Count
    runs: Annotated[list[tuple[Count, Count]], MANY]
    ended_early: bool


class AddedPath(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something that a call did besides what the modal call does.

    Attributes:
        path: functions from the one that the modal call does not enter there, down to where most
            of the instructions were executed.
        count: instructions executed in it all.
        events: what is known to happen there, such as `timer tick`.
    """

    path: Annotated[list[Text], MANY]
    count: Count
    events: Annotated[list[Text], MANY]


class OtherCalls(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Calls that share a profile that is not the modal one.

    Attributes:
        calls: how many.
        first: number of the first of them, from 0.
        count: kernel instructions of each.
        added: what they did besides, the dearest first.
        elsewhere: the rest of the difference to the modal call: more or fewer instructions where
            the modal call executes some too.
    """

    calls: Count
    first: Count
    count: Count
    added: Annotated[list[AddedPath], MANY]
    elsewhere: Whole


class Profile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The kernel instructions of one call, by function.

    The profile is that of the modal calls: those with the figure's value whose instructions,
    counted by address, are the same; of a case that was alone in its guest that of the first call
    which took just the median, with the kernel's threads in it and without the disk's driver.
    `count` and the figure's user instructions are together the figure's value, and the functions'
    counts add up to `count`.

    Attributes:
        figure: what the exact rig has for the case, measured in the same guest.
        count: kernel instructions of a modal call.
        unattributed: of these, the ones in code that no symbol names.
        share: share of the calls that have this profile, or this median.
        functions: the dearest first.
        tree: parents before their children.
        loops: in order of entry.
        others: calls with other profiles, the most instructions added in all first.
        others_left: how many calls have profiles beyond those in `others`.
        symbols: names of all functions of the kernel, for telling an inlined function from one
            that was not called: lines, compressed by zlib, in base64.
        plugin: sha256 of the counting plugin.
        inputs: digest of everything the profile follows from.
    """

    schema: str = PROFILE_SCHEMA
    tailwalk: Text
    created: Moment
    kernel: KernelRecord
    conditions: Conditions
    plugin: Text
    inputs: Text
    figure: Figure
    count: Count
    unattributed: Count
    share: Share
    functions: Annotated[list[ProfiledFunction], MANY]
    tree: Annotated[list[TreeNode], MANY]
    loops: Annotated[list[Loop], MANY]
    others: Annotated[list[OtherCalls], MANY]
    others_left: Count
    symbols: Annotated[str, msgspec.Meta(max_length=MOST_SYMBOLS)]

    def symbol_names(self) -> frozenset[str]:
        """The names of all functions of the kernel."""
        return unpacked_names(self.symbols)


def read_profile(path: Path) -> Profile:
    """The profile in a file.

    Raises RecordError for a file that is missing, is no profile, is damaged, or was written by a
    newer version of the format.
    """
    return decode_profile(read_bytes(path), str(path))


def decode_profile(content: bytes, source: str) -> Profile:
    """The profile in `content`; `source` names it in errors (RecordError, as `read_profile`)."""
    profile = decode_record(content, source, Profile, schema=PROFILE_SCHEMA, cure=_CURE,
                            older={"tailwalk.profile/1": _from_1})
    check_figure(profile.figure, INSTRUCTIONS, source, cure=_CURE)
    try:
        profile.symbol_names()
    except (ValueError, zlib.error) as error:
        raise RecordError(f"{source} is damaged: {error}. {_CURE}") from error
    if not _balances(profile):
        raise RecordError(f"{source} is damaged: its functions do not add up to the "
                          f"{profile.count} kernel instructions of a call. {_CURE}")
    return profile


def _from_1(document: dict[str, Any]) -> dict[str, Any]:
    figure = figure_from_1(document.get("figure"), INSTRUCTIONS.unit)
    return {**document, "figure": figure}


def _balances(profile: Profile) -> bool:
    return (sum(function.count for function in profile.functions) == profile.count
            and profile.unattributed <= profile.count
            and sum(node.count for node in profile.tree) == profile.count
            and all(-1 <= node.parent < at and 0 <= node.function < len(profile.functions)
                    for at, node in enumerate(profile.tree))
            and all(0 <= loop.function < len(profile.functions) for loop in profile.loops))
