"""Pure decoder of Yjs updates, version 1: bytes → the structs and deletions in them. No document, no state.

Only what the root text needs is kept: strings, how long everything else is, and who stands beside whom. Written from
the format of lib0 and Yjs; `items` puts the structs in order. (`structs` reads only how far each client goes, on the
hot path.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from ide.documents.protocol import Malformed, Reader
from ide.documents.yjs.replica import ROOT

Id: TypeAlias = tuple[int, int]  # client, clock

GC, DELETED, JSON, BINARY, STRING, EMBED, FORMAT, TYPE, ANY, DOC, SKIP = range(11)
_ORIGIN, _RIGHT, _SUB = 0x80, 0x40, 0x20
_NAMED_TYPES = (3, 5)  # XmlElement and XmlHook carry a name


@dataclass(slots=True)
class Struct:
    """`length` clocks of one client from `clock` on. `data` is UTF-16-LE if it is a string, else None.

    `foreign`: it has no place in the root text (garbage, a key of a map, content of another type).
    """

    client: int
    clock: int
    length: int
    data: bytes | None
    origin: Id | None
    right: Id | None
    foreign: bool
    deleted: bool


@dataclass(frozen=True, slots=True)
class Update:
    structs: dict[int, list[Struct]]  # by client, clocks rising; skipped clocks are left out
    deletions: list[tuple[int, int, int]]  # client, clock, length


def decode(update: bytes) -> Update:
    """What an update says. Raises Malformed."""
    reader = Reader(update)
    try:
        structs: dict[int, list[Struct]] = {}
        for _ in range(reader.var_uint()):
            count, client, clock = reader.var_uint(), reader.var_uint(), reader.var_uint()
            found = structs.setdefault(client, [])
            for _ in range(count):
                one = _struct(reader, client, clock)
                clock += abs(one.length)
                if one.length > 0:
                    found.append(one)
        return Update(structs, _deletions(reader))
    except (RecursionError, UnicodeDecodeError) as error:
        raise Malformed("an update nests too deep, or has a string that is not UTF-8") from error


def _deletions(reader: Reader) -> list[tuple[int, int, int]]:
    out = []
    for _ in range(reader.var_uint()):
        client = reader.var_uint()
        out += [(client, reader.var_uint(), reader.var_uint()) for _ in range(reader.var_uint())]
    return out


def _struct(reader: Reader, client: int, clock: int) -> Struct:
    """The next struct; one that only skips clocks has a negative length."""
    info = _byte(reader)
    kind = info & 0x1F
    if kind in (GC, SKIP):
        length = reader.var_uint()
        return Struct(client, clock, length if kind == GC else -length, None, None, None, True, True)
    origin = (reader.var_uint(), reader.var_uint()) if info & _ORIGIN else None
    right = (reader.var_uint(), reader.var_uint()) if info & _RIGHT else None
    foreign = False
    if origin is None and right is None:
        foreign = not _in_root(reader)
        if info & _SUB:
            reader.var_string()
            foreign = True
    length, data = _content(reader, kind)
    return Struct(client, clock, length, data, origin, right, foreign, kind == DELETED)


def _in_root(reader: Reader) -> bool:
    if reader.var_uint() == 1:
        return reader.var_string() == ROOT
    reader.var_uint()  # the id of a nested type
    reader.var_uint()
    return False


def _content(reader: Reader, kind: int) -> tuple[int, bytes | None]:
    """(length, text or None) of an item."""
    if kind == STRING:
        data = reader.var_bytes().decode("utf-8", "surrogatepass").encode("utf-16-le", "surrogatepass")
        return len(data) // 2, data
    if kind == DELETED:
        return reader.var_uint(), None
    if kind in (JSON, ANY):
        length = reader.var_uint()
        for _ in range(length):
            reader.var_bytes() if kind == JSON else _any(reader)
        return length, None
    if kind in (BINARY, EMBED):
        reader.var_bytes()
    elif kind == FORMAT:
        reader.var_bytes()
        reader.var_bytes()
    elif kind == TYPE:
        if reader.var_uint() in _NAMED_TYPES:
            reader.var_bytes()
    elif kind == DOC:
        reader.var_bytes()
        _any(reader)
    else:
        raise Malformed(f"an update has content of the unknown kind {kind}")
    return 1, None


def _byte(reader: Reader) -> int:
    if reader.at >= len(reader.data):
        raise Malformed("an update ends early")
    reader.at += 1
    return reader.data[reader.at - 1]


def _any(reader: Reader) -> None:
    """Step over one value of lib0's `any`."""
    kind = _byte(reader)
    if kind == 125:  # a signed integer of variable length
        while _byte(reader) & 0x80:
            pass
    elif kind in (124, 123, 122):
        for _ in range(4 if kind == 124 else 8):
            _byte(reader)
    elif kind in (119, 116):
        reader.var_bytes()
    elif kind in (118, 117):
        for _ in range(reader.var_uint()):
            if kind == 118:
                reader.var_bytes()
            _any(reader)
    elif kind not in (127, 126, 121, 120):
        raise Malformed(f"an update has a value of the unknown kind {kind}")
