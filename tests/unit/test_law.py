# SPDX-License-Identifier: GPL-2.0-or-later
"""The law of a sweep, found again from cells made by a known one."""

from __future__ import annotations

import math
from statistics import fmean
from xml.etree import ElementTree

import msgspec
import pytest
from golden_files import check_golden
from hypothesis import given
from hypothesis import strategies as st
from made_runs import changed_amount, made_figure
from rich.console import Console

from tailwalk.cases import (
    KIB,
    MIB,
    PAGE,
    PLACES,
    Case,
    Filesystem,
    find_cases,
    place_offset,
    show_size,
)
from tailwalk.cases.places import folio_size
from tailwalk.cases.sweep import random_offsets, sweep_cases
from tailwalk.compare.sweep import Reach, arrange, cells, fit, flatness, random_cells, reach_of
from tailwalk.errors import RecordError, UsageError
from tailwalk.report.sections import sweep_section
from tailwalk.report.sweep import (
    heat_maps,
    heatmap_svg,
    law_sentences,
    map_title,
    sweep_answer,
    sweep_conditions,
    sweep_shown,
)
from tailwalk.report.terminal import terminal
from tailwalk.runs import Conditions, KernelRecord, Run

PWRITE = find_cases(["pwrite_u1k"])[0]
FILLS = (4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, MIB, 2 * MIB)
GRID = sweep_cases(PWRITE, fills=FILLS, places=["first", "quarter", "half", "last", "random"],
                   filesystem=Filesystem())


