"""Secrets at rest: encrypted (Fernet) with a key derived from the installation's own secret, one for each use."""

from __future__ import annotations

import base64
import hashlib

from cryptography.fernet import Fernet
from django.conf import settings


def _fernet(use: str) -> Fernet:
    secret = hashlib.sha256(f"tandem {use}\0{settings.KEY_FILE_SECRET}".encode()).digest()
    return Fernet(base64.urlsafe_b64encode(secret))


def encrypt(text: str, use: str) -> str:
    return _fernet(use).encrypt(text.encode()).decode()


def decrypt(stored: str, use: str) -> str:
    """Raises cryptography.fernet.InvalidToken where it was made for another use or by another installation."""
    return _fernet(use).decrypt(stored.encode()).decode()
