"""The frames of the runner's socket: a 4-byte big-endian length, then one msgpack message. Pure: no I/O, no Django."""

from __future__ import annotations

import msgspec

FRAME_LIMIT = 64 << 20
LENGTH_BYTES = 4
INPUT_LIMIT = 256 << 10


class Run(msgspec.Struct, tag="run"):
    """Start a confined process. Paths and arguments are bytes, since file names are."""

    argv: list[bytes]
    root: bytes
    read_only: bool = False
    extra_ro: list[bytes] = []
    egress: list[str] = []
    internal: list[str] = []  # of those hosts, which may be private
    job: str = ""
    pty: bool = False
    rows: int = 24
    columns: int = 80
    cwd: bytes = b"."
    seconds: float = 60.0  # 0 for no limit
    output_bytes: int = 1 << 20
    memory_bytes: int = 2 << 30
    processes: int = 256
    env: dict[str, str] = {}
    stdin: bytes = b""


class Ask(msgspec.Struct, tag="status"):
    """Does the sandbox work?"""


class Count(msgspec.Struct, tag="count"):
    """How many processes does a job have? With `kill`, end them first; the answer is then how many were ended."""

    job: str
    kill: bool = False


class Input(msgspec.Struct, tag="input"):
    """Typed into a terminal. Of these bytes at most INPUT_LIMIT may be without their Took."""

    data: bytes


class Resize(msgspec.Struct, tag="resize"):
    rows: int
    columns: int


class Took(msgspec.Struct, tag="took"):
    """So many bytes of input have been given to the terminal."""

    count: int


class Counted(msgspec.Struct, tag="counted"):
    processes: int


class Egress(msgspec.Struct, tag="egress"):
    """What the proxy decided about one connection out of the sandbox."""

    host: str
    port: int
    allowed: bool
    why: str = ""


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
    """`walls` says which walls beside the profile stand on this machine, in words."""

    works: bool
    sentence: str
    advice: str
    walls: str = ""


class Failed(msgspec.Struct, tag="failed"):
    """Nothing was started. `sandbox` tells whether for want of a sandbox or because of the request."""

    sentence: str
    advice: str = ""
    sandbox: bool = False


Request = Run | Ask | Count | Input | Resize
Reply = Output | Ended | Status | Failed | Took | Counted | Egress

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
