# SPDX-License-Identifier: GPL-2.0-or-later
"""The counting plugins under a machine that is made up: what they count, and that they agree."""

from __future__ import annotations

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
        words.append(f"{address:x}:{one}")
        address += len(one.split("<")[0].split(">")[0]) // 2
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
