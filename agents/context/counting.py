"""Tokens and cost of a request before it is sent, without a network: bytes over what the endpoint's tokens hold.

The bytes a token holds are learned from what the provider counts (endpoints.learn).
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from agents.engine.messages import Message, Request, Tool
from agents.models import Endpoint

IMAGE_BYTES = 4000  # an image counts as about a thousand tokens, whatever its file's size


def message_bytes(message: Message) -> int:
    """UTF-8 bytes the model reads of it."""
    said = len(message.text.encode()) + sum(len(call.arguments.encode()) for call in message.calls)
    return said + IMAGE_BYTES * len(message.images)


def sent_bytes(request: Request) -> int:
    """UTF-8 bytes of everything the model reads: messages, calls and the tools' descriptions."""
    return sum(map(message_bytes, request.messages)) + tool_bytes(request.tools)


def tool_bytes(tools: Iterable[Tool]) -> int:
    """Bytes of the tools' descriptions."""
    return sum(len(tool.description) + len(json.dumps(tool.schema)) for tool in tools)


def tokens(endpoint: Endpoint, request: Request) -> int:
    return int(sent_bytes(request) / endpoint.bytes_per_token)
