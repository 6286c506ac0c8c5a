"""Keys of endpoints at rest: encrypted (Fernet) with a key derived from the installation's own secret, never shown."""

from __future__ import annotations

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings

from agents.providers.protocol import conceal
from ide.errors import Unavailable


def _fernet() -> Fernet:
    secret = hashlib.sha256(b"tandem endpoint keys\0" + settings.KEY_FILE_SECRET.encode()).digest()
    return Fernet(base64.urlsafe_b64encode(secret))


def encrypt(key: str) -> bytes:
    return _fernet().encrypt(key.encode()) if key else b""


def decrypt(stored: bytes) -> str:
    """The key in clear, for the provider only; no ProviderError will quote it.

    Raises Unavailable when this installation's secret is another one.
    """
    if not stored:
        return ""
    try:
        key = _fernet().decrypt(stored).decode()
    except InvalidToken as error:
        raise Unavailable(
            "The key of this model cannot be read: the installation's secret has changed.",
            "An administrator can enter the key again in the admin pages.",
        ) from error
    conceal(key)
    return key
