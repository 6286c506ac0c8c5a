"""The sessions of a workspace as a library: its list, a search over everything said, pages of a long one, forks.

Synchronous ORM throughout. What is running now is told by the rows; who follows the host knows it sooner.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Count, Q, QuerySet, Value
from django.db.models.functions import Greatest

from agents import wire
from agents.models import Compaction, Item, Session, Turn
from ide.db import new_id
from ide.errors import Conflict, Invalid, NotFound

PAGE = 200  # items of a session, or sessions, at once
FARTHEST = 20_000  # items at once for who looks for a turn that far back
EXCERPTS = 2  # of one session
AROUND, LONGEST = 60, 220  # characters in front of a match, and of an excerpt
WORDS = 8  # of a search; more would not find more
TITLE = 120


def rows(**where: object) -> QuerySet[Session]:
    """Sessions with what `wire.session` tells of them."""
    found = Session.objects.filter(**where).select_related("created_by", "forked_from__session")
    return found.annotate(**{"turn_count": Count("turns")})  # a name mypy takes for a second field when it sees it


def get(workspace_id: str, session_id: str) -> Session:
    row = rows(workspace_id=workspace_id, pk=session_id).first()
    if row is None:
        raise NotFound("There is no such session in this workspace.", "Choose another one, or start a new one.")
    return row


# --- one session ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Page:
    """Items in order, the turns from the first of them on, and whether there is anything before."""

    turns: Sequence[Turn]
    items: Sequence[Item]
    more: bool


def page(session_id: str, before: str | None = None, but: str = "", most: int = PAGE) -> Page:
    """The newest items, or the newest before the item of that name; those of the turn `but` are left out."""
    items = Item.objects.filter(turn__session_id=session_id).exclude(turn_id=but).select_related("author")
    turns = Turn.objects.filter(session_id=session_id).select_related("owner", "endpoint")
    if before is not None:
        anchor = Item.objects.select_related("turn").filter(turn__session_id=session_id, pk=before).first()
        if anchor is None:
            raise NotFound("This is not in the session.", "Reload the page.")
        began = anchor.turn.started_at
        same = Q(turn__started_at=began, turn_id__lt=anchor.turn_id) | Q(turn=anchor.turn, position__lt=anchor.position)
        items = items.filter(Q(turn__started_at__lt=began) | same)
        turns = turns.filter(started_at__lte=began)
    newest = list(items.order_by("-turn__started_at", "-turn_id", "-position")[: most + 1])
    shown = newest[:most][::-1]
    more = len(newest) > most
    if more:
        turns = turns.filter(started_at__gte=Turn.objects.get(pk=shown[0].turn_id).started_at)
    return Page(list(turns.order_by("started_at", "pk")), shown, more)


def behind(session_id: str, before: str, turn_id: str) -> int:
    """How many items there may be from the beginning of that turn up to the item of that name, at most FARTHEST."""
    known = Turn.objects.filter(session_id=session_id, pk=turn_id).first()
    if known is None:
        raise NotFound("This turn is not in the session.", "Reload the page.")
    between = Item.objects.filter(turn__session_id=session_id, turn__started_at__gte=known.started_at)
    last = Item.objects.select_related("turn").filter(pk=before).first()
    if last is not None:  # else it is not saved yet
        between = between.filter(turn__started_at__lte=last.turn.started_at)
    return min(FARTHEST, between.count())


def titled(title: str) -> str:
    """A title as it may be given. Raises Invalid."""
    title = " ".join(title.split())
    if not title:
        raise Invalid("A session needs a title.", "Type a few words.")
    if len(title) > TITLE:
        raise Invalid("The title is too long.", f"Use at most {TITLE} characters.")
    return title


def change(session_id: str, **fields: object) -> None:
    Session.objects.filter(pk=session_id).update(**fields)


def keep_number(session_id: str, seq: int) -> None:
    """The newest event's number is at least this; a turn that has reserved more keeps what it has."""
    Session.objects.filter(pk=session_id).update(seq=Greatest("seq", Value(seq)))


@transaction.atomic
def fork(workspace_id: str, session_id: str, turn_id: str, user_id: int) -> str:
    """A new session with everything up to the end of that turn; its id. Edits stay the first session's to take back."""
    source = get(workspace_id, session_id)
    last = source.turns.filter(pk=turn_id).first()
    if last is None:
        raise NotFound("There is no such turn in this session.")
    if last.state == Turn.State.RUNNING:
        raise Conflict("This turn is still running.", "Fork from it when it has ended, or from an earlier one.")
    made = Session.objects.create(
        workspace_id=workspace_id, title=source.title, forked_from=last, created_by_id=user_id, pins=source.pins
    )
    kept = Q(started_at__lt=last.started_at) | Q(started_at=last.started_at, pk__lte=last.pk)
    names = _copy_turns(source.turns.filter(kept), made)
    _copy_items(names)
    for compaction in Compaction.objects.filter(until_id__in=names, undone_at=None):
        compaction.pk, compaction.session, compaction.until_id = new_id(), made, names[compaction.until_id]
        compaction._state.adding = True
        compaction.save(force_insert=True)
    return made.pk


