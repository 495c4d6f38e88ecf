# SPDX-License-Identifier: GPL-2.0-or-later
"""Text that a terminal would obey, a reader would not see or a spreadsheet would run: in every
field of a record, and in arguments. Nothing that is written holds it as it is."""

from __future__ import annotations

import csv
import io
import json
import sys
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from html.parser import HTMLParser
from xml.etree import ElementTree

import msgspec
import pytest
from forked import Forks
from hypothesis import given
from hypothesis import strategies as st
from made_profiles import made_profile
from made_runs import made_case, made_figure, made_run
from rich.console import Console

from tailwalk.cases import Filesystem, find_cases
from tailwalk.cases.sweep import sweep_cases
from tailwalk.compare import compare
from tailwalk.compare.steps import LeftOut, track
from tailwalk.compare.sweep import arrange
from tailwalk.kernels.listing import Available, Cached, Listing
from tailwalk.report.comparison import comparison_shown, run_shown
from tailwalk.report.data import comparison_csv
from tailwalk.report.grid import Shown
from tailwalk.report.lists import kernels_shown, runs_shown
from tailwalk.report.mail import mail
from tailwalk.report.markdown import markdown
from tailwalk.report.page import page
from tailwalk.report.profile_tree import flame_svg, folded_stacks, forest_of, tree_text
from tailwalk.report.sections import comparison_sections, sections_of, track_section
from tailwalk.report.sweep import heatmap_svg, sweep_shown
from tailwalk.report.terminal import terminal
from tailwalk.report.track import track_shown, track_svg
from tailwalk.report.why import why_section, why_shown
from tailwalk.runs import Run
from tailwalk.runs.export import to_csv
from tailwalk.runs.index import Entry
from tailwalk.runs.record import encode
from tailwalk.words import everywhere, visible, visible_json

SIGNS = ("\x1b[2J\x07\x00\x7f\x9b31m\r\n\t\u2028\u202e\u2066\u2069\u200e\u200b\ufeff\u2060\u034f"
         "\u115f\ufe0f\U000e0041\ud83d\udcff")
HOSTILE = f"{SIGNS}=1+1|`*<script>&amp;\"'"

hostile = st.text(st.one_of(st.sampled_from(HOSTILE), st.characters()), min_size=1, max_size=8)


def harmful(text: str, *, lines: str = "\n") -> set[str]:
    """The signs in it that no output may hold, by their categories and not by what mends them."""
    return {sign for sign in text if sign not in lines and (
        unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Zl", "Zp")
        or sign in "\u034f\u115f\ufe0f")}


def made_runs(text: str) -> list[Run]:
    """A baseline and another, with the text in every field that has room for any."""
    cases = find_cases(["pwrite_u1k", "writev_u1k"])
    return [made_run(
        f"src:{number}{text}", [made_figure(case, 2000 * number, notes=[text, f"{text}."])
                                for case in cases],
        release=f"6.18{text}", filesystem=Filesystem(mount_options=text), inputs=text,
        machine={"qemu": text, f"memory{text}": text}, tailwalk=text,
        provenance={text: text, "checksums in software": text}) for number in (1, 2)]


def shown(reports: Shown | Sequence[Shown]) -> str:
    console = Console(file=io.StringIO(), width=100, emoji=False, highlight=False)
    console.print(terminal(reports, console))
    return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]


def renderings(text: str) -> Iterator[tuple[str, str]]:
    """Every rendering of records with the text in them, and what it is. Records hold UTF-8."""
    text = text.encode("utf-8", "ignore").decode() or "x"
    runs = made_runs(text)
    compared = compare(runs)
    yield "terminal", shown([*comparison_shown(compared), *run_shown(runs[0])])
    yield "mail", mail(compared)
    yield "markdown", markdown(compared)
    yield "csv", comparison_csv(compared) + to_csv(runs)
    yield "html", page(comparison_sections(compared, runs), title=text)
    yield "html", page(sections_of(runs[:1]))
    followed = track(runs, left_out=[LeftOut(spec=text, reason=text, after=0)])
    yield "terminal", shown(track_shown(followed))
    yield "svg", track_svg(followed)
    yield "html", page([track_section(followed, runs)])
    profiles = [made_profile([(f"enter{text}", -1, 10), (text, 0, number)], spec=f"{number}{text}",
                             case=made_case()) for number in (3, 5)]
    yield "terminal", shown(why_shown(profiles))
    yield "terminal", tree_text(forest_of(profiles)) + folded_stacks(forest_of(profiles))
    yield "svg", flame_svg(forest_of(profiles))
    yield "html", page([why_section(profiles)])
    cells = sweep_cases(made_case(), fills=[4096, 65536], places=["first", "last"],
                        filesystem=Filesystem())
    swept = [made_run(f"{number}{text}", [made_figure(case, 1000 + number, order=case.fill >> 13)
                                          for case in cells], release=text, provenance={text: text})
             for number in (1, 2)]
    arranged = arrange(swept)
    yield "terminal", shown(sweep_shown(arranged))
    yield "svg", heatmap_svg(arranged)
    yield "html", page(sections_of(swept))
    yield "terminal", shown(kernels_shown(Listing(suites=[text], available=[Available(
        spec=text, line=text, version=text, release=text, suite=text, packages=[text],
        missing=[text], download=1, newest=True, cached=False)], cached=[
            Cached(release=text, origin=text, digest=text, size=1)])))
    yield "terminal", shown(runs_shown([Entry(
        file=text, bytes=1, id=text, created=text, rig="exact", unit=text, spec=text, release=text,
        inputs=text, filesystem=text, block_size=4096, cases=(text,), figures=1)]))
    yield "json", encode(runs[0]).decode()
    yield "json", encode(compared).decode()


