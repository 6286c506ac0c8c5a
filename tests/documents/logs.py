"""Histories to fill a log with, made by clients that do not see each other's newest work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st
from pycrdt import Doc, Text, TransactionEvent

from ide.db import in_db
from ide.documents.models import Document, DocumentUpdate

WORDS = ("a", "😀", "two\n", "ü", "tab\t", "x" * 40)


@dataclass(frozen=True)
class Act:
    """Client `who` first reads everything written so far, if `reads`, then deletes and inserts at `at` per mille."""

    who: int
    reads: bool
    at: int
    cut: int
    word: str


ACTS = st.lists(
    st.builds(
        Act,
        who=st.integers(0, 2),
        reads=st.booleans(),
        at=st.integers(0, 1000),
        cut=st.integers(0, 3),
        word=st.sampled_from(WORDS),
    ),
    min_size=1,
    max_size=60,
)


def updates_of(acts: list[Act]) -> list[bytes]:
    """One update an act, in the order in which a room would log them."""
    docs: list[Doc[Text]] = [Doc(client_id=2000 + who) for who in range(3)]
    out: list[bytes] = []
    read = [0, 0, 0]
    for act in acts:
        doc, made = docs[act.who], list[bytes]()
        root = doc.get("text", type=Text)
        if act.reads:
            for update in out[read[act.who] :]:
                doc.apply_update(update)
            read[act.who] = len(out)
        watch = doc.observe(lambda event, made=made: made.append(_update(event)))
        _act(doc, root, act)
        doc.unobserve(watch)
        out += made
    return out


def _update(event: TransactionEvent) -> bytes:
    return event.update


def _act(doc: Doc[Text], root: Text, act: Act) -> None:
    text = str(root)
    start = len(text) * act.at // 1000
    first = len(text[:start].encode())
    last = len(text[: start + act.cut].encode())
    with doc.transaction():
        if last > first:
            del root[first:last]
        root.insert(first, act.word)


def text_of(updates: list[bytes]) -> str:
    doc: Doc[Text] = Doc()
    root = doc.get("text", type=Text)
    for update in updates:
        doc.apply_update(update)
    return str(root)


async def rows_of(document: Document) -> list[Any]:
    """(epoch, seq, data, origin) of the raw log."""
    fields = ("epoch", "seq", "data", "origin")
    found = DocumentUpdate.objects.filter(document=document).order_by("epoch", "seq").values_list(*fields)
    return await in_db(lambda: [(epoch, seq, bytes(data), origin) for epoch, seq, data, origin in found])
