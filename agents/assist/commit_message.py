"""commit.write of the main socket: a commit message from the chosen changes, streamed to the tab that asked.

The model is sent the difference, bounded, and the last messages of the repository; of files that usually hold secrets
only their names.
"""

from __future__ import annotations

import asyncio
import difflib
import re
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import cast
from weakref import WeakKeyDictionary

import msgspec
from django.db.models import Q

from agents import wire
from agents.assist import ghost
from agents.endpoints import choice as endpoints
from agents.endpoints.measure import Measured, Purpose
from agents.engine.context import prompt
from agents.engine.messages import Message, Request, TextDelta
from agents.live import of
from agents.models import Endpoint, RoleEndpoint
from agents.ops import read
from agents.providers.protocol import ProviderError
from ide.accounts.permissions import Action
from ide.db import in_db
from ide.errors import Conflict, Refused, Unavailable
from ide.live import ops
from ide.live.host import WorkspaceHost
from ide.live.ops import Params, Participant
from ide.workspaces import git

MOST = 24_000  # characters of the difference that are sent; of a small window less
FILES = 60
READ = 400_000  # bytes of a file that are compared
MESSAGES = 8  # of the last commits, for their style
REPLY = 400  # tokens
_FENCE = re.compile(r"\A\s*```[\w-]*\n(?P<inner>.*?)\n?```\s*\Z", re.DOTALL)


class Write(msgspec.Struct):
    """`paths`: what is to be committed; None: all that changed. `request` names it in its events."""

    request: int
    paths: list[str] | None = None


class Stop(msgspec.Struct):
    request: int


@dataclass(frozen=True)
class Difference:
    text: str
    files: int
    cut: bool


