"""The HTTP API: one django-ninja object, Refused → JSON, OpenAPI at /api/openapi.json.

Apps give it routers (composition happens in `urls.py`). Signed-in people only; CSRF is checked by the cookie scheme.
"""

from __future__ import annotations

import json
import re
from typing import Any, cast

from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.parser import Parser
from ninja.security import SessionAuth

from ide.accounts.models import User
from ide.errors import Refused

_HALF = re.compile("[\ud800-\udfff]")


def read_json(data: str | bytes) -> Any:
    """What people's programs sent. Half a surrogate pair, which JSON carries but no database and no file takes, becomes
    U+FFFD. Raises ValueError, RecursionError."""
    return _whole(json.loads(data))


def _whole(value: Any) -> Any:
    if isinstance(value, str):
        return value if value.isascii() else _HALF.sub("\ufffd", value)
    if isinstance(value, list):
        return [_whole(one) for one in value]
    return {_whole(name): _whole(one) for name, one in value.items()} if isinstance(value, dict) else value


class _Json(Parser):
    def parse_body(self, request: HttpRequest) -> Any:
        return read_json(request.body)


api = NinjaAPI(
    title="Tandem", version="1", auth=SessionAuth(csrf=True), docs_url=None, urls_namespace="api", parser=_Json()
)


def person(request: HttpRequest) -> User:
    """The signed-in person of an API request (the authentication of the route has run)."""
    return cast(User, request.user)


@api.exception_handler(Refused)
def _refused(request: HttpRequest, error: Refused) -> HttpResponse:
    response = api.create_response(request, error.as_json(), status=error.status)
    retry_after = error.detail.get("retry_after")
    if retry_after is not None:
        response["Retry-After"] = str(retry_after)
    return response


@api.exception_handler(ValidationError)
def _invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    first = error.errors[0] if error.errors else {}
    field = ".".join(str(part) for part in first.get("loc", [])[1:])
    body = {
        "code": "invalid",
        "message": f"{field}: {first.get('msg', 'not usable')}",
        "do": "Correct it and send it again.",
    }
    return api.create_response(request, body, status=422)


@api.exception_handler(AuthenticationError)
def _stranger(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
    body = {"code": "signed_out", "message": "You are not signed in.", "do": "Sign in and try again."}
    return api.create_response(request, body, status=401)


@api.exception_handler(HttpError)
def _unusable(request: HttpRequest, error: HttpError) -> HttpResponse:
    """What the framework refuses by itself, such as a body that is no JSON."""
    body = {"code": "invalid", "message": f"{error.message}.", "do": "Correct it and send it again."}
    return api.create_response(request, body, status=error.status_code)
