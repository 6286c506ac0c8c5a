"""The dashboard's page: a shell; a script asks for what there is to see, and keeps it live."""

from __future__ import annotations

from typing import cast

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

from ide.accounts.models import User
from ide.accounts.permissions import Action, may


@never_cache
@login_required
@require_safe
@ensure_csrf_cookie
def dashboard(request: HttpRequest) -> HttpResponse:
    """For administrators; to others the page does not exist."""
    if not may(cast(User, request.user), Action.OBSERVE):
        raise Http404
    return render(request, "dashboard.html")
