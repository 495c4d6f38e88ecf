# SPDX-License-Identifier: GPL-2.0-or-later
"""The page as text: what is in it, how large it is, what a hostile record does to it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from made_profiles import made_profile
from made_runs import COUNTS, SEED, made_case, made_figure, made_run, made_seed_runs
from msgspec.structs import replace
from page_texts import Elements, words
from test_growth import figures, made_host_run

from tailwalk.cases import KIB, MIB, Filesystem
from tailwalk.cases.sweep import sweep_cases
from tailwalk.cli import group
from tailwalk.compare.steps import track
from tailwalk.errors import RecordError, TailwalkError, UsageError
from tailwalk.report.chart import chart
from tailwalk.report.grid import Grid
from tailwalk.report.growth import growth_shown
from tailwalk.report.page import page
from tailwalk.report.sections import sections_of, track_section
from tailwalk.runs import Run, write_run
from tailwalk.runs.record import encode
from tailwalk.runs.store import Store


def made_sweep(spec: str) -> Run:
    grid = sweep_cases(made_case(), fills=[4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, MIB, 2 * MIB],
                       places=["first", "quarter", "half", "last", "random"],
                       filesystem=Filesystem())
    return made_run(spec, [made_figure(case, 2000 + case.offset // KIB) for case in grid])


def test_a_large_report_is_small_and_self_contained() -> None:
    sweeps = [made_sweep(spec) for spec in COUNTS]
    tree = [("entry_SYSCALL_64", -1, 10)] + [
        (f"a_function_with_a_long_name_{number}", number // 2, 10 + number)
        for number in range(120)]
    profiles = [replace(made_profile(tree, spec=spec, case=case), inputs=f"{spec} {case.name}")
                for case in (made_case(), made_case("writev_u10k"))
                for spec in ("debian:6.12", "debian:6.18")]
    text = page(sections_of([*made_seed_runs(), *sweeps], profiles))
    assert len(text.encode()) < 500_000
    tags = Elements(text).tags
    links = [value for _, attributes in tags for name, value in attributes.items()
             if name in ("href", "src", "srcset", "action", "data")]
    assert links and all(link and link.startswith(("#", "data:")) for link in links)
    assert "url(" not in text and "@import" not in text
    ids = [attributes["id"] for _, attributes in tags if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_names_from_records_are_text_and_nothing_else() -> None:
    spec = "src:/<script>alert(1)</script>&\"'"
    runs = [made_run(spec, [made_figure(made_case(), value)], release="6.18<b>")
            for value in (1, 2)]
    runs[1] = replace(runs[1], kernel=replace(runs[1].kernel, spec=f"{spec}2"))
    profiles = [replace(made_profile([("<i>top</i>", -1, count)], spec=f"{spec}{count}"),
                        inputs=str(count)) for count in (5, 9)]
    tags = Elements(page(sections_of(runs, profiles))).tags
    names = [tag for tag, _ in tags]
    assert names.count("script") == 1 and "i" not in names
    assert not any(name.startswith("on") for _, attributes in tags for name in attributes)


def test_sections_of_one_kind_are_told_apart() -> None:
    def runs(**changed: int) -> list[Run]:
        return [made_run(spec, [made_figure(made_case(**changed), value)])
                for spec, value in (("debian:6.12", 2224), ("debian:6.18", 11117))]

    sections = sections_of([*runs(), *runs(fill=2 * MIB), *runs(fill=2 * MIB, offset=MIB)])
    text = page(sections)
    titles = re.findall(r'<h2 id="comparison[^>]*>([^<]*)<', text)
    assert titles == ["The figures: fill 1MiB, offset 0", "The figures: fill 2MiB, offset 0",
                      "The figures: fill 2MiB, offset 1MiB"]
    assert ("tailwalk compare debian:6.12.95 debian:6.18.15 --case pwrite_u1k --fill 2MiB "
            "--offset 1MiB") in words(text)
    alone = page(sections[:1])
    assert "<h2 id=\"comparison-title\">The figures</h2>" in alone


def test_every_figure_stands_in_the_text_with_its_unit() -> None:
    text = words(page(sections_of(made_seed_runs())))
    assert "Instructions per call, by case and kernel" in text and "instructions/call" in text
    for counts in COUNTS.values():
        assert all(f" {count:,} " in text for count in counts)
    kernel = made_seed_runs()[0].kernel.digest
    for digest in (kernel, "cd" * 32, "ef" * 32, made_seed_runs()[0].id):
        assert digest in text


def test_a_recovery_of_all_keeps_its_exact_share_to_sort_by() -> None:
    text = page(sections_of(made_seed_runs("debian:6.12", "debian:6.18", "debian:7.3")))
    cells = re.findall(r'<td class="figure" data-key="([\d.]+)"[^>]*>(all|[\d.]+%)</td>', text)
    assert [said for _, said in cells] == ["99.2%", "all", "99.2%", "all", "all"]
    assert float(cells[1][0]) == (12346 - 3572) / (12346 - 5391)


def test_a_page_of_nothing() -> None:
    with pytest.raises(UsageError, match="nothing to report"):
        page([])


def report(*arguments: str) -> Result:
    return CliRunner().invoke(group, ["report", *arguments])


@pytest.fixture
def records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sequence[str]:
    """A run in a file, a run's id, and a profile in a file."""
    monkeypatch.setenv("TAILWALK_RESULTS", str(tmp_path / "runs"))
    monkeypatch.chdir(tmp_path)
    first, second = made_seed_runs("debian:6.12", "debian:6.18")
    write_run(first, tmp_path / "first.json")
    Store().add(second)
    (tmp_path / "why.json").write_bytes(encode(made_profile([("top", -1, 7)])))
    return ["first.json", second.id[:8], "why.json"]