def check(medium: str, made: str) -> None:
    assert not harmful(made), (medium, harmful(made), made)
    if medium == "svg":
        ElementTree.fromstring(made)
    if medium == "json":
        json.loads(made)
    if medium == "html":
        found: list[str] = []
        parser = HTMLParser()
        parser.handle_starttag = lambda tag, _: found.append(tag)  # type: ignore[method-assign]
        parser.feed(made)
        assert found.count("script") == 1  # the page's own
    if medium == "csv":
        for row in csv.reader(io.StringIO(made)):
            for cell in row:
                assert cell[:1] not in tuple("=+-@\t\r") or cell[1:].replace(".", "").isdecimal()


def test_every_rendering_of_hostile_records_is_safe() -> None:
    for medium, made in renderings(HOSTILE):
        check(medium, made)


@given(hostile)
@pytest.mark.slow
def test_any_text_is_safe_in_every_rendering(text: str) -> None:
    for medium, made in renderings(text):
        check(medium, made)


@given(st.text())
def test_what_is_visible_stays_so(text: str) -> None:
    once = visible(text)
    assert not harmful(once, lines="")
    assert visible(once) == once
    assert visible(text, keep="\n").count("\n") == text.count("\n")
    plain = text.isascii() and text.isprintable()
    assert once == text or not plain


@given(st.text(st.characters(codec="utf-8")))
def test_a_json_document_keeps_its_meaning(text: str) -> None:
    made = visible_json(json.dumps({text: text}, ensure_ascii=False))
    assert not harmful(made)
    assert json.loads(made) == {text: text}


def test_a_record_with_half_a_sign_is_written() -> None:
    run = made_run("image:x", [made_figure(made_case(), 5)], machine={"append": "a\udcff"})
    assert msgspec.json.decode(encode(run))["conditions"]["machine"]["append"] == "a\\udcff"


@pytest.mark.parametrize("text", ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1",
                                  "\uff1d1"])
def test_a_cell_that_a_spreadsheet_would_run_is_text(text: str) -> None:
    run = made_run(text, [made_figure(made_case(), 2000, notes=[text])])
    [row] = csv.DictReader(io.StringIO(to_csv([run])))
    for cell in (row["kernel"], row["notes"]):
        assert cell[0] in "'\\"
    assert row["figure"] == "2000"


def test_a_line_is_not_forged() -> None:
    """A line end in a name begins no line of its own."""
    [run, other] = made_runs("x\nforged: all is well")
    for made in (shown(comparison_shown(compare([run, other]))), mail(compare([run, other])),
                 markdown(compare([run, other]))):
        assert not any(line.startswith("forged") for line in made.splitlines())


def test_texts_that_need_no_change_are_not_touched() -> None:
    [run, _] = made_runs("plain")
    assert everywhere(run, visible) == run


@pytest.fixture(scope="module")
def tailwalk(tmp_path_factory: pytest.TempPathFactory) -> Forks:
    return Forks(tmp_path_factory.mktemp("hostile"))


ARGUMENTS: list[Callable[[str], list[str]]] = [
    lambda text: [text], lambda text: ["runs", text], lambda text: ["run", text],
    lambda text: ["run", "debian:6.18", text], lambda text: ["run", f"--{text}", "debian:6.18"],
    lambda text: ["run", "debian:6.18", "--case", text],
    lambda text: ["run", "debian:6.18", "--calls", text],
    lambda text: ["run", "debian:6.18", "--rig", text],
    lambda text: ["run", "debian:6.18", "-o", f"none{text}/x"],
    lambda text: ["compare", text, text], lambda text: ["cases", text],
    lambda text: ["why", text], lambda text: ["runs", "show", text],
    lambda text: ["runs", "list", "--kernel", text], lambda text: ["series", "show", text],
    lambda text: ["series", "apply", "tail", text], lambda text: ["host", text],
    lambda text: ["model", "check", text],
    lambda text: ["runs", "import", "--from", "libmicro", text],
    lambda text: ["exec", "debian:6.18", "--make", text, "--", text],
    lambda text: ["bisect", text, text], lambda text: ["bisect", "step", text, "--above", "1"],
]


@pytest.mark.parametrize("made", ARGUMENTS, ids=lambda made: " ".join(made("TEXT")))
def test_errors_show_what_they_were_given_safely(
        tailwalk: Forks, made: Callable[[str], list[str]]) -> None:
    found = tailwalk(*made(SIGNS.replace("\x00", "").replace("\ud83d", "")))
    assert found.status in (0, 2, 255), found
    assert not harmful(found.out + found.err), (harmful(found.out + found.err), found)
    assert "Traceback" not in found.err and "mistake in tailwalk" not in found.err, found.err


def test_a_program_output_is_raw_for_pipes_and_shown_on_terminals(
        monkeypatch: pytest.MonkeyPatch) -> None:
    from tailwalk.cli.passed import Passed

    class Terminal(io.TextIOWrapper):
        def isatty(self) -> bool:
            return True

    written = {}
    for kind in (io.TextIOWrapper, Terminal):
        stream = kind(io.BytesIO(), encoding="utf-8")
        monkeypatch.setattr(sys, "stdout", stream)
        passed = Passed()
        # In pieces that part a sign and the end of a line.
        for piece in (b"\x1b]0;t\x07\xffl\xc3", b"\xbcne\r", b"\n", b"\xc3"):
            passed.take(1, piece)
        passed.close()
        written[kind] = stream.buffer.getvalue()  # type: ignore[attr-defined]
    assert written[io.TextIOWrapper] == b"\x1b]0;t\x07\xffl\xc3\xbcne\r\n\xc3"
    assert written[Terminal] == b"\\x1b]0;t\\x07\\xffl\xc3\xbcne\n\\xc3"
