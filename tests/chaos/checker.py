"""The checker: histories of clients and the texts found at the end → what was broken of I1 to I7. Pure.

Clients write tokens `⟦name:number⟧`, each once, numbers rising. After the run every place that holds the text is read:
each client's replica, the log replayed, the newest snapshot with its tail, the file on disk. The seven rules:

I1 a token that was acknowledged is there exactly once, unless its deletion was asked for (acknowledged: it is gone);
I2 nothing is there that nobody wrote, not even half a token; what stood there before the run still does;
I3 all places have the same text;
I4 the tokens of a client stand in the order it wrote them;
I5 a token without an answer is there once or not at all;
I6 no token of a reader is anywhere, and none was acknowledged;
I7 every token is attributed to who wrote it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["TOKENS", "Found", "Row", "broken", "token"]

Outcome = Literal["ok", "fail", "unknown"]
TOKENS = re.compile("⟦([^⟦⟧:]+):([0-9]+)⟧")


def token(client: str, number: int) -> str:
    return f"⟦{client}:{number}⟧"


@dataclass(slots=True)
class Row:
    """One operation of a client. `ok`: the server said that it is saved; `fail`: that it never will be; `unknown`: it
    said nothing (yet). `invoked` and `answered` are seconds of a monotonic clock."""

    client: str
    op: Literal["write", "delete"]
    token: str
    invoked: float
    outcome: Outcome = "unknown"
    answered: float | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What there is at the end: `texts` by place, `authors` by token as the server tells them, `origins` by client.
    `kept`: pieces of text from before the run. `readers`: clients that may not write."""

    texts: Mapping[str, str]
    authors: Mapping[str, str]
    origins: Mapping[str, str]
    kept: Sequence[str] = ()
    readers: frozenset[str] = field(default_factory=frozenset)


def broken(history: Iterable[Row], found: Found) -> list[str]:
    """Every violation, in words that begin with the rule's name; none if all is well."""
    rows = list(history)
    faults = _same(found.texts)
    for place, text in found.texts.items():
        faults += [f"{fault} (in {place})" for fault in _read(rows, text, found)]
    faults += [
        f"I6 {row.token} of a reader was acknowledged"
        for row in rows
        if row.client in found.readers and row.outcome == "ok"
    ]
    return faults + _attributed(found)


def _same(texts: Mapping[str, str]) -> list[str]:
    first, *others = texts.items()
    return [
        f"I3 {first[0]} and {name} differ: {_difference(first[1], text)}" for name, text in others if text != first[1]
    ]


def _difference(a: str, b: str) -> str:
    at = next((n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    return f"{len(a)} and {len(b)} characters, first at {at}: {a[at : at + 40]!r} and {b[at : at + 40]!r}"


def _read(rows: Sequence[Row], text: str, found: Found) -> list[str]:
    there = [match[0] for match in TOKENS.finditer(text)]
    times = Counter(there)
    return [*_counts(rows, times, found.readers), *_foreign(rows, text, times, found.kept), *_order(there)]


def _counts(rows: Sequence[Row], times: Counter[str], readers: frozenset[str]) -> list[str]:
    deletions = {row.token: row.outcome for row in rows if row.op == "delete"}
    faults = []
    for row in rows:
        if row.op == "delete":
            continue
        here, gone = times[row.token], deletions.get(row.token)
        if row.client in readers:
            faults += [f"I6 {row.token} of a reader is there"] * (here > 0)
        elif row.outcome == "ok" and here != 1 and gone is None:
            faults.append(f"I1 {row.token} was saved and is there {here} times")
        elif gone == "ok" and here:
            faults.append(f"I1 {row.token} was deleted and is there {here} times")
        elif here > 1:
            faults.append(f"{'I1' if row.outcome == 'ok' else 'I5'} {row.token} is there {here} times")
        elif row.outcome == "fail" and here:
            faults.append(f"I5 {row.token} was refused and is there")
    return faults


def _foreign(rows: Sequence[Row], text: str, times: Counter[str], kept: Sequence[str]) -> list[str]:
    written = {row.token for row in rows if row.op == "write"}
    faults = [f"I2 nobody wrote {one}" for one in times if one not in written]
    rest = TOKENS.sub("", text)
    faults += [
        f"I2 part of a token: {rest[max(0, m.start() - 20) : m.end() + 20]!r}" for m in re.finditer("[⟦⟧]", rest)
    ]
    return faults + [f"I2 {piece[:60]!r} stood there before and is gone" for piece in kept if piece not in text]


def _order(there: Sequence[str]) -> list[str]:
    faults, newest = [], dict[str, int]()
    for one in there:
        client, number = TOKENS.fullmatch(one).groups()  # type: ignore[union-attr]  # it was found by the same words
        if int(number) < newest.get(client, -1):
            faults.append(f"I4 {one} stands behind {token(client, newest[client])}")
        newest[client] = int(number)
    return faults


def _attributed(found: Found) -> list[str]:
    faults = []
    for one, origin in found.authors.items():
        match = TOKENS.fullmatch(one)
        wrote = found.origins.get(match[1]) if match else None
        if origin != wrote:
            faults.append(f"I7 {one} of {wrote} is attributed to {origin or 'nobody'}")
    shown = {match[0] for text in found.texts.values() for match in TOKENS.finditer(text)}
    return faults + [f"I7 nobody is told for {one}" for one in sorted(shown - found.authors.keys())]
