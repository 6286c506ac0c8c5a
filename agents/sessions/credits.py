"""Who the origins `turn:<id>` and `job:<id>` are: the model, the person who asked, and what they asked for."""

from __future__ import annotations

from agents.models import Endpoint, Item, Job, Turn
from agents.proposals import undo
from ide.documents.history.authors import PROMPT, Author, person_json, register


def turns(ids: set[str]) -> dict[str, Author]:
    asked: dict[str, str] = {}
    for item in Item.objects.filter(turn_id__in=ids, kind=Item.Kind.PERSON).order_by("position"):
        asked.setdefault(item.turn_id, str(item.data.get("text", "")))
    rows = Turn.objects.filter(pk__in=ids).select_related("owner", "endpoint")
    return {
        row.pk: Author(
            f"turn:{row.pk}",
            "turn",
            model_of(row.endpoint),
            person_json(row.owner),
            model=model_of(row.endpoint),
            prompt=asked.get(row.pk, "")[:PROMPT],
            session=row.session_id,
            turn=row.pk,
            at=row.started_at,
        )
        for row in rows
    }


def jobs(ids: set[str]) -> dict[str, Author]:
    return {
        row.pk: Author(
            f"job:{row.pk}",
            "job",
            model_of(row.endpoint),
            person_json(row.owner),
            model=model_of(row.endpoint),
            prompt=row.instruction[:PROMPT],
            session=row.session_id,
            job=row.pk,
            at=row.created_at,
        )
        for row in Job.objects.filter(pk__in=ids).select_related("owner", "endpoint")
    }


def model_of(endpoint: Endpoint | None) -> str:
    return (endpoint.model or endpoint.name) if endpoint is not None else "a model"


def register_all() -> None:
    register("turn", turns)
    register("job", jobs)
    register("undo", undo.authors)
