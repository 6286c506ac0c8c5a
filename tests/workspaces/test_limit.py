"""A request that is too large is refused before it is held, by what it says and by what it brings."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from django.core.asgi import get_asgi_application

from ide.workspaces.limit import FORM, BodyLimit

LIMIT = 1 << 20


async def posted(chunks: int, *headers: tuple[bytes, bytes]) -> tuple[int, dict[str, Any], int]:
    """Status and body of the answer, and how many chunks of 256 KiB were taken."""
    taken, sent = 0, []
    types = [(b"content-type", b"multipart/form-data; boundary=x"), (b"host", b"localhost")]
    scope = {"type": "http", "method": "POST", "path": "/api/workspaces/upload", "query_string": b""}
    scope |= {"headers": [*types, *headers], "http_version": "1.1", "scheme": "http", "server": ("localhost", 80)}

    async def receive() -> dict[str, Any]:
        nonlocal taken
        if taken == chunks:
            await asyncio.Event().wait()  # the client waits for its answer
        taken += 1
        return {"type": "http.request", "body": b"x" * (256 << 10), "more_body": taken < chunks}

    async def send(event: Any) -> None:
        sent.append(event)

    await BodyLimit(get_asgi_application(), LIMIT)(scope, receive, send)  # type: ignore[arg-type]
    return sent[0]["status"], json.loads(sent[1]["body"]), taken


async def test_a_declared_size_is_refused_without_reading(transactional_db: None) -> None:
    status, problem, taken = await posted(1000, (b"content-length", str(LIMIT + FORM + 1).encode()))
    assert (status, problem["code"], taken) == (413, "too_large", 0)
    assert "1 MiB" in problem["message"]


async def test_an_undeclared_size_is_cut_where_it_passes_the_limit(transactional_db: None) -> None:
    status, problem, taken = await posted(1000)
    assert (status, problem["code"]) == (413, "too_large")
    assert taken == (LIMIT + FORM) // (256 << 10) + 1


async def test_what_fits_is_passed_on(transactional_db: None) -> None:
    status, problem, _ = await posted(1, (b"content-length", str(256 << 10).encode()))
    assert (status, problem["code"]) == (403, "invalid"), "Django answers: the token of our pages is missing"
