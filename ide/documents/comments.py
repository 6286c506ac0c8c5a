"""Comments anchored to text: threads begun, answered, edited, resolved. Synchronous ORM; knows no sockets.

A thread's ends are Yjs relative positions, so it moves with its text; the quote tells what it was about when that text
is gone. Text is plain: nothing in it is markup, and `@name` of a member mentions them. Who may comment at all is asked
by the caller; whose comment it is, here.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from ide.accounts.models import Membership, User
from ide.documents.models import Comment, CommentThread, Document
from ide.documents.protocol import Malformed
from ide.documents.yjs.anchors import Place
from ide.errors import Invalid, NotAllowed, TooLarge

TEXT = 8000  # characters of one comment
QUOTE = 2000  # characters of the quote that are kept
THREADS = 1000  # in one document
COMMENTS = 200  # in one thread
LISTED = 300  # threads of a workspace told at once
Json = dict[str, object]

# Controls but for tab and line feed, and the marks that reorder what is read.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class Begun:
    """What a new thread is about: its ends as anchors of wire.ts, the text between them, the first comment."""

    start: str
    end: str
    quote: str
    text: str


def begin(document: Document, who: User, new: Begun) -> CommentThread:
    """A new thread with its first comment. Raises Invalid, TooLarge."""
    for anchor in (new.start, new.end):
        _check(anchor)
    text = _plain(new.text)
    with transaction.atomic():
        Document.objects.select_for_update().get(pk=document.pk)
        if document.threads.count() >= THREADS:
            raise TooLarge(f"A document takes {THREADS} threads at most.", "Delete some that are resolved.")
        thread = CommentThread.objects.create(
            document=document, start=new.start, end=new.end, quote=_printable(new.quote)[:QUOTE], created_by=who
        )
        _add(thread, who, text)
    return thread


def reply(thread: CommentThread, who: User, text: str) -> None:
    """One more comment; a resolved thread stays resolved. Raises Invalid, TooLarge."""
    plain = _plain(text)
    with transaction.atomic():
        CommentThread.objects.select_for_update().get(pk=thread.pk)
        if thread.comments.count() >= COMMENTS:
            raise TooLarge(f"A thread takes {COMMENTS} comments at most.", "Begin a new one.")
        _add(thread, who, plain)


def edit(comment: Comment, who: User, text: str) -> None:
    """Other words for one's own comment. Raises NotAllowed, Invalid, TooLarge."""
    _own(comment, who)
    comment.text, comment.edited_at = _plain(text), timezone.now()
    with transaction.atomic():
        comment.save(update_fields=["text", "edited_at"])
        _mention(comment)


def remove(comment: Comment, who: User) -> bool:
    """Take back one's own comment; with its last comment a thread goes too. Returns whether it went."""
    _own(comment, who)
    thread = comment.thread
    with transaction.atomic():
        CommentThread.objects.select_for_update().get(pk=thread.pk)
        comment.delete()
        if thread.comments.exists():
            return False
        thread.delete()
    return True


def resolve(thread: CommentThread, who: User) -> None:
    """Settled, by whom and when; the first to say so counts."""
    open_still = CommentThread.objects.filter(pk=thread.pk, resolved_at=None)
    open_still.update(resolved_by=who, resolved_at=timezone.now())


def reopen(thread: CommentThread) -> None:
    CommentThread.objects.filter(pk=thread.pk).update(resolved_by=None, resolved_at=None)


def of_document(document: Document) -> list[Json]:
    """Its threads in wire shape, the oldest first."""
    return _as_json(CommentThread.objects.filter(document=document).order_by("created_at", "pk"))


def of_workspace(workspace_id: str, *, resolved: bool) -> tuple[list[Json], bool]:
    """The newest threads of all its documents, open or resolved, and whether there are more."""
    rows = CommentThread.objects.filter(document__workspace_id=workspace_id, resolved_at__isnull=not resolved)
    found = _as_json(rows.order_by("-created_at", "pk")[: LISTED + 1])
    return found[:LISTED], len(found) > LISTED


def one(thread_id: str) -> Json | None:
    """A thread in wire shape as it is now, None if it is gone."""
    return next(iter(_as_json(CommentThread.objects.filter(pk=thread_id))), None)


