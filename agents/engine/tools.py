"""The tools a model may call, and what the place they act in (live rooms, a worktree) must offer.

A failing tool is a result the model reads: bad JSON, unknown names, refusals. Environments raise ToolFailed for that.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import msgspec

from agents.engine.edits.jsonstring import JsonString
from agents.engine.edits.ops import EditError, Op
from agents.engine.edits.v4a import GRAMMAR, HOW, V4aParser
from agents.engine.messages import Tool, ToolCall, ToolResult
from agents.engine.toolbox import DIAGNOSTICS, OWN, Equipped

SHOWN = 24_000  # characters of one result the model reads
LINES = 800  # lines of a file at once
SECONDS = 120.0
LONGEST = 600.0


class ToolFailed(Exception):
    """A tool that could not do it; the text is for the model: what, why, and what to do instead."""


@dataclass(frozen=True)
class Slice:
    """Lines `first` (from 1) onwards of a text of `total` lines, without line ends."""

    lines: Sequence[str]
    first: int
    total: int


@dataclass(frozen=True)
class Hit:
    path: str
    line: int
    text: str


@dataclass(frozen=True)
class Ran:
    """A command's end. `code` is None when it was stopped; `output` is both streams as they came."""

    code: int | None
    output: str
    seconds: float
    timed_out: bool = False
    truncated: bool = False


class EditStream(Protocol):
    """The edits of one call, applied while they arrive. Ops may name several files in turn."""

    async def feed(self, ops: Sequence[Op]) -> None: ...

    async def finish(self) -> ToolResult:
        """Everything is applied; the result says per file what was done, for the model."""
        ...

    async def abort(self) -> None:
        """The turn was stopped: leave the text at a line's end. Must not wait long."""
        ...


class Environment(Protocol):
    """Where tools act. Every method but edits() may raise ToolFailed. Paths are relative, with '/'.

    `abilities` are names out of TOOLS: the tools that exist here.
    """

    @property
    def abilities(self) -> frozenset[str]: ...

    async def read(self, path: str, first: int, last: int) -> Slice:
        """Lines first…last (from 1, last included), as many as there are."""
        ...

    async def list(self, glob: str) -> Sequence[str]: ...

    async def search(self, query: str, *, regex: bool, glob: str) -> Sequence[Hit]: ...

    async def run(self, command: str, seconds: float) -> Ran:
        """A shell command line, confined, in the root folder."""
        ...

    def edits(self, call_id: str) -> EditStream: ...


@runtime_checkable
class Asks(Protocol):
    """An environment with the ability `ask_person`."""

    def ask(self, question: str) -> str:
        """Put a question to people; what the model is told meanwhile."""
        ...


@runtime_checkable
class Thinks(Protocol):
    """An environment with the ability `think`."""

    async def think(self, question: str, paths: Sequence[str]) -> ToolResult:
        """Ask a deeper model, with these files. May raise ToolFailed."""
        ...


# --- what the model is told ---------------------------------------------------------------------------------------


def _schema(required: Sequence[str], **properties: dict[str, object]) -> dict[str, object]:
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


def _text(about: str) -> dict[str, object]:
    return {"type": "string", "description": about}


def _number(about: str) -> dict[str, object]:
    return {"type": "integer", "description": about}


