"""The checker finds every kind of violation that is planted, and nothing where there is none."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.chaos.checker import Found, Row, broken, token

A1, A2, A3, B1, B2, V1 = token("a", 1), token("a", 2), token("a", 3), token("b", 1), token("b", 2), token("v", 1)
HISTORY = [
    Row("a", "write", A1, 0.0, "ok", 0.1),
    Row("a", "write", A2, 0.2, "ok", 0.3),
    Row("a", "write", A3, 0.4),
    Row("b", "write", B1, 0.1, "ok", 0.2),
    Row("b", "write", B2, 0.3, "ok", 0.4),
    Row("b", "delete", B1, 0.5, "ok", 0.6),
    Row("v", "write", V1, 0.5, "fail", 0.6),
]
TEXT = f"before\n{A1}😀\r\n{B2}\r\n{A2}👩‍👩‍👧 e\u0301{A3}"
PLACES = ("replica a", "log", "snapshot", "file")
FOUND = Found(
    texts=dict.fromkeys(PLACES, TEXT),
    authors={A1: "person:1", A2: "person:1", A3: "person:1", B2: "person:2"},
    origins={"a": "person:1", "b": "person:2", "v": "person:3"},
    kept=("before\n",),
    readers=frozenset({"v"}),
)


def everywhere(text: str) -> Found:
    return replace(FOUND, texts=dict.fromkeys(PLACES, text))


def test_nothing_is_found_where_nothing_is_broken() -> None:
    assert broken(HISTORY, FOUND) == []


def test_what_had_no_answer_may_be_there_or_not() -> None:
    assert broken(HISTORY, everywhere(TEXT.replace(A3, ""))) == []


def test_a_deletion_without_an_answer_may_have_happened_or_not() -> None:
    history = [replace(row, outcome="unknown") if row.op == "delete" else row for row in HISTORY]
    back = replace(everywhere(TEXT + B1), authors={**FOUND.authors, B1: "person:2"})
    assert broken(history, FOUND) == []
    assert [fault[:2] for fault in broken(history, back)] == ["I4"] * len(PLACES)  # there, but at a wrong place


@pytest.mark.parametrize(
    ("rule", "what", "text"),
    [
        ("I1", "a saved token is lost", TEXT.replace(A2, "")),
        ("I1", "a saved token is there twice", TEXT + A2),
        ("I1", "a deleted token is back", TEXT.replace(B2, B1 + B2)),
        ("I2", "a token that nobody wrote", TEXT + token("z", 1)),
        ("I2", "a number that was never reached", TEXT + token("a", 9)),
        ("I2", "half a token", TEXT + A3[:-1]),
        ("I2", "a token torn by another's text", TEXT.replace(A2, f"{A2[:3]}x{A2[3:]}")),
        ("I2", "what stood there before is gone", TEXT.replace("before\n", "")),
        ("I4", "two tokens of one client changed places", TEXT.replace(A2, "#").replace(A3, A2).replace("#", A3)),
        ("I5", "a token without an answer is there twice", TEXT + A3),
        ("I6", "a reader's token", TEXT + V1),
    ],
)
def test_a_planted_violation_is_found(rule: str, what: str, text: str) -> None:
    assert any(fault.startswith(rule) for fault in broken(HISTORY, everywhere(text))), what


@pytest.mark.parametrize("place", PLACES)
def test_one_place_that_differs_is_found(place: str) -> None:
    found = replace(FOUND, texts={**FOUND.texts, place: TEXT + " "})
    assert any(fault.startswith("I3") for fault in broken(HISTORY, found))


def test_a_refused_token_that_is_there_is_found() -> None:
    history = [replace(row, outcome="fail") if row.token == A3 else row for row in HISTORY]
    assert any(fault.startswith("I5") for fault in broken(history, FOUND))


def test_an_acknowledged_token_of_a_reader_is_found() -> None:
    history = [replace(row, outcome="ok") if row.token == V1 else row for row in HISTORY]
    assert [fault[:2] for fault in broken(history, FOUND)] == ["I6"]


@pytest.mark.parametrize("origin", ["person:2", "disk", ""])
def test_a_wrong_author_is_found(origin: str) -> None:
    found = replace(FOUND, authors={**FOUND.authors, A2: origin})
    assert [fault[:2] for fault in broken(HISTORY, found)] == ["I7"]


def test_a_token_without_an_author_is_found() -> None:
    found = replace(FOUND, authors={one: who for one, who in FOUND.authors.items() if one != A2})
    assert [fault[:2] for fault in broken(HISTORY, found)] == ["I7"]
