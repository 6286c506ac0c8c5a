"""What waits to be said in a session, as rows. Synchronous ORM; each change answers the queue as it is then.

The head of a queue says why it does not move (`held`): its author may not be asked for, or the queue stands still
because a turn was stopped, failed, or died with the process. Nothing behind a held head is sent by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Max

from agents import wire
from agents.models import QueueEntry, Turn
from ide.accounts.models import User
from ide.errors import Conflict, Invalid, NotFound, TooLarge

MOST = 50
LONGEST_TEXT = 100_000
RESTARTED = "Tandem was restarted."
STANDS = "The queue was stopped."
STOPPED = {
    Turn.State.INTERRUPTED: "The turn before was interrupted.",
    Turn.State.FAILED: "The turn before failed.",
}


def check(text: str) -> str:
    """A text that may wait. Raises Invalid, TooLarge."""
    if not text.strip():
        raise Invalid("There is nothing to queue: the message is empty.", "Say what should be done.")
    if len(text) > LONGEST_TEXT:
        raise TooLarge("The message is too long.", f"Use at most {LONGEST_TEXT:,} characters.")
    return text


def rows(session_id: str) -> list[QueueEntry]:
    return list(QueueEntry.objects.filter(session_id=session_id).select_related("author"))


def taken_up(session_id: str) -> list[QueueEntry]:
    """The queue of a session nothing runs in: it stands still until somebody sends."""
    return _still(rows(session_id), RESTARTED)


def add(session_id: str, user_id: int, data: Mapping[str, object], endpoint: int | None) -> list[QueueEntry]:
    with transaction.atomic():
        queue = QueueEntry.objects.filter(session_id=session_id)
        if queue.count() >= MOST:
            raise Conflict("The queue is full.", f"Send or remove something first: it holds {MOST} messages.")
        last = queue.aggregate(last=Max("position"))["last"]
        position = 0 if last is None else last + 1
        made = QueueEntry(session_id=session_id, position=position, author_id=user_id, data=dict(data))
        made.endpoint_id = endpoint
        made.save()
    return rows(session_id)


def edit(session_id: str, entry_id: str, user_id: int, changes: Mapping[str, object]) -> list[QueueEntry]:
    def act(queue: list[QueueEntry], entry: QueueEntry) -> None:
        entry.data |= dict(changes)
        _mark(entry, user_id, "edited")

    return _change(session_id, entry_id, act)


@dataclass(frozen=True)
class Place:
    """Before that entry; None: at the end. `idle`: nothing runs in the session."""

    before: str | None
    user_id: int
    idle: bool


def move(session_id: str, entry_id: str, place: Place) -> list[QueueEntry]:

    def act(queue: list[QueueEntry], entry: QueueEntry) -> None:
        queue.remove(entry)
        at = next((at for at, other in enumerate(queue) if other.pk == place.before), len(queue))
        if place.before is not None and at == len(queue):
            raise _gone()
        queue.insert(at, entry)
        _mark(entry, place.user_id, "moved")
        for position, other in enumerate(queue):
            other.position = position
        QueueEntry.objects.bulk_update(queue, ["position"])

    return _change(session_id, entry_id, act, idle=place.idle)


def remove(session_id: str, entry_id: str, idle: bool) -> list[QueueEntry]:
    def act(queue: list[QueueEntry], entry: QueueEntry) -> None:
        entry.delete()

    return _change(session_id, entry_id, act, idle=idle)


def take_out(session_id: str, entry_id: str) -> None:
    """It is being sent. Call it in the transaction that sends. Raises NotFound when it is there no more."""
    deleted, _ = QueueEntry.objects.filter(pk=entry_id, session_id=session_id).delete()
    if not deleted:
        raise _gone()


def hold(session_id: str, entry_id: str, why: str) -> list[QueueEntry]:
    QueueEntry.objects.filter(pk=entry_id, session_id=session_id).update(held=why)
    return rows(session_id)


def let_go(session_id: str) -> list[QueueEntry]:
    """Nothing of it is held any more."""
    QueueEntry.objects.filter(session_id=session_id).update(held="")
    return rows(session_id)


def _change(
    session_id: str, entry_id: str, act: Callable[[list[QueueEntry], QueueEntry], None], *, idle: bool = False
) -> list[QueueEntry]:
    with transaction.atomic():
        queue = rows(session_id)
        act(queue, found(queue, entry_id))
    queue = rows(session_id)
    return _still(queue, STANDS) if idle else queue


def session_of(workspace_id: str, entry_id: str) -> str:
    """Raises NotFound."""
    entry = QueueEntry.objects.filter(pk=entry_id, session__workspace_id=workspace_id).first()
    if entry is None:
        raise _gone()
    return str(entry.session_id)


def found(queue: Sequence[QueueEntry], entry_id: str) -> QueueEntry:
    """Raises NotFound."""
    for entry in queue:
        if entry.pk == entry_id:
            return entry
    raise _gone()


def _still(queue: list[QueueEntry], why: str) -> list[QueueEntry]:
    if queue and not queue[0].held:
        queue[0].held = why
        queue[0].save(update_fields=["held"])
    return queue


def _mark(entry: QueueEntry, user_id: int, how: str) -> None:
    entry.data["changed"] = {"by": wire.person(User.objects.get(pk=user_id)), "how": how}
    entry.save(update_fields=["data"])


def _gone() -> NotFound:
    return NotFound("This message is not in the queue any more.", "Somebody sent or removed it.")
