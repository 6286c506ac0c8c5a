"""Text maths: offsets of three kinds, line differences, minimal edits, three-way merge. Emoji everywhere."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st
from pycrdt import Doc, Text

from ide.documents.text import (
    Conflict,
    Edit,
    apply,
    clean,
    diff_lines,
    from_bytes,
    from_utf16,
    lines,
    merge3,
    minimal_edits,
    to_bytes,
    to_utf16,
)

texts = st.lists(st.sampled_from(["a", "b", "\n", "é", "漢", "😀", "👩\u200d👧", "\r"]), max_size=40).map("".join)
line_texts = st.lists(st.sampled_from(["a\n", "b\n", "😀\n", "\n", "c"]), max_size=14).map("".join)


@given(texts, st.integers(0, 60))
def test_every_kind_of_offset_comes_back(text: str, index: int) -> None:
    index = min(index, len(text))
    assert from_bytes(text, to_bytes(text, index)) == index
    assert from_utf16(text, to_utf16(text, index)) == index


def test_an_offset_inside_a_character_is_its_beginning() -> None:
    assert from_bytes("a😀b", 3) == 1
    assert from_utf16("a😀b", 2) == 1


@given(texts, texts, st.integers(0, 60))
def test_pycrdt_counts_in_utf8_bytes(text: str, new: str, index: int) -> None:
    index = min(index, len(text))
    root = Doc().get("text", type=Text)
    root += text
    root.insert(to_bytes(text, index), new)
    assert str(root) == text[:index] + new + text[index:]


@given(texts)
def test_lines_join_to_the_text(text: str) -> None:
    assert "".join(lines(text)) == text


@given(line_texts, line_texts)
def test_a_difference_rebuilds_the_other_text(a: str, b: str) -> None:
    a_lines, b_lines, out, at = lines(a), lines(b), [], 0
    for hunk in diff_lines(a, b):
        assert a_lines[hunk.a_from : hunk.a_to] != b_lines[hunk.b_from : hunk.b_to]
        out += a_lines[at : hunk.a_from] + b_lines[hunk.b_from : hunk.b_to]
        at = hunk.a_to
    assert "".join(out + a_lines[at:]) == b


@given(texts, texts)
def test_minimal_edits_turn_one_text_into_the_other(a: str, b: str) -> None:
    assert apply(a, minimal_edits(a, b)) == b


def test_minimal_edits_touch_only_what_changed() -> None:
    before = "one\ntwo 😀 x\nthree\n"
    assert minimal_edits(before, "one\ntwo 😀 y\nthree\n") == [Edit(10, 11, "y")]
    assert minimal_edits(before, before) == []


def test_a_difference_of_five_thousand_lines_is_quick() -> None:
    a = [f"line {i} 😀\n" for i in range(5000)]
    b = [f"changed {i}\n" if i % 7 == 0 else line for i, line in enumerate(a)]
    started = time.process_time()
    assert len(diff_lines("".join(a), "".join(b))) == 715
    assert len(diff_lines("".join(a), "".join(f"other {i}\n" for i in range(5000)))) == 1
    assert time.process_time() - started < 2


@given(line_texts, line_texts)
def test_a_merge_with_one_side_unchanged_is_the_other_side(base: str, side: str) -> None:
    assert merge3(base, side, base).text == side
    assert merge3(base, base, side).text == side
    assert merge3(base, side, side).text == side


@given(line_texts, line_texts, line_texts)
def test_a_merge_without_conflict_does_not_depend_on_who_is_who(base: str, one: str, two: str) -> None:
    merged = merge3(base, one, two)
    if not merged.conflicts:
        assert merge3(base, two, one).text == merged.text


def test_a_merge_takes_both_sides_of_different_and_of_neighbouring_lines() -> None:
    assert merge3("a\nb\nc\n", "A😀\nb\nc\n", "a\nb\nC\n").text == "A😀\nb\nC\n"
    merged = merge3("a\nb\n", "A\nb\n", "a\nB\n")
    assert (merged.text, merged.conflicts) == ("A\nB\n", [])


def test_a_merge_keeps_ours_where_both_changed_a_line_and_says_so() -> None:
    merged = merge3("a\nb\nc\n", "a\nours 😀\nc\n", "a\ntheirs\nC\n")
    assert merged.text.startswith("a\nours 😀\n")
    assert merge3("a\nb\nc\n", "a\n1\nc\n", "a\n2\nc\n").conflicts == [Conflict("b\n", "1\n", "2\n", 2)]


def test_a_lone_surrogate_becomes_a_replacement_character() -> None:
    assert clean("a\ud83dz😀") == "a\ufffdz😀"


def test_edits_of_a_formatter_touch_only_the_blanks() -> None:
    before, after = "def f(a,b):\n  if a: return 😀\n", "def f(a, b):\n    if a:\n        return 😀\n"
    edits = minimal_edits(before, after)
    assert apply(before, edits) == after
    assert all(not (edit.text + before[edit.start : edit.end]).strip() for edit in edits)


def test_a_line_that_says_something_else_is_replaced_at_once() -> None:
    assert minimal_edits("x = compute(a, b)\n", "for row in rows:\n") == [Edit(0, 17, "for row in rows:")]
