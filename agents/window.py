"""What a session's next turn sends: what was said before, the tools, what is asked.

The turn itself sends it; before that it is counted while a person types, and the provider reads ahead what is known.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from django.db import DatabaseError

from agents import counting, endpoints, pictures, wire
from agents.engine import context
from agents.engine.loop import Settings, request_of
from agents.engine.messages import Image, Message, Request
from agents.engine.tools import offered
from agents.environments.live import abilities
from agents.measure import Measured, Purpose
from agents.mentions import Found, looked_up
from agents.models import Endpoint, Item
from agents.providers.protocol import ProviderError
from agents.transcript import LiveSession
from ide.db import in_db
from ide.errors import Refused
from ide.live.host import WorkspaceHost
from ide.runner import client as runner

log = logging.getLogger(__name__)

REMEMBERED = 400  # characters of an earlier turn's tool result the model is told again
WARM_EVERY = 300.0  # seconds between two times a provider reads a session ahead


async def sandboxed(endpoint: Endpoint) -> bool:
    """Whether this model may run commands: it drives tools, and they can be confined."""
    return endpoint.drives_tools and (await runner.status()).works


async def past(live: LiveSession, endpoint: Endpoint, follows: str | None, but: str = "") -> list[Message]:
    """Instructions and history. `follows`: the turn before, if this process knows it; `but`: the turn that begins."""
    known = live.memory
    if known and (known.turn, known.endpoint) == (follows, endpoint.pk):
        return known.messages
    return [context.session_system(tools=endpoint.drives_tools), *await in_db(history, live.row.pk, but)]


def filled(endpoint: Endpoint, before: Sequence[Message], text: str, found: Found) -> list[Message]:
    """The window: as much of what was before as fits, and what is asked with what it mentions."""
    said = "\n\n".join([*found.told(endpoint.window // 3), text])
    asked = context.session_input(said, found.files, tools=endpoint.drives_tools, window=endpoint.window)
    asked = replace(asked, images=tuple(found.pictures))
    shown = pictures.thinned([*before, asked], seeing=pictures.sees(endpoint))
    return context.fitted(shown, window=endpoint.window)


def settings(live: LiveSession, endpoint: Endpoint) -> Settings:
    made = context.session_settings(endpoint.model, tools=endpoint.drives_tools, window=endpoint.window)
    return replace(made, conversation=live.row.pk)


async def _request(live: LiveSession, endpoint: Endpoint, messages: Sequence[Message]) -> Request:
    tools = offered(abilities(sandbox=await sandboxed(endpoint))) if endpoint.drives_tools else []
    return request_of(messages, tools, settings(live, endpoint), first=True)


# --- before it is sent ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Draft:
    """What a person is about to send."""

    text: str
    mentions: Sequence[Mapping[str, object]]
    pictures: Sequence[str] = ()


async def estimate(host: WorkspaceHost, live: LiveSession, endpoint: Endpoint, draft: Draft) -> wire.Json:
    """Tokens and cost of the turn's first call, as far as we can count without asking anybody. `reply` is the room its
    answer needs; `cost` is what reading costs when nothing is cached."""
    found = await looked_up(host, draft.mentions)
    found.pictures += await in_db(pictures.images, host.workspace_id, draft.pictures)
    before = await past(live, endpoint, live.running.row.pk if live.running is not None else None)
    request = await _request(live, endpoint, filled(endpoint, before, draft.text, found))
    tokens = counting.tokens(endpoint, request)
    price = endpoints.prices(endpoint)
    return {
        "tokens": tokens,
        "window": endpoint.window,
        "reply": request.max_tokens,
        "cost": float(price.spent(tokens, 0).cost),
        "priced": price.known,
    }


async def read_ahead(host: WorkspaceHost, live: LiveSession, user_id: int) -> None:
    """Let the provider read instructions, tools and history now, so that the first turn sends only what is asked.

    At most once in five minutes a session, and only where the provider keeps a socket; never while a turn runs or when
    it has just answered, since it has everything then.
    """
    now = time.monotonic()
    if live.turn is not None or live.memory is not None or now - live.warmed_at < WARM_EVERY:
        return
    live.warmed_at = now
    try:
        wanted = endpoints.Wanted("turn", host.team_id, user_id)
        endpoint = await in_db(endpoints.choose, None, wanted)
        if endpoint.dialect != Endpoint.Dialect.RESPONSES:
            return
        messages = await past(live, endpoint, None)
        purpose = Purpose(user_id, host.workspace_id, "warm", f"session:{live.row.pk}")
        await Measured([endpoint], purpose).warm(await _request(live, endpoint, messages))
    except (ProviderError, Refused, DatabaseError) as error:  # the turn itself says what is wrong
        log.info("session %s was not read ahead: %s", live.row.pk, error)


# --- what was said before ---------------------------------------------------------------------------------------------


def history(session_id: str, but: str) -> list[Message]:
    """What was said and done in the session's earlier turns. Synchronous ORM.

    Tools are told in words, not as calls: another model than the one that made them may go on.
    """
    found = Item.objects.filter(turn__session_id=session_id).exclude(turn_id=but)
    rows = list(found.order_by("turn__started_at", "position"))
    seen = pictures.newest(rows)
    return _joined([_message(row, seen.get(row.pk, ())) for row in rows])


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


def _joined(messages: Sequence[Message]) -> list[Message]:
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
