"""What an update is made of, read without applying it: client ids, clocks, what it builds on. Yjs' encoding, version 1.

Format: number of sections; each section number of structs, client, first clock, structs; then the deletions. Why not
pycrdt: its `get_state(update)` counts only runs that begin at clock 0, and it tells nothing of what is missing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from ide.documents.protocol import Malformed, Reader, var_uint

STRUCTS_LIMIT = 300_000  # about a second of reading
_GC, _SKIP = 0, 10
_ORIGIN, _RIGHT_ORIGIN, _PARENT_SUB = 0x80, 0x40, 0x20
_NAMED_TYPES = (3, 5)  # XmlElement and XmlHook carry their name
_DEPTH = 50

Id: TypeAlias = tuple[int, int]  # client, clock
Deletion: TypeAlias = tuple[int, int, int]  # client, first clock, clock behind the last


@dataclass(frozen=True, slots=True)
class Section:
    """Structs of one client: from `clock` up to, not including, `end`."""

    client: int
    clock: int
    end: int


@dataclass(slots=True)
class Part:
    """One struct as it stands in an update, and the characters that it stands beside or in."""

    client: int
    clock: int
    end: int
    needs: tuple[Id, ...]
    data: bytes


def parts(update: bytes, limit: int = STRUCTS_LIMIT) -> tuple[list[Part], list[Deletion]]:
    """Everything in an update; clocks that it skips are left out. Raises Malformed."""
    reader, found = Reader(update), []
    for _ in range(reader.var_uint()):
        count, client, clock = reader.var_uint(), reader.var_uint(), reader.var_uint()
        limit -= count
        if limit < 0:
            raise Malformed("an update has too many parts")
        if not count:
            raise Malformed("an update names a client that wrote nothing in it")  # behind a gap pycrdt panics on that
        for _ in range(count):
            at = reader.at
            length, needs = _struct(reader)
            if not length:
                raise Malformed("a part of an update is empty")  # pycrdt panics on some of those
            if update[at] & 0x1F != _SKIP:
                found.append(Part(client, clock, clock + length, needs, update[at : reader.at]))
            clock += length
    return found, _deletions(reader)


def _deletions(reader: Reader) -> list[Deletion]:
    found = []
    for _ in range(reader.var_uint()):
        client = reader.var_uint()
        for _ in range(reader.var_uint()):
            clock = reader.var_uint()
            found.append((client, clock, clock + reader.var_uint()))
    return found


def written(found: list[Part]) -> bytes:
    """An update of parts of one client that follow each other."""
    first = found[0]
    head = var_uint(len(found)) + var_uint(first.client) + var_uint(first.clock)
    return b"\x01" + head + b"".join(part.data for part in found) + b"\x00"


def deleting(found: list[Deletion]) -> bytes:
    """An update that deletes, and nothing else."""
    by_client: dict[int, list[bytes]] = {}
    for client, start, end in found:
        by_client.setdefault(client, []).append(var_uint(start) + var_uint(end - start))
    told = [var_uint(client) + var_uint(len(all)) + b"".join(all) for client, all in by_client.items()]
    return b"\x00" + var_uint(len(told)) + b"".join(told)


def sections(update: bytes) -> list[Section]:
    """Raises Malformed."""
    reader = Reader(update)
    found, budget = [], STRUCTS_LIMIT
    for _ in range(reader.var_uint()):
        count, client, clock = reader.var_uint(), reader.var_uint(), reader.var_uint()
        budget -= count
        if budget < 0:
            raise Malformed("an update has too many parts")
        end = clock
        for _ in range(count):
            end += _struct(reader)[0]
        found.append(Section(client, clock, end))
    return found


def _struct(reader: Reader) -> tuple[int, tuple[Id, ...]]:
    """Pass one struct: its length in clocks, and what it needs."""
    info = reader.byte()
    kind = info & 0x1F
    if kind in (_GC, _SKIP):
        return reader.var_uint(), ()
    needs: tuple[Id, ...] = ()
    if info & _ORIGIN:
        needs = ((reader.var_uint(), reader.var_uint()),)
    if info & _RIGHT_ORIGIN:
        needs = (*needs, (reader.var_uint(), reader.var_uint()))
    if not needs:
        if reader.var_uint():
            reader.var_bytes()
        else:
            needs = ((reader.var_uint(), reader.var_uint()),)
        if info & _PARENT_SUB:
            reader.var_bytes()
    content = _CONTENT.get(kind)
    if content is None:
        raise Malformed(f"content {kind} of an update is not known")
    return content(reader), needs


def _text(reader: Reader) -> int:
    return len(reader.var_string().encode("utf-16-le")) // 2


def _one_field(reader: Reader) -> int:
    reader.var_bytes()
    return 1


def _format(reader: Reader) -> int:
    reader.var_bytes()
    return _one_field(reader)


def _json(reader: Reader) -> int:
    count = reader.var_uint()
    for _ in range(count):
        reader.var_bytes()
    return count


def _type(reader: Reader) -> int:
    if reader.var_uint() in _NAMED_TYPES:
        reader.var_bytes()
    return 1


def _anys(reader: Reader) -> int:
    count = reader.var_uint()
    for _ in range(count):
        _any(reader, _DEPTH)
    return count


def _subdocument(reader: Reader) -> int:
    reader.var_bytes()
    _any(reader, _DEPTH)
    return 1


def _any(reader: Reader, depth: int) -> None:
    """Pass one of lib0's tagged values."""
    tag = reader.byte()
    if not depth or tag < 116:
        raise Malformed("a value of an update is not known, or too deep")
    if tag == 125:
        while reader.byte() & 0x80:  # a signed integer: bit 7 says that another byte follows
            pass
    elif tag in (122, 123, 124):
        reader.skip(4 if tag == 124 else 8)
    elif tag in (116, 119):
        reader.var_bytes()
    elif tag in (117, 118):
        for _ in range(reader.var_uint()):
            if tag == 118:
                reader.var_bytes()
            _any(reader, depth - 1)


_CONTENT: dict[int, Callable[[Reader], int]] = {
    1: Reader.var_uint,
    2: _json,
    3: _one_field,
    4: _text,
    5: _one_field,
    6: _format,
    7: _type,
    8: _anys,
    9: _subdocument,
}
