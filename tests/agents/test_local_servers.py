"""Servers on this machine, each answering as its kind does: found at start, found later, found with other models."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from agents.endpoints.choice import ABSENT, LOCAL, LOOK_EVERY, LocalServers
from agents.models import Endpoint
from agents.providers import local
from ide.db import in_db

pytestmark = pytest.mark.django_db(transaction=True)


def listing(*names: str, **more: Any) -> dict[str, Any]:
    return {"object": "list", "data": [{"id": name, "object": "model", **more} for name in names]}


# What GET /v1/models gives, as the servers' own pages have it.
KINDS: dict[str, tuple[dict[str, Any], str]] = {
    "Ollama": (listing("qwen3:8b", "llama3.2:latest", created=1, owned_by="library"), "qwen3:8b"),
    "LM Studio": (listing("text-embedding-nomic-embed-text-v1.5", "gpt-oss-20b", owned_by="me"), "gpt-oss-20b"),
    "llama-server": (
        {"models": [{"name": "/m/q.gguf"}], **listing("/m/q.gguf", meta={"n_ctx_train": 8192})},
        "/m/q.gguf",
    ),
    "vLLM": (listing("Qwen/Qwen3-8B", max_model_len=40960, root="Qwen/Qwen3-8B", parent=None), "Qwen/Qwen3-8B"),
}
NOTHING: dict[str, Any] = {"object": "list", "data": None}  # Ollama before a model is pulled


@asynccontextmanager
async def serving(answer: dict[str, Any], port: int = 0) -> AsyncIterator[int]:
    """A server whose list of models is `answer`, which may be changed meanwhile."""

    async def models(_: web.Request) -> web.Response:
        return web.json_response(answer)

    app = web.Application()
    app.router.add_get("/v1/models", models)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("kind", KINDS)
async def test_each_kind_is_found_with_a_model_that_talks(kind: str) -> None:
    answer, model = KINDS[kind]
    async with serving(answer) as port:
        (found,) = await local.discover([(kind, port)], seconds=5)
    assert (found.name, found.base_url, found.models[0]) == (kind, f"http://127.0.0.1:{port}/v1", model)


@pytest.mark.parametrize("answer", [NOTHING, listing(), listing("text-embedding-only"), {"error": "loading"}])
async def test_a_server_without_a_model_is_none(answer: dict[str, Any]) -> None:
    async with serving(answer) as port:
        assert await local.discover([("Ollama", port)], seconds=5) == []


async def test_every_usual_server_has_a_port_and_a_name_of_its_own() -> None:
    assert {name for name, _ in local.USUAL} == KINDS.keys()
    assert len({port for _, port in local.USUAL}) == len(KINDS)


async def row() -> tuple[str, int] | None:
    found = await in_db(lambda: Endpoint.objects.filter(name="Ollama").values_list("model", "rank").first())
    return found and (found[0], found[1])


async def test_a_server_and_its_models_are_found_again_while_tandem_runs() -> None:
    now = 0.0
    answer = dict(NOTHING)
    async with serving(answer) as port:
        servers = LocalServers([("Ollama", port)], lambda: now)
        assert await servers.look()
        assert await row() is None, "it has no model yet"
        answer["data"] = [{"id": "qwen3:8b"}]
        assert not await servers.look(), "not every time somebody asks"
        now += LOOK_EVERY
        assert await servers.look()
        assert await row() == ("qwen3:8b", LOCAL)
        answer["data"] = [{"id": "llama3.2"}]
        now += LOOK_EVERY
        await servers.look()
        assert await row() == ("llama3.2", LOCAL), "the first one is not there any more"
        answer["data"] = [{"id": "mistral"}, {"id": "llama3.2"}]
        now += LOOK_EVERY
        await servers.look()
        assert await row() == ("llama3.2", LOCAL), "the one in use still is"
    now += LOOK_EVERY
    await servers.look()
    assert await row() == ("llama3.2", ABSENT), "it steps behind while the server is off"
    async with serving(answer, port):
        now += LOOK_EVERY
        await servers.look()
    assert await row() == ("llama3.2", LOCAL)


async def test_what_an_administrator_has_ranked_keeps_its_model() -> None:
    async with serving(listing("new")) as port:
        await in_db(
            Endpoint.objects.create, name="Ollama", model="mine", rank=1, base_url=f"http://127.0.0.1:{port}/v1"
        )
        await LocalServers([("Ollama", port)]).look()
    assert await row() == ("mine", 1)
