"""Keys of endpoints at rest: encrypted (Fernet) with a key derived from the installation's own secret, never shown."""

from __future__ import annotations

from cryptography.fernet import InvalidToken

from agents.providers.protocol import conceal
from ide.accounts import secrets
from ide.errors import Unavailable

USE = "endpoint keys"


def encrypt(key: str) -> bytes:
    return secrets.encrypt(key, USE).encode() if key else b""


def decrypt(stored: bytes) -> str:
    """The key in clear, for the provider only; no ProviderError will quote it.

    Raises Unavailable when this installation's secret is another one.
    """
    if not stored:
        return ""
    try:
        key = secrets.decrypt(bytes(stored).decode(), USE)
    except InvalidToken as error:
        raise Unavailable(
            "The key of this model cannot be read: the installation's secret has changed.",
            "An administrator can enter the key again in the admin pages.",
        ) from error
    conceal(key)
    return key
