"""Pictures people show a model: known by their bytes, kept in the database, sent with what was said.

They belong to a workspace and go with it. A model is shown the newest few again in later turns; of older ones, and for
a model that reads text only, the history says that there was a picture.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from django.utils import timezone

from agents.endpoints import abilities
from agents.engine.messages import Image, Message
from agents.models import Endpoint, Item, Picture
from ide.errors import Busy, Invalid, NotFound, TooLarge
from ide.workspaces.models import Workspace

MOST_BYTES = 5 << 20
MOST_PIXELS = 8_000  # on a side
MOST = 8  # in one message
A_DAY = 500  # of one person
SEGMENTS = 1_000  # of a JPEG that are looked at for its size
AGAIN = 4  # pictures of earlier turns that a model is shown again
TAKEN = "Tandem takes PNG, JPEG, WebP and GIF."
GONE = "[A picture was shown here; it is not sent again.]"


@dataclass(frozen=True)
class Shape:
    media_type: str
    width: int
    height: int


# --- known by their bytes ---------------------------------------------------------------------------------------------


def shape(data: bytes) -> Shape:
    """Kind and size of a picture as its own header has them, whatever it is called. Raises Invalid, TooLarge."""
    if len(data) > MOST_BYTES:
        raise TooLarge(f"The picture is larger than {MOST_BYTES >> 20} MiB.", "Make it smaller, or cut out a part.")
    for media_type, mark, measure in _KINDS:
        if data.startswith(mark):
            return _fitting(Shape(media_type, *_measured(measure, data)))
    raise Invalid("This is not a picture that models read.", TAKEN)


def _measured(measure: Callable[[bytes], tuple[int, int]], data: bytes) -> tuple[int, int]:
    try:
        return measure(data)
    except IndexError:
        return 0, 0


def _fitting(found: Shape) -> Shape:
    if not found.width or not found.height:
        raise Invalid("The picture is damaged: its size cannot be read.", "Save it again, or take another one.")
    if max(found.width, found.height) > MOST_PIXELS:
        size = f"{found.width:,} × {found.height:,} pixels"
        raise TooLarge(f"The picture has {size}.", f"Use at most {MOST_PIXELS:,} on a side.")
    return found


def _png(data: bytes) -> tuple[int, int]:
    return (_big(data, 16, 4), _big(data, 20, 4)) if data[12:16] == b"IHDR" else (0, 0)


def _gif(data: bytes) -> tuple[int, int]:
    return _little(data, 6, 2), _little(data, 8, 2)


def _jpeg(data: bytes) -> tuple[int, int]:
    """The size is in the first frame header; the segments before it are stepped over."""
    at = 2
    for _ in range(SEGMENTS):
        kind = data[at + 1]
        if data[at] != 0xFF:
            break
        if 0xC0 <= kind <= 0xCF and kind not in (0xC4, 0xC8, 0xCC):
            return _big(data, at + 7, 2), _big(data, at + 5, 2)
        else:
            at += 2 + _big(data, at + 2, 2)
    return 0, 0


def _webp(data: bytes) -> tuple[int, int]:
    if data[8:12] != b"WEBP":
        return 0, 0
    match data[12:16]:
        case b"VP8 ":
            return _little(data, 26, 2) & 0x3FFF, _little(data, 28, 2) & 0x3FFF
        case b"VP8L":
            bits = _little(data, 21, 4)
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8X":
            return _little(data, 24, 3) + 1, _little(data, 27, 3) + 1
    return 0, 0


def _bytes(data: bytes, at: int, size: int) -> bytes:
    """Raises IndexError where the picture ends before."""
    if at + size > len(data):
        raise IndexError
    return data[at : at + size]


def _big(data: bytes, at: int, size: int) -> int:
    return int.from_bytes(_bytes(data, at, size), "big")


def _little(data: bytes, at: int, size: int) -> int:
    return int.from_bytes(_bytes(data, at, size), "little")


_KINDS = (
    ("image/png", b"\x89PNG\r\n\x1a\n", _png),
    ("image/jpeg", b"\xff\xd8\xff", _jpeg),
    ("image/webp", b"RIFF", _webp),
    ("image/gif", b"GIF8", _gif),
)


# --- kept -------------------------------------------------------------------------------------------------------------


def keep(workspace: Workspace, author_id: int, data: bytes) -> Picture:
    """Synchronous ORM. Raises Invalid, TooLarge, Busy."""
    found = shape(data)
    since = timezone.now() - timedelta(days=1)
    if Picture.objects.filter(author_id=author_id, created_at__gte=since).count() >= A_DAY:
        raise Busy(f"You added {A_DAY} pictures within a day.", 3600, "Use text, or wait until tomorrow.")
    size = {"media_type": found.media_type, "width": found.width, "height": found.height}
    return Picture.objects.create(workspace=workspace, author_id=author_id, data=data, **size)


def said(workspace_id: str, ids: Sequence[str]) -> list[dict[str, object]]:
    """The pictures of a message as its item has them, in order. Synchronous ORM. Raises Invalid, NotFound."""
    wanted = list(dict.fromkeys(ids))
    if len(wanted) > MOST:
        raise Invalid(f"A message takes {MOST} pictures at most.", "Leave some out, or send them in another message.")
    rows = Picture.objects.filter(workspace_id=workspace_id, pk__in=wanted).defer("data")
    known = {row.pk: row for row in rows}
    if len(known) < len(wanted):
        raise NotFound("A picture of this message is not there any more.", "Remove it, and add it again.")
    return [{"id": id, "width": known[id].width, "height": known[id].height} for id in wanted]


def ids_in(data: Mapping[str, object]) -> list[str]:
    """The ids of an item's pictures."""
    shown = data.get("pictures")
    return [str(one.get("id")) for one in shown if isinstance(one, dict)] if isinstance(shown, list) else []