# --- who is told ----------------------------------------------------------------------------------------------------

# (workspace id, document id, thread id), awaited after the commit.
OnThread = Callable[[str, str, str], Awaitable[None]]
_listeners: list[OnThread] = []


def on_thread(fn: OnThread) -> None:
    """`fn` is awaited whenever a thread was begun, changed or deleted."""
    if fn not in _listeners:
        _listeners.append(fn)


async def tell(workspace_id: str, document_id: str, thread_id: str) -> None:
    for fn in _listeners:
        await fn(workspace_id, document_id, thread_id)


# --- inside ---------------------------------------------------------------------------------------------------------


def _add(thread: CommentThread, who: User, text: str) -> None:
    _mention(Comment.objects.create(thread=thread, author=who, text=text))


def _own(comment: Comment, who: User) -> None:
    if comment.author_id != who.pk:
        raise NotAllowed("This comment is somebody else's.", "Answer it instead.")


def _mention(comment: Comment) -> None:
    """Members named in the text, by the name others see or by their username; the longest name that fits counts."""
    team_id = comment.thread.document.workspace.team_id
    members = Membership.objects.filter(team_id=team_id, user__is_active=True).select_related("user")
    comment.mentions.set(mentioned(comment.text, [row.user for row in members]))


def mentioned(text: str, people: Iterable[User]) -> set[User]:
    """Who of these people is named with an @ in a text."""
    by_name: dict[str, set[User]] = {}
    for user in people:
        for name in {user.shown_name, user.username}:
            by_name.setdefault(name.casefold(), set()).add(user)
    if not by_name:
        return set()
    names = "|".join(re.escape(name) for name in sorted(by_name, key=len, reverse=True))
    found = re.findall(rf"(?<!\w)@({names})(?!\w)", text.casefold())
    return {user for name in found for user in by_name[name]}


def _plain(text: str) -> str:
    """What is kept of a comment. Raises Invalid (nothing is left), TooLarge."""
    kept = _printable(text).strip()
    if not kept:
        raise Invalid("The comment is empty.", "Write something first.")
    if len(kept) > TEXT:
        raise TooLarge(f"A comment takes {TEXT:,} characters at most.", "Shorten it, or send it in two.")
    return kept


def _printable(text: str) -> str:
    return _UNPRINTABLE.sub("", text.replace("\r\n", "\n"))


def _check(anchor: str) -> None:
    """Raises Invalid for what is no position in a text. Whether it is of this text only its readers can tell."""
    try:
        if len(anchor) > 200:
            raise Malformed("an anchor is too long")
        Place.decode(anchor)
    except Malformed as error:
        raise Invalid("The place of the comment is not known.", "Select the text again.") from error


def _as_json(threads: Iterable[CommentThread]) -> list[Json]:
    rows = CommentThread.objects.filter(pk__in=[thread.pk for thread in threads])
    rows = rows.select_related("document", "resolved_by").prefetch_related("comments__author", "comments__mentions")
    found = {row.pk: _thread_json(row) for row in rows}
    return [found[thread.pk] for thread in threads if thread.pk in found]


def _thread_json(row: CommentThread) -> Json:
    """The Thread of wire.ts."""
    comments = sorted(row.comments.all(), key=lambda comment: (comment.created_at, comment.pk))
    return {
        "id": row.pk,
        "document": row.document_id,
        "path": row.document.path,
        "start": row.start,
        "end": row.end,
        "quote": row.quote,
        "resolved": _person_json(row.resolved_by),
        "resolved_at": row.resolved_at.isoformat() if row.resolved_at else None,
        "created_at": row.created_at.isoformat(),
        "comments": [_comment_json(comment) for comment in comments],
    }


def _comment_json(row: Comment) -> Json:
    return {
        "id": row.pk,
        "author": _person_json(row.author),
        "text": row.text,
        "created_at": row.created_at.isoformat(),
        "edited_at": row.edited_at.isoformat() if row.edited_at else None,
        "mentions": sorted(user.pk for user in row.mentions.all()),
    }


def _person_json(user: User | None) -> Json | None:
    return None if user is None else {"id": user.pk, "name": user.shown_name, "colour": user.colour}
