"""What was said and done in a session's earlier turns, as a model is told it: a summary, then the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agents.context import pictures
from agents.engine.messages import Image, Message
from agents.models import Compaction, Item

REMEMBERED = 400  # characters of an earlier turn's tool result the model is told again


@dataclass(frozen=True)
class Past:
    """`summary` stands for everything before `messages`; '' where nothing was compacted."""

    summary: str
    messages: list[Message]

    def told(self) -> list[Message]:
        return joined([*([Message("user", self.summary)] if self.summary else []), *self.messages])


def active(session_id: str) -> Compaction | None:
    """The compaction that stands for a session's older turns. Synchronous ORM."""
    rows = Compaction.objects.filter(session_id=session_id, undone_at=None)
    return rows.select_related("until").order_by("created_at").last()


def compactions(session_id: str) -> list[Compaction]:
    """All of a session, undone ones too, the oldest first. Synchronous ORM."""
    return list(Compaction.objects.filter(session_id=session_id).select_related("by").order_by("created_at"))


def past(session_id: str, but: str = "") -> Past:
    """Without the turn `but`. Synchronous ORM.

    Tools are told in words, not as calls: another model than the one that made them may go on.
    """
    compaction = active(session_id)
    rows = Item.objects.filter(turn__session_id=session_id).exclude(turn_id=but)
    if compaction is not None:
        rows = rows.filter(turn__started_at__gt=compaction.until.started_at)
    summary = framed(compaction.summary) if compaction is not None else ""
    return Past(summary, messages_of(list(rows.order_by("turn__started_at", "position"))))


def framed(summary: str) -> str:
    return f"[Summary of what was said and done before, in place of it:]\n{summary}\n[End of the summary.]"


def messages_of(rows: Sequence[Item]) -> list[Message]:
    seen = pictures.newest(list(rows))
    return joined([_message(row, seen.get(row.pk, ())) for row in rows])


def _message(row: Item, seen: tuple[Image, ...]) -> Message:
    data = row.data
    if row.kind == Item.Kind.PERSON:
        gone = f"\n\n{pictures.GONE}" if len(seen) < len(pictures.ids_in(data)) else ""
        return Message("user", f"{data.get('text', '')}{gone}", images=seen)
    if row.kind == Item.Kind.MODEL:
        return Message("assistant", str(data.get("text", "")))
    if row.kind == Item.Kind.TOOL:
        outcome = str(data.get("output", ""))[:REMEMBERED]
        return Message("assistant", f"[{data.get('name')} {str(data.get('input', ''))[:REMEMBERED]}: {outcome}]")
    if row.kind == Item.Kind.EDIT:
        return Message("assistant", f"[edited {data.get('path')}: +{data.get('added')} −{data.get('removed')} lines]")
    return Message("user", f"[{data.get('text', '')}]")


def joined(messages: Sequence[Message]) -> list[Message]:
    """Neighbours of one role as one message: some models accept nothing else."""
    out: list[Message] = []
    for message in messages:
        if not message.text:
            continue
        if out and out[-1].role == message.role:
            text = f"{out[-1].text}\n\n{message.text}"
            out[-1] = Message(message.role, text, images=out[-1].images + message.images)
        else:
            out.append(message)
    return out
