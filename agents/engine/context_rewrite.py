"""Asking for one piece of code: the request, and how the code is taken out of the reply.

Each job for a model that cannot drive tools is an Asked. Wording and examples were tuned on the built-in model (135 M
parameters): short, worked examples, a prefilled reply.
"""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass, replace

from agents.engine.context_code import REPLY, OpenFile, around, block, count, language, prompt
from agents.engine.edits.fenced import CodeEnd, CodeText, Fenced
from agents.engine.loop import Settings
from agents.engine.messages import Message, Request
from agents.engine.verify import functions, place_of_docstring

SHOWN_LINES = 80  # lines of a long function shown for its docstring
QUOTES = '"""'
_DEF = re.compile(r"(?:async )?def \w+", re.ASCII)


@dataclass(frozen=True)
class Asked:
    """One request for code, ready to be sent, and how to read the reply (with CodeReply).

    `lead` and `tail` are code of ours around the reply; `inside`: the reply continues a fence we opened; `indent` is
    what was taken off every line and must be put back (LiveRewrite does).
    """

    messages: list[Message]
    max_tokens: int = REPLY
    temperature: float | None = None
    stop: tuple[str, ...] = ()
    continue_last: bool = False
    inside: bool = False
    one_line: bool = False
    lead: str = ""
    tail: str = ""
    indent: str = ""

    def request(self, model: str) -> Request:
        return Request(
            model, tuple(self.messages), (), self.max_tokens, self.temperature, self.stop, self.continue_last
        )

    def settings(self, model: str) -> Settings:
        return Settings(
            model,
            self.max_tokens,
            self.temperature,
            self.stop,
            max_steps=1,
            use_tools=False,
            continue_last=self.continue_last,
        )


class CodeReply:
    """The code in the streamed reply to an Asked: feed() and finish() return what is to be written next.

    `done` says that the code is complete and the rest of the stream is not needed.
    """

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._fenced = Fenced(inside=asked.inside, expect_code=not asked.inside)
        self._begun = False
        self.done = False

    def feed(self, text: str) -> str:
        if self.done:
            return ""
        if self._asked.one_line:
            return self._sentence(text)
        code = ""
        for piece in self._fenced.feed(text):
            code += self._take(piece)
        return code

    def finish(self) -> str:
        """The end of the code; empty if the reply held none."""
        if self._asked.one_line:
            return self._asked.tail if self._begun else ""
        return "".join(self._take(piece) for piece in self._fenced.finish())

    def _take(self, piece: object) -> str:
        if isinstance(piece, CodeEnd):
            self.done = True
        return piece.text if isinstance(piece, CodeText) and not self.done else ""

    def _sentence(self, text: str) -> str:
        """A docstring's one line between our quotes: nothing in it may end or escape them."""
        first, newline, _ = (text if self._begun else text.lstrip()).partition("\n")
        self.done = bool(newline and (self._begun or first))
        first = first.replace("\\", "").replace('"', "'")
        if not first:
            return ""
        lead = "" if self._begun else self._asked.lead
        self._begun = True
        return lead + first


# Three worked examples; a fourth made the small model copy instead of change.
EXAMPLES = (
    (
        "Add a docstring.",
        "def area(width, height):\n    return width * height",
        'def area(width, height):\n    """Return the area of a rectangle."""\n    return width * height',
    ),
    (
        "Rename n to size.",
        "n = 0\nfor row in rows:\n    n += 1\nprint(n)",
        "size = 0\nfor row in rows:\n    size += 1\nprint(size)",
    ),
    (
        "Add type hints.",
        "def repeat(text, times):\n    return text * times",
        "def repeat(text: str, times: int) -> str:\n    return text * times",
    ),
)

DOCUMENTED = (
    "Add a docstring.",
    "def is_even(number: int) -> bool:\n    return number % 2 == 0",
    'def is_even(number: int) -> bool:\n    """Return True if the number is even."""\n    return number % 2 == 0',
)


