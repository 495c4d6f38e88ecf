# SPDX-License-Identifier: GPL-2.0-or-later
"""From a trace to counts by function, by address and by call path.

A call instruction stores its return address in a slot of the stack and the return that belongs to
it takes it from there, so slots pair calls with returns whatever happens in between: tail calls
(the callee returns for its caller), switches of stack or task, interrupts. A jump into another
function (a tail call, a cold part, an interrupt) makes that function a child of the one left.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import accumulate

from tailwalk.kernels.symbols import UNKNOWN, Function, SymbolTable
from tailwalk.profile.trace import Block, Event, Pushed, Stretch, Taken

_IRETQ = b"\x48\xcf"
_INTERRUPT_ENTRIES = ("asm_", "irq_entries_start", "spurious_entries_start")


@dataclass
class PathNode:
    """A function on one call path.

    Attributes:
        function: the function.
        parent: the index of the function it was entered from, or -1.
        entered: how often it was entered on this path.
        count: instructions executed in it itself.
    """

    function: Function
    parent: int
    entered: int = 0
    count: int = 0


@dataclass(frozen=True, eq=False)
class Piece:
    """The part of a block that lies in one function: the addresses of its instructions."""

    function: Function
    addresses: tuple[int, ...]


@dataclass
class Invocation:
    """One entry of a function, and what it executed itself: pieces, each so often in a row."""

    function: Function
    pieces: list[tuple[Piece, int]] = field(default_factory=list)

    def addresses(self) -> Iterator[int]:
        """The addresses of the executed instructions, in order."""
        for piece, times in self.pieces:
            for _ in range(times):
                yield from piece.addresses


@dataclass
class CallTree:
    """Where one call's kernel instructions were executed.

    Attributes:
        nodes: parents before their children.
        code: the bytes of each instruction, by address.
        invocations: each entry of each function, in order of entry.
        apart: instructions that are in none of these: those of the disk's driver, from its entry
            to where it says that it has done.
    """

    nodes: list[PathNode] = field(default_factory=list)
    code: dict[int, bytes] = field(default_factory=dict)
    invocations: list[Invocation] = field(default_factory=list)
    apart: int = 0

    @property
    def count(self) -> int:
        """All kernel instructions of the call."""
        return sum(node.count for node in self.nodes)

    def inclusive(self) -> list[int]:
        """For each node, instructions executed in it and in what it entered."""
        totals = [node.count for node in self.nodes]
        for index in range(len(totals) - 1, -1, -1):
            parent = self.nodes[index].parent
            if parent >= 0:
                totals[parent] += totals[index]
        return totals

    def addresses(self) -> dict[Function, Counter[int]]:
        """For each function, how often each of its instructions was executed."""
        found: dict[Function, Counter[int]] = {}
        for invocation in self.invocations:
            counts = found.setdefault(invocation.function, Counter())
            for piece, times in invocation.pieces:
                for address in piece.addresses:
                    counts[address] += times
        return found


@dataclass
class _Context:
    """What runs between a call instruction and its return: the function called, and whatever it
    jumps into."""

    caller: int
    slot: int = 0
    returns_to: int = 0
    node: int = -1
    entered: dict[Function, tuple[int, Invocation]] = field(default_factory=dict)
    interrupted: list[int] = field(default_factory=list)


def build_tree(trace: Iterable[Event], symbols: SymbolTable, *,
               apart: tuple[str, str] | None = None) -> CallTree:
    """The call tree of a trace; user instructions are left out. `apart` are the functions that a
    driver begins with, and ends with, whose instructions are set apart."""
    return _Builder(symbols, apart or ("", "")).build(trace)


class _Builder:
    def __init__(self, symbols: SymbolTable, apart: tuple[str, str]) -> None:
        self._driver, self._driver_done = apart
        self._task = 0
        self._driving: set[int] = set()  # the tasks that are in the driver
        self._tree = CallTree()
        self._symbols = symbols
        self._children: dict[tuple[int, Function], int] = {}
        self._stack = [_Context(caller=-1)]
        self._next = 0  # the address after the last instruction executed
        self._strayed = False
        self._pieces = cache(self._cut)

    def build(self, trace: Iterable[Event]) -> CallTree:
        for event in trace:
            if isinstance(event, Stretch):
                if event.block.in_kernel:
                    self._execute(event)
            elif isinstance(event, Pushed):
                self._stack.append(_Context(caller=_origin(self._stack[-1]), slot=event.slot,
                                            returns_to=self._next))
            elif isinstance(event, Taken):
                self._return(event.slot)
            else:
                self._task = event.task
        return self._tree

    def _return(self, slot: int) -> None:
        """Leave the context whose return address was taken, and those above it.

        A return from another slot is one whose function moved its return address (error_entry
        does, v6.12), which the next instruction tells, or a jump, or it leaves for what ran
        before the trace began.
        """
        for depth in range(len(self._stack) - 1, 0, -1):
            if self._stack[depth].slot == slot:
                del self._stack[depth:]
                return
        self._strayed = True

    def _execute(self, event: Stretch) -> None:
        if self._strayed and event.block.address == self._stack[-1].returns_to:
            self._stack.pop()
        self._strayed = False
        self._next = event.block.address + len(event.block.code)
        context = self._stack[-1]
        for piece in self._pieces(event.block, event.length):
            if piece.addresses[0] == piece.function.address:
                if piece.function.name == self._driver:
                    self._driving.add(self._task)
                elif piece.function.name == self._driver_done:
                    self._driving.discard(self._task)
            if self._task in self._driving:
                self._tree.apart += len(piece.addresses) * event.times
                continue
            node, invocation = context.entered.get(piece.function) or self._enter(
                context, piece.function)
            context.node = node
            self._tree.nodes[node].count += len(piece.addresses) * event.times
            invocation.pieces.append((piece, event.times))
        if context.interrupted and event.length == len(event.block.sizes) and (
                event.block.code.endswith(_IRETQ)):  # it returns from an interrupt
            context.node = context.interrupted.pop()

    def _enter(self, context: _Context, function: Function) -> tuple[int, Invocation]:
        nodes = self._tree.nodes
        origin = _origin(context)
        if _is_interrupt_entry(function) and not (
                context.node >= 0 and _is_interrupt_entry(nodes[context.node].function)):
            context.interrupted.append(context.node)
        node = self._children.setdefault((origin, function), len(nodes))
        if node == len(nodes):
            nodes.append(PathNode(function, origin))
        nodes[node].entered += 1
        invocation = Invocation(function)
        self._tree.invocations.append(invocation)
        context.entered[function] = node, invocation
        return node, invocation

    def _cut(self, block: Block, length: int) -> tuple[Piece, ...]:
        addresses = list(accumulate(block.sizes[:length], initial=block.address))[:-1]
        pieces: list[tuple[Function, list[int]]] = []
        for address, size in zip(addresses, block.sizes, strict=False):
            at = address - block.address
            self._tree.code[address] = block.code[at:at + size]
            function = self._symbols.find(address) or UNKNOWN
            if not pieces or pieces[-1][0] is not function:
                pieces.append((function, []))
            pieces[-1][1].append(address)
        return tuple(Piece(function, tuple(run)) for function, run in pieces)


def _origin(context: _Context) -> int:
    """The node that whatever is entered from there is entered from."""
    return context.node if context.node >= 0 else context.caller


def _is_interrupt_entry(function: Function) -> bool:
    return function.name.startswith(_INTERRUPT_ENTRIES)
