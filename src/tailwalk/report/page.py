# SPDX-License-Identifier: GPL-2.0-or-later
"""One self-contained HTML page: no network, no file beside it, under 500 kB."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from importlib.resources import files
from itertools import groupby
from typing import get_args

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from tailwalk import __version__
from tailwalk.compare import Verdict
from tailwalk.errors import UsageError
from tailwalk.report.grid import Cell, Column, Fact
from tailwalk.report.section import Section, Source
from tailwalk.words import everywhere, listed, visible

# The reader meets the verdict first, then what explains it.
_ORDER = ("upgrade", "applications", "comparison", "program", "sweep", "why", "track")
_DRESSES = {"doubtful": "doubtful", "dearer": "regressed", "cheaper": "improved",
            **{verdict: verdict.replace(" ", "-") for verdict in get_args(Verdict)}}


def page(sections: Sequence[Section], *, title: str | None = None) -> str:
    """The page of the sections, which it puts in order; the first one's sentence is its verdict.

    `title` names the page in the browser. Raises UsageError where there is no section.
    """
    if not sections:
        raise UsageError("there is nothing to report: name runs, profiles or programs.")
    ordered = _told_apart(sorted(everywhere(list(sections), visible),
                                 key=lambda section: _ORDER.index(section.kind)))
    return _template().render(
        title=visible(title or "") or ordered[0].answer or ordered[0].sentence,
        opening=_opening(ordered[0]),
        sections=list(zip(_anchors(ordered), ordered, strict=True)),
        conditions=_conditions(ordered), sources=_sources(ordered), machines=_machines(ordered),
        commands=[(section.title, section.commands) for section in ordered if section.commands],
        measured=_measured(ordered), version=__version__,
        units=list(dict.fromkeys(section.metric.title for section in ordered)))


def _opening(section: Section) -> tuple[str, str]:
    """The line for the answer and that for its size; a sentence is parted where it goes on."""
    if section.answer:
        return section.answer, section.size
    answer, _, size = section.sentence.partition("; ")
    return (f"{answer.rstrip('.')}.", f"{size[0].upper()}{size[1:]}") if size else (answer, "")


def _told_apart(sections: Sequence[Section]) -> list[Section]:
    """The sections; where two have one title, it goes on with what is particular to each."""
    found = []
    for section in sections:
        namesakes = [other for other in sections if other.title == section.title]
        differing = [phrase for name, phrase in section.particulars.items()
                     if any(other.particulars.get(name) != phrase for other in namesakes)]
        found.append(section if not differing else replace(
            section, title=f"{section.title}: {', '.join(differing)}"))
    return found


def _anchors(sections: Sequence[Section]) -> list[str]:
    """A name for each section that links can lead to."""
    kinds = [section.kind for section in sections]
    return [kind if kinds.count(kind) == 1 else f"{kind}-{kinds[:number].count(kind) + 1}"
            for number, kind in enumerate(kinds)]


def _conditions(sections: Sequence[Section]) -> list[tuple[str, list[Fact]]]:
    """Conditions: those of the whole page, then under its title each section's own."""
    shared = [line for line in sections[0].conditions
              if all(line in section.conditions for section in sections)]
    titles: dict[tuple[Fact, ...], list[str]] = {}
    for section in sections:
        own = tuple(line for line in section.conditions if line not in shared)
        titles.setdefault(own, []).append(section.title)
    return [("", shared), *((listed(of), [*own]) for own, of in titles.items() if own)]


def _measured(sections: Sequence[Section]) -> str:
    """The day or days on which the figures were measured."""
    days = sorted({source.created[:10] for section in sections for source in section.sources})
    return days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"


def _sources(sections: Sequence[Section]) -> list[tuple[str, list[Source]]]:
    """Every record once, by the digest of its kernel."""
    unique = {(source.kind, source.id): source for section in sections
              for source in section.sources}
    ordered = list(unique.values())
    digests = list(dict.fromkeys(source.kernel.digest for source in ordered))
    ordered.sort(key=lambda source: digests.index(source.kernel.digest))
    return [(digest, list(group)) for digest, group in
            groupby(ordered, key=lambda source: source.kernel.digest)]


def _machines(sections: Sequence[Section]) -> list[tuple[list[tuple[str, str]], list[str]]]:
    """What the records were measured by, each once, and which records those are."""
    found: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for source in {source.id: source for section in sections
                   for source in section.sources}.values():
        facts = (("probe, sha256", source.conditions.probe), *source.conditions.machine.items())
        found.setdefault(facts, []).append(f"{source.kind} {source.id}")
    return [(list(facts), records) for facts, records in found.items()]


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("tailwalk.report", "templates"), autoescape=True,
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    folder = files("tailwalk.report") / "templates"
    environment.globals |= {
        # Ours, so they are not to be escaped; they hold no value from a record.
        "style": Markup((folder / "page.css").read_text(encoding="utf-8")),
        "script": Markup((folder / "page.js").read_text(encoding="utf-8")),
    }
    environment.filters["look"] = _look
    return environment.get_template("page.html.j2")


def _look(cell: Cell, column: Column | None) -> str:
    """The classes of a cell."""
    role = column.role if column else "figure"
    if role == "recovery":
        return "figure" if cell.key else "word"
    dress = _DRESSES.get(cell.tone, "")
    if cell.heat is not None:
        dress = f"weighted {dress}"
    if column is not None and column.rank:
        dress = f"roomy {dress}"  # as on a terminal, what is needed least goes first
    return dress if role == "verdict" else f"figure {dress}".rstrip()
