# SPDX-License-Identifier: GPL-2.0-or-later
"""Series on made-up trees: what they mean for a tree, and the command."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from made_series import DEFINITION, RING, made_definition, made_tree

import tailwalk.series
from tailwalk.cli.series import series as series_command
from tailwalk.errors import PlaceError, SeriesError
from tailwalk.series import load_series, plan_series, series_names

DEFINITIONS = Path(tailwalk.series.__file__).with_name("definitions")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return made_tree(tmp_path)


@pytest.fixture
def definition(tmp_path: Path) -> Path:
    return made_definition(tmp_path)


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

    @pytest.mark.parametrize(("base", "name"), [("tail", "span"), ("span", "flush")])
    def test_one_continues_another(self, base: str, name: str) -> None:
        earlier, later = load_series(base), load_series(name)
        assert later.patches[:len(earlier.patches)] == earlier.patches
        assert len(later.patches) > len(earlier.patches)
        assert later.needs == earlier.needs


class TestLoading:
    def test_a_series_on_another_has_its_patches_first(self, definition: Path) -> None:
        alone = load_series(definition)
        definition.write_text(DEFINITION.replace("name = ", 'on = "tail"\nname = ', 1))
        both = load_series(definition)
        assert both.patches == load_series("tail").patches + alone.patches
        assert both.needs == load_series("tail").needs + alone.needs

    def test_patches_lie_in_the_folder_of_its_name_too(self, tmp_path: Path) -> None:
        copy = tmp_path / "flush.toml"
        copy.write_bytes((DEFINITIONS / "flush.toml").read_bytes())
        shutil.copytree(DEFINITIONS / "flush", tmp_path / "flush")
        assert load_series(copy) == load_series("flush")

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
