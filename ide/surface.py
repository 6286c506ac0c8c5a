"""What the content security policy says of the admin's pages, which are django-unfold's and not ours."""

from __future__ import annotations

import re

from csp.constants import UNSAFE_EVAL
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.deprecation import MiddlewareMixin

_STYLE = re.compile(rb"<style(?![^>]*\bnonce=)")


class AdminPolicy(MiddlewareMixin):
    """Its menus are Alpine's, whose expressions are compiled in the page: eval is allowed there, for staff, and nowhere
    else. Its one style element gets the page's nonce."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if not request.path.startswith("/admin/") or not isinstance(response, HttpResponse):
            return response
        response._csp_update = {"script-src": UNSAFE_EVAL}  # type: ignore[attr-defined]  # as its decorator does
        if response.headers.get("Content-Type", "").startswith("text/html"):
            nonce = str(request.csp_nonce).encode()  # type: ignore[attr-defined]  # set by the middleware around this
            response.content = _STYLE.sub(rb'<style nonce="' + nonce + b'"', response.content)
        return response
