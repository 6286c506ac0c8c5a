"""Code as a model is shown it: files, blocks with their language, prompts; and how much of a window text takes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import PurePosixPath

REPLY = 4096  # tokens of an answer, unless the window is small
PER_TOKEN = 4.0  # bytes, as long as nobody knows better
LANGUAGES = {
    "py": "python", "pyi": "python", "js": "javascript", "mjs": "javascript", "jsx": "jsx", "ts": "typescript",
    "tsx": "tsx", "rs": "rust", "go": "go", "c": "c", "h": "c", "cpp": "cpp", "java": "java", "rb": "ruby",
    "sh": "bash", "css": "css", "html": "html", "md": "markdown", "json": "json", "toml": "toml", "yml": "yaml",
    "yaml": "yaml", "sql": "sql", "php": "php",
}  # fmt: skip


@dataclass(frozen=True)
class OpenFile:
    """A file the model is shown: its text, and the code points that are selected (or the cursor twice)."""

    path: str
    text: str
    start: int = 0
    end: int = 0


def count(text: str, per_token: float = PER_TOKEN) -> int:
    """Tokens, roughly: its bytes over what a token of the model holds."""
    return int(len(text.encode(errors="replace")) / per_token)


@cache
def prompt(name: str) -> str:
    """The instruction text prompts/<name>.md."""
    return resources.files("agents").joinpath("prompts", f"{name}.md").read_text("utf-8").strip()


def language(path: str) -> str:
    """The word after a fence for this path, or nothing."""
    return LANGUAGES.get(PurePosixPath(path).suffix.removeprefix(".").lower(), "")


def around(file: OpenFile, budget: int) -> str:
    """The file as a code block of at most `budget` tokens: whole lines around the selection."""
    lines = file.text.split("\n")
    first = last = min(file.text.count("\n", 0, file.start), len(lines) - 1)
    room = budget - count(lines[first])
    while room > 0 and (first > 0 or last < len(lines) - 1):
        if first > 0:
            first -= 1
            room -= count(lines[first]) + 1
        if last < len(lines) - 1 and room > 0:
            last += 1
            room -= count(lines[last]) + 1
    whole = first == 0 and last == len(lines) - 1
    about = f"{file.path}:" if whole else f"{file.path}, lines {first + 1} to {last + 1}:"
    return f"{about}\n{block(file.path, chr(10).join(lines[first : last + 1]))}"


def block(path: str, code: str) -> str:
    fence = "```"
    while fence in code:
        fence += "`"
    return f"{fence}{language(path)}\n{code.rstrip(chr(10))}\n{fence}"
