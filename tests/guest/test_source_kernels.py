# SPDX-License-Identifier: GPL-2.0-or-later
"""Real source: kernels built from it, and the series `tail` on it."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
import uuid
from pathlib import Path

import pytest

import tailwalk.series
from skips import not_here
from tailwalk.cache import Cache
from tailwalk.cases import MIB, find_cases
from tailwalk.errors import ArchiveError, SeriesError
from tailwalk.kernels.source import open_source
from tailwalk.kernels.sourcetree import SourceTree
from tailwalk.rigs.exact import measure
from tailwalk.rigs.plan import Plan
from tailwalk.series import load_series, plan_series, write_mails
from tailwalk.series.releases import LINES, standing
from tailwalk.versions import parse_version

pytestmark = pytest.mark.network

INODE, BUFFER = "fs/ext4/inode.c", "fs/buffer.c"
# The newest release of each line that the archive has, and one of 7.1 without the first half.
VERSIONS = ("6.12", *(str(line.version) for line in LINES), "7.1.8")
# What `tail` is to a source, by what the table of releases says of its version.
STATES = {"not affected": "absent", "affected": "applies", "half": "partly there",
          "fixed": "already there"}


def source_of(version: str) -> SourceTree:
    known = parse_version(version)
    assert known is not None
    try:
        return open_source(known, Cache())
    except ArchiveError as error:
        if "gone from the archive" in str(error):
            not_here(str(error))
        raise


@pytest.fixture(scope="module")
def source() -> SourceTree:
    return source_of("6.18")


@pytest.fixture
def part(source: SourceTree, tmp_path: Path) -> Path:
    """The two files that `tail` changes, in a tree of their own."""
    for name in (INODE, BUFFER, "Makefile"):
        (tmp_path / "linux" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source.root / name, tmp_path / "linux" / name)
    return tmp_path / "linux"


class TestTailOnSource:
    def test_it_applies_once(self, part: Path) -> None:
        before = {name: (part / name).read_text() for name in (INODE, BUFFER)}
        plan = plan_series(load_series("tail"), part)
        assert plan.state == "applies"
        plan.write()
        for name, function in ((INODE, "ext4_block_write_begin"), (BUFFER, "block_commit_write")):
            old, new = before[name].splitlines(), (part / name).read_text().splitlines()
            added = [line for line in new if "walk_end" in line]
            assert len(added) == 2
            assert len(new) == len(old) + 2
            begin = next(i for i, line in enumerate(new)
                         if re.match(rf"(int|void) {function}\(", line))
            end = next(i for i in range(begin, len(new)) if new[i] == "}")
            assert all(begin < new.index(line) < end for line in added)
        again = plan_series(load_series("tail"), part)
        assert (again.state, again.changes) == ("already there", {})

    @pytest.mark.parametrize(("name", "old", "new", "said"), [
        (INODE, "bool should_journal_data = ", "bool journalled = ",
         "fs/ext4/inode.c, ext4_block_write_begin(): the anchor `bool should_journal_data = "),
        (BUFFER, "} while (bh != head);", "} while (more(bh));",
         "block_commit_write(): the anchor `bh != head` is not there"),
        (INODE, "int ext4_block_write_begin(", "int ext4_begin(",
         "fs/ext4/inode.c has no definition of ext4_block_write_begin"),
    ])
    def test_a_changed_function_is_refused(self, part: Path, name: str, old: str, new: str,
                                           said: str) -> None:
        text = (part / name).read_text()
        assert old in text
        (part / name).write_text(text.replace(old, new))
        with pytest.raises(SeriesError) as caught:
            plan_series(load_series("tail"), part)
        assert said in str(caught.value)

    def test_git_am_takes_its_patches(self, part: Path) -> None:
        def git(*arguments: str, given: str = "") -> str:
            return subprocess.run(
                ["git", "-C", str(part), "-c", "user.name=T", "-c", "user.email=t@example.org",
                 *arguments], input=given, text=True, check=True, capture_output=True).stdout

        git("init", "-q")
        git("add", ".")
        git("commit", "-q", "-m", "source")
        plan = plan_series(load_series("tail"), part)
        mails = write_mails(plan, time=time.time())
        assert len(mails) == 2
        git("am", given="".join(mail.text for mail in mails))
        for name, text in plan.changes.items():
            assert (part / name).read_text() == text


def check_patches(source: SourceTree, folder: Path) -> None:
    """Run the tree's own checkpatch on what `tail` makes of it."""
    plan = plan_series(load_series("tail"), source.root)
    for mail in write_mails(plan, time=time.time()):
        path = folder / mail.file_name
        path.write_text(mail.text)
        done = subprocess.run(
            # Who sends a patch signs it off.
            ["perl", str(source.root / "scripts/checkpatch.pl"), "--strict", "--no-signoff",
             f"--root={source.root}", str(path)], capture_output=True, text=True, check=False)
        assert "0 errors, 0 warnings, 0 checks" in done.stdout, done.stdout


def test_checkpatch_has_nothing_to_say(source: SourceTree, tmp_path: Path) -> None:
    check_patches(source, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("version", VERSIONS)
def test_tail_on_every_version(version: str, tmp_path: Path) -> None:
    source = source_of(version)
    state = standing(source.version).state
    assert state is not None
    assert plan_series(load_series("tail"), source.root).state == STATES[state]
    check_patches(source, tmp_path)


@pytest.mark.guest
@pytest.mark.timeout(7200)
class TestBuild:
    def test_a_series_compiles_the_files_it_changes(self, kernel, tmp_path: Path) -> None:
        plain, tail = kernel("src:6.18"), kernel("src:6.18+tail")
        assert plain.digest != tail.digest
        # `tail` with another comment: source that was never built before, which gives the image
        # of `tail` if a build on a built tree gives what a build from nothing would.
        definition = tmp_path / "again.toml"
        own = Path(tailwalk.series.__file__).parent / "definitions" / "tail.toml"
        text, count = re.subn(r"/\* An uptodate folio.*\*/", f"/* {uuid.uuid4()} */",
                              own.read_text())
        assert count == 2
        definition.write_text(text)
        again = kernel(f"src:6.18+{definition}")
        logs = sorted((Cache().root / "logs").glob("src_6.18*again.toml.log"),
                      key=lambda path: path.stat().st_mtime)
        compiled = re.findall(r"^  CC +(\S+)$", logs[-1].read_text(), re.MULTILINE)
        logs[-1].unlink()
        assert {"fs/buffer.o", "fs/ext4/inode.o"} <= set(compiled)
        assert len(compiled) < 10
        assert again.digest == tail.digest

    def test_the_series_takes_the_regression_back(self, kernel, bench) -> None:
        case = find_cases(["pwrite_u1k"])[0].changed(fill=2 * MIB)
        plain, tail = (item.run.figures[0].main.value for item in measure(
            [kernel("src:6.18"), kernel("src:6.18+tail")], Plan(cases=(case,)), bench=bench))
        # Without it, both walks visit 511 more buffers, each for 10 instructions at the least.
        assert plain - tail > 2 * 511 * 10
        assert tail < 2_500
