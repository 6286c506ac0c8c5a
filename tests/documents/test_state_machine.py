"""A document under everything at once: typing, deleting, offline, reconnect, roles, changes on disk, restart, crash,
compaction and new epochs, in any order that Hypothesis thinks of. Room, log, file and lease are the real ones.

At every quiet point all replicas, the log, the newest snapshot with its tail and the file say the same, and the rules
of `tests.chaos.checker` hold: nothing saved is lost, doubled, disordered or somebody else's.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from pycrdt import Doc, Text

from ide.accounts.models import Team
from ide.documents import protocol
from ide.documents.log import compact, epoch
from ide.documents.log.store import Store
from ide.documents.models import Document
from ide.documents.protocol import Presence
from ide.documents.room import Room
from ide.documents.text import to_bytes
from ide.live import lease
from ide.live.documents import OpenDocuments
from ide.workspaces.files import Files
from ide.workspaces.models import Workspace
from tests.chaos import clerk
from tests.chaos.checker import Found, Row, broken, token

T = TypeVar("T")
EXAMPLES = int(os.environ.get("STATE_MACHINE_EXAMPLES", "200"))
NAMES = ("ana", "ben", "cyd")
SEED = "first 😀\r\nsecond e\u0301\n\nthird 👩‍👩‍👧\n"
COMPANY = st.sampled_from(["", "😀", "\r\n", "\n", "e\u0301", "👨‍👩‍👧‍👦 ", "🇫🇷", "\r", "\u2028", "x" * 50])
WHO = st.sampled_from(NAMES)


class Host(OpenDocuments):
    """Open documents without sockets."""

    def __init__(self, workspace: Workspace, store: Store) -> None:
        super().__init__(workspace.pk, Files(workspace.folder), store, lease.claim(workspace.pk))
        self.tasks: set[asyncio.Task[Any]] = set()

    def publish(self, event: Mapping[str, Any]) -> None:
        pass

    def saved(self) -> None:
        pass

    def owned(self, work: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    async def end(self) -> None:
        tasks = list(self.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Hand:
    """A person's tab: a replica, and the room's peer while it is online. What the room sends waits in `inbox` until
    the tab gets round to it."""

    def __init__(self, name: str, number: int, document: str) -> None:
        self.name, self.number = name, number
        self.document = document
        self.person: Mapping[str, Any] = {"id": number, "name": name}
        self.can_edit = True
        self.rows: list[Row] = []
        self.room: Room | None = None
        self.inbox: deque[bytes] = deque()
        self._in_flight: deque[list[Row]] = deque()
        self._retype: list[Row] = []
        self._written = self._clock = 0
        self._fresh()

    def _fresh(self) -> None:
        self.doc: Doc[Text] = Doc()
        self.root = self.doc.get("text", type=Text)

    @property
    def text(self) -> str:
        return str(self.root)

    @property
    def quiet(self) -> bool:
        return not self.inbox and not self._in_flight and not self._retype

    # --- the peer ---

    def send(self, frame: bytes, droppable: bool = False) -> None:
        self.inbox.append(frame)

    def say(self, text: str) -> None:
        """An event; this tab shows none."""

    def close(self, code: int, reason: str) -> None:
        assert code == 4012, f"{self.name} was closed with {code}: {reason}"
        self.offline()

    def refuse(self, reason: str) -> None:
        assert reason == "epoch", reason
        self._set_aside(retype=True)
        self.offline()

    # --- the tab ---

    def online(self, room: Room) -> None:
        self.room = room
        self._clock += 1
        room.add_peer(self)
        mine = protocol.encode_awareness([Presence(self.doc.client_id, self._clock, "{}")])
        self._say(protocol.awareness(self.document, mine))
        self._say(protocol.step_1(self.document, self.doc.get_state()))

    def offline(self) -> None:
        if self.room is not None:
            room, self.room = self.room, None
            room.remove_peer(self)
        self.inbox.clear()
        self._in_flight.clear()
        self._synced = False

    _synced = False

    def _say(self, frame: bytes) -> None:
        message = protocol.decode(frame)
        if self.room is not None:
            self.room.receive(self, message)

    def read(self) -> None:
        while self.inbox:
            self._take(protocol.decode(self.inbox.popleft()))

    def _take(self, message: protocol.Message) -> None:
        if isinstance(message, protocol.SyncUpdate):
            self.doc.apply_update(message.update)
        elif isinstance(message, protocol.SyncStep1):
            self._in_flight.append([row for row in self.rows if row.outcome == "unknown" and row not in self._retype])
            self._synced = True
            self._say(protocol.step_2(self.document, self.doc.get_update(message.state)))
            again, self._retype = self._retype, []
            for row in again:
                if row.token not in self.text and self.can_edit:
                    self._insert(row, "")
        elif isinstance(message, protocol.SyncStatus) and self._in_flight:
            self._answered(self._in_flight.popleft(), message.applied)

    def _answered(self, rows: list[Row], applied: bool) -> None:
        for row in rows:
            if row.outcome == "unknown":
                row.outcome = "ok" if applied else "fail"
        if not applied and rows:  # never will be: the replica goes back to what the server has
            self._set_aside(retype=False)
            room = self.room
            self.offline()
            if room is not None:
                self.online(room)

    def _set_aside(self, retype: bool) -> None:
        text = self.text
        for row in self.rows:
            if row.outcome == "unknown" and (row.op == "delete" or not retype):
                row.outcome = "fail"
        unsaved = [row for row in self.rows if row.outcome == "unknown"]
        self._retype = [row for row in unsaved if row.token in text or row in self._retype]
        self._fresh()

    def type(self, company: str) -> None:
        self._written += 1
        row = Row(self.name, "write", token(self.name, self._written), 0.0)
        self.rows.append(row)
        if self._retype:
            self._retype.append(row)
        else:
            self._insert(row, company)

    def _insert(self, row: Row, company: str) -> None:
        text = self.text
        places = [text.find(r.token) + len(r.token) for r in self.rows if r is not row and r.token in text]
        at = max(places, default=len(text))
        self._edit([row], lambda: self.root.insert(to_bytes(text, at), row.token + company))

    def delete(self, which: int) -> None:
        gone = {row.token for row in self.rows if row.op == "delete"}
        mine = [r.token for r in self.rows if r.op == "write" and r.outcome == "ok" and r.token not in gone]
        text = self.text
        if not mine or mine[which % len(mine)] not in text:
            return
        one = mine[which % len(mine)]
        row = Row(self.name, "delete", one, 0.0)
        self.rows.append(row)
        at = text.index(one)
        piece = slice(to_bytes(text, at), to_bytes(text, at + len(one)))
        self._edit([row], lambda: self.root.__delitem__(piece))

    def _edit(self, rows: list[Row], change: Any) -> None:
        updates: list[bytes] = []
        watching = self.doc.observe(lambda event: updates.append(event.update))
        with self.doc.transaction():
            change()
        self.doc.unobserve(watching)
        if self.room is not None and self._synced:
            self._in_flight.append(rows)
            self._say(protocol.update(self.document, updates[-1]))


class Life(RuleBasedStateMachine):
    """One document's life. Every rule runs the loop for as long as it takes and no longer."""

    @initialize()
    def begin(self) -> None:
        self.loop = asyncio.new_event_loop()
        team = Team.objects.create(name="t")
        self.workspace = Workspace.objects.create(name="w", team=team, source="empty", state="ready")
        self.workspace.folder.mkdir(parents=True)
        self.file = self.workspace.folder / "a 😀.txt"
        self.file.write_bytes(SEED.encode())
        self.document = Document.objects.create(workspace=self.workspace, path=self.file.name).pk
        self.hands = {name: Hand(name, n, self.document) for n, name in enumerate(NAMES, 1)}
        self.disk: list[Row] = []
        self.host: Host | None = None
        self._open()
        for name in NAMES:
            self.reconnect(name)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(asyncio.wait_for(work, 20))

    def _open(self) -> None:
        self.store = Store(group_seconds=0.0)
        self.host = Host(self.workspace, self.store)
        self.room = self.run(self.host.open_room(self.document))

    async def _turn(self) -> None:
        """What is in the loop happens; commits are not waited for."""
        for _ in range(3):
            await asyncio.sleep(0)

    # --- people ---

    @rule(keys=st.lists(st.tuples(WHO, COMPANY), min_size=1, max_size=5))
    def type(self, keys: list[tuple[str, str]]) -> None:
        async def work() -> None:
            for who, company in keys:
                self.hands[who].type(company)
            await self._turn()

        self.run(work())

    @rule(who=WHO, which=st.integers(0, 5))
    def delete(self, who: str, which: int) -> None:
        async def work() -> None:
            self.hands[who].delete(which)
            await self._turn()

        self.run(work())

    @rule(who=st.sets(WHO, min_size=1))
    def read(self, who: set[str]) -> None:
        async def work() -> None:
            await self.store.drain()
            await self._turn()
            for name in sorted(who):
                self.hands[name].read()
            await self._turn()

        self.run(work())

    @rule(who=WHO)
    def go_offline(self, who: str) -> None:
        self.hands[who].offline()

    @rule(who=WHO)
    def reconnect(self, who: str) -> None:
        async def work() -> None:
            if self.hands[who].room is None:
                self.hands[who].online(self.room)
            await self._turn()

        self.run(work())

    @rule(who=WHO, can=st.booleans())
    def change_role(self, who: str, can: bool) -> None:
        self.hands[who].can_edit = can

    # --- the file ---

    @rule(at_end=st.booleans())
    def change_on_disk(self, at_end: bool) -> None:
        name = f"disk {len(self.disk)}"  # a writer each: nobody says where the next one writes
        one = token(name, 1)
        # Where somebody typed beside it meanwhile there is a conflict, and the file's side is kept in the history.
        self.disk.append(Row(name, "write", one, 0.0))
        text = self.file.read_bytes()
        line = f"{one} outside\n".encode()
        self.file.write_bytes(text + line if at_end else line + text)

    @rule()
    def notice_the_disk(self) -> None:
        assert self.host is not None
        self.run(self.host.changed_on_disk([self.file.name]))

    # --- the server ---

    @rule()
    def save(self) -> None:
        assert self.host is not None
        self.run(self.host.flush())

    @rule(keys=st.lists(st.tuples(WHO, COMPANY), min_size=1, max_size=4), pauses=st.integers(0, 6))
    def type_while_it_saves(self, keys: list[tuple[str, str]], pauses: int) -> None:
        async def work() -> None:
            assert self.host is not None
            saving = asyncio.ensure_future(self.host.flush())
            for who, company in keys:
                for _ in range(pauses):
                    await asyncio.sleep(0)
                self.hands[who].type(company)
            await saving

        self.run(work())

    @rule()
    def compact(self) -> None:
        self.run(self.store.drain())
        assert compact.compact(self.document) in (compact.DONE, compact.NOTHING)

    @rule()
    def restart(self) -> None:
        self.save()
        self._stop()
        self._open()

    @rule()
    def crash(self) -> None:
        """What is not committed by now never is."""

        def lost(_: int) -> None:
            raise OSError("the process is dead")

        self.store.before_commit = lost
        self._stop()
        self._open()

    @rule()
    def new_epoch(self) -> None:
        self.save()
        self._stop()
        epoch.renew(self.document)
        self._open()

    def _stop(self) -> None:
        async def work() -> None:
            assert self.host is not None
            for hand in self.hands.values():
                hand.offline()
            await self.host.end()

        self.run(work())
        self.room.close()
        self.store.close()

    # --- what must be so ---

    @precondition(lambda self: any(hand.rows for hand in self.hands.values()))
    @rule()
    def quiet(self) -> None:
        """Everybody may edit, is online, has read everything; the file is written."""
        self.run(self._calm())
        facts = clerk.facts(self.document)
        texts = {f"replica of {name}": hand.text for name, hand in self.hands.items()} | facts["texts"]
        texts["room"] = self.room.text()
        texts["file"] = self.file.read_bytes().decode()
        origins = {name: f"person:{hand.number}" for name, hand in self.hands.items()}
        origins |= {row.client: "disk" for row in self.disk}
        history = [row for hand in self.hands.values() for row in hand.rows] + self.disk
        faults = broken(history, Found(texts, facts["authors"], origins, ("second e\u0301\n",)))
        assert not faults, "\n".join(faults[:10])

    async def _calm(self) -> None:
        assert self.host is not None
        hands = list(self.hands.values())
        for hand in hands:
            hand.can_edit = True
        for _ in range(30):
            for hand in hands:
                if hand.room is None:
                    hand.online(self.room)
                hand.read()
            await self._turn()
            await self.store.drain()
            await self._turn()
            if all(hand.quiet and hand.room is not None for hand in hands):
                await self.host.flush()
                if all(hand.quiet for hand in hands):
                    return
        raise AssertionError([(hand.name, hand.quiet, hand.room is not None) for hand in hands])

    def teardown(self) -> None:
        if getattr(self, "host", None) is not None:
            try:
                if any(hand.rows for hand in self.hands.values()):
                    self.quiet()
            finally:
                self._stop()
                self.loop.close()


@pytest.mark.django_db(transaction=True)
def test_all_replicas_log_snapshot_and_file_stay_equal() -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Life,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=15,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
