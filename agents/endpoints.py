"""Configured models: made from settings, from local servers found, and from what ships; and how each is opened."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings

from agents.engine.messages import Provider
from agents.keys import decrypt, encrypt
from agents.models import Endpoint
from agents.providers import local, scripted
from agents.providers.chat import ChatProvider
from ide.errors import Unavailable

# Ranks: hosted models first, then local servers, then what ships, then local servers that are off, the script last.
HOSTED, LOCAL, SHIPPED, ABSENT, SCRIPTED = 10, 50, 100, 500, 1000


@dataclass(frozen=True)
class Hosted:
    """A provider that is configured by one key. `setting` is the stem of its settings: <STEM>_API_KEY, <STEM>_MODEL."""

    name: str
    setting: str
    base_url: str
    model: str
    window: int
    rank: int


PROVIDERS = (
    Hosted("Cerebras", "CEREBRAS", "https://api.cerebras.ai/v1", "gpt-oss-120b", 128_000, HOSTED),
    Hosted("Groq", "GROQ", "https://api.groq.com/openai/v1", "openai/gpt-oss-120b", 128_000, HOSTED + 1),
    Hosted("OpenAI", "OPENAI", "https://api.openai.com/v1", "gpt-6-astra", 256_000, HOSTED + 2),
    # Anthropic's own dialect comes later; its OpenAI-compatible address serves until then.
    Hosted("Anthropic", "ANTHROPIC", "https://api.anthropic.com/v1", "claude-sonnet-4-5", 200_000, HOSTED + 3),
)


def sync_endpoints() -> None:
    """Make the endpoints that settings and running servers name; leave what an administrator changed. Idempotent."""
    for hosted in PROVIDERS:
        _sync_hosted(hosted)
    _sync_local(asyncio.run(local.discover()))
    _sync_builtin()
    _sync_scripted()


def _sync_hosted(hosted: Hosted) -> None:
    key = getattr(settings, f"{hosted.setting}_API_KEY")
    base_url = getattr(settings, f"{hosted.setting}_BASE_URL", "")
    if not key and not base_url:
        return
    Endpoint.objects.get_or_create(
        name=hosted.name,
        defaults={
            "base_url": base_url or hosted.base_url,
            "model": getattr(settings, f"{hosted.setting}_MODEL") or hosted.model,
            "key_encrypted": encrypt(key),
            "window": hosted.window,
            "rank": hosted.rank,
        },
    )


def _sync_local(found: Sequence[local.Found]) -> None:
    """A server found before that does not answer now stays listed, but steps behind what works."""
    for server in found:
        Endpoint.objects.get_or_create(
            name=server.name, defaults={"base_url": server.base_url, "model": server.models[0], "rank": LOCAL}
        )
    usual = Endpoint.objects.filter(name__in=[name for name, _ in local.USUAL])
    answering = [server.name for server in found]
    usual.filter(rank=LOCAL).exclude(name__in=answering).update(rank=ABSENT)
    usual.filter(rank=ABSENT, name__in=answering).update(rank=LOCAL)


def _sync_builtin() -> None:
    address = local.builtin_url(settings.BUILTIN_MODEL_PORT)  # the port is new at each start
    wanted = bool(settings.BUILTIN_MODEL)
    if not wanted:
        Endpoint.objects.filter(builtin=True).update(enabled=False)
        return
    Endpoint.objects.update_or_create(
        builtin=True,
        defaults={"base_url": address, "enabled": True},
        create_defaults={
            "name": local.BUILTIN_NAME,
            "base_url": address,
            "model": local.BUILTIN,
            "drives_tools": False,
            "window": local.WINDOW,
            "rank": SHIPPED,
        },
    )


def _sync_scripted() -> None:
    path = settings.SCRIPTED_MODEL
    if not path:
        Endpoint.objects.filter(dialect=Endpoint.Dialect.SCRIPTED).update(enabled=False)
        return
    Endpoint.objects.update_or_create(
        dialect=Endpoint.Dialect.SCRIPTED,
        defaults={"base_url": str(path), "enabled": True, "rank": SCRIPTED},
        create_defaults={
            "name": scripted.LABEL,
            "base_url": str(path),
            "model": "script",
            "drives_tools": True,
            "rank": SCRIPTED,
        },
    )


def usable() -> list[Endpoint]:
    """Enabled endpoints, best first: the first is the default. The scripted one never precedes another."""
    rows = Endpoint.objects.filter(enabled=True).order_by("rank", "pk")
    return sorted(rows, key=lambda row: row.dialect == Endpoint.Dialect.SCRIPTED)


def choose(endpoint_id: int | None) -> Endpoint:
    """The endpoint asked for, or the default. Raises Unavailable when there is none."""
    rows = usable()
    if endpoint_id is not None:
        rows = [row for row in rows if row.pk == endpoint_id]
    if not rows:
        raise Unavailable(
            "This model is not connected." if endpoint_id is not None else "No model is connected.",
            "Choose another model, or ask an administrator to connect one.",
        )
    return rows[0]


def provider_for(endpoint: Endpoint) -> Provider:
    """The endpoint opened for the loop that runs now; the caller closes it. Raises Unavailable or ProviderError."""
    if endpoint.dialect == Endpoint.Dialect.SCRIPTED:
        return scripted.ScriptedProvider(endpoint.base_url)
    return ChatProvider(endpoint.base_url, decrypt(bytes(endpoint.key_encrypted)))
