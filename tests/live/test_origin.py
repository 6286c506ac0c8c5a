"""Only a page of this very site may open a socket with this site's cookies."""

from __future__ import annotations

from typing import Any

import pytest
from channels.testing import WebsocketCommunicator

from ide.live.origin import SameOrigin, is_our_page


@pytest.fixture(autouse=True)
def hosts(settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]", "tandem.example.com"]
    settings.PUBLIC_URL = "https://code.example.com/"


@pytest.mark.parametrize(
    ("origin", "host", "ours"),
    [
        ("http://127.0.0.1:8000", "127.0.0.1:8000", True),
        ("http://[::1]:8000", "[::1]:8000", True),
        ("https://tandem.example.com", "tandem.example.com", True),
        ("https://code.example.com", "backend:8000", True),
        ("http://127.0.0.1:9999", "127.0.0.1:8000", False),
        ("http://localhost:8000", "127.0.0.1:8000", False),
        ("https://evil.example", "tandem.example.com", False),
        ("https://evil.example", "evil.example", False),
        ("https://tandem.example.com.evil.example", "tandem.example.com", False),
        ("null", "127.0.0.1:8000", False),
        ("", "127.0.0.1:8000", False),
        ("http://127.0.0.1:8000", "", False),
    ],
)
def test_the_origin_must_be_the_address_asked(origin: str, host: str, ours: bool) -> None:
    assert is_our_page({b"origin": origin.encode(), b"host": host.encode()}) is ours


@pytest.mark.parametrize(("origin", "accepted"), [(b"http://127.0.0.1:8000", True), (b"http://127.0.0.1:1", False)])
async def test_a_foreign_page_never_reaches_the_application(origin: bytes, accepted: bool) -> None:
    reached = []

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        reached.append(scope["path"])
        await receive()
        await send({"type": "websocket.accept"})

    headers = [(b"origin", origin), (b"host", b"127.0.0.1:8000")]
    browser = WebsocketCommunicator(SameOrigin(application), "/ws/workspaces/x", headers=headers)
    connected, _ = await browser.connect()
    assert connected is accepted
    assert bool(reached) is accepted
    await browser.disconnect()


@pytest.mark.parametrize(
    ("sent", "reaches", "with_cookie"),
    [
        ([(b"origin", b"http://127.0.0.1:8000")], True, True),
        ([], True, False),  # no browser
        ([(b"authorization", b"Bearer x")], True, False),
        ([(b"origin", b"http://127.0.0.1:8000"), (b"authorization", b"Bearer x")], True, False),
        ([(b"origin", b"https://evil.example")], False, False),
        ([(b"origin", b"https://evil.example"), (b"authorization", b"Basic x")], False, False),
        ([(b"origin", b"http://127.0.0.1:8000"), (b"authorization", b"Basic x")], True, True),  # a proxy's password
    ],
)
async def test_only_a_page_of_ours_brings_its_cookies(
    sent: list[tuple[bytes, bytes]], reaches: bool, with_cookie: bool
) -> None:
    seen: list[dict[bytes, bytes]] = []

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        seen.append(dict(scope["headers"]))
        await receive()
        await send({"type": "websocket.accept"})

    headers = [*sent, (b"host", b"127.0.0.1:8000"), (b"cookie", b"tandem_session=x")]
    client = WebsocketCommunicator(SameOrigin(application), "/ws/workspaces/x", headers=headers)
    connected, _ = await client.connect()
    assert connected is reaches
    assert [b"cookie" in one for one in seen] == ([with_cookie] if reaches else [])
    await client.disconnect()
