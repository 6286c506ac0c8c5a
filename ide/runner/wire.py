"""The frames of the runner's socket: a 4-byte big-endian length, then one msgpack message. Pure: no I/O, no Django."""

from __future__ import annotations

import msgspec

FRAME_LIMIT = 64 << 20
LENGTH_BYTES = 4


class Run(msgspec.Struct, tag="run"):
    """Start a confined process. Paths and arguments are bytes, since file names are."""

    argv: list[bytes]
    root: bytes
    read_only: bool = False
    extra_ro: list[bytes] = []
    network: bool = False
    cwd: bytes = b"."
    seconds: float = 60.0
    output_bytes: int = 1 << 20
    memory_bytes: int = 2 << 30
    processes: int = 256
    env: dict[str, str] = {}
    stdin: bytes = b""


class Ask(msgspec.Struct, tag="status"):
    """Does the sandbox work?"""


class Output(msgspec.Struct, tag="output"):
    data: bytes
    error: bool = False


class Ended(msgspec.Struct, tag="ended"):
    """The last frame of a run. `*_tail` is what came after the streamed head, with `*_left_out` bytes lost between."""

    code: int | None
    timed_out: bool
    seconds: float
    out_tail: bytes = b""
    out_left_out: int = 0
    error_tail: bytes = b""
    error_left_out: int = 0


class Status(msgspec.Struct, tag="sandbox"):
    works: bool
    sentence: str
    advice: str


class Failed(msgspec.Struct, tag="failed"):
    """Nothing was started. `sandbox` tells whether for want of a sandbox or because of the request."""

    sentence: str
    advice: str = ""
    sandbox: bool = False


Request = Run | Ask
Reply = Output | Ended | Status | Failed

_encoder = msgspec.msgpack.Encoder()
_requests: msgspec.msgpack.Decoder[Request] = msgspec.msgpack.Decoder(Request)
_replies: msgspec.msgpack.Decoder[Reply] = msgspec.msgpack.Decoder(Reply)


def frame(message: Request | Reply) -> bytes:
    body = _encoder.encode(message)
    return len(body).to_bytes(LENGTH_BYTES, "big") + body


def request_of(body: bytes) -> Request:
    """Raises msgspec.DecodeError."""
    return _requests.decode(body)


def reply_of(body: bytes) -> Reply:
    """Raises msgspec.DecodeError."""
    return _replies.decode(body)
