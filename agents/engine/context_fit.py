"""How much of a window messages take, and what goes when they do not fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from agents.engine.context_code import PER_TOKEN, REPLY, count
from agents.engine.messages import Message

IMAGE = 1000  # tokens of a picture, about
FRAME = 4  # tokens around a message
NEWEST = 4  # results of tools that are never left out: what the model is looking at
SHORT = 400  # characters of a result that is not worth leaving out
LEFT_OUT = "[This output was left out to make room. Call the tool again if you need it.]"


def size(message: Message, per_token: float = PER_TOKEN) -> int:
    """Tokens of one message, roughly, with its frame."""
    calls = sum(count(call.arguments, per_token) + 8 for call in message.calls)
    return count(message.text, per_token) + calls + IMAGE * len(message.images) + FRAME


def reply_of(window: int, reply: int = REPLY) -> int:
    """Tokens of a window that are kept for the answer."""
    return min(reply, window // 4)


def fitted(
    history: Sequence[Message],
    *,
    window: int,
    reply: int = REPLY,
    per_token: float = PER_TOKEN,
    fixed: int = 0,
) -> list[Message]:
    """The newest part of the history that leaves room for the reply: system messages and the `fixed` first others stay,
    the oldest of the rest go.

    A tool's result never stays without the call it answers.
    """
    system = [message for message in history if message.role == "system"]
    others = [message for message in history if message.role != "system"]
    system, others = [*system, *others[:fixed]], others[fixed:]
    room = window - reply_of(window, reply) - sum(size(message, per_token) for message in system)
    kept: list[Message] = []
    for message in reversed(others):
        room -= size(message, per_token)
        if room < 0 and kept:
            break
        kept.append(message)
    kept.reverse()
    while len(kept) > 1 and kept[0].role != "user":
        kept.pop(0)
    return system + kept


def thinned(history: Sequence[Message], *, room: int, per_token: float = PER_TOKEN) -> list[Message]:
    """The history in at most `room` tokens, if leaving out what tools answered earlier is enough: the oldest first,
    never the newest few, and nothing anybody said."""
    out = list(history)
    over = sum(size(message, per_token) for message in out) - room
    results = [at for at, message in enumerate(out) if message.role == "tool" and len(message.text) > SHORT]
    for at in results[:-NEWEST]:
        if over <= 0:
            break
        short = replace(out[at], text=LEFT_OUT)
        over -= size(out[at], per_token) - size(short, per_token)
        out[at] = short
    return out
