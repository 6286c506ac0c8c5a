"""What a message mentions, looked up: files and selections as they are now, everything else as labelled text.

Nothing here reaches beyond the host's workspace: rows are asked for by its id, files through its own doors. What is not
there any more is told in a sentence (`Found.missing`), and every text that is cut says where and by how much.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from agents.context import symbols
from agents.engine import context
from agents.engine.context import OpenFile
from agents.engine.messages import Image
from agents.models import Item, Job, Turn
from ide.db import in_db
from ide.documents.text import lines
from ide.errors import NotFound, Refused
from ide.live.host import WorkspaceHost
from ide.workspaces import git
from ide.workspaces.files import Entry, decode

PASSAGE = 4_000  # tokens of one passage at most
LISTED = 400  # entries of a folder that are named
SMALL = 8_192  # bytes of a file whose head is shown with its folder
HEAD = 30  # lines of it
COMMANDS = 3  # newest commands that are shown
COMMAND = 1_000  # tokens of one command's output
SAID = 300  # characters of a tool's input or an answer's line in an earlier turn
KEPT_HEAD = 0.6  # of what fits is the beginning, the rest the end

Mention = Mapping[str, object]


@dataclass(frozen=True)
class Passage:
    """Text with what it is and where it stands; `path` names the language it is written in, where it has one."""

    label: str
    text: str
    path: str = ""

    def told(self, tokens: int) -> str:
        """As the model reads it, cut to so many tokens."""
        text = cut(self.text.rstrip("\n"), tokens)
        fence = "```"
        while fence in text:
            fence += "`"
        return f"{self.label}:\n{fence}{context.language(self.path)}\n{text}\n{fence}"


@dataclass
class Found:
    files: list[OpenFile] = field(default_factory=list)
    texts: list[Passage] = field(default_factory=list)
    pictures: list[Image] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    def told(self, tokens: int) -> list[str]:
        """The passages as the model reads them, together about so many tokens: what is short leaves room to others."""
        out: dict[int, str] = {}
        room = tokens
        by_size = sorted(range(len(self.texts)), key=lambda n: len(self.texts[n].text))
        for left, n in zip(range(len(by_size), 0, -1), by_size, strict=True):
            out[n] = self.texts[n].told(min(PASSAGE, room // left))
            room -= context.count(out[n])
        return [out[n] for n in sorted(out)]


async def looked_up(host: WorkspaceHost, mentions: Sequence[Mention]) -> Found:
    """Everything that is mentioned, in its order; each thing once."""
    found = Found()
    seen: list[Mention] = []
    for mention in mentions:
        if mention in seen:
            continue
        seen.append(mention)
        try:
            await LOOK[str(mention.get("kind", "file"))](host, mention, found)
        except Refused as error:
            found.missing.append(f"{named(mention)}: {error}")
    return found


def named(mention: Mention) -> str:
    """A mention in a few words, for a sentence about it."""
    kind, name = str(mention.get("kind", "file")), str(mention.get("name") or "")
    return str(mention.get("path") or "") or (f"{kind} “{name}”" if name else kind)


def cut(text: str, tokens: int) -> str:
    """The text in at most about so many tokens: whole lines of its beginning and of its end, and what is left out."""
    if context.count(text) <= tokens:
        return text
    rows = lines(text)
    head = _fitting(rows, int(tokens * KEPT_HEAD))
    tail = _fitting(rows[head:][::-1], tokens - int(tokens * KEPT_HEAD))
    out = len(rows) - head - tail
    if head + tail == 0:  # one line that is too long by itself
        return f"{text[: tokens * 2]}\n… ({len(text) - tokens * 2:,} characters left out)"
    return "".join([*rows[:head], f"… ({out:,} lines left out) …\n", *rows[len(rows) - tail :]])


def _fitting(rows: Sequence[str], tokens: int) -> int:
    """How many of the first lines fit."""
    room = tokens * 4
    for n, row in enumerate(rows):
        room -= len(row.encode(errors="replace"))
        if room < 0:
            return n
    return len(rows)


# --- files and what is in them ----------------------------------------------------------------------------------------


async def _file(host: WorkspaceHost, mention: Mention, found: Found) -> None:
    room = await host.open_path(str(mention.get("path", "")))
    found.files.append(OpenFile(room.path, room.text()))


async def _selection(host: WorkspaceHost, mention: Mention, found: Found) -> None:
    room = await host.open_path(str(mention.get("path", "")))
    start, end = room.index_of(str(mention.get("from") or "")), room.index_of(str(mention.get("to") or ""))
    first, last = sorted((start or 0, end or 0)) if start is not None and end is not None else (0, 0)
    if first == last and mention.get("from"):
        found.missing.append(f"{room.path}: the selected text was deleted, so the whole file is given.")
    found.files.append(OpenFile(room.path, room.text(), first, last))


async def _folder(host: WorkspaceHost, mention: Mention, found: Found) -> None:
    path = str(mention.get("path", "")).strip("/")
    if path and not await in_db(host.files.is_folder, path):
        raise NotFound("There is no such folder any more.")
    entries, _ = await in_db(host.files.tree)
    inside = [entry for entry in entries if not path or entry.path.startswith(f"{path}/")]
    files = [entry for entry in inside if entry.kind == "file"]
    size = sum(entry.size for entry in files)
    label = f"Folder {path or '(the whole workspace)'}, {_many(len(files), 'file')}, {size:,} bytes"
    found.texts.append(Passage(label, _listing(inside)))
    room = PASSAGE - context.count(found.texts[-1].text)
    for entry in files:
        head = await _head(host, entry)
        room -= context.count(head.text) if head else 0
        if room < 0:
            return
        if head:
            found.texts.append(head)


def _listing(entries: Sequence[Entry]) -> str:
    shown = [_row(entry) for entry in entries[:LISTED]]
    more = len(entries) - len(shown)
    return "\n".join([*shown, *([f"… ({more:,} more left out)"] if more else [])]) or "(empty)"


def _row(entry: Entry) -> str:
    if entry.kind == "folder":
        return f"{entry.path}/"
    return f"{entry.path}  {entry.size:,} bytes{f' ({entry.problem})' if entry.problem else ''}"


async def _head(host: WorkspaceHost, entry: Entry) -> Passage | None:
    """The first lines of a small text file: as it is typed where it is open, else as it is on disk."""
    if entry.problem or entry.size > SMALL:
        return None
    text = await _text(host, entry.path)
    rows = lines(text or "")
    if not rows:
        return None
    last = min(HEAD, len(rows))
    return Passage(f"{entry.path}, lines 1 to {last} of {len(rows)}", "".join(rows[:HEAD]), entry.path)


async def _text(host: WorkspaceHost, path: str) -> str | None:
    open_now = next((room for room in host.rooms_open() if room.path == path), None)
    if open_now is not None:
        return open_now.text()
    try:
        data, _ = await in_db(host.files.read_bytes, path)
        return decode(data).text
    except (Refused, OSError):
        return None


async def _symbol(host: WorkspaceHost, mention: Mention, found: Found) -> None:
    """The lines of a definition as they are now, wherever in its file it has moved to."""
    name, path, line = str(mention.get("name", "")), str(mention.get("path", "")), mention.get("line")
    known = [one for one in await symbols.symbols(host, name, path) if one.name == name and one.path == path]
    if not known:
        raise NotFound(f"“{name}” is not defined there any more.")
    one = min(known, key=lambda one: abs(one.line - line) if isinstance(line, int) else 0)
    rows = lines(await _text(host, path) or "")
    label = f"{one.kind} {name} in {path}, lines {one.line} to {one.end}"
    found.texts.append(Passage(label, "".join(rows[one.line - 1 : one.end]), path))


async def _problems(host: WorkspaceHost, mention: Mention, found: Found) -> None:
    """Where open files are not of their language's syntax. Language servers would know more; there are none yet."""
    known = await problems(host)
    for path, rows, broken in known:
        told = [f"line {one.line}: {one.text}\n    {rows[one.line - 1].rstrip()}" for one in broken]
        found.texts.append(Passage(f"Syntax errors in {path}", "\n".join(told)))
    if not known:
        found.missing.append("Problems: no open file has a syntax error.")


