# SPDX-License-Identifier: GPL-2.0-or-later
"""An upgrade as a page: its cells lead to the functions, or to the command that shows them."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

from made_runs import SEED, made_figure, made_run, made_seed_runs
from msgspec.structs import replace

from tailwalk.cases import find_cases
from tailwalk.compare import compare
from tailwalk.compare.accepted import AcceptedDifference, AcceptFile, accept
from tailwalk.compare.upgrade import upgrade, with_profiles
from tailwalk.profile.causes import KNOWN, Explained
from tailwalk.report.page import page
from tailwalk.report.sections import upgrade_sections
from tailwalk.report.upgrade import upgrade_shown
from tailwalk.report.upgrade_page import upgrade_page
from tailwalk.runs import Run
from tailwalk.runs.record import encode

PROFILES: dict[str, Explained | str] = {
    "pwrite_u1k": Explained(difference=8917, carriers=[
        ("ext4_block_write_begin", 4600), ("block_commit_write", 4300)], causes=[(KNOWN[0], 0.99)]),
    "write_u1k": "its trace was cut short",
}


def made_page(runs: list[Run]) -> str:
    """The page of runs, of which two cases were to be profiled and one is accepted."""
    comparison = accept(compare(runs, bad=1), AcceptFile(
        path=Path("accepted.toml"), lines=[], entries=[AcceptedDifference(
            case="pwrite_u10k", ratio=3, reason="<known>", until=date(2026, 12, 31))]),
        today=date(2026, 7, 1))
    found = with_profiles(upgrade(comparison, runs), {
        case: PROFILES[case.name] for case in SEED if case.name in PROFILES})
    return page(upgrade_sections(found, comparison, runs))


def cells(text: str, case: str) -> list[str]:
    """The cells of a case in the map."""
    row = re.search(rf'<th scope="row">{case}</th><td class="figure">.*?</tr>', text, re.DOTALL)
    assert row is not None
    return re.findall(r'<td class="heat-cell.*?</td>', row[0])


def test_a_profiled_cell_leads_to_its_functions() -> None:
    text = made_page(made_seed_runs("debian:6.12", "debian:6.18", "debian:7.3"))
    new, later = cells(text, "pwrite_u1k")
    assert '<a href="#functions-1"' in new and 'class="known">5.05</a>' in new
    assert '<a href="#heat-case-3-2">' in later
    table = text[text.index('id="functions-1"'):]
    assert "ext4_<wbr>block_<wbr>write_<wbr>begin" in table and "+4,600" in table
    assert "51.6%" in table
    assert f"{KNOWN[0].explained} More in <code>docs/{KNOWN[0].page}</code>." in table
    assert set(re.findall(r'href="#([^"]+)"', text)) <= set(re.findall(r'id="([^"]+)"', text))


def line(text: str, anchor: str) -> str:
    """What a cell without functions leads to."""
    found = re.search(rf'<li id="{anchor}">.*?</li>', text)
    assert found is not None
    return found[0]


def test_every_cell_leads_to_its_functions_or_to_the_command_that_gives_them() -> None:
    text = made_page(made_seed_runs("debian:6.12", "debian:6.18", "debian:7.3"))
    for number, case in enumerate(SEED, start=1):
        for column, (cell, spec) in enumerate(zip(
                cells(text, case.name), ("debian:6.18.15", "debian:7.3.4"), strict=True), start=1):
            anchor = f"heat-case-{number}-{column}"
            assert f'<a href="#{anchor}">' in cell or '<a href="#functions-1"' in cell
            assert (f"<code>tailwalk why debian:6.12.95 {spec} --case {case.name}</code>"
                    in line(text, anchor))
    assert all("<a href=" in cell for cell in re.findall(r'<td class="heat-cell.*?</td>', text))
    assert "not profiled: its trace was cut short" in text
    number = [case.name for case in SEED].index("pwrite_u10k") + 1
    assert "accepted up to 3× until 2026-12-31: &lt;known&gt;" in line(
        text, f"heat-case-{number}-1")


def test_what_handles_many_bytes_has_a_figure_per_mib() -> None:
    cases = find_cases(["unlink_u8m", "unlink_u512", "getpid"])
    runs = [made_run(spec, [made_figure(case, value) for case in cases])
            for spec, value in (("debian:6.12", 16_000), ("debian:6.18", 4_000))]
    comparison = compare(runs, bad=1)
    found = upgrade(comparison, runs)
    assert found.cases[0].per_mib == [2000, 500]
    assert b'"per_mib"' not in encode(replace(found, cases=found.cases[1:]))
    assert ("per MiB", "unlink_u8m 2,000 to 500") in upgrade_shown(found).facts
    text = page(upgrade_sections(found, comparison, runs))
    assert "per MiB 500;" in line(text, "heat-case-1-1") and text.count("per MiB") == 1


def test_the_answer_stands_first() -> None:
    text = made_page(made_seed_runs("debian:6.12", "debian:6.18", "debian:7.3"))
    heading = re.search(r"<h1[^>]*>(.*?)</h1>", text)
    assert heading is not None
    assert heading[1].startswith("5 of 6 cases cost more on debian:6.18 than on debian:6.12")
    assert text.index("By family") < text.index("<h2 id=\"comparison-title\"")


def test_a_suite_fits_and_has_no_chart() -> None:
    cases = find_cases(["lts"])
    runs = [made_run(spec, [made_figure(case, 2000 + number * scale)
                            for number, case in enumerate(cases)])
            for scale, spec in enumerate(("debian:6.12", "debian:6.18", "debian:7.3"))]
    comparison = compare(runs, bad=1)
    text = page(upgrade_sections(upgrade(comparison, runs), comparison, runs))
    assert len(text.encode()) < 400_000
    assert "comparison-title" not in text
    assert '<figure class="chart"' not in text
    assert all(f">{case.name}</th>" in text for case in cases)


def test_what_cannot_be_judged_is_part_of_no_mean() -> None:
    runs = made_seed_runs("debian:6.12", "debian:6.18")
    runs[1] = replace(runs[1], figures=[
        made_figure(figure.case, figure.main.value, steady=number > 0)
        for number, figure in enumerate(runs[1].figures)])
    comparison = compare(runs, bad=1)
    family, = upgrade_page(upgrade(comparison, runs)).heat.families
    assert family.rows[0].cells[0].kind == "doubtful"
    assert family.cells[0].under == "0.62 to 5.05"
    assert "the geometric mean of 5 cases, 0.62 to 5.05" in family.cells[0].said
