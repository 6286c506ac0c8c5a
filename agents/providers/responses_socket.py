"""One WebSocket to a Responses server, and the runs on it. A reader always runs, also while nobody asks anything.

A run is one response in flight, on a named lane or on the socket's only one. Leaving a run early abandons it: nothing
of it is delivered any more, and its lane is free again when the server has ended it. Source: reference "protocols" §1.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import aiohttp

from agents.providers.http import why
from agents.providers.protocol import BadResponse, StreamBroken
from agents.providers.responses_steer import RECEIPTS
from agents.providers.responses_wire import CONNECTION_LIMIT, ENDS, Frame, Reported, decode_frame, problem

LANES = 16  # responses in flight on one socket
NAMES = 32  # distinct lanes in a socket's life
RETIRE_SECONDS = 50 * 60.0  # the server ends it at 60 minutes
UNREAD = 32 << 20  # bytes of frames nobody has taken
MESSAGE = 64 << 20


class Run:
    """One response in flight, and the successors it is steered into.

    `ended` once the last frame of a response has come; frames wait here until they are taken.
    """

    def __init__(self, lane: str) -> None:
        self.lane = lane
        self.ended = False
        self.abandoned = self.burnt = False
        self._frames: list[Frame] = []
        self._bytes = 0
        self._error: Exception | None = None
        self._wake = asyncio.Event()

    def put(self, frame: Frame, size: int) -> None:
        if not self.abandoned:
            self._frames.append(frame)
            self._bytes += size
            if self._bytes > UNREAD:
                self.fail(StreamBroken("Nobody read the answer."))
            if not self._wake.is_set():
                self._wake.set()

    def abandon(self) -> None:
        self.abandoned = True
        self._frames.clear()

    def fail(self, error: Exception) -> None:
        self._error = self._error or error
        self.ended = True
        self._wake.set()

    async def take(self, idle: float) -> list[Frame]:
        """All that has arrived; waits `idle` seconds for something. Raises StreamBroken."""
        if not self._frames and self._error is None:
            self._wake.clear()
            try:
                async with asyncio.timeout(idle):
                    await self._wake.wait()
            except TimeoutError as error:
                raise StreamBroken("It sent nothing for too long.") from error
        if not self._frames and self._error is not None:
            raise self._error
        ready, self._frames, self._bytes = self._frames, [], 0
        return ready


class Socket:
    """`on_close` is called once, when the connection has ended for whatever reason."""

    def __init__(
        self, ws: aiohttp.ClientWebSocketResponse, *, lanes: bool, on_close: Callable[[Socket], None] | None = None
    ) -> None:
        self.born = self.used = time.monotonic()
        self.retired = False
        self._ws = ws
        self._many = lanes
        self._on_close = on_close
        self._runs: dict[str, Run] = {}  # by lane: the run whose frames come now
        self._names: set[str] = set()
        self._reader = asyncio.get_running_loop().create_task(self._read(), name="responses socket")

    # --- places -------------------------------------------------------------------------------------------------------

    @property
    def open(self) -> bool:
        return not self._ws.closed and not self._reader.done()

    @property
    def fresh(self) -> bool:
        """Whether a new conversation may begin here."""
        return self.open and not self.retired and time.monotonic() - self.born < RETIRE_SECONDS

    @property
    def busy(self) -> bool:
        return any(not run.burnt for run in self._runs.values())

    def idle(self, lane: str) -> bool:
        """Whether a run may start on this lane now."""
        return self.fresh and lane not in self._runs

    def free_lane(self) -> str | None:
        """A lane for a new conversation; None when there is no room. '' is the only lane of a socket without names."""
        if not self.fresh:
            return None
        if not self._many:
            return None if self._runs else ""
        if len(self._runs) >= LANES or len(self._names) >= NAMES:
            return None
        name = f"lane-{len(self._names) + 1}"
        self._names.add(name)
        return name

    # --- runs ---------------------------------------------------------------------------------------------------------

    async def start(self, lane: str, payload: str) -> Run:
        """Send a request on an idle lane. Raises StreamBroken when the connection is gone."""
        run = self._runs[lane] = Run(lane)
        self.used = time.monotonic()
        try:
            await self.send(payload)
        except BaseException:
            self._runs.pop(lane, None)
            raise
        return run

    async def send(self, payload: str) -> None:
        try:
            await self._ws.send_str(payload)
        except (aiohttp.ClientError, OSError, RuntimeError) as error:
            raise StreamBroken(why(error)) from error

    def leave(self, run: Run, *, for_good: bool = False) -> None:
        """The run's reader has gone: what still comes is thrown away; the lane is free when the server has ended.

        `for_good`: nobody can tell when that is (a steer is under way), so the lane is not used again.
        """
        run.abandon()
        if for_good and not self._many:
            self.retire()
        elif not for_good and run.ended:
            self._free(run)
        run.burnt = for_good

    def _free(self, run: Run) -> None:
        if self._runs.get(run.lane) is run:
            del self._runs[run.lane]
        if self.retired and not self.busy:
            self._reader.cancel()

    def retire(self) -> None:
        """Take nothing new; close when the last run has ended."""
        self.retired = True
        if not self.busy:
            self._reader.cancel()

    async def ended(self) -> None:
        """Return when the connection is gone."""
        await asyncio.wait([self._reader])

    async def close(self) -> None:
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)

    # --- the reader ---------------------------------------------------------------------------------------------------

    async def _read(self) -> None:
        error: Exception = StreamBroken("The connection ended before the answer did.")
        try:
            while True:
                message = await self._ws.receive()
                if message.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                    break
                self._take(decode_frame(message.data), len(message.data))
        except BadResponse as bad:
            error = bad
        finally:
            self._ended(error)
            await self._ws.close()

    def _take(self, frame: Frame, size: int) -> None:
        run = self._runs.get(frame.stream_id or "") or self._only(frame)
        if run is None:
            if frame.type == "error" and _is_limit(frame):
                self.retire()
            return
        if frame.type in ENDS:
            run.ended = True
            if run.abandoned and not run.burnt:
                self._free(run)
        run.put(frame, size)

    def _only(self, frame: Frame) -> Run | None:
        """The run an unnamed frame belongs to, where there is just one: steer receipts need not name their lane."""
        if frame.stream_id is None and len(self._runs) == 1 and (not self._many or frame.type in RECEIPTS):
            return next(iter(self._runs.values()))
        return None

    def _ended(self, error: Exception) -> None:
        for run in list(self._runs.values()):
            run.fail(error)
        self._runs.clear()
        if self._on_close is not None:
            self._on_close(self)


def _is_limit(frame: Frame) -> bool:
    told = problem(frame)
    return isinstance(told, Reported) and told.code == CONNECTION_LIMIT
