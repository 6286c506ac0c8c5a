"""The sockets of one Responses endpoint in one loop: opened ahead, renewed before their hour is over, given out.

A refused upgrade, or three failed connects in a row, sends calls over HTTP for ten minutes; then it is tried again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import aiohttp

from agents.providers.chunks import failure
from agents.providers.http import bearer, limits_of, why
from agents.providers.protocol import ProviderError, Unreachable
from agents.providers.responses_socket import MESSAGE, RETIRE_SECONDS, Socket

SOCKETS = 8  # at once; beyond them a call goes over HTTP
FAILED_CONNECTS = 3
HTTP_SECONDS = 600.0
STANDBY_SECONDS = 60.0  # the next socket is opened so long before the old one retires
NO_SOCKET = frozenset({400, 404, 405, 426, 501})


class NoSocket(Exception):
    """No socket can take the call now, or the server has none: it goes over HTTP."""


class Sockets:
    """`session()` gives the HTTP session to connect with; `on_close(socket)` is called when one has ended.

    `required`: there is no way back to HTTP, so that a refusal is an error.
    """

    def __init__(
        self,
        url: str,
        key: str,
        session: Callable[[], aiohttp.ClientSession],
        on_close: Callable[[Socket], None],
        *,
        lanes: bool,
        required: bool,
        connect_seconds: float,
    ) -> None:
        self._url = "ws" + url.removeprefix("http")
        self._key = key
        self._session = session
        self._on_close = on_close
        self._lanes, self._required, self._connect_seconds = lanes, required, connect_seconds
        self._open: list[Socket] = []
        self._dialling: asyncio.Task[Socket] | None = None
        self._standby: asyncio.TimerHandle | None = None
        self._renewing: asyncio.Task[None] | None = None
        self._failed = 0
        self._http_until = 0.0
        self.limits: dict[str, str] = {}

    @property
    def offered(self) -> bool:
        return self._required or time.monotonic() >= self._http_until

    def all(self) -> list[Socket]:
        return list(self._open)

    @property
    def ready(self) -> bool:
        return any(socket.fresh for socket in self._open)

    async def place(self) -> tuple[Socket, str]:
        """A socket and an idle lane on it. Raises NoSocket, ProviderError."""
        while True:
            for socket in self._open:
                if (lane := socket.free_lane()) is not None:
                    return socket, lane
            if len(self._open) >= SOCKETS:
                raise NoSocket
            await self.connect()

    async def connect(self) -> None:
        """One socket more; who asks while one is being opened waits for the same. Raises NoSocket, ProviderError."""
        if self._dialling is None or self._dialling.done():
            self._dialling = asyncio.get_running_loop().create_task(self._dial())
        try:
            await asyncio.shield(self._dialling)
        except Unreachable as error:
            if not self.offered:
                raise NoSocket from error
            raise

    async def close(self) -> None:
        if self._standby is not None:
            self._standby.cancel()
        tasks = [task for task in (self._dialling, self._renewing) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, *(socket.close() for socket in list(self._open)), return_exceptions=True)

    async def _dial(self) -> Socket:
        try:
            async with asyncio.timeout(self._connect_seconds):
                ws = await self._session().ws_connect(
                    self._url, headers=bearer(self._key), max_msg_size=MESSAGE, heartbeat=30, compress=0
                )
        except aiohttp.WSServerHandshakeError as error:
            self.limits = limits_of(error.headers or {}) or self.limits
            if not self._required and error.status in NO_SOCKET:
                self._give_up()
                raise NoSocket from error
            raise failure(error.status, error.message.encode()) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self._failed += 1
            if not self._required and self._failed >= FAILED_CONNECTS:
                self._give_up()
            raise Unreachable(why(error)) from error
        self._failed = 0
        socket = Socket(ws, lanes=self._lanes, on_close=self._closed)
        self._open.append(socket)
        self._plan_standby()
        return socket

    def _give_up(self) -> None:
        self._failed = 0
        self._http_until = time.monotonic() + HTTP_SECONDS

    def _closed(self, socket: Socket) -> None:
        if socket in self._open:
            self._open.remove(socket)
        self._on_close(socket)

    def _plan_standby(self) -> None:
        if self._standby is not None:
            self._standby.cancel()
        loop = asyncio.get_running_loop()
        self._standby = loop.call_later(RETIRE_SECONDS - STANDBY_SECONDS, self._stand_by)

    def _stand_by(self) -> None:
        self._renewing = asyncio.get_running_loop().create_task(self.renew())

    async def renew(self) -> None:
        """Open the next socket, then let the old ones finish what runs on them."""
        old = list(self._open)
        try:
            await self.connect()
        except (ProviderError, NoSocket):
            return  # the next call connects
        for socket in old:
            socket.retire()
