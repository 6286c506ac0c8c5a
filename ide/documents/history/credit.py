"""Credit: who wrote what is committed, as trailers of the message and as a git note. Synchronous ORM.

The note is JSON, under `refs/notes/authorship`, about the lines the commit brings (older lines have the notes of older
commits, so `git blame` and the notes together tell every line):

    {"version": 1,
     "authors": {"person:3": {"kind": "person", "name": "Ada"},
                 "turn:k2…": {"kind": "turn", "name": "gpt-x", "asked_by": "Ada"}},
     "files": {"src/a.py": [[1, 12, "turn:k2…"], [13, 13, "person:3"]]}}

A range is [first line, last line, origin], lines from 1; the origin is who wrote most of what is new in the line.
Prompts stay here.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import cast

from ide.accounts.models import User
from ide.documents.history import authorship
from ide.documents.history.authors import Author, describe
from ide.documents.models import Document
from ide.documents.text import Edit, lines, minimal_edits
from ide.documents.yjs.items import units
from ide.workspaces.commits import Changed, Credit, identity

Span = tuple[int, int]  # code points [from, to)
_UNKNOWN = "unknown"


def credit(workspace_id: str, committer: User, files: Sequence[Changed]) -> Credit:
    """Who else is to be named, and the note. Files that are no text, or are deleted, have no lines."""
    written: Counter[str] = Counter()
    ranges: dict[str, list[tuple[int, int, str]]] = {}
    for file in files:
        if file.after is None:
            continue
        by = writers(workspace_id, file.path, file.after)
        spans = brought(file.before or "", file.after)
        written.update(by[n] for a, b in spans for n in range(a, b) if not file.after[n].isspace())
        ranges[file.path] = line_ranges(file.after, by, spans)
    told = describe({*written, *(origin for found in ranges.values() for _, _, origin in found)})
    note = _note(told, {path: found for path, found in ranges.items() if found})
    return Credit(_trailers(committer, [told[origin] for origin, _ in written.most_common()]), note)


def writers(workspace_id: str, path: str, text: str) -> list[str]:
    """The origin of each code point of a text that is, but for what was typed meanwhile, the document's."""
    row = Document.objects.filter(workspace_id=workspace_id, path=path).first()
    if row is None:
        return [""] * len(text)
    known = authorship.known(row.pk)
    by = [origin for length, origin in _in_points(known.text, known.runs) for _ in range(length)]
    out: list[str] = []
    at = 0
    for edit in minimal_edits(known.text, text):
        out += [*by[at : edit.start], *[""] * len(edit.text)]
        at = edit.end
    return [*out, *by[at:]]


def _in_points(text: str, runs: Iterable[tuple[int, str]]) -> list[tuple[int, str]]:
    """Runs in UTF-16 units as runs in code points."""
    if text.isascii():
        return list(runs)
    data, at, out = units(text.encode("utf-16-le", "surrogatepass")), 0, []
    for length, origin in runs:
        low = sum("\udc00" <= unit <= "\udfff" for unit in data[at : at + length])
        out.append((length - low, origin))
        at += length
    return out


def brought(before: str, after: str) -> list[Span]:
    """What of `after` is new."""
    edits: list[Edit] = minimal_edits(before, after)
    out, shift = [], 0
    for edit in edits:
        start = edit.start + shift
        if edit.text:
            out.append((start, start + len(edit.text)))
        shift += len(edit.text) - (edit.end - edit.start)
    return out


def line_ranges(text: str, by: Sequence[str], spans: Sequence[Span]) -> list[tuple[int, int, str]]:
    """(first line, last line, origin) of the lines with something new in them, neighbours of one origin as one."""
    ends = list(accumulate(map(len, lines(text))))
    new: dict[int, Counter[str]] = {}
    for start, end in spans:
        for n in range(start, end):
            weight = 0 if text[n].isspace() else 1  # what is blank counts where nothing else is new
            new.setdefault(bisect_right(ends, n), Counter())[by[n]] += weight
    out: list[tuple[int, int, str]] = []
    for line, count in sorted(new.items()):
        origin = count.most_common(1)[0][0]
        if out and out[-1][1] == line and out[-1][2] == origin:
            out[-1] = (out[-1][0], line + 1, origin)
        else:
            out.append((line + 1, line + 1, origin))
    return out


def _trailers(committer: User, authors: Sequence[Author]) -> list[str]:
    """One line for each other person and each model, those who wrote most first."""
    persons = User.objects.in_bulk([cast(int, a.person["id"]) for a in authors if a.kind == "person" and a.person])
    out: dict[str, None] = {}
    for author in authors:
        if author.kind == "person" and author.person:
            user = persons[cast(int, author.person["id"])]
            if user.pk != committer.pk:
                who = identity(user)
                out[_trailer(who.name, who.email)] = None
        elif author.kind in ("turn", "job") and author.model:
            out[_trailer(author.model, f"{_slug(author.model)}@models.tandem.invalid")] = None
    return list(out)


def named(committer: User, origins: Iterable[str]) -> list[str]:
    """The lines for these origins."""
    return _trailers(committer, list(describe(set(origins)).values()))


def _trailer(name: str, email: str) -> str:
    clean, address = (re.sub(r"[<>\x00-\x1f\x7f]", "", part).strip() or _UNKNOWN for part in (name, email))
    return f"Co-authored-by: {clean} <{address}>"


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip("-.") or "model"


def _note(told: dict[str, Author], files: dict[str, list[tuple[int, int, str]]]) -> str:
    """One line for each author and file, so that a person can read it too."""
    if not files:
        return ""
    used = {origin for found in files.values() for _, _, origin in found}
    names = {origin or _UNKNOWN: _who(told[origin]) for origin in sorted(used)}
    places = {path: [[a, b, origin or _UNKNOWN] for a, b, origin in found] for path, found in files.items()}
    return f'{{"version": 1,\n "authors": {_object(names)},\n "files": {_object(places)}}}\n'


def _who(author: Author) -> dict[str, str]:
    asked = author.person["name"] if author.person and author.kind != "person" else None
    return {"kind": author.kind, "name": author.label, **({"asked_by": str(asked)} if asked else {})}


def _object(members: dict[str, object] | dict[str, dict[str, str]] | dict[str, list[list[object]]]) -> str:
    rows = [f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in members.items()]
    return "{\n  " + ",\n  ".join(rows) + "}"
