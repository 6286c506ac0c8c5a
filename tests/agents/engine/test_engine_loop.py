"""The turn loop with the scripted model and an environment in memory."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path

import pytest

from agents.engine.edits.apply import LiveApplier
from agents.engine.edits.ops import Close, CreateFile, Op, Open
from agents.engine.edits.target import PlainTarget
from agents.engine.events import (
    Finished,
    Prose,
    Steered,
    StepFinished,
    StepStarted,
    ToolFinished,
    ToolStarted,
    TurnEvent,
)
from agents.engine.loop import Settings, run_turn
from agents.engine.messages import Event, Message, Request, TextDelta, ToolCall, ToolResult
from agents.engine.tools import TOOLS, Hit, Ran, Slice, ToolFailed, call, offered
from agents.providers.protocol import BadResponse, Overloaded
from agents.providers.scripted import ScriptedProvider

EXAMPLE = Path(__file__).parents[3] / "agents/providers/example_script.json"


class MemoryEdits:
    def __init__(self, files: dict[str, PlainTarget]) -> None:
        self.files = files
        self.applier: LiveApplier | None = None
        self.batches = 0
        self.state = "open"

    async def feed(self, ops: Sequence[Op]) -> None:
        self.batches += 1
        for op in ops:
            if isinstance(op, Open):
                self.applier = LiveApplier(self.files[op.path])
            elif isinstance(op, CreateFile):
                self.files[op.path] = PlainTarget()
                self.applier = LiveApplier(self.files[op.path], fresh=True)
            elif self.applier:
                self.applier.feed([op])
            if isinstance(op, Close) and self.applier:
                self.applier.finish()

    async def finish(self) -> ToolResult:
        self.state = "finished"
        failed = self.applier.summary.failed if self.applier else []
        return ToolResult("\n".join(failed) or "Done.", ok=not failed)

    async def abort(self) -> None:
        self.state = "aborted"


class Memory:
    """An Environment in memory."""

    def __init__(self, abilities: Sequence[str] = tuple(TOOLS), **files: str) -> None:
        self.abilities = frozenset(abilities)
        self.files = {name.replace("__", "."): PlainTarget(text) for name, text in files.items()}
        self.streams: dict[str, MemoryEdits] = {}
        self.ran: list[str] = []
        self.both = asyncio.Barrier(2)

    async def read(self, path: str, first: int, last: int) -> Slice:
        if path == "together":  # returns only when two reads run at the same time
            await self.both.wait()
            return Slice(["x"], 1, 1)
        if path not in self.files:
            raise ToolFailed(f"There is no file {path}.")
        lines = self.files[path].text().splitlines()
        return Slice(lines[first - 1 : last], first, len(lines))

    async def list(self, glob: str) -> Sequence[str]:
        return sorted(self.files)

    async def search(self, query: str, *, regex: bool, glob: str) -> Sequence[Hit]:
        return [Hit("a.py", 3, query)]

    async def run(self, command: str, seconds: float) -> Ran:
        self.ran.append(command)
        return Ran(0, "Hello, you!\n", 0.1)

    def edits(self, call_id: str) -> MemoryEdits:
        return self.streams.setdefault(call_id, MemoryEdits(self.files))


class Box:
    def __init__(self, *texts: str) -> None:
        self.texts = list(texts)

    def take(self) -> list[str]:
        taken, self.texts = self.texts, []
        return taken


async def turn(
    script: Mapping[str, object] | Path, environment: Memory, box: Box | None = None, **settings: object
) -> tuple[list[TurnEvent], list[Message]]:
    history = [Message("user", "Go")]
    asked = Settings("m", **settings)  # type: ignore[arg-type]
    provider = ScriptedProvider(script)
    async with aclosing(run_turn(provider, environment, history, box or Box(), asked)) as events:
        return [event async for event in events], history


def steps(*given: dict[str, object]) -> dict[str, object]:
    return {"steps": list(given)}


async def test_the_example_script_reads_patches_runs_and_ends() -> None:
    fast = json.loads(EXAMPLE.read_text()) | {"rate": 0}
    environment = Memory(greet__py="def greet(name):\n    return name\n")
    events, history = await turn(fast, environment)
    assert environment.files["greet.py"].text() == 'def greet(name):\n    return f"Hello, {name}!"\n'
    assert environment.ran == ["python3 -c 'import greet; print(greet.greet(\"you\"))'"]
    assert [e.call.name for e in events if isinstance(e, ToolFinished)] == ["read_file", "apply_patch", "run_command"]
    assert all(e.result.ok for e in events if isinstance(e, ToolFinished))
    assert events[-1] == Finished("stop")
    assert [m.role for m in history] == ["user", *["assistant", "tool"] * 3, "assistant"]
    assert "1\tdef greet(name):" in history[2].text
    last = [e for e in events if isinstance(e, StepFinished)][-1]
    assert (last.usage.input_tokens, last.usage.output_tokens) == (900, 14)
    assert last.ttft_ms is not None


async def test_the_example_script_as_shipped_can_be_loaded() -> None:
    assert ScriptedProvider(EXAMPLE).requests == []


async def test_an_edit_is_live_while_its_arguments_stream() -> None:
    patch = ["*** Begin Patch", "*** Update File: a.py", " one", "+two", "+three", "*** End Patch"]
    script = steps({"calls": [{"name": "apply_patch", "arguments": {"patch": patch}}]}, {"text": "ok"})
    environment = Memory(a__py="one\n")
    await turn({**script, "rate": 200}, environment)
    stream = environment.streams["call_1_1"]
    assert environment.files["a.py"].text() == "one\ntwo\nthree\n"
    assert stream.batches > 1
    assert stream.state == "finished"


async def test_a_steer_enters_at_the_next_boundary() -> None:
    reading = {"calls": [{"name": "list_files", "arguments": {}}]}
    events, history = await turn(steps(reading, {"text": "ok"}), Memory(), Box("use tabs"))
    assert events[0] == Steered(["use tabs"])
    assert history[1] == Message("user", "use tabs")


async def test_a_steer_during_the_last_step_causes_one_more() -> None:
    class Late(Box):
        def take(self) -> list[str]:
            self.texts, taken = [], (["one more thing"] if self.calls == 1 else [])
            self.calls += 1
            return taken

        calls = 0

    events, history = await turn(steps({"text": "first"}, {"when": "one more", "text": "second"}), Memory(), Late())
    assert [m.text for m in history] == ["Go", "first", "one more thing", "second"]
    assert Steered(["one more thing"]) in events


async def heard(script: Mapping[str, object], environment: Memory, after: str, **settings: object) -> list[Message]:
    """The history of a turn to which somebody says "shorter" as soon as `after` has been told of its answer."""
    box, told = Box(), ""
    history = [Message("user", "Go")]
    asked = Settings("m", steered=lambda: bool(box.texts), **settings)  # type: ignore[arg-type]
    provider = ScriptedProvider({"rate": 200, **script})
    async with aclosing(run_turn(provider, environment, history, box, asked)) as events:
        async for event in events:
            told += event.text if isinstance(event, Prose) else event.name if isinstance(event, ToolStarted) else ""
            if after in told:
                box.texts, after = ["shorter"], "\0"
    return history


async def test_a_steer_breaks_off_an_answer_that_only_talks() -> None:
    script = steps({"text": "one two three four five six seven eight"}, {"when": "shorter", "text": "ok"})
    history = await heard(script, Memory(), "two")
    assert [m.role for m in history] == ["user", "assistant", "user", "assistant"]
    assert history[1].text.startswith("one two")
    assert "eight" not in history[1].text
    assert [m.text for m in history[2:]] == ["shorter", "ok"]


def silent() -> tuple[ScriptedProvider, list[Message], Box, Settings, asyncio.Task[None]]:
    """A turn whose model thinks for long before it says a word."""
    box, history = Box(), [Message("user", "Go")]
    asked = Settings("m", steered=lambda: bool(box.texts))
    provider = ScriptedProvider(steps({"delay": 600, "text": "late"}, {"when": "shorter", "text": "ok"}))

    async def run() -> None:
        async with aclosing(run_turn(provider, Memory(), history, box, asked)) as events:
            _ = [event async for event in events]

    return provider, history, box, asked, asyncio.create_task(run())


async def test_a_model_that_has_said_nothing_yet_is_asked_anew() -> None:
    provider, history, box, asked, task = silent()
    while not provider.requests:
        await asyncio.sleep(0)
    assert asked.silence.lasts
    box.texts, asked.silence.broken = ["shorter"], True
    task.cancel()
    await asyncio.wait_for(task, 5)
    assert [(m.role, m.text) for m in history] == [("user", "Go"), ("user", "shorter"), ("assistant", "ok")]
    assert not asked.silence.lasts
    assert len(provider.requests) == 2


@pytest.mark.parametrize("cancels", [1, 2])
async def test_who_stops_a_silent_turn_stops_it(cancels: int) -> None:
    provider, _, box, asked, task = silent()
    while not provider.requests:
        await asyncio.sleep(0)
    box.texts, asked.silence.broken = ["shorter"], cancels == 2  # the second is somebody's who means all of it
    for _ in range(cancels):
        task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 5)
    assert len(provider.requests) == 1


async def test_a_steer_lets_a_call_be_carried_out_first() -> None:
    patch = ["*** Begin Patch", "*** Update File: a.py", " one", "+two", "+three", "*** End Patch"]
    writing = {"calls": [{"name": "apply_patch", "arguments": {"patch": patch}}]}
    environment = Memory(a__py="one\n")
    history = await heard(steps(writing, {"when": "shorter", "text": "ok"}), environment, "apply_patch")
    assert environment.files["a.py"].text() == "one\ntwo\nthree\n"
    assert [m.role for m in history] == ["user", "assistant", "tool", "user", "assistant"]


async def test_a_steer_lets_a_block_of_text_be_written_first() -> None:
    box = Box()

    class Overlooked(Memory):
        """Somebody sees the block begin, and speaks."""

        def edits(self, call_id: str) -> MemoryEdits:
            class Seen(MemoryEdits):
                async def feed(self, ops: Sequence[Op]) -> None:
                    box.texts = box.texts or (["shorter"] if self.batches == 0 else [])
                    await super().feed(ops)

            stream = self.streams[call_id] = Seen(self.files)
            return stream

    block = "I do.\n\na.py\n<<<<<<< SEARCH\none\n=======\none\ntwo\nthree\n>>>>>>> REPLACE\n"
    script = {"rate": 200, **steps({"text": f"{block}Now I talk on and on."}, {"when": "shorter", "text": "ok"})}
    environment, history = Overlooked(a__py="one\n"), [Message("user", "Go")]
    asked = Settings("m", use_tools=False, blocks=True, steered=lambda: bool(box.texts))
    async with aclosing(run_turn(ScriptedProvider(script), environment, history, box, asked)) as events:
        _ = [event async for event in events]
    assert environment.files["a.py"].text() == "one\ntwo\nthree\n"
    assert history[1].text.startswith(block)
    assert "on and on" not in history[1].text
    assert [m.text for m in history[2:]] == ["shorter", "ok"]


async def test_reading_tools_run_at_the_same_time() -> None:
    reading = {"name": "read_file", "arguments": {"path": "together"}}
    events, _ = await asyncio.wait_for(turn(steps({"calls": [reading, reading]}, {"text": "ok"}), Memory()), 5)
    assert sum(isinstance(e, ToolFinished) and e.result.ok for e in events) == 2


async def test_wrong_calls_are_results_the_model_reads() -> None:
    calls = [
        {"name": "fly", "arguments": {}},
        {"name": "read_file", "arguments": "{nonsense"},
        {"name": "read_file", "arguments": {"first": 1}},
        {"name": "read_file", "arguments": {"path": "gone"}},
        {"name": "apply_patch", "arguments": {"patch": "hello"}},
    ]
    events, history = await turn(steps({"calls": calls}, {"text": "ok"}), Memory())
    results = [e.result for e in events if isinstance(e, ToolFinished)]
    assert [r.ok for r in results] == [False] * 5
    assert "no tool 'fly'" in results[0].text
    assert "path" in results[2].text
    assert results[3].text == "There is no file gone."
    assert "Begin Patch" in results[4].text
    assert len(history) == 8


async def test_a_patch_that_is_not_json_is_taken_as_it_is() -> None:
    environment = Memory(a__py="one\n")
    raw = "*** Begin Patch\n*** Update File: a.py\n-one\n+two\n*** End Patch"
    result = await call(environment, ToolCall("1", "apply_patch", raw))
    assert result.ok
    assert environment.files["a.py"].text() == "two\n"


async def test_only_the_tools_of_the_place_are_offered() -> None:
    environment = Memory(abilities=["read_file"])
    assert [tool.name for tool in offered(environment.abilities)] == ["read_file"]
    assert not (await call(environment, ToolCall("1", "run_command", '{"command": "ls"}'))).ok


async def test_the_limit_of_steps_ends_a_turn_that_goes_on_for_ever() -> None:
    again = {"calls": [{"name": "list_files", "arguments": {}}], "repeat": True}
    events, _ = await turn(steps(again), Memory(), max_steps=3)
    assert sum(isinstance(e, StepStarted) for e in events) == 3
    assert events[-1] == Finished("steps")


async def test_the_budget_of_tokens_is_looked_at_before_each_step() -> None:
    again = {"calls": [{"name": "list_files", "arguments": {}}], "repeat": True, "usage": [40, 10]}
    events, _ = await turn(steps(again), Memory(), budget=120)
    assert sum(isinstance(e, StepStarted) for e in events) == 3
    assert events[-1] == Finished("budget")


async def test_each_step_is_sent_what_fits_and_a_turn_ends_where_nothing_does() -> None:
    again = {"calls": [{"name": "list_files", "arguments": {}}], "repeat": True}
    asked: list[int] = []

    async def before(history: Sequence[Message]) -> Sequence[Message] | None:
        asked.append(len(history))
        return history[-3:] if len(asked) < 4 else None

    events, history = await turn(steps(again), Memory(), before_step=before)
    assert asked == [1, 3, 5, 7], "it is asked with the whole history"
    assert sum(isinstance(e, StepStarted) for e in events) == 3
    assert events[-1] == Finished("window")
    assert len(history) == 7, "what was left out is not forgotten"


async def test_an_error_passes_through_and_what_was_said_stands() -> None:
    history = [Message("user", "Go")]
    provider = ScriptedProvider(steps({"text": "half a sentence", "error": "overloaded", "after": 8}))
    told: list[TurnEvent] = []

    async def run() -> None:
        async for event in run_turn(provider, Memory(), history, Box(), Settings("m")):
            told.append(event)

    with pytest.raises(Overloaded):
        await run()
    assert "".join(e.text for e in told if isinstance(e, Prose)) == "half a s"
    assert len(history) == 1


class Stuck:
    """Streams one piece of a patch, then nothing; tells when it was closed."""

    def __init__(self) -> None:
        self.closed = False

    async def stream(self, request: Request) -> AsyncIterator[list[Event]]:
        try:
            async for events in ScriptedProvider(
                steps({"text": "hm", "calls": [{"name": "apply_patch", "arguments": {"patch": "x"}}]})
            ).stream(request):
                if events[0] == TextDelta("hm") or len(events) == 1:
                    yield events
            await asyncio.Event().wait()
        finally:
            self.closed = True

    async def close(self) -> None:
        pass


async def test_cancelling_closes_the_stream_and_aborts_the_edit() -> None:
    provider, environment, started = Stuck(), Memory(), asyncio.Event()

    async def run() -> None:
        async for event in run_turn(provider, environment, [Message("user", "Go")], Box(), Settings("m")):
            if isinstance(event, ToolStarted):
                started.set()

    task = asyncio.create_task(run())
    await asyncio.wait_for(started.wait(), 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert provider.closed
    assert environment.streams["call_1_1"].state == "aborted"


async def test_a_wrong_script_is_refused() -> None:
    with pytest.raises(BadResponse, match="unknown"):
        ScriptedProvider({"steps": [{"txt": "x"}]})
    with pytest.raises(BadResponse, match="unknown error"):
        ScriptedProvider(steps({"error": "weird"}))


async def test_a_script_that_has_run_out_says_so() -> None:
    events, _ = await turn(steps(), Memory())
    assert "no step left" in "".join(e.text for e in events if isinstance(e, Prose))
