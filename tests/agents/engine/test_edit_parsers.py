"""The streaming parsers say the same however the text is cut."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.engine.edits.blocks import Blocks
from agents.engine.edits.fenced import CodeEnd, CodeStart, CodeText, Fenced, Piece, ProseText
from agents.engine.edits.jsonstring import JsonString
from agents.engine.edits.ops import (
    Anchor,
    Close,
    CreateFile,
    Delete,
    DeleteFile,
    EditError,
    EndOfFile,
    Insert,
    Keep,
    MoveFile,
    Op,
    Open,
)
from agents.engine.edits.rewrite import Reindent, Rewrite
from agents.engine.edits.v4a import V4aParser, parse

PATCH = """cat <<'EOF'
*** Begin Patch
*** Update File: src/näme 🎈.py
*** Move to: src/b.py
@@ class A:
 keep 🎈
-old

+new line
+
@@
-end
*** End of File
*** Add File: new.txt
+first
+second
*** Delete File: gone.txt
*** End Patch
EOF
"""


def cut(text: str, seed: int) -> list[str]:
    chance = random.Random(seed)
    pieces, at = [], 0
    while at < len(text):
        size = chance.choice([1, 1, 2, 3, 5, 13, 40])
        pieces.append(text[at : at + size])
        at += size
    return pieces


def merged(ops: list[Op]) -> list[Op]:
    out: list[Op] = []
    for op in ops:
        if isinstance(op, Insert) and out and isinstance(out[-1], Insert):
            out[-1] = Insert(out[-1].text + op.text)
        else:
            out.append(op)
    return out


@given(st.integers(0, 10_000), st.booleans())
def test_a_patch_means_the_same_however_it_is_cut(seed: int, crlf: bool) -> None:
    text = PATCH.replace("\n", "\r\n") if crlf else PATCH
    parser = V4aParser()
    ops = [op for piece in cut(text, seed) for op in parser.feed(piece)] + parser.finish()
    assert merged(ops) == [
        Open("src/näme 🎈.py"),
        MoveFile("src/b.py"),
        Anchor("class A:"),
        Keep("keep 🎈"),
        Delete("old"),
        Keep(""),
        Insert("new line\n\n"),
        Anchor(""),
        Delete("end"),
        EndOfFile(),
        Close(),
        CreateFile("new.txt"),
        Insert("first\nsecond\n"),
        Close(),
        DeleteFile("gone.txt"),
    ]


def test_an_added_line_is_passed_on_before_it_is_whole() -> None:
    parser = V4aParser()
    parser.feed("*** Begin Patch\n*** Update File: a\n keep\n")
    assert parser.feed("+half a l") == [Insert("half a l")]
    assert parser.feed("ine") == [Insert("ine")]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("hello", "Begin Patch"),
        ("*** Begin Patch\n*** Update File: a\nnonsense\n", "nonsense"),
        ("*** Begin Patch\n*** Update File:\n", "names no file"),
        ("*** Begin Patch\n*** Rename File: a\n", "unknown marker"),
    ],
)
def test_a_wrong_patch_is_refused_with_what_is_wrong(text: str, names: str) -> None:
    with pytest.raises(EditError, match=names):
        parse(text)


VALUES = st.text(st.characters(codec="utf-8"), max_size=60)


@given(VALUES, VALUES, st.integers(0, 10_000), st.booleans(), st.booleans())
def test_a_streamed_json_string_is_decoded_as_json_does(
    value: str, other: str, seed: int, ascii_only: bool, spaced: bool
) -> None:
    raw = json.dumps(
        {"path": other, "deep": {"patch": "no", "list": ["patch", 1]}, "patch": value, "after": other},
        ensure_ascii=ascii_only,
        indent=2 if spaced else None,
    )
    field = JsonString("patch", "input")
    assert "".join(field.feed(piece) for piece in cut(raw, seed)) == value
    assert field.ended


def test_half_an_escape_and_half_a_pair_wait_for_the_rest() -> None:
    field = JsonString("patch")
    assert field.feed('{"patch": "a\\') == "a"
    assert field.feed("n") == "\n"
    assert field.feed("\\ud83c") == ""
    assert field.feed("\\udf88!") == "🎈!"


def joined(pieces: list[Piece]) -> list[Piece]:
    out: list[Piece] = []
    for piece in pieces:
        if isinstance(piece, ProseText | CodeText) and out and type(out[-1]) is type(piece):
            out[-1] = type(piece)(out[-1].text + piece.text)  # type: ignore[union-attr]
        else:
            out.append(piece)
    return out


REPLY = "Sure:\n\n```python\n\ndef f():\n    return '🎈 `x`'\n\n\nx = 1\n\n```\nDone ``ok``.\n~~~\nraw ```\n~~~"


@given(st.integers(0, 10_000))
def test_prose_and_code_are_told_apart_however_the_reply_is_cut(seed: int) -> None:
    fenced = Fenced()
    pieces = [piece for text in cut(REPLY, seed) for piece in fenced.feed(text)] + fenced.finish()
    assert joined(pieces) == [
        ProseText("Sure:\n\n"),
        CodeStart(0, "python"),
        CodeText("def f():\n    return '🎈 `x`'\n\n\nx = 1\n"),
        CodeEnd(0),
        ProseText("Done ``ok``.\n"),
        CodeStart(1, ""),
        CodeText("raw ```\n"),
        CodeEnd(1),
    ]


@given(st.integers(0, 10_000))
def test_a_reply_without_a_fence_is_code_where_code_is_expected(seed: int) -> None:
    fenced = Fenced(expect_code=True)
    pieces = [piece for text in cut("\nx = 1\ny = 2", seed) for piece in fenced.feed(text)] + fenced.finish()
    assert joined(pieces) == [CodeStart(0, ""), CodeText("x = 1\ny = 2\n"), CodeEnd(0)]


@given(st.integers(0, 10_000))
def test_a_reply_that_continues_our_fence_begins_with_code(seed: int) -> None:
    fenced = Fenced(inside=True)
    pieces = [piece for text in cut("x = 1\n```\nThat is it.", seed) for piece in fenced.feed(text)] + fenced.finish()
    assert joined(pieces) == [CodeStart(0, ""), CodeText("x = 1\n"), CodeEnd(0), ProseText("That is it.")]


def test_an_unclosed_block_ends_with_the_reply() -> None:
    fenced = Fenced()
    pieces = fenced.feed("```\nx = 1\n``") + fenced.finish()
    assert joined(pieces) == [CodeStart(0, ""), CodeText("x = 1\n``\n"), CodeEnd(0)]


LINES = st.lists(st.sampled_from(["", "a", "}", "alpha = 1", "beta = 2", "return gamma", "🎈🎈🎈🎈 four"]), max_size=14)


@given(LINES, LINES, st.booleans(), st.integers(0, 10_000))
def test_rewriting_gives_exactly_the_new_text(old: list[str], new: list[str], ended: bool, seed: int) -> None:
    text = "\n".join(new) + ("\n" if ended and new else "")
    rewrite = Rewrite(old)
    ops = [op for piece in cut(text, seed) for op in rewrite.feed(piece)] + rewrite.finish()
    rest, out = list(old), ""
    for op in ops:
        if isinstance(op, Insert):
            out += op.text
            continue
        assert isinstance(op, Keep | Delete)
        assert rest.pop(0) == op.line
        if isinstance(op, Keep):
            out += f"{op.line}\n"
    assert not rest
    assert out.removesuffix("\n") == text.removesuffix("\n")


def test_rewriting_keeps_the_lines_that_come_back() -> None:
    old = ["def f(a):", "    total = 0", "    for x in a:", "        total += x", "    return total"]
    rewrite = Rewrite(old)
    ops = rewrite.feed("def f(a):\n    total = 0.0\n    for x in a:\n        total += x\n    return total\n")
    ops += rewrite.finish()
    assert [op for op in ops if isinstance(op, Delete)] == [Delete("    total = 0")]
    assert merged([op for op in ops if isinstance(op, Insert)]) == [Insert("    total = 0.0\n")]


@given(st.integers(0, 10_000))
@settings(max_examples=40)
def test_a_reply_without_indentation_gets_the_one_of_its_place(seed: int) -> None:
    for reply, wanted in (("a\n\n  b", "    a\n\n      b"), ("    a\n    b\n", "    a\n    b\n")):
        reindent = Reindent("    ")
        assert "".join(reindent.feed(piece) for piece in cut(reply, seed)) + reindent.finish() == wanted


PROSE = """### Usage

