# SPDX-License-Identifier: GPL-2.0-or-later
"""Edits on made-up C: what they match, what they refuse, and in which words."""

from __future__ import annotations

import contextlib
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailwalk.errors import SeriesError
from tailwalk.series.ctext import Text
from tailwalk.series.edit import Edit, apply_edit, has, is_made

SOURCE = """\
// SPDX-License-Identifier: GPL-2.0
#include <linux/fs.h>

/* walk() in a comment, and a string that has a brace: { */
static const char *text = "walk(1) { \\" /* no comment */";

int walk(struct ring *ring, int from,
\t int to);

struct ring {
\tint first;\t/* of the ring */
\tint last;
};

/**
 * walk - go round
 * @ring: the ring
 */
static __always_inline struct ring *
walk(struct ring *ring, int from, int to)
\t__releases(ring->lock)
{
\tint step = 0;

\tfor (step = from; step < to; step++) {
#ifdef CONFIG_LONG
\t\tif (step == '}') {
#else
\t\tif (step == '{') {
#endif
\t\t\ttouch(ring, step);\t/* the step */
\t\t}
\t}
out:
\treturn ring;
}
EXPORT_SYMBOL_GPL(walk);

static void other(struct ring *ring)
{
\tif (walk(ring, 0, 1)) {
\t\ttouch(ring, step);
\t}
}
"""


def edit(**fields: object) -> Edit:
    return Edit(**{"file": "ring.c", "text": "\tmark(ring);\n", **fields})  # type: ignore[arg-type]


def changed_line(before: str, after: str) -> tuple[int, str]:
    """The number and text of the only line that `after` has more."""
    old, new = before.splitlines(), after.splitlines()
    assert len(new) == len(old) + 1
    number = next(i for i, line in enumerate(new) if i == len(old) or old[i] != line)
    assert new[:number] + new[number + 1:] == old
    return number + 1, new[number]


def line_of(source: str, text: str, nth: int = 0) -> int:
    places = [i for i, line in enumerate(source.splitlines(), 1) if text in line]
    return places[nth]


class TestDefinitions:
    def test_a_function_spans_its_type_and_its_closing_brace_across_ifdefs(self) -> None:
        (span,) = Text(SOURCE, "ring.c").definitions("walk")
        text = SOURCE[span.start:span.end]
        assert text.startswith("static __always_inline struct ring *\nwalk(")
        assert text.endswith("\treturn ring;\n}\n")

    def test_declarations_calls_comments_and_strings_are_no_definitions(self) -> None:
        assert len(Text(SOURCE, "ring.c").definitions("walk")) == 1
        assert Text(SOURCE, "ring.c").definitions("touch") == []

    def test_a_structure(self) -> None:
        (span,) = Text(SOURCE, "ring.c").definitions("ring")
        assert SOURCE[span.start:span.end].splitlines()[0] == "struct ring {"
        assert SOURCE[span.start:span.end].endswith("\tint last;\n};\n")


class TestInsertion:
    def test_after_a_statement_in_its_function_only(self) -> None:
        after = apply_edit(edit(inside="walk", after="touch(ring, step);"), SOURCE)
        assert changed_line(SOURCE, after) == (line_of(SOURCE, "/* the step */") + 1,
                                               "\tmark(ring);")

    def test_before_a_statement_that_white_space_and_comments_tear_apart(self) -> None:
        anchor = "for(step=from;step /* here */ <\n to; step ++)\t{"
        after = apply_edit(edit(inside="walk", before=anchor), SOURCE)
        assert changed_line(SOURCE, after)[0] == line_of(SOURCE, "for (step")

    def test_in_a_structure(self) -> None:
        after = apply_edit(edit(inside="ring", after="int first;", text="\tint count;\n"), SOURCE)
        assert changed_line(SOURCE, after) == (line_of(SOURCE, "int first") + 1, "\tint count;")

    def test_above_a_function_goes_above_its_comment(self) -> None:
        after = apply_edit(edit(above="walk", text="int helper;\n"), SOURCE)
        assert changed_line(SOURCE, after) == (line_of(SOURCE, "/**"), "int helper;")

    def test_below_a_function_goes_below_its_export(self) -> None:
        after = apply_edit(edit(below="walk", text="int helper;\n"), SOURCE)
        assert changed_line(SOURCE, after)[0] == line_of(SOURCE, "EXPORT_SYMBOL_GPL") + 1

    def test_an_include_without_a_scope(self) -> None:
        after = apply_edit(edit(after="#include <linux/fs.h>", text="#include <linux/mm.h>\n"),
                           SOURCE)
        assert changed_line(SOURCE, after) == (3, "#include <linux/mm.h>")

    def test_the_first_alternative_that_is_there_counts(self) -> None:
        after = apply_edit(edit(inside=["stroll", "walk"], after=["int stride = 0;",
                                                                  "int step = 0;"]), SOURCE)
        assert changed_line(SOURCE, after)[0] == line_of(SOURCE, "int step = 0;") + 1

    def test_a_line_in_a_makefile_is_matched_by_words(self) -> None:
        makefile = "# don't\nobj-y\t\t+= a.o b.o\nobj-y += c.o\n"
        after = apply_edit(Edit(file="fs/Makefile", after="obj-y += c.o", text="obj-y += d.o\n"),
                           makefile)
        assert after == makefile + "obj-y += d.o\n"


