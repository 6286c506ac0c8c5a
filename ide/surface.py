"""What the content security policy says of the admin's pages, which are django-unfold's and not ours."""

from __future__ import annotations

import base64
import hashlib
import html
import re

from csp.constants import UNSAFE_EVAL, UNSAFE_HASHES
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.deprecation import MiddlewareMixin

_STYLE = re.compile(rb"<style(?![^>]*\bnonce=)")
# htmx would write a style element of its own.
_HTMX = b"""<head><meta name="htmx-config" content='{"includeIndicatorStyles": false}'>"""
_ATTRIBUTE = re.compile(r'\sstyle="([^"]*)"')


class AdminPolicy(MiddlewareMixin):
    """Its menus are Alpine's, whose expressions are compiled in the page: eval is allowed there, for staff, and nowhere
    else. Its one style element gets the page's nonce, and its style attributes are named by their hashes: what people
    wrote is escaped, and so never one of them."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if not request.path.startswith("/admin/") or not isinstance(response, HttpResponse):
            return response
        allowed: dict[str, object] = {"script-src": UNSAFE_EVAL}
        response._csp_update = allowed  # type: ignore[attr-defined]  # as its decorator does
        if response.headers.get("Content-Type", "").startswith("text/html"):
            allowed["style-src"] = [UNSAFE_HASHES, *sorted(_hashes(response.content.decode()))]
            nonce = str(request.csp_nonce).encode()  # type: ignore[attr-defined]  # set by the middleware around this
            content = _STYLE.sub(rb'<style nonce="' + nonce + b'"', response.content)
            response.content = content.replace(b"<head>", _HTMX, 1)
        return response


def _hashes(page: str) -> set[str]:
    """The sources that a policy names style attributes by."""
    texts = {html.unescape(found).encode() for found in _ATTRIBUTE.findall(page)}
    return {f"'sha256-{base64.b64encode(hashlib.sha256(text).digest()).decode()}'" for text in texts}
