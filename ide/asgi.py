"""Composition root of ASGI: HTTP to Django, sockets by path. Channels routes, checks the origin and authenticates once,
at connect; the main socket behind it is a plain ASGI callable (why: README, "Architecture")."""

from __future__ import annotations

import gc
import os
import sys
from typing import Any, cast

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ide.settings")

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.urls import path

http = get_asgi_application()  # sets the apps up; the imports below need them

from ide.dashboard.routing import websocket_urlpatterns as dashboard_sockets  # noqa: E402
from ide.live.origin import SameOrigin  # noqa: E402
from ide.live.socket import MainSocket  # noqa: E402
from ide.workspaces.limit import App, BodyLimit  # noqa: E402

# Django's `path` is typed for views; a URLRouter takes any ASGI application there.
routes: list[Any] = [path("ws/workspaces/<str:workspace_id>", cast(Any, MainSocket())), *dashboard_sockets]
sockets = URLRouter(routes)

application = ProtocolTypeRouter(
    {
        "http": BodyLimit(cast(App, http), settings.UPLOAD_LIMIT),
        "websocket": SameOrigin(cast(Any, AuthMiddlewareStack(sockets))),
    },
)

# What start-up made stays, and is not walked through again and again; a keystroke leaves dozens of objects that the
# default of 700 would have collected for (measured: 9 % of a burst, and pauses of 50 ms and more).
gc.collect()
gc.freeze()
gc.set_threshold(50_000, 20, 20)

# A thread of the database lets the interpreter go at each call of its driver, and gets it back from a busy loop only
# after the switch interval; it keeps the loop waiting as long. With the default of 5 ms and thirty turns at once every
# query took a tenth of a second and more, and frames came some ms late.
sys.setswitchinterval(0.0005)
