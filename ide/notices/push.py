"""Web Push (RFC 8030, 8291, 8292): notices to browsers, encrypted for each, signed with the installation's own key.

Sent by a thread of its own, never where something waits for it. A notice is taken up by one sender and sent once; what
a process left behind when it died goes with the next. A push carries title, short body and path, nothing else.
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import threading
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from cryptography.fernet import InvalidToken
from django.conf import settings
from django.db import DatabaseError, connections
from django.utils import timezone
from webpush import WebPush, WebPushSubscription
from webpush.vapid import VAPID

from ide.accounts import secrets
from ide.errors import Refused
from ide.fetch import Checked
from ide.notices import browsers
from ide.notices.models import Browser, Notice, PushKey

log = logging.getLogger(__name__)

USE = "web push"
SECONDS = 6.0  # one browser's push service may take
AT_ONCE = 8
FRESH = timedelta(minutes=10)  # older ones are not sent any more
KEEP_SECONDS = 24 * 3600  # for a browser that is away
TOKEN_SECONDS = 12 * 3600
FAILURES = 8  # in a row, then the browser is forgotten
GONE = (404, 410)
_sending = threading.Lock()


@dataclass(frozen=True)
class Keys:
    private: bytes
    pem: bytes
    public: str


def keys() -> Keys:
    """Made once. Where the installation's secret has changed they are made anew, and every browser has to be asked
    again: its subscription is bound to the old ones."""
    row = PushKey.objects.first() or _make()
    try:
        return Keys(secrets.decrypt(row.private, USE).encode(), row.pem.encode(), row.public)
    except InvalidToken:
        log.warning("the key for messages to browsers cannot be read; a new one is made, browsers are asked again")
        PushKey.objects.all().delete()
        Browser.objects.all().delete()
        row = _make()
        return Keys(secrets.decrypt(row.private, USE).encode(), row.pem.encode(), row.public)


def _make() -> PushKey:
    private, pem, public = VAPID.generate_keys()
    row = PushKey(pk=1, private=secrets.encrypt(private.decode(), USE), pem=pem.decode(), public=public)
    PushKey.objects.bulk_create([row], ignore_conflicts=True)  # two processes at once: the first one's holds
    return PushKey.objects.get()


@dataclass(frozen=True)
class _Origin:
    scheme: str
    host: str


class _Vapid(VAPID):  # type: ignore[misc]  # without types
    """Its audience is the whole origin, with the port."""

    def get_authorization_header(self, endpoint: object, subscriber: str, expiration: int) -> str:
        where = urlsplit(str(endpoint))
        header: str = super().get_authorization_header(_Origin(where.scheme, where.netloc), subscriber, expiration)
        return header


@dataclass(frozen=True)
class _Letter:
    browser: Browser
    content: bytes


def soon() -> None:
    """Send what is to be sent, beside whatever is going on."""
    threading.Thread(target=_run, name="web push", daemon=True).start()


def _run() -> None:
    try:
        with _sending:
            send()
    except DatabaseError as error:  # what was not taken up goes with the next
        log.warning("messages to browsers were not sent: %s", error)
    finally:
        connections.close_all()


def send() -> int:
    """Send what is fresh and not taken up; returns how many messages arrived. Blocks, for a bounded time."""
    letters = [letter for notice in _taken_up() for letter in _letters(notice)]
    if not letters:
        return 0
    own = keys()
    answers = asyncio.run(_all(letters, own))
    for letter, status in zip(letters, answers, strict=True):
        _settle(letter.browser, status)
    return sum(1 for status in answers if 200 <= status < 300)


def _taken_up() -> list[Notice]:
    fresh = Notice.objects.filter(push=True, pushed_at=None, created_at__gt=timezone.now() - FRESH)
    now = timezone.now()
    return [row for row in fresh if Notice.objects.filter(pk=row.pk, pushed_at=None).update(pushed_at=now)]


def _letters(notice: Notice) -> list[_Letter]:
    content = json.dumps({"title": notice.title, "body": notice.body, "url": notice.url}, ensure_ascii=False).encode()
    return [_Letter(browser, content) for browser in browsers.of({notice.person_id})]


def _contact() -> str:
    return f"webmaster@{urlsplit(settings.PUBLIC_URL).hostname or 'localhost'}"


async def _all(letters: list[_Letter], own: Keys) -> list[int]:
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(letter: _Letter) -> int:
        async with turn:
            return await _send(letter, own)

    return await asyncio.gather(*(one(letter) for letter in letters))


async def _send(letter: _Letter, own: Keys) -> int:
    """The push service's answer as its HTTP status; 0 where there was none. The address is checked and pinned here."""
    row = letter.browser
    try:
        async with asyncio.timeout(SECONDS):
            where = await browsers.checked(row.endpoint)
            post = WebPush(own.private, own.pem, subscriber=_contact(), ttl=KEEP_SECONDS)
            post.vapid = _Vapid(own.private, own.pem)
            keys_of = {"p256dh": row.p256dh, "auth": row.auth}
            offer = WebPushSubscription.model_validate({"endpoint": row.endpoint, "keys": keys_of})
            message = post.get(letter.content, offer, expiration=TOKEN_SECONDS)
            connector = aiohttp.TCPConnector(resolver=_Pinned(where), force_close=True)
            async with aiohttp.ClientSession(connector=connector) as http:
                wanted = {"data": message.encrypted, "headers": dict(message.headers), "allow_redirects": False}
                async with http.post(row.endpoint, **wanted) as answer:
                    return answer.status
    except Refused as error:
        log.warning("a browser of person %s is not told: %s", row.person_id, error.what)
    except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
        log.info("a browser of person %s could not be told: %s", row.person_id, type(error).__name__)
    return 0


class _Pinned(AbstractResolver):
    """The address that was checked, whatever a name server says by now."""

    def __init__(self, where: Checked) -> None:
        self._where = where

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        if host != self._where.host:
            raise OSError(f"{host} was not checked")
        kind = socket.AF_INET6 if ":" in self._where.address else socket.AF_INET
        flags = socket.AI_NUMERICHOST
        return [ResolveResult(hostname=host, host=self._where.address, port=port, family=kind, proto=0, flags=flags)]

    async def close(self) -> None:
        """Nothing is held."""


def _settle(browser: Browser, status: int) -> None:
    """Who unsubscribed is forgotten, as is who could not be reached for long."""
    mine = Browser.objects.filter(pk=browser.pk)
    if 200 <= status < 300:
        mine.update(failures=0, told_at=timezone.now())
    elif status in GONE or browser.failures + 1 >= FAILURES:
        mine.delete()
    else:
        mine.update(failures=browser.failures + 1)
