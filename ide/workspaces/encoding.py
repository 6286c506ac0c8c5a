"""Bytes of a file ↔ text of a document, without loss: what cannot be written back byte for byte is refused.

A document has LF only where its file has one kind of line ending: all CRLF is taken off and put back. Mixed endings and
lone CR stay in the text as they are, so an edit changes only the lines it touches. Latin-1 is never guessed.
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass

from ide.errors import Invalid, Refused

_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_BOM_OF = {name: mark for mark, name in _BOMS}


class Unreadable(Refused):
    """The file exists but cannot be a document. `reason`: binary, too_large, encoding, link, not_file or git."""

    code = "unreadable"
    status = 422

    def __init__(self, reason: str, what: str, do: str = "") -> None:
        super().__init__(what, do, reason=reason)
        self.reason = reason


@dataclass(frozen=True)
class Format:
    """How a text lies on disk."""

    encoding: str = "utf-8"
    bom: bool = False
    newline: str = "\n"


@dataclass(frozen=True)
class Decoded(Format):
    text: str = ""


def decode(data: bytes) -> Decoded:
    """Raises Unreadable ('binary' or 'encoding')."""
    mark, encoding = next(((m, e) for m, e in _BOMS if data.startswith(m)), (b"", "utf-8"))
    body = data[len(mark) :]
    if encoding == "utf-8" and b"\0" in body:
        raise _binary()
    try:
        text = body.decode(encoding)
    except UnicodeDecodeError as error:
        raise Unreadable(
            "encoding",
            f"The file is not valid {encoding.upper()} (byte {len(mark) + error.start + 1}) and is not opened.",
            "Convert it to UTF-8 and open it again.",
        ) from error
    if "\0" in text:
        raise _binary()
    lines = text.count("\n")
    all_crlf = bool(lines) and text.count("\r\n") == lines and text.count("\r") == lines
    return Decoded(encoding, bool(mark), "\r\n" if all_crlf else "\n", text.replace("\r\n", "\n") if all_crlf else text)


def encode(text: str, form: Format) -> bytes:
    """The bytes to write. In a CRLF file every line ends in CRLF, also those typed with LF. Raises Invalid."""
    if "\0" in text:  # it could not be opened again
        line = text.count("\n", 0, text.index("\0")) + 1
        raise Invalid(f"There is a NUL character in line {line}, which would make the file binary.", "Remove it.")
    if form.newline == "\r\n":
        text = text.replace("\r\n", "\n").replace("\n", "\r\n")
    try:
        body = text.encode(form.encoding)
    except (UnicodeEncodeError, LookupError) as error:
        raise Invalid(f"The text cannot be written as {form.encoding}.", "Remove broken characters.") from error
    return (_BOM_OF.get(form.encoding, b"") if form.bom else b"") + body


def _binary() -> Unreadable:
    return Unreadable("binary", "The file is binary, so it is not opened as text.", "Download it instead.")
