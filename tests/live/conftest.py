"""A workspace with three people, and a real server for the main socket in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import uvicorn
from channels.auth import AuthMiddlewareStack
from channels.routing import URLRouter
from django.test import Client
from django.urls import path

from ide.accounts.models import Membership, Team, User
from ide.documents.models import Document
from ide.live.host import close_all
from ide.live.socket import MainSocket
from ide.workspaces.models import Workspace
from tests.site import free_port

TEXT = "one 😀\ntwo\n"


@dataclass
class World:
    workspace: Workspace
    document: Document
    owner: User
    editor: User
    viewer: User
    stranger: User

    @property
    def file(self) -> Any:
        return self.workspace.folder / self.document.path


@pytest.fixture
def world(transactional_db: None) -> World:
    team = Team.objects.create(name="t")
    people = [User.objects.create_user(username=name) for name in ("owner", "editor", "viewer", "stranger")]
    for user, role in zip(people, ("owner", "editor", "viewer"), strict=False):
        Membership.objects.create(team=team, user=user, role=role)
    workspace = Workspace.objects.create(name="w", team=team, source="empty", state="ready")
    workspace.folder.mkdir(parents=True)
    document = Document.objects.create(workspace=workspace, path="a.py")
    (workspace.folder / "a.py").write_text(TEXT)
    return World(workspace, document, *people)


def cookie(user: User) -> str:
    client = Client()
    client.force_login(user)
    return "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())


class Server:
    """uvicorn with the sockets of the real application, on a port that stays the same over a restart."""

    def __init__(self) -> None:
        self.port = free_port()
        self._app = AuthMiddlewareStack(URLRouter([path("ws/workspaces/<str:workspace_id>", MainSocket())]))

    async def start(self) -> None:
        config = uvicorn.Config(
            self._app,
            port=self.port,
            log_level="error",
            lifespan="off",
            ws="websockets-sansio",
            timeout_graceful_shutdown=2,
        )
        self._server = uvicorn.Server(config)
        self._task = asyncio.ensure_future(self._server.serve())
        async with asyncio.timeout(10):
            while not self._server.started:
                await asyncio.sleep(0.01)

    async def stop(self) -> None:
        await close_all()
        self._server.should_exit = True
        await self._task

    def url(self, world: World) -> str:
        return f"ws://127.0.0.1:{self.port}/ws/workspaces/{world.workspace.pk}"


@pytest.fixture
async def server(transactional_db: None) -> AsyncIterator[Server]:
    one = Server()
    await one.start()
    yield one
    await one.stop()


@pytest.fixture
async def closed_hosts(transactional_db: None) -> AsyncIterator[None]:
    """Every host is closed at the end of the test, so that no task outlives its loop."""
    yield
    await close_all()
