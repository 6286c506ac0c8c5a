"""The door of the main socket: whose it is. A browser's session cookie, a bearer, or the token of the first Auth frame.

Each is one of three ways and never a mixture: `SameOrigin` has taken the cookies from whoever is no page of ours, and
who sends a bearer is known by it alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ide.accounts.bearer import bearer_of
from ide.accounts.models import User
from ide.accounts.tokens import person_of
from ide.db import in_db
from ide.documents import protocol
from ide.documents.protocol import Malformed

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

MALFORMED, SIGN_IN, TOO_MANY = 4400, 4401, 4429
WAIT_SECONDS = 10.0  # for the first Auth frame of a socket without cookie and bearer
WAITING_AT_ONCE = 100  # such sockets in this process; browsers and bearers are never among them
_waiting: set[object] = set()


class Turned(Exception):
    """Turned away at the door."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


@dataclass(frozen=True)
class Guest:
    """Who came in (with the token they act through), the key of the browser's session, and what they send: also what
    was read to know them."""

    user: User
    session: str | None
    receive: Receive


async def guest(scope: Scope, receive: Receive, send: Send) -> Guest:
    """Who is at an accepted socket. Raises Turned."""
    bearer = bearer_of(scope.get("headers", ()))
    if bearer is not None:
        return Guest(await _known(bearer), None, receive)
    user = scope.get("user")
    if user is not None and user.is_authenticated:
        return Guest(user, getattr(scope.get("session"), "session_key", None), receive)
    if user is None:
        raise Turned(SIGN_IN, "sign in")
    if len(_waiting) >= WAITING_AT_ONCE:
        raise Turned(TOO_MANY, "too many are waiting to show their token")
    mark = object()
    _waiting.add(mark)
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            first, secret = await _first_token(receive, send)
    except TimeoutError:
        raise Turned(SIGN_IN, "sign in") from None
    finally:
        _waiting.discard(mark)
    return Guest(await _known(secret), None, _again(first, receive))


async def _known(secret: str) -> User:
    user = await in_db(person_of, secret)
    if user is None:
        raise Turned(SIGN_IN, "this access token is not valid")
    return user


async def _first_token(receive: Receive, send: Send) -> tuple[dict[str, Any], str]:
    """The first Auth frame and the token in it (an epoch may follow behind a '#'). Only pings may come before."""
    while True:
        event = await receive()
        data = event.get("bytes")
        if event["type"] != "websocket.receive":
            raise Turned(SIGN_IN, "gone")
        try:
            message = protocol.decode(data) if data is not None else None
        except Malformed as error:
            raise Turned(MALFORMED, str(error)) from error
        if isinstance(message, protocol.Token):
            return event, message.token.partition("#")[0]
        if not isinstance(message, protocol.Ping):
            raise Turned(SIGN_IN, "sign in")
        await send({"type": "websocket.send", "bytes": protocol.PONG_FRAME})


def _again(first: dict[str, Any], receive: Receive) -> Receive:
    held = [first]

    async def read() -> dict[str, Any]:
        return held.pop() if held else await receive()

    return read
