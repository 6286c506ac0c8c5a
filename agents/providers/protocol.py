"""What can go wrong with a provider, and the byte splitter its adapters share.

ProviderError           the model did not answer, or not to the end; `what`, `why`, `do` are written for people
├── AuthFailed          the key is missing, wrong or not allowed to use this model
├── RateLimited         too many requests for this key; come back in `retry_after` seconds
├── Limited             our own limits of this endpoint leave no room; as above
├── Overloaded          the provider has trouble of its own (5xx, overloaded)
├── ContextTooLong      the conversation does not fit into the model's window
├── Unreachable         no connection, or no answer in time
├── StreamBroken        the answer stopped in the middle
├── NoImages            the model cannot see images, and was sent one
└── BadResponse         an answer that makes no sense: unknown model, refused parameter, garbage
"""

from __future__ import annotations

from typing import ClassVar

QUOTED = 300  # characters of a vendor's own message shown to people
SHORTEST = 6  # characters of a key: what is shorter may be a word of any message
_keys: set[str] = set()


def conceal(key: str) -> None:
    """From now on no error of this process holds this key: some providers quote it when they refuse it."""
    if len(key) >= SHORTEST:
        _keys.add(key)


def _concealed(text: str) -> str:
    for key in sorted(_keys, key=len, reverse=True):
        text = text.replace(key, "[key]")
    return text


class ProviderError(Exception):
    """One provider call that failed. `code` is stable; `passing` says that trying again may help.

    `what` one sentence on what did not happen, `why` the reason as far as known, `do` what the person can do.
    The text never holds a key.
    """

    code: ClassVar[str] = "provider_error"
    passing: ClassVar[bool] = False
    what: ClassVar[str] = "The model did not answer."
    do: ClassVar[str] = "Try again."

    def __init__(self, why: str = "", *, retry_after: float | None = None) -> None:
        self.why = _concealed(" ".join(why.split()))[:QUOTED]
        self.retry_after = retry_after
        super().__init__(self.sentence)

    @property
    def sentence(self) -> str:
        """What, why and what to do, in one line."""
        why = self.why if not self.why or self.why.endswith((".", "!", "?")) else f"{self.why}."
        wait = f"It takes requests again in {self.retry_after:.0f} s." if self.retry_after else ""
        return " ".join(part for part in (self.what, why, wait, self.do) if part)


class AuthFailed(ProviderError):
    code = "model_auth"
    what = "The model's provider refused the key."
    do = "Check the key, and that it may use this model."


class RateLimited(ProviderError):
    code = "model_rate_limited"
    passing = True
    what = "The model's provider is limiting requests for this key."
    do = "Wait a moment and try again, or choose another model."


class Limited(ProviderError):
    code = "model_limited"
    passing = True
    what = "There is no room for another call of this model."
    do = "Wait a moment and try again, or choose another model."


class Overloaded(ProviderError):
    code = "model_overloaded"
    passing = True
    what = "The model's provider is overloaded or has a fault."
    do = "Try again in a moment, or choose another model."


class ContextTooLong(ProviderError):
    code = "model_context"
    what = "The conversation does not fit into this model's window."
    do = "Start a new session, select less text, or choose a model with a larger window."


class Unreachable(ProviderError):
    code = "model_unreachable"
    passing = True
    what = "The model cannot be reached."
    do = "Check that its server runs and that its address is right."


class StreamBroken(ProviderError):
    code = "model_stream_broken"
    passing = True
    what = "The model's answer stopped in the middle."
    do = "What arrived is kept; ask again to go on."


class NoImages(ProviderError):
    code = "model_no_images"
    what = "This model cannot see images."
    do = "Send the text alone, or choose a model that sees images."


class BadResponse(ProviderError):
    code = "model_bad_response"
    what = "The model's server gave an answer that cannot be used."
    do = "Check the model's name and that the address is an OpenAI-compatible server."


class Sse:
    """Splits a server-sent-event byte stream into `data` payloads.

    Works on bytes, so a piece may end anywhere, also inside a character. Lines end in LF or CRLF. Several data lines
    of one event are joined by LF; comments and other fields are dropped.
    """

    def __init__(self, limit: int = 16 << 20) -> None:
        self._rest = b""
        self._data: list[bytes] = []
        self._limit = limit

    def feed(self, piece: bytes) -> list[bytes]:
        """The payloads completed by `piece`, in order. Raises BadResponse for a line longer than the limit."""
        *lines, self._rest = (self._rest + piece).split(b"\n") if self._rest else piece.split(b"\n")
        if len(self._rest) > self._limit:
            raise BadResponse("it sent an endless line")
        ready: list[bytes] = []
        for line in lines:
            self._line(line, ready)
        return ready

    def end(self) -> list[bytes]:
        """The payload of a last event whose closing blank line never came."""
        ready: list[bytes] = []
        self._line(self._rest, ready)
        self._rest = b""
        self._line(b"", ready)
        return ready

    def _line(self, line: bytes, ready: list[bytes]) -> None:
        line = line.removesuffix(b"\r")
        if line.startswith(b"data:"):
            value = line[5:]
            self._data.append(value[1:] if value.startswith(b" ") else value)
        elif not line and self._data:
            ready.append(self._data[0] if len(self._data) == 1 else b"\n".join(self._data))
            self._data = []
