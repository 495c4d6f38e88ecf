# SPDX-License-Identifier: GPL-2.0-or-later
"""Series on made-up trees: what they mean for a tree, what they write, and their mails."""

from __future__ import annotations

import contextlib
import itertools
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from tailwalk.cli.series import series as series_command
from tailwalk.errors import PlaceError, SeriesError
from tailwalk.series import load_series, plan_series, series_names, write_mails
from tailwalk.series.releases import MAINLINE

RING = """\
#include <linux/ring.h>

/* Go round. */
void walk(struct ring *ring, int to)
{
\tint step = 0;

\tdo {
\t\ttouch(ring, step);
\t} while (++step < ring->size);
}
EXPORT_SYMBOL(walk);
"""

DEFINITION = """\
name = "short"
title = "End the walk early"
holds = "v1.0 to v2.0"
why = "Nobody looks behind the end."

[[needs]]
file = "fs/ring.c"
has = ["ring->size", "ring_size("]
otherwise = "rings have one size here: the regression is absent"

[[patches]]
subject = "ring: add a helper"
changelog = '''
The next patch needs it.
'''

[[patches.edits]]
file = "fs/helper.h"
create = true
text = '''
int walk_end(struct ring *ring, int to);
'''

[[patches.edits]]
file = "fs/ring.c"
after = "#include <linux/ring.h>"
text = '''
#include "helper.h"
'''

[[patches]]
subject = "ring: end the walk early"
changelog = '''
Nobody looks behind the end.
'''

[[patches.edits]]
file = "fs/ring.c"
inside = "walk"
after = "int step = 0;"
text = '''
\tint end = walk_end(ring, to);
'''

[[patches.edits]]
file = "fs/ring.c"
inside = "walk"
replace = "++step < ring->size"
text = "++step < end"

[[patches.already]]
file = "fs/ring.c"
inside = "walk"
has = "if (step >= to) break;"
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "linux"
    (root / "fs").mkdir(parents=True)
    (root / "Makefile").write_text("VERSION = 1\n")
    (root / "fs/ring.c").write_text(RING)
    (root / "fs/ring.c").chmod(0o640)
    return root


@pytest.fixture
def definition(tmp_path: Path) -> Path:
    path = tmp_path / "short.toml"
    path.write_text(DEFINITION)
    return path


class TestOwnSeries:
    @pytest.mark.parametrize("name", series_names())
    def test_a_definition_is_sound(self, name: str) -> None:
        one = load_series(name)
        assert one.name == name
        assert one.why.strip()
        for patch in one.patches:
            assert len(patch.subject) <= 70
            assert not patch.subject.endswith(".")
            assert all(len(line) <= 72 for line in patch.changelog.splitlines())
            for edit in patch.edits:
                assert all(len(line.expandtabs(8)) <= 100 for line in edit.text.splitlines())

    def test_tail_is_there(self) -> None:
        assert "tail" in series_names()

    def test_span_continues_tail(self) -> None:
        tail, span = load_series("tail"), load_series("span")
        assert span.patches[:len(tail.patches)] == tail.patches
        assert len(span.patches) > len(tail.patches)
        assert span.needs == tail.needs


class TestLoading:
    def test_a_series_on_another_has_its_patches_first(self, definition: Path) -> None:
        alone = load_series(definition)
        definition.write_text(DEFINITION.replace("name = ", 'on = "tail"\nname = ', 1))
        both = load_series(definition)
        assert both.patches == load_series("tail").patches + alone.patches
        assert both.needs == load_series("tail").needs + alone.needs

    def test_a_series_on_one_that_is_not_there(self, definition: Path) -> None:
        definition.write_text(DEFINITION.replace("name = ", 'on = "tale"\nname = ', 1))
        with pytest.raises(SeriesError, match="no series 'tale'"):
            load_series(definition)

    def test_an_unknown_name(self) -> None:
        with pytest.raises(SeriesError, match=r"no series 'tale': there are .*tail"):
            load_series("tale")

    def test_a_path_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(SeriesError, match=r"cannot read the series .*No such file"):
            load_series(tmp_path / "gone.toml")

    @pytest.mark.parametrize(("old", "new", "said"), [
        ("[[patches]]", "[[patches", "no definition of a series"),
        ('title = "End the walk early"', "title = 3", r"Expected `str`, got `int`"),
        ('title = "End the walk early"', 'titel = "x"', "titel"),
        ("create = true", "", "just one of before, after"),
        ("why = ", "# why = ", "missing required field `why`"),
    ])
    def test_a_definition_that_cannot_be_read(self, definition: Path, old: str, new: str,
                                              said: str) -> None:
        definition.write_text(DEFINITION.replace(old, new, 1))
        with pytest.raises(SeriesError, match=said) as caught:
            load_series(definition)
        assert str(definition) in str(caught.value)

    def test_a_definition_without_patches(self, definition: Path) -> None:
        definition.write_text(DEFINITION[:DEFINITION.index("[[needs]]")] + "patches = []\n")
        with pytest.raises(SeriesError, match="it needs patches"):
            load_series(definition)


class TestPlan:
    def test_applied_and_then_already_there(self, tree: Path, definition: Path) -> None:
        plan = plan_series(load_series(definition), tree)
        assert plan.state == "applies"
        assert sorted(plan.changes) == ["fs/helper.h", "fs/ring.c"]
        assert (tree / "fs/ring.c").read_text() == RING  # nothing is written before it is asked
        plan.write()
        text = (tree / "fs/ring.c").read_text()
        assert text == RING.replace(
            '#include <linux/ring.h>\n', '#include <linux/ring.h>\n#include "helper.h"\n').replace(
            "int step = 0;\n", "int step = 0;\n\tint end = walk_end(ring, to);\n").replace(
            "++step < ring->size", "++step < end")
        # The sign of what the series is against went with its own change: that is not absence.
        assert "ring->size" not in text
        again = plan_series(load_series(definition), tree)
        assert again.state == "already there"
        assert again.changes == {}

    def test_absent(self, tree: Path, definition: Path) -> None:
        (tree / "fs/ring.c").write_text(RING.replace("ring->size", "RING_SIZE"))
        plan = plan_series(load_series(definition), tree)
        assert (plan.state, plan.changes) == ("absent", {})
        assert "the regression is absent" in plan.reason

    def test_partly_there_in_another_form(self, tree: Path, definition: Path) -> None:
        (tree / "fs/ring.c").write_text(
            RING.replace("\tdo {\n", "\tdo {\n\t\tif (step >= to)\n\t\t\tbreak;\n"))
        plan = plan_series(load_series(definition), tree)
        assert plan.state == "partly there"
        assert [patch.there for patch in plan.patches] == [False, True]
        assert "walk_end(ring, to);\n" not in plan.changes["fs/ring.c"]

    def test_there_by_half_is_refused(self, tree: Path, definition: Path) -> None:
        (tree / "fs/ring.c").write_text(RING.replace("++step < ring->size", "++step < end")
                                        + "int x = ring->size;\n")
        with pytest.raises(SeriesError, match="`ring: end the walk early` is there by half"):
            plan_series(load_series(definition), tree)

    def test_a_changed_function_is_refused_by_name(self, tree: Path, definition: Path) -> None:
        (tree / "fs/ring.c").write_text(RING.replace("int step = 0;", "unsigned int step = 1;"))
        with pytest.raises(SeriesError) as caught:
            plan_series(load_series(definition), tree)
        said = str(caught.value)
        assert "series short does not fit" in said
        assert str(tree) in said
        assert "patch `ring: end the walk early`: fs/ring.c, walk(): the anchor `int step = 0;`" \
            in said
        assert "v1.0 to v2.0" in said

    def test_no_source_tree(self, tmp_path: Path, definition: Path) -> None:
        with pytest.raises(SeriesError, match="is no kernel source tree"):
            plan_series(load_series(definition), tmp_path)

    @pytest.mark.parametrize("path", ["../outside.c", "/etc/outside.c"])
    def test_no_way_out_of_the_tree(self, tree: Path, definition: Path, path: str) -> None:
        definition.write_text(DEFINITION.replace('"fs/helper.h"', f'"{path}"'))
        with pytest.raises(SeriesError, match="no path inside a tree"):
            plan_series(load_series(definition), tree)

    def test_the_digest_names_the_source_that_comes_out(self, tree: Path,
                                                        definition: Path) -> None:
        plan = plan_series(load_series(definition), tree)
        definition.write_text(DEFINITION.replace('title = "End', 'title = "Let end'))
        assert plan_series(load_series(definition), tree).digest == plan.digest
        definition.write_text(DEFINITION.replace("++step < end", "++step <= end"))
        assert plan_series(load_series(definition), tree).digest != plan.digest


class TestHostileTrees:
    """What a tree of somebody else's may hold where a series looks for source."""

    @pytest.mark.parametrize("kind", ["file", "directory", "into a link"])
    def test_a_link_out_of_the_tree_is_refused_by_name(self, tree: Path, definition: Path,
                                                       tmp_path: Path, kind: str) -> None:
        outside = tmp_path / "outside"
        outside.mkdir()
        (outside / "ring.c").write_text(RING)
        if kind == "file":
            (tree / "fs/ring.c").unlink()
            (tree / "fs/ring.c").symlink_to(outside / "ring.c")
            link, target = tree / "fs/ring.c", outside / "ring.c"
        else:
            (tree / "fs/ring.c").unlink()
            (tree / "fs").rmdir()
            (tree / "fs").symlink_to("away" if kind == "into a link" else outside)
            (tree / "away").symlink_to(outside)
            link = tree / "fs"
            target = link.readlink()
        with pytest.raises(SeriesError) as caught:
            plan_series(load_series(definition), tree)
        assert f"leads out of {tree} by the link {link} to {target}, or" in str(caught.value)
        assert [path.name for path in outside.iterdir()] == ["ring.c"]

    def test_a_link_that_comes_after_the_plan(self, tree: Path, definition: Path,
                                              tmp_path: Path) -> None:
        plan = plan_series(load_series(definition), tree)
        (tmp_path / "ring.c").write_text("another's")
        (tree / "fs/ring.c").unlink()
        (tree / "fs/ring.c").symlink_to(tmp_path / "ring.c")
        with pytest.raises(SeriesError, match=r"by the link .* Nothing was changed"):
            plan.write()
        assert (tmp_path / "ring.c").read_text() == "another's"
        assert [path.name for path in (tree / "fs").iterdir()] == ["ring.c"]

    def test_links_within_stay_and_lead_to_the_change(self, tree: Path, definition: Path) -> None:
        (tree / "fs/ring.c").rename(tree / "fs/real.c")
        (tree / "fs/ring.c").symlink_to("real.c")
        (tree / "fs").rename(tree / "files")
        (tree / "fs").symlink_to("files")
        plan = plan_series(load_series(definition), tree)
        assert sorted(plan.changes) == ["files/helper.h", "files/real.c"]
        plan.write()
        assert (tree / "files/ring.c").is_symlink()
        assert "walk_end(ring, to)" in (tree / "files/real.c").read_text()
        assert plan_series(load_series(definition), tree).state == "already there"

    def test_one_file_by_two_names_gets_both_changes(self, tree: Path, definition: Path) -> None:
        (tree / "fs/same.c").symlink_to("ring.c")
        head, _, last = DEFINITION.rpartition('file = "fs/ring.c"\ninside = "walk"\nreplace')
        definition.write_text(f'{head}file = "fs/same.c"\ninside = "walk"\nreplace{last}')
        plan = plan_series(load_series(definition), tree)
        assert "++step < end" in plan.changes["fs/ring.c"]
        assert "int end = walk_end(ring, to);" in plan.changes["fs/ring.c"]

    def test_what_is_no_file_of_source(self, tree: Path, definition: Path) -> None:
        file = tree / "fs/ring.c"
        for make, said in ((os.mkfifo, "no regular file"), (os.mkdir, "no regular file"),
                           (lambda path: path.symlink_to("/dev/zero"), "to /dev/zero"),
                           (lambda path: path.symlink_to("ring.c"), "or nowhere"),
                           (lambda path: path.write_bytes(bytes(100_000_000)), "more than")):
            file.unlink() if not file.is_dir() else file.rmdir()
            make(file)
            with pytest.raises(SeriesError, match=said):
                plan_series(load_series(definition), tree)

    def test_a_tree_that_is_none(self, tree: Path, definition: Path) -> None:
        for none in (tree / "Makefile", tree / "gone", Path("/dev/zero")):
            with pytest.raises(SeriesError, match="is no kernel source tree"):
                plan_series(load_series(definition), none)

    def test_gits_own_files_are_not_written(self, tree: Path, definition: Path) -> None:
        (tree / ".git").mkdir()
        (tree / "hooks").symlink_to(".git")
        for file in (".git/hooks/post-commit", "hooks/post-commit"):
            definition.write_text(DEFINITION.replace("fs/helper.h", file, 1))
            with pytest.raises(SeriesError, match="is git's and no source"):
                plan_series(load_series(definition), tree)