@dataclass
class Messages:
    """An extension of the host: one message at a time for each tab."""

    host: WorkspaceHost
    _writing: WeakKeyDictionary[Participant, tuple[int, asyncio.Task[wire.Json]]] = field(
        default_factory=WeakKeyDictionary
    )

    async def write(self, participant: Participant, given: Write) -> wire.Json:
        """The whole message, when it is there. Raises Conflict when it was stopped."""
        self.stop(participant)
        task = of(self.host).beside(self._written(participant, given), "commit message")
        self._writing[participant] = given.request, task
        await asyncio.wait({task})
        if task.cancelled():
            raise Conflict("The message was stopped.", "What had come is kept.")
        return task.result()

    def stop(self, participant: Participant, request: int | None = None) -> None:
        running = self._writing.get(participant)
        if running is not None and request in (None, running[0]):
            running[1].cancel()

    async def _written(self, participant: Participant, given: Write) -> wire.Json:
        able = await in_db(_writers, self.host.team_id, participant.user_id)
        await self.host.flush(given.paths or ())
        found = await difference(self.host, given.paths, min(MOST, able[0].window * 2))
        purpose = Purpose(participant.user_id, self.host.workspace_id, "commit", f"workspace:{self.host.workspace_id}")
        measured = Measured(able, purpose)
        said = (Message("system", prompt("commit")), Message("user", asked(found, await self._style())))
        request = Request(able[0].model, said, max_tokens=min(REPLY, able[0].window // 4))
        text = ""
        try:
            async with aclosing(cast(ghost.Stream, measured.stream(request))) as stream:
                async for events in stream:
                    piece = "".join(event.text for event in events if isinstance(event, TextDelta))
                    text += piece
                    if piece:
                        participant.notify({"type": "commit.message", "request": given.request, "text": piece})
        except ProviderError as error:
            raise Unavailable(error.what, error.do) from error
        return {"text": cleaned(text), "files": found.files, "cut": found.cut}

    async def _style(self) -> list[str]:
        return await git.messages(self.host.root, MESSAGES)


async def difference(host: WorkspaceHost, paths: Sequence[str] | None, most: int) -> Difference:
    """What changed in these paths, each file with its share of the room. Raises Conflict when nothing has."""
    wanted = None if paths is None else set(paths)
    found = [one for one in await git.status(host.root) if wanted is None or one[0] in wanted]
    if not found:
        raise Conflict("Nothing has changed since the last commit.", "Choose files that have changed.")
    head, shown = await git.head(host.root), found[:FILES]
    parts = [await _part(host, head, path, status) for path, status in shown]
    cut, room = len(found) > len(shown), most
    texts: list[tuple[int, str]] = []
    for n, (path, text) in sorted(enumerate(parts), key=lambda one: len(one[1][1])):
        share = room // (len(parts) - len(texts))
        cut = cut or len(text) > share
        room -= min(share, len(text))
        texts.append((n, f"--- {path}\n{_whole_lines(text, share)}"))
    if len(found) > len(shown):
        texts.append((FILES, f"and {len(found) - len(shown)} more files"))
    return Difference("\n\n".join(text for _, text in sorted(texts)), len(found), cut)


def _whole_lines(text: str, most: int) -> str:
    if len(text) <= most:
        return text
    return text[: text.rfind("\n", 0, most) + 1] + "[cut here]"


async def _part(host: WorkspaceHost, head: str, path: str, status: str) -> tuple[str, str]:
    if ghost.sensitive(path):
        return path, "(changed; its content is not shown)"
    try:
        before = await git.show(host.root, head, path) if head and status in "MD" else b""
        after = b"" if status == "D" else (await asyncio.to_thread(host.files.read_bytes, path, READ))[0]
    except (Refused, OSError):
        return path, "(changed; it is no text, or too large)"
    return path, await asyncio.to_thread(compared, before or b"", after, status)


def compared(before: bytes, after: bytes, status: str) -> str:
    """The changed lines of a file with a little around them, its fate in front."""
    if len(before) > READ or b"\0" in before or b"\0" in after:
        return "(changed; it is no text, or too large)"
    old, new = (data.decode(errors="replace").splitlines() for data in (before, after))
    lines = list(difflib.unified_diff(old, new, lineterm="", n=2))[2:]
    fate = {"A": "(new file)\n", "?": "(new file)\n", "D": "(deleted)\n"}.get(status, "")
    return fate + "\n".join(lines)


def asked(found: Difference, style: Sequence[str]) -> str:
    last = "\n".join(f"- {message.splitlines()[0]}" for message in style if message.strip())
    about = f"The last messages of this repository:\n{last}\n\n" if last else ""
    return f"{about}The diff ({found.files} files):\n\n{found.text}\n\nWrite the commit message."


def cleaned(text: str) -> str:
    """The message without what models put around it."""
    fenced = _FENCE.match(text)
    text = (fenced["inner"] if fenced else text).strip()
    text = re.sub(r"\A(?:commit message|message)\s*:\s*", "", text, flags=re.IGNORECASE)
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'`" and text.count(text[0]) == 2:
        text = text[1:-1]
    return text.strip()


def _writers(team_id: str, user_id: int) -> list[Endpoint]:
    """What has the role of reviews, else that of turns. Raises Unavailable."""
    reviews = RoleEndpoint.objects.filter(Q(team=None) | Q(team=team_id), role=RoleEndpoint.Role.REVIEW)
    role = RoleEndpoint.Role.REVIEW if reviews.exists() else RoleEndpoint.Role.TURN
    return endpoints.candidates(None, endpoints.Wanted(role, team_id, user_id))


def _messages(host: WorkspaceHost) -> Messages:
    found = host.extensions.setdefault(Messages, Messages(host))
    assert isinstance(found, Messages)  # noqa: S101 (a key gives its own kind)
    return found


async def commit_write(host: WorkspaceHost, participant: Participant, params: Params) -> wire.Json:
    return await _messages(host).write(participant, read(Write, params))


async def commit_stop(host: WorkspaceHost, participant: Participant, params: Params) -> wire.Json:
    _messages(host).stop(participant, read(Stop, params).request)
    return {}


def register() -> None:
    ops.register("commit.write", Action.TURN, commit_write)
    ops.register("commit.stop", Action.TURN, commit_stop)
