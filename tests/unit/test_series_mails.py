# SPDX-License-Identifier: GPL-2.0-or-later
"""The mails of series, as git am takes them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from made_series import DEFINITION, RING, made_definition, made_tree

from tailwalk.errors import SeriesError
from tailwalk.series import load_series, plan_series, write_mails
from tailwalk.series.releases import MAINLINE


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return made_tree(tmp_path)


@pytest.fixture
def definition(tmp_path: Path) -> Path:
    return made_definition(tmp_path)


class TestMails:
    @pytest.fixture
    def git(self, tree: Path) -> Callable[..., str]:
        environment = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM":
                       "/dev/null"}

        def run(*arguments: str, given: str | None = None) -> str:
            return subprocess.run(
                ["git", "-C", str(tree), "-c", "user.name=T", "-c", "user.email=t@example.org",
                 *arguments], input=given and given.encode("utf-8", "surrogateescape"),
                env=environment, check=True, capture_output=True).stdout.decode(
                    errors="surrogateescape")

        run("init", "-q")
        run("add", ".")
        run("commit", "-q", "-m", "source")
        return run

    @pytest.mark.parametrize(("author", "extra"), [
        ("Ada Lovelace <ada@example.org>", ""),
        ("Zoë Müller <zoe@example.org>", "no end of line"),
        ("J. R. (Bob) Dobbs, Sr <bob@example.org>", "\x0c\nform feed and \x85\n")])
    def test_git_am_takes_them(self, tree: Path, definition: Path, author: str, extra: str,
                               git: Callable[..., str]) -> None:
        (tree / "fs/ring.c").write_text(RING + extra, newline="")
        git("add", ".")
        git("commit", "-q", "--allow-empty", "-m", "more")
        definition.write_text(f'author = "{author}"\n{DEFINITION}')
        objects = git("count-objects")
        plan = plan_series(load_series(definition), tree)
        mails = write_mails(plan, time=0)
        assert [mail.file_name for mail in mails] == ["0001-ring-add-a-helper.patch",
                                                      "0002-ring-end-the-walk-early.patch"]
        assert f"\nbase-commit: {git('rev-parse', 'HEAD')}-- \n" in mails[0].text
        assert git("count-objects") == objects
        git("am", given="".join(mail.text for mail in mails))
        for file, text in plan.changes.items():
            with (tree / file).open(newline="") as stream:
                assert stream.read() == text
        log = git("log", "-2", "--reverse", "--format=%s|%an <%ae>|%at|%b").split("\n\n")[0]
        assert log.startswith(f"ring: add a helper|{author}|0|The next patch needs it.")
        assert "Signed-off-by" not in git("log", "-2", "--format=%B")
        assert plan_series(load_series(definition), tree).state == "already there"

    def test_they_stand_on_what_is_not_committed(self, tree: Path, definition: Path,
                                                 git: Callable[..., str]) -> None:
        definition.write_text(f'author = "A <a@example.org>"\n{DEFINITION}')
        (tree / "fs/ring.c").write_text(RING + "int more;\n")
        mails = write_mails(plan_series(load_series(definition), tree), time=0)
        assert f"\nbase-commit: {git('rev-parse', 'HEAD')}prerequisite-patch-id: " in mails[0].text
        git("commit", "-q", "-a", "-m", "more")
        git("am", given="".join(mail.text for mail in mails))

    @pytest.mark.parametrize("inside", [False, True], ids=["alone", "in another's repository"])
    def test_a_tree_without_git(self, tree: Path, definition: Path, inside: bool) -> None:
        if inside:
            subprocess.run(["git", "init", "-q", tree.parent], check=True)
        definition.write_text(f'author = "A <a@example.org>"\n{DEFINITION}')
        mails = write_mails(plan_series(load_series(definition), tree), time=0)
        assert not any("base-commit" in mail.text for mail in mails)
        subprocess.run(["git", "apply", "-p1", "-"], cwd=tree, check=True,
                       input="".join(mail.text for mail in mails).encode(),
                       env={**os.environ, "GIT_CEILING_DIRECTORIES": str(tree.parent)})
        assert plan_series(load_series(definition), tree).state == "already there"

    def test_whose_a_patch_is(self, definition: Path) -> None:
        on = DEFINITION.replace('why = ', 'on = "tail"\nauthor = "A <a@example.org>"\nwhy = ')
        definition.write_text(on.replace(
            "changelog", 'author = "B <b@example.org>"\nchangelog', 1))
        authors = [patch.author for patch in load_series(definition).patches]
        assert authors == [*[patch.author for patch in load_series("tail").patches],
                           "B <b@example.org>", "A <a@example.org>"]
        definition.write_text(DEFINITION.replace("why = ", 'author = "A"\nwhy = '))
        with pytest.raises(SeriesError, match=r"author"):
            load_series(definition)

    def test_those_of_tail_name_mainlines_commits(self) -> None:
        assert [patch.upstream for patch in load_series("tail").patches] == [
            one.commit for one in MAINLINE.arrivals]

    def test_what_is_there_is_left_out(self, tree: Path, definition: Path) -> None:
        (tree / "fs/ring.c").write_text(
            RING.replace("\tdo {\n", "\tdo {\n\t\tif (step >= to)\n\t\t\tbreak;\n"))
        definition.write_text(DEFINITION.replace(
            'why = ', 'author = "A <a@example.org>"\nwhy = ').replace(
            "changelog", 'upstream = "0123456789ab"\nchangelog', 1))
        (mail,) = write_mails(plan_series(load_series(definition), tree), time=0)
        assert "Subject: [PATCH] ring: add a helper\n" in mail.text
        assert "\nMainline has the same change, in other words, as [0123456789ab].\n" in mail.text