class TestHostileDefinitions:
    @pytest.mark.parametrize(("old", "new", "said"), [
        ('"fs/helper.h"', r'"fs/\u0000.h"', "matching regex"),
        ('name = "short"', r'name = "\u001b[31m"', "matching regex"),
        ('name = "short"', 'name = "short"\non = "./short.toml"', "matching regex"),
        ('name = "short"', 'name = "short"\nauthor = "A <a@b>\\n"', "matching regex"),
        ('name = "short"', "name = " + "[" * 100_000, "no definition"),
        ('name = "short"', "name = 1" + "0" * 5000, "no definition"),
        ('name = "short"', 'name = "short" #' + "x" * (1 << 18), "more than"),
    ])
    def test_one_that_makes_no_sense(self, definition: Path, old: str, new: str,
                                     said: str) -> None:
        assert old in DEFINITION
        definition.write_text(DEFINITION.replace(old, new, 1))
        with pytest.raises(SeriesError, match=said):
            load_series(definition)

    def test_one_that_is_no_file(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "fifo.toml")
        (tmp_path / "zero.toml").symlink_to("/dev/zero")
        (tmp_path / "folder.toml").mkdir()
        for name in ("fifo", "zero", "folder"):
            with pytest.raises(SeriesError, match="cannot read the series"):
                load_series(tmp_path / f"{name}.toml")

    @given(st.data())
    def test_any_change_of_one_is_read_or_refused(self, data: st.DataObject) -> None:
        text = DEFINITION.encode()
        for _ in range(data.draw(st.integers(1, 5))):
            at = data.draw(st.integers(0, len(text)))
            piece = data.draw(st.one_of(st.binary(max_size=4), st.sampled_from(
                [b"\n", b"'''", b'"', b"[[", b"]]", b" = ", b"\xff", b"[[patches]]\n", b"inside"])))
            text = text[:at] + piece + text[at + data.draw(st.integers(0, 20)):]
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder, "linux")
            (root / "fs").mkdir(parents=True)
            (root / "Makefile").touch()
            (root / "fs/ring.c").write_text(RING)
            Path(folder, "short.toml").write_bytes(text)
            with contextlib.suppress(SeriesError):
                plan_series(load_series(Path(folder, "short.toml")), root).write()


