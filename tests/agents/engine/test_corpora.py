"""Every front end ends as the strict algorithm does: real patches between releases, made ones, hostile ones."""

from __future__ import annotations

import random
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.engine.edits.blocks import Blocks
from agents.engine.edits.target import PlainTarget
from agents.engine.edits.v4a import parse
from tests.agents.engine.corpora import (
    PATH,
    Files,
    Hunk,
    Place,
    as_json,
    blocks,
    by_blocks,
    by_patch,
    by_rewrite,
    cut,
    fits_blocks,
    hunks,
    releases,
    strict,
    v4a,
)


@cache
def corpus() -> list[tuple[str, str, str, list[Hunk]]]:
    return [(name, old, new, hunks(old, new)) for name, old, new in releases()]


def seeded(name: str) -> random.Random:
    return random.Random(name)


# --- real files -------------------------------------------------------------------------------------------------------


def test_the_corpus_has_200_hunks_and_they_say_what_the_new_release_is() -> None:
    assert sum(len(made) for _, _, _, made in corpus()) >= 200
    for name, old, new, made in corpus():
        assert strict(old, made) == (new, 0), name


async def test_a_freeform_patch_ends_as_the_new_release() -> None:
    for name, old, new, made in corpus():
        done = await by_patch(old, v4a(made), seeded(name))
        assert done.text == new, name
        assert done.result is not None
        assert done.result.ok, done.result.text


async def test_a_patch_in_a_json_string_ends_as_the_new_release() -> None:
    for name, old, new, made in corpus():
        chance = seeded(name)
        done = await by_patch(old, as_json(v4a(made), chance), chance)
        assert done.text == new, name


async def test_search_and_replace_blocks_end_as_the_new_release_and_prose_stays_prose() -> None:
    fitting = [case for case in corpus() if fits_blocks(case[3])]
    assert sum(len(made) for _, _, _, made in fitting) >= 200
    for name, old, new, made in fitting:
        done = await by_blocks(old, blocks(made), seeded(name))
        assert done.text == new, name
        assert done.prose == "Here is what I change:\n\n" + "Then:\n" * len(made) + "That is all.\n", name


def test_a_whole_file_ends_as_the_new_release() -> None:
    for name, old, new, _ in corpus():
        assert by_rewrite(old, new, seeded(name)) == new, name


async def test_a_stale_patch_does_what_still_fits_and_tells_the_rest() -> None:
    refused = 0
    for name, old, _, made in corpus():
        chance, lines = seeded(name), old.split("\n")
        for _ in range(1 + len(made) // 2):
            lines[chance.randrange(len(lines))] += "  # somebody else's"
        stale = "\n".join(lines)
        wanted, missing = strict(stale, made)
        done = await by_patch(stale, v4a(made), chance)
        assert done.text == wanted, name
        assert done.result is not None
        assert done.result.text.count("not done.") == missing
        assert done.result.ok is (missing == 0)
        refused += missing
    assert refused > 10


async def test_people_who_type_between_the_hunks_lose_nothing_and_move_nothing() -> None:
    """They put lines of their own above, below and between; without these the text is the new release."""
    for name, old, new, made in corpus():
        chance = seeded(name)

        def types(target: PlainTarget, chance: random.Random = chance) -> None:
            if chance.random() < 0.1:
                text = target.text()
                at = chance.choice((0, len(text)))
                line = f"# typed {chance.random()}\n"
                target.edit([(at, at, line if at == 0 or text.endswith("\n") else f"\n{line}")])

        if not (old.endswith("\n") and new.endswith("\n")):
            continue
        done = await by_patch(old, v4a(made), chance, types)
        kept = [line for line in done.text.split("\n") if not line.startswith("# typed ")]
        assert "\n".join(kept) == new, name


async def test_the_result_shows_the_lines_as_they_are_now_with_their_numbers() -> None:
    shown = 0
    for name, old, new, made in corpus():
        done = await by_patch(old, v4a(made), seeded(name))
        assert done.result is not None
        lines = new.split("\n")
        for line in done.result.text.split("\n"):
            number, tab, text = line.partition("\t")
            if tab and number.isdigit():
                assert lines[int(number) - 1].startswith(text.removesuffix("…")), name
                shown += 1
    assert shown > 1000


# --- made files -------------------------------------------------------------------------------------------------------

# Few different lines, so that blocks repeat; none is a part or another spelling of another.
LINES = st.sampled_from(["def one():", "    return 1", "\tindented\twith tabs", "é = '🎈 日本'", "", "}", "end"])
TEXTS = st.tuples(st.lists(LINES, max_size=30), st.booleans()).map(
    lambda t: "\n".join(t[0]) + "\n" * (t[1] and bool(t[0]))
)


@st.composite
def changed(draw: st.DrawFn) -> tuple[str, list[Hunk]]:
    """A text and hunks that change it, with little context: some places are not certain."""
    old = draw(TEXTS)
    lines = old.split("\n")
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(0, len(lines) - 1)))
        kind = draw(st.sampled_from(("insert", "delete", "change")))
        fresh = [f"new {n} {draw(LINES)}" for n in range(draw(st.integers(1, 3)))]
        lines[at : at + (kind != "insert")] = [] if kind == "delete" else fresh
    made = hunks(old, "\n".join(lines), draw(st.integers(1, 4)), unique=False)
    heads = st.sampled_from(["", "", "def one():", "}"])
    return old, [Hunk(hunk.lines, draw(heads)) for hunk in map(_without_blank_end, made) if hunk.old]


