"""Which limits hold for a call, and the sentence that says one is reached.

Administrators' limits and those of the team's own maintainers both hold. Of one family the more particular takes the
place of the more general one: a person's own that of each person, a pool's own that of each pool. What nobody has set
is as in DEFAULTS. The two pools are always counted apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache

from django.db.models import Q
from django.utils import timezone

from ide.errors import QuotaExceeded
from ide.usage.models import Kind, Limit, Pool, kind_of
from ide.workspaces.models import Workspace

UNKNOWN_POOL = ""  # of a call whose endpoint nobody has named
OF, MEASURE, SPAN = Limit.Of, Limit.Measure, Limit.Span
FIELDS = ("by_id", "of", "team_id", "person_id", "endpoint", "pool", "kind", "measure", "span", "amount")


@dataclass(frozen=True)
class Share:
    """What a call is part of, with a budget of its own: a job, and the job that delegated it. 0: no limit."""

    subject: str
    tokens: int = 0
    dollars: float = 0


@dataclass(frozen=True)
class Call:
    """A call to a model that is about to be made. `kind` as in the ledger; `shares`: the jobs it is made for."""

    user_id: int | None
    workspace_id: str | None
    endpoint: str
    model: str
    kind: str
    subject: str
    pool: str = UNKNOWN_POOL
    endpoint_id: int | None = None
    shares: tuple[Share, ...] = ()

    def subjects(self) -> dict[str, str]:
        """Whose use it is, by what a limit is of; `member`: this person's within this team."""
        team = team_of(self.workspace_id) if self.workspace_id is not None else None
        found: dict[str, str] = {OF.SITE: "site"}
        if team is not None:
            found[OF.TEAM] = f"team:{team}"
        if self.user_id is not None:
            found[OF.PERSON] = f"person:{self.user_id}"
        if team is not None and self.user_id is not None:
            found["member"] = f"member:{team}:{self.user_id}"
        if self.endpoint_id is not None:
            found[OF.ENDPOINT] = f"endpoint:{self.endpoint_id}"
        return found

    def keys(self) -> list[str]:
        """The accounts it counts in."""
        kind = kind_of(self.kind)
        bases = [f"{subject}|{self.pool}|" for subject in self.subjects().values()]
        return [*(base + end for base in bases for end in ("", kind)), *(account(share) for share in self.shares)]


@lru_cache(maxsize=4096)
def team_of(workspace_id: str) -> str:
    """A workspace stays with its team."""
    return Workspace.objects.values_list("team_id", flat=True).get(pk=workspace_id)


def account(share: Share) -> str:
    """A job's own account: all its pools and kinds together."""
    return f"{share.subject}||"


@dataclass(frozen=True)
class Cap:
    """A limit as it holds for one call. `key`: the account it is held against; `team`: set by the team itself."""

    key: str
    of: str
    measure: str
    span: str
    amount: Decimal
    pool: str = ""
    kind: str = ""
    team: bool = False

    @property
    def counted_in_accounts(self) -> bool:
        """Else in Redis: what is allowed in a minute."""
        return self.span != SPAN.MINUTE


@dataclass(frozen=True)
class Default:
    of: str
    measure: str
    span: str
    amount: Decimal
    kind: str = ""


DEFAULTS = (
    *(Default(OF.PERSON, MEASURE.CALLS, SPAN.NOW, Decimal(4), kind) for kind in Kind.values),
    Default(OF.PERSON, MEASURE.TOKENS, SPAN.DAY, Decimal(200_000_000)),
    Default(OF.PERSON, MEASURE.DOLLARS, SPAN.DAY, Decimal(100)),
    Default(OF.TEAM, MEASURE.TOKENS, SPAN.DAY, Decimal(1_000_000_000)),
    Default(OF.TEAM, MEASURE.DOLLARS, SPAN.DAY, Decimal(500)),
)


def caps_for(call: Call) -> list[Cap]:
    """All that hold for it, job budgets included. Synchronous ORM, one query."""
    subjects = call.subjects()
    team = subjects.get(OF.TEAM, "").partition(":")[2] or None
    theirs = Q(person=None) | Q(person=call.user_id), Q(team=None) | Q(team=team)
    here = Q(endpoint=None) | Q(endpoint=call.endpoint_id)
    rows = Limit.objects.filter(Q(by=None) | Q(by=team), *theirs, here, pool__in=("", call.pool))
    rows = rows.filter(kind__in=("", kind_of(call.kind)))
    return [*_own(call), *_chosen(call, subjects, [Row(*values) for values in rows.values_list(*FIELDS)])]


