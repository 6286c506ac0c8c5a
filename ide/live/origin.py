"""SameOrigin: refuses a socket that another site's page opens with our cookies.

A client that is no browser sends no Origin, or a bearer, which no page can set: it comes in without its cookies and
must show an access token. Every browser sends an Origin here, so another site's page is neither.

Channels' own validator compares host names only; a page on another port of the same host would pass, and it gets our
cookies too. Here the origin must be the very address the request came to (host and port), or TANDEM_URL.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http.request import validate_host

from ide.accounts.bearer import bearer_of

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
FORBIDDEN = 4403


class SameOrigin:
    """Wraps an ASGI application of WebSockets."""

    def __init__(self, inner: Application) -> None:
        self._inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        if bearer_of(scope["headers"]) is not None or b"origin" not in headers:
            kept = [(name, value) for name, value in scope["headers"] if name != b"cookie"]
            await self._inner({**scope, "headers": kept}, receive, send)
        elif is_our_page(headers):
            await self._inner(scope, receive, send)
        else:
            await receive()
            await send({"type": "websocket.close", "code": FORBIDDEN})  # before the accept: HTTP 403


def is_our_page(headers: dict[bytes, bytes]) -> bool:
    """Whether a page of this site asks, by its Origin."""
    origin = headers.get(b"origin", b"").decode("latin-1")
    host = headers.get(b"host", b"").decode("latin-1")
    if not origin or not host:
        return False
    if settings.PUBLIC_URL and origin == settings.PUBLIC_URL.rstrip("/"):
        return True
    name = urlsplit(f"//{host}").hostname or ""
    shown = f"[{name}]" if ":" in name else name
    return urlsplit(origin).netloc == host and validate_host(shown, settings.ALLOWED_HOSTS)
