"""Compaction: the older turns of a session as a summary, so that there is room; undoable, nothing is lost.

It is made before a turn's first call once the window is full to the workspace's percentage, and by hand. The session's
own model writes the summary; where it cannot, it is made by rule. Pins and the newest turns are not part of it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import cast

from django.utils import timezone

from agents import wire
from agents.context import past, window
from agents.context.mentions import cut
from agents.context.window import Ask, Filled
from agents.endpoints.measure import Measured, Purpose
from agents.engine import context
from agents.engine.context_fit import size
from agents.engine.messages import Event, Message, Request, TextDelta
from agents.models import Compaction, Endpoint, Item, Turn
from agents.proposals import rules
from agents.providers.protocol import ProviderError
from agents.sessions import library
from agents.sessions.transcript import LiveSession
from agents.sessions.turns import LiveTurn
from ide.accounts.models import User
from ide.db import in_db
from ide.errors import Conflict, NotFound, Refused

log = logging.getLogger(__name__)

KEPT = 0.15  # of the window: the newest turns that stay as they are
LONGEST = 2048  # tokens of a summary
READ = 0.6  # of the window that the model reads to summarise
LINE = 240  # characters of what was said, in a summary by rule
SHOWN = 20_000  # tokens of either side that people are shown; of one message a tenth
WHO = {"user": "People", "assistant": "Model"}


@dataclass(frozen=True)
class Wanted:
    """A compaction to be made of a session: with which model, on whose account, and who asked for it (nobody: the
    window was full). `but`: the turn that begins."""

    endpoint: Endpoint
    user_id: int
    by: int | None = None
    but: str = ""


async def window_for(turn: LiveTurn, endpoint: Endpoint, ask: Ask) -> Filled:
    """The turn's window; older turns are summarised first if it is too full."""
    filling = window.filled(turn.host, turn.live, endpoint, ask)
    made, rule = await asyncio.gather(filling, in_db(rules.of, turn.host.workspace_id))
    percent = rule.compact_at
    if not await _is_due(turn.live, endpoint, made, percent):
        return made
    text = f"The window is full to {percent} % or more, so earlier turns are summarised first."
    await turn.items.add(Item.Kind.NOTE, {"text": text, "tone": "info"})
    wanted = Wanted(endpoint, turn.owner.pk, but=turn.row.pk)
    if await compact(turn.live, wanted) is None:
        return made
    turn.check()
    return await window.filled(turn.host, turn.live, endpoint, ask)


async def _is_due(live: LiveSession, endpoint: Endpoint, made: Filled, percent: int) -> bool:
    said = sum(tokens for kind, _, tokens, _ in made.counted if kind in ("history", "compaction"))
    full = made.tokens * 100 >= endpoint.window * percent or made.left_out
    if not full or said <= endpoint.window * KEPT:
        return False
    newest = await in_db(Compaction.objects.filter(session_id=live.row.pk).order_by("created_at").last)
    undone = newest is not None and newest.undone_at is not None
    return made.left_out or not undone  # who has undone one wants it so, as long as there is room


async def compact(live: LiveSession, wanted: Wanted) -> Compaction | None:
    """Put a summary in the place of the older turns and tell everybody; None if there is nothing to put it for."""
    found = await in_db(_older, live.row.pk, wanted)
    if found is None:
        return None
    summary = await _summary(live, wanted, found)
    row = await in_db(_save, live, wanted, found, summary)
    live.memory = None
    await _tell(live, row)
    return row


async def uncompact(live: LiveSession, compaction_id: str) -> Compaction:
    """The turns are read again as they were said. Raises NotFound, Conflict."""
    row = await in_db(_undo, live.row.pk, compaction_id)
    live.memory = None
    await _tell(live, row)
    return row


async def _tell(live: LiveSession, row: Compaction) -> None:
    live.generation += 1  # a snapshot being made is made anew
    live.emit("compaction", compaction=wire.compaction(row))
    if live.turn is None:
        await in_db(library.keep_number, live.row.pk, live.seq)


# --- what is summarised -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Older:
    """The turns a summary stands for, as the model is told them, and as items; what stays after them."""

    until: Turn
    messages: list[Message]
    items: list[Item]
    summary: str
    kept: list[Message]


def _older(session_id: str, wanted: Wanted) -> _Older | None:
    """All but the newest turns that fit into their share of the window; by hand at least one turn is taken."""
    before = past.active(session_id)
    rows = Turn.objects.filter(session_id=session_id).exclude(pk=wanted.but).order_by("started_at")
    rows = rows.filter(started_at__gt=before.until.started_at) if before is not None else rows
    turns = list(rows.prefetch_related("items"))
    per, room, stay = wanted.endpoint.bytes_per_token, wanted.endpoint.window * KEPT, len(turns)
    while stay > 1:
        room -= _size(_said(turns[stay - 1 : stay]), per)
        if room < 0:
            break
        stay -= 1
    taken = turns[:stay]
    if wanted.by is not None and len(turns) > 1:
        taken = taken if len(taken) < len(turns) else turns[:-1]
    if not taken:
        return None
    items = [item for turn in taken for item in turn.items.all()]
    kept = _said(turns[len(taken) :])
    return _Older(taken[-1], _said(taken), items, before.summary if before is not None else "", kept)


