"""What `manage.py up` starts and `manage.py doctor` checks. Apps register theirs; nothing is started here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Part:
    """A process `up` runs. `ready` returns None when it answers, else a sentence on what is still missing.

    `env` is added to a minimal environment; `inherit_env=False` gives the process nothing else but PATH, HOME and LANG.
    Parts start in `order`; equal orders start together. `stop_seconds` is how long it may take after SIGTERM.
    """

    name: str
    argv: Callable[[], list[str]]
    ready: Callable[[], str | None]
    order: int = 50
    env: Mapping[str, str] = field(default_factory=dict)
    inherit_env: bool = True
    wanted: Callable[[], bool] = lambda: True
    ready_seconds: float = 60.0
    stop_seconds: float = 6.0


@dataclass(frozen=True)
class Check:
    """One row of the doctor's table. `run` returns (state, finding, advice); state is ok, warn or fail."""

    name: str
    run: Callable[[], tuple[str, str, str]]


_parts: list[Part] = []
_checks: list[Check] = []


def register_part(part: Part) -> None:
    if part.name not in {p.name for p in _parts}:
        _parts.append(part)


def register_check(check: Check) -> None:
    if check.name not in {c.name for c in _checks}:
        _checks.append(check)


def parts() -> list[Part]:
    return sorted((p for p in _parts if p.wanted()), key=lambda p: p.order)


def checks() -> list[Check]:
    return list(_checks)
