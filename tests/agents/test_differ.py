"""Lines that differ, reckoned on from what was known: always right, and the same where lines are told apart."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agents.proposals.differ import Differ
from ide.documents.text import LineHunk, diff_lines, lines

ALIKE = st.lists(st.sampled_from(["a", "b", "", "é"]), max_size=12).map("\n".join)
Change = tuple[bool, int, int, str]
CHANGES = st.lists(
    st.tuples(st.booleans(), st.integers(0, 40), st.integers(0, 8), st.sampled_from(["", "x", "\n", "a\nb\n", "q\nr"])),
    max_size=8,
)


def changed(text: str, change: Change) -> str:
    _, at, size, new = change
    at = min(at, len(text))
    return text[:at] + new + text[at + size :]


def rebuilt(base: str, text: str, parts: list[LineHunk]) -> str:
    old, new, out, at = lines(base), lines(text), list[str](), 0
    for part in parts:
        assert at <= part.a_from
        out += [*old[at : part.a_from], *new[part.b_from : part.b_to]]
        assert len(out) == part.b_to
        at = part.a_to
    return "".join([*out, *old[at:]])


@given(ALIKE, ALIKE, CHANGES)
def test_parts_make_the_text_of_the_base(base: str, text: str, changes: list[Change]) -> None:
    differ = Differ()
    assert rebuilt(base, text, differ.between(base, text)) == text
    for change in changes:
        base, text = (changed(base, change), text) if change[0] else (base, changed(text, change))
        assert rebuilt(base, text, differ.between(base, text)) == text


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 3), st.integers(0, 3)), max_size=8))
def test_where_every_line_is_another_the_parts_are_those_of_a_whole_comparison(
    changes: list[tuple[int, int, int]],
) -> None:
    base = "".join(f"{n}\n" for n in range(30))
    differ, text = Differ(), base
    for number, (at, gone, new) in enumerate(changes):
        rows = lines(text)
        rows[at : at + gone] = [f"new {number} {n}\n" for n in range(new)]
        text = "".join(rows)
        assert differ.between(base, text) == diff_lines(base, text)


def test_both_texts_may_change_between_two_questions() -> None:
    differ = Differ()
    base = "".join(f"{n}\n" for n in range(20))
    text = base.replace("5\n", "5\nfive\n", 1)
    differ.between(base, text)
    base, text = f"top\n{base}", f"top\n{text}".replace("17\n", "")
    assert differ.between(base, text) == diff_lines(base, text)
