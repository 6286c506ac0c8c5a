"""Edits go live in a text that others edit too, and end as the strict result where nobody did."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.engine.edits.apply import LiveApplier, LiveRewrite
from agents.engine.edits.locate import Places
from agents.engine.edits.ops import Anchor, Close, Delete, EditError, Insert, Keep, Op
from agents.engine.edits.target import PlainTarget
from agents.engine.edits.v4a import V4aParser

HEAD = "*** Begin Patch\n*** Update File: a.py\n"
CODE = "import os\n\n\ndef one():\n    x = 1\n    return x\n\n\ndef two():\n    x = 1\n    return x\n"


def cut(text: str, seed: int) -> list[str]:
    chance = random.Random(seed)
    pieces, at = [], 0
    while at < len(text):
        size = chance.choice([1, 2, 3, 7, 30])
        pieces.append(text[at : at + size])
        at += size
    return pieces


def patched(text: str, patch: str, seed: int = 1) -> tuple[str, LiveApplier]:
    target, parser = PlainTarget(text), V4aParser()
    applier = LiveApplier(target)
    for piece in cut(HEAD + patch + "*** End Patch\n", seed):
        applier.feed(parser.feed(piece))
    applier.feed(parser.finish())
    applier.finish()
    return target.text(), applier


# --- random patches against the strict result ------------------------------------------------------------------------


@st.composite
def edited(draw: st.DrawFn) -> tuple[list[str], bool, list[Op], list[str]]:
    """(old lines, whether the last has a line end, one patch's ops, new lines)."""
    count = draw(st.integers(1, 25))
    old = [f"line {n} 🎈" if n % 3 else f"\tline {n} é" for n in range(count)]
    changes = [draw(st.sampled_from("kkkkkggdrib")) for _ in old]
    ops: list[Op] = [Anchor("")]
    new: list[str] = []
    for line, change in zip(old, changes, strict=True):
        if change == "g":  # the patch does not speak of this line; below it a new chunk begins
            ops.append(Anchor(""))
            new.append(line)
            continue
        if change == "k":
            ops.append(Keep(line))
            new.append(line)
            continue
        if change == "b":
            ops += [Insert(f"before {line}\n"), Keep(line)]
            new += [f"before {line}", line]
        elif change == "i":
            ops += [Keep(line), Insert(f"after {line}\n\n")]
            new += [line, f"after {line}", ""]
        else:
            ops.append(Delete(line))
            if change == "r":
                ops.append(Insert(f"instead of {line}\n"))
                new.append(f"instead of {line}")
    return old, draw(st.booleans()), [*ops, Close()], new


@given(edited(), st.integers(0, 10_000))
def test_a_patch_ends_as_the_strict_result(case: tuple[list[str], bool, list[Op], list[str]], seed: int) -> None:
    old, ended, ops, new = case
    target = PlainTarget("\n".join(old) + ("\n" if ended else ""))
    applier = LiveApplier(target)
    chance = random.Random(seed)
    for op in ops:
        if isinstance(op, Insert):
            for piece in cut(op.text, chance.randrange(1000)):
                applier.feed([Insert(piece)])
        else:
            applier.feed([op])
    summary = applier.finish()
    assert summary.failed == []
    assert summary.conflicts == []
    assert target.text() in ("\n".join(new), "".join(f"{line}\n" for line in new))


@given(st.integers(0, 10_000))
def test_the_anchor_chooses_between_repeated_blocks(seed: int) -> None:
    text, applier = patched(CODE, "@@ def two():\n     x = 1\n-    return x\n+    return x + 1\n", seed)
    assert text == CODE[: CODE.rindex("    return x\n")] + "    return x + 1\n"
    assert (applier.summary.added, applier.summary.removed) == (1, 1)


def test_an_ambiguous_place_is_refused_and_nothing_is_changed() -> None:
    text, applier = patched(CODE, "@@\n     x = 1\n-    return x\n+    return 2\n")
    assert text == CODE
    assert "occur 2 times (lines 5, 10)" in applier.summary.failed[0]


def test_lines_that_are_not_there_are_refused() -> None:
    text, applier = patched(CODE, "@@\n-    return y\n+    return 2\n")
    assert text == CODE
    assert "not in the file" in applier.summary.failed[0]


def test_a_chunk_that_fails_half_way_is_undone_and_the_others_stay() -> None:
    patch = "@@\n-import os\n+import sys\n@@\n def one():\n+    y = 2\n     x = 1\n-    return never\n+    return y\n"
    text, applier = patched(CODE, patch)
    assert text == CODE.replace("import os", "import sys")
    assert len(applier.summary.failed) == 1
    assert (applier.summary.added, applier.summary.removed) == (1, 1)


def test_white_space_and_typographic_quotes_do_not_matter() -> None:
    text, applier = patched("say('hi')  \nend\n", "@@\n-  say(\u2018hi\u2019)\n+say('ho')\n end\n")
    assert text == "say('ho')\nend\n"
    assert applier.summary.ok


def test_a_chunk_without_old_lines_goes_below_its_anchor_or_to_the_end() -> None:
    assert patched(CODE, "@@ def one():\n+    # first\n")[0] == CODE.replace("one():\n", "one():\n    # first\n")
    assert patched("a\nb", "@@\n+c\n")[0] == "a\nb\nc\n"


def test_a_blank_line_too_many_at_the_end_of_a_chunk_is_forgiven() -> None:
    text, applier = patched("a\nb\n", "@@\n a\n-b\n+c\n\n")
    assert (text, applier.summary.failed) == ("a\nc\n", [])


def test_end_of_file_chooses_the_last_place() -> None:
    text, _ = patched("x\ny\nx\n", "@@\n-x\n+z\n*** End of File\n")
    assert text == "x\ny\nz\n"


def test_a_new_file_grows_line_by_line() -> None:
    target = PlainTarget()
    applier = LiveApplier(target, fresh=True)
    applier.feed([Insert("one\ntw")])
    assert target.text() == "one\ntw\n"
    applier.feed([Insert("o\n"), Close()])
    assert applier.finish().added == 2
    assert target.text() == "one\ntwo\n"


# --- while others edit ------------------------------------------------------------------------------------------------


def test_what_people_type_elsewhere_stays_and_does_not_move_the_edit() -> None:
    target, parser = PlainTarget(CODE), V4aParser()
    applier = LiveApplier(target)
    applier.feed(parser.feed(HEAD + "@@ def two():\n def two():\n     x = 1\n+    y = "))
    target.edit([(0, 0, "# 🎈 typed above\n")])
    applier.feed(parser.feed("2\n"))
    target.edit([(len(target.text()), len(target.text()), "# typed below\n")])
    applier.feed(parser.feed("-    return x\n+    return y\n*** End Patch\n"))
    applier.finish()
    wanted = CODE[: CODE.rindex("    return x\n")] + "    y = 2\n    return y\n"
    assert target.text() == f"# 🎈 typed above\n{wanted}# typed below\n"
    assert applier.summary.ok


def test_a_line_somebody_changed_meanwhile_is_kept_and_reported() -> None:
    target, parser = PlainTarget(CODE), V4aParser()
    applier = LiveApplier(target)
    applier.feed(parser.feed(HEAD + "@@ def two():\n def two():\n     x = 1\n"))
    at = target.text().rindex("return x")
    target.edit([(at, at + len("return x"), "return x * 10")])
    applier.feed(parser.feed("-    return x\n+    return y\n*** End Patch\n"))
    applier.finish()
    assert target.text().endswith("    return x * 10\n    return y\n")
    assert "kept" in applier.summary.conflicts[0]


def test_a_line_somebody_deleted_already_is_no_conflict() -> None:
    target, parser = PlainTarget("a line\nb line\nc line\n"), V4aParser()
    applier = LiveApplier(target)
    applier.feed(parser.feed(HEAD + "@@\n a line\n"))
    target.edit([(7, 14, "")])
    applier.feed(parser.feed("-b line\n+new\n c line\n*** End Patch\n"))
    applier.finish()
    assert target.text() == "a line\nnew\nc line\n"
    assert applier.summary.ok


def test_stopping_leaves_whole_lines() -> None:
    target, parser = PlainTarget(CODE), V4aParser()
    applier = LiveApplier(target)
    applier.feed(parser.feed(HEAD + "@@ def two():\n def two():\n+    half a l"))
    applier.abort()
    assert target.text() == CODE.replace("def two():\n", "def two():\n    half a l\n")


# --- the rewrite of a region ------------------------------------------------------------------------------------------

TEXT = st.text(st.sampled_from("ab🎈é \n\n"), max_size=40)


@given(TEXT, TEXT, TEXT, TEXT, st.integers(0, 10_000))
def test_a_region_becomes_the_new_text_and_nothing_else_changes(
    before: str, old: str, new: str, after: str, seed: int
) -> None:
    target = PlainTarget(before + old + after)
    rewrite = LiveRewrite(target, target.anchor(len(before), 0), target.anchor(len(before) + len(old), -1))
    for piece in cut(new, seed):
        rewrite.feed(piece)
    rewrite.finish()
    wanted = new.removesuffix("\n") + ("\n" if old.endswith("\n") else "")
    if not new.strip() and old.strip():
        assert target.text() == before + old + after
    else:
        assert target.text() == before + wanted + after


@given(st.integers(0, 10_000), st.integers(0, 8))
def test_people_type_around_and_in_a_region_while_it_is_rewritten(seed: int, when: int) -> None:
    target = PlainTarget(CODE)
    start, end = CODE.index("def one"), CODE.index("\n\ndef two")
    rewrite = LiveRewrite(target, target.anchor(start, 0), target.anchor(end, -1))
    for number, piece in enumerate(cut("def one():\n    # 🎈 said\n    x = 2\n    return x\n", seed)):
        if number == when:
            target.edit([(0, 0, "# above\n")])
            target.edit([(len(target.text()), len(target.text()), "# below\n")])
        rewrite.feed(piece)
    rewrite.finish()
    assert target.text().removeprefix("# above\n").removesuffix("# below\n") == CODE.replace(
        "    x = 1\n", "    # 🎈 said\n    x = 2\n", 1
    )


def test_a_rewrite_without_code_changes_nothing() -> None:
    target = PlainTarget(CODE)
    rewrite = LiveRewrite(target, target.anchor(0, 0), target.anchor(len(CODE), -1))
    rewrite.feed("\n\n")
    assert rewrite.finish().failed
    assert target.text() == CODE


def test_a_stopped_rewrite_keeps_the_old_lines_it_did_not_reach() -> None:
    target = PlainTarget("a = 1\nb = 2\nc = 3\n")
    rewrite = LiveRewrite(target, target.anchor(0, 0), target.anchor(18, -1))
    rewrite.feed("a = 1\nbee")
    rewrite.abort()
    assert target.text() == "a = 1\nbee\nb = 2\nc = 3\n"


def test_a_place_is_one_or_none() -> None:
    assert Places("a\nb\na").place(["b"]) == 2
    with pytest.raises(EditError, match="2 times"):
        Places("a\nb\na").place(["a"])
