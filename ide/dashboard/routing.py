"""The dashboard's one socket. Channels routes ASGI applications by Django's paths."""

from __future__ import annotations

from django.urls import path

from ide.dashboard.consumers import DashboardConsumer

websocket_urlpatterns = [path("ws/dashboard", DashboardConsumer.as_asgi())]  # type: ignore[arg-type]
