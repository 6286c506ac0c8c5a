"""The built-in model, for real: started as `up` starts it, asked through ChatProvider, ended by SIGTERM."""

from __future__ import annotations

import asyncio
import socket
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from agents.engine import context, verify
from agents.engine.context import CodeReply, OpenFile
from agents.engine.edits.apply import LiveRewrite
from agents.engine.edits.target import PlainTarget
from agents.engine.messages import Done, Message, Provider, Request, TextDelta, Usage
from agents.providers import local
from agents.providers.anthropic import AnthropicProvider
from agents.providers.chat import ChatProvider, models
from agents.providers.fill import Fill
from agents.providers.protocol import ProviderError
from agents.providers.responses import ResponsesProvider
from agents.providers.responses_request import Abilities

ROOT = Path(__file__).parents[3]
LOAD = 20.0
TAIL = "\n\ndef end():\n    pass\n"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def port() -> AsyncIterator[int]:
    chosen = free_port()
    argv = local.builtin_argv(chosen)
    process = subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        assert process.stdout is not None
        assert await asyncio.wait_for(asyncio.to_thread(process.stdout.readline), LOAD) == b"ready\n"
        assert await local.answers(chosen)
        yield chosen
    finally:
        process.terminate()
        process.communicate(timeout=30)
    assert process.returncode == 0


@pytest.mark.asyncio(loop_scope="module")
async def test_the_built_in_model_streams_an_answer_and_counts_it(port: int) -> None:
    assert await models(local.builtin_url(port)) == [local.BUILTIN]
    provider = ChatProvider(local.builtin_url(port))
    events = [
        event
        async for events in provider.stream(Request(local.BUILTIN, [Message("user", "Say hello.")], max_tokens=12))
        for event in events
    ]
    await provider.close()
    assert sum(isinstance(event, TextDelta) for event in events) > 2
    usage = next(event for event in events if isinstance(event, Usage))
    assert usage.input_tokens > 5
    assert not usage.estimated
    assert isinstance(events[-1], Done)


PLAIN = Abilities(freeform=False, encrypted_reasoning=False)
DIALECTS: dict[str, Callable[[str], Provider]] = {
    "responses": lambda url: ResponsesProvider(url, transport="http", abilities=PLAIN),
    "responses, where no socket is offered": lambda url: ResponsesProvider(url, abilities=PLAIN),
    "messages": AnthropicProvider,
}


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_its_server_is_understood_in_every_dialect_it_offers(port: int, dialect: str) -> None:
    provider = DIALECTS[dialect](local.builtin_url(port))
    asked = Request(local.BUILTIN, [Message("user", "Say hello.")], max_tokens=12)
    events = [event async for events in provider.stream(asked) for event in events]
    await provider.close()
    assert sum(isinstance(event, TextDelta) for event in events) > 2
    counted = next(event for event in events if isinstance(event, Usage)).output_tokens
    assert 2 < counted <= 12, "as many as it may say, or fewer: it chooses its words anew each time"
    assert isinstance(events[-1], Done)


@pytest.mark.asyncio(loop_scope="module")
async def test_it_cannot_fill_in_the_middle_and_the_probe_knows(port: int) -> None:
    fill = Fill(local.builtin_url(port), "", "suffix")
    assert not await fill.honoured(local.BUILTIN), "it takes a suffix and ignores it"
    await fill.close()
    native = Fill(local.builtin_url(port), "", "infill")
    with pytest.raises(ProviderError, match="not supported"):
        await native.honoured(local.BUILTIN)
    await native.close()


async def rewritten(port: int, code: str, instruction: str) -> str:
    """The file after an inline edit of `code`, which is followed by other code."""
    target = PlainTarget(code + TAIL)
    asked = context.inline(OpenFile("a.py", target.text(), 0, len(code)), instruction, small=True, window=local.WINDOW)
    rewrite = LiveRewrite(target, target.anchor(0, -1), target.anchor(len(code), 0), indent=asked.indent)
    reply = CodeReply(asked)
    provider = ChatProvider(local.builtin_url(port))
    async for events in provider.stream(asked.request(local.BUILTIN)):
        for event in events:
            if isinstance(event, TextDelta):
                rewrite.feed(reply.feed(event.text))
    await provider.close()
    rewrite.feed(reply.finish())
    rewrite.finish()
    return target.text()


@pytest.mark.asyncio(loop_scope="module")
async def test_docstrings_are_completed_and_the_code_stays(port: int) -> None:
    lines = ["def word_counts(text):", "    counts = {}", "    for word in text.split():", "        counts[word] = 1"]
    words = "\n".join([*lines, "    return counts", ""])
    for code in (words, "def is_palindrome(s: str) -> bool:\n    return s == s[::-1]\n"):
        new = await rewritten(port, code, "add a docstring")
        assert verify.refused_docstring(code + TAIL, new) is None


@pytest.mark.asyncio(loop_scope="module")
async def test_an_inline_edit_gives_code_that_parses_and_leaves_the_rest(port: int) -> None:
    new = await rewritten(port, "def divide(a, b):\n    return a / b\n", "handle division by zero")
    assert verify.refused_python(new) is None
    assert new.endswith(TAIL)
    assert "return a / b" in new


@pytest.mark.asyncio(loop_scope="module")
async def test_local_servers_are_found_at_their_ports(port: int) -> None:
    found = await local.discover([("llama-server", port), ("nobody", free_port())], seconds=5)
    assert found == [local.Found("llama-server", local.builtin_url(port), [local.BUILTIN])]


def test_a_model_that_is_not_there_is_told() -> None:
    argv = [*local.builtin_argv(free_port()), "--model", "/nowhere/x.gguf"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 1
    assert "its file is not there" in done.stderr