TOOLS: dict[str, Tool] = {
    tool.name: tool
    for tool in (
        Tool(
            "read_file",
            f"Read a text file, at most {LINES} lines at once. Lines come numbered; the numbers are not part of it.",
            _schema(
                ["path"], path=_text("relative path"), first=_number("first line, from 1"), last=_number("last line")
            ),
        ),
        Tool(
            "list_files",
            "List the paths of files that match a glob, such as '**/*.py'. Ignored files are left out.",
            _schema([], glob=_text("glob; everything if absent")),
        ),
        Tool(
            "search",
            "Find text in all files. Returns path:line: text.",
            _schema(
                ["query"],
                query=_text("what to find"),
                regex={"type": "boolean", "description": "query is a regular expression"},
                glob=_text("only in files that match this glob"),
            ),
        ),
        Tool(
            "apply_patch",
            "Change files. Other people see it as you write it. " + HOW + " Also '*** Add File: path' (every line "
            "with '+'), '*** Delete File: path', '*** Move to: path' after an Update line. Give three unchanged lines "
            "around a change, exactly as they are in the file.",
            _schema(["patch"], patch=_text("the whole patch")),
            GRAMMAR,
        ),
        Tool(
            "run_command",
            "Run a shell command in the root folder, confined, without network. Returns exit code and output.",
            _schema(["command"], command=_text("command line"), seconds=_number("time limit, 120 if absent")),
        ),
    )
}
ASKING = Tool(
    "ask_person",
    "Ask the people who gave you this job, only when you cannot go on without a decision of theirs. End your answer "
    "with it: theirs comes as their next message.",
    _schema(["question"], question=_text("what they have to decide, and what you would choose")),
)
TOOLS[ASKING.name] = ASKING
THINK = "think"
TOOLS[THINK] = Tool(
    THINK,
    "Ask a slower, deeper model a hard question: a design, a proof, a bug you cannot find. It knows nothing of this "
    "conversation and cannot act: tell it everything that matters, and name the files it should read.",
    _schema(
        ["question"],
        question=_text("the whole question"),
        paths={"type": "array", "items": {"type": "string"}, "description": "relative paths, at most 8"},
    ),
)
TOOLS.update(OWN)
READ_ONLY = frozenset({"read_file", "list_files", "search", DIAGNOSTICS})
EDITING = "apply_patch"


def offered(abilities: Collection[str]) -> list[Tool]:
    """The tools an environment of these abilities has, in a fixed order."""
    return [tool for name, tool in TOOLS.items() if name in abilities]


# --- calls --------------------------------------------------------------------------------------------------------


class _Read(msgspec.Struct):
    path: str
    first: int = 1
    last: int | None = None


class _List(msgspec.Struct):
    glob: str = ""


class _Search(msgspec.Struct):
    query: str
    regex: bool = False
    glob: str = ""


class _Patch(msgspec.Struct):
    patch: str


class _Run(msgspec.Struct):
    command: str
    seconds: float = SECONDS


class _Ask(msgspec.Struct):
    question: str


class _Think(msgspec.Struct):
    question: str
    paths: list[str] = []


_Arguments = _Read | _List | _Search | _Patch | _Run | _Ask | _Think
_SHAPES: dict[str, type[_Arguments]] = {
    "read_file": _Read,
    "list_files": _List,
    "search": _Search,
    "apply_patch": _Patch,
    "run_command": _Run,
    "ask_person": _Ask,
    THINK: _Think,
}


async def call(environment: Environment, call: ToolCall) -> ToolResult:
    """Carry out a complete call. Whatever is wrong with it is a result with ok=False."""
    if call.name not in environment.abilities or call.name not in TOOLS:
        known = ", ".join(tool.name for tool in offered(environment.abilities)) or "none"
        return ToolResult(f"There is no tool {call.name!r} here. Tools: {known}.", ok=False)
    if call.name == EDITING:
        patch = PatchCall(environment, call.id)
        return await patch.finish(call.arguments)
    try:
        if call.name in OWN and isinstance(environment, Equipped):
            return clipped(await environment.use(call))
        given = msgspec.json.decode(call.arguments or "{}", type=_SHAPES[call.name], strict=False)
        return clipped(await _act(environment, given))
    except msgspec.MsgspecError as error:
        return ToolResult(f"The arguments of {call.name} cannot be used: {error}.", ok=False)
    except ToolFailed as failed:
        return ToolResult(str(failed), ok=False)


