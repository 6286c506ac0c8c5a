"""Three people and two turns in five files, in any order Hypothesis thinks of: typing, writing, accepting, rejecting,
taking turns back and bringing them back, renaming, restarting the host. Sessions, proposals, rooms and log are real.

At every quiet point: no line that somebody typed is lost; what is undecided is in no base; rejecting everything, in
whatever order, leaves the base; accepting everything, the document; all replicas, and the host after a restart, agree.
"""

from __future__ import annotations

import asyncio
import copy
import os
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from agents.environments.overlay_target import target_of
from agents.live import of
from agents.models import SessionRules, Turn
from agents.proposals.layers import Layers
from agents.proposals.undecided import Tracked, Undecided
from agents.sessions.acts import Start
from agents.sessions.turns import LiveTurn
from ide.accounts.models import Membership, Team, User
from ide.db import in_db
from ide.documents.models import Document
from ide.documents.text import Edit
from ide.errors import Conflict, NotFound
from ide.live.host import WorkspaceHost, close_all, host_of
from ide.workspaces.models import Workspace
from tests.agents.conftest import Follower, git

T = TypeVar("T")
EXAMPLES = int(os.environ.get("INTERLEAVINGS_EXAMPLES", "24"))
FILES, PEOPLE = 5, 3
SEED = "".join(f"seed {n} 🎈\n" for n in range(8))
FILE = st.sampled_from([0, 0, 0, 0, 1, 1, 2, 3, 4])  # where nobody meets nothing goes wrong
PERSON, TURN, WHERE = st.integers(0, PEOPLE - 1), st.integers(0, 1), st.floats(0, 1)
Act = Callable[[LiveTurn], Coroutine[Any, Any, None]]


class Pen:
    """A turn that does what it is told: the way of a real turn of a real session."""

    def __init__(self) -> None:
        self.acts: asyncio.Queue[tuple[Act, asyncio.Future[None]] | None] = asyncio.Queue()
        self.turn: LiveTurn | None = None

    async def way(self, turn: LiveTurn) -> None:
        while (told := await self.acts.get()) is not None:
            act, done = told
            try:
                await act(turn)
            finally:
                done.set_result(None)

    async def tell(self, act: Act) -> None:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.acts.put_nowait((act, done))
        await done


