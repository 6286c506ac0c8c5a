"""Sessions of a live workspace: start, steer, interrupt and redirect turns. An extension of the host.

One turn runs in a session at a time. Acts on a turn name it; a name that is not the running turn's is refused, never
applied to another one. What a turn does is in ways.py; what it holds and how it ends in turns.py.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from django.db import transaction
from django.utils import timezone

from agents import wire
from agents.endpoints import choice as endpoints
from agents.endpoints.measure import Measured, Purpose
from agents.models import Endpoint, Item, Job, QueueEntry, RoleEndpoint, Session, Turn
from agents.proposals.live import Proposals
from agents.providers.protocol import ProviderError
from agents.sessions import library, queue, turns
from agents.sessions.pace import Beat
from agents.sessions.pauses import Say
from agents.sessions.transcript import Items, LiveSession, reserve_numbers, save_items, settle_numbers
from agents.sessions.turns import Ended, LiveTurn, Stop
from ide.accounts.models import User
from ide.accounts.permissions import Action, agent_may
from ide.db import in_db
from ide.errors import Conflict, Invalid, QuotaExceeded, Refused, Unavailable
from ide.live.host import WorkspaceHost
from ide.workspaces.models import Workspace

log = logging.getLogger(__name__)

LONGEST_TEXT = 100_000  # characters a person may say at once
TITLE = 60
SESSIONS_SHOWN = 200

Way = Callable[[LiveTurn], Awaitable[None]]


@dataclass(frozen=True)
class Start:
    """A turn about to begin. `said` is the person item's data; `way` does the work; `entry`: its id in the queue."""

    session: str
    kind: str
    said: dict[str, object]
    way: Way
    endpoint: int | None = None
    needs_model: bool = True
    entry: str = ""