async def problems(host: WorkspaceHost) -> list[tuple[str, list[str], list[symbols.Problem]]]:
    """Path, lines and syntax errors of the open files that have some."""
    typed = [(room.path, room.text()) for room in host.rooms_open()]
    looked = await symbols.in_thread(lambda _: [symbols.problems(path, text) for path, text in typed])
    both = zip(typed, looked, strict=True)
    return [(path, [*lines(text), ""], broken) for (path, text), broken in both if broken]


# --- what changed, what ran -------------------------------------------------------------------------------------------


async def _diff(host: WorkspaceHost, mention: Mention, found: Found) -> None:
    """What is not committed, what people have just typed among it; new files by their first lines."""
    await host.flush()
    changed = await git.status(host.root)
    known = await git.diff_work(host.root)
    if known:
        found.texts.append(Passage("Changes that are not committed", known, "changes.diff"))
    new = [path for path, letter in changed if letter in "?A" and f"b/{path}\n" not in known]
    for path in new[:LISTED]:
        rows = lines(await _text(host, path) or "")
        last = min(HEAD, len(rows))
        label = f"New file {path}, lines 1 to {last} of {len(rows)}" if rows else f"New file {path}"
        found.texts.append(Passage(label, "".join(rows[:HEAD]), path))
    if not changed:
        found.missing.append("Changes: everything is committed.")