def _copy_turns(found: QuerySet[Turn], made: Session) -> dict[str, str]:
    """Copies of these turns; old name → new name. They say when they were, not when they were copied."""
    copies, times, names = [], [], {}
    for turn in found.order_by("started_at", "pk"):
        names[turn.pk] = turn.pk = new_id()
        turn.session = made
        copies.append(turn)
        times.append(turn.started_at)
    Turn.objects.bulk_create(copies, batch_size=PAGE)
    for copy, at in zip(copies, times, strict=True):
        copy.started_at = at
    Turn.objects.bulk_update(copies, ["started_at"], batch_size=PAGE)
    return names


def _copy_items(names: Mapping[str, str]) -> None:
    copies = []
    for item in Item.objects.filter(turn_id__in=names).order_by("created_at", "position"):
        item.pk, item.turn_id = new_id(), names[item.turn_id]
        if item.kind in (Item.Kind.EDIT, Item.Kind.TOOL):
            item.data = {key: value for key, value in item.data.items() if key != "proposal"} | {"copied": True}
        copies.append(item)
    Item.objects.bulk_create(copies, batch_size=PAGE)


# --- the list and the search ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Wanted:
    """`archived`: only those, only the others, or None: without a query the others, with one all. `before`: the id of
    the last session seen."""

    workspace_id: str
    query: str = ""
    archived: bool | None = None
    before: str = ""


def listed(wanted: Wanted) -> wire.Json:
    """Sessions, the latest active first; for a query those with every word in their title or in one thing said."""
    words = wanted.query.split()[:WORDS]
    found = rows(workspace_id=wanted.workspace_id)
    if wanted.archived is not None or not words:
        found = found.filter(archived=bool(wanted.archived))
    if words:
        said = _said(words).filter(turn__session__workspace_id=wanted.workspace_id)
        found = found.filter(_all("title", words) | Q(pk__in=said.values("turn__session_id")))
    if wanted.before:
        found = found.filter(_after(get(wanted.workspace_id, wanted.before)))
    shown = list(found.order_by("-active_at", "pk")[: PAGE + 1])
    more = len(shown) > PAGE
    shown = shown[:PAGE]
    running = Turn.objects.filter(session__in=[row.pk for row in shown], state=Turn.State.RUNNING)
    now = {turn.session_id: turn for turn in running.select_related("owner")}
    hits = [{"session": wire.session(row, now.get(row.pk)), "excerpts": _excerpts(row.pk, words)} for row in shown]
    return {"sessions": hits, "more": more}


def _after(last: Session) -> Q:
    at: datetime = last.active_at
    return Q(active_at__lt=at) | Q(active_at=at, pk__gt=last.pk)


def _all(field: str, words: Sequence[str]) -> Q:
    """Every word is in the field, whatever its case. SQLite folds ASCII only; Python's expressions fold the rest."""
    wanted = Q()
    for word in words:
        wanted &= Q(**({f"{field}__icontains": word} if word.isascii() else {f"{field}__iregex": re.escape(word)}))
    return wanted


def _said(words: Sequence[str]) -> QuerySet[Item]:
    kinds = (Item.Kind.PERSON, Item.Kind.MODEL, Item.Kind.NOTE)
    return Item.objects.filter(_all("data__text", words), kind__in=kinds)


def _excerpts(session_id: str, words: Sequence[str]) -> list[wire.Json]:
    if not words:
        return []
    found = _said(words).filter(turn__session_id=session_id).select_related("author").order_by("-created_at")
    return [
        {
            "turn": item.turn_id,
            "item": item.pk,
            "kind": item.kind,
            "who": wire.person(item.author),
            "at": wire.time(item.created_at),
            "pieces": pieces(str(item.data["text"]), words),
        }
        for item in found[:EXCERPTS]
    ]


def pieces(text: str, words: Sequence[str]) -> list[wire.Json]:
    """A line around the first word found, cut into pieces: those that are `hit`, and what is between them."""
    text = " ".join(text.split())
    pattern = re.compile("|".join(re.escape(word) for word in sorted(words, key=len, reverse=True)), re.IGNORECASE)
    first = pattern.search(text)
    start = max(0, first.start() - AROUND) if first else 0
    if start:
        start = text.find(" ", start, start + AROUND) + 1 or start
    shown = text[start : start + LONGEST]
    ends = ("… " if start else "", " …" if start + LONGEST < len(text) else "")
    out: list[wire.Json] = [{"text": ends[0], "hit": False}]
    at = 0
    for match in pattern.finditer(shown):
        out += [{"text": shown[at : match.start()], "hit": False}, {"text": match[0], "hit": True}]
        at = match.end()
    out.append({"text": shown[at:] + ends[1], "hit": False})
    return [piece for piece in out if piece["text"]]