class TestReplacement:
    def test_a_part_of_a_statement(self) -> None:
        after = apply_edit(edit(inside="walk", replace="step < to", text="step <= to"), SOURCE)
        assert after == SOURCE.replace("step < to", "step <= to")

    def test_removal(self) -> None:
        after = apply_edit(edit(inside="other", replace="touch(ring, step);", text=""), SOURCE)
        assert len(re.findall("touch", after)) == len(re.findall("touch", SOURCE)) - 1

    def test_tokens_are_whole_words(self) -> None:
        with pytest.raises(SeriesError, match="`tep < t` is not there"):
            apply_edit(edit(inside="walk", replace="tep < t", text="x"), SOURCE)


class TestRefusal:
    """What cannot be done is refused in words that name file, function and anchor."""

    def test_an_anchor_that_is_not_there(self) -> None:
        with pytest.raises(SeriesError) as caught:
            apply_edit(edit(inside="walk", after="int step = 1;"), SOURCE)
        assert str(caught.value) == (
            "ring.c, walk(): the anchor `int step = 1;` is not there; the nearest is "
            f"`int step = 0;` in line {line_of(SOURCE, 'int step = 0;')}")

    def test_an_anchor_that_is_there_twice(self) -> None:
        twice = SOURCE.replace("\treturn ring;", "\tint step = 0;\n\treturn ring;")
        lines = [line_of(twice, "int step = 0;", nth) for nth in (0, 1)]
        with pytest.raises(SeriesError, match=rf"2 times \(lines {lines[0]}, {lines[1]}\)"):
            apply_edit(edit(inside="walk", after="int step = 0;"), twice)

    def test_a_function_that_is_not_there(self) -> None:
        with pytest.raises(SeriesError, match=r"ring\.c has no definition of stroll or amble"):
            apply_edit(edit(inside=["stroll", "amble"], after="int step = 0;"), SOURCE)

    def test_a_function_that_is_defined_twice(self) -> None:
        with pytest.raises(SeriesError, match="defines other more than once"):
            apply_edit(edit(inside="other", after="x;"),
                       SOURCE + "static void other(void)\n{\n\tx;\n}\n")

    def test_an_anchor_that_shares_its_line(self) -> None:
        with pytest.raises(SeriesError, match=r"other source \(`\) \{`\) stands on the lines"):
            apply_edit(edit(inside="other", after="if (walk(ring, 0, 1)"), SOURCE)

    def test_a_file_that_is_not_there(self) -> None:
        with pytest.raises(SeriesError, match=r"^ring\.c is not there$"):
            apply_edit(edit(after="int x;"), None)

    def test_a_new_file_in_another_ones_place(self) -> None:
        assert apply_edit(edit(create=True), None) == "\tmark(ring);\n"
        with pytest.raises(SeriesError, match=r"ring\.c is there already"):
            apply_edit(edit(create=True), SOURCE)

    @pytest.mark.parametrize("fields", [
        {},
        {"after": "a;", "before": "b;"},
        {"create": True, "inside": "walk"},
        {"above": "walk", "inside": "walk"},
        {"after": "a;", "text": "no end of line"},
    ])
    def test_a_definition_that_makes_no_sense(self, fields: dict[str, object]) -> None:
        with pytest.raises(ValueError, match=r"an edit has|goes with|whole lines"):
            edit(**fields)