def _without_blank_end(hunk: Hunk) -> Hunk:
    """One blank line too many at the end is forgiven to models; here it must not play a part."""
    lines = list(hunk.lines)
    while lines and lines[-1] == " ":
        lines.pop()
    return Hunk(tuple(lines))


@settings(max_examples=400)
@given(changed(), st.integers(0, 10_000), st.sampled_from(["\n", "\r\n"]))
async def test_a_made_patch_ends_as_the_strict_result_or_is_refused(
    case: tuple[str, list[Hunk]], seed: int, newline: str
) -> None:
    old, made = case
    wanted, refused = strict(old, made)
    chance = random.Random(seed)
    raw = v4a(made, newline)
    for text in (raw, as_json(raw, chance)):
        done = await by_patch(old, text, chance)
        assert done.text == wanted
        assert done.result is not None
        assert done.result.text.count("not done.") == refused


@settings(max_examples=300)
@given(changed(), st.integers(0, 10_000))
async def test_made_blocks_end_as_the_strict_result_or_are_refused(case: tuple[str, list[Hunk]], seed: int) -> None:
    old, made = case
    made = [Hunk(hunk.lines) for hunk in made if any(line.strip() for line in hunk.old)]
    wanted, refused = strict(old, made, ordered=False)
    done = await by_blocks(old, blocks(made), random.Random(seed))
    if old and not old.endswith("\n"):  # blocks do not say whether the last line has an end
        assert done.text.removesuffix("\n") == wanted.removesuffix("\n")
    else:
        assert done.text == wanted
    assert (done.result.text.count("not done.") if done.result else 0) == refused


async def test_lines_of_a_file_with_mixed_ends_end_as_their_neighbours() -> None:
    old = "one\r\ntwo\r\nthree\nfour\n"
    patch = v4a([Hunk((" one", "-two", "+2", "+2b")), Hunk((" three", "+3b"))])
    done = await by_patch(old, patch, random.Random(3))
    assert done.text == "one\r\n2\r\n2b\r\nthree\n3b\nfour\n"


async def test_a_file_is_made_moved_and_deleted_by_one_patch() -> None:
    files = Files({"a": PlainTarget("x\n"), "b": PlainTarget("y\n")})
    patch = "*** Begin Patch\n*** Add File: new 🎈\n+1\n+\n+2\n*** Update File: a\n*** Move to: c\n-x\n+z\n"
    patch += "*** Delete File: b\n*** End Patch\n"
    edits = Place(files).edits("c")
    await edits.feed(parse(patch))
    assert (await edits.finish()).ok
    assert {path: target.text() for path, target in files.texts.items()} == {"new 🎈": "1\n\n2\n", "c": "z\n"}


