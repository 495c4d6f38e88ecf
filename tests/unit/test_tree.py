# SPDX-License-Identifier: GPL-2.0-or-later
"""Call trees from traces: calls, returns, jumps, interrupts, switches of task."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from made_profiles import KERNEL, run

from tailwalk.kernels.symbols import UNKNOWN, Function, SymbolTable
from tailwalk.profile.trace import Block, Event, Pushed, Stretch, Switched, Taken
from tailwalk.profile.tree import build_tree

# Functions of 256 bytes each: 64 instructions of the made-up blocks.
NAMES = ["outer", "callee", "tail", "asm_sysvec_tick", "tick", "other_task", "entry",
         "driver", "done"]
AT = {name: 0x100 * number for number, name in enumerate(NAMES)}
SYMBOLS = SymbolTable([*(Function(name, None, KERNEL + at) for name, at in AT.items()),
                       Function("_etext", None, KERNEL + 0x100 * len(NAMES))])
IRETQ = bytes(4) + b"\x00\x00\x48\xcf"


def step(name: str, at: int = 0, length: int = 1, **given: object) -> Stretch:
    return run(AT[name] + at, length, **given)


def paths(tree) -> dict[str, tuple[int, int]]:
    """Instructions and entries by call path."""
    found: dict[str, tuple[int, int]] = {}
    names: list[str] = []
    for node in tree.nodes:
        names.append(f"{names[node.parent]};{node.function.name}" if node.parent >= 0
                     else node.function.name)
        found[names[-1]] = (node.count, node.entered)
    return found


def test_calls_and_returns():
    tree = build_tree([step("outer", 0, 3), Pushed(80), step("callee", 0, 5), Taken(80),
                       step("outer", 12, 2), Pushed(80), step("callee", 0, 5), Taken(80),
                       step("outer", 20, 1)], SYMBOLS)
    assert paths(tree) == {"outer": (6, 1), "outer;callee": (10, 2)}
    assert tree.inclusive() == [16, 10]


def test_a_tail_call_returns_for_its_caller():
    tree = build_tree([step("outer"), Pushed(80), step("callee"), step("tail", 0, 7), Taken(80),
                       step("outer", 4)], SYMBOLS)
    assert paths(tree) == {"outer": (2, 1), "outer;callee": (1, 1), "outer;callee;tail": (7, 1)}


def test_an_interrupt_between_a_call_and_its_callee():
    tree = build_tree([step("outer"), Pushed(80),
                       step("asm_sysvec_tick"), Pushed(40), step("tick", 0, 9), Taken(40),
                       step("asm_sysvec_tick", 4, 2, code=IRETQ),
                       step("callee", 0, 3), Taken(80), step("outer", 4)], SYMBOLS)
    assert paths(tree) == {
        "outer": (2, 1), "outer;asm_sysvec_tick": (3, 1), "outer;asm_sysvec_tick;tick": (9, 1),
        "outer;callee": (3, 1)}


def test_an_interrupt_within_a_function_returns_to_it():
    tree = build_tree([step("outer"), step("asm_sysvec_tick", 0, 2, code=IRETQ),
                       step("outer", 4), step("tail")], SYMBOLS)
    assert paths(tree) == {"outer": (2, 1), "outer;asm_sysvec_tick": (2, 1), "outer;tail": (1, 1)}


def test_another_task_in_between_does_not_break_the_stack():
    """The other task returns from slots of its own stack that no call was seen to store to."""
    tree = build_tree([step("outer"), Pushed(80), step("callee"),
                       Taken(9040), step("other_task", 0, 4), Taken(9080), step("other_task", 8),
                       Pushed(9000), step("tick"), Taken(80), step("outer", 4, 2)], SYMBOLS)
    assert paths(tree)["outer"] == (3, 1)
    assert paths(tree)["outer;callee;other_task"] == (5, 1)


def test_a_function_that_moves_its_return_address_is_left_by_where_it_returns_to():
    tree = build_tree([step("outer"), Pushed(80), step("callee"), Taken(40), step("outer", 4),
                       step("tail")], SYMBOLS)
    assert paths(tree) == {"outer": (2, 1), "outer;callee": (1, 1), "outer;tail": (1, 1)}


def test_a_block_left_halfway_and_one_that_repeats_itself():
    tree = build_tree([step("outer", 0, 8, executed=3), step("tail", 0, 1, times=128)], SYMBOLS)
    assert paths(tree) == {"outer": (3, 1), "outer;tail": (128, 1)}
    assert tree.addresses()[tree.nodes[1].function] == {KERNEL + AT["tail"]: 128}


def test_a_block_across_two_functions_is_counted_in_each():
    tree = build_tree([step("outer", 0xf8, 5)], SYMBOLS)
    assert paths(tree) == {"outer": (2, 1), "outer;callee": (3, 1)}


def test_code_without_a_symbol_and_user_code():
    user = Stretch(Block(0x401000, b"\x04", bytes(4)), 1, 1)
    tree = build_tree([user, run(0x10000, 6), user], SYMBOLS)
    assert [(node.function, node.count) for node in tree.nodes] == [(UNKNOWN, 6)]


def with_driver(*events: Event) -> tuple[dict[str, int], int]:
    """Instructions by function, and those of the driver, which are in none."""
    tree = build_tree(events, SYMBOLS, apart=("driver", "done"))
    return ({function.name: found.total() for function, found in tree.addresses().items()},
            tree.apart)


def test_the_driver_ends_where_it_says_so():
    assert with_driver(
        step("outer"), Pushed(80), step("driver", 0, 5), Pushed(70), step("callee", 0, 9),
        Taken(70), step("driver", 20, 2), Pushed(70), step("done", 0, 3), Taken(70),
        step("driver", 28), Taken(80), step("outer", 4)) == (
        {"outer": 2, "done": 3, "driver": 1}, 16)


def test_a_task_that_preempts_the_driver_is_not_in_it():
    assert with_driver(
        Switched(1), step("driver", 0, 5), step("asm_sysvec_tick", 0, 2), Switched(2),
        step("other_task", 8, 30), Switched(1), step("asm_sysvec_tick", 8, 4),
        step("driver", 20, 2), step("done", 0, 3)) == (
        {"other_task": 30, "done": 3}, 13)


def test_each_task_is_in_the_driver_for_itself():
    assert with_driver(
        Switched(1), step("driver", 0, 5), Switched(2), step("driver", 0, 7), step("done", 0, 3),
        Switched(1), step("driver", 20, 2), Switched(2), step("other_task", 8, 30),
        Switched(1), step("done"), step("outer")) == (
        {"done": 4, "other_task": 30, "outer": 1}, 14)


EVENTS = st.lists(st.one_of(
    st.builds(lambda at, length, times: run(4 * at, length, times=times),
              st.integers(0, 64 * len(NAMES) + 8), st.integers(1, 9), st.integers(1, 3)),
    st.builds(Pushed, st.integers(0, 12)), st.builds(Taken, st.integers(0, 12)),
    st.builds(Switched, st.integers(0, 3))))


@given(EVENTS)
def test_every_executed_instruction_is_counted_once_whatever_happens(events):
    executed = sum(event.length * event.times for event in events if isinstance(event, Stretch))
    tree = build_tree(events, SYMBOLS)
    assert tree.count == executed
    assert sum(counts.total() for counts in tree.addresses().values()) == executed
    inclusive = tree.inclusive()
    assert sum(total for node, total in zip(tree.nodes, inclusive, strict=True)
               if node.parent < 0) == executed
    assert all(node.parent < at for at, node in enumerate(tree.nodes))
    addresses = [address for invocation in tree.invocations for address in invocation.addresses()]
    assert len(addresses) == executed and set(addresses) == set(tree.code)
