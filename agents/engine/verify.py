"""Python looked at by `ast`: where functions are, where a docstring goes, and whether a reply may be taken over."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
STEP = "    "


@dataclass(frozen=True)
class Function:
    """A function of a source text. Lines count from 1; `first` is its `def` line (decorators are above it)."""

    name: str  # qualified: Class.method, outer.inner
    first: int
    last: int
    documented: bool
    body_column: int  # in UTF-8 bytes
    body_line: int


def functions(source: str) -> list[Function]:
    """All functions in the order of their lines; none if the source does not parse."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return []
    return sorted(_found(tree, ""), key=lambda function: function.first)


def undocumented(source: str) -> list[Function]:
    return [function for function in functions(source) if not function.documented]


def text_of(source: str, function: Function) -> str:
    """The function's lines, decorators left out."""
    return "\n".join(source.split("\n")[function.first - 1 : function.last]) + "\n"


def place_of_docstring(source: str, function: Function) -> tuple[str, str, str]:
    """(text above, indentation, text below): the docstring is a line of its own between the two texts.

    A body on the line of its `def` is moved below it.
    """
    lines = source.split("\n")
    end = _header_end(lines, function.first - 1)
    if function.body_line - 1 == end:
        raw = lines[end].encode()
        head = raw[: function.body_column].decode().rstrip()
        pad = _indent(lines[function.first - 1]) + STEP
        body = raw[function.body_column :].decode()
        return "\n".join([*lines[:end], head, ""]), pad, "\n".join([pad + body, *lines[end + 1 :]])
    return "\n".join([*lines[: end + 1], ""]), _indent(lines[function.body_line - 1]), "\n".join(lines[end + 1 :])


def with_docstring(source: str, function: Function, text: str) -> str:
    """The source with this text as the function's docstring, quoted and indented."""
    above, pad, below = place_of_docstring(source, function)
    text = "".join(char for char in text if char == "\n" or char.isprintable()).strip()
    lines = [line.strip() for line in text.removeprefix('"""').removesuffix('"""').strip().split("\n")]
    said = "\n".join(f"{pad}{line}" if line else "" for line in lines).strip()
    said = said.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    if said.endswith('"'):
        said = f'{said[:-1]}\\"'
    closing = f"\n{pad}" if len(lines) > 1 else ""
    return f'{above}{pad}"""{said}{closing}"""\n{below}'


# --- checks: None, or the reason why a reply is refused ---------------------------------------------------------------


def refused_python(new: str) -> str | None:
    """Why this text is no Python."""
    try:
        ast.parse(new)
    except SyntaxError as error:
        return f"The reply is not valid Python: {error.msg} in line {error.lineno}."
    except (ValueError, RecursionError) as error:
        return f"The reply is not valid Python: {error}."
    return None


def refused_docstring(old: str, new: str) -> str | None:
    """Why `new` is not `old` with docstrings added or changed."""
    fault = refused_python(new)
    if fault:
        return fault
    if _bare(old) != _bare(new):
        return "The reply changes more than the docstring."
    if not any(ast.get_docstring(node) for node in ast.walk(ast.parse(new)) if isinstance(node, FunctionNode)):
        return "The reply has no docstring."
    return None


def refused_rewrite(path: str, old: str, new: str, *, closed: bool = True) -> str | None:
    """Why `new` cannot stand for `old`. Python must parse if it did before; other languages get a sanity check."""
    if not new.strip():
        return "The reply holds no code."
    if not closed:
        return "The reply was cut off before its code was complete."
    if new.rstrip() == old.rstrip():
        return "The reply changes nothing."
    if path.endswith((".py", ".pyi")) and refused_python(old) is None:
        return refused_python(new)
    if len(old) > 400 and len(new) * 4 < len(old):
        return "The reply leaves out most of the code."
    return None


def _bare(source: str) -> str:
    """The syntax tree without docstrings, as text."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if (
            isinstance(node, FunctionNode | ast.ClassDef | ast.Module)
            and ast.get_docstring(node, clean=False) is not None
        ):
            node.body = node.body[1:]
    return ast.dump(tree)


def _found(node: ast.AST, prefix: str) -> Iterator[Function]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, FunctionNode):
            body = child.body[0]
            decorators = body.decorator_list if isinstance(body, FunctionNode | ast.ClassDef) else []
            yield Function(
                prefix + child.name,
                child.lineno,
                child.end_lineno or child.lineno,
                ast.get_docstring(child) is not None,
                body.col_offset,
                min([body.lineno, *(decorator.lineno for decorator in decorators)]),
            )
        inner = f"{prefix}{child.name}." if isinstance(child, FunctionNode | ast.ClassDef) else prefix
        yield from _found(child, inner)


def _header_end(lines: list[str], start: int) -> int:
    """The index of the line that holds the colon of the `def` starting at index `start`."""
    depth = 0
    try:
        for token in tokenize.generate_tokens(io.StringIO("\n".join(lines[start:])).readline):
            if token.string in ("(", "[", "{"):
                depth += 1
            elif token.string in (")", "]", "}"):
                depth -= 1
            elif token.string == ":" and depth == 0:
                return start + token.end[0] - 1
    except (tokenize.TokenError, IndentationError):
        pass  # cut off behind the header, which was found whole if it is there
    return start


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]
