"""Patches made from two texts, in each edit format, and what they must do by a strict algorithm of its own.

The real texts are files of which this Python has two releases: those that pip and setuptools carry along, and those
that are installed. Nothing is downloaded.
"""

from __future__ import annotations

import difflib
import importlib.util
import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from agents.engine.edits.apply import LiveApplier, LiveRewrite
from agents.engine.edits.target import PlainTarget
from agents.engine.messages import ToolResult
from agents.engine.textedits import TextEdits
from agents.engine.tools import PatchCall, ToolFailed
from agents.environments.patch import PatchEdits

PACKAGES = ("pygments", "packaging", "idna", "msgpack", "typing_extensions.py", "six.py")
LARGEST = 5000  # lines; difflib takes too long for more
PATH = "src/näme.py"


@dataclass(frozen=True)
class Hunk:
    """`head` is the '@@' line; lines begin with ' ', '-' or '+'."""

    lines: tuple[str, ...]
    head: str = ""

    @property
    def old(self) -> list[str]:
        return [line[1:] for line in self.lines if line[0] != "+"]

    @property
    def new(self) -> list[str]:
        return [line[1:] for line in self.lines if line[0] != "-"]


# --- two releases of one file -----------------------------------------------------------------------------------------


def releases() -> Iterator[tuple[str, str, str]]:
    """(name, old text, new text) of every file that differs."""
    installed = Path(str(importlib.util.find_spec("pygments").origin)).parent.parent  # type: ignore[union-attr]
    for carrier in ("pip", "setuptools"):
        spec = importlib.util.find_spec(carrier)
        carried = Path(str(spec.origin)).parent / "_vendor" if spec else Path("/nowhere")
        for name in PACKAGES:
            one = carried / name
            for file in sorted([one] if one.is_file() else one.rglob("*.py")):
                other = installed / file.relative_to(carried)
                old, new = (path.read_text("utf-8") if path.exists() else "" for path in (file, other))
                if new and old != new and max(old.count("\n"), new.count("\n")) < LARGEST:
                    yield f"{carrier}/{file.relative_to(carried)}", old, new


def lines_of(text: str) -> list[str]:
    found = text.split("\n")
    return found[:-1] if text.endswith("\n") or not text else found


def hunks(old: str, new: str, context: int = 3, *, unique: bool = True) -> list[Hunk]:
    """The difference as hunks. `unique`: with as much context as makes their places certain."""
    a, b = lines_of(old), lines_of(new)
    groups = list(difflib.SequenceMatcher(None, a, b, autojunk=False).get_grouped_opcodes(context))
    if unique and context < len(a) and not all(_certain(a, group) for group in groups):
        return hunks(old, new, context * 2)
    return [Hunk(tuple(_marked(a, b, group))) for group in groups]


def _certain(a: Sequence[str], group: Sequence[tuple[str, int, int, int, int]]) -> bool:
    part = list(a[group[0][1] : group[-1][2]])
    count = sum(list(a[at : at + len(part)]) == part for at in range(len(a) - len(part) + 1))
    return count == 1 and any(line.strip() for line in part)


def _marked(a: Sequence[str], b: Sequence[str], group: Sequence[tuple[str, int, int, int, int]]) -> Iterator[str]:
    for kind, a1, a2, b1, b2 in group:
        if kind == "equal":
            yield from (f" {line}" for line in a[a1:a2])
        else:
            yield from (f"-{line}" for line in a[a1:a2])
            yield from (f"+{line}" for line in b[b1:b2])


# --- the strict algorithm ---------------------------------------------------------------------------------------------


def strict(text: str, made: Sequence[Hunk], *, ordered: bool = True) -> tuple[str, int]:
    """What the hunks make of the text, and how many had to be refused. A hunk is done where its old lines, or the '@@'
    line and those somewhere below it, stand once only; `ordered`: below the hunk before. Blank kept lines at its end
    need not be there."""
    lines, ended, below, refused = lines_of(text), text.endswith("\n") or not text, 0, 0
    for told in made:
        hunk, places = told, _places(lines, told, below if ordered else 0)
        if not places:
            hunk = Hunk(tuple("\n".join(told.lines).rstrip(" \n").split("\n")), told.head)
            places = _places(lines, hunk, below if ordered else 0)
        if len(places) != 1:
            refused += 1
            continue
        at, size = places[0], len(hunk.old)
        ended = ended or (at + size == len(lines) and bool(hunk.lines) and hunk.lines[-1][0] != " ")
        lines[at : at + size] = hunk.new
        below = at + len(hunk.new)
    return "\n".join(lines) + ("\n" if ended and lines else ""), refused


