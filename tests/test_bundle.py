"""The weight of the front end: what a browser fetches before it can show a screen. Needs the built front end.

Each kilobyte is fetched, read and compiled before the first paint, on a telephone's network and processor too. Half of
the workspace's is the editor's core, a fifth the shared text; panels, dialogs, comparisons, search in a file and the
grammars come later (static/src/ui/lazy.tsx). Who goes over a budget loads something later, or says here why not.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

DIST = Path(__file__).resolve().parent.parent / "static" / "dist"


def fetched(entry: str) -> list[Path]:
    """The scripts of an entry: its own and all it imports, without what it imports later."""
    manifest = json.loads((DIST / ".vite" / "manifest.json").read_text())
    found, ahead = [], [entry]
    while ahead:
        name = ahead.pop()
        if name not in found:
            found.append(name)
            ahead += manifest[name].get("imports", [])
    return [DIST / manifest[name]["file"] for name in found]


@pytest.mark.parametrize(
    ("entry", "budget"),
    [("src/main.tsx", 20), ("src/workspace/home.tsx", 36), ("src/workspace/ide.tsx", 203)],
)
def test_a_screen_keeps_its_weight(entry: str, budget: int) -> None:
    weights = {file.name: len(gzip.compress(file.read_bytes(), mtime=0)) for file in fetched(entry)}
    total = sum(weights.values()) / 1000
    assert total <= budget, f"{entry} has {total:.1f} kB of {budget}: {weights}"


def test_what_can_wait_does_wait() -> None:
    code = "".join(file.read_text() for file in fetched("src/workspace/ide.tsx"))
    assert "cm-content" in code  # the editor itself, so that the marks below are looked for in the right files
    late = ("cm-mergeView", "blockquote", "main-field", "Stylus", "hunk-bar", "paused-box", "cm-clash-bar")
    assert [mark for mark in late if mark in code] == []
