"""A person at a running Tandem: signs in through its pages, calls its HTTP API, works on its main socket.

For tests and benchmarks against `manage.py up`. Positions in documents are code points. Whatever waits has a deadline
and says what it waited for.
"""

from __future__ import annotations

import asyncio
import io
import json
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import aiohttp
from yarl import URL

from tests.tab import DEADLINE, Document, Json, Refusal, Tab

__all__ = ["DEADLINE", "Document", "Json", "Person", "Refusal", "Tab", "eventually"]

T = TypeVar("T")
PASSWORD = "a long enough password"


async def eventually(look: Callable[[], Awaitable[T]], what: str, seconds: float = DEADLINE) -> T:
    """Ask again and again until the answer is true; the answer. For what has no event to wait for."""
    until = time.monotonic() + seconds
    while not (value := await look()):
        assert time.monotonic() < until, f"after {seconds:g} s still not: {what}"
        await asyncio.sleep(0.05)
    return value


class Person:
    """Use with `async with`, or `close` it."""

    def __init__(self, url: str) -> None:
        self.url = url
        jar = aiohttp.CookieJar(unsafe=True)  # the site's address is a number
        self.http = aiohttp.ClientSession(cookie_jar=jar, timeout=aiohttp.ClientTimeout(total=120))

    async def __aenter__(self) -> Person:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self.http.close()

    # --- pages ---------------------------------------------------------------------------------------------------

    @classmethod
    async def new(cls, link: str, username: str) -> Person:
        """A new account, made at a welcome or an invite link."""
        person = cls(str(URL(link).origin()))
        await person.submit(link, name=username.title(), username=username, password=PASSWORD)
        return person

    @classmethod
    async def sign_in(cls, url: str, username: str) -> Person:
        person = cls(url)
        await person.submit(f"{url}/accounts/login/", login=username, password=PASSWORD)
        return person

    async def join(self, link: str) -> None:
        """Take an invite with the account that is signed in."""
        await self.submit(link)

    async def submit(self, page: str, **fields: str) -> str:
        """Fill in the form of a page; where it leads."""
        async with self.http.get(page) as shown:
            html = await shown.text()
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', html)
        assert token, f"no form at {page}:\n{html}"
        form = {"csrfmiddlewaretoken": token[1], **fields}
        async with self.http.post(page, data=form, headers={"Referer": page}, allow_redirects=False) as done:
            assert done.status == 302, f"{done.status} from {page}:\n{await done.text()}"
            return done.headers["Location"]

    # --- HTTP ----------------------------------------------------------------------------------------------------

    async def get(self, path: str, /, **query: str) -> Any:
        return await self.send("GET", path, params=query)

    async def post(self, path: str, body: Mapping[str, object] | None = None) -> Any:
        return await self.send("POST", path, json=dict(body or {}))

    async def patch(self, path: str, body: Mapping[str, object]) -> Any:
        return await self.send("PATCH", path, json=dict(body))

    async def delete(self, path: str, /, **query: str) -> None:
        await self.send("DELETE", path, params=query)

    async def upload(self, path: str, name: str, data: bytes, /, **fields: str) -> Any:
        form = aiohttp.FormData(fields, quote_fields=False)  # names go as browsers send them
        form.add_field("file", io.BytesIO(data), filename=name, content_type="application/octet-stream")
        return await self.send("POST", path, data=form)

    async def raw(self, workspace: str, path: str) -> bytes:
        """The bytes of a file, as its download gives them."""
        answer: bytes = await self.send("GET", f"/workspaces/{workspace}/raw", params={"path": path})
        return answer

    async def send(self, method: str, path: str, **more: Any) -> Any:
        """Any request; the answer is JSON, bytes or None. Raises Refusal."""
        cookies = self.http.cookie_jar.filter_cookies(URL(self.url))
        csrf = next((c.value for name, c in cookies.items() if name in ("tandem_csrf", "__Host-csrf")), "")
        headers = {"X-CSRFToken": csrf, **more.pop("headers", {})}
        async with self.http.request(method, f"{self.url}/api{path}", headers=headers, **more) as answer:
            data = await answer.read()
            is_json = answer.content_type == "application/json"
            if answer.status >= 400:
                raise Refusal(answer.status, json.loads(data) if is_json else {"message": data.decode(), "code": ""})
            return (json.loads(data) if is_json else data) if data else None

    # --- workspaces ----------------------------------------------------------------------------------------------

    async def workspace(self, name: str, source: str = "sample", origin: str = "", seconds: float = 60) -> Json:
        """A new workspace, ready or failed."""
        made = await self.post("/workspaces", {"name": name, "source": source, "origin": origin})
        return await self.settled(made["id"], seconds)

    async def settled(self, workspace: str, seconds: float = 60) -> Json:
        """The workspace once it is ready or failed."""

        async def look() -> Json | None:
            row: Json = await self.get(f"/workspaces/{workspace}")
            return row if row["state"] != "creating" else None

        found = await eventually(look, f"workspace {workspace} created", seconds)
        assert found is not None
        return found

    async def invite(self, workspace: str, role: str = "editor") -> str:
        link: str = (await self.post(f"/workspaces/{workspace}/invites", {"role": role}))["link"]
        return link

    async def tab(self, workspace: str) -> Tab:
        """This person's tab on a workspace; close it."""
        tab = Tab(self.http, self.url, workspace, self.get)
        await tab.connect()
        return tab
