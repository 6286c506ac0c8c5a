"""Reserve tokens before a model is called, settle them after, release them when nothing was used.

Synchronous ORM; asynchronous callers go through `in_db`. An entry is settled or released once: a second call changes
nothing, so a caller that was fenced out or retries cannot count twice.
"""

from __future__ import annotations

from ide.usage.models import LedgerEntry


def reserve(
    user_id: int | None, workspace_id: str | None, *, endpoint: str, model: str, kind: str, subject: str, tokens: int
) -> int:
    """Note that a call is about to use up to `tokens`; returns the entry's id."""
    entry = LedgerEntry.objects.create(
        user_id=user_id,
        workspace_id=workspace_id,
        endpoint=endpoint[:80],
        model=model[:200],
        kind=kind,
        subject=subject,
        reserved_tokens=max(0, tokens),
    )
    return entry.pk


def settle(
    entry_id: int, input_tokens: int, output_tokens: int, ttft_ms: float | None = None, seconds: float | None = None
) -> None:
    """Replace a reservation by what was used."""
    LedgerEntry.objects.filter(pk=entry_id, state=LedgerEntry.State.RESERVED).update(
        state=LedgerEntry.State.SETTLED,
        reserved_tokens=0,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        ttft_ms=ttft_ms,
        seconds=seconds,
    )


def release(entry_id: int) -> None:
    """Give a reservation back: the call used nothing."""
    LedgerEntry.objects.filter(pk=entry_id, state=LedgerEntry.State.RESERVED).update(
        state=LedgerEntry.State.RELEASED, reserved_tokens=0
    )
