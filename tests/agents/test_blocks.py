"""A code block finds its place in a file."""

from __future__ import annotations

from agents.sessions.blocks import code_blocks, joined, place, whole_lines

PYTHON = (
    "import os\n\n\ndef one(a):\n    return a\n\n\n@cached\ndef two(b):\n    return b\n\n\nclass Three:\n    pass\n"
)
SCRIPT = "const a = 1\n\nexport function hi(name) {\n  if (name) {\n    return 1\n  }\n}\n\nfunction bye() {}\n"


def replaced(text: str, code: str, path: str) -> str:
    span = place(text, code, path)
    return text[: span.start] + joined(text, span, code) + text[span.end :]


def test_blocks_are_numbered_as_they_stand() -> None:
    assert code_blocks("Look:\n```py\na\n```\nand\n~~~\nb\nc\n~~~\n") == ["a\n", "b\nc\n"]


def test_a_function_replaces_its_namesake_with_its_decorators() -> None:
    code = "def two(b):\n    return b + 1\n"
    assert replaced(PYTHON, code, "a.py") == PYTHON.replace("@cached\ndef two(b):\n    return b\n", code)


def test_a_new_function_goes_to_the_end() -> None:
    assert replaced(PYTHON, "def four():\n    pass\n", "a.py") == PYTHON + "\ndef four():\n    pass\n"


def test_a_function_of_another_language_is_found_by_its_name() -> None:
    code = "export function hi(name) {\n  return 2\n}\n"
    wanted = "const a = 1\n\n" + code + "\nfunction bye() {}\n"
    assert replaced(SCRIPT, code, "a.js") == wanted


def test_an_empty_file_becomes_the_block() -> None:
    assert replaced("", "x = 1\n", "a.py") == "x = 1\n"


def test_a_selection_grows_to_whole_lines() -> None:
    text = "one\ntwo\nthree"
    assert text[slice(*vars(whole_lines(text, 5, 6)).values())] == "two\n"
    assert text[slice(*vars(whole_lines(text, 0, 4)).values())] == "one\n"
    assert text[slice(*vars(whole_lines(text, 9, 9)).values())] == "three"
    assert text[slice(*vars(whole_lines(text, 2, 10)).values())] == text
