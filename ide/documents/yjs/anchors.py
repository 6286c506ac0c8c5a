"""Positions that stay with the text: code point index ↔ Yjs relative position.

Why not pycrdt's sticky indices alone: with 0.14.13 they are right in blocks of ASCII only. Inside a block they add a
byte offset to a clock that counts UTF-16 units (and the reverse when read), so behind an emoji they name another
character or panic. Both directions are exact at the first character of a block, so for a text beyond ASCII a private
copy of the document, the ruler, is split by an insert at the place in question before it is asked.
"""

from __future__ import annotations

import base64
import binascii
from abc import ABC, abstractmethod
from dataclasses import dataclass

from pycrdt import Assoc, Doc, StickyIndex, Text

from ide.documents.protocol import Malformed, Reader, var_string, var_uint
from ide.documents.text import from_bytes, from_utf16, to_bytes
from ide.documents.yjs.replica import ROOT, Replica

# A ruler collects one tombstone per split; a fresh copy is cheaper than a long one.
_SPLITS = 500


@dataclass(frozen=True, slots=True)
class Place:
    """A Yjs relative position. `unit` is (client, clock) of a UTF-16 unit; None stands for the start of the text
    (assoc < 0) or its end. assoc < 0 sticks to the right side of the unit, else to its left side."""

    unit: tuple[int, int] | None
    assoc: int

    def encode(self) -> str:
        """As in wire.ts: base64 of Y.encodeRelativePosition."""
        tail = b"\x41" if self.assoc < 0 else b"\x00"
        if self.unit is None:
            raw = b"\x01" + var_string(ROOT) + tail
        else:
            raw = b"\x00" + var_uint(self.unit[0]) + var_uint(self.unit[1]) + tail
        return base64.b64encode(raw).decode()

    @classmethod
    def decode(cls, wire: str) -> Place:
        """Raises Malformed for anything but a position in the root text."""
        try:
            reader = Reader(base64.b64decode(wire, validate=True))
        except (binascii.Error, ValueError) as error:
            raise Malformed("an anchor is not base64") from error
        kind = reader.var_uint()
        if kind == 0:
            unit: tuple[int, int] | None = (reader.var_uint(), reader.var_uint())
        elif kind == 1 and reader.var_string() == ROOT:
            unit = None
        else:
            raise Malformed("an anchor does not point into the text")
        # lib0's signed integer: bit 6 of the first byte is the sign. Old clients leave the field out.
        negative = not reader.done and bool(reader.data[reader.at] & 0x40)
        return cls(unit, -1 if negative else 0)


