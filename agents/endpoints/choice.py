"""Configured models: made from settings, from local servers found, and from what ships; and which one is asked.

How one is opened is in pool.py.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db.models import F, Q
from django.utils import timezone

from agents.endpoints.keys import encrypt
from agents.models import Endpoint, RoleEndpoint
from agents.providers import local, scripted
from ide.db import in_db
from ide.errors import Unavailable
from ide.usage.meter import Prices

# Ranks: hosted models first, then local servers, those that people add, what ships, local servers that are off, the
# script last.
HOSTED, LOCAL, ADDED, SHIPPED, ABSENT, SCRIPTED = 10, 50, 60, 100, 500, 1000


@dataclass(frozen=True)
class Hosted:
    """A provider that is configured by one key. `setting` is the stem of its settings: <STEM>_API_KEY, <STEM>_MODEL."""

    name: str
    setting: str
    base_url: str
    model: str
    window: int
    rank: int
    dialect: str = Endpoint.Dialect.CHAT


PROVIDERS = (
    Hosted("Cerebras", "CEREBRAS", "https://api.cerebras.ai/v1", "gpt-oss-120b", 128_000, HOSTED),
    Hosted("Groq", "GROQ", "https://api.groq.com/openai/v1", "openai/gpt-oss-120b", 128_000, HOSTED + 1),
    Hosted("OpenAI", "OPENAI", "https://api.openai.com/v1", "gpt-6-astra", 256_000, HOSTED + 2, "responses"),
    Hosted(
        "Anthropic", "ANTHROPIC", "https://api.anthropic.com/v1", "claude-sonnet-4-5", 200_000, HOSTED + 3, "anthropic"
    ),
)


def sync_endpoints() -> None:
    """Make the endpoints that settings and running servers name; leave what an administrator changed. Idempotent."""
    for hosted in PROVIDERS:
        _sync_hosted(hosted)
    _sync_local(asyncio.run(local.discover()))
    _sync_builtin()
    _sync_scripted()


LOOK_EVERY = 60.0  # seconds between two looks for local servers


@dataclass
class LocalServers:
    """Those of this machine, looked for while Tandem runs: a server started later is found, and what it loads."""

    usual: Sequence[tuple[str, int]] = local.USUAL
    clock: Callable[[], float] = time.monotonic
    _looked_at: float = float("-inf")

    async def look(self) -> bool:
        """Take up what answers now, at most once a minute. Whether it was time."""
        now = self.clock()
        if now - self._looked_at < LOOK_EVERY:
            return False
        self._looked_at = now
        await in_db(_sync_local, await local.discover(self.usual))
        return True


local_servers = LocalServers()


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
            # Another server that takes the same key is compatible with chat completions, and perhaps with no more.
            "dialect": Endpoint.Dialect.CHAT if base_url else hosted.dialect,
            "key_encrypted": encrypt(key),
            "window": hosted.window,
            "rank": hosted.rank,
            "own_network": bool(base_url),
        },
    )


def _sync_local(found: Sequence[local.Found]) -> None:
    """A server found before that does not answer now stays listed, but steps behind what works. One that has other
    models now is asked for the first of them."""
    for server in found:
        row, _ = Endpoint.objects.get_or_create(
            name=server.name,
            defaults={"base_url": server.base_url, "model": server.models[0], "rank": LOCAL, "own_network": True},
        )
        if row.model not in server.models and row.rank in (LOCAL, ABSENT):
            Endpoint.objects.filter(pk=row.pk).update(model=server.models[0], abilities={}, probed_at=None)
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
        defaults={"base_url": address, "enabled": True, "own_network": True},
        create_defaults={
            "own_network": True,
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


@dataclass(frozen=True)
class Wanted:
    """For whom and what a model is chosen. A team or a person may have endpoints of their own."""

    role: str
    team_id: str | None = None
    user_id: int | None = None


def usable(wanted: Wanted | None = None, *, disabled: bool = False) -> list[Endpoint]:
    """Enabled endpoints of the site, this team and person, best first; the scripted one never precedes another.

    `disabled`: also those that are switched off.
    """
    seen = Q(team=None, person=None)
    if wanted is not None and wanted.team_id is not None:
        seen |= Q(team=wanted.team_id, person=None)
    if wanted is not None and wanted.user_id is not None:
        seen |= Q(person=wanted.user_id)
    rows = Endpoint.objects.filter(seen).order_by("rank", "pk")
    if not disabled:
        rows = rows.filter(enabled=True)
    return sorted(rows, key=lambda row: row.dialect == Endpoint.Dialect.SCRIPTED)


def preferred(wanted: Wanted) -> list[Endpoint]:
    """What can be used, first of all what serves the role."""
    rows = usable(wanted)
    first = _chain(rows, None, wanted)[:1]
    return [*first, *(row for row in rows if row not in first)]


def candidates(endpoint_id: int | None, wanted: Wanted) -> list[Endpoint]:
    """The endpoint asked for, or the role's, or the default; behind it those to fall over to, if an administrator says
    so. What rests because it failed too often is left out while something else is there. Raises Unavailable."""
    rows = usable(wanted)
    chain = _chain(rows, endpoint_id, wanted)
    if not chain:
        raise Unavailable(
            "This model is not connected." if endpoint_id is not None else "No model is connected.",
            "Choose another model, or ask an administrator to connect one.",
        )
    return [row for row in chain if not row.resting] or chain[:1]


def serving(wanted: Wanted) -> list[Endpoint]:
    """The role's endpoints as `candidates`, but only where somebody has assigned it; else none."""
    rows = usable(wanted)
    if not any(role.endpoint_id == row.pk for role in _roles(wanted) for row in rows):
        return []
    return candidates(None, wanted)


