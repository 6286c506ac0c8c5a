"""The tool `think`: a turn's model asks the deep one a hard question in mid-turn, and everybody reads the answer as it
comes. The deep model's endpoint is the one of the role `think`; without one the tool is not offered."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from decimal import Decimal
from typing import cast

from agents.endpoints import choice as endpoints
from agents.endpoints.measure import Measured, Purpose
from agents.engine.context import prompt
from agents.engine.messages import Event, Message, Request, TextDelta, ToolResult
from agents.engine.tools import THINK, ToolFailed
from agents.models import Endpoint, Item, RoleEndpoint
from agents.providers.protocol import ProviderError
from agents.sessions.turns import LiveTurn
from ide.db import in_db
from ide.errors import QuotaExceeded
from ide.workspaces.models import Workspace

LONGEST = 4096  # tokens of an answer


async def thinkers(workspace_id: str, endpoint: Endpoint) -> list[Endpoint]:
    """The endpoints that think for a turn of this one, in order; none where nobody has configured it, or where the
    first of them is the turn's own."""
    return await in_db(_thinkers, workspace_id, endpoint)


def _thinkers(workspace_id: str, endpoint: Endpoint) -> list[Endpoint]:
    team = Workspace.objects.values_list("team_id", flat=True).get(pk=workspace_id)
    found = endpoints.serving(endpoints.Wanted(RoleEndpoint.Role.THINK, team))
    return [] if found[:1] == [endpoint] else found


async def think(turn: LiveTurn, able: Sequence[Endpoint], question: str, texts: Sequence[str]) -> ToolResult:
    """The answer, which streams into the card of the tool. Raises ToolFailed when there is none."""
    card = _card(turn)
    purpose = Purpose(turn.owner.pk, turn.host.workspace_id, "think", turn.origin)
    provider = Measured(able, purpose)
    provider.in_line = turn.in_line
    asked = "\n\n".join([question, *texts])
    messages = (Message("system", prompt("think")), Message("user", asked))
    said: list[str] = []
    try:
        source = provider.stream(Request(able[0].model, messages, max_tokens=LONGEST))
        async with aclosing(cast(AsyncGenerator[list[Event], None], source)) as answer:
            async for events in answer:
                turn.check()
                text = "".join(event.text for event in events if isinstance(event, TextDelta))
                if text:
                    said.append(text)
                    if card is not None:
                        turn.items.grow(card, text)
    except ProviderError as error:
        raise ToolFailed(f"{''.join(said)}\n({provider.endpoint.name}: {error.sentence})".strip()) from error
    except QuotaExceeded as error:  # of its own pool: the turn goes on without it
        raise ToolFailed(f"{''.join(said)}\n({provider.endpoint.name}: {error.what})".strip()) from error
    finally:
        _count(turn, provider)
    if not "".join(said).strip():
        raise ToolFailed(f"{provider.endpoint.name} answered with nothing.")
    told = {"endpoint": provider.endpoint.name, "tokens": provider.speed.output_tokens}
    return ToolResult("".join(said), data=told)


def _card(turn: LiveTurn) -> Item | None:
    """Calls are carried out in order: it is the first one that has not ended."""
    cards = (item for item in turn.items.all if item.kind == Item.Kind.TOOL and item.data.get("name") == THINK)
    return next((card for card in cards if card.data.get("ok") is None), None)


def _count(turn: LiveTurn, provider: Measured) -> None:
    """What it cost is part of what the turn cost; its tokens are its own endpoint's."""
    if turn.provider is not None and provider.speed.cost is not None:
        turn.provider.speed.cost = (turn.provider.speed.cost or Decimal(0)) + provider.speed.cost
