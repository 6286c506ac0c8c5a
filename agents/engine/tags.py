"""What a file defines, which names it uses, and where its syntax is broken: by tree-sitter, from its text alone.

Grammars and their queries come with wheels; nothing is fetched. A language costs some milliseconds the first time.
Only positions of definitions and names leave this module: no tree is kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import PurePosixPath
from typing import cast

from tree_sitter import Language, Node, Parser, Query, QueryCursor

LONGEST = 256 * 1024  # bytes of a file that is looked into: what is larger is data or generated
SHOWN = 160  # characters of a definition's first line
PROBLEMS = 20  # of one file that are told
SHORTEST = 3  # characters of a name that means something
_MATCHES = 20_000  # at once: a bound for hostile text

_CONTAINERS = frozenset({"class", "interface", "module", "struct", "enum"})
_EXTENSIONS = {
    "bash": ("sh", "bash"), "c": ("c", "h"), "c_sharp": ("cs",), "cpp": ("cc", "cpp", "cxx", "hh", "hpp", "hxx"),
    "css": ("css",), "go": ("go",), "html": ("html", "htm"), "java": ("java",),
    "javascript": ("js", "mjs", "cjs", "jsx"),
    "json": ("json",), "php": ("php",), "python": ("py", "pyi"), "ruby": ("rb",), "rust": ("rs",),
    "typescript": ("ts", "mts", "cts"), "tsx": ("tsx",),
}  # fmt: skip
LANGUAGES = {extension: name for name, many in _EXTENSIONS.items() for extension in many}

_TOP = """
(program (lexical_declaration (variable_declarator name: (identifier) @name)) @definition.constant)
(program (export_statement (lexical_declaration (variable_declarator name: (identifier) @name)) @definition.constant))
"""
# The queries of JavaScript that its wheel brings also look for comments, which costs more than it gives.
_SCRIPT = """
(method_definition name: (property_identifier) @name) @definition.method
(function_declaration name: (identifier) @name) @definition.function
(generator_function_declaration name: (identifier) @name) @definition.function
(lexical_declaration (variable_declarator name: (identifier) @name
  value: [(arrow_function) (function_expression)])) @definition.function
"""
_TYPES = """
(class_declaration name: (type_identifier) @name) @definition.class
(abstract_class_declaration name: (type_identifier) @name) @definition.class
(interface_declaration name: (type_identifier) @name) @definition.interface
(type_alias_declaration name: (type_identifier) @name) @definition.type
(enum_declaration name: (identifier) @name) @definition.enum
"""
_OWN = {
    "javascript": _SCRIPT + _TOP + "(class_declaration name: (identifier) @name) @definition.class",
    "typescript": _SCRIPT + _TOP + _TYPES,
    "tsx": _SCRIPT + _TOP + _TYPES,
    "bash": "(function_definition name: (word) @name) @definition.function",
    "c_sharp": """
(class_declaration name: (identifier) @name) @definition.class
(struct_declaration name: (identifier) @name) @definition.class
(record_declaration name: (identifier) @name) @definition.class
(interface_declaration name: (identifier) @name) @definition.interface
(enum_declaration name: (identifier) @name) @definition.enum
(method_declaration name: (identifier) @name) @definition.method
""",
    "go": """
(function_declaration name: (identifier) @name) @definition.function
(method_declaration name: (field_identifier) @name) @definition.method
(type_spec name: (type_identifier) @name) @definition.type
""",
    "ruby": """
(method name: (_) @name) @definition.method
(singleton_method name: (_) @name) @definition.method
(class name: (constant) @name) @definition.class
(module name: (constant) @name) @definition.module
""",
}
_MORE = {
    "java": """
(enum_declaration name: (identifier) @name) @definition.enum
(record_declaration name: (identifier) @name) @definition.class
""",
}
_NAMES = {
    "bash": ("word",),
    "c": ("identifier", "field_identifier", "type_identifier"),
    "c_sharp": ("identifier",),
    "cpp": ("identifier", "field_identifier", "type_identifier", "namespace_identifier"),
    "go": ("identifier", "field_identifier", "type_identifier", "package_identifier"),
    "java": ("identifier", "type_identifier"),
    "javascript": ("identifier", "property_identifier", "shorthand_property_identifier"),
    "php": ("name",),
    "python": ("identifier",),
    "ruby": ("identifier", "constant"),
    "rust": ("identifier", "field_identifier", "type_identifier"),
    "typescript": ("identifier", "property_identifier", "type_identifier", "shorthand_property_identifier"),
}
_NAMES["tsx"] = _NAMES["typescript"]


@dataclass(frozen=True, slots=True)
class Definition:
    """`line` and `end` count from 1, both included; `within` names what it is part of; `text` is its first line."""

    name: str
    kind: str
    line: int
    end: int
    text: str
    within: str = ""


@dataclass(frozen=True, slots=True)
class Tags:
    """Of one file. `names`: every name it uses, its own definitions' among them."""

    definitions: tuple[Definition, ...] = ()
    names: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Problem:
    """A place where the syntax is broken; `line` counts from 1."""

    line: int
    text: str


