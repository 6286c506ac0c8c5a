"""Tools of a job act on its worktree: files on disk, commands confined to that folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from agents.engine.edits.apply import LiveApplier
from agents.engine.edits.target import PlainTarget
from agents.engine.tools import EditStream, Hit, Ran, Slice, ToolFailed
from agents.environments.ground import MOST_HITS, MOST_PATHS, OUTPUT, exists, matches, run_confined
from agents.environments.patch import PatchEdits
from ide.db import in_db
from ide.documents.text import lines
from ide.errors import Refused
from ide.runner import client as runner
from ide.workspaces.files import Decoded, Files, encode
from ide.workspaces.search import search

Watch = Callable[[str, Callable[[], str] | None], None]


@dataclass(frozen=True)
class Ready:
    """What commands in a worktree are given: variables, hosts, and who is told what they reach. A new command of a
    job ends what its earlier one left."""

    job: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    egress: tuple[str, ...] = ()
    internal: tuple[str, ...] = ()
    on_egress: Callable[[runner.Egress], None] | None = None

    def policy(self, root: Path, extra: tuple[Path, ...], *, seconds: float, output_bytes: int) -> runner.Policy:
        return runner.Policy(
            root,
            extra_ro=extra,
            egress=self.egress,
            internal=self.internal,
            job=self.job,
            seconds=seconds,
            output_bytes=output_bytes,
        )


@dataclass
class WorktreeEnvironment:
    """`root` is the worktree; `extra` are folders a confined command may read too (the `.git` it borrows from)."""

    root: Path
    sandbox: bool
    extra: tuple[Path, ...] = ()
    ready: Ready = Ready()
    asked: str = ""  # what it waits for, once it has put a question to people
    watch: Watch | None = None  # told of every text that is being written; None: the file is gone
    _open: dict[str, tuple[PlainTarget, Decoded | None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.files = Files(self.root)

    @property
    def abilities(self) -> frozenset[str]:
        tools = {"read_file", "list_files", "search", "apply_patch", "ask_person"}
        return frozenset(tools | {"run_command"} if self.sandbox else tools)

    def ask(self, question: str) -> str:
        self.asked = question.strip() or "(it asked nothing)"
        return "They have your question. End your answer now; theirs comes as the next message."

    async def read(self, path: str, first: int, last: int) -> Slice:
        shown = [line.removesuffix("\n") for line in lines((await self._read(path)).text)]
        return Slice(shown[max(0, first - 1) : last], max(1, first), len(shown))

    async def _read(self, path: str) -> Decoded:
        try:
            return await in_db(read_text, self.files, path)
        except (Refused, OSError) as error:
            raise ToolFailed(f"{path} cannot be read: {error}") from error

    async def list(self, glob: str) -> Sequence[str]:
        entries, _ = await in_db(self.files.tree)
        return [e.path for e in entries if e.kind == "file" and matches(e.path, glob)][:MOST_PATHS]

    async def search(self, query: str, *, regex: bool, glob: str) -> Sequence[Hit]:
        try:
            found = await search(self.root, query, regex=regex, case=False, glob=glob, limit=MOST_HITS)
        except Refused as error:
            raise ToolFailed(str(error)) from error
        return [Hit(hit.path, hit.line, hit.text) for hit in found.hits]

    async def run(self, command: str, seconds: float) -> Ran:
        policy = self.ready.policy(self.root, self.extra, seconds=seconds, output_bytes=OUTPUT)
        return await run_confined(command, policy, env=self.ready.env, on_egress=self.ready.on_egress)

    def edits(self, call_id: str) -> EditStream:
        return PatchEdits(self)

    # --- the place of a patch -------------------------------------------------------------------------------------

    async def open(self, path: str) -> PlainTarget:
        decoded = await self._read(path)
        target = PlainTarget(decoded.text)
        self._open[path] = (target, decoded)
        return target

    async def create(self, path: str) -> PlainTarget:
        if await in_db(exists, self.files, path):
            raise ToolFailed("This file exists already; change it with '*** Update File:'.")
        target = PlainTarget("")
        self._open[path] = (target, None)
        return target

    async def delete(self, path: str) -> None:
        await in_db(self.files.delete, path)
        self._told(path, None)

    async def move(self, path: str, to: str) -> None:
        await in_db(self.files.move, path, to)
        text = (await self._read(to)).text
        self._told(path, None)
        self._told(to, lambda: text)

    def follow(self, path: str, applier: LiveApplier) -> None:
        """Nobody else edits here."""

    async def settled(self) -> None:
        pass

    def wrote(self, path: str, applier: LiveApplier) -> None:
        """It is written when the file is complete; who watches sees it at once."""
        self._told(path, self._open[path][0].text)

    def _told(self, path: str, text: Callable[[], str] | None) -> None:
        if self.watch is not None:
            self.watch(path, text)

    async def close(self, path: str) -> None:
        target, decoded = self._open.pop(path)
        self._told(path, target.text)
        await in_db(write_text, self.files, path, target.text(), decoded)


def read_text(files: Files, path: str) -> Decoded:
    """A file of the worktree as text. Raises Refused."""
    return files.read(path).decoded


def write_text(files: Files, path: str, text: str, like: Decoded | None) -> None:
    """Write a text in the format its file had; a new one as UTF-8 with LF."""
    files.write(path, encode(text, like) if like is not None else text.encode())
