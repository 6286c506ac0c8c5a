"""Where a person is signed in: each browser, since when, from where; and ending any of them."""

from __future__ import annotations

import re
from typing import cast

from allauth.usersessions.models import UserSession
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from ide.accounts.models import User
from ide.audit.log import Where, record

_BROWSERS = (
    *(("Edg", "Edge"), ("OPR", "Opera"), ("Firefox", "Firefox"), ("HeadlessChrome", "Chrome"), ("Chrome", "Chrome")),
    ("Version", "Safari"),
)
_SYSTEMS = (
    *(("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows")),
    *(("Mac OS", "macOS"), ("CrOS", "ChromeOS"), ("Linux", "Linux")),
)


def shown_agent(agent: str) -> str:
    """ "Firefox 140 on Linux"; what is not known is shown as it is, shortened."""
    system = next((name for mark, name in _SYSTEMS if mark in agent), "")
    for mark, name in _BROWSERS:
        if found := re.search(rf"{mark}/(\d+)", agent):
            return f"{name} {found[1]}{f' on {system}' if system else ''}"
    return agent[:60] or "Unknown"


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def sign_ins(request: HttpRequest) -> HttpResponse:
    """POST `end`: the number of a sign-in, or "others"."""
    user = cast(User, request.user)
    rows = UserSession.objects.purge_and_list(user)
    if request.method == "POST":
        wanted = request.POST.get("end", "")
        for row in rows:
            if not row.is_current() and wanted in ("others", str(row.pk)):
                record("login.end", user, Where(thing=f"sign-in {row.pk}"), browser=shown_agent(row.user_agent))
                row.end()
        return HttpResponseRedirect(request.path)
    shown = [{"row": row, "agent": shown_agent(row.user_agent), "here": row.is_current()} for row in rows]
    shown.sort(key=lambda one: (not one["here"], -one["row"].pk))
    return render(request, "sign_ins.html", {"sign_ins": shown})
