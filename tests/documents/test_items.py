"""Our own reading of the log against pycrdt's: the same text, whatever people typed at once and in whatever order."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycrdt import Array, Doc, Map, Text, merge_updates

from ide.documents.protocol import Malformed
from ide.documents.yjs.decoding import decode
from ide.documents.yjs.items import Sequence, units

PARTS = ["a", "bc\n", "😀", "x😀y", "é", "hello world", "\n\n", "👩‍👩‍👧"]
ACT = st.tuples(
    st.integers(0, 2),  # who
    st.sampled_from(["insert", "insert", "delete", "meet"]),
    st.floats(0, 1),  # where
    st.sampled_from(PARTS),
    st.integers(1, 6),
)


@dataclass
class Writer:
    """A replica of one person, and the updates it makes."""

    client: int
    made: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.doc: Doc[Any] = Doc(client_id=self.client)
        self.text = self.doc.get("text", type=Text)
        self._watch = self.doc.observe(lambda event: self.made.append(event.update))

    def insert(self, where: float, part: str) -> None:
        now = str(self.text)
        self.text.insert(len(now[: round(where * len(now))].encode()), part)

    def delete(self, where: float, count: int) -> None:
        now = str(self.text)
        start = round(where * len(now))
        a, b = len(now[:start].encode()), len(now[: start + count].encode())
        if b > a:
            del self.text[a:b]

    def meet(self, other: Writer) -> None:
        kept = len(self.made)
        self.doc.apply_update(other.doc.get_update(self.doc.get_state()))
        del self.made[kept:]


def read(updates: list[bytes]) -> str:
    """What pycrdt reads, given all at once: behind a gap it loses text for good (ide/documents/yjs/replica.py)."""
    doc: Doc[Any] = Doc()
    root = doc.get("text", type=Text)
    if updates:
        doc.apply_update(merge_updates(*updates))
    return str(root)


def played(acts: list[tuple[int, str, float, str, int]]) -> list[bytes]:
    """Updates in the order they were made."""
    writers = [Writer(7), Writer(3), Writer(2**40 + 1)]
    out: list[bytes] = []
    for who, act, where, part, count in acts:
        writer = writers[who]
        if act == "insert":
            writer.insert(where, part)
        elif act == "delete":
            writer.delete(where, count)
        else:
            writer.meet(writers[(who + count) % 3])
        out += writer.made
        writer.made.clear()
    return out


@settings(max_examples=150, deadline=None)
@given(st.lists(ACT, max_size=40), st.randoms(use_true_random=False))
def test_concurrent_edits_read_as_the_replica_reads_them_in_any_order(acts: Any, chance: random.Random) -> None:
    updates = played(acts)
    wanted = read(updates)
    assert Sequence(updates).text() == wanted
    shuffled = [*updates, *updates[::3]]
    chance.shuffle(shuffled)
    assert Sequence(shuffled).text() == wanted
    if updates:
        half = len(updates) // 2
        merged = [merge_updates(*part) for part in (updates[half:], updates[:half]) if part]
        assert Sequence(merged).text() == wanted


@settings(max_examples=60, deadline=None)
@given(st.lists(ACT, min_size=1, max_size=25))
def test_every_row_says_exactly_what_it_brought_and_took(acts: Any) -> None:
    sequence, here = Sequence(), set[tuple[int, int]]()
    for update in played(acts):
        change = sequence.apply(update)
        for pieces, put in ((change.inserted, True), (change.deleted, False)):
            found = {(client, clock + n) for client, clock, length in pieces for n in range(length)}
            assert not (found & here if put else found - here)
            here = here | found if put else here - found
    assert sum(run.length for run in sequence) == len(here) == len(sequence.text().encode("utf-16-le")) // 2


def test_an_update_whose_predecessor_is_missing_waits_for_it() -> None:
    writer = Writer(5)
    for part in ("one ", "two 😀 ", "three"):
        writer.insert(1, part)
    first, second, third = writer.made
    sequence = Sequence([first, third])
    assert sequence.text() == "one "
    sequence.apply(second)
    assert sequence.text() == "one two 😀 three"


def test_a_deletion_that_comes_before_its_text_is_kept() -> None:
    writer = Writer(5)
    writer.insert(1, "one two")
    writer.delete(0, 4)
    sequence = Sequence(writer.made[::-1])
    assert sequence.text() == "two"


def test_content_that_is_no_text_of_the_root_takes_no_place() -> None:
    writer = Writer(5)
    writer.insert(1, "ab")
    side = writer.doc.get("side", type=Map)
    side["a"] = "text elsewhere"
    side["b"] = Array([1, "x", {"deep": [1.5, None, True, b"bytes"]}])
    writer.doc.get("list", type=Array).append(Text("nested"))
    writer.text.insert_embed(1, {"image": "x"})
    writer.text.format(0, 1, {"bold": True})
    writer.insert(1, "cd")
    assert Sequence(writer.made).text() == read(writer.made) == "acdb"  # an embed counts as one
    assert Sequence([writer.doc.get_update()]).text() == "acdb"


def test_deleted_text_can_still_be_read_by_its_id() -> None:
    writer = Writer(5)
    writer.insert(1, "gone 😀 stays")
    writer.delete(0, 7)
    sequence = Sequence(writer.made)
    assert sequence.data((5, 0, 8)).decode("utf-16-le") == "gone 😀 "
    assert [len(unit) for unit in units("a😀".encode("utf-16-le"))] == [1, 1, 1]


def test_bytes_that_are_no_update_are_refused_whatever_they_are() -> None:
    chance = random.Random(4)
    writer = Writer(5)
    for n in range(20):
        writer.insert(n / 20, PARTS[n % len(PARTS)])
    refused = 0
    for _ in range(3000):
        data = bytearray(chance.choice(writer.made))
        for _ in range(chance.randint(1, 4)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        sequence = Sequence(writer.made[:10])
        try:
            sequence.apply(bytes(data))
        except Malformed:
            refused += 1
        assert isinstance(sequence.text(), str)
    assert refused > 100


@pytest.mark.parametrize("size", [0, 1, 5])
def test_an_update_that_ends_early_is_refused(size: int) -> None:
    writer = Writer(5)
    writer.insert(0, "text")
    with pytest.raises(Malformed):
        decode(writer.made[0][:size])


@settings(max_examples=100, deadline=None)
@given(st.lists(ACT, max_size=40), st.randoms(use_true_random=False))
def test_every_visible_character_is_told_to_be_its_writers(acts: Any, chance: random.Random) -> None:
    """Each writer types a letter of their own, so that the text itself says who wrote what."""
    letters = {7: "a", 3: "😀", 2**40 + 1: "c"}
    mine = list(letters.values())
    updates = played([(who, act, where, mine[who] * count, count) for who, act, where, _, count in acts])
    chance.shuffle(updates)
    sequence = Sequence(updates)
    told = "".join(letters[run.client] * (run.length // (2 if run.client == 3 else 1)) for run in sequence)
    assert told == sequence.text() == read(updates)
