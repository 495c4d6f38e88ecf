# SPDX-License-Identifier: GPL-2.0-or-later
"""The counting plugins under a machine that is made up: what they count, and that they agree."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_plugins import build, write_sources
from made_profiles import KERNEL

from tailwalk.kernels.symbols import Function, SymbolTable
from tailwalk.probe.protocol import Calls
from tailwalk.profile.trace import read_recording
from tailwalk.profile.tree import build_tree
from tailwalk.rigs.alone import read_splits

pytestmark = pytest.mark.slow

NAMES = ["code", "driver", "done", "change"]
AT = {name: KERNEL + 0x100 * number for number, name in enumerate(NAMES)}
SYMBOLS = SymbolTable(Function(name, None, at) for name, at in AT.items())
USER = 0x401000
READING = "0f31"


def marker(number: int) -> str:
    return f"0f1f8400{number:02x}574c54"


def block(address: int, *instructions: str) -> str:
    """A block of instructions: the bytes of each, and what it loads or stores."""
    words = []
    for one in instructions:
        if one == "!":  # what follows is not executed
            words.append(one)
            continue
        words.append(f"{address:x}:{one}")
        address += len(re.split("[<>]", one)[0]) // 2
    return " ".join(words)


def run(name: str, length: int = 1, *, at: int = 0) -> str:
    return block(AT[name] + at, *["90"] * length)


def change(task: int, other: int) -> str:
    """The kernel changes tasks, in the middle of a block."""
    left, taken = (0xffff888000001218 + 0x1000 * number for number in (task, other))
    return block(AT["change"], "90", f"4889a718120000>{left:x}", f"488ba618120000<{taken:x}",
                 "90", "90")


def step(*kernel: str, before: tuple[str, ...] = (), after: tuple[str, ...] = ()) -> list[str]:
    """A step of a call with what interrupts the probe before its first reading of the counter and
    after its second."""
    return [block(USER, marker(1)), *before, block(USER + 8, READING, "90", "90"), *kernel,
            block(USER + 12, READING), *after, block(USER + 14, marker(2))]


def counted(blocks: list[str]) -> int:
    """What the guest's own counter says of a step: from one reading to the other."""
    words = " ".join(blocks).split()
    first, second = (at for at, word in enumerate(words) if word.endswith(f":{READING}"))
    return second - first


@pytest.fixture(scope="module")
def plugin(tmp_path_factory) -> Callable[..., bytes]:
    """What a plugin writes of blocks that are executed."""
    folder = tmp_path_factory.mktemp("plugins")
    write_sources(folder)
    for name in ("split", "trace"):
        build(folder, [f"{name}/{name}.c"], f"{name}/run")

    def executed(name: str, blocks: list[str]) -> bytes:
        arguments = ["newborn=0", f"driver={AT['driver']}:{AT['done']}"] if name == "split" else []
        return subprocess.run([folder / name / "run", "output=1", *arguments], check=True,
                              input="\n".join(blocks).encode(), capture_output=True,
                              timeout=60).stdout

    return executed


def test_what_interrupts_the_probe_between_marker_and_reading_is_not_counted(plugin) -> None:
    quiet, loud = step(run("code", 5)), step(run("code", 5), before=(run("code", 7),),
                                             after=(run("code", 9),))
    [splits] = read_splits(plugin("split", [*3 * step(), *quiet, *loud]),
                           [Calls(3, (counted(quiet), counted(loud)))], "made")
    assert [(split.total, split.user) for split in splits] == [(8, 3)] * 2


def test_what_another_task_does_is_not_the_callers(plugin) -> None:
    call = step(change(0, 1), run("code", 40), change(1, 0), run("code", 2))
    [[split]] = read_splits(plugin("split", [*3 * step(), *call]), [Calls(3, (counted(call),))],
                            "made")
    # A change is three instructions of the task that is left, and two of the other.
    assert split.others == {"other threads": 2 + 40 + 3}
    assert split.total == 3 + 3 + 45 + 2 + 2


INTERRUPTS = st.lists(st.builds(run, st.just("code"), st.integers(1, 9)), max_size=1)


@given(INTERRUPTS, INTERRUPTS, st.lists(st.one_of(
    st.builds(run, st.just("code"), st.integers(1, 9), at=st.just(8)),
    st.builds(run, st.just("driver"), st.integers(1, 9), at=st.just(8)),
    st.builds(run, st.sampled_from(["driver", "done"]), st.integers(1, 9)),
    st.integers(0, 2))))
def test_a_profile_has_what_the_figure_has_whoever_preempts_the_driver(
        plugin, before, after, happens) -> None:
    task, executed = 0, []
    for one in [*happens, 0]:
        executed.append(change(task, one) if isinstance(one, int) else one)
        task = one if isinstance(one, int) else task
    call = step(*executed, before=(*before,), after=(*after,))
    blocks = [*3 * step(), *call]
    [[split]] = read_splits(plugin("split", blocks), [Calls(3, (counted(call),))], "made")
    recording = read_recording(plugin("trace", blocks), 1)
    tree = build_tree(recording.trace(recording.calls[0].profile), SYMBOLS,
                      apart=("driver", "done"))
    assert (tree.apart, tree.count) == (split.apart, split.total - split.user)


FINISHED = ["90", "4889c7", "4883c001", "8d4708", "0fb6c0", "0f1f4000", "f30f1efa", "c1e004"]
STACK = ["53", "415d", "488b442408", "4c89742410", "c744240800000000"]
OF_CPU = ["65488b0425b0010200", "654c8b2d19a02b02", "488b05f9ffffff", "65ff0d10203040"]
FAULTS = ["488b07", "488b4708", "498b442408", "49890424", "c6", "ff4008", "f3a4", "0fb60f",
          "f00fc107", "480fc70f", "ff5008", "48f7f1", "668907", "8b0425b0c05fff", "6766"]
IN_USER = [one for one in [*STACK, *OF_CPU] if one != "4c89742410"]


@pytest.mark.parametrize(("address", "faults"), [
    *((AT["code"], one) for one in FAULTS), *((USER, one) for one in [*FAULTS, *IN_USER])])
def test_what_a_fault_keeps_from_being_executed_is_not_counted(plugin, address, faults) -> None:
    call = step(block(address + 0x40, "90", "4889c7", faults, "!", "90", "4889c7"))
    [[split]] = read_splits(plugin("split", [*3 * step(), *call]), [Calls(3, (6,))], "made")
    assert (split.total, split.user) == (6, 3 if address == AT["code"] else 6)


@given(st.lists(st.tuples(
    st.lists(st.sampled_from([*FINISHED, *STACK, *OF_CPU, *FAULTS]), max_size=8),
    st.sampled_from(["", *FAULTS]))),
    st.integers(0, 14), st.integers(1, 8))
def test_every_instruction_is_counted_as_it_is_executed(plugin, blocks, left, last) -> None:
    executed = [block(AT["code"], *body, *([end, "!", "90", "53"] if end else []))
                for body, end in blocks if body or end]
    here = KERNEL + 0x1000 - left - 2 * last
    page = block(here, *["89c7"] * last, "!", "66") if left else run("code")
    call = step(*executed, page)
    kernel = sum(len(body) + bool(end) for body, end in blocks) + (last if left else 1)
    [[split]] = read_splits(plugin("split", [*3 * step(), *call]), [Calls(3, (kernel + 3,))],
                            "made")
    assert (split.total, split.user) == (kernel + 3, 3)