@dataclass
class Sessions:
    """`on_saved` is called when a turn has ended and is durable; `on_typed` says to a turn what was typed into it."""

    host: WorkspaceHost
    proposals: Proposals
    on_saved: Callable[[LiveTurn], None] = lambda _: None
    on_typed: Say | None = None
    _live: dict[str, LiveSession] = field(default_factory=dict)
    _starting: set[str] = field(default_factory=set)
    _beat: Beat = field(default_factory=Beat)

    # --- reading --------------------------------------------------------------------------------------------------

    async def session(self, session_id: str) -> LiveSession:
        """The session, taken up into memory. Raises NotFound."""
        if session_id not in self._live:
            row, waiting = await in_db(_taken_up, self.host.workspace_id, session_id)
            self._live.setdefault(session_id, LiveSession(row, self.host.publish, queue=waiting))
        return self._live[session_id]

    def unborn(self) -> LiveSession:
        """One that nobody has made yet, to count with: nothing of it is kept or told."""
        return LiveSession(Session(workspace_id=self.host.workspace_id), lambda _: None)

    async def summaries(self) -> list[wire.Json]:
        rows = await in_db(_session_rows, self.host.workspace_id)
        live = self._live
        return [live[row.pk].summary() if row.pk in live else wire.session(row, None) for row in rows]

    def regions(self) -> list[wire.Json]:
        return [region for turn in self._running() for region in turn.regions.values()]

    def running(self, turn_id: str) -> LiveTurn:
        """The running turn of that name. Raises Conflict when it is not, or no longer, the running one."""
        for turn in self._running():
            if turn.row.pk == turn_id:
                return turn
        raise Conflict("This turn has ended already.", "Nothing was done; start a new turn if you want to go on.")

    def idle(self, live: LiveSession) -> bool:
        """Whether a turn may begin in it."""
        return live.turn is None and live.row.pk not in self._starting

    async def settled(self, turn_id: str) -> None:
        """Return when what a turn has left is saved, if it has just ended here."""
        for live in self._live.values():
            if live.running is not None and live.running.row.pk == turn_id and live.saving is not None:
                await asyncio.wait({live.saving})

    def _running(self) -> list[LiveTurn]:
        return [live.running for live in self._live.values() if live.running is not None and live.running.open]

    # --- acts -----------------------------------------------------------------------------------------------------

    async def create(self, user_id: int, title: str = "") -> LiveSession:
        row = await in_db(_create, self.host.workspace_id, user_id, title.strip()[:TITLE])
        live = self._live[row.pk] = LiveSession(row, self.host.publish)
        live.changed()
        return live

    async def start(self, user_id: int, start: Start) -> LiveTurn:
        """Begin a turn. Raises Conflict while another one runs in the session: steer or queue instead."""
        text = str(start.said.get("text", ""))
        if not text.strip():
            raise Invalid("There is nothing to do: the message is empty.", "Say what should be done.")
        if len(text) > LONGEST_TEXT:
            raise Invalid("The message is too long.", f"Use at most {LONGEST_TEXT:,} characters.")
        live = await self.session(start.session)
        if not self.idle(live):
            raise Conflict("The model is busy in this session.", "Steer the running turn, or wait for its end.")
        self._starting.add(start.session)
        try:
            return await self._begin(live, user_id, start)
        finally:
            self._starting.discard(start.session)

    async def _begin(self, live: LiveSession, user_id: int, start: Start) -> LiveTurn:
        await live.settled()  # what the turn before left must be in its history
        row, able = await in_db(_turn_row, live.row, user_id, start)
        if self.host.closed:  # the row says so at the next opening
            raise Unavailable("The workspace is being closed.", "Reload the page and try again.")
        owner = row.owner
        assert owner is not None  # noqa: S101 (just created with it)
        items = Items(live, row)
        live.items, live.turn = items, row
        live.generation += 1
        follows = live.running.row.pk if live.running is not None else None
        turn = LiveTurn(self.host, live, row, items, owner, row.endpoint, self.proposals, follows)
        turn.say_on = self.on_typed or turn.say_on
        live.running = turn
        if not live.row.title:
            live.row.title = str(start.said["text"]).strip().splitlines()[0][:TITLE]
        live.row.active_at = timezone.now()
        live.row.turn_count += 1
        live.emit("turn.started", turn=wire.turn(row))
        if start.entry:
            live.queued([entry for entry in live.queue if entry.pk != start.entry])
        live.changed()
        items.show(items.begin(Item.Kind.PERSON, start.said, owner))
        turn.keeping = self.host.owned(turn.keep(), f"turn {row.pk} kept")
        turn.task = self.host.owned(self._run(turn, start.way, able), f"turn {row.pk}")
        return turn

    async def inline_session(self, user_id: int) -> str:
        """A session for a person's inline edit that names none: one of theirs in which nothing runs."""
        title, ids = await in_db(_inline_sessions, self.host.workspace_id, user_id)
        for session_id in ids:
            live = self._live.get(session_id)
            if session_id not in self._starting and (live is None or live.turn is None):
                return session_id
        return str((await self.create(user_id, title)).row.pk)

    async def steer(self, turn_id: str, user_id: int, text: str, more: wire.Json | None = None) -> wire.Json:
        """Say something to the running turn: its model takes it in mid-sentence where it can (accepted), else reads it
        at the next boundary (pending). What becomes of it is told by the item; `more` goes into that."""
        turn = self.running(turn_id)
        if turn.row.kind != Turn.Kind.SESSION:
            raise Conflict("An inline edit cannot be steered.", "Interrupt it, or redirect it.")
        if not text.strip() or len(text) > LONGEST_TEXT:
            raise Invalid("The message is empty or too long.", "Say what should be different.")
        user = await in_db(_user, user_id)
        turn = self.running(turn_id)
        data = {"text": text, "steer": True, "taken": False, **(more or {})}
        item = turn.items.begin(Item.Kind.PERSON, data, user)
        turn.items.show(item)
        sent = await turn.hear(item)
        await in_db(save_items, [item])
        return {"item": item.pk, "outcome": "accepted" if sent else "pending"}

    def interrupt(self, turn_id: str, stop: Stop | None = None) -> str:
        """Stop the running turn: synchronously, nothing of it lands afterwards. Returns its state."""
        turn = self.running(turn_id)
        turn.end(Turn.State.INTERRUPTED, stop=stop)
        self._left(turn)  # while its task gives back what it holds: nothing more will be said or done
        if turn.task is not None:
            turn.task.cancel()
        return str(turn.row.state)

    async def told_of_job(self, job_id: str) -> None:
        """Say in the session a job was given in how it has ended: a turn of the job's own id, with one note."""
        told = await in_db(_job_turn, job_id)
        if told is None:
            return
        turn, item, new = told
        was_live = turn.session_id in self._live  # else the turn is counted as it is taken up
        live = await self.session(turn.session_id)
        live.generation += 1
        live.memory = None
        live.row.turn_count += int(new and was_live)
        live.emit("turn.ended", turn=wire.turn(turn))
        live.emit("item.completed", item=wire.item(item))
        live.changed()
        if self.idle(live):
            await in_db(settle_numbers, live.row.pk, live.seq)

    async def recheck(self) -> None:
        """Interrupt the turns of people who may not have any here now."""
        turns = self._running()
        if not turns:
            return
        able = await in_db(allowed, self.host.workspace_id, {turn.owner.pk for turn in turns})
        for turn in turns:
            if turn.owner.pk not in able and turn.open:
                self.interrupt(turn.row.pk, Stop(why="Interrupted: its owner may not have turns here any more."))

    # --- the task of a turn ---------------------------------------------------------------------------------------

    async def _run(self, turn: LiveTurn, way: Way, able: Sequence[Endpoint]) -> None:
        """Owns the turn's end, however it comes about: one of the five places that catch everything."""
        try:
            if able:
                turn.provider = self._open_provider(turn, able)
            await way(turn)
            turn.end(Turn.State.COMPLETED)
        except Ended:
            turn.end(Turn.State.INTERRUPTED)
        except ProviderError as error:
            turn.end(Turn.State.FAILED, error.sentence)
        except QuotaExceeded as error:
            stop = Stop(why=f"{error.what} {error.do}".strip(), limit=error.limit)
            turn.end(Turn.State.INTERRUPTED, stop=stop)
        except Refused as error:
            turn.end(Turn.State.FAILED, f"{error.what} {error.do}".strip())
        except Exception:
            log.exception("turn %s failed", turn.row.pk)
            turn.end(Turn.State.FAILED, "Something in Tandem went wrong. What was written is kept; the log has more.")
        finally:
            turn.end(Turn.State.INTERRUPTED)  # cancelled; for all others it has ended already
            if turn.provider is not None:
                turn.provider.forget()
            self._left(turn)

    def _open_provider(self, turn: LiveTurn, able: Sequence[Endpoint]) -> Measured:
        purpose = Purpose(turn.owner.pk, self.host.workspace_id, turn.row.kind, turn.origin)
        opened = Measured(able, purpose, turn.told, turn.moved)
        opened.in_line, opened.beat = turn.in_line, self._beat.next
        return opened

    def _left(self, turn: LiveTurn) -> None:
        """An ended turn is made durable, once."""
        if turn.saving is None:
            turn.saving = turn.live.saving = self.host.owned(self._leave(turn), f"turn {turn.row.pk} saved")

    async def _leave(self, turn: LiveTurn) -> None:
        if turn.keeping is not None:
            await asyncio.wait({turn.keeping})
        await turn.save()
        self.on_saved(turn)

    def busy(self) -> bool:
        """Whether a turn runs: the host stays awake for it though nobody looks."""
        return bool(self._running())

    async def close(self) -> None:
        """The host goes: running turns fail, as if it had died, and are saved."""
        for turn in self._running():
            turn.end(Turn.State.FAILED, turns.RESTARTED)
            if turn.task is not None:
                turn.task.cancel()
                await asyncio.wait({turn.task})
        saving = {live.saving for live in self._live.values() if live.saving is not None}
        if saving:
            await asyncio.wait(saving)


