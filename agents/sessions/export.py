"""A session to take along: markdown to read, JSON to go on with. Synchronous ORM; what is saved is in it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from agents import wire
from agents.models import Item, Session, Turn

FORMAT = "tandem-session-1"


def as_json(session: Session) -> wire.Json:
    """`turns` in order, each with its `items`."""
    told = [{**wire.turn(turn), "items": [wire.item(item) for item in items]} for turn, items in _turns(session)]
    return {"format": FORMAT, "session": wire.session(session, None), "turns": told}


def as_markdown(session: Session) -> str:
    parts = [f"# {session.title or 'Session'}"]
    if session.forked_from is not None:
        parts.append(f"Forked from “{session.forked_from.session.title}”.")
    for turn, items in _turns(session):
        parts += [text for item in items if (text := _told(turn, item))]
        if turn.state == Turn.State.FAILED and all(item.kind != Item.Kind.NOTE for item in items):
            parts.append(f"> {turn.error}")
    return "\n\n".join(parts) + "\n"


def filename(session: Session, ending: str) -> str:
    """A plain name for the download: letters, digits and hyphens of the title."""
    name = re.sub(r"[^a-z0-9]+", "-", session.title.lower()).strip("-")[:60].strip("-")
    return f"{name or 'session'}.{ending}"


def _turns(session: Session) -> Iterator[tuple[Turn, list[Item]]]:
    turns = Turn.objects.filter(session=session).select_related("owner", "endpoint").order_by("started_at", "pk")
    items: dict[str, list[Item]] = {}
    for item in Item.objects.filter(turn__session=session).select_related("author").order_by("position"):
        items.setdefault(item.turn_id, []).append(item)
    for turn in turns:
        yield turn, items.get(turn.pk, [])


def _told(turn: Turn, item: Item) -> str:
    data = item.data
    at = f"{item.created_at:%Y-%m-%d %H:%M} UTC"
    match item.kind:
        case Item.Kind.PERSON:
            who = item.author.shown_name if item.author else "Somebody"
            return f"## {who} · {'steers · ' if data.get('steer') else ''}{at}\n\n{data.get('text', '')}"
        case Item.Kind.MODEL:
            name = turn.endpoint.name if turn.endpoint else "Model"
            return f"## {name} · {at}\n\n{data.get('text', '')}"
        case Item.Kind.TOOL:
            ending = "" if data.get("ok") else " · failed"
            output = str(data.get("output", ""))
            said = (
                f"**{data.get('name')}**{ending} · {data.get('seconds', 0)} s\n\n{_fenced(str(data.get('input', '')))}"
            )
            return f"{said}\n\n{_fenced(output)}" if output else said
        case Item.Kind.EDIT:
            return f"**Edited** `{data.get('path')}` · +{data.get('added')} −{data.get('removed')} lines"
    return "\n".join(f"> {line}" for line in str(data.get("text", "")).splitlines())


def _fenced(text: str) -> str:
    """As a code block; its fence is longer than any in the text."""
    longest = max((len(run) for run in re.findall(r"`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}\n{text}\n{fence}"
