"""What is written in one frame leaves as few edits that touch what was changed and nothing between."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agents.environments.room_target import _Frame
from ide.documents.text import apply

CHANGES = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.text("xy\n", max_size=4)), max_size=6)


@given(st.text("ab\n", max_size=14), CHANGES)
def test_the_edits_of_a_frame_give_its_text(old: str, changes: list[tuple[float, float, str]]) -> None:
    frame, text = _Frame(old, old), old
    for first, last, new in changes:
        start, end = sorted((round(first * len(text)), round(last * len(text))))
        frame.replace(start, end, new)
        text = text[:start] + new + text[end:]
    assert frame.new == text
    assert apply(old, frame.edits()) == text


def test_what_lies_between_two_changes_is_not_touched() -> None:
    frame = _Frame("one\ntwo\nthree\n", "one\ntwo\nthree\n")
    frame.replace(8, 14, "3\n")
    frame.replace(0, 4, "")
    frame.replace(0, 0, "1\n1\n")
    assert [(e.start, e.end) for e in frame.edits()] == [(0, 4), (8, 13)]
