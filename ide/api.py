"""The HTTP API: one django-ninja object, Refused → JSON, OpenAPI at /api/openapi.json.

Apps give it routers (composition happens in `urls.py`). Signed-in people only; CSRF is checked by the cookie scheme.
"""

from __future__ import annotations

from typing import cast

from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import ValidationError
from ninja.security import SessionAuth

from ide.accounts.models import User
from ide.errors import Refused

api = NinjaAPI(title="Tandem", version="1", auth=SessionAuth(csrf=True), docs_url=None, urls_namespace="api")


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
