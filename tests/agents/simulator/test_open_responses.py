"""The published acceptance cases of Open Responses, in our own words, put to the simulator: ten over HTTP, seven on a
socket. They judge servers; that ours passes is what makes it worth testing a client against. Source: reference
"protocols" §1.9."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import msgspec
import pytest

from agents.simulator.plan import Call, Script, Step, words
from tests.agents.simulated import simulator

PIXEL = "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()
TOOL = {"type": "function", "name": "weather", "parameters": {"type": "object"}}
SCRIPT = Script(
    [
        Step(when="weather", calls=[Call("weather", {"place": "Ulm"})]),
        Step(when="weather", text="It rains in Ulm."),
        Step(text="Yes."),
    ]
)


class Peer:
    """A client that knows nothing but the published texts."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self._http, self._url = http, url

    async def post(self, path: str = "/responses", **body: Any) -> tuple[int, dict[str, Any]]:
        async with self._http.post(self._url + path, json={"model": "simulated-deep", **body}) as answer:
            return answer.status, await answer.json()

    async def raw(self, data: bytes) -> tuple[int, dict[str, Any]]:
        async with self._http.post(self._url + "/responses", data=data) as answer:
            return answer.status, await answer.json()

    async def streamed(self, **body: Any) -> list[dict[str, Any]]:
        asked = {"model": "simulated-deep", "stream": True, **body}
        async with self._http.post(self._url + "/responses", json=asked) as answer:
            assert answer.content_type == "text/event-stream"
            lines = (await answer.text()).splitlines()
        names = [line.removeprefix("event: ") for line in lines if line.startswith("event: ")]
        events = [msgspec.json.decode(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]
        assert names == [event["type"] for event in events], "an event is named by its type"
        return events

    async def socket(self) -> Wire:
        return Wire(await self._http.ws_connect("ws" + self._url.removeprefix("http") + "/responses"))


class Wire:
    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self.ws = ws

    async def create(self, **body: Any) -> dict[str, Any]:
        """The event that ends the response, or the error."""
        asked = {"type": "response.create", "model": "simulated-deep", "store": False, **body}
        await self.ws.send_json(asked)
        while True:
            event = await self.ws.receive_json(timeout=10)
            if event["type"] in ("response.completed", "response.failed", "response.incomplete", "error"):
                return dict(event)

    async def done(self, **body: Any) -> dict[str, Any]:
        event = await self.create(**body)
        assert event["type"] == "response.completed", event
        return dict(event["response"])


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    async with simulator(SCRIPT) as (url, _), aiohttp.ClientSession() as http:
        yield Peer(http, url)


def text_of(response: dict[str, Any]) -> str:
    said = [item for item in response["output"] if item["type"] == "message"]
    return "".join(part["text"] for item in said for part in item["content"])


def user(text: str) -> dict[str, Any]:
    return {"type": "message", "role": "user", "content": text}


# --- HTTP -------------------------------------------------------------------------------------------------------------


async def test_basic_text(peer: Peer) -> None:
    status, response = await peer.post(input="Say yes.")
    assert (status, response["object"], response["status"]) == (200, "response", "completed")
    assert text_of(response) == "Yes."
    assert response["output"][0]["role"] == "assistant"


async def test_a_stream_has_its_events_in_order(peer: Peer) -> None:
    events = await peer.streamed(input="Say yes.")
    kinds = [event["type"] for event in events if not event["type"].endswith(".delta")]
    assert kinds == [
        *("response.created", "response.in_progress", "response.output_item.added", "response.content_part.added"),
        *("response.output_text.done", "response.content_part.done", "response.output_item.done"),
        "response.completed",
    ]
    numbers = [event["sequence_number"] for event in events]
    assert numbers == sorted(set(numbers)), "numbers rise"
    deltas = "".join(event["delta"] for event in events if event["type"] == "response.output_text.delta")
    assert deltas == text_of(events[-1]["response"]) == "Yes."


async def test_instructions_and_system_messages_are_taken(peer: Peer) -> None:
    status, response = await peer.post(instructions="Be brief.", input="Say yes.")
    assert (status, text_of(response)) == (200, "Yes.")
    system = {"type": "message", "role": "system", "content": "Be brief."}
    status, response = await peer.post(input=[system, user("Say yes.")])
    assert (status, text_of(response)) == (200, "Yes.")


async def test_a_tool_is_called_and_its_output_answered(peer: Peer) -> None:
    asked = [user("What is the weather?")]
    _, response = await peer.post(input=asked, tools=[TOOL])
    (call,) = response["output"]
    assert (call["type"], call["name"], call["status"]) == ("function_call", "weather", "completed")
    assert msgspec.json.decode(call["arguments"]) == {"place": "Ulm"}
    output = {"type": "function_call_output", "call_id": call["call_id"], "output": "rain"}
    _, after = await peer.post(input=[*asked, call, output], tools=[TOOL])
    assert text_of(after) == "It rains in Ulm."


async def test_several_turns_are_one_conversation(peer: Peer) -> None:
    _, first = await peer.post(input="Say yes.")
    status, second = await peer.post(input="And again?", previous_response_id=first["id"])
    assert (status, second["previous_response_id"]) == (200, first["id"])
    assert second["usage"]["input_tokens"] > first["usage"]["input_tokens"], "it has read what was before"
    said = {"type": "message", "role": "assistant", "content": text_of(first)}
    status, third = await peer.post(input=[user("Say yes."), said, user("And again?")])
    assert (status, text_of(third)) == (200, "Yes.")


async def test_an_image_is_accepted_where_the_model_sees(peer: Peer) -> None:
    content = [{"type": "input_text", "text": "Is this a picture?"}, {"type": "input_image", "image_url": PIXEL}]
    item = {"type": "message", "role": "user", "content": content}
    status, response = await peer.post(input=[item])
    assert (status, text_of(response)) == (200, "Yes.")
    status, refusal = await peer.post(input=[item], model="simulated-fast")
    assert (status, refusal["error"]["param"]) == (400, "input"), "and refused where it does not"


async def test_usage_of_an_answer_that_is_not_streamed(peer: Peer) -> None:
    _, response = await peer.post(input="Say yes.")
    usage = response["usage"]
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
    assert usage["output_tokens"] > 0
    assert set(usage) >= {"input_tokens_details", "output_tokens_details"}


@pytest.mark.parametrize("body", [{"input": "x"}, {"model": "", "input": "x"}])
async def test_a_missing_model_is_an_error_of_the_request(peer: Peer, body: dict[str, Any]) -> None:
    status, refusal = await peer.raw(msgspec.json.encode(body))
    assert (status, refusal["error"]["type"], refusal["error"]["param"]) == (400, "invalid_request_error", "model")


@pytest.mark.parametrize("data", [b"{", b"[]", b'"text"', b"\xff"])
async def test_what_is_no_json_object_is_an_error_of_the_request(peer: Peer, data: bytes) -> None:
    status, refusal = await peer.raw(data)
    assert (status, refusal["error"]["type"]) == (400, "invalid_request_error")


async def test_an_unknown_previous_response_is_an_error_that_says_so(peer: Peer) -> None:
    status, refusal = await peer.post(input="x", previous_response_id="resp_nobody")
    assert (status, refusal["error"]["code"]) == (400, "previous_response_not_found")
    _, kept = await peer.post(input="Say yes.", store=False)
    status, refusal = await peer.post(input="x", previous_response_id=kept["id"])
    assert (status, refusal["error"]["code"]) == (400, "previous_response_not_found"), "it was not to be stored"


# --- WebSocket --------------------------------------------------------------------------------------------------------


async def test_a_response_on_a_socket(peer: Peer) -> None:
    response = await (await peer.socket()).done(input="Say yes.")
    assert (text_of(response), response["status"]) == ("Yes.", "completed")


async def test_responses_one_after_the_other(peer: Peer) -> None:
    wire = await peer.socket()
    first, second = await wire.done(input="Say yes."), await wire.done(input="Say yes again.")
    assert first["id"] != second["id"]
    assert second["previous_response_id"] is None
    assert second["usage"]["input_tokens_details"]["cached_tokens"] == 0, "a new conversation"


async def test_a_continuation_sends_only_what_is_new(peer: Peer) -> None:
    wire = await peer.socket()
    first = await wire.done(input="What is the weather?", tools=[TOOL])
    call = first["output"][0]
    output = {"type": "function_call_output", "call_id": call["call_id"], "output": "rain"}
    second = await wire.done(input=[output], previous_response_id=first["id"], tools=[TOOL])
    assert text_of(second) == "It rains in Ulm."


async def test_after_a_reconnect_what_was_not_stored_is_sent_in_full(peer: Peer) -> None:
    wire = await peer.socket()
    first = await wire.done(input="Say yes.")
    stored = await wire.done(input="Say yes.", store=True)
    await wire.ws.close()
    again = await peer.socket()
    error = await again.create(input="And now?", previous_response_id=first["id"])
    assert (error["type"], error["error"]["code"]) == ("error", "previous_response_not_found")
    said = {"type": "message", "role": "assistant", "content": text_of(first)}
    assert text_of(await again.done(input=[user("Say yes."), said, user("And now?")])) == "Yes."
    assert text_of(await again.done(input="And now?", previous_response_id=stored["id"])) == "Yes."


async def test_a_missing_previous_response_leaves_the_socket_open(peer: Peer) -> None:
    wire = await peer.socket()
    error = await wire.create(input="x", previous_response_id="resp_nobody")
    assert (error["status"], error["error"]["param"]) == (400, "previous_response_id")
    assert text_of(await wire.done(input="Say yes.")) == "Yes."


async def test_a_failed_continuation_evicts_what_it_named(peer: Peer) -> None:
    wire = await peer.socket()
    first = await wire.done(input="Say yes.")
    failed = await wire.create(input="sim: fault=status_500", previous_response_id=first["id"])
    assert (failed["type"], failed["status"]) == ("error", 500)
    error = await wire.create(input="And now?", previous_response_id=first["id"])
    assert error["error"]["code"] == "previous_response_not_found"


async def test_a_new_chain_begins_from_a_compacted_window(peer: Peer) -> None:
    wire = await peer.socket()
    first = await wire.done(input=f"sim: tokens=300\n{'long ' * 400}")
    assert text_of(first) == "".join(words(300))
    history = [user("Say yes. " * 200), {"type": "message", "role": "assistant", "content": "Yes. " * 400}]
    status, compacted = await peer.post("/responses/compact", input=history)
    assert (status, compacted["object"]) == (200, "response.compaction")
    assert [item["type"] for item in compacted["output"]] == ["message", "compaction"]
    assert len(msgspec.json.encode(compacted["output"])) < len(msgspec.json.encode(history))
    response = await wire.done(input=[*compacted["output"], user("And now?")], previous_response_id=None)
    assert (text_of(response), response["previous_response_id"]) == ("Yes.", None)
    after = await wire.done(input=[user("And then?")], previous_response_id=response["id"])
    assert after["usage"]["input_tokens_details"]["cached_tokens"] > 0
    status, refusal = await peer.post("/responses/compact", input=history, model="")
    assert (status, refusal["error"]["param"]) == (400, "model")
