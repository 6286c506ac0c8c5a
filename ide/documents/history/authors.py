"""Who an origin is, in words for people. Apps say it for the kinds they know (`register`); persons are known here.

An origin is `person:<id>`, `turn:<id>`, `job:<id>`, `disk`, `seed`, or '' where nobody knows; `relayed:<id>:<origin>`
where only a person vouches that characters are another origin's; `rejected:<id>:<origin>` where a person rejects what
an origin wrote, and so brings back what it had taken away. All of this is synchronous ORM.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from ide.accounts.models import User

PROMPT = 200  # characters of it that are told
Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Author:
    """The Author of wire.ts. `person` wrote it, or asked the model that did; `at` is when they asked."""

    origin: str
    kind: str
    label: str
    person: Json | None = None
    model: str = ""
    prompt: str = ""
    session: str | None = None
    turn: str | None = None
    job: str | None = None
    at: datetime | None = None

    def as_json(self) -> Json:
        return {**asdict(self), "at": self.at.isoformat() if self.at else None}


Describe = Callable[[set[str]], dict[str, Author]]  # ids behind the kind → their authors; unknown ids are left out
_kinds: dict[str, Describe] = {}

_WITHOUT_ID = {
    "disk": "changed outside Tandem",
    "seed": "in the file before it was opened here",
    "unknown": "unknown",
}


def register(kind: str, describe: Describe) -> None:
    """Let `describe` say who the origins `<kind>:<id>` are."""
    _kinds[kind] = describe


def kind_of(origin: str) -> tuple[str, str]:
    """(kind, id) of an origin; the id is '' where there is none."""
    kind, _, key = origin.partition(":")
    return (kind, key) if kind in _WITHOUT_ID or (kind in _kinds and key) else ("unknown", "")


def describe(origins: Iterable[str]) -> dict[str, Author]:
    """An author for each origin; one that is gone (a deleted person) is told by its kind."""
    wanted = set(origins)
    by_kind: dict[str, set[str]] = {}
    for origin in wanted:
        kind, key = kind_of(origin)
        by_kind.setdefault(kind, set()).add(key)
    found = {kind: _kinds[kind](keys) for kind, keys in by_kind.items() if kind in _kinds}
    out = {}
    for origin in wanted:
        kind, key = kind_of(origin)
        known = found.get(kind, {}).get(key)
        gone = Author(origin, kind, _WITHOUT_ID.get(kind, f"a {kind} that is gone"))
        out[origin] = replace(known, origin=origin) if known is not None else gone
    return out


def person_json(user: User | None) -> Json | None:
    """The Person of wire.ts."""
    return None if user is None else {"id": user.pk, "name": user.shown_name, "colour": user.colour}


def _persons(ids: set[str]) -> dict[str, Author]:
    users = User.objects.filter(pk__in=[int(key) for key in ids if key.isdecimal()])
    return {str(user.pk): Author(f"person:{user.pk}", "person", user.shown_name, person_json(user)) for user in users}


def relayed(by: str, owner: str) -> str:
    """The origin of characters that `by`, a person's origin, brought under the client id of `owner`."""
    return f"relayed:{by.removeprefix('person:')}:{owner}"


def _relayed(keys: set[str]) -> dict[str, Author]:
    """Nobody's work for sure: the label says who is said to have written it, and by whom."""
    parts = {key: key.partition(":") for key in keys}
    people = _persons({by for by, _, _ in parts.values()})
    owners = describe(owner for _, _, owner in parts.values())
    out = {}
    for key, (by, _, owner) in parts.items():
        name = people[by].label if by in people else "a person that is gone"
        out[key] = Author(f"relayed:{key}", "unknown", f"{owners[owner].label}, relayed by {name}")
    return out


def rejected(by: int, origin: str) -> str:
    """The origin of what a person writes by rejecting something of `origin`."""
    return f"rejected:{by}:{origin}"


def _rejecting(keys: set[str]) -> dict[str, Author]:
    """The people who rejected it."""
    people = _persons({key.partition(":")[0] for key in keys})
    return {key: people[by] for key in keys if (by := key.partition(":")[0]) in people}


register("person", _persons)
register("rejected", _rejecting)
register("relayed", _relayed)