def test_report_takes_files_ids_and_profiles(records: Sequence[str], tmp_path: Path) -> None:
    done = report(*records, "-o", "report.html")
    assert done.exception is None, (done.exception, done.output)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert words(text).count("debian:6.18 regressed in 5 of 6 cases against debian:6.12") == 1
    assert "top executes 7 of the 7 kernel instructions" in text
    assert "<title>debian:6.18 costs more than debian:6.12" in text
    report(*records, "-o", "report.html", "--title", "Mine & yours")
    assert "<title>Mine &amp; yours</title>" in (tmp_path / "report.html").read_text()


def test_what_report_refuses(records: Sequence[str], tmp_path: Path) -> None:
    def refused(*arguments: str) -> TailwalkError:
        done = report(*arguments)
        assert isinstance(done.exception, TailwalkError), done.output
        return done.exception

    assert "there is no directory" in str(refused(*records, "-o", "none/report.html"))
    (tmp_path / "other.json").write_text('{"schema": "tailwalk.track/1"}')
    said = str(refused("other.json", "-o", "report.html"))
    assert "'tailwalk.track'" in said and "tailwalk runs list" in said
    (tmp_path / "torn.json").write_bytes((tmp_path / "first.json").read_bytes()[:-9])
    assert isinstance(refused(*records, "torn.json", "-o", "report.html"), RecordError)
    assert not (tmp_path / "report.html").exists()
    before = (tmp_path / "first.json").read_bytes()
    assert "first.json is read here" in str(refused(*records, "-o", "first.json"))
    assert (tmp_path / "first.json").read_bytes() == before


def test_cases_in_another_order_are_the_same_cases() -> None:
    one, other = made_seed_runs("debian:6.12", "debian:6.18")
    [section] = sections_of([one, replace(other, figures=other.figures[::-1])])
    assert section.kind == "comparison"


def test_the_page_of_one_profile_counts_a_function_with_its_parts() -> None:
    profile = made_profile([("ext4_write", -1, 300), ("ext4_write.cold", 0, 250), ("copy", 0, 400)])
    [section] = sections_of([], [profile])
    assert "ext4_write executes 550 of the 950" in section.sentence


def test_one_run_alone_has_no_verdict() -> None:
    [run] = made_seed_runs("debian:7.3")
    text = words(page(sections_of([run])))
    assert "debian:7.3 (7.3.4): 6 figures, with nothing beside them to judge them by." in text
    assert "tailwalk run debian:7.3.4 --case seed" in text
    assert len(SEED) == 6


def test_a_run_that_compares_with_none_says_why() -> None:
    old, new = made_seed_runs("debian:6.12", "debian:6.18")
    new = replace(new, conditions=replace(
        new.conditions, machine={**new.conditions.machine, "qemu": "10.0.0"}))
    first, second = sections_of([old, new])
    assert first.sentence.endswith("It does not compare with debian:6.18: qemu is 10.0.0 there and "
                                   "7.2.22 here.")
    assert second.sentence.endswith("It does not compare with debian:6.12: qemu is 7.2.22 there "
                                    "and 10.0.0 here.")


def test_a_machine_has_its_cases_by_fill_with_ratios() -> None:
    run = made_host_run(figures(made_case(), 1000, 3560, 8168))
    [section] = sections_of([run])
    assert section.answer.startswith("This machine is affected") and " ns " in section.size
    [shown] = [part for part in growth_shown(run).parts if isinstance(part, Grid)]
    assert section.content.grid.rows[0].cells[0] == shown.rows[0].cells[0]
    assert [column.of.label for column in section.content.grid.columns[1:] if column.of] == [
        "fill 4KiB", "fill 1MiB", "fill 1MiB", "fill 2MiB", "fill 2MiB"]
    [(_, dots)] = section.content.chart.rows
    assert [dot.ratio for dot in dots] == ["", *(cell.text for cell in shown.rows[0].cells[3::2])]
    text = words(page([section]))
    assert text.startswith(section.answer) and "recovered" not in text


def test_a_case_of_which_nothing_can_be_drawn_has_no_row_in_the_chart() -> None:
    found = chart(["written", "not"], ["a", "b"], [[4096, 8192], [0, 0]], unit="bytes",
                  ratios=[[1, 2], [None, None]])
    assert [case for case, _ in found.rows] == ["written"]


def test_a_track_opens_with_its_steps_and_not_with_the_map() -> None:
    runs = made_seed_runs("debian:6.12", "debian:6.18", "debian:7.3")
    text = page([track_section(track(runs), runs)])
    order = [text.index(part) for part in ('<ul class="steps">', '<figure class="track-chart"',
                                           "By family</h3>", "By case</h3>", "where it is a step")]
    assert order == sorted(order)


def test_a_sentence_that_goes_on_is_parted_into_answer_and_size() -> None:
    runs = made_seed_runs("debian:6.12", "debian:6.18", "debian:7.3")
    text = page([track_section(track(runs), runs)])
    assert re.findall(r"<h1>(.*?)</h1>\s*<p class=\"size\">(.*?)</p>", text) == [(
        "pwrite_u1k takes 5.05× on 6.18.15 what it took on 6.12.95, and is back on 7.3.4.",
        "Steps in 2 places over 3 kernels from 6.12.95 to 7.3.4.")]
