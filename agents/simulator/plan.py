"""What is answered, at which pace and with which fault: from a script, or from a directive in the last user message.

A directive is a line that begins with `sim:`, anywhere in the last user message:

    sim: tokens=400 rate=4000 ttft=0.05 jitter=0.2 fault=cut_utf8 at=20 reason=30

Without either, the answer is `tokens` words of filler at the server's pace.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import time
from collections import deque
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

FILLER = re.findall(
    r"\S+",
    "the first pass keeps every name and moves only what a reader would look for elsewhere, so that tests stay green "
    "and each step can be taken back by itself; naïve cases — ünïcode, 漢字 and 🙂 — stay as they are",
)
MODELS = ("simulated-fast", "simulated-deep")
TEXT_ONLY = frozenset({"simulated-fast"})
TICK = 0.004  # seconds between two sends at most rates
FAULTS = {
    "cut_utf8": "the stream is cut in pieces inside characters",
    "crlf": "server-sent events end their lines in CRLF",
    "comments": "server-sent events with comments and unknown fields between them",
    "no_usage": "no usage is reported",
    "error_200": "an error object under HTTP status 200, after `at` tokens",
    "status_429": "refused with 429 and retry-after",
    "status_500": "refused with 500",
    "hang": "nothing more comes after `at` tokens",
    "close": "the connection is closed after `at` tokens",
    "garbage": "bytes that are no JSON after `at` tokens",
    "no_end": "the answer stops without saying that it ends",
    "not_found": "previous_response_not_found, whatever is cached",
    "refuse_upgrade": "the WebSocket upgrade is refused with 426",
}


class Unknown(Exception):
    """A directive or a script that cannot be used; the text says why."""


class Call(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    arguments: dict[str, object] | str = {}  # text: a freeform call's input

    def text(self) -> str:
        if isinstance(self.arguments, str):
            return self.arguments
        return self.as_json()

    def as_json(self) -> str:
        """For dialects without freeform tools: text is the field `input`."""
        given = {"input": self.arguments} if isinstance(self.arguments, str) else self.arguments
        return json.dumps({name: _joined(value) for name, value in given.items()}, ensure_ascii=False)


class Step(msgspec.Struct, forbid_unknown_fields=True):
    """One answer: played when the last user message contains `when` (case ignored); several with the same `when` are
    played in turn, one for each round of tool outputs."""

    when: str = ""
    reason: str = ""
    text: str = ""
    calls: list[Call] = []


class Script(msgspec.Struct, forbid_unknown_fields=True):
    steps: list[Step]


@dataclass(frozen=True)
class Pace:
    """`rate` tokens a second, `ttft` seconds before the first, `jitter` the share by which each wait may differ."""

    rate: float = 1000.0
    ttft: float = 0.02
    jitter: float = 0.0


@dataclass
class Tally:
    """What the simulator itself knows of one answer: how the question begins, tokens it was asked with, tokens it has
    generated, and when the newest of them, by the clock of monotonic()."""

    said: str = ""
    asked: int = 0
    written: int = 0
    at: float = 0.0

    def add(self, tokens: int) -> None:
        self.written += tokens
        self.at = time.monotonic()


@dataclass(frozen=True)
class Plan:
    reason: tuple[str, ...]
    text: tuple[str, ...]
    calls: tuple[Call, ...]
    pace: Pace
    fault: str = ""
    at: int = 0
    tally: Tally = field(default_factory=Tally)

    @property
    def tokens(self) -> int:
        return len(self.reason) + len(self.text) + sum(len(pieces(call.text())) for call in self.calls)


@dataclass(frozen=True)
class Ask:
    """What a dialect has read of a request: the last user message, how often tools have answered since, and the
    pictures of all messages, in base 64."""

    said: str
    rounds: int
    input_bytes: int
    pictures: tuple[str, ...] = ()


@dataclass
class Brain:
    """Chooses the answers of one server."""

    pace: Pace = field(default_factory=Pace)
    tokens: int = 200
    script: Script | None = None
    tallies: deque[Tally] = field(default_factory=partial(deque, maxlen=10_000))

    def plan(self, ask: Ask) -> Plan:
        """Raises Unknown for a directive that cannot be read."""
        plan = self._plan(ask)
        plan.tally.said, plan.tally.asked = ask.said[:40], ask.input_bytes // 4
        self.tallies.append(plan.tally)
        return plan

    def _plan(self, ask: Ask) -> Plan:
        directive = _directive(ask.said)
        step = self._step(ask)
        if step is not None and not directive:
            return Plan(pieces(step.reason), pieces(step.text), tuple(step.calls), self.pace)
        pace = replace(self.pace, **{k: float(directive[k]) for k in ("rate", "ttft", "jitter") if k in directive})
        text = words(int(directive.get("tokens", self.tokens)))
        reason = words(int(directive.get("reason", 0)))
        return Plan(reason, text, (), pace, directive.get("fault", ""), int(directive.get("at", 0)))

    def fill(self, before: str) -> Plan:
        """For the end of `before`: a step's `text` behind the last place where its `when` stands, without what is there
        of it already. Where the script has none, nothing; without a script as `plan`."""
        if self.script is None or "sim:" in before:
            return self.plan(Ask(before, 0, len(before)))
        places = [(before.rfind(step.when), step) for step in self.script.steps if step.when]
        at, step = max(places, key=_place, default=(-1, Step()))
        if at < 0:
            return Plan((), (), (), self.pace)
        there = before[at + len(step.when) :]
        left = step.text[len(there) :] if step.text.startswith(there) else ""
        return Plan((), pieces(left), (), self.pace)

    def _step(self, ask: Ask) -> Step | None:
        if self.script is None:
            return None
        said = ask.said.casefold()
        fitting = [step for step in self.script.steps if step.when and step.when.casefold() in said]
        fitting = fitting or [step for step in self.script.steps if not step.when]
        return fitting[ask.rounds] if ask.rounds < len(fitting) else Step(text="That is all.")


def load(path: Path) -> Script:
    """Raises Unknown with the reason."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Script)
    except (OSError, msgspec.MsgspecError) as error:
        raise Unknown(f"The script {path} cannot be used: {error}") from error