class Life(RuleBasedStateMachine):
    """One workspace's life."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.number = 0
        self.typed: dict[int, set[str]] = {n: set() for n in range(FILES)}
        self.accepted: set[str] = set()
        self.pens: list[Pen] = [Pen(), Pen()]
        self.ended: list[str] = []
        self.undone: set[str] = set()
        self.wrote: dict[str, set[str]] = {}
        self.tabs: list[Follower] = []

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(asyncio.wait_for(work, 20))

    @initialize(waits=st.booleans())
    def begin(self, waits: bool) -> None:
        self.run(self._begin(waits))

    async def _begin(self, waits: bool) -> None:
        self.workspace, self.users, self.documents = await in_db(_rows, waits)
        await self._join()

    async def _join(self) -> None:
        self.host: WorkspaceHost = await host_of(self.workspace.pk)
        self.tabs = [Follower(self.workspace.pk, user) for user in self.users]
        for tab in self.tabs:
            await tab.ask("workspace.open")
            for document in self.documents:
                await tab.opened(document)

    def token(self, who: str) -> str:
        self.number += 1
        return f"{who}-{self.number} 🎈"

    async def room(self, file: int) -> Any:
        return await self.host.open_room(self.documents[file])

    # --- people ---------------------------------------------------------------------------------------------------

    @rule(who=PERSON, file=FILE, where=WHERE)
    def types_a_line(self, who: int, file: int, where: float) -> None:
        self.run(self._type(who, file, where))

    @rule(who=PERSON, file=FILE, where=WHERE)
    def types_between_a_turns_lines(self, who: int, file: int, where: float) -> None:
        self.run(self._type(who, file, where, between=True))

    async def _type(self, who: int, file: int, where: float, *, between: bool = False) -> None:
        tab, document, room = self.tabs[who], self.documents[file], await self.room(file)
        await tab.until(lambda: tab.text(document) == room.text())
        lines = tab.text(document).splitlines(keepends=True)
        places = [n for n, line in enumerate(lines) if line.startswith("turn")] if between else list(range(len(lines)))
        if not places:
            return
        at = sum(len(line.encode()) for line in lines[: places[round(where * (len(places) - 1))] + between])
        token = self.token(f"person{who}")
        self.typed[file].add(token)
        tab.type(document, at, token + "\n")
        await tab.until(lambda: token in room.text())

    @rule(who=PERSON, file=FILE, where=WHERE)
    def takes_a_line_out(self, who: int, file: int, where: float) -> None:
        self.run(self._cut(who, file, where))

    async def _cut(self, who: int, file: int, where: float) -> None:
        room = await self.room(file)
        lines = room.text().splitlines(keepends=True)
        mine = [n for n, line in enumerate(lines) if line.startswith("seed")]
        if mine:
            n = mine[round(where * (len(mine) - 1))]
            start = sum(map(len, lines[:n]))
            await room.edit([Edit(start, start + len(lines[n]), "")], f"person:{self.users[who].pk}")

    @rule(file=FILE)
    def renames(self, file: int) -> None:
        self.run(self._rename(file))

    async def _rename(self, file: int) -> None:
        path = (await self.room(file)).path
        to = f"renamed-{self.token('file')}.txt".replace(" 🎈", "")
        await self.host.flush([path])
        await in_db(self.host.files.move, path, to)
        await self.host.follow(path, to)

    # --- turns ----------------------------------------------------------------------------------------------------

    @rule(which=TURN, file=FILE, where=WHERE, cut=st.integers(0, 2), more=st.integers(1, 3))
    def a_turn_writes(self, which: int, file: int, where: float, cut: int, more: int) -> None:
        self.run(self._write(which, file, where, cut, more))

    async def _write(self, which: int, file: int, where: float, cut: int, more: int) -> None:
        pen = self.pens[which]
        if pen.turn is None:
            sessions = of(self.host).sessions
            session = await sessions.create(self.users[which].pk)
            start = Start(session.row.pk, Turn.Kind.SESSION, {"text": "go"}, pen.way, needs_model=False)
            pen.turn = await sessions.start(self.users[which].pk, start)
        room, name = await self.room(file), pen.turn.row.pk
        tokens = [self.token(f"turn{name}") for _ in range(more)]
        self.wrote.setdefault(name, set()).update(tokens)

        async def act(turn: LiveTurn) -> None:
            target = target_of(turn, room)
            lines = target.text().splitlines(keepends=True)
            at = round(where * len(lines))
            gone = [line for line in lines[at : at + cut] if not line.startswith("person")]
            start = sum(map(len, lines[:at]))
            new = "".join(f"{token}\n" for token in tokens)
            if lines[at : at + len(gone)] != gone:
                gone = []
            target.edit([(start, start + sum(map(len, gone)), new)])
            target.close()

        await pen.tell(act)

    @rule(which=TURN)
    def a_turn_ends(self, which: int) -> None:
        self.run(self._end(which))

    async def _end(self, which: int) -> None:
        pen, self.pens[which] = self.pens[which], Pen()
        if pen.turn is not None and pen.turn.task is not None:
            pen.acts.put_nowait(None)
            await pen.turn.task
            self.ended.append(pen.turn.row.pk)

    @precondition(lambda self: self.ended)
    @rule(where=WHERE)
    def a_turn_is_taken_back_or_brought_back(self, where: float) -> None:
        self.run(self._back(self.ended[round(where * (len(self.ended) - 1))]))

    async def _back(self, turn: str) -> None:
        back = turn not in self.undone
        answer = await self.tabs[0].call("turn.undo" if back else "turn.redo", {"turn": turn})
        if "error" in answer:  # nothing of it is left
            assert answer["error"]["data"]["code"] == "conflict", answer
            return
        (self.undone.add if back else self.undone.discard)(turn)
        if back:
            texts = "".join([(await self.room(file)).text() for file in range(FILES)])
            assert not [token for token in self.wrote[turn] if token in texts]
        else:
            self.accepted -= self.wrote[turn]

    # --- decisions ------------------------------------------------------------------------------------------------

    @rule(where=WHERE, one=st.booleans(), accept=st.booleans())
    def somebody_decides(self, where: float, one: bool, accept: bool) -> None:
        self.run(self._decide(where, one, accept))

    async def _decide(self, where: float, one: bool, accept: bool) -> None:
        proposals = of(self.host).proposals
        mine = self._tracked()
        if not mine:
            return
        tracked = mine[round(where * (len(mine) - 1))]
        found = tracked.hunks()
        if not found:
            return
        chosen = [found[0]] if one else found
        over = tracked.texts[1].splitlines()
        put = {line for hunk in chosen for line in over[hunk.b_from : hunk.b_to]}
        ids = [hunk.id for hunk in chosen]
        try:
            if accept:
                await proposals.accept(tracked.row.pk, ids)
                self.accepted |= put
            else:
                await proposals.reject(tracked.row.pk, ids, self.users[0].pk)
        except (Conflict, NotFound):
            return

    def _tracked(self) -> list[Tracked]:
        shown = of(self.host).proposals
        return [one for turn in self.wrote for one in shown.of_turn(turn)]

    # --- quiet points ---------------------------------------------------------------------------------------------

    @rule()
    def the_host_restarts(self) -> None:
        self.run(self._restart())

    async def _restart(self) -> None:
        for which in range(2):
            await self._end(which)
        before = self._standing()
        for tab in self.tabs:
            await tab.leave()
        await self.host.close()
        await close_all()
        await self._join()
        assert self._standing() == before

    def _standing(self) -> dict[str, tuple[str, str]]:
        for one in self._tracked():
            one.doc.settle()
        return {one.row.pk: one.texts for one in self._tracked() if one.texts[0] != one.texts[1]}

    @rule()
    def all_is_quiet(self) -> None:
        self.run(self._quiet())

    async def _quiet(self) -> None:
        for file, document in enumerate(self.documents):
            room = await self.room(file)
            text = room.text()
            for tab in self.tabs:
                await _reads(tab, document, text)
            assert not [token for token in self.typed[file] if token not in text], "what somebody typed is lost"
        for undecided in {id(one.doc): one.doc for one in self._tracked()}.values():
            undecided.settle()
            assert undecided.layers.text == undecided.room.text()
            self._sound(undecided)

    def _sound(self, undecided: Undecided) -> None:
        layers, typed = undecided.layers, self.typed[self.documents.index(undecided.room.id)]
        for base in layers.bases:
            assert not [token for token in typed if token not in base], "what somebody typed would be rejected"
        if layers.bases:
            open_now = {one.row.turn_id for one in undecided.all.values() if not one.waiting}
            ours = {token for turn in open_now for token in self.wrote[str(turn)]} - self.accepted
            assert not [token for token in ours if token in layers.bases[0]], "what is undecided counts as decided"
            assert _all(layers, layers.names, accept=False).text == layers.bases[0]
            assert _all(layers, layers.names[::-1], accept=False).text == layers.bases[0]
            after = _all(layers, layers.names, accept=True)
            assert set(after.bases) == {layers.text}
        for one in undecided.all.values():
            assert not one.waiting or all(token in one.proposed for token in typed), "accepting would lose a line"

    def teardown(self) -> None:
        async def end() -> None:
            if self.tabs:
                await self._quiet()
                for tab in self.tabs:
                    await tab.leave()
            await close_all()

        try:
            self.run(end())
        finally:
            self.loop.run_until_complete(close_all())
            self.loop.close()


async def _reads(tab: Follower, document: str, text: str) -> None:
    await tab.until(lambda: tab.text(document) == text)


def _all(layers: Layers, names: list[str], *, accept: bool) -> Layers:
    mine = copy.deepcopy(layers)
    for name in list(names):
        ids = {hunk.id for hunk, _, _ in mine.place(name)}
        if accept:
            mine.accept(name, ids)
        else:
            mine.reject(name, ids)
    return mine


def _rows(waits: bool) -> tuple[Workspace, list[User], list[str]]:
    team = Team.objects.create(name="t")
    users = [User.objects.create_user(username=f"{team.pk}-{n}") for n in range(PEOPLE)]
    for user in users:
        Membership.objects.create(team=team, user=user, role="editor")
    workspace = Workspace.objects.create(name="w", team=team, source="empty", state="ready")
    workspace.folder.mkdir(parents=True)
    git(workspace.folder, "init", "-q", "-b", "main")
    SessionRules.objects.create(workspace=workspace, wait=waits)
    documents = []
    for n in range(FILES):
        Path(workspace.folder, f"{n}.txt").write_text(SEED)
        documents.append(Document.objects.create(workspace=workspace, path=f"{n}.txt").pk)
    return workspace, users, documents


@pytest.mark.django_db(transaction=True)
def test_nothing_anybody_typed_is_lost_whatever_is_decided_undone_and_restarted() -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Life,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=30,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
