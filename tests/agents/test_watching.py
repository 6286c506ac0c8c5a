"""People watch a job's file while its worker writes it: the events as rows, the text as it grows, gaps and ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from channels.layers import channel_layers
from channels_redis.pubsub import RedisPubSubChannelLayer
from hypothesis import given
from hypothesis import strategies as st

from agents.jobs import errands, work
from agents.jobs.rows import life as jobs
from agents.jobs.working import watching
from agents.jobs.working.written import LARGEST, Written, splice, taken
from ide.db import in_db
from tests.agents.conftest import CODE, Follower, Site
from tests.agents.test_suggestions import ONE, patch
from tests.live.test_announce import Valkey

TEXTS = st.text("ab\n😀", max_size=20)


@given(TEXTS, TEXTS)
def test_a_splice_makes_the_second_text_of_the_first(before: str, after: str) -> None:
    assert taken(before, {"splice": splice(before, after)}) == after


@given(st.lists(TEXTS, max_size=8))
def test_what_is_told_adds_up_to_the_text(texts: list[str]) -> None:
    written, shown = Written(), ""
    for text in texts:
        written.note("a.py", lambda text=text: text)  # type: ignore[misc]
        for _, told in written.events():
            shown = taken(shown, told)
        assert shown == text


def test_a_text_too_large_is_named_and_one_that_is_deleted_is_gone() -> None:
    written = Written()
    written.note("a", lambda: "x" * (LARGEST + 1))
    written.note("b", lambda: "x")
    written.note("b", None)
    assert [dict(told) for _, told in written.events()] == [
        {"path": "a", "large": LARGEST + 1},
        {"path": "b", "gone": True},
    ]


@pytest.fixture
async def hints(tmp_path: Path) -> AsyncIterator[None]:
    """A real Valkey: the host hears of what a worker has written at once."""
    one = Valkey(tmp_path)
    await one.start()
    before = channel_layers.set("default", RedisPubSubChannelLayer(hosts=[f"unix://{one.socket}"]))
    yield
    channel_layers.set("default", before)
    one.stop()


class Watcher:
    """What one tab makes of the answer and the events: the text, with positions as JavaScript counts."""

    def __init__(self, tab: Follower, answer: dict[str, Any]) -> None:
        self.tab, self.path, self.seq, self.text, self.seen = tab, answer["path"], answer["seq"], answer["text"], 0

    def take(self) -> str:
        for event in self.tab.of_type("job.file")[self.seen :]:
            self.seen += 1
            if event["path"] != self.path or event["seq"] <= self.seq:
                continue
            assert event["seq"] == self.seq + 1
            self.seq = event["seq"]
            if "splice" in event:
                at, gone, put = event["splice"]
                data = self.text.encode("utf-16-le")
                self.text = (data[: 2 * at] + put.encode("utf-16-le") + data[2 * (at + gone) :]).decode("utf-16-le")
            else:
                self.text = event["text"]
        return str(self.text)


async def test_a_file_is_watched_while_the_model_writes_it(site: Site, hints: None, ada: Follower) -> None:
    (site.folder / "a.py").write_text("# 😀\n" + CODE)
    smile = ["-    return b", *(f"+    b = '😀' * {n} + b  # line by line" for n in range(12)), "+    return b"]
    written = "\n".join(line[1:] for line in smile[1:])
    last = {"text": "One moment.", "pause_after": 4}
    await in_db(lambda: site.script(patch(("one(a)", ONE)), patch(("two(b)", smile)), last, rate=60))
    job_id = str((await errands.request(site.workspace.pk, site.ada, jobs.Order("agent", "Change both")))["id"])
    await ada.refused("job.watch", job=job_id, path="nowhere.py")
    watcher = Watcher(ada, await ada.ask("job.watch", job=job_id, path="a.py"))
    assert watcher.text == "# 😀\n" + CODE
    worker = asyncio.create_task(work.execute(job_id))
    half = await ada.until(lambda: "'😀' * 2 + b" in (text := watcher.take()) and text)
    assert "'😀' * 11" not in half, "it is seen before it is complete"
    wanted = ("# 😀\n" + CODE).replace(ONE[0][1:], ONE[1][1:]).replace(smile[0][1:], written)
    await ada.until(lambda: watcher.take() == wanted)
    assert (site.folder / "a.py").read_text() == "# 😀\n" + CODE
    late = await ada.ask("job.watch", job=job_id, path="a.py")
    assert late["text"] == wanted
    assert [one["path"] for one in (await ada.ask("job.files", job=job_id))["files"]] == ["a.py"]
    assert "file" not in [e["kind"] for e in (await in_db(jobs.detail, job_id))["events"]]  # type: ignore[attr-defined]
    await ada.ask("job.unwatch", job=job_id, path="a.py")
    await errands.cancel(await in_db(jobs.get, job_id))
    await asyncio.wait_for(worker, 20)


async def test_a_new_attempt_shows_what_is_durable_again(site: Site, ada: Follower) -> None:
    """The first worker dies in the middle of its second edit."""
    await in_db(site.script, patch(("one(a)", ONE)), {"text": "On it.", "pause_after": 3})
    job_id = str((await errands.request(site.workspace.pk, site.ada, jobs.Order("agent", "Change both")))["id"])
    worker = asyncio.create_task(work.execute(job_id))
    await ada.event("job", lambda e: e["job"]["id"] == job_id and e["job"]["done"] == 1)
    job = await in_db(jobs.get, job_id)
    half = CODE.replace(ONE[0][1:], ONE[1][1:]) + "half a li"
    await in_db(jobs.note, job, [("file", {"path": "a.py", "text": half})])
    watcher = Watcher(ada, await ada.ask("job.watch", job=job_id, path="a.py"))
    assert watcher.text == half
    worker.cancel()
    await asyncio.gather(worker, return_exceptions=True)
    await in_db(jobs.note, job, [("state", {"state": "running", "attempt": 2})])
    await ada.until(lambda: watcher.take() == CODE.replace(ONE[0][1:], ONE[1][1:]))
    assert await in_db(watching.files, job_id)
    await in_db(watching.forget, job_id)
    assert not await in_db(watching.files, job_id)
