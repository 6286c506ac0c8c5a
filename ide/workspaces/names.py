"""Which ids and refs of git may become arguments: a form of their own, checked before use."""

from __future__ import annotations

import re

from ide.errors import Invalid

_OID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_REF = re.compile(r"refs/[a-z]+(/[A-Za-z0-9_][A-Za-z0-9_.-]*)+")


def check_oid(oid: str) -> None:
    """Raises Invalid."""
    if not _OID.fullmatch(oid):
        raise Invalid("This is not the id of a commit.")


def check_ref(ref: str) -> None:
    """Raises Invalid."""
    if not _REF.fullmatch(ref) or ".." in ref or ref.endswith((".lock", ".")) or len(ref) > 200:
        raise Invalid("This is not a usable name in the repository.")
