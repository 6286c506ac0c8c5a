"""The shell of the app, and what machines ask: health and metrics."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import cast

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.csrf import ensure_csrf_cookie
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from ide.dashboard.deeds import is_drained


@ensure_csrf_cookie
@login_required
def shell(request: HttpRequest, **_: str) -> HttpResponse:
    """One page for every screen of the app; the browser routes inside it."""
    return render(request, "app.html")


def healthz(_: HttpRequest) -> HttpResponse:
    """The process answers."""
    return HttpResponse("ok", content_type="text/plain")


def readyz(_: HttpRequest) -> JsonResponse:
    """Whether to send people here: the database answers, the front end is built, the process is not drained."""
    built = (settings.STATIC_DIST / ".vite" / "manifest.json").exists()
    try:
        answers, drained = True, is_drained()
    except DatabaseError:
        answers, drained = False, False
    status = 200 if answers and built and not drained else 503
    return JsonResponse({"database": answers, "front_end": built, "drained": drained}, status=status)


def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus' text format, for staff and for this machine."""
    # Behind a proxy everybody comes from this machine: what was forwarded does not count as local.
    here = ("127.0.0.1", "::1", settings.HOST)
    local = request.META.get("REMOTE_ADDR") in here and "HTTP_X_FORWARDED_FOR" not in request.META
    if not request.user.is_staff and not local:
        return HttpResponse("Only administrators and this machine may read metrics.", status=403)
    return HttpResponse(generate_latest(), content_type=CONTENT_TYPE_LATEST)


def push_worker(_: HttpRequest) -> HttpResponse:
    """The script that shows notices when no page of this site is open; from the root, so that its scope is the site."""
    file = settings.STATIC_DIST / "push-worker.js"
    if not file.exists():
        return HttpResponse("The front end is not built.", status=503, content_type="text/plain")
    return HttpResponse(file.read_bytes(), content_type="text/javascript", headers={"Cache-Control": "no-cache"})


@lru_cache(maxsize=4)
def _manifest(file: Path, _mtime: float) -> dict[str, dict[str, object]]:
    loaded: dict[str, dict[str, object]] = json.loads(file.read_text())
    return loaded


def _styles(manifest: dict[str, dict[str, object]], entry: str) -> list[str]:
    """Those of a chunk and of all that it imports, each once, what is imported first."""
    found: list[str] = []
    seen, ahead = {entry}, [entry]
    while ahead:
        chunk = manifest.get(ahead.pop(), {})
        found = [*map(str, cast(list[str], chunk.get("css", []))), *found]
        imports = [name for name in cast(list[str], chunk.get("imports", [])) if name not in seen]
        seen.update(imports)
        ahead += imports
    return list(dict.fromkeys(found))


def bundle_files(entry: str) -> tuple[list[str], list[str]]:
    """(scripts, styles) of a Vite entry, as URLs; empty when the front end is not built."""
    file = settings.STATIC_DIST / ".vite" / "manifest.json"
    if not file.exists():
        return [], []
    manifest = _manifest(file, file.stat().st_mtime)
    chunk = manifest.get(entry, {})
    styles = [settings.STATIC_URL + css for css in _styles(manifest, entry)]
    own = settings.STATIC_URL + str(chunk.get("file", ""))
    return ([], [own, *styles]) if own.endswith(".css") else ([own], styles)
