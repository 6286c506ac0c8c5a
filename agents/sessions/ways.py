"""What a turn does: talk (with tools where the model drives them), rewrite a selection, put a block into a file."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, cast

from agents.context import pictures
from agents.context.mentions import Found, looked_up
from agents.endpoints.measure import Measured
from agents.engine import context
from agents.engine.context import CodeReply, OpenFile
from agents.engine.edits.apply import LiveRewrite
from agents.engine.edits.ops import EditError
from agents.engine.messages import Event, TextDelta
from agents.environments.overlay_target import OverlayTarget, target_of
from agents.environments.room_target import RoomTarget
from agents.models import Endpoint, Item
from agents.sessions import blocks
from agents.sessions.acts import Way
from agents.sessions.pace import FRAME, SLACK
from agents.sessions.pauses import Span
from agents.sessions.turns import LiveTurn, Region
from ide.db import in_db
from ide.documents.room import Anchor, Room
from ide.documents.text import minimal_edits
from ide.errors import Conflict, Invalid, NotFound


def region_of(room: Room, start: str, end: str) -> Region:
    """The stretch between two anchors a client sent. Raises Conflict when they are none of this document."""
    first, last = room.anchor_from(start), room.anchor_from(end)
    if first is None or last is None:
        raise Conflict("The selected text is not there any more.", "Select it again.")
    return Region(room, first, last)


def lines_of(region: Region) -> tuple[str, blocks.Span]:
    """The document's text and the whole lines of the region in it. Raises Conflict when the region is gone."""
    start, end = region.start.index(), region.end.index()
    if start is None or end is None:
        raise Conflict("The selected text was deleted meanwhile.", "Select what is there now.")
    text = region.room.text()
    return text, blocks.whole_lines(text, start, end)


def engaged(turn: LiveTurn) -> tuple[Measured, Endpoint]:
    """The turn's model."""
    assert turn.provider is not None and turn.endpoint is not None  # noqa: S101, PT018 (opened before the way runs)
    return turn.provider, turn.endpoint


# --- rewriting a selection --------------------------------------------------------------------------------------------


@dataclass
class Pen:
    """Writes a reply's code over the selection, one insertion a frame; the first comes at once."""

    turn: LiveTurn
    target: RoomTarget | OverlayTarget
    rewrite: LiveRewrite
    left: bool = False
    _pending: str = ""
    _timer: asyncio.TimerHandle | None = None
    _wrote_at: float = field(default=-1.0)
    _fault: Exception | None = None

    def follow(self) -> None:
        """A person who types inside what it writes stops it there."""

        def span() -> Span | None:
            start, end = self.rewrite.region
            return None if self.left else (start.index(), end.index())

        self.target.watch(span, lambda typed: self.turn.pauses.begin(typed, self.leave))

    def leave(self) -> None:
        """Write no more: what is there stays as it is."""
        self.left = True
        self._stop()
        self.rewrite.abort()

    def write(self, code: str) -> None:
        """Raises Ended, EditError."""
        if self.left:
            return
        if self._fault is not None:
            raise self._fault
        self._pending += code
        if not self._pending or self._timer is not None:
            return
        wait = self._wrote_at + FRAME - time.monotonic()
        if wait <= SLACK:
            self._flush()
        else:
            self._timer = asyncio.get_running_loop().call_later(wait, self._tick)

    def _tick(self) -> None:
        self._timer = None
        if self.target.busy():
            self._timer = asyncio.get_running_loop().call_later(FRAME, self._tick)
            return
        try:
            self._flush()
        except Exception as error:  # told at the next write: a timer has nobody to tell
            self._fault = error

    def _flush(self) -> None:
        code, self._pending = self._pending, ""
        if code:
            self.turn.check()
            self.rewrite.feed(code)
            self._wrote_at = time.monotonic()
            self.turn.rest()
            start, cursor = self.rewrite.region
            self.turn.region(self.target.room, cast(Anchor, start), cast(Anchor, cursor))

    def finish(self) -> None:
        """The reply is complete: the rest of the old lines goes. Raises Invalid when it held no code."""
        self._stop()
        if self._fault is not None:
            raise self._fault
        if self.left:
            return
        self._flush()
        self.turn.check()
        summary = self.rewrite.finish()
        if summary.failed:
            raise Invalid(summary.failed[0], "Try again, or say it in other words.")

    def lift(self) -> None:
        """Stop here: what is written stays, and so do the old lines not reached yet."""
        self._stop()
        if self.turn.open and self._fault is None and not self.left:
            self._flush()
        self.rewrite.abort()

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def inline(region: Region, instruction: str) -> Way:
    """Rewrite the lines of the region as the instruction says."""

    async def way(turn: LiveTurn) -> None:
        provider, endpoint = engaged(turn)
        room = region.room
        text, span = lines_of(region)
        file = OpenFile(room.path, text, span.start, span.end)
        asked = context.inline(file, instruction, small=endpoint.builtin, window=endpoint.window)
        turn.region_written = Region(room, room.anchor(span.start, -1), room.anchor(span.end, 0))
        target = target_of(turn, room)
        start, end = target.anchor(span.start, -1), target.anchor(span.end, 0)
        pen = Pen(turn, target, LiveRewrite(target, start, end, indent=asked.indent))
        pen.follow()
        reply = CodeReply(asked)
        try:
            stream = cast(AsyncGenerator[list[Event], None], provider.stream(asked.request(endpoint.model)))
            async with aclosing(stream) as answer:
                await _write(answer, reply, pen)
            await target.ready()
            pen.write(reply.finish())
            await turn.pauses.settled()
            turn.check()
            pen.finish()
        except EditError as error:
            raise Conflict(str(error), "What was written is kept; select what is there now and try again.") from error
        except BaseException:
            pen.lift()
            raise
        finally:
            target.close()
        turn.left(room)

    return way