def _place(found: tuple[int, Step]) -> int:
    return found[0]


KNOWN = {"tokens", "rate", "ttft", "jitter", "fault", "at", "reason"}


def _directive(said: str) -> dict[str, str]:
    line = next((line for line in said.splitlines() if line.strip().startswith("sim:")), "")
    found = dict(re.findall(r"(\w+)=(\S+)", line))
    for name, value in found.items():
        if name not in KNOWN or (name == "fault" and value not in FAULTS):
            raise Unknown(
                f"sim: {name}={value} is not known. Names: {', '.join(sorted(KNOWN))}; faults: {', '.join(FAULTS)}"
            )
        if name != "fault" and not re.fullmatch(r"\d+(\.\d+)?", value):
            raise Unknown(f"sim: {name} is a number, not {value}")
    return found


def has_image(content: object) -> bool:
    """Whether a message's content, in any dialect, shows an image."""
    parts = content if isinstance(content, list) else []
    kinds = {part.get("type") for part in parts if isinstance(part, dict)}
    return bool(kinds & {"input_image", "image_url", "image"})


def pictures_in(contents: Iterable[object]) -> tuple[str, ...]:
    """The pictures of messages' contents, in any dialect, in base 64."""
    parts = [part for content in contents if isinstance(content, list) for part in content if isinstance(part, dict)]
    return tuple(found for found in map(_picture, parts) if found)


def _picture(part: Mapping[str, Any]) -> str:
    if part.get("type") == "image":
        return str(part.get("source", {}).get("data", ""))
    given = part.get("image_url", "")
    return str(given.get("url", "") if isinstance(given, dict) else given).partition(",")[2]


def words(count: int) -> tuple[str, ...]:
    return tuple(FILLER[at % len(FILLER)] + " " for at in range(count))


def pieces(text: str) -> tuple[str, ...]:
    """The text in tokens of about four characters, as models have them."""
    return tuple(re.findall(r"\s?\S{1,4}|\s", text))


def _joined(value: object) -> object:
    if isinstance(value, list) and value and all(isinstance(line, str) for line in value):
        return "\n".join(str(line) for line in value) + "\n"
    return value


async def paced(tokens: Sequence[bytes], plan: Plan) -> AsyncIterator[list[bytes]]:
    """The tokens in the batches that are due, on the clock: a late batch is followed by a larger one. Each is counted
    as it is generated, whoever reads it."""
    pace, tally = plan.pace, plan.tally
    loop = asyncio.get_running_loop()
    await asyncio.sleep(pace.ttft * _shake(pace))
    start, sent = loop.time(), 0
    if pace.rate <= 0:
        tally.add(len(tokens))
        yield list(tokens)
        return
    while sent < len(tokens):
        due = min(len(tokens), 1 + int((loop.time() - start) * pace.rate))
        if due > sent:
            tally.add(due - sent)
            yield list(tokens[sent:due])
            sent = due
        if sent < len(tokens):
            await asyncio.sleep(max(TICK, 1 / pace.rate) * _shake(pace))


def _shake(pace: Pace) -> float:
    return 1.0 + random.uniform(-pace.jitter, pace.jitter)  # noqa: S311
