"""Room: one live document and its peers, and what it is made of."""

from ide.documents.room.author import ModelClient
from ide.documents.room.room import Room
from ide.documents.text import Edit
from ide.documents.yjs.anchors import Anchor

__all__ = ["Anchor", "Edit", "ModelClient", "Room"]
