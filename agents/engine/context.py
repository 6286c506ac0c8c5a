"""What goes into the window: instructions, history, the open file, worked examples.

The parts of it are beside this file: how code is shown (context_code), asking for one piece of code (context_rewrite),
what a session's turn is told of its workspace (context_parts), and what goes when it does not fit (context_fit).
"""

from __future__ import annotations

from collections.abc import Sequence

from agents.engine.context_code import PER_TOKEN, REPLY, OpenFile, around, block, count, language, prompt
from agents.engine.context_fit import fitted, reply_of, size, thinned
from agents.engine.context_rewrite import (
    QUOTES,
    Asked,
    CodeReply,
    around_docstring,
    dedented,
    docstring,
    inline,
    rewrite,
)
from agents.engine.loop import Settings
from agents.engine.messages import Message

__all__ = [
    "PER_TOKEN",
    "QUOTES",
    "REPLY",
    "Asked",
    "CodeReply",
    "OpenFile",
    "around",
    "around_docstring",
    "block",
    "count",
    "dedented",
    "docstring",
    "fitted",
    "inline",
    "job",
    "language",
    "prompt",
    "reply_of",
    "rewrite",
    "session_input",
    "session_settings",
    "session_system",
    "size",
    "thinned",
]


def session_system(*, tools: bool, blocks: bool = False) -> Message:
    """The first message of a session's history."""
    return Message("system", prompt("session_tools" if tools else "session_blocks" if blocks else "session_plain"))


def session_input(said: str, files: Sequence[OpenFile], *, tools: bool, window: int) -> Message:
    """What a person said, with what they look at. A model with tools is told the path and the selection; one without
    gets the text, around the selection if it is long: at most half the window for all files together."""
    shown = [_told(file) if tools else around(file, window // 2 // max(1, len(files))) for file in files]
    return Message("user", "\n\n".join([*shown, said]))


def session_settings(model: str, *, tools: bool, window: int) -> Settings:
    return Settings(model, max_tokens=reply_of(window), use_tools=tools)


def job(instruction: str, paths: Sequence[str]) -> list[Message]:
    """The start of a delegated task's history, for a model that drives tools."""
    named = "\n\nFiles it is about:\n" + "\n".join(f"- {path}" for path in paths) if paths else ""
    return [Message("system", prompt("job")), Message("user", instruction + named)]


def _told(file: OpenFile) -> str:
    line = file.text.count("\n", 0, file.start) + 1
    if file.start == file.end:
        return f"(The open file is {file.path}, the cursor in line {line}.)"
    last = file.text.count("\n", 0, max(file.start, file.end - 1)) + 1
    selected = file.text[file.start : file.end][:2000]
    return f"(The open file is {file.path}; lines {line} to {last} are selected:)\n{block(file.path, selected)}"
