"""Pure codec of the main socket's wire: the published Hocuspocus protocol, version 4: bytes ↔ messages.

A frame is a document's name (var string), a message type (var uint) and the type's body; Ping and Pong stand alone.
Integers and strings are lib0's: little-endian base 128, strings as length and UTF-8. Any bytes decode to a message or
raise Malformed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ide.documents.text import clean

SYNC, AWARENESS, AUTH, QUERY_AWARENESS, SYNC_REPLY, STATELESS = range(6)
CLOSE, SYNC_STATUS, PING, PONG = range(7, 11)
STEP_1, STEP_2, UPDATE = range(3)
TOKEN, DENIED, AUTHENTICATED = range(3)

NAME_LIMIT = 200
_VAR_LIMIT = 1 << 53  # what a JavaScript number holds


class Malformed(ValueError):
    """The bytes are no message of this protocol."""


@dataclass(frozen=True, slots=True)
class Ping:
    pass


@dataclass(frozen=True, slots=True)
class Pong:
    pass


@dataclass(frozen=True, slots=True)
class Named:
    """A message about one document. `name` is sent back as it came: it may carry a session id after a NUL."""

    name: str

    @property
    def document(self) -> str:
        return self.name.partition("\0")[0]


@dataclass(frozen=True, slots=True)
class SyncStep1(Named):
    """`reply`: it came as a SyncReply, which is not answered by a question in return."""

    state: bytes
    reply: bool = False


@dataclass(frozen=True, slots=True)
class SyncUpdate(Named):
    """A sync step 2 (`step2`) or a plain update: both are applied, both are acknowledged by a SyncStatus."""

    update: bytes
    step2: bool


@dataclass(frozen=True, slots=True)
class Token(Named):
    """`token` is a secret or a word, and may end with `#epoch=<n>`: that of the replica the client holds."""

    token: str

    @property
    def epoch(self) -> int | None:
        number = self.token.rpartition("#epoch=")
        return int(number[2]) if number[1] and number[2].isascii() and number[2].isdigit() else None


@dataclass(frozen=True, slots=True)
class Access(Named):
    """The answer to a token: the scope ('read-write' or 'readonly'), or '' and the reason of the refusal."""

    scope: str
    reason: str


@dataclass(frozen=True, slots=True)
class Awareness(Named):
    data: bytes


@dataclass(frozen=True, slots=True)
class QueryAwareness(Named):
    pass


@dataclass(frozen=True, slots=True)
class Stateless(Named):
    payload: str


@dataclass(frozen=True, slots=True)
class Close(Named):
    reason: str


@dataclass(frozen=True, slots=True)
class SyncStatus(Named):
    applied: bool


NamedMessage = SyncStep1 | SyncUpdate | Token | Access | Awareness | QueryAwareness | Stateless | Close | SyncStatus
Message = Ping | Pong | NamedMessage


class Reader:
    """Reads lib0's encodings from bytes; everything raises Malformed past the end."""

    __slots__ = ("at", "data")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def var_uint(self) -> int:
        data, at = self.data, self.at
        value = shift = 0
        while at < len(data):
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                if value >= _VAR_LIMIT:
                    break
                self.at = at
                return value
            shift += 7
            if shift > 56:
                break
        raise Malformed("an integer has no end or is too large")

    def var_bytes(self) -> bytes:
        size = self.var_uint()
        end = self.at + size
        if end > len(self.data):
            raise Malformed("a field is longer than its frame")
        part = self.data[self.at : end]
        self.at = end
        return part

    def var_string(self) -> str:
        try:
            return self.var_bytes().decode()
        except UnicodeDecodeError as error:
            raise Malformed("a string is not UTF-8") from error

    def byte(self) -> int:
        self.skip(1)
        return self.data[self.at - 1]

    def skip(self, size: int) -> None:
        if self.at + size > len(self.data):
            raise Malformed("a field is longer than its frame")
        self.at += size

    @property
    def done(self) -> bool:
        return self.at >= len(self.data)


def var_uint(value: int) -> bytes:
    if value < 0x80:
        return bytes((value,))
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def var_bytes(data: bytes) -> bytes:
    return var_uint(len(data)) + data


def var_string(text: str) -> bytes:
    return var_bytes(clean(text).encode())


