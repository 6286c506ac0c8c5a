"""The providers that a model can be chosen of: what is known of each, so that nobody has to type it.

Those that are configured by one key, with the model they are asked for unless somebody says another; servers on this
machine at their usual ports; and OpenRouter. Prices change too often to be promised here.
"""

from __future__ import annotations

from typing import Any

from agents.endpoints.choice import PROVIDERS
from agents.providers import local

Json = dict[str, Any]
QUICK = frozenset({"Cerebras", "Groq"})  # their machines answer in thousands of tokens a second
OPENROUTER = {"id": "openrouter", "name": "OpenRouter", "base_url": "https://openrouter.ai/api/v1", "dialect": "chat"}


def providers() -> list[Json]:
    """The `Provider`s of wire-models.ts."""
    hosted = [
        _provider(
            {"id": one.setting.lower(), "name": one.name, "base_url": one.base_url, "dialect": str(one.dialect)},
            models=[one.model],
            window=one.window,
            pool="fast" if one.name in QUICK else "deep",
        )
        for one in PROVIDERS
    ]
    here = [
        {
            "id": name.lower().replace(" ", "-"),
            "name": name,
            "base_url": f"http://127.0.0.1:{port}/v1",
            "dialect": "chat",
        }
        for name, port in local.USUAL
    ]
    return [*hosted, _provider(OPENROUTER), *(_provider(one, local=True) for one in here)]


def _provider(known: Json, **more: Any) -> Json:
    return {**known, "models": [], "window": 128_000, "pool": "deep", "local": False, **more}
