"""Pins of a session: mentions that are in every turn's window, word for word, whatever else is left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agents.context.mentions import looked_up, named
from agents.engine.context_code import OpenFile, block
from agents.engine.context_parts import PINS, Part
from ide.errors import NotFound
from ide.live.host import WorkspaceHost

MOST = 20
Pin = Mapping[str, object]


async def parts(host: WorkspaceHost, pins: Sequence[Pin]) -> list[Part]:
    """Their texts as they are now, uncut; of what is gone, that it is gone."""
    return [part for pin in pins for part in await _parts(host, pin)]


async def check(host: WorkspaceHost, pin: Pin) -> None:
    """Raises NotFound where there is nothing to pin."""
    found = await looked_up(host, [pin])
    if not found.files and not found.texts:
        raise NotFound(f"{named(pin)} is not there, so it cannot be pinned.", "Choose something else.")


async def _parts(host: WorkspaceHost, pin: Pin) -> list[Part]:
    found = await looked_up(host, [pin])
    name = named(pin)
    out = [_file(file) for file in found.files]
    for n, passage in enumerate(found.texts):
        label = name if n == 0 else f"{name}, {n + 1}"
        told = f"Pinned: {passage.label}:\n{block(passage.path, passage.text)}"
        out.append(Part(PINS, label, told, str(pin.get("path") or "")))
    gone = [text for text in found.missing if not out]
    return out or [Part(PINS, name, f"(Pinned, but not there now: {text})", "", "not there now") for text in gone]


def _file(file: OpenFile) -> Part:
    if file.start == file.end:
        return Part(PINS, file.path, f"Pinned: {file.path}:\n{block(file.path, file.text)}", file.path)
    first, last = file.text.count("\n", 0, file.start) + 1, file.text.count("\n", 0, max(file.start, file.end - 1)) + 1
    label = f"{file.path}:{first}–{last}"
    shown = block(file.path, file.text[file.start : file.end])
    return Part(PINS, label, f"Pinned: {file.path}, lines {first} to {last}:\n{shown}", file.path)
