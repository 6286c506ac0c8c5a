"""A logging filter: the secret part of a link or an access token never reaches a log, whoever writes the line."""

from __future__ import annotations

import logging
import re

_LINK = re.compile(r"(/(?:welcome|invite)/)[^/\s\"'?&#<>]+")
_QUOTED = re.compile(r"(%2F(?:welcome|invite)%2F)[^/\s\"'?&#<>%]+", re.IGNORECASE)  # as in ?next=


_ACCESS = re.compile(r"\btdm_[\w-]+")


def without_tokens(text: str) -> str:
    text = _ACCESS.sub("tdm_…", text)
    return _QUOTED.sub(r"\1…", _LINK.sub(r"\1…", text))


class WithoutTokens(logging.Filter):
    """For handlers: changes the record's message and its traceback's text, lets every record through."""

    def filter(self, record: logging.LogRecord) -> bool:
        said = record.getMessage()
        clean = without_tokens(said)
        if clean != said:
            record.msg, record.args = clean, None
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = without_tokens(record.exc_text)
        return True
