"""The dashboard's page: the figures as they stand; a script keeps them live."""

from __future__ import annotations

from typing import cast

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from ide.accounts.models import User
from ide.accounts.permissions import Action, may
from ide.dashboard import panels
from ide.dashboard.figures import snapshot


@never_cache
@login_required
@require_safe
def dashboard(request: HttpRequest) -> HttpResponse:
    """For administrators; to others the page does not exist."""
    if not may(cast(User, request.user), Action.ADMINISTER):
        raise Http404
    now = snapshot()
    groups: dict[str, list[dict[str, object]]] = {}
    for figure in panels.figures():
        groups.setdefault(figure.group, []).append({"figure": figure, "value": shown(now["figures"][figure.key])})
    tables = [_table(panel, now["panels"][panel.key]) for panel in panels.panels()]
    return render(request, "dashboard.html", {"groups": groups, "tables": tables, "at": now["at"]})


def shown(value: panels.Value) -> str:
    """A cell as people read it; `live.js` does the same."""
    if value is None:
        return "–"
    if isinstance(value, str):
        return value
    return f"{value:,}"


def _table(panel: panels.Panel, rows: list[list[panels.Value]] | None) -> dict[str, object]:
    """Cells with their text and whether they are numbers; a column is one of numbers if any of its cells is."""
    cells = [[{"text": shown(cell), "number": isinstance(cell, int | float)} for cell in row] for row in rows or ()]
    columns = [
        {"text": name, "number": any(row[place]["number"] for row in cells)} for place, name in enumerate(panel.columns)
    ]
    return {"panel": panel, "columns": columns, "rows": None if rows is None else cells}