@dataclass(frozen=True, slots=True)
class _Grammar:
    language: Language
    definitions: Query | None
    names: Query | None


def language_of(path: str) -> str:
    """The grammar for a path, '' where there is none."""
    return LANGUAGES.get(PurePosixPath(path).suffix.removeprefix(".").lower(), "")


def tags(language: str, data: bytes) -> Tags:
    """Of a file's UTF-8; nothing where the language has no definitions or the file is too large."""
    grammar = _grammar(language) if language in _NAMES and len(data) <= LONGEST else None
    if grammar is None or grammar.definitions is None or grammar.names is None:
        return Tags()
    root = Parser(grammar.language).parse(data).root_node
    cursor = QueryCursor(grammar.names, match_limit=_MATCHES)
    used = {node.text.decode("utf-8", "replace") for node in cursor.captures(root).get("name", []) if node.text}
    names = frozenset(name for name in used if len(name) >= SHORTEST)
    return Tags(tuple(_within(_definitions(grammar.definitions, root, data))), names)


def problems(path: str, text: str) -> list[Problem]:
    """Where the text is not of its language's syntax, the first ones; none where there is no grammar for it."""
    data = text.encode("utf-8", "replace")
    language = language_of(path)
    if not language or len(data) > LONGEST:
        return []
    root = Parser(_grammar(language).language).parse(data).root_node
    if not root.has_error:
        return []
    return [Problem(node.start_point.row + 1, _said(node)) for node in _broken(root)]


def _said(node: Node) -> str:
    if node.is_missing:
        return "Something is missing here" if node.is_named else f"“{node.type}” is missing"
    about = (node.text or b"").decode("utf-8", "replace").strip().split("\n")[0]
    return f"This is not understood: {about[:60]}" if about else "Something is missing or too much here"


def _broken(root: Node) -> Iterator[Node]:
    """The outermost broken nodes in order, each line once."""
    waiting, line, told = [root], -1, 0
    while waiting and told < PROBLEMS:
        node = waiting.pop()
        if node.is_error or node.is_missing:
            if node.start_point.row != line:
                line, told = node.start_point.row, told + 1
                yield node
        elif node.has_error:
            waiting.extend(reversed(node.children))


def _definitions(query: Query, root: Node, data: bytes) -> list[Definition]:
    """In the order of the text, each once."""
    found: dict[tuple[int, str], Definition] = {}
    for _, captured in QueryCursor(query, match_limit=_MATCHES).matches(root):
        kind = next((name.removeprefix("definition.") for name in captured if name.startswith("definition.")), "")
        if not kind or not captured.get("name"):
            continue
        whole, named = captured[f"definition.{kind}"][0], captured["name"][0]
        name = (named.text or b"").decode("utf-8", "replace")
        line = named.start_point.row + 1
        if kind == "constant" and (line, name) in found:
            continue
        made = Definition(name, kind, line, whole.end_point.row + 1, _first_line(data, named))
        found[(line, name)] = made
    return sorted(found.values(), key=lambda one: (one.line, -one.end))


def _first_line(data: bytes, node: Node) -> str:
    begin = data.rfind(b"\n", 0, node.start_byte) + 1
    end = data.find(b"\n", node.start_byte)
    line = data[begin : len(data) if end < 0 else end]
    return line.decode("utf-8", "replace").strip()[:SHOWN]


def _within(found: list[Definition]) -> Iterator[Definition]:
    """With what each is part of: a function of a class is its method."""
    around: list[Definition] = []
    for one in found:
        while around and around[-1].end < one.line:
            around.pop()
        outer = around[-1] if around else None
        if outer is None:
            made = one
        else:
            kind = "method" if one.kind == "function" and outer.kind in _CONTAINERS else one.kind
            made = Definition(one.name, kind, one.line, one.end, one.text, outer.name)
        yield made
        around.append(made)


@cache
def _grammar(language: str) -> _Grammar:
    module = import_module(f"tree_sitter_{'typescript' if language == 'tsx' else language}")
    name = f"language_{language}" if language in ("typescript", "tsx", "php") else "language"
    grammar = Language(getattr(module, name)())
    own = _OWN.get(language) or getattr(module, "TAGS_QUERY", "") + _MORE.get(language, "")
    if language not in _NAMES:
        return _Grammar(grammar, None, None)
    names = "[" + " ".join(f"({kind})" for kind in _NAMES[language]) + "] @name"
    return _Grammar(grammar, Query(grammar, cast(str, own)), Query(grammar, names))
