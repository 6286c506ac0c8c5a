"""The floor of the keystroke figure: a WebSocket server that passes bytes on to everybody else, and knows nothing."""

from __future__ import annotations

import sys

from aiohttp import web

sockets: set[web.WebSocketResponse] = set()


async def join(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    sockets.add(socket)
    async for message in socket:
        for other in sockets - {socket}:
            await other.send_bytes(message.data)
    sockets.discard(socket)
    return socket


if __name__ == "__main__":
    app = web.Application()
    app.router.add_get("/", join)
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]))
