"""The providers of this process, one for each endpoint and loop, shared by everything that runs there.

A persistent socket, its lanes and what the provider has cached outlive a turn; so providers are opened here and closed
with the loop that uses them: by the host for turns, by a worker's slice for jobs. Nothing here crosses a fork.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable
from weakref import WeakKeyDictionary

from agents.endpoints import abilities, limits
from agents.endpoints.addresses import check_literal, resolver_of
from agents.endpoints.keys import decrypt
from agents.engine.messages import Provider
from agents.models import Endpoint
from agents.providers import scripted
from agents.providers.anthropic import AnthropicProvider
from agents.providers.chat import ChatProvider
from agents.providers.fill import Fill, Filler
from agents.providers.http import Patience
from agents.providers.responses import ResponsesProvider, Transport

_open: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[tuple[int, str], tuple[str, Provider]]] = WeakKeyDictionary()
_closing: set[asyncio.Task[None]] = set()


def provider(endpoint: Endpoint) -> Provider:
    """The endpoint's provider in the running loop. Not to be closed by who asks. Raises Unavailable, ProviderError.

    An endpoint that was changed gets a new one; what still runs on the old one ends there.
    """
    if endpoint.dialect == Endpoint.Dialect.SCRIPTED:
        return scripted.ScriptedProvider(endpoint.base_url)  # each use plays the script from its start
    return _kept(endpoint, "", _made)


def filler(endpoint: Endpoint) -> Provider:
    """The same for filling gaps, in the way the endpoint was found to have."""
    return _kept(endpoint, "fill", _filler)


def _kept(endpoint: Endpoint, what: str, make: Callable[[Endpoint], Provider]) -> Provider:
    here = _open.setdefault(asyncio.get_running_loop(), {})
    mark = _mark(endpoint)
    known = here.get((endpoint.pk, what))
    if known is not None and known[0] == mark:
        return known[1]
    made = make(endpoint)
    here[endpoint.pk, what] = (mark, made)
    if known is not None:
        _retire(known[1])
    return made


async def close() -> None:
    """Close every provider of the running loop."""
    loop = asyncio.get_running_loop()
    here = _open.pop(loop, {})
    retired = [task for task in _closing if task.get_loop() is loop]
    for task in retired:
        task.cancel()
    await asyncio.gather(*(one.close() for _, one in here.values()), *retired, return_exceptions=True)
    await limits.close()


def connected() -> int:
    """Providers of the running loop that may hold connections."""
    loop = asyncio.get_running_loop()
    return len(_open.get(loop, {})) + sum(task.get_loop() is loop for task in _closing)


def _mark(endpoint: Endpoint) -> str:
    """Changes with everything a connection depends on. The key is hashed, never kept."""
    parts = [endpoint.dialect, endpoint.base_url, endpoint.abilities, endpoint.extra]
    key = hashlib.sha256(bytes(endpoint.key_encrypted)).hexdigest()
    return json.dumps([*parts, key], sort_keys=True)


def fresh(endpoint: Endpoint, patience: Patience | None = None) -> Provider:
    """A provider of its own, to be closed by who asks. Raises Refused."""
    if endpoint.dialect == Endpoint.Dialect.SCRIPTED:
        return scripted.ScriptedProvider(endpoint.base_url)
    return _made(endpoint, patience)


def _made(endpoint: Endpoint, patience: Patience | None = None) -> Provider:
    key = decrypt(bytes(endpoint.key_encrypted))
    resolver = resolver_of(endpoint)
    if resolver is not None:
        check_literal(endpoint.base_url)
    if endpoint.dialect == Endpoint.Dialect.RESPONSES:
        known = abilities.of(endpoint)
        transport: Transport = "http" if known.socket is False else "auto"
        return ResponsesProvider(
            endpoint.base_url,
            key,
            abilities=abilities.for_responses(endpoint),
            transport=transport,
            patience=patience,
            resolver=resolver,
        )
    if endpoint.dialect == Endpoint.Dialect.ANTHROPIC:
        return AnthropicProvider(endpoint.base_url, key, extra=endpoint.extra, patience=patience, resolver=resolver)
    return ChatProvider(endpoint.base_url, key, extra=endpoint.extra, patience=patience, resolver=resolver)


def _filler(endpoint: Endpoint) -> Provider:
    resolver = resolver_of(endpoint)
    if resolver is not None:
        check_literal(endpoint.base_url)
    way = abilities.of(endpoint).fim or "suffix"
    return Filler(Fill(endpoint.base_url, decrypt(bytes(endpoint.key_encrypted)), way, resolver=resolver))


def _retire(old: Provider) -> None:
    task = asyncio.get_running_loop().create_task(_closed_later(old))
    _closing.add(task)
    task.add_done_callback(_closing.discard)


LET_FINISH = 600.0  # seconds for what runs on a provider that was replaced


async def _closed_later(old: Provider) -> None:
    try:
        await asyncio.sleep(LET_FINISH)
    finally:
        await old.close()
