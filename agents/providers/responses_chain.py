"""What the Responses adapter keeps of a conversation: what the server has of it, and the answer that runs."""

from __future__ import annotations

from dataclasses import dataclass

from agents.engine.messages import Message
from agents.providers.responses_socket import Run, Socket
from agents.providers.responses_steer import Steers
from agents.providers.responses_wire import Answer


@dataclass
class Chain:
    """What the server has of a conversation: the last response on a lane, and what led to it."""

    socket: Socket
    lane: str
    response: str
    fields: dict[str, object]
    messages: tuple[Message, ...]
    steers: Steers  # accepted while it ran; the server puts them before what comes next


@dataclass
class Live:
    socket: Socket
    run: Run
    answer: Answer
    steers: Steers

    @property
    def awaits_successor(self) -> bool:
        """A steer that was accepted starts another response by itself, unless tool outputs are asked for first."""
        return self.answer.steered or (self.steers.open and not self.answer.message().calls)