def allowed(workspace_id: str, user_ids: set[int]) -> set[int]:
    """Those of them who may have turns there now. Synchronous ORM."""
    workspace = Workspace.objects.get(pk=workspace_id)
    return {user.pk for user in User.objects.filter(pk__in=user_ids) if agent_may(user, Action.TURN, workspace)}


def _job_turn(job_id: str) -> tuple[Turn, Item, bool] | None:
    """The turn and the note that tell a session of its job, and whether they are new; written anew when the job ends
    again."""
    job = Job.objects.select_related("owner", "endpoint").filter(pk=job_id).first()
    if job is None or job.session_id is None:
        return None
    fields: dict[str, object] = {"session_id": job.session_id, "state": Turn.State.COMPLETED, "owner": job.owner}
    fields |= {"endpoint": job.endpoint, "ended_at": job.ended_at}
    turn, new = Turn.objects.update_or_create(pk=job.pk, defaults=fields)
    size = "{files} files changed, +{added} −{removed} lines".format(
        **{"files": 0, "added": 0, "removed": 0, **job.result}
    )
    ends: dict[str, str] = {Job.State.REVIEW: f"is ready for review: {size}.", Job.State.CANCELLED: "was cancelled."}
    ends[Job.State.WAITING] = f"asks: {job.question}"
    text = f"The job “{job.instruction.splitlines()[0][:TITLE]}” {ends.get(job.state, f'failed: {job.error}')}"
    data = {"text": text, "tone": "bad" if job.state == Job.State.FAILED else "info"}
    item = Item(pk=job.pk, turn=turn, position=0, kind=Item.Kind.NOTE, data=data, created_at=timezone.now())
    save_items([item])
    return turn, item, new


