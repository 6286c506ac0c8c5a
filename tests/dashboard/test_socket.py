"""The dashboard's socket, as the browser meets it: behind Channels' sign-in, with a session cookie."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.auth import AuthMiddlewareStack
from channels.routing import URLRouter
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.test import Client

from ide import metrics
from ide.accounts.models import User
from ide.dashboard.feed import feed
from ide.dashboard.routing import websocket_urlpatterns
from ide.db import in_db

Person = Callable[..., User]
pytestmark = pytest.mark.django_db(transaction=True)
application = AuthMiddlewareStack(URLRouter(websocket_urlpatterns))
WAIT = 10


async def open_socket(user: User | None) -> WebsocketCommunicator:
    headers = []
    if user is not None:
        client = Client()
        await sync_to_async(client.force_login)(user)
        cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
        headers = [(b"cookie", f"{settings.SESSION_COOKIE_NAME}={cookie}".encode())]
    socket = WebsocketCommunicator(application, "/ws/dashboard", headers=headers)
    connected, _ = await socket.connect(WAIT)
    assert connected
    return socket


async def receive(socket: WebsocketCommunicator, kind: str) -> dict[str, Any]:
    while True:
        message: dict[str, Any] = await socket.receive_json_from(WAIT)
        if message["kind"] == kind:
            return message


async def test_staff_gets_history_then_samples_with_every_figure(person: Person) -> None:
    root = await in_db(person, "root", staff=True)
    socket = await open_socket(root)
    assert (await socket.receive_json_from(WAIT))["kind"] == "history"
    sample = await receive(socket, "sample")
    assert {"sockets", "rooms", "speed", "today", "first.p50", "workers", "database"} <= set(sample["figures"])
    assert {"endpoints", "model-calls", "workers", "parts"} <= set(sample["panels"])
    await socket.disconnect()
    assert not feed.running


async def test_figures_follow_what_happens(person: Person) -> None:
    socket = await open_socket(await in_db(person, "root", staff=True))
    before = await receive(socket, "sample")
    metrics.rooms.inc(3)
    try:
        while (after := await receive(socket, "sample"))["figures"]["rooms"] == before["figures"]["rooms"]:
            pass
    finally:
        metrics.rooms.dec(3)
    assert after["figures"]["rooms"] == before["figures"]["rooms"] + 3
    assert "endpoints" not in after["panels"], "a table that did not change is not sent again"
    await socket.disconnect()


@pytest.mark.parametrize(("who", "code"), [(None, 4401), ("ana", 4403)])
async def test_others_are_refused_with_a_code_and_get_no_figure(person: Person, who: str | None, code: int) -> None:
    user = await in_db(person, who) if who else None
    socket = await open_socket(user)
    assert await socket.receive_output(WAIT) == {"type": "websocket.close", "code": code}
    assert await socket.receive_nothing()
    await socket.disconnect()
    assert not feed.running


async def test_a_person_who_is_no_longer_staff_is_cut_off(person: Person) -> None:
    root = await in_db(person, "root", staff=True)
    socket = await open_socket(root)
    await receive(socket, "sample")
    await in_db(User.objects.filter(pk=root.pk).update, is_staff=False)
    while (message := await socket.receive_output(WAIT))["type"] == "websocket.send":
        pass
    assert message == {"type": "websocket.close", "code": 4403}
    await socket.disconnect()


@pytest.mark.parametrize("words", ["not json", '{"kind": "sample"}', "\x00"])
async def test_what_a_browser_sends_is_ignored(person: Person, words: str) -> None:
    socket = await open_socket(await in_db(person, "root", staff=True))
    await socket.send_to(text_data=words)
    await receive(socket, "sample")
    await receive(socket, "sample")
    await socket.disconnect()