def choose(endpoint_id: int | None, wanted: Wanted | None = None) -> Endpoint:
    """The first of `candidates`. Raises Unavailable when there is none."""
    return candidates(endpoint_id, wanted or Wanted(RoleEndpoint.Role.TURN))[0]


def _chain(rows: Sequence[Endpoint], endpoint_id: int | None, wanted: Wanted) -> list[Endpoint]:
    known = {row.pk: row for row in rows}
    roles = [role for role in _roles(wanted) if role.endpoint_id in known]
    first = known.get(endpoint_id) if endpoint_id is not None else next((known[r.endpoint_id] for r in roles), None)
    if first is None:
        return list(rows[:1]) if endpoint_id is None else []
    chain = [first]
    at = next((n for n, role in enumerate(roles) if role.endpoint_id == first.pk), len(roles))
    while at + 1 < len(roles) and roles[at].fall_over:
        at += 1
        chain.append(known[roles[at].endpoint_id])
    return chain


def _roles(wanted: Wanted) -> list[RoleEndpoint]:
    """A team's own assignment of the role, else the site's."""
    rows = RoleEndpoint.objects.filter(role=wanted.role).filter(Q(team=None) | Q(team=wanted.team_id))
    own = [row for row in rows if row.team_id is not None]
    return own or [row for row in rows if row.team_id is None]


# --- the circuit breaker --------------------------------------------------------------------------------------------

REST_AFTER = 3  # failures in a row
REST_SECONDS, LONGEST_REST = 30.0, 600.0


def failed(endpoint_id: int, why: str, retry_after: float | None = None) -> None:
    """A call has failed in a way that may pass. After three in a row the endpoint rests, longer each time."""
    Endpoint.objects.filter(pk=endpoint_id).update(failures=F("failures") + 1, problem=why[:500])
    failures = Endpoint.objects.filter(pk=endpoint_id).values_list("failures", flat=True).first() or 0
    if failures >= REST_AFTER:
        rest = max(retry_after or 0.0, min(REST_SECONDS * 2.0 ** (failures - REST_AFTER), LONGEST_REST))
        Endpoint.objects.filter(pk=endpoint_id).update(resting_until=timezone.now() + timedelta(seconds=rest))


def worked(endpoint_id: int) -> None:
    """A call was answered. Writes only if something had failed before."""
    broken = Endpoint.objects.filter(pk=endpoint_id).exclude(failures=0)
    broken.update(failures=0, resting_until=None, problem="")


def prices(endpoint: Endpoint) -> Prices:
    return Prices(endpoint.price_input, endpoint.price_cached, endpoint.price_output)


def learn(endpoint: Endpoint, sent_bytes: int, input_tokens: int) -> None:
    """Correct the estimate of bytes a token by what the provider has counted: a slow average of large calls."""
    if sent_bytes < 2000 or input_tokens <= 0:
        return
    seen = min(max(sent_bytes / input_tokens, 1.0), 8.0)
    endpoint.bytes_per_token = round(0.9 * endpoint.bytes_per_token + 0.1 * seen, 3)
    Endpoint.objects.filter(pk=endpoint.pk).update(bytes_per_token=endpoint.bytes_per_token)


def named(team_id: str | None) -> dict[int, str]:
    """Names of endpoints by number, as limits name them: the team's and the site's, or (None) all but people's own."""
    found = Endpoint.objects.filter(person=None).select_related("team").order_by("rank", "name")
    if team_id is not None:
        found = found.filter(Q(team=None) | Q(team_id=team_id))
    return {row.pk: f"{row.name} ({row.team.name})" if row.team is not None else row.name for row in found}
