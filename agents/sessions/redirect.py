"""Stop a turn and go another way from what it has written: one act, nothing can come in between."""

from __future__ import annotations

from dataclasses import dataclass

from agents import wire
from agents.models import Turn
from agents.sessions import talk, ways
from agents.sessions.acts import Sessions, Start
from agents.sessions.turns import LiveTurn, Stop
from ide.errors import Conflict, Invalid


@dataclass(frozen=True)
class Way:
    """Another way: `user_id` has the new turn, `by` stops the old one; `said` is the new turn's person item so far;
    `entry` of the queue it was, if any."""

    user_id: int
    by: wire.Json | None
    said: wire.Json
    endpoint: int | None = None
    entry: str = ""


def standing(sessions: Sessions, turn_id: str, text: str) -> LiveTurn:
    """The turn, if it may be redirected now. Raises Conflict, Invalid."""
    if not text.strip():
        raise Invalid("There is nothing to do: the message is empty.", "Say what should be done instead.")
    old = sessions.running(turn_id)
    if old.row.kind == Turn.Kind.APPLY:
        raise Conflict("A block that is being put into a file cannot be redirected.", "Interrupt it.")
    if old.row.kind == Turn.Kind.INLINE and old.region_written is None:
        raise Conflict("This edit has not begun to write yet.", "Interrupt it, and say it anew.")
    return old


async def redirect(sessions: Sessions, turn_id: str, way: Way) -> LiveTurn:
    """The new turn. Raises Conflict when the old one is not the running one any more: nothing is done then."""
    text = str(way.said["text"])
    old = standing(sessions, turn_id, text)
    sessions.interrupt(turn_id, Stop(way.by, redirects=True))
    act = talk.talk if old.region_written is None else ways.inline(old.region_written, text)
    endpoint = way.endpoint or (old.endpoint.pk if old.endpoint else None)
    said = {**way.said, "redirects": turn_id}
    return await sessions.start(way.user_id, Start(old.live.row.pk, old.row.kind, said, act, endpoint, entry=way.entry))
