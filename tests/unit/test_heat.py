# SPDX-License-Identifier: GPL-2.0-or-later
"""The heat map: ratios to the first kernel, by case and by family."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_runs import made_figure, made_run, made_seed_runs

from tailwalk.cases import find_cases
from tailwalk.compare.steps import Track, track
from tailwalk.report.heat import HeatPage, heat_cell
from tailwalk.report.page import page
from tailwalk.report.sections import track_section
from tailwalk.report.track import track_heat, track_shown, track_svg
from tailwalk.runs import Run
from tailwalk.runs.record import Missing

CASES = find_cases(["pwrite_u1k", "fsync_u1k", "fdatasync_u1k"])


def made_runs() -> list[Run]:
    """Kernels of which the second lacks a case, and the third is unsteady in one."""
    whole = [made_figure(case, value) for case, value in zip(CASES, (2000, 9000, 8000),
                                                            strict=True)]
    lacking = [made_figure(CASES[0], 8000), made_figure(CASES[1], 18000)]
    doubtful = [made_figure(CASES[0], 2000), made_figure(CASES[1], 4500),
                made_figure(CASES[2], 64000, steady=False)]
    return [made_run("debian:6.12", whole),
            made_run("debian:6.18", lacking, missing=[
                Missing(case=CASES[2], reason="fdatasync(2): ENOSYS", failed=False)]),
            made_run("debian:7.3", doubtful)]


def heat(runs: list[Run]) -> HeatPage:
    return track_heat(track(runs), runs)


def test_families_and_their_cases() -> None:
    found = heat(made_runs())
    assert [(family.name, [row.label for row in family.rows]) for family in found.families] == [
        ("overwrite", ["pwrite_u1k"]), ("sync", ["fsync_u1k", "fdatasync_u1k"])]
    write, (fsync, fdatasync) = found.families[0].rows[0], found.families[1].rows
    assert [cell.text for cell in write.cells] == ["4.00", "1.00"]
    assert [(cell.kind, cell.depth) for cell in write.cells] == [("dearer", 100), ("", 0)]
    assert [(cell.text, cell.kind, cell.depth) for cell in fsync.cells] == [
        ("2.00", "dearer", 50), ("0.50", "cheaper", 50)]
    assert [(cell.text, cell.kind) for cell in fdatasync.cells] == [
        ("–", "missing"), ("(8.00)", "doubtful")]
    assert [row.figure for row in (write, fsync)] == ["2,000", "9,000"]


def test_a_family_is_the_geometric_mean_of_what_can_be_judged() -> None:
    sync = heat(made_runs()).families[1]
    assert [cell.text for cell in sync.cells] == ["2.00", "0.50"]
    assert sync.cells[1].said == (
        "sync on 7.3.4: 0.50× of 6.12.95, the geometric mean of 1 case")


def test_every_cell_says_its_figures_and_how_to_have_its_functions() -> None:
    runs = made_runs()
    fsync, fdatasync = heat(runs).families[1].rows
    assert fsync.cells[0].said == (
        "fsync_u1k on 6.18.15: 18,000 instructions/call, 2.00× of 9,000 on 6.12.95")
    assert fsync.cells[0].command == (
        "tailwalk why debian:6.12.95 debian:6.18.15 --case fsync_u1k")
    assert fdatasync.cells[0].said == (
        "fdatasync_u1k on 6.18.15: not measured: fdatasync(2): ENOSYS")
    assert fdatasync.cells[0].command == ""
    assert fdatasync.cells[1].said.endswith("; unsteady")
    assert fdatasync.cells[1].command.startswith("tailwalk why ")


def test_a_track_of_which_a_kernel_lacks_a_case() -> None:
    runs = made_runs()
    for order in (runs, runs[::-1], [runs[1], runs[0], runs[2]]):
        found = track(order)
        row = next(row for row in found.rows if row.case == "fdatasync_u1k")
        at = order.index(runs[1])
        assert row.figures[at] is row.steady[at] is None
        assert row.reasons[at] == "not measured: fdatasync(2): ENOSYS"
        assert "fdatasync_u1k" in track_svg(found)
        assert "-" in [cell.text for cell in track_shown(found).grid.rows[at].cells]
        assert any("fdatasync_u1k: not measured" in note for note in found.notes)
        assert track_heat(found, order).families
        assert not any(step.row == found.rows.index(row) for step in found.steps)


def test_a_case_that_the_first_kernel_lacks_has_no_ratio() -> None:
    runs = made_runs()
    row = next(row for family in heat([runs[1], runs[0]]).families for row in family.rows
               if row.label == "fdatasync_u1k")
    assert (row.figure, row.cells[0].text) == ("–", "–")
    assert row.cells[0].said.endswith("not measured: fdatasync(2): ENOSYS (6.18.15)")


def test_where_calls_vary_a_step_is_what_leaves_no_doubt() -> None:
    def varying(middle: tuple[int, int]) -> Track:
        return track([made_run(spec, [made_figure(
            CASES[0], sum(each) / 2, share=None, interval=each,
            calls=[(sum(each) / 2, 100)])]) for spec, each in (
                ("debian:6.12", (2000, 3000)), ("debian:6.18", middle))])

    assert len(varying((3100, 4000)).steps) == 1
    assert varying((2900, 4000)).steps == []


@given(st.floats(min_value=1e-6, max_value=1e6))
def test_the_scale_diverges_in_doublings(ratio: float) -> None:
    up, down = heat_cell(ratio, ""), heat_cell(1 / ratio, "")
    assert up.depth == pytest.approx(down.depth, abs=1) or 0 in (up.depth, down.depth)
    assert 0 <= up.depth <= 100
    if abs(math.log2(ratio)) >= 2:
        assert up.depth == 100
    assert up.kind == ("" if abs(ratio - 1) < 0.005 else "dearer" if ratio > 1 else "cheaper")


def test_many_cases_are_a_map_and_no_chart() -> None:
    cases = find_cases(["lts"])
    runs = [made_run(spec, [made_figure(case, 2000 + number) for number, case in enumerate(cases)])
            for spec in ("debian:6.12", "debian:6.18")]
    text = page([track_section(track(runs), runs)])
    assert "<figure class=\"track-chart\"" not in text
    assert all(f">{case.name}</th>" in text for case in cases)
    few = made_seed_runs("debian:6.12", "debian:6.18")
    assert "<figure class=\"track-chart\"" in page([track_section(track(few), few)])


def test_links_of_the_map_lead_somewhere() -> None:
    text = page([track_section(track(made_runs()), made_runs())])
    targets = set(re.findall(r'href="#([^"]+)"', text))
    cells = re.findall(r'<td class="heat-cell.*?</td>', text)
    assert len(cells) == 2 * (2 + 3) and all('<a href="#heat-' in cell for cell in cells)
    assert {"heat-1", "heat-2", "heat-case-1-1", "heat-case-3-2"} <= targets
    assert targets <= set(re.findall(r'id="([^"]+)"', text))


def test_a_cell_leads_to_its_figures_and_the_command() -> None:
    """As text, for who prints the page or has no script."""
    text = page([track_section(track(made_runs()), made_runs())])
    line = re.search(r'<li id="heat-case-2-1">.*?</li>', text)
    assert line is not None
    assert "fsync_u1k on 6.18.15: 18,000 instructions/call" in line[0]
    assert ("<code>tailwalk why debian:6.12.95 debian:6.18.15 --case fsync_u1k</code>"
            in line[0])


def test_a_median_of_calls_that_are_not_alike_has_its_sign() -> None:
    runs = [made_run(spec, [
        made_figure(CASES[0], 2000), made_figure(CASES[1], 2500, share=None, interval=(2000, 3000),
                                                 calls=[(2500, 100)])])
        for spec in ("debian:6.12", "debian:6.18")]
    found = track(runs)
    shown = track_shown(found)
    assert [cell.text for cell in shown.grid.rows[0].cells[1:3]] == ["2,000", "~2,500"]
    assert ("~", "the median of calls that are not alike") in shown.facts
    rows = {row.label: row for family in heat(runs).families for row in family.rows}
    assert (rows["pwrite_u1k"].figure, rows["fsync_u1k"].figure) == ("2,000", "~2,500")
    assert "~2,500 instructions/call, 1.00× of ~2,500" in rows["fsync_u1k"].cells[0].said
    assert "~" not in dict(track_shown(track(made_runs())).facts)


def test_one_kernel_has_no_map() -> None:
    runs = made_runs()[:1]
    assert "By family" not in page([track_section(track(runs), runs)])
