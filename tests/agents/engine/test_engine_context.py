"""What is asked of models, how code is taken out of their replies, and what is refused."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.engine import context, verify
from agents.engine.context import CodeReply, OpenFile
from agents.engine.messages import Message, ToolCall

SOURCE = '''\
"""Module."""
import math


class Circle:
    # the only field
    @property
    def area(self) -> float:
        # squared
        return math.pi * self.radius**2

    def grow(
        self,
        by: dict[str, int] = {"a": 1},
    ) -> None: self.radius += by["é" if by else "a"]


async def said():
    """Already."""
    def inner(x): return "🎈" + x
    return inner
'''


def test_functions_are_found_with_their_lines() -> None:
    found = verify.functions(SOURCE)
    assert [(f.name, f.first, f.last, f.documented) for f in found] == [
        ("Circle.area", 8, 10, False),
        ("Circle.grow", 12, 15, False),
        ("said", 18, 21, True),
        ("said.inner", 20, 20, False),
    ]
    assert verify.functions("def broken(:") == []


@given(st.text(max_size=40), st.integers(0, 3))
def test_any_text_becomes_a_docstring_that_changes_nothing_else(text: str, which: int) -> None:
    new = verify.with_docstring(SOURCE, verify.functions(SOURCE)[which], f"Says {text} it")
    if which != 2:  # a second docstring is a statement
        assert verify.refused_docstring(SOURCE, new) is None


def test_a_docstring_is_indented_and_its_quotes_are_escaped() -> None:
    new = verify.with_docstring(SOURCE, verify.functions(SOURCE)[1], 'Grow by "this"')
    assert '    ) -> None:\n        """Grow by "this\\""""\n        self.radius += by' in new
    new = verify.with_docstring(SOURCE, verify.functions(SOURCE)[0], "The area.")
    assert 'def area(self) -> float:\n        """The area."""\n        # squared\n' in new


@pytest.mark.parametrize(
    ("new", "why"),
    [
        ("def f(a):\n    return a\n", "no docstring"),
        ('def f(a):\n    """Doc."""\n    return a + 1\n', "more than the docstring"),
        ('def f(a):\n    """Doc.\n', "not valid Python"),
    ],
)
def test_a_docstring_reply_that_does_something_else_is_refused(new: str, why: str) -> None:
    assert why in (verify.refused_docstring("def f(a):\n    return a\n", new) or "")


def test_a_rewrite_is_refused_when_it_cannot_be_meant() -> None:
    assert verify.refused_rewrite("a.js", "let a = 1", "let a = 2") is None
    assert verify.refused_rewrite("a.py", "a = 1", "a = ") is not None
    assert verify.refused_rewrite("a.py", "a = 1", "a = 1\n") == "The reply changes nothing."
    assert verify.refused_rewrite("a.js", "x", "") is not None
    assert verify.refused_rewrite("a.js", "x", "y", closed=False) is not None
    assert "leaves out" in (verify.refused_rewrite("a.js", "line\n" * 200, "line") or "")


def test_a_small_model_completes_the_docstring_between_code_of_ours() -> None:
    code = "def f(a):\n    return a\n"
    asked = context.inline(OpenFile("a.py", code, 0, len(code)), "Add a docstring please", small=True, window=8192)
    assert asked.messages[-1].text == '```python\ndef f(a):\n    """'
    reply = CodeReply(asked)
    new = reply.feed(' Return "a"') + reply.feed(" \\ back.\n") + reply.feed("more") + reply.finish()
    assert verify.refused_docstring(code, new) is None
    assert ast.get_docstring(ast.parse(new).body[0]) == "Return 'a'  back."  # type: ignore[arg-type]
    assert reply.done


def test_an_empty_docstring_is_no_code() -> None:
    reply = CodeReply(context.docstring("def f(): pass\n") or pytest.fail("no place"))
    assert reply.feed("\n") + reply.finish() == ""


def test_a_selection_is_asked_for_without_its_indentation() -> None:
    text = "class A:\n    def f(self):\n        return 1\n"
    asked = context.inline(OpenFile("a.py", text, 9, len(text)), "rename f to g", small=True, window=8192)
    assert asked.indent == "    "
    assert "def f(self):\n    return 1\n```" in asked.messages[-2].text
    reply = CodeReply(asked)
    assert reply.feed("def g(self):\n    return 1\n```\nThat is it") + reply.finish() == "def g(self):\n    return 1\n"
    assert reply.done


def test_a_larger_model_sees_the_code_around_and_answers_in_a_fence() -> None:
    text = "a = 1\nb = 2\nc = 3\n"
    asked = context.inline(OpenFile("a.py", text, 6, 12), "make it 4", small=False, window=8192)
    assert text.strip() in asked.messages[-1].text
    assert not asked.continue_last
    reply = CodeReply(asked)
    assert reply.feed("Sure:\n```python\nb = 4\n``") + reply.feed("`\nok") + reply.finish() == "b = 4\n"


def test_a_long_open_file_is_cut_around_the_cursor() -> None:
    text = "\n".join(f"line {n}" for n in range(5000))
    at = text.index("line 2500")
    message = context.session_input("Explain", [OpenFile("a.txt", text, at, at)], tools=False, window=1000)
    assert "line 2500\n" in message.text
    assert "line 10\n" not in message.text
    assert context.size(message) < 600
    assert message.text.endswith("Explain")


def test_a_model_with_tools_is_told_where_the_cursor_is() -> None:
    message = context.session_input("Go", [OpenFile("a.py", "x\ny\n", 2, 3)], tools=True, window=1000)
    assert "a.py; lines 2 to 2 are selected" in message.text


def test_old_messages_leave_the_window_with_the_results_of_their_calls() -> None:
    call = ToolCall("1", "read_file", "{}")
    history = [
        Message("system", "S"),
        Message("user", "old " * 400),
        Message("assistant", "", (call,)),
        Message("tool", "result " * 100, call_id="1", name="read_file"),
        Message("user", "new"),
    ]
    assert context.fitted(history, window=10_000) == history
    assert context.fitted(history, window=300) == [history[0], history[4]]


def test_every_prompt_is_there() -> None:
    for name in ("session_tools", "session_plain", "job", "inline", "docstring"):
        assert len(context.prompt(name)) > 40


def test_what_is_fixed_stays_while_older_messages_go() -> None:
    history = [Message("system", "S"), Message("user", "pins"), *(Message("user", "x" * 400) for _ in range(5))]
    kept = context.fitted(history, window=300, reply=0, fixed=1)
    assert [message.text[:4] for message in kept] == ["S", "pins", "xxxx", "xxxx"]


def test_what_tools_answered_first_is_left_out_first_and_nothing_that_was_said() -> None:
    calls = [ToolCall(str(n), "read_file", "{}") for n in range(8)]
    history = [Message("user", "said " * 200)]
    for made in calls:
        history += [Message("assistant", "", (made,)), Message("tool", "y" * 4000, call_id=made.id, name=made.name)]
    kept = context.thinned(history, room=6000)
    assert len(kept) == len(history)
    assert kept[0] == history[0]
    left_out = [n for n, message in enumerate(m for m in kept if m.role == "tool") if "left out" in message.text]
    assert left_out == list(range(len(left_out)))
    assert 0 < len(left_out) <= 4, "the newest four stay, whatever is asked"
    assert sum(map(context.size, kept)) <= 6000
