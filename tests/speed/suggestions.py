"""How many of a finished job's hunks still apply after 200 random edits, and how many in a wrong place.

Each line of the document keeps an identity while people edit, which no text comparison sees: so it is known which hunks
nobody has touched, and where they belong. Every second line is one of a few (`pass`, blanks, `return x`), as in code.
What is measured is what living suggestions are made of. `python -m tests.speed.suggestions`.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterable
from dataclasses import dataclass

from agents.proposals.surely import applied
from ide.documents.text import lines

FIGURES = ("suggestions-kept", "suggestions-astray")
RUNS, EDITS, BLOCKS = 200, 200, 120
COMMON = ("", "    pass", "    return x", "    # --", "    if x:", "        x += 1")


@dataclass
class Line:
    """`at`: which line of the base it is, unchanged; None for one that people wrote."""

    text: str
    at: int | None


@dataclass(frozen=True)
class Hunk:
    """Base lines [start, end) become these."""

    start: int
    end: int
    new: tuple[str, ...]


@dataclass
class Counted:
    untouched: int = 0
    kept: int = 0
    astray: int = 0  # in another place than it belongs, touched ones included
    lost: int = 0  # lines of people that are gone, or are not theirs any more


def base_lines(dice: random.Random) -> list[str]:
    out: list[str] = []
    for n in range(BLOCKS):
        out.append(f"def f{n}(x):")
        for _ in range(dice.randint(2, 6)):
            out.append(dice.choice(COMMON) if dice.random() < 0.5 else f"    y{n} = g{dice.randint(0, 9)}(x)")
    return out


def hunks_of(dice: random.Random, base: list[str]) -> list[Hunk]:
    """Changes, deletions and insertions a few lines apart; every new line is its hunk's own."""
    out, at = [], dice.randint(0, 8)
    while at < len(base) - 4:
        size = dice.choice((0, 1, 1, 2, 3))
        number = len(out)
        new = tuple(f"    job{number}_{n} = x" for n in range(dice.randint(1, 3) if size < 2 else dice.randint(0, 2)))
        out.append(Hunk(at, at + size, new))
        at += size + dice.randint(6, 24)
    return out


def edited(dice: random.Random, base: list[str]) -> list[Line]:
    """What people make of it: lines put in, taken out, changed, copied and moved."""
    doc = [Line(text, n) for n, text in enumerate(base)]
    for number in range(EDITS):
        at = dice.randrange(len(doc))
        act = dice.random()
        if act < 0.35:
            doc[at:at] = [Line(dice.choice((*COMMON, f"    person{number} = x")), None)]
        elif act < 0.75:
            doc[at] = Line(doc[at].text + f"  # {number}", None)
        elif act < 0.88:
            del doc[at : at + dice.randint(1, 2)]
        elif act < 0.96:
            doc[at:at] = [Line(one.text, None) for one in doc[at : at + dice.randint(2, 5)]]
        else:
            part = doc[at : at + 3]
            del doc[at : at + 3]
            to = dice.randrange(len(doc))
            doc[to:to] = part
    return doc


def place(hunk: Hunk, doc: list[Line]) -> int | None:
    """Where a hunk belongs in the document; None where people have changed its lines, or something right beside it."""
    where = {line.at: n for n, line in enumerate(doc) if line.at is not None}
    around = [where.get(at) for at in range(hunk.start - 1, hunk.end + 1)]
    if None in around or [n - around[0] for n in around if n is not None and around[0] is not None] != list(
        range(len(around))
    ):
        return None
    return where[hunk.start - 1] + 1


def measure(seed: int) -> Counted:
    dice, found = random.Random(seed), Counted()
    base = base_lines(dice)
    told = [hunk for hunk in hunks_of(dice, base) if hunk.start > 0 and (hunk.new or hunk.end > hunk.start)]
    result = list(base)
    for hunk in reversed(told):
        result[hunk.start : hunk.end] = hunk.new
    doc = edited(dice, base)
    texts = ["\n".join(part) + "\n" for part in (base, [line.text for line in doc], result)]
    merged = [line.removesuffix("\n") for line in lines(applied(*texts).text)]
    for hunk in told:
        _judge(hunk, base, doc, merged, found)
    theirs = {line.text for line in doc if line.text.startswith("    person")}
    found.lost = len(theirs - set(merged))
    return found


def _judge(hunk: Hunk, base: list[str], doc: list[Line], merged: list[str], found: Counted) -> None:
    at = place(hunk, doc)
    there = [merged.index(line) for line in hunk.new if line in merged]
    if at is not None:
        found.untouched += 1
        before, after = doc[at - 1].text, doc[at + hunk.end - hunk.start].text
        wanted = [before, *hunk.new, after]
        sizes = range(len(merged) - len(wanted) + 1)
        good = any(merged[n : n + len(wanted)] == wanted for n in sizes)
        found.kept += good
        found.astray += bool(there) and not good
    elif there and not (_between(hunk, doc, merged, there[0]) or _at_home(hunk, base, merged, there[0])):
        found.astray += 1


def _between(hunk: Hunk, doc: list[Line], merged: list[str], at: int) -> bool:
    """Whether what stands above in the merged text stood above in the base, and what stands below, below: by lines
    that are there once."""
    known = {line.text: line.at for line in doc if line.at is not None and merged.count(line.text) == 1}
    above = next((known[text] for text in reversed(merged[:at]) if text in known), -1)
    below = next((known[text] for text in merged[at:] if text in known), 1 << 30)
    return (above is None or above < hunk.end) and (below is None or below >= hunk.start)


def _at_home(hunk: Hunk, base: list[str], merged: list[str], at: int) -> bool:
    """Whether it stands in its function: below its head, or above that of the next one, where its own is gone. For
    copies that people made of its lines before they changed these: no text tells the two apart."""
    then = (_head(reversed(base[: hunk.start])), _head(base[hunk.end :]))
    now = (_head(reversed(merged[:at])), _head(merged[at:]))
    return then[0] == now[0] or then[1] == now[1]


def _head(rows: Iterable[str]) -> str:
    return next((row.partition("(")[0] for row in rows if row.startswith("def ")), "")


def total(seeds: range) -> Counted:
    out = Counted()
    for seed in seeds:
        one = measure(seed)
        for name in ("untouched", "kept", "astray", "lost"):
            setattr(out, name, getattr(out, name) + getattr(one, name))
    return out


def main() -> None:
    found = total(range(RUNS))
    conditions = f"{RUNS} seeds, {EDITS} edits each, {found.untouched} hunks that nobody touched"
    told = {"suggestions-kept": 100 * found.kept / found.untouched, "suggestions-astray": found.astray}
    for name, value in told.items():
        if not sys.argv[1:] or name in sys.argv[1:]:
            unit = "%" if name == "suggestions-kept" else "hunks"
            print(json.dumps({"name": name, "value": value, "unit": unit, "conditions": conditions, "runs": RUNS}))


if __name__ == "__main__":
    main()