def inline(file: OpenFile, instruction: str, *, small: bool, window: int) -> Asked:
    """Rewrite the selection of `file`. `small`: a weak model whose server continues a prefilled reply (the built-in
    one); it is asked with examples, others with the code around the selection."""
    selected = file.text[file.start : file.end]
    code, indent = dedented(selected)
    if small and language(file.path) == "python" and re.search(r"\bdoc-?strings?\b", instruction, re.IGNORECASE):
        asked = docstring(code)
        if asked is not None:
            return replace(asked, indent=indent)
    if small:
        return replace(_by_example(file.path, instruction, code), indent=indent)
    return replace(_with_surroundings(file, instruction, code, window), indent=indent)


def rewrite(path: str, code: str, instruction: str, *, small: bool, window: int) -> Asked:
    """Rewrite one function or file of a job: the reply is the whole new code."""
    plain, indent = dedented(code)
    if small:
        return replace(_by_example(path, instruction, plain), indent=indent)
    file = OpenFile(path, code, 0, len(code))
    return replace(_with_surroundings(file, instruction, plain, window), indent=indent)


def docstring(code: str) -> Asked | None:
    """Complete the docstring of the function `code` begins with (dedented), or None if it begins with none that fits.

    The reply is the text between the quotes; lead and tail are the function around it.
    """
    parts = around_docstring(code)
    if parts is None:
        return None
    lead, tail = parts
    shown = "\n".join(code.split("\n")[:SHOWN_LINES])
    instruction, before, after = DOCUMENTED
    messages = [
        Message("system", prompt("docstring")),
        Message("user", f"{instruction}\n{block('.py', before)}"),
        Message("assistant", block(".py", after)),
        Message("user", f"{instruction}\n{block('.py', shown)}"),
        Message("assistant", f"```python\n{lead}"),
    ]
    return Asked(
        messages, 40, 0.0, (QUOTES, "\n"), continue_last=True, inside=True, one_line=True, lead=lead, tail=tail
    )


def around_docstring(code: str) -> tuple[str, str] | None:
    """(text up to and with the opening quotes, text from the closing ones) where a docstring belongs in `code`."""
    found = functions(code)
    if not found or not _DEF.search(code) or found[0].documented:
        return None
    head, pad, rest = place_of_docstring(code, found[0])
    return f"{head}{pad}{QUOTES}", f"{QUOTES}\n{rest}"


def dedented(code: str) -> tuple[str, str]:
    """The code without its common indentation, and that indentation."""
    plain = textwrap.dedent(code)
    first = next((line for line in code.split("\n") if line.strip()), "")
    bare = next((line for line in plain.split("\n") if line.strip()), "")
    return plain, first[: len(first) - len(bare)]


def _by_example(path: str, instruction: str, code: str) -> Asked:
    messages = [Message("system", prompt("inline"))]
    for told, before, after in EXAMPLES:
        messages += [Message("user", f"{told}\n{block('.py', before)}"), Message("assistant", block(".py", after))]
    messages += [
        Message("user", f"{_sentence(instruction)}\n{block(path, code)}"),
        Message("assistant", f"```{language(path)}\n"),
    ]
    # twice the selection and some room: a small model that has lost its way writes for ever
    limit = min(REPLY, 160 + 2 * count(code))
    return Asked(messages, limit, 0.0, ("\n```",), continue_last=True, inside=True)


def _with_surroundings(file: OpenFile, instruction: str, code: str, window: int) -> Asked:
    surroundings = around(file, window // 2)
    told = (
        f"{surroundings}\n\nRewrite only this part of {file.path}:\n{block(file.path, code)}\n\n"
        f"What to change: {instruction}\n\nReply with the whole new part in one code block, nothing else."
    )
    messages = [Message("system", prompt("inline")), Message("user", told)]
    return Asked(messages, min(window // 4, max(1024, 2 * count(code) + 512)))


def _sentence(text: str) -> str:
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")