class Ruler:
    """Exact conversions for one replica, which it never changes."""

    def __init__(self, replica: Replica) -> None:
        self._replica = replica
        self._doc: Doc[Text] | None = None
        self._root: Text | None = None
        self._version = -1
        self._splits = 0

    def place(self, index: int, assoc: int) -> Place:
        """The relative position of a code point index, clamped to the text."""
        text = self._replica.text()
        index = max(0, min(index, len(text)))
        if assoc < 0:
            if index == 0:
                return Place(None, -1)
            client, clock = self._unit_at(text, index - 1)
            return Place((client, clock + (ord(text[index - 1]) > 0xFFFF)), -1)
        return Place(None if index == len(text) else self._unit_at(text, index), 0)

    def index(self, place: Place) -> int | None:
        """The code point index now; None if the unit is not (or no longer) part of this document."""
        text = self._replica.text()
        if place.unit is None:
            return 0 if place.assoc < 0 else len(text)
        if not self._replica.knows(*place.unit):
            return None
        if text.isascii():
            return self._native(self._replica.doc, place.unit, place.assoc)
        return self._measure(text, place)

    def _unit_at(self, text: str, index: int) -> tuple[int, int]:
        if text.isascii():
            found = self._replica.root.sticky_index(index, Assoc.AFTER).to_json()["item"]
        else:
            doc, root = self._ready()
            offset = to_bytes(text, index)
            with doc.transaction():
                root.insert(offset, "|")
                found = root.sticky_index(offset + 1, Assoc.AFTER).to_json()["item"]
                del root[offset : offset + 1]
            self._splits += 1
        return int(found["client"]), int(found["clock"])

    def _measure(self, text: str, place: Place) -> int:
        """What pycrdt answers lies in the unit's block and never behind the unit. A split there starts a block, from
        which the distance it then answers is exact, in UTF-16 units."""
        doc, root = self._ready()
        unit = place.unit or (0, 0)
        near = from_bytes(text, self._native(doc, unit, 0))
        offset = to_bytes(text, near)
        with doc.transaction():
            root.insert(offset, "|")
            del root[offset : offset + 1]
        self._splits += 1
        distance = self._native(doc, unit, 0) - offset
        index = near + from_utf16(text[near : near + distance + 1], distance)
        if place.assoc < 0 and self._native(doc, unit, -1) > self._native(doc, unit, 0):
            return index + 1  # the unit is not deleted: behind its character
        return index

    @staticmethod
    def _native(doc: Doc[Text], unit: tuple[int, int], assoc: int) -> int:
        raw = b"\x00" + var_uint(unit[0]) + var_uint(unit[1]) + (b"\x41" if assoc < 0 else b"\x00")
        with doc.transaction() as transaction:
            return StickyIndex.decode(raw).get_index(transaction)

    def _ready(self) -> tuple[Doc[Text], Text]:
        """The copy, with everything the replica has by now."""
        if self._doc is None or self._root is None or self._splits > _SPLITS:
            self._doc, self._splits, self._version = Doc(), 0, -1
            self._root = self._doc.get(ROOT, type=Text)
        if self._version != self._replica.version:
            self._doc.apply_update(self._replica.since(self._doc.get_state()))
            self._version = self._replica.version
        return self._doc, self._root


@dataclass(frozen=True, slots=True)
class Anchor:
    """A position that moves with the text around it, and with the replica when it is built anew."""

    _text: LiveText
    _place: Place

    def index(self) -> int | None:
        """The code point index now; None if it cannot be told in this document."""
        return self._text.index_at(self._place)

    def wire(self) -> str:
        return self._place.encode()


class LiveText(ABC):
    """The text of a live document and the positions in it, with everything that has arrived."""

    def __init__(self) -> None:
        self._renew(Replica())

    def _renew(self, replica: Replica) -> None:
        self._replica = replica
        self._ruler = Ruler(replica)
        self._places: dict[Place, tuple[int, int | None]] = {}

    @abstractmethod
    def flush(self) -> None:
        """Take in what has arrived."""

    @property
    def version(self) -> int:
        """Rises with every change of the text."""
        return self._replica.version

    def rest(self) -> None:
        """Hold little while nobody types."""
        self._replica.rest()

    def text(self) -> str:
        """The text now, with everything that has arrived."""
        self.flush()
        return self._replica.text()

    def encoded(self) -> bytes:
        """The integrated state as one update (for tests and copies; never for the log: it lacks gapped updates)."""
        self.flush()
        return self._replica.since()

    def anchor(self, index: int, assoc: int = -1) -> Anchor:
        """An anchor at a code point index: assoc < 0 sticks to the character before it, else to the one behind it."""
        self.flush()
        return self.stick(index, assoc)

    def stick(self, index: int, assoc: int = -1) -> Anchor:
        """The same, of the text as it was before what has arrived is taken in."""
        return Anchor(self, self._ruler.place(index, assoc))

    def anchor_wire(self, index: int, assoc: int = -1) -> str:
        return self.anchor(index, assoc).wire()

    def anchor_from(self, wire: str) -> Anchor | None:
        """The anchor a client sent; None if it is none of this document."""
        try:
            anchor = Anchor(self, Place.decode(wire))
        except Malformed:
            return None
        return anchor if anchor.index() is not None else None

    def index_of(self, wire: str) -> int | None:
        """The code point index of an anchor a client sent; None if it is none of this document."""
        anchor = self.anchor_from(wire)
        return anchor.index() if anchor else None

    def index_at(self, place: Place) -> int | None:
        self.flush()
        version, index = self._places.get(place, (-1, None))
        if version != self.version:
            index = self._ruler.index(place)
            if len(self._places) > 1000:
                self._places.clear()
            self._places[place] = (self.version, index)
        return index
