"""Edits a model writes into its reply, as SEARCH/REPLACE blocks: for models that cannot drive tools."""

from __future__ import annotations

import json
from collections.abc import Iterable

from agents.engine.edits.blocks import BadBlock, Blocks, Piece
from agents.engine.edits.fenced import ProseText
from agents.engine.edits.ops import CreateFile, Op, Open
from agents.engine.messages import ToolCall, ToolResult
from agents.engine.tools import EDITING, Environment, clipped


class TextEdits:
    """The blocks of one reply, applied while it streams; what feed() and finish() return is its prose.

    `result` is known after finish(), for the model; None where the reply held no block.
    """

    def __init__(self, environment: Environment, call_id: str) -> None:
        self._stream = environment.edits(call_id)
        self._blocks = Blocks()
        self._id = call_id
        self._bad: list[str] = []
        self._path = ""
        self.result: ToolResult | None = None

    @property
    def call(self) -> ToolCall:
        """As which tool call it is shown to people."""
        return ToolCall(self._id, EDITING, json.dumps({"path": self._path}))

    @property
    def between(self) -> bool:
        """Whether no block is being written."""
        return self._blocks.between

    async def feed(self, text: str) -> str:
        return await self._take(self._blocks.feed(text))

    async def finish(self) -> str:
        prose = await self._take(self._blocks.finish())
        if self._path or self._bad:
            done = await self._stream.finish()
            told = [*self._bad, *([done.text] if self._path else [])]
            self.result = clipped(ToolResult("\n".join(told), done.ok and not self._bad, done.data))
        return prose

    async def abort(self) -> None:
        await self._stream.abort()

    async def _take(self, pieces: Iterable[Piece]) -> str:
        prose: list[str] = []
        ops: list[Op] = []
        for piece in pieces:
            if isinstance(piece, ProseText):
                prose.append(piece.text)
            elif isinstance(piece, BadBlock):
                self._bad.append(piece.why)
            else:
                ops.append(piece)
                self._path = self._path or (piece.path if isinstance(piece, Open | CreateFile) else "")
        if ops:
            await self._stream.feed(ops)
        return "".join(prose)
