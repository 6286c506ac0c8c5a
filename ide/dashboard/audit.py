"""HTTP: search the audit log, walk its chain, take it away as lines of JSON. For staff."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import HttpRequest, StreamingHttpResponse
from ninja import Query, Router, Schema
from pydantic import Field

from ide.accounts.permissions import Action, allow
from ide.api import person
from ide.audit import log
from ide.audit.log import Question

router = Router(tags=["audit"])
PAGE = 100


class Asked(Schema):
    words: str = Field("", max_length=200, description="All of them, anywhere in an entry.")
    act: str = Field("", max_length=60, description="An act, or all below it: login, role …")
    actor: str = Field("", max_length=150)
    team: str = Field("", max_length=16)
    since: datetime | None = None
    until: datetime | None = None

    def question(self) -> Question:
        return Question(**self.dict(include=set(Question.__dataclass_fields__)))


@router.get("/dashboard/audit")
def searched(request: HttpRequest, asked: Query[Asked], before: int | None = None) -> dict[str, Any]:
    """The newest 100 entries that fit, below the number `before` if there is one."""
    allow(person(request), Action.OBSERVE)
    found = log.search(asked.question())
    if before is not None:
        found = found.filter(seq__lt=before)
    rows = list(found[: PAGE + 1])
    return {"entries": [log.as_plain(row) for row in rows[:PAGE]], "more": len(rows) > PAGE}


@router.get("/dashboard/audit/verify")
def verified(request: HttpRequest) -> dict[str, Any]:
    """Walk the whole chain."""
    allow(person(request), Action.OBSERVE)
    verdict = log.verify()
    return {"checked": verdict.checked, "wrong": verdict.wrong}


@router.get("/dashboard/audit/export")
def exported(request: HttpRequest, asked: Query[Asked]) -> StreamingHttpResponse:
    """What fits, oldest first, a JSON object a line. That somebody took it is an entry, too."""
    who = person(request)
    allow(who, Action.OBSERVE)
    log.record("staff.audit", who, words=asked.words, act_asked=asked.act)
    told = StreamingHttpResponse(log.export(asked.question()), content_type="application/x-ndjson")
    told["Content-Disposition"] = 'attachment; filename="audit.jsonl"'
    return told