def decode(data: bytes) -> Message:
    """The message in a binary frame. Bytes after its end are ignored, as clients add fields in later versions."""
    if len(data) == 1 and data[0] in (PING, PONG):
        return Ping() if data[0] == PING else Pong()
    reader = Reader(data)
    name = reader.var_string()
    if not name or len(name) > NAME_LIMIT:
        raise Malformed("a document's name is empty or too long")
    kind = reader.var_uint()
    if kind in (SYNC, SYNC_REPLY):
        return _sync(reader, name, kind == SYNC_REPLY)
    if kind == AUTH:
        return _auth(reader, name)
    if kind == AWARENESS:
        return Awareness(name, reader.var_bytes())
    if kind == QUERY_AWARENESS:
        return QueryAwareness(name)
    if kind == STATELESS:
        return Stateless(name, reader.var_string())
    if kind == CLOSE:
        return Close(name, "" if reader.done else reader.var_string())
    if kind == SYNC_STATUS:
        return SyncStatus(name, reader.var_uint() == 1)
    raise Malformed(f"message type {kind} is not known")


def _sync(reader: Reader, name: str, reply: bool) -> SyncStep1 | SyncUpdate:
    step = reader.var_uint()
    if step == STEP_1:
        return SyncStep1(name, reader.var_bytes(), reply)
    if step in (STEP_2, UPDATE):
        return SyncUpdate(name, reader.var_bytes(), step == STEP_2)
    raise Malformed(f"sync step {step} is not known")


def _auth(reader: Reader, name: str) -> Token | Access:
    kind = reader.var_uint()
    text = reader.var_string()
    if kind == TOKEN:
        return Token(name, text)
    if kind == DENIED:
        return Access(name, "", text)
    if kind == AUTHENTICATED:
        return Access(name, text, "")
    raise Malformed(f"auth message {kind} is not known")


def _frame(name: str, *parts: bytes) -> bytes:
    return var_string(name) + b"".join(parts)


def step_1(name: str, state: bytes, reply: bool = False) -> bytes:
    return _frame(name, bytes((SYNC_REPLY if reply else SYNC, STEP_1)), var_bytes(state))


def step_2(name: str, update: bytes) -> bytes:
    return _frame(name, bytes((SYNC, STEP_2)), var_bytes(update))


def update(name: str, data: bytes) -> bytes:
    return _frame(name, bytes((SYNC, UPDATE)), var_bytes(data))


def update_head(name: str) -> bytes:
    """What every update of a document begins with; its length and its bytes follow."""
    return _frame(name, bytes((SYNC, UPDATE)))


def update_in(frame: bytes, at: int) -> bytes:
    """The update of a frame that begins with an `update_head` of `at` bytes. Raises Malformed."""
    size = frame[at] if at < len(frame) else 0x80
    if size < 0x80 and at + 1 + size <= len(frame):
        return frame[at + 1 : at + 1 + size]
    reader = Reader(frame)
    reader.at = at
    return reader.var_bytes()


def sync_status(name: str, applied: bool) -> bytes:
    return _frame(name, bytes((SYNC_STATUS, int(applied))))


def authenticated(name: str, can_edit: bool) -> bytes:
    return _frame(name, bytes((AUTH, AUTHENTICATED)), var_string("read-write" if can_edit else "readonly"))


def denied(name: str, reason: str) -> bytes:
    return _frame(name, bytes((AUTH, DENIED)), var_string(reason))


def token(name: str, secret: str) -> bytes:
    return _frame(name, bytes((AUTH, TOKEN)), var_string(secret))


def awareness(name: str, data: bytes) -> bytes:
    return _frame(name, bytes((AWARENESS,)), var_bytes(data))


def query_awareness(name: str) -> bytes:
    return _frame(name, bytes((QUERY_AWARENESS,)))


def stateless(name: str, payload: str) -> bytes:
    return _frame(name, bytes((STATELESS,)), var_string(payload))


def close(name: str, reason: str) -> bytes:
    return _frame(name, bytes((CLOSE,)), var_string(reason))


PING_FRAME = bytes((PING,))
PONG_FRAME = bytes((PONG,))


@dataclass(frozen=True, slots=True)
class Presence:
    """One client's awareness: `state` is JSON text, "null" when it left; a higher clock replaces a lower one."""

    client: int
    clock: int
    state: str


def decode_awareness(data: bytes) -> list[Presence]:
    """The entries of an awareness update. Raises Malformed."""
    reader = Reader(data)
    count = reader.var_uint()
    if count > len(data):
        raise Malformed("more awareness entries than bytes")
    return [Presence(reader.var_uint(), reader.var_uint(), reader.var_string()) for _ in range(count)]


def encode_awareness(entries: Iterable[Presence]) -> bytes:
    parts = [var_uint(e.client) + var_uint(e.clock) + var_string(e.state) for e in entries]
    return var_uint(len(parts)) + b"".join(parts)
