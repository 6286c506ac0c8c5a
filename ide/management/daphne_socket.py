"""`python -m ide.management.daphne_socket …`: Daphne's command line, with a short way for binary messages
(why and how: `ide.live.frames`).

Everything else — the handshake, control frames, fragments, closing — is Daphne's and autobahn's own.
"""

from __future__ import annotations

import time
from typing import Any

from daphne.cli import CommandLineInterface
from daphne.server import Server
from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol

from ide.live.frames import EXTENSION, Splitter, encoded


class LeanSocket(WebSocketProtocol):  # type: ignore[misc]  # Daphne is not typed
    _splitter: Splitter | None = None

    def dataReceived(self, data: bytes) -> None:
        if self.state != self.STATE_OPEN:
            super().dataReceived(data)
            return
        if self._splitter is None:
            if self.data or self.current_frame is not None:  # autobahn has begun a frame that came with the handshake
                super().dataReceived(data)
                return
            self._splitter = Splitter(self.factory.maxMessagePayloadSize)
        for part, plain in self._splitter.split(data):
            if not plain:
                super().dataReceived(part)
            elif self.state == self.STATE_OPEN and not self.muted:
                self.application_queue.put_nowait({"type": "websocket.receive", "bytes": part})
        self.last_ping = time.time()

    def write_messages(self, messages: list[bytes]) -> None:
        """Straight to the socket if nothing waits before it: Twisted would send it two turns of the loop later."""
        if self.state != self.STATE_OPEN or self.muted:
            return
        data, transport = encoded(messages), self.transport
        if transport.connected and not (transport.dataBuffer or transport._tempDataBuffer or transport.disconnecting):
            sent = transport.writeSomeData(data)
            if not isinstance(sent, int):  # the connection is lost, as the reactor will notice by itself
                return
            data = data[sent:]
        if data:
            transport.write(data)


class LeanServer(Server):  # type: ignore[misc]  # Daphne is not typed
    def create_application(self, protocol: Any, scope: dict[str, Any]) -> Any:
        if scope["type"] == "websocket":
            scope["extensions"] = {EXTENSION: {"write": protocol.write_messages}}
        return super().create_application(protocol, scope)


class CommandLine(CommandLineInterface):  # type: ignore[misc]  # Daphne is not typed
    server_class = LeanServer


def main() -> None:
    WebSocketFactory.protocol = LeanSocket
    CommandLine.entrypoint()


if __name__ == "__main__":
    main()