async def _terminal(host: WorkspaceHost, mention: Mention, found: Found) -> None:
    """There are no terminals yet: what turns ran here, the newest last."""
    items = await in_db(commands, host.workspace_id, str(mention.get("id") or ""))
    for item in items:
        data = item.data
        ok = {True: "succeeded", False: "failed"}.get(data.get("ok"), "did not end")
        label = f"Command of a turn, {ok} after {data.get('seconds', 0)} s"
        text = f"$ {data.get('input', '')}\n{data.get('output', '')}"
        found.texts.append(Passage(label, cut(text, COMMAND)))
    if not items:
        found.missing.append("Last commands: no turn has run any here.")


def commands(workspace_id: str, item_id: str = "") -> list[Item]:
    """The newest commands that turns ran in a workspace, oldest first; or that one. Synchronous ORM."""
    rows = Item.objects.filter(kind=Item.Kind.TOOL, turn__session__workspace_id=workspace_id)
    rows = rows.filter(pk=item_id) if item_id else rows.filter(data__name="run_command")
    return list(rows.order_by("-created_at")[:COMMANDS])[::-1]


# --- jobs and earlier turns -------------------------------------------------------------------------------------------


async def _job(host: WorkspaceHost, mention: Mention, found: Found) -> None:
    job = await in_db(Job.objects.filter(workspace_id=host.workspace_id, pk=str(mention.get("id") or "")).first)
    if job is None:
        raise NotFound("There is no such job in this workspace.")
    told = [f"Asked: {job.instruction}", f"State: {job.state}{f', {job.phase}' if job.phase else ''}"]
    told += [f"Failed because: {job.error}"] if job.error else []
    if job.result:
        told.append("Result: {files} files, +{added} −{removed} lines".format(**_SIZES | job.result))
    if job.base and job.head:
        told += [f"{letter} {path}" for letter, path in (await git.diff_files(host.root, job.base, job.head))[:LISTED]]
    found.texts.append(Passage(f"Job {job.pk}", "\n".join(told)))


_SIZES = {"files": 0, "added": 0, "removed": 0}


async def _turn(host: WorkspaceHost, mention: Mention, found: Found) -> None:
    turn = await in_db(_turn_row, host.workspace_id, str(mention.get("id") or ""))
    if turn is None:
        raise NotFound("There is no such turn in this workspace.")
    items = await in_db(lambda: list(turn.items.select_related("author").order_by("position")))
    who = turn.owner.shown_name if turn.owner else "somebody"
    label = f"Earlier turn of {who} in “{turn.session}”, {turn.state}"
    found.texts.append(Passage(label, "\n".join(filter(None, map(_said, items)))))


def _turn_row(workspace_id: str, turn_id: str) -> Turn | None:
    rows = Turn.objects.filter(session__workspace_id=workspace_id, pk=turn_id)
    return rows.select_related("owner", "session").first()


def _said(item: Item) -> str:
    data = item.data
    text = str(data.get("text", ""))
    match item.kind:
        case Item.Kind.PERSON:
            return f"{item.author.shown_name if item.author else 'Somebody'}: {text}"
        case Item.Kind.MODEL:
            return f"Model: {text}"
        case Item.Kind.TOOL:
            ended = "" if data.get("ok") else " (failed)"
            return f"[{data.get('name')} {str(data.get('input', ''))[:SAID]}{ended}]"
        case Item.Kind.EDIT:
            return f"[edited {data.get('path')}: +{data.get('added')} −{data.get('removed')} lines]"
    return f"[{text}]"


def _many(n: int, one: str) -> str:
    return f"{n:,} {one}" if n == 1 else f"{n:,} {one}s"


Look = Callable[[WorkspaceHost, Mention, Found], Awaitable[None]]
LOOK: dict[str, Look] = {
    "file": _file,
    "selection": _selection,
    "folder": _folder,
    "symbol": _symbol,
    "problems": _problems,
    "diff": _diff,
    "terminal": _terminal,
    "job": _job,
    "turn": _turn,
}