def images(workspace_id: str, ids: Sequence[str]) -> tuple[Image, ...]:
    """The pictures themselves, in order; what is gone is left out. Synchronous ORM."""
    if not ids:
        return ()
    known = Picture.objects.filter(workspace_id=workspace_id).in_bulk(ids)
    return tuple(Image(known[id].media_type, bytes(known[id].data)) for id in ids if id in known)


def newest(items: Sequence[Item]) -> dict[str, tuple[Image, ...]]:
    """The newest few pictures among a session's items in their order, by item. Synchronous ORM."""
    out: dict[str, tuple[Image, ...]] = {}
    room = AGAIN
    for item in reversed(items):
        ids = ids_in(item.data)[-room:] if room else []
        if ids:
            out[item.pk] = images(item.turn.session.workspace_id, ids)
            room -= len(ids)
    return out


# --- shown to a model -------------------------------------------------------------------------------------------------


def sees(endpoint: Endpoint) -> bool:
    """Whether a model may be sent pictures: unless it is known to read text only."""
    return not endpoint.builtin and abilities.of(endpoint).images is not False


def check_sees(endpoint: Endpoint) -> None:
    """Raises Invalid where the model reads text only."""
    if not sees(endpoint):
        raise Invalid(
            f"{endpoint.name} reads text only, so it cannot be shown the pictures.",
            "Choose a model that sees pictures, or remove them.",
        )


def thinned(messages: Sequence[Message], *, seeing: bool, again: int = AGAIN) -> list[Message]:
    """The history with the newest pictures only; none for a model that reads text only. Those of the last message are
    what is asked, and stay."""
    room = again if seeing else 0
    out = list(messages[-1:])
    for message in reversed(messages[:-1]):
        kept = message.images[-room:] if room else ()
        room -= len(kept)
        if len(kept) < len(message.images):
            out.append(replace(message, text=f"{message.text}\n\n{GONE}".strip(), images=kept))
        else:
            out.append(message)
    return out[::-1]
