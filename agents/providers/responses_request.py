"""A Request as the body of a Responses call (OpenAI, Open Responses): its fields and its input items. No network.

Source: reference "protocols" §1.2, §2.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from agents.engine.messages import Message, Request, Tool, ToolCall


@dataclass(frozen=True)
class Abilities:
    """What a server of this dialect was found to take. Probed, not assumed."""

    freeform: bool = True  # tools whose input is plain text, with a grammar
    encrypted_reasoning: bool = True
    lanes: bool = False  # named lanes on one socket
    steer: bool = False
    store: bool = False  # keep responses at the provider
    extra: tuple[tuple[str, object], ...] = ()  # fields of this endpoint, e.g. service_tier


def fields(request: Request, abilities: Abilities) -> dict[str, object]:
    """Everything of the body but `input`. Two requests with equal fields may be chained."""
    body: dict[str, object] = {"model": request.model, "store": abilities.store}
    told = [message.text for message in request.messages if message.role == "system" and message.text]
    if told:
        body["instructions"] = "\n\n".join(told)
    if request.tools:
        body["tools"] = [_tool(tool, abilities) for tool in request.tools]
        body["parallel_tool_calls"] = True
    if request.max_tokens:
        body["max_output_tokens"] = request.max_tokens
    if request.temperature is not None:
        body["temperature"] = request.temperature
    if abilities.encrypted_reasoning and not abilities.store:
        body["include"] = ["reasoning.encrypted_content"]
    if request.conversation:
        body["prompt_cache_key"] = request.conversation
    return body | dict(abilities.extra)


def items(messages: Iterable[Message], abilities: Abilities) -> list[msgspec.Raw | dict[str, object]]:
    """The `input` items of messages; those of the role system travel as instructions."""
    made: list[msgspec.Raw | dict[str, object]] = []
    free: set[str] = set()
    for message in messages:
        if message.role == "tool":
            kind = "custom_tool_call_output" if message.call_id in free else "function_call_output"
            made.append({"type": kind, "call_id": message.call_id, "output": message.text})
        elif message.role == "assistant":
            made += [msgspec.Raw(item.encode()) for item in message.kept if abilities.encrypted_reasoning]
            if message.text:
                made.append({"type": "message", "role": "assistant", "content": message.text})
            made += [_call(call) for call in message.calls]
        elif message.role == "user":
            made.append({"type": "message", "role": "user", "content": _content(message)})
        free |= {call.id for call in message.calls if call.freeform}
    return made


def _content(message: Message) -> str | list[dict[str, str]]:
    if not message.images:
        return message.text
    text = [{"type": "input_text", "text": message.text}] if message.text else []
    return [*({"type": "input_image", "image_url": image.url} for image in message.images), *text]


def _call(call: ToolCall) -> dict[str, object]:
    if call.freeform:
        return {"type": "custom_tool_call", "call_id": call.id, "name": call.name, "input": call.arguments}
    return {"type": "function_call", "call_id": call.id, "name": call.name, "arguments": call.arguments or "{}"}


def _tool(tool: Tool, abilities: Abilities) -> dict[str, object]:
    if tool.grammar and abilities.freeform:
        grammar = {"type": "grammar", "syntax": "lark", "definition": tool.grammar}
        return {"type": "custom", "name": tool.name, "description": tool.description, "format": grammar}
    return {
        "type": "function",
        "name": tool.name,
        "description": tool.description,
        "parameters": dict(tool.schema),
        "strict": False,
    }
