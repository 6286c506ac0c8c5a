"""The numbers themselves: each figure against rows whose answer is known by hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import DatabaseError
from django.utils import timezone

from ide.accounts.models import Team, User
from ide.dashboard import figures
from ide.dashboard.ground import Look, look
from ide.dashboard.panels import Figure, Panel, register
from ide.dashboard.panels import figures as registered
from ide.usage.models import LedgerEntry
from ide.workspaces.models import Workspace

pytestmark = pytest.mark.django_db


def call(ago: float = 0, *, state: str = "settled", **more: object) -> LedgerEntry:
    """A call to a model that began `ago` seconds before now."""
    fields: dict[str, object] = {"endpoint": "fast", "model": "m1", "kind": "turn", "subject": "turn:1", **more}
    entry = LedgerEntry.objects.create(state=state, **fields)
    LedgerEntry.objects.filter(pk=entry.pk).update(created_at=timezone.now() - timedelta(seconds=ago))
    return entry


def test_tokens_per_second_counts_the_share_of_each_call_in_the_last_minute() -> None:
    call(30, seconds=10, output_tokens=600)  # wholly inside
    call(70, seconds=20, output_tokens=1200)  # half inside
    call(300, seconds=5, output_tokens=9999)  # long over
    call(5, seconds=5, output_tokens=9999, state="released")
    call(5, output_tokens=0, state="reserved")
    assert figures.tokens_per_second() == pytest.approx((600 + 600) / 60, abs=1)


def test_tokens_per_second_of_a_quiet_minute_is_zero() -> None:
    assert figures.tokens_per_second() == 0


def test_tokens_of_today_are_what_was_read_and_written() -> None:
    call(0, input_tokens=100, output_tokens=20)
    call(0, input_tokens=1, output_tokens=2)
    call(0, input_tokens=5000, state="released")
    call(2 * 24 * 3600, input_tokens=7000)
    assert figures.tokens_today() == 123


def test_first_token_percentiles_are_of_the_last_hour() -> None:
    assert figures.first_token(50) is None
    for wait in range(1, 102):
        call(60, ttft_ms=float(wait))
    call(2 * 3600, ttft_ms=100000.0)
    assert (figures.first_token(50), figures.first_token(95)) == (51, 96)


def test_the_first_token_of_a_single_call_stands_for_all() -> None:
    call(0, ttft_ms=80.0)
    assert figures.first_token(95) == 80


def test_calls_left_behind_by_a_crash_do_not_run_for_ever() -> None:
    call(10, state="reserved")
    call(2 * 3600, state="reserved")
    assert figures.calls_running() == 1


def test_endpoints_show_speed_and_errors_also_of_those_that_never_answered() -> None:
    call(10, input_tokens=10, output_tokens=100, ttft_ms=50.0, seconds=2.0)
    call(10, input_tokens=10, output_tokens=100, ttft_ms=150.0, seconds=2.0)
    call(10, endpoint="down", state="released", error="model_auth")
    rows = {row[0]: row for row in figures.endpoint_rows()}
    assert rows["fast"] == ("fast", "m1", 2, 20, 200, 100, 145, 50.0, "none")
    assert rows["down"][-1] == "1 × auth"


def test_newest_calls_come_first_and_survive_deleted_people_and_workspaces(person: Callable[..., User]) -> None:
    team = Team.objects.create(name="Shop")
    workspace = Workspace.objects.create(name="shop-api", team=team, source="empty")
    call(20)
    call(10, user=person("ana"), workspace=workspace, state="reserved")
    newest, older = figures.call_rows()
    assert newest[1:4] == ("Ana", "shop-api", "turn")
    assert newest[-1] == "running"
    assert older[1:3] == (None, None)


def test_live_workspaces_are_those_with_a_lease() -> None:
    team, now = Team.objects.create(name="Shop"), timezone.now()
    Workspace.objects.create(name="live", team=team, source="empty", host="a", host_until=now + timedelta(seconds=9))
    Workspace.objects.create(name="over", team=team, source="empty", host="a", host_until=now - timedelta(seconds=1))
    Workspace.objects.create(name="never", team=team, source="empty")
    assert figures.live_workspaces() == 1
    assert [row[0] for row in figures.workspace_rows()] == ["live"]


def test_the_machine_has_a_size() -> None:
    assert figures.disk_free() > 0
    assert figures.database_size() > 0


def test_before_anything_has_answered_the_dashboard_says_that_it_asks() -> None:
    now = figures.snapshot()
    assert now["figures"]["workers"] == figures.ASKING
    assert now["panels"]["workers"] == now["panels"]["parts"] == [[figures.ASKING, None, None]]
    figures.set_ground(Look(workers=[("one", 2, 0)]))
    try:
        assert figures.snapshot()["figures"]["workers"] == 1
    finally:
        figures.set_ground(None)


def test_without_a_broker_the_workers_are_unknown_not_zero(transactional_db: None) -> None:
    found = look()
    assert found.workers is None
    figures.set_ground(found)
    try:
        assert figures.worker_count() is None
        assert "jobs wait" in str(figures.worker_rows())
        assert {name for name, _, _ in found.parts} >= {"web"}
    finally:
        figures.set_ground(None)


def test_a_figure_that_fails_is_a_dash_and_the_others_stand() -> None:
    def fail() -> int:
        raise DatabaseError("gone")

    register(Figure("test.fails", "Fails", fail), Panel("test.fails", "Fails", ("a",), lambda: [[fail()]]))
    register(Figure("test.works", "Works", lambda: 7))
    now = figures.snapshot()
    assert now["figures"]["test.fails"] is None
    assert now["panels"]["test.fails"] is None
    assert now["figures"]["test.works"] == 7
    assert now["figures"]["database"] > 0


def test_a_figure_registered_again_takes_its_own_place() -> None:
    register(Figure("test.again", "One", lambda: 1))
    count = len(registered())
    register(Figure("test.again", "Two", lambda: 2))
    assert len(registered()) == count
    assert figures.snapshot()["figures"]["test.again"] == 2
