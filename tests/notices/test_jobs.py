"""Owners of jobs are told when one asks, is ready, fails, or is merged by somebody else; not twice, not too much."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from agents.jobs.rows import life, news
from agents.models import Job, Merge
from ide.notices.models import Notice
from tests.notices.test_notices import Place

pytestmark = pytest.mark.django_db


def running(place: Place, **more: object) -> Job:
    made = Job.objects.create(
        workspace=place.workspace,
        kind="agent",
        state=Job.State.RUNNING,
        instruction="Show each price in euro\nwith the sign behind",
        owner=place.ana,
        base="0" * 40,
        started_at=timezone.now(),
        lease_until=timezone.now() + timedelta(minutes=1),
        lease_fence=3,
        **more,
    )
    return life.get(made.pk)


@pytest.mark.parametrize(
    ("state", "values", "kind", "place_of"),
    [
        (Job.State.WAITING, {"question": "Before or behind?"}, "question", "jobs"),
        (Job.State.WAITING, {"phase": news.PLAN}, "question", "jobs"),
        (Job.State.REVIEW, {}, "review", "review"),
        (Job.State.FAILED, {"error": "It broke."}, "failed", "jobs"),
    ],
)
def test_the_owner_is_told(state: str, values: dict[str, str], kind: str, place_of: str) -> None:
    place = Place()
    job = running(place)
    life.finish(job, state, **values)
    told = Notice.objects.get()
    assert (told.person, told.kind, told.body) == (place.ana, kind, "Show each price in euro")
    assert told.url == f"/w/{place.workspace.pk}/{place_of}/{job.pk}"


@pytest.mark.parametrize("phase", ["paused", "waiting for its sub-agents"])
def test_a_pause_is_no_news(phase: str) -> None:
    life.finish(running(Place()), Job.State.WAITING, phase=phase)
    assert not Notice.objects.exists()


def test_sub_agents_tell_people_only_what_they_ask() -> None:
    place = Place()
    parent = running(place)
    life.finish(running(place, parent=parent, key="a"), Job.State.FAILED, error="It broke.")
    assert not Notice.objects.exists()
    life.finish(running(place, parent=parent, key="b"), Job.State.WAITING, question="Which of both?")
    assert Notice.objects.get().kind == "question"


def test_who_merges_is_told_to_the_owner_but_not_to_oneself() -> None:
    place = Place()
    job = running(place)
    news.merged(Merge(job=job, by=place.ana))
    assert not Notice.objects.exists()
    news.merged(Merge(job=job, by=place.ben))
    assert Notice.objects.get().title == f"{place.ben.shown_name} merged your job"


def test_who_merges_has_read_that_it_was_ready() -> None:
    place = Place()
    job, other = running(place), running(place)
    for one in (job, other):
        life.finish(one, Job.State.REVIEW)
    news.merged(Merge(job=job, by=place.ben))
    assert Notice.objects.filter(kind="review", read_at=None).count() == 2, "what one does is not another's reading"
    news.merged(Merge(job=job, by=place.ana))
    (left,) = Notice.objects.filter(kind="review", read_at=None)
    assert left.url.endswith(f"/review/{other.pk}")
