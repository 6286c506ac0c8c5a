"""What we tell people when something is not done.

Refused                 nothing was changed; `what`, `why` and `do` are written for the person
├── NotAllowed          the role does not permit it
├── NotFound            it is not there, or not for you (the two are not told apart)
├── Conflict            it changed meanwhile
├── Invalid             the input cannot be used
├── TooLarge            a limit of size or number
├── QuotaExceeded       a limit of use is reached; `detail` has the limit and `retry_after`
├── Busy                come back in `retry_after` seconds
└── Unavailable         a part this needs (sandbox, model, worker) is not there
"""

from __future__ import annotations


class Refused(Exception):
    """A request that was not carried out, told in words for people.

    `code` is stable and machine-readable; `status` the HTTP status; `what` one sentence on what did not happen,
    `do` one on what to do about it (may be empty).
    """

    code = "refused"
    status = 400

    def __init__(self, what: str, do: str = "", **detail: object) -> None:
        super().__init__(what)
        self.what = what
        self.do = do
        self.detail = detail

    def as_json(self) -> dict[str, object]:
        return {"code": self.code, "message": self.what, "do": self.do, **self.detail}


class NotAllowed(Refused):
    code = "not_allowed"
    status = 403


class NotFound(Refused):
    code = "not_found"
    status = 404


class Conflict(Refused):
    code = "conflict"
    status = 409


class Invalid(Refused):
    code = "invalid"
    status = 422


class TooLarge(Refused):
    code = "too_large"
    status = 413


class QuotaExceeded(Refused):
    code = "quota_exceeded"
    status = 429

    def __init__(self, what: str, do: str, limit: dict[str, object], retry_after: float | None) -> None:
        super().__init__(what, do, limit=limit, retry_after=retry_after)
        self.limit, self.retry_after = limit, retry_after


class Busy(Refused):
    code = "busy"
    status = 429

    def __init__(self, what: str, retry_after: float = 1.0, do: str = "") -> None:
        super().__init__(what, do or f"Try again in {retry_after:g} s.", retry_after=retry_after)
        self.retry_after = retry_after


class Unavailable(Refused):
    code = "unavailable"
    status = 503
