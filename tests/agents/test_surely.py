"""A finished job's hunks in a text that people have changed: what applies, what needs a rebase, nothing elsewhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.proposals.surely import Applied, applied
from tests.speed import suggestions

TEXTS = st.lists(st.sampled_from(["a\n", "b\n", "\n", "pass\n"]), max_size=8).map("".join)


@given(TEXTS, TEXTS)
def test_where_nobody_typed_it_is_the_result_and_where_the_job_did_nothing_the_text(one: str, two: str) -> None:
    assert applied(one, one, two) == Applied(two, 0)
    assert applied(one, two, one) == Applied(two, 0)
    assert applied(one, two, two) == Applied(two, 0), "somebody has done the same"


@pytest.mark.parametrize(
    ("now", "wanted"),
    [
        ("x\na\nb\nc\nd\n", ("x\na\nB\nc\nd\n", 0)),
        ("a\nb\nc\nd\nx\n", ("a\nB\nc\nd\nx\n", 0)),
        ("a\nB\nc\nd\nx\n", ("a\nB\nc\nd\nx\n", 0)),  # done already
        ("a\nb2\nc\nd\n", ("a\nb2\nc\nd\n", 1)),  # its own line is another
        ("a\nx\nb\nc\nd\n", ("a\nx\nb\nc\nd\n", 1)),  # right beside it
        ("a\nb\nc\na\nb\nc\nd\n", ("a\nb\nc\na\nB\nc\nd\n", 0)),  # a copy above: the lines below tell the two apart
        ("x\na\nb\nc\nx\na\nb\nc\n", ("x\na\nb\nc\nx\na\nb\nc\n", 1)),  # a copy, and nothing tells them apart
        ("", ("", 1)),
    ],
)
def test_a_hunk_applies_where_it_surely_belongs(now: str, wanted: tuple[str, int]) -> None:
    assert applied("a\nb\nc\nd\n", now, "a\nB\nc\nd\n") == Applied(*wanted)


def test_after_200_edits_anywhere_nearly_all_untouched_hunks_apply_and_none_in_a_wrong_place() -> None:
    found = suggestions.total(range(suggestions.RUNS))
    assert found.untouched > 2000
    assert found.kept >= 0.95 * found.untouched
    assert (found.astray, found.lost) == (0, 0)
