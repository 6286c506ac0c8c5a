"""Composition root of HTTP: pages, the API's routers, admin. May name any app; has no logic."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path, re_path
from django.views.generic import RedirectView

from agents.api import router as agents_router
from agents.context.pictures_api import router as pictures_router
from agents.endpoints.api import router as endpoints_router
from agents.jobs import door
from agents.jobs.working.worktree_rules import router as worktrees_router
from agents.proposals.rules import router as rules_router
from agents.sessions.library_api import router as library_router
from ide import pages
from ide.accounts.api import router as accounts_router
from ide.api import api
from ide.dashboard.api import router as dashboard_router
from ide.dashboard.audit import router as audit_router
from ide.documents.api import router as documents_router
from ide.documents.comments_api import router as comments_router
from ide.documents.history.api import router as history_router
from ide.live.commits_api import router as commits_router
from ide.notices.api import router as notices_router
from ide.usage.api import router as limits_router
from ide.workspaces.api import router as workspaces_router

api.add_router("", accounts_router)
api.add_router("", workspaces_router)
api.add_router("", documents_router)
api.add_router("", comments_router)
api.add_router("", history_router)
api.add_router("", commits_router)
api.add_router("", agents_router)
api.add_router("", endpoints_router)
api.add_router("", pictures_router)
api.add_router("", rules_router)
api.add_router("", worktrees_router)
api.add_router("", library_router)
api.add_router("", limits_router)
api.add_router("", dashboard_router)
api.add_router("", audit_router)
api.add_router("", notices_router)

urlpatterns = [
    path("favicon.ico", RedirectView.as_view(url="/static/icon.svg", permanent=True)),
    path("push-worker.js", pages.push_worker),
    path("healthz", pages.healthz),
    path("readyz", pages.readyz),
    path("metrics", pages.metrics),
    path("api/", api.urls),
    path("git/jobs/<str:job_id>/git/info/refs", door.refs),
    path("git/jobs/<str:job_id>/git/git-upload-pack", door.upload_pack),
    path("git/jobs/<str:job_id>/objects", door.objects),
    path("admin/", admin.site.urls),
    path("dashboard/", include("ide.dashboard.urls")),
    path("", include("ide.accounts.urls")),
    path("", pages.shell, name="home"),
    re_path(r"^w/(?P<workspace>[a-z0-9]+)(?:/.*)?$", pages.shell, name="workspace"),
]
