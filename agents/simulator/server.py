"""The simulator's addresses, on one port of the loopback."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass, field

from aiohttp import web

from agents.simulator.anthropic import Anthropic
from agents.simulator.chat import Chat
from agents.simulator.plan import MODELS, Brain
from agents.simulator.responses import Responses

LABEL = "Simulated (no model)"


@dataclass
class Simulator:
    """`await start()` gives the port. `hour` is how long a WebSocket lives, in seconds; `tls` makes it https."""

    brain: Brain = field(default_factory=Brain)
    hour: float = 3600.0
    tls: ssl.SSLContext | None = None
    _runner: web.AppRunner | None = None

    async def start(self, port: int = 0, host: str = "127.0.0.1") -> int:
        self.responses = Responses(self.brain, self.hour)
        self.chat = Chat(self.brain)
        self._runner = web.AppRunner(self._app(), access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port, ssl_context=self.tls)
        await site.start()
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def _app(self) -> web.Application:
        anthropic = Anthropic(self.brain)
        app = web.Application(client_max_size=64 << 20)
        app.router.add_get("/v1/responses", self.responses.socket)
        app.router.add_post("/v1/responses", self.responses.create)
        app.router.add_post("/v1/responses/compact", self.responses.compact)
        app.router.add_post("/v1/chat/completions", self.chat.chat)
        app.router.add_post("/v1/completions", self.chat.completions)
        app.router.add_post("/infill", self.chat.completions)
        app.router.add_post("/v1/messages", anthropic.messages)
        app.router.add_get("/v1/models", _models)
        return app


async def _models(_: web.Request) -> web.Response:
    rows = [{"id": name, "object": "model", "created": 1, "owned_by": "nobody"} for name in MODELS]
    return web.json_response({"object": "list", "data": rows})


async def serve(simulator: Simulator, port: int, host: str) -> None:
    """Until cancelled."""
    await simulator.start(port, host)
    try:
        await asyncio.Event().wait()
    finally:
        await simulator.stop()
