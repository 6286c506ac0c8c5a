"""Proposals are arithmetic on three texts: nothing is lost whatever is accepted, rejected or typed meanwhile."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agents.proposals import hunks
from agents.proposals.layers import Layers
from ide.documents.text import apply

LINES = st.lists(st.sampled_from(["a\n", "b\n", "c\n", "d\n", "\n", "é😀\n", "\tx\u2028y\n"]), max_size=12).map("".join)
TEXT = st.tuples(LINES, st.sampled_from(["", "end", "a"])).map("".join)


def ids(base: str, text: str) -> list[str]:
    return [h.id for h in hunks.hunks(base, text)]


@given(TEXT, TEXT)
def test_accepting_every_hunk_makes_the_base_the_document(base: str, text: str) -> None:
    assert hunks.accept(base, text, ids(base, text)) == text


@given(TEXT, TEXT)
def test_rejecting_every_hunk_makes_the_document_the_base(base: str, text: str) -> None:
    assert apply(text, hunks.reject(base, text, ids(base, text))) == base


@given(TEXT, TEXT, st.integers(0, 5))
def test_a_decision_on_one_hunk_leaves_the_others(base: str, text: str, pick: int) -> None:
    before = ids(base, text)
    if pick >= len(before):
        return
    accepted = hunks.accept(base, text, {before[pick]})
    rejected = apply(text, hunks.reject(base, text, {before[pick]}))
    assert len(hunks.hunks(accepted, text)) <= len(before) - 1
    assert len(hunks.hunks(base, rejected)) <= len(before) - 1
    assert hunks.accept(accepted, text, ids(accepted, text)) == text
    assert apply(rejected, hunks.reject(base, rejected, ids(base, rejected))) == base


@given(TEXT, TEXT)
def test_ids_are_unique(base: str, text: str) -> None:
    assert len(set(ids(base, text))) == len(ids(base, text))


# The model's hunk stands between two walls of lines that are in no other place, so that no diff can be ambiguous.
UNIQUE = [f"line {n}\n" for n in range(12)]


@given(
    st.integers(0, 11), st.integers(0, 4), st.lists(st.sampled_from(["m1\n", "m2\n", "m3\n"]), max_size=3, unique=True),
    st.integers(0, 11), st.integers(0, 2), st.lists(st.sampled_from(["p1\n", "p2\n"]), max_size=2, unique=True),
)  # fmt: skip
def test_what_a_person_writes_outside_the_hunks_survives_a_rejection(
    at: int, cut: int, put: list[str], person_at: int, person_cut: int, person_put: list[str]
) -> None:
    end, person_end = min(at + cut, 12), min(person_at + person_cut, 12)
    if at < person_end and person_at < end:
        return  # inside: another rule
    if at == person_at and not put and not person_cut:
        return  # typed just where lines were taken out: before or behind them are both right
    base = "".join(UNIQUE)
    shift = len(put) - (end - at) if person_at >= end else 0
    text = [*UNIQUE[:at], *put, *UNIQUE[end:]]
    after = [*text]
    after[person_at + shift : person_end + shift] = person_put
    folded = hunks.fold(base, "".join(text), "".join(after))
    wanted = [*UNIQUE]
    wanted[person_at:person_end] = person_put
    assert folded == "".join(wanted)
    assert apply("".join(after), hunks.reject(folded, "".join(after), ids(folded, "".join(after)))) == folded


def test_words_typed_into_a_hunk_belong_to_it() -> None:
    base, text, typed = "a\nb\nc\n", "a\nB1\nB2\nc\n", "a\nB1 mine\nB2\nc\n"
    assert hunks.fold(base, text, typed) == base
    assert [h.id for h in hunks.hunks(base, typed)] == [h.id for h in hunks.hunks(base, text)]


def test_a_hunk_keeps_its_id_while_it_grows() -> None:
    assert ids("a\nb\nc\n", "a\nx\nc\n") == ids("a\nb\nc\n", "a\nx\ny\nz\nc\n")


def test_rejecting_a_hunk_is_not_folded_into_its_own_base() -> None:
    base, text = "a\nb\nc\n", "a\nB\nc\n"
    back = apply(text, hunks.reject(base, text, ids(base, text)))
    assert hunks.fold(base, text, back) == base


def test_a_line_put_between_a_hunks_lines_is_not_part_of_it() -> None:
    base, text, typed = "a\nb\nc\n", "a\nB1\nB2\nc\n", "a\nB1\nmine\nB2\nc\n"
    folded = hunks.fold(base, text, typed)
    assert folded == "a\nb\nmine\nc\n"
    assert apply(typed, hunks.reject(folded, typed, ids(folded, typed))) == folded


def test_an_empty_line_put_into_a_hunk_is_part_of_it_until_something_is_typed_there() -> None:
    base, text, blank, typed = "a\n", "a\nB1\nB2\n", "a\nB1\n\nB2\n", "a\nB1\nm\nB2\n"
    folded = hunks.fold(base, text, blank)
    assert folded == base
    assert hunks.fold(folded, blank, typed) == "a\nm\n"


def test_what_a_hunk_took_out_and_comes_back_is_there_once() -> None:
    assert hunks.fold("a\nb\nc\n", "a\nc\n", "a\nb\nc\n") == "a\nb\nc\n"


# --- several turns, one above the other -------------------------------------------------------------------------------

STEP = st.tuples(st.sampled_from(["", "one", "two"]), st.integers(0, 12), st.integers(0, 2), st.integers(0, 2))


def written(steps: list[tuple[str, int, int, int]]) -> Layers:
    layers = Layers("".join(UNIQUE))
    layers.push("one")
    layers.push("two")
    for number, (who, at, cut, put) in enumerate(steps):
        rows = layers.text.splitlines(keepends=True)
        place = min(at, len(rows))
        kept = [row for row in rows[place : place + cut] if row.startswith("person")] if who else []
        rows[place : place + cut] = [*kept, *(f"{who or 'person'} {number}.{n}\n" for n in range(put))]
        layers.wrote("".join(rows), who or None)
    return layers


@given(st.lists(STEP, max_size=12), st.permutations(["one", "two"]))
def test_rejecting_all_leaves_the_ground_in_whatever_order(
    steps: list[tuple[str, int, int, int]], order: list[str]
) -> None:
    layers = written(steps)
    ground = layers.bases[0]
    for name in order:
        layers.reject(name, {hunk.id for hunk, _, _ in layers.place(name)})
    assert layers.text == ground
    assert layers.bases == [ground, ground]


@given(st.lists(STEP, max_size=12), st.permutations(["one", "two"]))
def test_accepting_all_makes_every_base_the_document(steps: list[tuple[str, int, int, int]], order: list[str]) -> None:
    layers = written(steps)
    text = layers.text
    for name in [*order, *order]:  # what is accepted of the upper one is part of the lower one's hunk
        layers.accept(name, {hunk.id for hunk, _, _ in layers.place(name)})
    assert (layers.text, layers.bases) == (text, [text, text])


@given(st.lists(STEP, max_size=12))
def test_hunks_stand_in_the_text(steps: list[tuple[str, int, int, int]]) -> None:
    layers = written(steps)
    size = len(layers.text.splitlines())
    for name in layers.names:
        assert all(0 <= start <= end <= size for _, start, end in layers.place(name))
