"""What a Responses request asks for, or why it cannot be answered. No network."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

import msgspec

from agents.simulator.plan import TEXT_ONLY, Ask, Brain, Plan, Unknown, has_image, pictures_in
from agents.simulator.responses_frames import Answer


class Refusal(Exception):
    def __init__(self, status: int, code: str, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.param = status, code, message, param

    def error(self) -> dict[str, Any]:
        kind = "invalid_request_error" if self.status < 500 else "server_error"
        return {"type": kind, "code": self.code, "message": self.message, "param": self.param}


def ask_of(items: list[Any]) -> Ask:
    """The last user message of input items, and the rounds of tool outputs behind it."""
    said, rounds, outputs = "", 0, False
    for item in items:
        kind = item.get("type", "message")
        if kind == "message" and item.get("role") == "user":
            said, rounds = _text(item.get("content")), 0
        elif kind.endswith("_call_output"):
            rounds += not outputs
        outputs = kind.endswith("_call_output")
    return Ask(said, rounds, 0, pictures_in(item.get("content") for item in items))


def _text(content: object) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "".join(part.get("text", "") for part in parts if isinstance(part, dict))


def items_of(body: dict[str, Any]) -> list[Any]:
    given = body.get("input", [])
    items = [{"type": "message", "role": "user", "content": given}] if isinstance(given, str) else given
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise Refusal(400, "invalid_value", "input must be text or a list of items", "input")
    return items


@dataclass(frozen=True)
class Asked:
    """All input items of a response, and their size in bytes."""

    items: list[Any]
    size: int


def asked_of(known: Answer | None, new: list[Any]) -> Asked:
    """What was known is not encoded again: a continued response must cost a server little, too."""
    before = [*known.input, *known.output()] if known else []
    size = known.input_bytes + 4 * known.sent if known else 0
    return Asked([*before, *new], size + len(msgspec.json.encode(new)))


def asked_for(fault: str) -> Refusal:
    return Refusal(int(fault[-3:]), "rate_limit_exceeded" if "429" in fault else "server_error", "It was asked for.")


def missing(wanted: str) -> Refusal:
    message = f"Previous response with id '{wanted}' not found."
    return Refusal(400, "previous_response_not_found", message, "previous_response_id")


def planned(brain: Brain, asked: list[Any]) -> Plan:
    try:
        return brain.plan(ask_of(asked))
    except Unknown as error:
        raise Refusal(400, "invalid_value", str(error), "input") from error


def answer_to(body: dict[str, Any], lane: str | None, asked: Asked, plan: Plan) -> Answer:
    model = body.get("model")
    if not isinstance(model, str) or not model:
        raise Refusal(400, "missing_required_parameter", "model is required", "model")
    if model in TEXT_ONLY and any(has_image(item.get("content")) for item in asked.items):
        raise Refusal(400, "invalid_value", f"{model} takes no images.", "input")
    previous = body.get("previous_response_id")
    return Answer(f"resp_{secrets.token_hex(12)}", model, lane, asked.items, plan, asked.size, previous)


def object_of(data: bytes | str) -> dict[str, Any]:
    try:
        body = msgspec.json.decode(data)
    except msgspec.MsgspecError as error:
        raise Refusal(400, "invalid_json", f"That is no JSON: {error}") from error
    if not isinstance(body, dict):
        raise Refusal(400, "invalid_json", "A request is an object.")
    return body