def _places(lines: Sequence[str], hunk: Hunk, start: int) -> list[int]:
    size = len(hunk.old)
    found = [at for at in range(start, len(lines) - size + 1) if lines[at : at + size] == hunk.old]
    if hunk.head:
        heads = [at for at in range(start, len(lines)) if lines[at] == hunk.head]
        found = sorted({min(at for at in found if at >= head) for head in heads if found and found[-1] >= head})
    return found


# --- the front ends ---------------------------------------------------------------------------------------------------


@dataclass
class Files:
    """A place of patches in memory."""

    texts: dict[str, PlainTarget] = field(default_factory=dict)

    def text(self) -> str:
        """Of the one file patches are about; empty where it is gone."""
        return self.texts[PATH].text() if PATH in self.texts else ""

    async def open(self, path: str) -> PlainTarget:
        if path not in self.texts:
            raise ToolFailed("There is no such file.")
        return self.texts[path]

    async def create(self, path: str) -> PlainTarget:
        return self.texts.setdefault(path, PlainTarget())

    async def delete(self, path: str) -> None:
        await self.open(path)
        del self.texts[path]

    async def move(self, path: str, to: str) -> None:
        self.texts[to] = self.texts.pop(path)

    def follow(self, path: str, applier: LiveApplier) -> None:
        pass

    async def settled(self) -> None:
        pass

    def wrote(self, path: str, applier: LiveApplier) -> None:
        pass

    async def close(self, path: str) -> None:
        pass


class Place:
    """What PatchCall and TextEdits need of an environment."""

    def __init__(self, files: Files) -> None:
        self.files = files

    def edits(self, call_id: str) -> PatchEdits:
        return PatchEdits(self.files)


@dataclass(frozen=True)
class Done:
    text: str
    result: ToolResult | None
    prose: str = ""


def cut(text: str, chance: random.Random) -> Iterator[str]:
    """In pieces as they may come over a wire."""
    at = 0
    while at < len(text):
        size = chance.choice((1, 2, 3, 4, 5, 9, 40, 300))
        yield text[at : at + size]
        at += size


def v4a(made: Sequence[Hunk], newline: str = "\n") -> str:
    body = ["*** Begin Patch", f"*** Update File: {PATH}"]
    for hunk in made:
        body += [f"@@ {hunk.head}".rstrip(), *hunk.lines]
    return newline.join([*body, "*** End Patch", ""])


def blocks(made: Sequence[Hunk], newline: str = "\n") -> str:
    body = ["Here is what I change:", ""]
    for hunk in made:
        body += [
            "```python",
            PATH,
            "<<<<<<< SEARCH",
            *hunk.old,
            "=======",
            *hunk.new,
            ">>>>>>> REPLACE",
            "```",
            "Then:",
        ]
    return newline.join([*body, "That is all.", ""])


Meanwhile = Callable[[PlainTarget], None]


async def by_patch(old: str, raw: str, chance: random.Random, meanwhile: Meanwhile = lambda _: None) -> Done:
    files = Files({PATH: PlainTarget(old)})
    call = PatchCall(Place(files), "c")  # type: ignore[arg-type]  # it only asks for edits()
    for piece in cut(raw, chance):
        if PATH in files.texts:
            meanwhile(files.texts[PATH])
        await call.feed(piece)
    result = await call.finish(raw)
    return Done(files.text(), result)


def as_json(patch: str, chance: random.Random) -> str:
    fields: dict[str, object] = {"why": 'a "reason"', "patch": patch, "n": [1, {"patch": "no"}]}
    return json.dumps(fields, ensure_ascii=chance.random() < 0.5, indent=chance.choice((None, 2)))


async def by_blocks(old: str, reply: str, chance: random.Random) -> Done:
    files = Files({PATH: PlainTarget(old)})
    edits = TextEdits(Place(files), "c")  # type: ignore[arg-type]  # it only asks for edits()
    prose = [await edits.feed(piece) for piece in cut(reply, chance)]
    prose.append(await edits.finish())
    return Done(files.text(), edits.result, "".join(prose))


def by_rewrite(old: str, new: str, chance: random.Random) -> str:
    target = PlainTarget(old)
    rewrite = LiveRewrite(target, target.anchor(0, -1), target.anchor(len(old), 0))
    for piece in cut(new, chance):
        rewrite.feed(piece)
    rewrite.finish()
    return target.text()


def fits_blocks(made: Sequence[Hunk]) -> bool:
    """Whether no line of the texts is a marker of blocks itself."""
    marks = ("<<<<<", "=====", ">>>>>")
    return not any(line[1:].startswith(marks) for hunk in made for line in hunk.lines)
