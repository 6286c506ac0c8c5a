"""The secret part of a link is in no log line, whoever writes it."""

from __future__ import annotations

import io
import logging
from typing import Any, cast

import pytest
from django.conf import settings
from django.test import Client

from ide.accounts.logs import WithoutTokens, without_tokens

LINKS = ["/invite/s3cr3t-_x", "/welcome/s3cr3t?x=1", "/accounts/login/?next=%2Finvite%2Fs3cr3t"]


@pytest.mark.parametrize("link", LINKS)
def test_a_link_loses_its_secret(link: str) -> None:
    assert "s3cr3t" not in without_tokens(f"GET {link} HTTP/1.1")
    assert "GET /" in without_tokens(f"GET {link} HTTP/1.1")


def test_every_handler_has_the_filter(db: None) -> None:
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.addFilter(WithoutTokens())
    log = logging.getLogger("django.request")
    log.addHandler(handler)
    try:
        Client().get("/invite/s3cr3t")
        try:
            raise ValueError("/welcome/s3cr3t")
        except ValueError:
            log.exception("of %s", "/invite/s3cr3t")
    finally:
        log.removeHandler(handler)
    assert "Not Found: /invite/…" in out.getvalue()
    assert "ValueError" in out.getvalue()
    assert "s3cr3t" not in out.getvalue()
    console = cast("dict[str, Any]", settings.LOGGING)["handlers"]["console"]
    assert console["filters"] == ["without_tokens"]
