# SPDX-License-Identifier: GPL-2.0-or-later
"""`tailwalk upgrade` on real kernels: the record of one as the baseline of the next."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tailwalk.cli import group

pytestmark = pytest.mark.guest

CASES = ("getpid", "pwrite_u1k", "touch_u4k", "fdatasync_u1k", "rename_u")
WALKS = {"ext4_block_write_begin", "block_commit_write"}
WRITEBACK = {"ext4_finish_bio", "ext4_bio_write_folio", "mpage_process_page_bufs"}


def upgrade(*arguments: str) -> Result:
    cases = [part for name in CASES for part in ("--case", name)]
    return CliRunner().invoke(group, ["upgrade", *arguments, *cases, "--calls", "30"])


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, object]]:
    file = tmp_path_factory.mktemp("upgrade") / "upgrade.json"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TAILWALK_RESULTS", str(file.parent / "runs"))
        result = upgrade("debian:6.12", "debian:6.18", "-o", str(file), "--why", "3",
                         "--fail-on", "regressed")
    assert isinstance(result.exception, SystemExit), (result.output, result.exception)
    assert result.exit_code == 1
    return {one["case"]: one for one in json.loads(file.read_text())["cases"]}


def test_every_case_has_a_figure_on_both_kernels(found) -> None:
    assert list(found) == list(CASES)
    assert all(None not in one["figures"] for one in found.values())
    assert found["pwrite_u1k"]["ratios"][1] == pytest.approx(5, rel=0.03)
    assert found["pwrite_u1k"]["verdicts"] == ["baseline", "regressed"]
    sync = found["fdatasync_u1k"]  # whose calls need not be alike
    assert all(share is None or share > 0.5 for share in sync["shares"])
    assert sync["varies"] == [one is not None for one in sync["intervals"]]


def test_the_worst_are_profiled_and_their_causes_named(found) -> None:
    profiled = {name for name, one in found.items() if one["why"]}
    assert profiled == {"pwrite_u1k", "touch_u4k", "fdatasync_u1k"}
    for name, functions, cause in (
            ("pwrite_u1k", WALKS, "a write walks the buffer heads of the whole folio"),
            ("fdatasync_u1k", WRITEBACK, "writeback walks the buffer heads of the whole folio")):
        top = {each["function"] for each in found[name]["why"][:len(functions)]}
        assert top == functions
        assert [each["cause"] for each in found[name]["causes"]] == [cause]
    figures = found["pwrite_u1k"]["figures"]
    assert found["pwrite_u1k"]["difference"] == figures[1] - figures[0]


def test_what_a_call_wrote_stands_beside_it(found) -> None:
    assert found["fdatasync_u1k"]["bytes"] == [4096, 4096]
    assert found["getpid"]["bytes"] == [None, None]
    assert all(apart for apart in found["fdatasync_u1k"]["apart"])


def test_a_record_is_the_baseline_of_the_next(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAILWALK_RESULTS", str(tmp_path / "runs"))
    old = tmp_path / "old.json"
    measured = CliRunner().invoke(group, ["run", "debian:6.12", "--case", "pwrite_u1k",
                                          "--case", "getpid", "--calls", "30", "-o", str(old)])
    assert measured.exit_code == 0, measured.output
    result = CliRunner().invoke(group, ["upgrade", str(old), "debian:6.18", "--format", "json"])
    assert result.exit_code == 0, (result.output, result.exception)
    cases = json.loads(result.stdout)["cases"]
    assert [one["case"] for one in cases] == ["pwrite_u1k", "getpid"]
    assert cases[0]["verdicts"] == ["baseline", "regressed"]
    assert {each["function"] for each in cases[0]["why"][:2]} == WALKS
    assert cases[1]["why"] == []