def _session_rows(workspace_id: str) -> Sequence[Session]:
    return list(library.rows(workspace_id=workspace_id, archived=False).order_by("-active_at", "pk")[:SESSIONS_SHOWN])


def _taken_up(workspace_id: str, session_id: str) -> tuple[Session, list[QueueEntry]]:
    return library.get(workspace_id, session_id), queue.taken_up(session_id)


def _create(workspace_id: str, user_id: int, title: str) -> Session:
    made = Session.objects.create(workspace_id=workspace_id, created_by_id=user_id, title=title)
    return library.get(workspace_id, made.pk)


def _user(user_id: int) -> User:
    return User.objects.get(pk=user_id)


@transaction.atomic
def _turn_row(session: Session, user_id: int, start: Start) -> tuple[Turn, list[Endpoint]]:
    """The row of a turn that begins, and the models that may answer it, in order."""
    wanted = endpoints.Wanted(_role(start.kind), session.team_id, user_id)
    endpoint = endpoints.choose(start.endpoint, wanted) if start.needs_model else None
    if start.entry:
        queue.take_out(session.pk, start.entry)
    reserve_numbers(session)
    if not session.title:
        Session.objects.filter(pk=session.pk).update(title=str(start.said["text"]).strip().splitlines()[0][:TITLE])
    row = turns.create(session, _user(user_id), endpoint, start.kind)
    return row, endpoints.candidates(endpoint.pk, wanted) if endpoint is not None else []


def _role(kind: str) -> str:
    return RoleEndpoint.Role.INLINE if kind == Turn.Kind.INLINE else RoleEndpoint.Role.TURN


def _inline_sessions(workspace_id: str, user_id: int) -> tuple[str, list[str]]:
    """The title of a person's sessions for inline edits, and the ids of those there are."""
    title = f"{Session.INLINE}{_user(user_id).shown_name}"[:TITLE]
    rows = Session.objects.filter(workspace_id=workspace_id, created_by_id=user_id, title=title)
    return title, list(rows.order_by("created_at").values_list("pk", flat=True))
