"""Pieces: which lines of a file an item of a map job is about, and how its new code gets back into them. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from agents.engine import tags, verify
from ide.documents.text import lines


class Refusal(Exception):
    """A reply that may not be taken over, or an item that cannot be asked for; the text is the reason, for people."""


def lines_of(path: str, text: str, item: Mapping[str, object]) -> tuple[int, int]:
    """First and last line, from 1, of what the item names in this text. Raises Refusal."""
    if "function" in item:
        function = next((f for f in verify.functions(text) if f.name == item["function"]), None)
        if function is None:
            raise Refusal("The function is not there any more.")
        return function.first, function.last
    wanted, line = str(item["symbol"]), int(str(item.get("line", 1)))
    found = [one for one in tags.tags(tags.language_of(path), text.encode()).definitions if one.name == wanted]
    if not found:
        raise Refusal("The symbol is not there any more.")
    nearest = min(found, key=lambda one: abs(one.line - line))
    return nearest.line, nearest.end


def piece_of(text: str, span: tuple[int, int]) -> str:
    return "".join(lines(text)[span[0] - 1 : span[1]])


def put(path: str, text: str, item: Mapping[str, object], new: str) -> str:
    """The text with an item's new code in it. Raises Refusal."""
    if "function" not in item and "symbol" not in item:
        return new
    first, last = lines_of(path, text, item)
    rows = text.split("\n")
    rows[first - 1 : last] = new.removesuffix("\n").split("\n")
    return "\n".join(rows)
