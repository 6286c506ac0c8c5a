"""Code blocks of a model's prose, and where one belongs in a file. Pure text; positions are code points."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

from agents.engine.edits.fenced import CodeStart, CodeText, Fenced
from ide.documents.text import lines

# A definition in most languages: its name, at the start of a line but for modifiers.
_DEFINITION = re.compile(
    r"^(?P<indent>[ \t]*)(?:(?:export|default|public|private|protected|static|async|abstract|final|pub|unsafe)[ \t]+)*"
    r"(?:def|class|function\*?|func|fn|interface|struct|enum|trait|type)[ \t]+(?P<name>\w+)",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Span:
    """Whole lines [start, end) of a text, in code points."""

    start: int
    end: int


def code_blocks(text: str) -> list[str]:
    """The fenced blocks of a reply, in order, without their fences."""
    fenced = Fenced()
    found: list[str] = []
    for piece in [*fenced.feed(text), *fenced.finish()]:
        if isinstance(piece, CodeStart):
            found.append("")
        elif isinstance(piece, CodeText):
            found[-1] += piece.text
    return found


def place(text: str, code: str, path: str) -> Span:
    """What `code` is to replace in `text`: the definition with the same name, else nothing at the end of the file."""
    found = _python_place(text, code) if path.endswith((".py", ".pyi")) else None
    return found or _named_place(text, code) or Span(len(text), len(text))


def _python_place(text: str, code: str) -> Span | None:
    names, spans = _python_names(code), _python_names(text)
    matching = [spans[name] for name in names if name in spans]
    if len(names) != 1 or not matching:
        return None
    whole = lines(text)
    first, last = matching[0]
    return Span(sum(map(len, whole[: first - 1])), sum(map(len, whole[:last])))


def _python_names(text: str) -> dict[str, tuple[int, int]]:
    """Top-level functions and classes: name → first line (decorators included) and last line, from 1."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return {}
    return {
        node.name: (min([node.lineno, *(d.lineno for d in node.decorator_list)]), node.end_lineno or node.lineno)
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    }


def _named_place(text: str, code: str) -> Span | None:
    """The block that begins with the first definition of `code`: up to the line that closes or leaves it."""
    wanted = _DEFINITION.search(code)
    if wanted is None:
        return None
    found = next((m for m in _DEFINITION.finditer(text) if m["name"] == wanted["name"]), None)
    if found is None:
        return None
    end = found.start()
    for number, line in enumerate(lines(text[found.start() :])):
        if number and line.strip() and _indent(line) <= len(found["indent"]) and line.strip()[0] not in "}])":
            break
        end += len(line)
        if number and line.strip() and _indent(line) == len(found["indent"]):
            break  # the closing bracket
    kept = text[found.start() : end].rstrip()
    return Span(found.start(), min(len(text), found.start() + len(kept) + 1))


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" \t"))


def whole_lines(text: str, start: int, end: int) -> Span:
    """The lines a selection touches. An empty one is the line it stands in; a last, empty touch does not count."""
    start, end = sorted((max(0, min(start, len(text))), max(0, min(end, len(text)))))
    first = text.rfind("\n", 0, start) + 1
    if end > start and end > first and text[end - 1] == "\n":
        return Span(first, end)
    last = text.find("\n", end)
    return Span(first, len(text) if last < 0 else last + 1)


def joined(text: str, span: Span, code: str) -> str:
    """`code` as it goes in at `span`: with the line ends that keep it apart from its neighbours."""
    body = code if code.endswith("\n") else f"{code}\n"
    if span.start == span.end == len(text) and text.strip():
        return ("\n" if text.endswith("\n") else "\n\n") + body
    return body