def made_run(cost, cases=GRID, *, large=True, spec="debian:6.18", written=None) -> Run:
    """A made-up run whose figures follow `cost` of a walk."""
    figures = []
    for case in cases:
        order = (folio_size(case.fill) // PAGE).bit_length() - 1 if large else 0
        figures.append(made_figure(
            case, cost(reach_of(case, order, 4 * KIB)), user=8, share=0.99, calls=[], folios=None,
            order=order if written is None else written))
    return Run(tailwalk="0", created="2026-01-01T00:00:00+00:00", rig="exact",
               kernel=KernelRecord(spec=spec, release="6.18.0", digest="0" * 64),
               conditions=Conditions(filesystem=Filesystem(), probe="0" * 64), inputs="0" * 64,
               figures=figures)


def full(walk: Reach) -> int:
    return 2000 + 29 * walk.prefix + 35 * walk.tail


def tail(walk: Reach) -> int:
    return 2000 + 29 * walk.prefix


def flat(walk: Reach) -> int:  # noqa: ARG001
    return 2000


@given(base=st.integers(500, 5000), a=st.integers(0, 60), c=st.integers(0, 60))
def test_the_law_is_found_again(base, a, c):
    law = fit(cells(made_run(lambda walk: base + a * walk.prefix + c * walk.tail)))
    assert law.fits
    assert law.base == pytest.approx(base, abs=0.01)
    assert law.coefficients["prefix"] == pytest.approx(a, abs=1e-3)
    assert law.coefficients["tail"] == pytest.approx(c, abs=1e-3)
    assert law.constant == {"span": 1, "further": 0}


@given(case=st.sampled_from(GRID), order=st.integers(0, 9),
       block=st.sampled_from([KIB, 4 * KIB]), offset=st.integers(0, MIB),
       size=st.integers(1, 64 * KIB))
def test_the_walk_covers_whole_folios(case, order, block, offset, size):
    case = case.changed(offset=offset, size=size)
    walk = reach_of(case, order, block)
    folio = (PAGE << order) // block
    assert walk.prefix + walk.span + walk.tail == (walk.further + 1) * folio
    assert 0 <= walk.prefix < folio and 0 <= walk.tail < folio and walk.span >= 1


def test_a_law_that_does_not_fit_is_said_not_to():
    law = fit(cells(made_run(lambda walk: 2000 + walk.prefix ** 2)))
    assert not law.fits


def test_flatness_of_the_designs():
    assert flatness(cells(made_run(flat))) == 1.0
    assert flatness(cells(made_run(tail))) == pytest.approx((2000 + 29 * 511) / 2000)


def test_a_cell_with_another_folio_is_marked_and_not_used():
    run = made_run(full)
    wrong = msgspec.structs.replace(changed_amount(run.figures[-1], value=10**6), written=3)
    run = msgspec.structs.replace(run, figures=[*run.figures[:-1], wrong])
    found = cells(run)
    assert found[-1].doubt == "order 3, not 9"
    assert fit(found).coefficients["tail"] == pytest.approx(35, abs=1e-3)
    assert flatness(found) < 20


def test_unsteady_cells_are_not_used():
    run = made_run(full)
    shaky = changed_amount(run.figures[0], steady=False, value=1)
    assert cells(msgspec.structs.replace(run, figures=[shaky, *run.figures[1:]]))[0].doubt


@pytest.mark.parametrize("nothing", [0, -5])
def test_cells_of_nothing_are_not_used(nothing):
    run = made_run(full)
    empty = changed_amount(run.figures[0], value=nothing)
    found = cells(msgspec.structs.replace(run, figures=[empty, *run.figures[1:]]))
    assert found[0].doubt == "no cost"
    assert fit(found).coefficients["tail"] == pytest.approx(35, abs=1e-3)
    assert flatness(found) < 20


@given(st.lists(st.floats(5e-324, 1.7e308), min_size=len(GRID), max_size=len(GRID)))
def test_a_law_is_of_finite_numbers_whatever_the_figures(values):
    figures = iter(values)
    law = fit(cells(made_run(lambda _: next(figures))))
    if law is not None:
        numbers = [law.base, *law.coefficients.values(), law.residual, law.share,
                   *law.moves.values()]
        assert all(map(math.isfinite, numbers))


def test_a_kernel_without_large_folios_is_not_marked():
    found = cells(made_run(flat, large=False))
    assert not any(cell.doubt for cell in found)
    assert fit(found).coefficients == {}


def test_recovery_at_random_offsets():
    runs = [made_run(flat, large=False, spec="debian:6.12"), made_run(full),
            made_run(tail, spec="debian:7.3")]
    sweep = arrange(runs)
    assert sweep.bad == 1
    rows = {row.fill: row for row in sweep.maps[0][2].rows}
    assert rows[4 * KIB].recovery is None
    assert 0.5 < rows[2 * MIB].recovery < 0.6
    base, bad, fixed = (fmean(random_cells(cells(run), 2 * MIB, Filesystem()).values())
                        for run in runs)
    assert rows[2 * MIB].recovery == pytest.approx((bad - fixed) / (bad - base))


def test_what_recoveries_are_of_is_said_where_there_are_some():
    runs = [made_run(flat, large=False, spec="debian:6.12"), made_run(full),
            made_run(tail, spec="debian:7.3")]
    [said] = sweep_conditions(arrange(runs))
    assert said[0] == "recovered" and "regression of debian:6.18 against debian:6.12" in said[1]
    assert arrange(runs[:2]).bad == 1
    assert sweep_conditions(arrange(runs[:2])) == []


def test_a_sweep_calls_kernels_by_short_names_and_says_what_they_stand_for():
    tree = "src:/home/somebody/kernels/worktrees/stable-6.18"
    runs = [made_run(flat, large=False, spec=tree), made_run(full, spec=f"{tree}+tail")]
    sweep, console = arrange(runs), Console(width=100)
    with console.capture() as captured:
        console.print(terminal(sweep_shown(sweep), console))
    titles = ["pwrite_u1k on 6.18.0 #0", "pwrite_u1k on 6.18.0+tail"]
    lines = captured.get().splitlines()
    for title in titles:
        assert f"{title}: instructions per call" in [line.rstrip() for line in lines]
        assert f">{title}: instructions per call</text>" in heatmap_svg(sweep)
    section = sweep_section(sweep, runs)
    assert [one.title for one, _ in section.content] == titles
    assert tree not in section.sentence and "6.18.0+tail" in section.sentence
    for facts in (sweep_conditions(sweep), section.conditions):
        assert ("6.18.0+tail", f"{tree}+tail, 6.18.0") in facts
        assert ("6.18.0 #0", f"{tree}, 6.18.0") in facts


SVG = "{http://www.w3.org/2000/svg}"


def test_a_drawn_sweep_holds_every_cell_with_its_figure_and_heat() -> None:
    run = made_run(full)
    wrong = msgspec.structs.replace(run.figures[0], written=3)
    runs = [made_run(flat, large=False, spec="debian:6.12"),
            msgspec.structs.replace(run, figures=[wrong, *run.figures[1:]]),
            made_run(tail, spec="debian:7.3")]
    sweep = arrange(runs)
    drawing = ElementTree.fromstring(heatmap_svg(sweep))
    titles = [title.text for title in drawing.iter(f"{SVG}title")]
    expected, shades = [], []
    for one in sweep.maps[0]:
        costs = [cell.value for row in one.rows for cell in row.places.values() if not cell.doubt]
        for row in one.rows:
            fill = show_size(row.fill)
            for place, cell in row.places.items():
                expected.append(f"{fill} folio, {place}: {cell.value:,.0f}"
                                + (f", not used: {cell.doubt}" if cell.doubt else ""))
                shades.append(None if cell.doubt else cell.value / min(costs))
            if row.random is not None:
                expected.append(f"{fill} folio, random offsets: {round(row.random):,}")
                shades.append(row.random / min(costs))
    assert titles == ["Cost over folio size and place of the write", *expected]
    colours = [cell.attrib["fill"] for cell in drawing.iter(f"{SVG}rect")]
    assert len(colours) == len(shades)
    for colour, times in zip(colours, shades, strict=True):
        if times is None:
            assert colour == "#ddd"
            continue
        red, green, blue = map(int, colour.removeprefix("rgb(").removesuffix(")").split(","))
        heat = max(math.log(times, 64), 0) if times < 64 else 1
        assert (red, green, blue) == pytest.approx(
            (245 - 67 * heat, 245 - 221 * heat, 245 - 202 * heat), abs=0.51)
    texts = [text.text for text in drawing.iter(f"{SVG}text")]
    assert [text for text in texts if text.startswith("(")] == [
        f"({run.figures[0].main.value:,})"] * shades.count(None)
    shares = [row.recovery for row in sweep.maps[0][2].rows if row.recovery is not None]
    assert shares and [text for text in texts if text.endswith("%")] == [
        f"{100 * share:.1f}%" for share in shares]
    assert sum("cost = " in text for text in texts) == 3


def test_a_drawn_sweep_is_as_it_was_agreed_to() -> None:
    check_golden("sweep.svg", heatmap_svg(arrange([
        made_run(flat, large=False, spec="debian:6.12"), made_run(full),
        made_run(tail, spec="debian:7.3")])))


def test_a_short_spec_stands_in_a_title_with_its_release():
    [title] = [map_title(one, label) for one, label in zip(
        arrange([made_run(full)]).maps[0], ["debian:6.18"], strict=True)]
    assert title == "pwrite_u1k on debian:6.18 (6.18.0)"


def test_recovery_is_over_offsets_that_may_be_used_everywhere():
    runs = [made_run(flat, large=False, spec="debian:6.12"), made_run(full),
            made_run(tail, spec="debian:7.3")]
    whole = {row.fill: row.recovery for row in arrange(runs).maps[0][2].rows}
    [far] = sorted(random_cells(cells(runs[1]), 2 * MIB, Filesystem()))[-1:]
    doubtful = [changed_amount(figure, steady=False) if figure.case.offset == far
                and figure.case.fill == 2 * MIB else figure for figure in runs[2].figures]
    runs[2] = msgspec.structs.replace(runs[2], figures=doubtful)
    recovery = {row.fill: row.recovery for row in arrange(runs).maps[0][2].rows}
    means = []
    for run in runs:
        sampled = random_cells(cells(run), 2 * MIB, Filesystem())
        means.append(fmean(value for offset, value in sampled.items() if offset != far))
    base, bad, fixed = means
    assert recovery[2 * MIB] == pytest.approx((bad - fixed) / (bad - base))
    assert recovery[2 * MIB] != whole[2 * MIB]
    assert recovery[64 * KIB] == whole[64 * KIB]


def test_sweeps_under_other_conditions_are_not_arranged():
    other = made_run(full)
    conditions = msgspec.structs.replace(other.conditions, machine={"memory": "512 MiB"})
    with pytest.raises(UsageError, match="memory is not recorded there and 512 MiB here"):
        arrange([made_run(flat), msgspec.structs.replace(other, conditions=conditions)])


def test_one_cell_alone_has_no_flatness():
    assert flatness(cells(made_run(full, cases=GRID[:1]))) is None
    assert flatness(cells(made_run(full, cases=GRID[-2:]))) > 1


def test_a_small_slope_over_many_buffers_is_spoken_of():
    law = fit(cells(made_run(lambda walk: 2000 + 0.4 * walk.prefix)))
    assert "grows by 0.4 instructions for every buffer before" in law_sentences(
        law, "instructions/call")[0]
    level = fit(cells(made_run(lambda walk: 2000 + 0.1 * walk.prefix)))
    assert law_sentences(level, "instructions/call")[0].startswith("Cost does not depend")
    both = fit(cells(made_run(lambda walk: 30000 + 20 * walk.prefix - 10 * walk.tail)))
    assert law_sentences(both, "instructions/call")[0].startswith(
        "Cost grows by 20.0 instructions for every buffer before the write and falls by 10.0 ")


def test_a_sentence_says_of_cells_that_the_map_does_not_show():
    shown = sweep_cases(PWRITE, fills=FILLS, places=["first", "quarter", "half", "last"],
                        filesystem=Filesystem())

    def said(cases) -> str:
        sweep, console = arrange([made_run(flat, cases=cases)]), Console(width=200)
        with console.capture() as captured:
            console.print(terminal(sweep_shown(sweep), console))
        return captured.get()

    # The table has a cell for each place, and two places of a small folio are one offset.
    assert len(shown) == len(FILLS) * 4 - 1
    assert f", {len(shown)} different cells.\n" in said(shown)
    assert f", {len(GRID)} different cells, those behind `random` included.\n" in said(GRID)


def test_sweeps_of_different_cells_are_not_arranged():
    with pytest.raises(RecordError, match="different cells"):
        arrange([made_run(flat), made_run(flat, cases=GRID[:5])])


@given(fill=st.integers(512, 8 * MIB), block=st.sampled_from([KIB, 2 * KIB, 4 * KIB]))
def test_random_offsets_are_aligned_repeatable_and_inside(fill, block):
    case = PWRITE.changed(fill=fill)
    filesystem = Filesystem(block_size=block)
    offsets = list(random_offsets(case, filesystem))
    assert offsets == list(random_offsets(case, filesystem))
    assert len(offsets) == min(16, folio_size(fill) // block)
    for offset in offsets:
        assert offset % block == 0
        case.changed(offset=offset).check()


@given(place=st.sampled_from(list(PLACES)), fill=st.sampled_from(FILLS),
       size=st.sampled_from([1024, 10240]))
def test_places_lie_in_the_first_folio(place, fill, size):
    case = Case.of("pwrite", name="x", size=size, fill=fill)
    try:
        offset = place_offset(place, case, Filesystem())
    except UsageError:
        assert place == "crossing" and size > 2 * folio_size(fill)
        return
    folio = folio_size(fill)
    if place == "crossing":
        assert offset < folio < offset + size
    elif place == "last" and size <= folio:
        assert offset % (4 * KIB) == 0 and offset + size <= folio < offset + size + 4 * KIB
    else:
        assert 0 <= offset < folio


def test_an_unknown_place_is_named():
    with pytest.raises(UsageError, match="'middle'"):
        sweep_cases(PWRITE, fills=FILLS, places=["middle"], filesystem=Filesystem())


def test_partial_cells_spare_the_last_page():
    grid = sweep_cases(PWRITE, fills=FILLS, places=["first", "half", "last", "random"],
                       filesystem=Filesystem(), partial=True)
    for case in grid:
        if case.fill >= 8 * KIB:
            assert not case.uptodate
            assert case.offset % case.fill + case.length <= case.fill - PAGE
    with pytest.raises(UsageError, match="last page"):
        PWRITE.changed(uptodate=False, offset=MIB - PAGE).check()


def test_a_page_of_a_sweep_opens_with_what_became_of_both_ends_of_the_folio():
    runs = [made_run(flat, large=False, spec="debian:6.12"), made_run(full),
            made_run(tail, spec="debian:7.3")]
    answer, size = sweep_answer(arrange(runs))
    assert answer == "debian:7.3 is repaired at a folio's start and as before at its end."
    assert size == ("Instructions per call, file filled by writes of 2MiB: at the folio's start "
                    f"2,000 against {full(Reach(0, 1, 511, 0)):,} on debian:6.18; at the folio's "
                    f"end {tail(Reach(511, 1, 0, 0)):,} against {full(Reach(511, 1, 0, 0)):,} on "
                    "debian:6.18.")
    _, both = sweep_answer(arrange([*runs, made_run(flat, large=False, spec="debian:7.4")]))
    assert both.count("on debian:7.3 at the folio's") == both.count("on debian:7.4 at") == 2
    assert sweep_answer(arrange(runs[:2])) == ("", "")
    alone, _ = sweep_answer(arrange(runs[1:]))
    assert alone == answer, "the first kernel's smallest folio stands for one without a regression"
    assert sweep_answer(arrange([runs[0], runs[0]])) == ("", "")


def test_the_maps_of_a_case_have_one_scale_of_colours_and_ratios_to_the_first():
    runs = [made_run(flat, large=False, spec="debian:6.12"), made_run(full)]
    first, second = heat_maps(arrange(runs))
    heats = {cell.text: cell.heat for one in (first, second) for row in one.grid.rows
             for cell in row.cells if cell.heat is not None}
    by_figure = sorted(heats, key=lambda text: int(text.replace(",", "")))
    assert [heats[text] for text in by_figure] == sorted(heats.values())
    assert first.ratios is None and second.ratios is not None
    figures = {(row.cells[0].text, column.heading): cell.text for row in second.grid.rows
               for column, cell in zip(second.grid.columns, row.cells, strict=True)}
    for row in second.ratios.rows:
        for column, cell in zip(second.ratios.columns[1:], row.cells[1:], strict=True):
            figure = int(figures[row.cells[0].text, column.heading].replace(",", ""))
            assert float(cell.key) == pytest.approx(figure / 2000)


def test_no_label_of_the_picture_runs_into_its_cells():
    drawn = heatmap_svg(arrange([made_run(full)]))
    for label in ("256KiB, order 6", "16KiB, order 2"):
        assert label in drawn
        assert 8 * len(label) < int(drawn.partition('class="cell" x="')[2].partition('"')[0])
