"""HTTP routes of the dashboard, for administrators: what it shows, the history, health, and acts. And, for everybody
who is signed in, what administrators say."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import Field

from ide.accounts.models import User
from ide.accounts.permissions import Action, allow, may
from ide.api import person
from ide.audit.log import Where, record
from ide.dashboard import deeds, panels, pulse
from ide.dashboard.figures import snapshot
from ide.db import in_db
from ide.errors import NotFound
from ide.parts import checks
from ide.usage import hours

router = Router(tags=["dashboard"])
Json = dict[str, Any]


class ActIn(Schema):
    act: str = Field(max_length=40)
    thing: str = Field("", max_length=240)
    text: str = Field("", max_length=2000)


@router.get("/dashboard")
async def shown(request: HttpRequest) -> Json:
    """What there is to see and do, with everything as it is now."""
    who = person(request)
    await in_db(allow, who, Action.OBSERVE)
    acts = panels.acts() if await in_db(may, who, Action.ADMINISTER) else []  # who only looks is offered none
    known = {one.key for one in acts}
    await pulse.gather()
    return {
        "figures": [
            {"key": one.key, "label": one.label, "unit": one.unit, "group": one.group, "chart": one.chart}
            for one in panels.figures()
        ],
        "panels": [
            {
                "key": one.key,
                "title": one.title,
                "columns": one.columns,
                "empty": one.empty,
                "acts": [a for a in one.acts if a in known],
            }
            for one in panels.panels()
        ],
        "acts": [{"key": one.key, "label": one.label, "ask": one.ask, "wants": one.wants} for one in acts],
        "now": await in_db(snapshot),
        "announcement": await in_db(deeds.current),
    }


@router.get("/dashboard/history")
def history(
    request: HttpRequest,
    span: Literal["hour", "day", "month"] = "day",
    by: Literal["all", "team", "person", "model", "kind"] = "all",
) -> Json:
    """Tokens, spend, calls, errors and decided hunks of the newest hours, days or months."""
    allow(person(request), Action.OBSERVE)
    found = hours.history(span, by)
    decided = panels.hunks(found.times)
    return {
        "times": [at.isoformat() for at in found.times],
        "series": [
            {
                "name": name,
                "calls": [one.calls for one in row],
                "errors": [one.errors for one in row],
                "read": [one.read for one in row],
                "written": [one.written for one in row],
                "cost": [float(one.cost) for one in row],
            }
            for name, row in found.series.items()
        ],
        "accepted": [one[0] for one in decided],
        "rejected": [one[1] for one in decided],
    }


@router.get("/dashboard/health")
async def health(request: HttpRequest) -> list[Json]:
    """What the doctor finds, with what to do about it."""
    await in_db(allow, person(request), Action.OBSERVE)
    rows = await asyncio.to_thread(lambda: [(check.name, *check.run()) for check in checks()])
    return [{"name": n, "state": s, "finding": f, "advice": a} for n, s, f, a in rows]


@router.post("/dashboard/acts")
async def act(request: HttpRequest, body: ActIn) -> Json:
    """Do it; answers what was done. In the audit log whether or not it came to anything."""
    who = person(request)
    await in_db(allow, who, Action.ADMINISTER)
    known = panels.act(body.act)
    if known is None:
        raise NotFound("This cannot be done (any more).", "Reload the page.")
    await in_db(_recorded, who, body)
    return {"said": await known.run(who, body.thing, body.text)}


def _recorded(who: User, body: ActIn) -> None:
    record(f"dashboard.{body.act}", who, Where(thing=body.thing), text=body.text[:200])


@router.get("/announcement")
def announcement(request: HttpRequest) -> Json:
    """What administrators say to everybody now."""
    return {"announcement": deeds.current()}