class TestRecognition:
    def test_an_edit_that_is_made_is_recognised_however_it_is_laid_out(self) -> None:
        one = edit(inside="walk", after="int step = 0;",
                   text="\tint end = full ? to : size(ring);\n")
        assert is_made(one, SOURCE) is False
        made = apply_edit(one, SOURCE)
        assert is_made(one, made) is True
        assert is_made(one, made.replace("full ? to", "full /* why */ ?\n\t\t  to")) is True
        assert is_made(one, made.replace("full ? to", "full ? 0")) is False

    def test_only_its_own_function_counts(self) -> None:
        one = edit(inside="walk", after="int step = 0;", text="\tmark(ring);\n")
        elsewhere = apply_edit(edit(inside="other", before="touch(ring, step);"), SOURCE)
        assert is_made(one, elsewhere) is False

    def test_a_removal_cannot_be_told(self) -> None:
        assert is_made(edit(inside="other", replace="touch(ring, step);", text=""), SOURCE) is None

    def test_has_is_false_for_what_is_not_there(self) -> None:
        assert not has(None, "ring.c", "x")
        assert not has(SOURCE, "ring.c", "int step = 0;", inside="stroll")
        assert has(SOURCE, "ring.c", "int step=0;", inside=["stroll", "walk"])


identifiers = st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True)
statements = st.lists(st.tuples(identifiers, st.integers(0, 99)), min_size=1, max_size=12,
                      unique=True)


@given(statements, st.data())
def test_an_insertion_keeps_every_other_line_and_is_recognised(
        body: list[tuple[str, int]], data: st.DataObject) -> None:
    lines = [f"\t{name} = call_{number}(\"}}\", '\\'');\n" for name, number in body]
    source = "int f(void)\n{\n" + "".join(lines) + "}\n\nint g(void)\n{\n" + "".join(lines) + "}\n"
    index = data.draw(st.integers(0, len(lines) - 1))
    side = data.draw(st.sampled_from(["before", "after"]))
    one = Edit(file="f.c", inside="f", text="\tINSERTED(1);\n", **{side: lines[index]})
    after = apply_edit(one, source)
    number, text = changed_line(source, after)
    assert (number, text) == (3 + index + (side == "after"), "\tINSERTED(1);")
    assert is_made(one, after)
    assert not is_made(one, source)


@given(st.text(alphabet="ab{}()/*\"'\\\n#; ", max_size=80))
def test_any_text_at_all_can_be_read(source: str) -> None:
    text = Text(source, "f.c")
    for word, place in text.tokens:
        assert source[place:place + len(word)] == word
    text.definitions("a")
    text.find("a (", text.whole)


@pytest.mark.long
@pytest.mark.parametrize("unit", [
    "/* ", "// ", '"\\"', "'", '"', "walk(", "walk()", "(", ")", "}", "struct walk {\n", "walk\n",
    "walk()\n{\n}\n", "a\n", "typedef\n", "\\\n", "__releases(x) ", "int walk()\n", "\0", "\udc80"])
def test_a_text_of_half_a_mebibyte_takes_time_by_its_length(unit: str) -> None:
    source = "walk()\n{\n" + unit * ((1 << 19) // len(unit))
    begun = time.process_time()
    for one in (edit(inside="walk", after="int step = 0;"), edit(above="walk"),
                edit(replace="a a a a a b", text="x")):
        with contextlib.suppress(SeriesError):
            apply_edit(one, source)
        is_made(one, source)
    # By the square of it, that would take hours.
    assert time.process_time() - begun < 60


@given(st.data())
def test_no_change_of_a_source_is_more_than_an_edit_that_does_not_fit(data: st.DataObject) -> None:
    source = SOURCE
    for _ in range(data.draw(st.integers(1, 6))):
        start = data.draw(st.integers(0, len(source)))
        end = data.draw(st.integers(start, min(len(source), start + 60)))
        source = source[:start] + data.draw(st.sampled_from(
            ["", source[start:end] * 2, "(", ")", "{", "}", "\n", "/*", '"', "\\", "#else\n",
             "\0", "\udcff", "walk"])) + source[end:]
    for one in (edit(inside="walk", after="int step = 0;"), edit(above="walk"),
                edit(below="walk"), edit(inside="ring", before="int last;"),
                edit(inside="other", replace="touch(ring, step)", text="x")):
        with contextlib.suppress(SeriesError):
            made = apply_edit(one, source)
            assert one.text in made
            assert one.replace or source in [
                made[:found.start()] + made[found.end():]
                for found in re.finditer(re.escape(one.text), made)]
