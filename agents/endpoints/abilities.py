"""What an endpoint was found to do. Probed with real requests, never assumed; unknown abilities are None.

Kept as JSON in `Endpoint.abilities`, so that an administrator can see and correct them.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from django.utils import timezone

from agents.models import Endpoint
from agents.providers.responses_request import Abilities as Responses


class Abilities(msgspec.Struct, kw_only=True):
    """`usage`: where tokens are counted (never, at the end, or with every piece). `fim`: how it fills in the middle."""

    socket: bool | None = None  # a persistent WebSocket
    lanes: bool | None = None
    steer: bool | None = None
    freeform: bool | None = None
    tools: bool | None = None
    streamed_tools: bool | None = None
    reasoning: str | None = None  # the field it comes in, "" for none
    usage: Literal["none", "end"] | None = None
    images: bool | None = None
    prediction: bool | None = None
    fim: Literal["", "suffix", "infill"] | None = None


def of(endpoint: Endpoint) -> Abilities:
    """What is known; fields that cannot be read count as unknown."""
    try:
        return msgspec.convert(endpoint.abilities, Abilities)
    except msgspec.ValidationError:
        return Abilities()


def keep(endpoint: Endpoint, found: Abilities) -> None:
    """Fill in what was found; the caller saves the row."""
    endpoint.abilities = msgspec.to_builtins(found)
    endpoint.probed_at = timezone.now()
    if found.tools is not None:
        endpoint.drives_tools = found.tools


def for_responses(endpoint: Endpoint) -> Responses:
    """The same for the adapter. Lanes, steering and freeform tools are used where they were found only."""
    known = of(endpoint)
    return Responses(
        freeform=bool(known.freeform),
        encrypted_reasoning=known.reasoning != "",
        lanes=bool(known.lanes),
        steer=bool(known.steer),
        extra=tuple(endpoint.extra.items()),
    )
