"""What people say to a response that is running (`response.steer`), from its sending to its place in an answer.

Accepted means that the server owns the text, not that it was used: that is so from the successor's `response.created`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from agents.engine.messages import Event, SteerFailed
from agents.providers.responses_wire import Frame

RECEIPTS = ("response.steer.accepted", "response.steer.pending", "response.steer.failed")


@dataclass
class Steers:
    """What was said to a running response: sent, accepted by the server, and not yet part of an answer."""

    sent: list[str] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)

    @property
    def open(self) -> bool:
        return bool(self.sent or self.accepted)

    def texts(self) -> tuple[str, ...]:
        return (*self.accepted, *self.sent)

    def lost(self) -> list[Event]:
        """Nobody can tell what became of them."""
        return [SteerFailed(text, "outcome_unknown") for text in self.texts()]

    def receipt(self, frame: Frame, events: list[Event]) -> None:
        """They come in the order in which the steers were sent."""
        if frame.type == "response.steer.accepted" and self.sent:
            self.accepted.append(self.sent.pop(0))
        elif frame.type == "response.steer.failed" and self.open:
            text = (self.sent or self.accepted).pop(0)
            code = msgspec.json.decode(frame.error, type=_Code, strict=False).code if frame.error else ""
            events.append(SteerFailed(text, code or ""))


class _Code(msgspec.Struct):
    code: str | None = None