async def _act(environment: Environment, given: _Arguments) -> ToolResult:
    match given:
        case _Read():
            return await _read(environment, given)
        case _List():
            paths = await environment.list(given.glob)
            return ToolResult("\n".join(paths) or "No file matches.", data={"count": len(paths)})
        case _Search():
            hits = await environment.search(given.query, regex=given.regex, glob=given.glob)
            found = "\n".join(f"{hit.path}:{hit.line}: {hit.text}" for hit in hits)
            return ToolResult(found or "Nothing found.", data={"count": len(hits)})
        case _Run():
            return _ran(await environment.run(given.command, min(max(given.seconds, 1.0), LONGEST)))
        case _Ask() if isinstance(environment, Asks):
            return ToolResult(environment.ask(given.question))
        case _Think() if isinstance(environment, Thinks):
            return await environment.think(given.question, given.paths)
        case _Patch() | _Ask() | _Think():
            raise ToolFailed("Edits are streamed.")  # call() has taken them


async def _read(environment: Environment, given: _Read) -> ToolResult:
    first = max(1, given.first)
    last = min(given.last or first + LINES - 1, first + LINES - 1)
    part = await environment.read(given.path, first, last)
    if not part.lines:
        return ToolResult(
            f"{given.path} has {part.total} lines; there is nothing at {first}.", data={"path": given.path}
        )
    shown = "\n".join(f"{number}\t{line}" for number, line in enumerate(part.lines, part.first))
    end = part.first + len(part.lines) - 1
    more = f"\n({part.total - end} more lines; read on from {end + 1})" if end < part.total else ""
    return ToolResult(shown + more, data={"path": given.path, "first": part.first, "last": end, "total": part.total})


def _ran(ran: Ran) -> ToolResult:
    how = "stopped: time limit" if ran.timed_out else f"exit code {ran.code}"
    cut = ", output cut" if ran.truncated else ""
    data = {"code": ran.code, "seconds": ran.seconds}
    return ToolResult(f"({how}, {ran.seconds:.1f} s{cut})\n{ran.output}", ok=ran.code == 0, data=data)


def clipped(result: ToolResult, limit: int = SHOWN) -> ToolResult:
    """The result with the middle of a long text left out, and saying so."""
    text = result.text
    if len(text) <= limit:
        return result
    half = limit // 2
    left = f"\n… {len(text) - 2 * half} characters left out …\n"
    return ToolResult(text[:half] + left + text[-half:], result.ok, result.data)


class PatchCall:
    """An apply_patch call whose arguments are still streaming: what arrives is applied at once.

    feed() each fragment of the raw arguments, then finish() with all of them, or abort(). The arguments are JSON, or
    the bare patch (freeform tools). A patch that turns out wrong keeps what it did before the fault; the result tells
    the model.
    """

    def __init__(self, environment: Environment, call_id: str) -> None:
        self._stream = environment.edits(call_id)
        self._field = JsonString("patch", "input")
        self._parser = V4aParser()
        self._fault = ""
        self._seen = 0
        self._bare: bool | None = None  # not told yet

    async def feed(self, fragment: str) -> None:
        self._seen += len(fragment)
        if self._bare is None and fragment.strip():
            self._bare = fragment.lstrip()[0] == "*"
        await self._take(fragment if self._bare else self._field.feed(fragment))

    async def finish(self, arguments: str) -> ToolResult:
        """`arguments` is the whole raw text; fragments not fed yet are taken from it."""
        await self.feed(arguments[self._seen :])
        if not self._bare and not self._field.started and "*** Begin Patch" in arguments:
            await self._take(arguments)  # a bare patch behind something else
        if not self._fault:
            try:
                await self._apply(self._parser.finish())
            except EditError as error:
                self._fault = str(error)
        result = await self._stream.finish()
        if self._fault:
            return ToolResult(
                "\n".join(part for part in (self._fault, result.text) if part), ok=False, data=result.data
            )
        return clipped(result)

    async def abort(self) -> None:
        await self._stream.abort()

    async def _take(self, text: str) -> None:
        if self._fault or not text:
            return
        try:
            await self._apply(self._parser.feed(text))
        except EditError as error:
            self._fault = str(error)

    async def _apply(self, ops: Iterable[Op]) -> None:
        batch = list(ops)
        if batch:
            await self._stream.feed(batch)
