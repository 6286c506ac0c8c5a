"""One page under /dashboard/."""

from __future__ import annotations

from django.urls import path

from ide.dashboard.pages import dashboard

urlpatterns = [path("", dashboard, name="dashboard")]