async def test_a_block_without_old_lines_makes_a_file() -> None:
    done = await by_blocks("", f"{PATH}\n<<<<<<< SEARCH\n=======\none\ntwo\n>>>>>>> REPLACE", random.Random(1))
    assert done.text == "one\ntwo\n"


async def test_a_block_that_lacks_the_indentation_gets_it() -> None:
    old = "class A:\n    def f(self):\n        return 1\n"
    new = "def f(self):\n    x = 1\n    return x\n"
    reply = f"{PATH}\n<<<<<<< SEARCH\ndef f(self):\n    return 1\n=======\n{new}>>>>>>> REPLACE\n"
    for seed in range(20):
        done = await by_blocks(old, reply, random.Random(seed))
        assert done.text == "class A:\n    def f(self):\n        x = 1\n        return x\n"


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        ("<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE\n", "names no file"),
        (f"{PATH}\n<<<<<<< SEARCH\na\n=======\nb\n", "has no end"),
        (f"{PATH}\n<<<<<<< SEARCH\nx\n=======\nb\n>>>>>>> REPLACE\n", "not in the file"),
        (f"{PATH}\n<<<<<<< SEARCH\nsame\n=======\nb\n>>>>>>> REPLACE\n", "occur 2 times"),
    ],
)
async def test_a_bad_block_is_refused_with_what_is_wrong(reply: str, why: str) -> None:
    done = await by_blocks("a\nsame\nsame\n", reply, random.Random(2))
    assert done.result is not None
    assert not done.result.ok
    assert why in done.result.text
    assert "same\nsame\n" in done.text


# --- hostile ones -----------------------------------------------------------------------------------------------------

PATCHES = [
    "*** Begin Patch\n",
    "*** End Patch\n",
    f"*** Update File: {PATH}\n",
    "*** Add File: b\n",
    "*** Move to: c\n",
]
SIGNS = ["*** End of File\n", "@@\n", "@@ a\n", "@@@@ @@\n", "+", "-", " ", "\n", "\r\n", "\r", "a", "b\n", "🎈", "\0"]
MARKS = ["<<<<<<< SEARCH\n", "=======\n", ">>>>>>> REPLACE\n", f"{PATH}\n", "```\n", "~~~~", '{"patch": "', "\\u", '"}']
PIECES = st.sampled_from([*PATCHES, *SIGNS, *MARKS])


@settings(max_examples=400)
@given(st.lists(PIECES, max_size=40), st.integers(0, 1000))
async def test_whatever_comes_nothing_breaks(pieces: list[str], seed: int) -> None:
    raw, chance = "".join(pieces), random.Random(seed)
    for text in (raw, f"*** Begin Patch\n*** Update File: {PATH}\n{raw}", as_json(raw, chance)):
        done = await by_patch("a\nb\n\na\n🎈", text, chance)
        assert done.result is not None
        assert done.result.text
    done = await by_blocks("a\nb\n\na\n", f"{PATH}\n{raw}", chance)
    assert ("SEARCH\n" not in raw) or done.result is not None or "SEARCH" in done.prose


@given(st.lists(PIECES, max_size=30), st.integers(0, 1000))
def test_text_without_a_block_is_passed_on_to_the_letter(pieces: list[str], seed: int) -> None:
    text = "".join(piece for piece in pieces if "SEARCH" not in piece)
    told = Blocks()
    out = [piece for part in cut(text, random.Random(seed)) for piece in told.feed(part)] + told.finish()
    assert "".join(getattr(piece, "text", "?") for piece in out) == text


async def test_a_long_stream_of_new_lines_and_thousands_of_doubtful_ones_are_carried_out() -> None:
    body = [f"+line {n} of many, 🎈" for n in range(6000)]
    done = await by_patch("start\nend\n", v4a([Hunk((" start", *body, " end"))]), random.Random(5))
    assert done.text.count("\n") == 6002
    again = "x\ny\n" * 3000
    doubtful = v4a([Hunk(tuple(" x" if n % 2 else " y" for n in range(3000)))])
    done = await by_patch(again, doubtful, random.Random(5))
    assert done.text == again
    assert done.result is not None
    assert not done.result.ok