class TestWriting:
    def test_an_interrupt_at_any_moment_leaves_all_or_nothing(self, tree: Path,
                                                              definition: Path) -> None:
        def held() -> dict[Path, bytes]:
            return {path: path.read_bytes() for path in tree.rglob("*")
                    if path.is_file() and ".tailwalk-" not in str(path)}

        plan = plan_series(load_series(definition), tree)
        before = held()
        whole = before | {tree / file: text.encode() for file, text in plan.changes.items()}
        for moment in itertools.count(step=7):
            calls = itertools.count()

            def interrupt(_frame: FrameType, _event: str, _what: object, *,
                          at: int = moment, calls: Iterator[int] = calls) -> None:
                if next(calls) == at:
                    raise KeyboardInterrupt

            with contextlib.suppress(KeyboardInterrupt):
                sys.setprofile(interrupt)
                plan.write()
                sys.setprofile(None)
            assert held() in (before, whole)
            if next(calls) <= moment:  # it came to the end
                break
            (tree / "fs/helper.h").unlink(missing_ok=True)
            (tree / "fs/ring.c").write_text(RING)
        assert held() == whole
        assert moment > 100

    def test_other_links_and_the_mode_stay(self, tree: Path, definition: Path,
                                           tmp_path: Path) -> None:
        other = tmp_path / "ring.c"
        os.link(tree / "fs/ring.c", other)
        plan_series(load_series(definition), tree).write()
        assert other.read_text() == RING
        assert (tree / "fs/ring.c").stat().st_mode & 0o777 == 0o640

    def test_bytes_that_are_no_utf8_stay(self, tree: Path, definition: Path) -> None:
        (tree / "fs/ring.c").write_bytes(b"/* M\xfcller */\n" + RING.encode())
        plan_series(load_series(definition), tree).write()
        assert (tree / "fs/ring.c").read_bytes().startswith(b"/* M\xfcller */\n#include")

    def test_all_or_nothing(self, tree: Path, definition: Path) -> None:
        definition.write_text(DEFINITION.replace('"fs/helper.h"', '"fs/ring.c/helper.h"'))
        plan = plan_series(load_series(definition), tree)
        with pytest.raises(SeriesError, match=r"cannot be written .* Nothing was changed"):
            plan.write()
        assert (tree / "fs/ring.c").read_text() == RING
        assert sorted(path.name for path in (tree / "fs").iterdir()) == ["ring.c"]


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

    @pytest.mark.parametrize("author", [
        "Ada Lovelace <ada@example.org>", "Zoë Müller <zoe@example.org>",
        "J. R. (Bob) Dobbs, Sr <bob@example.org>"])
    @pytest.mark.parametrize("extra", ["", "no end of line", "\x0c\nform feed and \x85\n"])
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


