"""Prediction: what a call costs, from the model's counts, and in instructions from a run.

Counts are exact: the walk of a design, taken over a ring of the size that the folio has, in the
state that the benchmark keeps it in (every block written, mapped and dirty). Instructions are a
sum over counts whose coefficients come from a run by least squares of the relative error, over
the counts that vary in it and tell each other apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from tailwalk.cases import PAGE, Case, show_size
from tailwalk.cases.places import LARGEST_FOLIO, folio_size
from tailwalk.errors import ModelError
from tailwalk.model.designs import Design, find_design
from tailwalk.model.file import reserve
from tailwalk.model.walks import Counts, span_of
from tailwalk.model.words import DIRTY, MAPPED, UPTODATE, WRITTEN
from tailwalk.runs import Figure, Run

RANDOM: Final = "random"
Place = int | Literal["random"]

TERMS = {
    "writev": "call is writev",
    "write": "call is write",
    "folios": "folios written to",
    "pieces": "pieces copied (vectors, cut at folio ends)",
    "words": "words of 8 bytes copied",
    "inside": "walks that begin before the range",
    "prefix": "visits before the range",
    "span": "visits in the range",
    "tail": "visits behind the range",
    "hops": "links followed",
    "lookups": "uses of an index",
    "get_block": "calls of get_block",
}
"""What instructions are a sum over."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What one call does, or the mean over random places.

    Attributes:
        case: the call; its offset counts for nothing where `place` is random.
        design: of the walks.
        block_size, folio: bytes.
        place: the file offset, or RANDOM for every block-aligned place in a folio alike.
        terms: the counts by the names of TERMS.
        flags: flag operations.
    """

    case: Case
    design: str
    block_size: int
    folio: int
    place: Place
    terms: dict[str, float]
    flags: float

    @property
    def visits(self) -> float:
        """Buffers visited by both walks."""
        return self.terms["prefix"] + self.terms["span"] + self.terms["tail"]


def cost_of(case: Case, design: Design, *, block_size: int, folio: int | None = None,
            place: Place | None = None) -> Cost:
    """What a call of a case costs in counts.

    Args:
        case: the call; `uptodate` False leaves the last page's data out of every folio.
        design: of the walks.
        block_size: of the file system, bytes.
        folio: bytes of the folios that cache the file; None: what `case.fill` asks for.
        place: file offset, or RANDOM; None: `case.offset`.

    Raises ModelError for sizes that no kernel has.
    """
    folio = folio_size(case.fill) if folio is None else folio
    if folio < PAGE or folio > LARGEST_FOLIO or folio & (folio - 1):
        raise ModelError(f"a folio of {show_size(folio)}: folios are powers of two from "
                         f"{show_size(PAGE)} to {show_size(LARGEST_FOLIO)}.")
    if block_size < 1024 or block_size > folio or block_size & (block_size - 1):
        raise ModelError(f"--fs-block-size {show_size(block_size)}: blocks are powers of two from "
                         f"1KiB to the folio's {show_size(folio)}.")
    place = case.offset if place is None else place
    places: Sequence[int] = (int(place),) if place != RANDOM else [
        offset for offset in range(0, folio, block_size)
        if case.uptodate or offset + case.length <= folio - PAGE]
    if not places:
        raise ModelError(f"a write of {case.length} bytes fits nowhere before the last page of a "
                         f"folio of {show_size(folio)}: give a larger --fill.")
    terms = dict.fromkeys(TERMS, 0.0)
    flags = 0.0
    for offset in places:
        for name, value in _terms(case, design, offset, block_size, folio).items():
            if name == "flags":
                flags += value / len(places)
            else:
                terms[name] += value / len(places)
    return Cost(case=case, design=design.name, block_size=block_size, folio=folio, place=place,
                terms=terms, flags=flags)


def _terms(case: Case, design: Design, offset: int, block_size: int,
           folio: int) -> dict[str, int]:
    total = Counts()
    walk = design.walk()
    inside = 0
    chunks = list(_chunks(offset, case.length, folio))
    for start, end in chunks:
        buffers = folio // block_size
        span = span_of(start, end, block_size, buffers)
        ring = bytearray((UPTODATE | DIRTY | MAPPED,)) * buffers
        if not case.uptodate:
            left_out = -(-PAGE // block_size)
            ring[-left_out:] = bytes(left_out)
        # An overwrite of mapped blocks calls get_block of none.
        for counts in walk.cost(bytes(ring), bytes((WRITTEN,)) * buffers, span=span,
                                uptodate=case.uptodate, get_block=reserve):
            total += counts
            inside += counts.prefix > 0
    return {"writev": case.call == "writev", "write": case.call == "write",
            "folios": len(chunks), "pieces": _pieces(case, chunks), "words": case.length // 8,
            "inside": inside, "prefix": total.prefix, "span": total.span, "tail": total.tail,
            "hops": total.hops, "lookups": total.lookups, "get_block": total.get_block,
            "flags": total.flags}


def _chunks(offset: int, length: int, folio: int) -> Iterator[tuple[int, int]]:
    """The ranges of folios that generic_perform_write(), mm/filemap.c, v6.18, writes in turn."""
    while length:
        start = offset % folio
        end = min(start + length, folio)
        yield start, end
        offset += end - start
        length -= end - start


def _pieces(case: Case, chunks: Sequence[tuple[int, int]]) -> int:
    """The contiguous pieces that the vectors are copied in."""
    ends = {case.size * number for number in range(1, case.vectors + 1)}
    done = 0
    for start, end in chunks:
        done += end - start
        ends.add(done)
    return len(ends)


def design_of(run: Run) -> Design:
    """The design that a run's kernel has: its series, or else its version's."""
    if series := re.search(r"\+(tail|span)\b", run.kernel.spec):
        return find_design(series[1])
    version = re.match(r"(\d+)\.(\d+)", run.kernel.release)
    if version is None:
        raise ModelError(f"the run's kernel says it is {run.kernel.release!r}: which design of "
                         "the walk it has cannot be told.")
    return find_design("tail" if (int(version[1]), int(version[2])) >= (7, 2) else "full")


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """One measured cell beside what the calibration says of it."""

    figure: Figure
    cost: Cost
    predicted: float

    @property
    def error(self) -> float:
        """The prediction's relative error."""
        return self.predicted / self.figure.value - 1


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Coefficients from a run.

    Attributes:
        run: where they come from.
        design: of the run's kernel.
        base: in the run's unit.
        coefficients: by term, in the run's unit; of the terms that the run tells apart.
        fixed: terms that have one value in all cells, and that value; the base contains them.
        entangled: terms that vary only together with others, which stand for them too.
        cells: every cell used, with its error.
        left_out: cells not used, and why.
    """

    run: Run
    design: Design
    base: float
    coefficients: dict[str, float]
    fixed: dict[str, float]
    entangled: tuple[str, ...]
    cells: tuple[Fitted, ...]
    left_out: tuple[str, ...]

    @property
    def worst(self) -> float:
        """The largest relative error, without its sign."""
        return max(abs(cell.error) for cell in self.cells)

    def instructions(self, cost: Cost) -> float:
        """A prediction in the run's unit.

        Raises ModelError where the cost depends on a term that the run does not vary.
        """
        for name, value in self.fixed.items():
            if name not in _OF_OTHER_DESIGNS and abs(cost.terms[name] - value) > 1e-9:
                raise ModelError(
                    f"in every cell of the run {TERMS[name]!r} is {value:g}, and here it is "
                    f"{cost.terms[name]:g}: what it costs is not known. Calibrate on a sweep "
                    "that varies it.")
        return self._sum(cost)

    def unknown(self, cost: Cost) -> list[str]:
        """Terms of another design that the prediction leaves out, as the run has none of them."""
        return [TERMS[name] for name in _OF_OTHER_DESIGNS
                if name in self.fixed and cost.terms[name]]

    def _sum(self, cost: Cost) -> float:
        return self.base + sum(factor * cost.terms[name]
                               for name, factor in self.coefficients.items())


_OF_OTHER_DESIGNS = ("hops", "lookups")


def calibrate(run: Run, design: Design | None = None) -> Calibration:
    """Coefficients from the steady cells of a run whose folio orders are known.

    `design` is that of the run's kernel; None: `design_of` tells. Raises ModelError where the run
    has too few cells.
    """
    import numpy as np

    design = design_of(run) if design is None else design
    block_size = run.conditions.filesystem.block_size
    used: list[tuple[Figure, Cost]] = []
    left_out = []
    for figure in run.figures:
        why = ("unsteady" if not figure.steady
               else "folio order unknown" if figure.written is None else "")
        if why:
            left_out.append(f"{_name(figure.case)}: {why}")
        elif figure.written is not None:
            used.append((figure, cost_of(figure.case, design, block_size=block_size,
                                         folio=PAGE << figure.written)))
    terms, fixed, entangled = _tell_apart([cost for _, cost in used])
    if len(used) <= len(terms) + 1:
        raise ModelError(
            f"the run of {run.kernel.spec} has {len(used)} usable cells for {len(terms) + 1} "
            "coefficients; calibrate on a sweep, which has more.")
    matrix = np.array([[1.0, *(cost.terms[name] for name in terms)] for _, cost in used])
    values = np.array([figure.value for figure, _ in used])
    base, *factors = np.linalg.lstsq(matrix / values[:, None], np.ones(len(used)), rcond=None)[0]
    found = Calibration(
        run=run, design=design, base=float(base),
        coefficients=dict(zip(terms, map(float, factors), strict=True)), fixed=fixed,
        entangled=entangled, cells=(), left_out=tuple(left_out))
    fitted = tuple(Fitted(figure=figure, cost=cost, predicted=found.instructions(cost))
                   for figure, cost in used)
    return Calibration(**{**vars(found), "cells": fitted})


def _tell_apart(costs: Sequence[Cost]) -> tuple[list[str], dict[str, float], tuple[str, ...]]:
    """The terms that vary independently, those that do not vary, and those that vary only as a
    sum of others does."""
    import numpy as np

    chosen: list[str] = []
    fixed: dict[str, float] = {}
    entangled = []
    columns = [np.ones(len(costs))]
    for name in ("prefix", "tail", "span", "folios", "words", "pieces", "writev", "write",
                 "inside", "hops", "lookups", "get_block"):
        column = np.array([cost.terms[name] for cost in costs])
        if not costs or (column == column[0]).all():
            fixed[name] = float(column[0]) if costs else 0.0
        elif np.linalg.matrix_rank(np.array([*columns, column])) > len(columns):
            chosen.append(name)
            columns.append(column)
        else:
            entangled.append(name)
    return chosen, fixed, tuple(entangled)


def _name(case: Case) -> str:
    return f"{case.name} at {show_size(case.offset)}, fill {show_size(case.fill)}"