Sure.
Take `money` first, e.g. here:

```python
pass
return
```

Done.
"""


@pytest.mark.parametrize("seed", range(20))
def test_prose_is_passed_on_as_it_comes(seed: int) -> None:
    """Whatever the chunks: behind a line that can be nothing of a block, nothing waits; a word waits for its end."""
    chance, parser, shown, fed = random.Random(seed), Blocks(), "", ""
    while len(fed) < len(PROSE):
        chunk = PROSE[len(fed) : len(fed) + chance.randint(1, 9)]
        fed += chunk
        shown += "".join(piece.text for piece in parser.feed(chunk) if isinstance(piece, ProseText))
        waiting = fed.removeprefix(shown)
        assert shown + waiting == fed
        assert "\n" not in waiting or waiting.startswith("```python"), waiting
        assert " " not in waiting.strip("# `"), waiting
    assert shown + "".join(piece.text for piece in parser.finish() if isinstance(piece, ProseText)) == PROSE


@pytest.mark.parametrize("path", ["Makefile", "LICENSE", "crontab", "a.py", "**src/a**", "`gradlew`:"])
@pytest.mark.parametrize("size", [1, 3, 1000])
def test_a_word_right_above_a_block_is_its_path(path: str, size: int) -> None:
    reply = f"I do.\n\n{path}\n<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE\n"
    parser = Blocks()
    pieces = [piece for at in range(0, len(reply), size) for piece in parser.feed(reply[at : at + size])]
    assert Open(path.strip("*`:")) in [*pieces, *parser.finish()]
