# SPDX-License-Identifier: GPL-2.0-or-later
"""The parts that a page is made of; how they look is the templates'."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from tailwalk.cases import Case, Filesystem, show_size
from tailwalk.report.grid import Fact
from tailwalk.report.heat import HeatPage
from tailwalk.report.words import show_bytes
from tailwalk.runs import Conditions, KernelRecord
from tailwalk.runs.metrics import Metric, Rig
from tailwalk.words import listed


@dataclass(frozen=True, kw_only=True)
class Source:
    """A record that figures come from: for the table of digests."""

    kind: str
    id: str
    kernel: KernelRecord
    created: str
    inputs: str
    conditions: Conditions


@dataclass(frozen=True, kw_only=True)
class Section:
    """A part of the page.

    Attributes:
        kind: of what it is; names the template.
        title: its heading.
        particulars: what may tell it from another of its title: names and phrases.
        sentence: what it says, in one sentence.
        answer, size: the same in two lines that a page opens with, what happened and how much of
            it; where there is no answer, the sentence is one.
        metric: of its figures.
        content: what its template sets.
        conditions: names and texts.
        sources: the records that its figures come from.
        commands: command lines that measure its figures again.
        places: the map whose cells lead to a line each, which the end of the page has.
    """

    kind: str
    title: str
    particulars: dict[str, str]
    sentence: str
    metric: Metric
    content: Any
    conditions: Sequence[Fact]
    sources: list[Source]
    commands: list[str]
    answer: str = ""
    size: str = ""
    places: HeatPage | None = None


def particulars(cases: Sequence[Case], rig: Rig, filesystem: Filesystem,
                kernels: Sequence[KernelRecord]) -> dict[str, str]:
    """What a section measured, in phrases: the first parts to tell it from another are first."""
    def common(name: str) -> str:
        values = {value for case in cases if (value := case.get(name)) is not None}
        return show_bytes(values.pop()) if len(values) == 1 else "several" if values else "none"

    names = list(dict.fromkeys(case.name for case in cases))
    further = dict.fromkeys(case.further for case in cases if case.further)
    return {
        "case": names[0] if len(names) == 1 else f"{len(names)} cases",
        "fill": f"fill {common('fill')}",
        "offset": f"offset {common('offset')}",
        "file size": f"file of {common('file_size')}",
        "uptodate": "uptodate" if all(case.uptodate for case in cases) else "not uptodate",
        **({"parameters": "; ".join(further)} if further else {}),
        "rig": f"{rig} rig",
        "kind": filesystem.kind,
        "blocks": f"{show_size(filesystem.block_size)} blocks",
        "options": filesystem.mount_options or "default options",
        "kernels": listed([kernel.spec for kernel in kernels]),
    }


def inlined(svg: str, name: str) -> Markup:
    """An SVG file's text as part of a page: its style kept to a figure of class `name`."""
    body = svg.replace(' xmlns="http://www.w3.org/2000/svg"', "")
    return Markup(re.sub(r"<style>(.*?)</style>", rf"<style>.{name} {{\1}}</style>", body,
                         flags=re.DOTALL))
