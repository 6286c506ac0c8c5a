"""LeanSocket: uvicorn's WebSocket protocol with a short way for binary messages (why and how: `ide.live.frames`).

Everything else — the handshake, control frames, fragments, closing — is uvicorn's own.
"""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

from ide.live.frames import EXTENSION, Splitter, encoded

PAUSE_MESSAGES, PAUSE_BYTES = 256, 1 << 20  # that the application has not asked for yet


class LeanSocket(WebSocketsSansIOProtocol):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._splitter = Splitter(self.config.ws_max_size)

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if not self.close_sent:
            self.scope["extensions"][EXTENSION] = {"write": self._write}

    def data_received(self, data: bytes) -> None:
        if not self.handshake_complete:
            super().data_received(data)
            return
        waiting = 0
        for part, plain in self._splitter.split(data):
            if not plain:
                super().data_received(part)
            elif not self.close_sent:
                self.queue.put_nowait({"type": "websocket.receive", "bytes": part})
                waiting += len(part)
        if (waiting > PAUSE_BYTES or self.queue.qsize() > PAUSE_MESSAGES) and not self.read_paused:
            self.read_paused = True
            self.transport.pause_reading()

    def _write(self, messages: list[bytes]) -> None:
        if not (self.close_sent or self.disconnected or self.transport.is_closing()):
            self.transport.write(encoded(messages))
