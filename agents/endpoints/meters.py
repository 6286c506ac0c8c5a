"""What models have used in a workspace, pool by pool: today and this month, by one person and by the team.

From the ledger, so it is right for all processes and while Redis is away. A call counts for the pool its endpoint is in
now; the pool of an endpoint that is gone cannot be told, and its calls are under `gone`.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal

from django.utils import timezone

from agents.endpoints import limits
from agents.endpoints.choice import Wanted, usable
from agents.models import Endpoint
from agents.wire import Json
from ide.usage import meter
from ide.workspaces.models import Workspace

GONE = "gone"


@dataclass
class _Sum:
    tokens: int = 0
    cost: Decimal = Decimal(0)

    def wire(self) -> Json:
        return {"tokens": self.tokens, "cost": float(self.cost)}


@dataclass
class _Pool:
    """`used` by span and by whom."""

    running: int = 0
    used: dict[tuple[str, str], _Sum] = field(default_factory=lambda: defaultdict(_Sum))

    def wire(self) -> Json:
        spans: Json = {
            span: {who: self.used[span, who].wire() for who in ("yours", "team")} for span in ("today", "month")
        }
        return {**spans, "running": self.running}


def meters(workspace: Workspace, user_id: int) -> Json:
    """The Meters of wire-models.ts. Synchronous ORM; one query for the endpoints, five for the ledger."""
    rows = usable(Wanted("turn", workspace.team_id, user_id), disabled=True)
    pool_of = {row.name: row.pool for row in rows}
    pools = {pool: _Pool() for pool in (*Endpoint.Pool.values, GONE)}
    midnight = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    for span, since in (("today", midnight), ("month", midnight.replace(day=1))):
        for who, user in (("team", None), ("yours", user_id)):
            for endpoint, tokens, cost in meter.used(workspace.team_id, since, user):
                used = pools[pool_of.get(endpoint, GONE)].used[span, who]
                used.tokens, used.cost = used.tokens + tokens, used.cost + cost
    for endpoint, running in meter.running(workspace.team_id):
        pools[pool_of.get(endpoint, GONE)].running += running
    if not pools[GONE].used and not pools[GONE].running:
        del pools[GONE]
    return {"pools": [{"pool": name, **pool.wire()} for name, pool in pools.items()], "uncounted": limits.problem()}