async def _write(answer: AsyncGenerator[list[Event], None], reply: CodeReply, pen: Pen) -> None:
    async for events in answer:
        for event in events:
            if isinstance(event, TextDelta):
                await pen.target.ready()
                pen.write(reply.feed(event.text))
        if reply.done:
            return


# --- putting a block into a file --------------------------------------------------------------------------------------


def apply_block(room: Room, code: str, region: Region | None) -> Way:
    """Put a code block in place of the region's lines, of the definition of the same name, or at the file's end."""

    async def way(turn: LiveTurn) -> None:
        await room.whole()
        if region is not None:
            text, span = lines_of(region)
        else:
            text = room.text()
            span = blocks.place(text, code, room.path)
        old, new = text[span.start : span.end], blocks.joined(text, span, code)
        edits = [(span.start + e.start, span.start + e.end, e.text) for e in minimal_edits(old, new)]
        if not edits:
            raise Invalid("The file has this code already.")
        target = RoomTarget(turn, room)
        target.edit(edits)
        target.close()

    return way


def code_block(session_id: str, item_id: str, number: int) -> str:
    """A code block of a saved item. Synchronous ORM. Raises NotFound."""
    item = Item.objects.filter(pk=item_id, turn__session_id=session_id, kind=Item.Kind.MODEL).first()
    found = blocks.code_blocks(str(item.data.get("text", ""))) if item else []
    if not 0 <= number < len(found):
        raise NotFound("This code block is not there (yet).", "Wait until the reply is complete.")
    return found[number]


# --- what a person means ----------------------------------------------------------------------------------------------


async def mentioned(turn: LiveTurn, said: Mapping[str, Any]) -> Found:
    """What an item mentions and shows, as it is now. What is not there any more is noted in the transcript."""
    found = await looked_up(turn.host, said.get("mentions") or [])
    shown = pictures.ids_in(said)
    if shown:
        found.pictures += await in_db(pictures.images, turn.host.workspace_id, shown)
    for text in found.missing:
        await turn.items.add(Item.Kind.NOTE, {"text": text, "tone": "warn"})
    return found
