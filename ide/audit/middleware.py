"""Where a request comes from, for whatever is recorded while it is answered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import cast

from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

Answer = Callable[[HttpRequest], HttpResponseBase] | Callable[[HttpRequest], Awaitable[HttpResponseBase]]

place: ContextVar[str] = ContextVar("place", default="")


def address_of(request: HttpRequest) -> str:
    """The address a request came from: the peer's, or what the outermost of our own proxies saw.

    Each of the TANDEM_TRUSTED_PROXIES adds the address it heard from at the end of X-Forwarded-For; what stands before
    those can be made up by anybody.
    """
    ours = settings.ALLAUTH_TRUSTED_PROXY_COUNT
    told = [part.strip() for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if part.strip()]
    if ours and len(told) >= ours:
        return str(told[-ours])
    return str(request.META.get("REMOTE_ADDR") or "")


@sync_and_async_middleware
def remember_place(answer: Answer) -> Answer:
    if iscoroutinefunction(answer):

        async def live(request: HttpRequest) -> HttpResponseBase:
            place.set(address_of(request))
            found: HttpResponseBase = await answer(request)
            return found

        return live

    def plain(request: HttpRequest) -> HttpResponseBase:
        place.set(address_of(request))
        return cast(HttpResponseBase, answer(request))  # it is not the other kind

    return plain
