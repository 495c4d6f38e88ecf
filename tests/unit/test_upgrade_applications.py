# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs beside an upgrade's cases: on a terminal, on the page, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from made_programs import made_on_kernel, made_program, made_row
from made_upgrade import FEW, KERNELS, LATER, NEW, OLD, Desk
from msgspec.structs import replace
from results import error, output

from tailwalk.runs.program import Program
from tailwalk.runs.record import encode

COSTS = {OLD: 100_000, NEW: 250_000, LATER: 110_000}


def ran(*specs: str, status: int = 0) -> Program:
    """A program on the upgrade's kernels, whose one call costs more on the new one."""
    kernels = {one.spec: one for one in KERNELS.values()}
    return made_program(*(made_on_kernel(
        spec, [made_row("fdatasync", 10, {"entry": 1000, "entry>ext4_sync_file": COSTS[spec]},
                        file="ext4")],
        release=kernels[spec].release, digest=kernels[spec].digest, status=status)
        for spec in specs))


@pytest.fixture(autouse=True)
def _plain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LANG", "C.UTF-8")
    monkeypatch.chdir(tmp_path)


def kept(name: str, program: Program) -> list[str]:
    Path(name).write_bytes(encode(program))
    return ["--program", name]


def test_a_program_stands_beside_the_cases(tmp_path: Path) -> None:
    program = kept("db.json", ran(OLD, NEW, LATER))
    said = output(Desk().call(OLD, NEW, LATER, *FEW, *program, "--html", "page.html"))
    assert "program --fast      101,000  251,000  2.49×  111,000  1.10×" in re.sub(
        r"(?<=fast) +", "      ", said)
    assert ("program --fast: on debian:6.18 the kernel executes 2.49× (+150,000), dearer in all; "
            "of the calls dearer: fdatasync ext4 2.49×." in " ".join(said.split()))
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    order = [page.index(f'id="{name}"') for name in (
        "upgrade-families", "upgrade-worst", "upgrade-cases", "applications", "comparison",
        "conditions", "repeat", "upgrade-places")]
    assert order == sorted(order)
    assert ("For 1 of 1 program the kernel executes more on debian:6.18 than on debian:6.12, for "
            "program --fast (2.49×); less for none.") in page
    assert ">2.49×</td>" in page and "tailwalk <" not in page
    assert {*re.findall(r'href="#([^"]+)"', page)} <= {*re.findall(r'id="([^"]+)"', page)}


def test_the_page_names_the_worst_with_their_functions_and_repeats_itself(tmp_path: Path) -> None:
    Desk().call(OLD, NEW, LATER, *FEW, "--html", "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    worst = page[page.index('class="ratios worst"'):page.index('id="upgrade-cases"')]
    assert re.findall(r'<th scope="row">(\w+)</th>', worst) == [
        "msync_u1", "touch_u4k", "pwrite_u1k", "fdatasync_u1k"]
    assert "2,224 to 11,117" in worst
    assert ("+8,893, in ext4_<wbr>block_<wbr>write_<wbr>begin (+5,928), block_<wbr>commit_<wbr>"
            "write (+2,965): a write walks the buffer heads of the whole folio") in worst
    repeated = " ".join(re.sub(r"<[^>]+>", "", page[page.index('id="repeat-title"'):]).split())
    assert ("tailwalk upgrade debian:6.12.95 debian:6.18.15 debian:7.3.4 --case pwrite_u1k "
            in repeated)


def test_a_record_of_later_kernels_is_no_need_and_one_that_failed_is_told() -> None:
    program = kept("db.json", ran(NEW, OLD, status=3))
    said = output(Desk().call(OLD, NEW, LATER, *FEW, *program))
    row = next(line for line in said.splitlines() if line.startswith("program --fast"))
    assert row.split()[2:] == ["101,000", "251,000", "2.49×", "-"]
    assert "it failed: exit status 3" in said


def test_a_record_of_other_kernels_is_refused_before_anything_is_measured() -> None:
    lacking, desk = kept("db.json", ran(OLD, LATER)), Desk()
    said = str(error(desk.call(OLD, NEW, *FEW, *lacking)))
    assert desk.lab.asked == []
    assert ("the record of ./program is of debian:6.12 (6.12.95" in said
            and "has nothing of debian:6.18 (6.18.15" in said and "tailwalk exec" in said)
    other = ran(OLD, NEW)
    rebuilt = replace(other, kernels=[other.kernels[0], replace(other.kernels[1], digest="0")])
    assert "nothing of debian:6.18" in str(
        error(Desk().call(OLD, NEW, *FEW, *kept("new.json", rebuilt))))


def test_what_is_no_program_is_refused_before_anything_is_measured() -> None:
    Path("no.json").write_text("{}", encoding="utf-8")
    desk = Desk()
    assert "no.json" in str(error(
        desk.call(OLD, NEW, *FEW, "--program", "no.json")))
    assert desk.lab.asked == []


def test_the_record_is_without_the_programs() -> None:
    """As the help says: a reader of the record does not wait for them."""
    program = kept("db.json", ran(OLD, NEW, LATER))
    plain = output(Desk().call(OLD, NEW, LATER, *FEW, "--format", "json"))
    assert output(Desk().call(OLD, NEW, LATER, *FEW, *program, "--format", "json")) == plain
