"""Suggestions at the cursor, as text: what a model is shown around the cursor, and what of its answer fits there. Pure.

Positions are code points. A suggestion is never in the document before a person takes it.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from agents.engine.messages import Event
from agents.providers.fill import Gap

Stream = AsyncGenerator[list[Event], None]

BEFORE, AFTER = 6_000, 2_000  # characters of the document around the cursor
ELSEWHERE = 1_500  # characters of other open documents, in all
WINDOWS = 3  # stretches of them
WINDOW = 24  # lines of one
NEAR = 1_200  # characters before the cursor whose names decide what else is shown
LINE, LINES = 48, 128  # tokens: to the end of a line, and of several
MOST_LINES = 12
ENOUGH = 0.45  # seconds; then whole lines that have come are enough

_NAME = re.compile(r"[^\W\d]\w{2,}")
_SENSITIVE = re.compile(r"(^|/)\.env($|\.)|\.(pem|key|p12|pfx)$|(^|/)id_[a-z0-9]+$")
_REMARK = {"py": "#", "pyi": "#", "rb": "#", "sh": "#", "yml": "#", "yaml": "#", "toml": "#"}


@dataclass(frozen=True)
class Place:
    """A cursor in a text. `path` tells the language."""

    path: str
    text: str
    at: int

    @property
    def rest(self) -> str:
        """What stands behind the cursor in its line."""
        return self.text[self.at :].partition("\n")[0]

    @property
    def several(self) -> bool:
        """Whether there is room for more than this line."""
        return not self.rest.strip()


def gap(place: Place, others: Sequence[tuple[str, str]], *, inside: bool) -> Gap:
    """What is sent. `others` are (path, text) of other open documents; `inside`: there is no field of its own for what
    is taken from them, so that it goes as remarks in front of the text."""
    before = _from_line(place.text[max(0, place.at - BEFORE) : place.at], cut=place.at > BEFORE)
    after = place.text[place.at : place.at + AFTER]
    found = related(before[-NEAR:], [one for one in others if _kin(place.path, one[0])])
    if inside:
        before, found = _remarks(place.path, found) + before, []
    stop = () if place.several else ("\n",)
    return Gap(before, after, LINES if place.several else LINE, stop, tuple(found))


def _from_line(text: str, *, cut: bool) -> str:
    return text[text.find("\n") + 1 :] if cut and "\n" in text else text


def sensitive(path: str) -> bool:
    """Whether files of this name usually hold secrets."""
    return _SENSITIVE.search(path) is not None


def _kin(path: str, other: str) -> bool:
    return _suffix(path) == _suffix(other) != "" and not sensitive(other)


def _suffix(path: str) -> str:
    return PurePosixPath(path).suffix.removeprefix(".").lower()


def related(near: str, others: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """The stretches of other texts that share most names with `near`, within the budget."""
    names = set(_NAME.findall(near))
    ranked: list[tuple[int, str, str]] = []
    for path, text in others:
        lines = text.split("\n")
        for first in range(0, len(lines), WINDOW):
            shown = "\n".join(lines[first : first + WINDOW]).strip("\n")
            ranked.append((len(names & set(_NAME.findall(shown))), path, shown))
    ranked.sort(key=lambda one: -one[0])
    room, found = ELSEWHERE, []
    for shared, path, shown in ranked[:WINDOWS]:
        if shared and len(shown) <= room:
            room -= len(shown)
            found.append((path, shown))
    return found


def _remarks(path: str, found: Sequence[tuple[str, str]]) -> str:
    mark = _REMARK.get(_suffix(path), "//")
    parts = [
        f"{mark} From {name}:\n" + "".join(f"{mark} {line}\n" for line in text.split("\n")) for name, text in found
    ]
    return "".join(parts)


class Answer:
    """An answer as it comes. `feed` says whether more of it is wanted."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._text = ""

    def feed(self, text: str, seconds: float) -> bool:
        """`seconds`: since it was asked for."""
        self._text += text
        if not self._place.several:
            return "\n" not in self._text.lstrip("\n")
        whole = self._text.strip("\n")
        if "\n\n" in whole or whole.count("\n") >= MOST_LINES:
            return False
        return not ("\n" in whole and seconds > ENOUGH)

    def fitting(self, *, ended: bool) -> str:
        """What of it can stand at the cursor; '' if nothing can. `ended`: the model had no more to say, so the last
        line is whole."""
        text = self._text
        if not self._place.several:
            return self._within_line(text.split("\n", 1)[0])
        lead = len(text) - len(text.lstrip("\n"))
        body = text[lead:].split("\n\n", 1)[0]
        lines = body.split("\n")
        if not ended and len(lines) > 1 and body == text[lead:]:
            lines.pop()
        lines = self._without_what_follows(lines[:MOST_LINES])
        made = ("\n" * min(lead, 2) + "\n".join(lines)).rstrip()
        return "" if self._repeats(made) else made

    def _within_line(self, text: str) -> str:
        rest = self._place.rest.strip()
        text = text.rstrip()
        if rest and text.endswith(rest) and _open(text) < 0:
            text = text[: -len(rest)]
        return "" if self._repeats(text) else text

    def _without_what_follows(self, lines: list[str]) -> list[str]:
        """The next lines of the document are not suggested once more."""
        after = self._place.text[self._place.at :].split("\n")[1:]
        following = next((line.strip() for line in after if line.strip()), None)
        for n, line in enumerate(lines):
            if n and following and line.strip() == following:
                return lines[:n]
        return lines

    def _repeats(self, text: str) -> bool:
        """It says nothing, or only the line before again."""
        before = self._place.text[: self._place.at].rstrip("\n").rpartition("\n")[2].strip()
        return not text.strip() or (text.strip() == before and len(before) > 3)


def _open(text: str) -> int:
    """Brackets opened, less those closed."""
    return sum(text.count(one) for one in "([{") - sum(text.count(one) for one in ")]}")
