"""Runs inside the sandbox: hands connections to a port of its own loopback on to the egress proxy's socket.

`forward.py PORT SOCKET -- COMMAND…` listens, leaves a child behind that forwards, and becomes the command. Standard
library only, and no import of ours: it is bound in as a single file.
"""

from __future__ import annotations

import os
import selectors
import signal
import socket
import sys

PIECE, BEHIND = 64 << 10, 256 << 10  # read at once; kept for an end that does not read
MOST = 256  # connections


class End:
    """One end of a connection, with what waits to be sent to it."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self.sock, self.waiting = sock, bytearray()
        self.other: End = self
        self.ended = False  # it will send no more


class Forwarder:
    def __init__(self, listening: socket.socket, target: str) -> None:
        self._target, self._listening = target, listening
        self._select = selectors.DefaultSelector()
        self._select.register(listening, selectors.EVENT_READ)

    def run(self) -> None:
        while True:
            for key, events in self._select.select():
                if key.data is None:
                    self._accept()
                elif key.data.sock.fileno() >= 0:  # its other end may just have closed it
                    self._move(key.data, events)

    def _accept(self) -> None:
        near = End(self._listening.accept()[0])
        far = socket.socket(socket.AF_UNIX)
        try:
            far.connect(self._target)
        except OSError:
            near.sock.close()
            far.close()
            return
        near.other = End(far)
        near.other.other = near
        self._watch(near)
        self._watch(near.other)

    def _move(self, end: End, events: int) -> None:
        try:
            if events & selectors.EVENT_WRITE:
                del end.waiting[: end.sock.send(end.waiting)]
            if events & selectors.EVENT_READ and not end.ended:
                data = end.sock.recv(PIECE)
                end.other.waiting += data
                end.ended = not data
            if end.other.ended and not end.waiting:
                end.sock.shutdown(socket.SHUT_WR)
            if end.ended and not end.other.waiting:
                end.other.sock.shutdown(socket.SHUT_WR)
        except BlockingIOError:
            pass
        except OSError:
            self._close(end)
            return
        if end.ended and end.other.ended and not end.waiting and not end.other.waiting:
            self._close(end)
            return
        self._watch(end)
        self._watch(end.other)

    def _watch(self, end: End) -> None:
        reads = not end.ended and len(end.other.waiting) < BEHIND
        events = (selectors.EVENT_READ if reads else 0) | (selectors.EVENT_WRITE if end.waiting else 0)
        known = end.sock in self._select.get_map()
        if events and known:
            self._select.modify(end.sock, events, end)
        elif events:
            self._select.register(end.sock, events, end)
        elif known:
            self._select.unregister(end.sock)

    def _close(self, end: End) -> None:
        for one in (end, end.other):
            if one.sock in self._select.get_map():
                self._select.unregister(one.sock)
            one.sock.close()


def main() -> None:
    port, target, command = int(sys.argv[1]), sys.argv[2], sys.argv[4:]
    listening = socket.create_server(("127.0.0.1", port), backlog=MOST)
    if os.fork() == 0:
        os.setsid()  # no signal of the terminal is meant for it
        nowhere = os.open("/dev/null", os.O_RDWR)
        for fd in range(3):
            os.dup2(nowhere, fd)
        Forwarder(listening, target).run()
    listening.close()
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them, and a command would inherit that
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execvp(command[0], command)  # noqa: S606 (it is what the sandbox was asked to run)
    except OSError as error:
        sys.exit(f"{command[0]}: {error.strerror}")


if __name__ == "__main__":
    main()