@dataclass(frozen=True)
class Row:
    """A limit as stored."""

    by: str | None
    of: str
    team: str | None
    person: int | None
    endpoint: int | None
    pool: str
    kind: str
    measure: str
    span: str
    amount: Decimal | None

    @property
    def family(self) -> tuple[str | None, str, str, str, str]:
        return self.by, self.of, self.kind, self.measure, self.span

    @property
    def particular(self) -> tuple[bool, bool]:
        named = self.person is not None or self.endpoint is not None or (self.by is None and self.team is not None)
        return named, bool(self.pool)


def _own(call: Call) -> Iterator[Cap]:
    for share in call.shares:
        if share.tokens:
            yield Cap(account(share), OF.JOB, MEASURE.TOKENS, SPAN.EVER, Decimal(share.tokens))
        if share.dollars:
            yield Cap(account(share), OF.JOB, MEASURE.DOLLARS, SPAN.EVER, Decimal(str(share.dollars)))


def _chosen(call: Call, subjects: dict[str, str], rows: Sequence[Row]) -> Iterator[Cap]:
    kind = kind_of(call.kind)
    best = {
        row.family: row
        for d in DEFAULTS
        if d.kind in ("", kind)
        for row in [Row(None, d.of, None, None, None, "", d.kind, d.measure, d.span, d.amount)]
    }
    for row in sorted(rows, key=lambda row: row.particular):
        best[row.family] = row
    for row in best.values():
        if row.amount is None:
            continue
        if row.of == OF.JOB:
            keys = [account(share) for share in call.shares]
        else:
            subject = subjects.get("member" if row.by is not None and row.of == OF.PERSON else row.of)
            keys = [f"{subject}|{call.pool}|{row.kind}"] if subject is not None else []
        for key in keys:
            yield Cap(key, row.of, row.measure, row.span, row.amount, call.pool, row.kind, row.by is not None)


# --- what is said when one is reached ---------------------------------------------------------------------------------

WHOSE = {
    **{OF.SITE: ("This site has", "it"), OF.TEAM: ("Your team has", "it"), OF.PERSON: ("You have", "you")},
    **{OF.ENDPOINT: ("This model has", "it"), OF.JOB: ("This job has", "it")},
}
FOR = {Kind.TURN: "turns", Kind.INLINE: "inline edits", Kind.GHOST: "suggestions at the cursor", Kind.JOB: "jobs"}
WHEN = {SPAN.DAY: " today", SPAN.MONTH: " this month", SPAN.EVER: ""}
OTHER = {Pool.FAST: Pool.DEEP, Pool.DEEP: Pool.FAST}


def frees_at(cap: Cap, now: datetime) -> datetime | None:
    """When its days or months begin anew, UTC; None where that is not foreseen."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if cap.span == SPAN.DAY:
        return midnight + timedelta(days=1)
    if cap.span == SPAN.MONTH:
        return (midnight.replace(day=1) + timedelta(days=32)).replace(day=1)
    return None


def reached(cap: Cap) -> QuotaExceeded:
    """What is raised where nothing is left. `limit` says which; `retry_after` seconds, or none."""
    now = timezone.now()
    frees = frees_at(cap, now)
    limit = {"of": cap.of, "measure": cap.measure, "span": cap.span, "amount": float(cap.amount)}
    limit |= {"pool": cap.pool, "kind": cap.kind, "frees_at": frees.isoformat() if frees is not None else None}
    seconds = round((frees - now).total_seconds()) if frees is not None else None
    return QuotaExceeded(_what(cap), _do(cap, frees), limit=limit, retry_after=seconds)


def _what(cap: Cap) -> str:
    amount = f"${cap.amount:,.2f}" if cap.measure == MEASURE.DOLLARS else f"{cap.amount:,.0f} {cap.measure}"
    whose, who = WHOSE[Limit.Of(cap.of)]
    of = f" of {cap.pool} models" if cap.pool else ""
    uses = f" for {FOR[Kind(cap.kind)]}" if cap.kind else ""
    return f"{whose} used the {amount}{of} {who} may use{uses}{WHEN[Limit.Span(cap.span)]}."


def _do(cap: Cap, frees: datetime | None) -> str:
    ways = [f"It frees at {frees:%H:%M} UTC on {frees.day} {frees:%B}."] if frees is not None else []
    if cap.of == OF.JOB:
        ways.append("Resume it to give it more, or stop it.")
    elif cap.pool in OTHER:
        ways.append(f"Go on with a {OTHER[Pool(cap.pool)]} model, or ask an administrator for more.")
    return " ".join(ways)
