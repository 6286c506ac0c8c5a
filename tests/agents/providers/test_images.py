"""Pictures in a message: on each wire, refused where a model cannot see, and found out by asking."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agents.endpoints import pool, probe
from agents.endpoints.abilities import Abilities
from agents.endpoints.measure import Measured, Purpose
from agents.engine.messages import Image, Message, Request, Usage
from agents.models import Endpoint
from agents.providers.anthropic_wire import body as anthropic_body
from agents.providers.chunks import body as chat_body
from agents.providers.protocol import BadResponse, NoImages, ProviderError
from agents.providers.responses_request import Abilities as Responses
from agents.providers.responses_request import items
from agents.simulator.plan import Script, Step
from ide.db import in_db
from ide.usage.models import LedgerEntry
from tests.agents.simulated import events_of, simulator, text_of

PICTURE = Image("image/png", b"\x89PNG")
SHOWN = Message("user", "What is this?", images=(PICTURE,))
URL = "data:image/png;base64,iVBORw=="
DIALECTS = ("responses", "chat", "anthropic")


def test_each_wire_has_its_own_form_of_a_picture() -> None:
    asked = Request("m", [SHOWN])
    (item,) = items([SHOWN], Responses())
    assert item["content"] == [  # type: ignore[index,call-overload]
        {"type": "input_image", "image_url": URL},
        {"type": "input_text", "text": "What is this?"},
    ]
    (message,) = chat_body(asked, {})["messages"]  # type: ignore[misc]
    assert message["content"] == [
        {"type": "image_url", "image_url": {"url": URL}},
        {"type": "text", "text": "What is this?"},
    ]
    (message,) = anthropic_body(asked, eager=False, extra={})["messages"]
    assert message["content"][0] == {
        "type": "image",
        "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw=="},
    }
    assert message["content"][1]["text"] == "What is this?"


def test_text_alone_stays_plain_text() -> None:
    said = Message("user", "Hi")
    assert chat_body(Request("m", [said]), {})["messages"] == [{"role": "user", "content": "Hi"}]
    assert items([said], Responses()) == [{"type": "message", "role": "user", "content": "Hi"}]


def endpoint(url: str, dialect: str, model: str = "simulated-deep", **more: Any) -> Endpoint:
    fields = {"name": "e", "dialect": dialect, "base_url": url, "model": model, "own_network": True, **more}
    return Endpoint.objects.create(**fields)


SEES = Script([Step(when="colour", text="It is red."), Step(text="A picture.")])


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_model_that_sees_is_sent_the_picture_and_known_by_its_answer(dialect: str) -> None:
    async with simulator(SEES) as (url, _):
        row = await in_db(endpoint, url, dialect)
        provider = pool.fresh(row)
        assert text_of(await events_of(provider, Request(row.model, [SHOWN]))) == "A picture."
        await provider.close()
        assert (await probe.probe(row, probe.Used())).images is True


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_model_of_text_only_refuses_and_is_known_for_it(dialect: str) -> None:
    async with simulator(SEES) as (url, _):
        row = await in_db(endpoint, url, dialect, "simulated-fast")
        provider = pool.fresh(row)
        with pytest.raises(BadResponse):
            await events_of(provider, Request(row.model, [SHOWN]))
        await provider.close()
        assert (await probe.probe(row, probe.Used())).images is False


@pytest.mark.django_db(transaction=True)
async def test_nothing_is_sent_to_a_model_that_cannot_see() -> None:
    known = msgspec.to_builtins(Abilities(images=False))
    row = await in_db(endpoint, "http://127.0.0.1:1/v1", "chat", abilities=known)
    measured = Measured([row], Purpose(None, None, "turn", "turn:x"))
    with pytest.raises(NoImages) as refusal:
        await events_of(measured, Request("m", [SHOWN]))
    assert refusal.value.sentence == (
        "This model cannot see images. e reads text only. Send the text alone, or choose a model that sees images."
    )
    assert not await in_db(LedgerEntry.objects.exists)
    with pytest.raises(ProviderError, match="Nobody answers"):
        await events_of(measured, Request("m", [Message("user", "text alone")]))
    await pool.close()


@pytest.mark.django_db(transaction=True)
async def test_the_ledger_draws_a_long_answer_down_and_settles_it_with_its_cost() -> None:
    async with simulator(rate=100) as (url, _):
        row = await in_db(endpoint, url, "responses", price_input=2, price_output=10)
        measured = Measured([row], Purpose(None, None, "turn", "turn:x"))
        drawn = []
        async for events in measured.stream(Request("m", [Message("user", "sim: tokens=160 rate=100")])):
            entry = await in_db(LedgerEntry.objects.get)
            drawn.append(entry.output_tokens)
            assert entry.state == "reserved"
            used = next((e for e in events if isinstance(e, Usage)), None)
        entry = await in_db(LedgerEntry.objects.get)
        assert 0 < max(drawn) < 400, "while it streams, by estimate"
        assert (entry.state, entry.output_tokens, entry.reserved_tokens) == ("settled", 160, 0)
        assert used is not None
        assert float(entry.cost) == pytest.approx((used.input_tokens * 2 + 160 * 10) / 1e6)
        assert measured.speed.cost == entry.cost
        await pool.close()
