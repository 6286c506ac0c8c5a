"""The chain's arithmetic: what exactly is hashed, and with what it is sealed. Pure; no rows are read or written."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec

# In this order, then `previous`. A column that is added later goes to the end, and only where it is not empty.
COLUMNS = ("seq", "at", "act", "actor_id", "actor", "behalf", "team", "thing", "place", "detail", "previous")
SEAL = b"tandem audit head"


def stamp(at: datetime) -> str:
    """A time as it is hashed and exported: UTC, with microseconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def digest(row: Mapping[str, object]) -> str:
    """SHA-256, in hexadecimal, of a row's columns as JSON: one list, in the order of COLUMNS, keys of `detail` sorted,
    UTF-8 without blanks. `at` is a string made by `stamp`."""
    return hashlib.sha256(msgspec.json.encode([row[name] for name in COLUMNS], order="sorted")).hexdigest()


def seal(seq: int, head: str, key: str) -> str:
    """HMAC-SHA-256 of the chain's end with the server's key."""
    secret = hashlib.sha256(SEAL + key.encode()).digest()
    return hmac.new(secret, f"{seq}:{head}".encode(), hashlib.sha256).hexdigest()