def _said(turns: Sequence[Turn]) -> list[Message]:
    return past.messages_of([item for turn in turns for item in sorted(turn.items.all(), key=lambda one: one.position)])


def _size(messages: Sequence[Message], per_token: float) -> int:
    return sum(size(message, per_token) for message in messages)


# --- the summary ------------------------------------------------------------------------------------------------------


async def _summary(live: LiveSession, wanted: Wanted, found: _Older) -> str:
    """By the model; by rule where it is too small for it, fails, or says nothing."""
    if not wanted.endpoint.builtin:
        try:
            text = await _asked(live, wanted, found)
        except (ProviderError, Refused) as error:
            log.info("session %s is summarised by rule: %s", live.row.pk, error)
            text = ""
        if text:
            return text
    return _by_rule(found, wanted.endpoint.window)


async def _asked(live: LiveSession, wanted: Wanted, found: _Older) -> str:
    window_size = wanted.endpoint.window
    told = cut(
        _text(found, window_size // 4), int(window_size * READ * wanted.endpoint.bytes_per_token / context.PER_TOKEN)
    )
    messages = (Message("system", context.prompt("compact")), Message("user", told))
    request = Request(wanted.endpoint.model, messages, max_tokens=min(LONGEST, window_size // 8))
    purpose = Purpose(wanted.user_id, live.row.workspace_id, "compact", f"session:{live.row.pk}")
    provider = Measured([wanted.endpoint], purpose)
    stream = cast(AsyncGenerator[list[Event], None], provider.stream(request))
    out: list[str] = []
    async with aclosing(stream) as answer:
        async for events in answer:
            out += [event.text for event in events if isinstance(event, TextDelta)]
    return "".join(out).strip()


def _text(found: _Older, each: int) -> str:
    """What is replaced, as people and models read it: of each message at most so many tokens."""
    said = [f"{WHO.get(message.role, '')}: {_short(message.text, each)}" for message in found.messages]
    return "\n\n".join([*([f"Summary so far: {found.summary}"] if found.summary else []), *said])


def _short(text: str, tokens: int) -> str:
    """The beginning and the end of a long text: its lines may be long, too."""
    head, tail = int(tokens * 2.4), int(tokens * 1.6)
    return (
        text
        if len(text) <= head + tail
        else f"{text[:head]}\n… ({len(text) - head - tail:,} characters)\n{text[-tail:]}"
    )


def _by_rule(found: _Older, window_size: int) -> str:
    """The beginning of what each person said and of the answer's end, and the files that were edited."""
    lines = [found.summary] if found.summary else []
    for item in found.items:
        text = " ".join(str(item.data.get("text", "")).split())
        if item.kind == Item.Kind.PERSON:
            lines.append(f"- Asked: {text[:LINE]}")
        elif item.kind == Item.Kind.MODEL and text:
            lines.append(f"  Answered: {text[-LINE:]}")
        elif item.kind == Item.Kind.EDIT:
            lines.append(
                f"  Edited {item.data.get('path')}: +{item.data.get('added')} −{item.data.get('removed')} lines"
            )
    return cut("\n".join(lines), min(LONGEST, window_size // 8))


# --- rows -------------------------------------------------------------------------------------------------------------


def _save(live: LiveSession, wanted: Wanted, found: _Older, summary: str) -> Compaction:
    per = wanted.endpoint.bytes_per_token
    kept = _size(found.kept, per)
    head = [Message("user", past.framed(found.summary))] if found.summary else []
    row = Compaction.objects.create(
        session_id=live.row.pk,
        until=found.until,
        summary=summary,
        tokens_before=_size([*head, *found.messages], per) + kept,
        tokens_after=_size([Message("user", past.framed(summary))], per) + kept,
        by=User.objects.filter(pk=wanted.by).first() if wanted.by is not None else None,
    )
    return row


def _row(session_id: str, compaction_id: str) -> Compaction:
    row = Compaction.objects.select_related("by", "until").filter(session_id=session_id, pk=compaction_id).first()
    if row is None:
        raise NotFound("There is no such summary in this session.")
    return row


def _undo(session_id: str, compaction_id: str) -> Compaction:
    row = _row(session_id, compaction_id)
    newest = past.active(session_id)
    if newest is None or newest.pk != row.pk:
        raise Conflict("A newer summary stands in its place, or it was undone already.", "Undo the newest one first.")
    row.undone_at = timezone.now()
    row.save(update_fields=["undone_at"])
    return row


def sides(session_id: str, compaction_id: str) -> tuple[str, str]:
    """What was said in the turns it stands for, and the summary. Synchronous ORM. Raises NotFound."""
    row = _row(session_id, compaction_id)
    older = Compaction.objects.filter(session_id=session_id, created_at__lt=row.created_at, undone_at=None).last()
    turns = Turn.objects.filter(session_id=session_id, started_at__lte=row.until.started_at)
    if older is not None:
        turns = turns.filter(started_at__gt=Turn.objects.get(pk=older.until_id).started_at)
    said = list(turns.order_by("started_at").prefetch_related("items"))
    items = [item for turn in said for item in turn.items.all()]
    found = _Older(row.until, _said(said), items, older.summary if older is not None else "", [])
    return cut(_text(found, SHOWN // 10), SHOWN), row.summary