class TestCommand:
    def run(self, *arguments: str | Path) -> tuple[int, str]:
        done = CliRunner().invoke(series_command, [str(argument) for argument in arguments],
                                  catch_exceptions=False)
        return done.exit_code, done.output

    def test_list_and_show(self) -> None:
        assert "v6.16 to v7.2" in self.run("list")[1]
        code, text = self.run("show", "tail")
        assert code == 0
        assert "uptodate" in text
        assert ("fs/buffer.c, __block_commit_write or block_commit_write: "
                "after `bool partial = false;`") in text

    def test_show_says_where_upstream_has_it(self, definition: Path) -> None:
        text = self.run("show", "tail")[1]
        assert "Upstream has this change." in text
        assert ("    6.18.y        write_begin since 6.18.47 (5f46f084f74b), commit since 6.18.50 "
                "(c9189693db47)\n") in text
        assert "Upstream has `tail`'s part of it." in self.run("show", "span")[1]
        assert "Upstream" not in self.run("show", definition)[1]

    def test_check_apply_and_apply_again(self, tree: Path, definition: Path) -> None:
        code, text = self.run("apply", "--check", definition, tree)
        assert code == 0
        assert "to be changed: fs/ring.c" in text
        assert (tree / "fs/ring.c").read_text() == RING
        assert "applies: 2 patches to be made" in self.run("apply", definition, tree)[1]
        assert "end = walk_end" in (tree / "fs/ring.c").read_text()

    def test_patch_to_files(self, tree: Path, definition: Path, tmp_path: Path,
                            monkeypatch: pytest.MonkeyPatch) -> None:
        config = tmp_path / "gitconfig"
        config.write_text("[user]\n\tname = Ada\n\temail = ada@example.org\n")
        monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
        code, text = self.run("patch", definition, tree, "-o", tmp_path / "out")
        assert code == 0
        written = sorted((tmp_path / "out").iterdir())
        assert text.split() == [str(path) for path in written]
        assert "\nFrom: Ada <ada@example.org>\n" in written[1].read_text()

    def test_patches_are_not_written_through_a_link(self, tree: Path, definition: Path,
                                                    tmp_path: Path) -> None:
        definition.write_text(f'author = "A <a@example.org>"\n{DEFINITION}')
        (tmp_path / "out").mkdir()
        (tmp_path / "victim").write_text("mine")
        (tmp_path / "out" / "0002-ring-end-the-walk-early.patch").symlink_to(tmp_path / "victim")
        with pytest.raises(PlaceError, match=r"by the link .*victim"):
            self.run("patch", definition, tree, "-o", tmp_path / "out")
        assert (tmp_path / "victim").read_text() == "mine"
        assert len(list((tmp_path / "out").iterdir())) == 1

    def test_patch_without_a_name(self, tree: Path, definition: Path,
                                  monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
        monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
        with pytest.raises(SeriesError, match=r"git config --global user\.name"):
            self.run("patch", definition, tree)

    def test_patch_of_nothing_says_so(self, tree: Path, definition: Path) -> None:
        (tree / "fs/ring.c").write_text(RING.replace("ring->size", "RING_SIZE"))
        code, text = self.run("patch", definition, tree)
        assert code == 0
        assert "absent" in text
