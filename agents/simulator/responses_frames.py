"""The events of one simulated response, encoded ahead: one unit a token, control events glued to their neighbours."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from agents.simulator.plan import Call, Plan, pieces

encode = msgspec.json.encode


@dataclass
class Answer:
    """`units` are lists of event payloads to be sent in order, the first with the first token. `ends` are those that
    follow the last one. `output` grows to the response's output items as units are told to be sent."""

    id: str
    model: str
    lane: str | None
    input: list[Any]
    plan: Plan
    input_bytes: int
    previous: str | None = None
    units: list[list[bytes]] = field(default_factory=list)
    ends: list[bytes] = field(default_factory=list)
    sent: int = 0
    _items: list[dict[str, Any]] = field(default_factory=list)
    _marks: list[tuple[int, dict[str, Any]]] = field(default_factory=list)  # (units needed, item so far)
    _number: int = 0

    def head(self) -> list[bytes]:
        shown = self.shown("in_progress", [])
        return [self._event("response.created", response=shown), self._event("response.in_progress", response=shown)]

    def compose(self) -> None:
        """Encode everything."""
        loose: list[bytes] = []
        if self.plan.reason:
            loose = self._reasoning(loose)
        if self.plan.text or not self.plan.calls:
            loose = self._message(loose)
        for call in self.plan.calls:
            loose = self._call(call, loose)
        self.ends = loose

    def shown(self, status: str, output: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
        about = {"id": self.id, "object": "response", "created_at": 1, "model": self.model, "status": status}
        known = {"output": output, "previous_response_id": self.previous, "error": None, "incomplete_details": None}
        needed = {"parallel_tool_calls": True, "tool_choice": "auto", "tools": [], "usage": None}
        return {**about, **known, **needed, **more}

    def end(self, kind: str = "response.completed", **more: Any) -> bytes:
        status = kind.removeprefix("response.")
        usage = None if self.plan.fault == "no_usage" else self.usage()
        return self._event(kind, response=self.shown(status, self.output(), usage=usage, **more))

    def output(self) -> list[dict[str, Any]]:
        """The items as far as they have been sent; a message in the middle has the text that was."""
        whole = [item for needed, item in self._marks if needed <= self.sent]
        return [*whole, *self._partial(len(whole))]

    def _partial(self, whole: int) -> list[dict[str, Any]]:
        begun = self._marks[whole - 1][0] if whole else 0
        if self.sent <= begun or whole >= len(self._marks):
            return []
        item = self._marks[whole][1]
        if item["type"] != "message":
            return []
        text = "".join(self.plan.text[: self.sent - begun])
        return [{**item, "status": "incomplete", "content": [_part(text)]}]

    def usage(self) -> dict[str, Any]:
        """Four bytes a token."""
        asked = self.input_bytes // 4
        return {
            "input_tokens": asked,
            "input_tokens_details": {"cached_tokens": asked // 2 if self.previous else 0, "cache_write_tokens": 0},
            "output_tokens": self.sent,
            "output_tokens_details": {"reasoning_tokens": min(self.sent, len(self.plan.reason))},
            "total_tokens": asked + self.sent,
        }

    def _event(self, kind: str, **fields: Any) -> bytes:
        self._number += 1
        lane = {"stream_id": self.lane} if self.lane else {}
        return encode({"type": kind, "sequence_number": self._number, **lane, **fields})

    # --- items --------------------------------------------------------------------------------------------------------

    def _reasoning(self, loose: list[bytes]) -> list[bytes]:
        item_id, at = f"rs_{secrets.token_hex(8)}", len(self._items)
        whole = "".join(self.plan.reason)
        item = {"type": "reasoning", "id": item_id, "summary": [{"type": "summary_text", "text": whole}]}
        sealed = {**item, "encrypted_content": secrets.token_urlsafe(60)}
        loose.append(self._event("response.output_item.added", output_index=at, item={**item, "summary": []}))
        loose = self._deltas("response.reasoning_summary_text.delta", item_id, at, self.plan.reason, loose)
        loose.append(
            self._event(
                "response.reasoning_summary_text.done", item_id=item_id, output_index=at, summary_index=0, text=whole
            )
        )
        return self._done(sealed, at, loose)

    def _message(self, loose: list[bytes]) -> list[bytes]:
        item_id, at = f"msg_{secrets.token_hex(8)}", len(self._items)
        where = {"item_id": item_id, "output_index": at, "content_index": 0}
        whole = "".join(self.plan.text)
        item: dict[str, Any] = {"type": "message", "id": item_id, "role": "assistant", "status": "in_progress"}
        loose.append(self._event("response.output_item.added", output_index=at, item={**item, "content": []}))
        loose.append(self._event("response.content_part.added", **where, part=_part("")))
        loose = self._deltas("response.output_text.delta", item_id, at, self.plan.text, loose)
        loose.append(self._event("response.output_text.done", **where, text=whole, logprobs=[]))
        loose.append(self._event("response.content_part.done", **where, part=_part(whole)))
        return self._done({**item, "status": "completed", "content": [_part(whole)]}, at, loose)

    def _call(self, call: Call, loose: list[bytes]) -> list[bytes]:
        at, text, free = len(self._items), call.text(), isinstance(call.arguments, str)
        kind, field_name = ("custom_tool_call", "input") if free else ("function_call", "arguments")
        delta = "custom_tool_call_input" if free else "function_call_arguments"
        item = {"type": kind, "id": f"fc_{secrets.token_hex(8)}", "call_id": f"call_{secrets.token_hex(8)}"}
        item |= {"name": call.name, "status": "in_progress"}
        loose.append(self._event("response.output_item.added", output_index=at, item={**item, field_name: ""}))
        loose = self._deltas(f"response.{delta}.delta", item["id"], at, pieces(text), loose)
        loose.append(self._event(f"response.{delta}.done", item_id=item["id"], output_index=at, **{field_name: text}))
        return self._done({**item, "status": "completed", field_name: text}, at, loose)

    def _deltas(self, kind: str, item_id: str, at: int, tokens: Sequence[str], loose: list[bytes]) -> list[bytes]:
        lane = f'"stream_id":"{self.lane}",' if self.lane else ""
        begin = (
            f'{{"type":"{kind}",{lane}"item_id":"{item_id}","output_index":{at},"content_index":0,"sequence_number":'
        )
        head, middle = begin.encode(), b',"delta":'
        for token in tokens:
            self._number += 1
            loose.append(b"%b%d%b%b}" % (head, self._number, middle, encode(token)))
            self.units.append(loose)
            loose = []
        return loose

    def _done(self, item: dict[str, Any], at: int, loose: list[bytes]) -> list[bytes]:
        loose.append(self._event("response.output_item.done", output_index=at, item=item))
        self._items.append(item)
        self._marks.append((len(self.units), item))
        return loose


def _part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
