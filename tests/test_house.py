"""The house as a gate: import arrows, cycles, size budgets, documented settings, migrations, no registry address."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from django.core.management import call_command

ROOT = Path(__file__).resolve().parent.parent
LEAVES = {
    *("ide.errors", "ide.faults", "ide.metrics", "ide.db", "ide.fetch", "ide.api", "ide.parts"),
    *("ide.audit", "ide.desk"),
}

# What each room may import, beside itself, the leaves and third parties. The floor plan of the house.
MAY: dict[str, set[str]] = {
    "ide.errors": set(),
    "ide.metrics": set(),
    "ide.db": set(),
    "ide.fetch": set(),
    "ide.faults": set(),
    "ide.audit": set(),
    "ide.surface": set(),
    "ide.desk": set(),
    "ide.parts": set(),
    "ide.api": {"ide.accounts.models"},
    "ide.accounts": set(),
    "ide.runner": set(),
    "ide.workspaces": {"ide.accounts", "ide.runner.client"},
    "ide.usage": {"ide.accounts", "ide.workspaces.models"},
    "ide.documents": {"ide.workspaces", "ide.accounts"},
    "ide.live": {"ide.documents", "ide.workspaces", "ide.accounts", "ide.usage", "ide.runner.client"},
    "ide.notices": {"ide.accounts", "ide.workspaces.models", "ide.live.announce", "ide.live.host"},
    "ide.dashboard": {"ide"},
    "ide.management": {"ide"},
    "agents.engine": set(),
    "agents.providers": {"agents.engine.messages"},
    "agents.simulator": set(),
    "agents": {
        "agents",
        *(f"ide.live.{name}" for name in ("host", "ops", "announce")),
        *(f"ide.documents.{name}" for name in ("models", "room", "text", "log.store", "file.disk", "history")),
        *(f"ide.workspaces.{name}" for name in ("models", "git", "files", "search", "figures")),
        *(f"ide.workspaces.{name}" for name in ("exchange", "trees", "commits", "worktrees")),
        "ide.runner.client",
        "ide.usage.meter",
        "ide.usage.subjects",
        "ide.accounts",
        "ide.dashboard.panels",
        "ide.notices.tell",
    },
}
# Composition roots: they may name any app and hold no logic.
ROOTS = {
    "ide.urls",
    "ide.asgi",
    "ide.celery",
    "ide.settings",
    "ide.apps",
    "ide.pages",
    "ide.templatetags",
    "manage",
}

# The one list of exceptions to the budgets, each with its reason.
LONG_FILES: dict[str, str] = {}
LONG_FUNCTIONS: dict[str, str] = {}
INNER_IMPORTS: dict[str, str] = {
    "manage.py": "Django must know its settings module first",
    "agents/providers/local.py": "xllamacpp loads 100 MB of native code; only the model's own process may pay for it",
}


def python_files() -> list[Path]:
    found = [*ROOT.glob("ide/**/*.py"), *ROOT.glob("agents/**/*.py"), ROOT / "manage.py"]
    return sorted(f for f in found if "migrations" not in f.parts and "sample" not in f.parts)


def module_of(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def tree_of(file: Path) -> ast.Module:
    return ast.parse(file.read_text(), str(file))


def imports_of(file: Path) -> Iterator[tuple[str, int]]:
    """Modules of ours that a file imports, at any depth (type-checking blocks excepted)."""
    hidden = {
        id(inner)
        for node in ast.walk(tree_of(file))
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree_of(file)):
        if id(node) in hidden:
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from ((name if is_module(name) else node.module, node.lineno) for name in names)


@cache
def is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


def within(module: str, place: str) -> bool:
    return module == place or module.startswith(place + ".")


def room_of(module: str) -> str | None:
    rooms = [room for room in MAY if within(module, room)]
    return max(rooms, key=len) if rooms else None


def test_every_import_follows_an_arrow_of_the_floor_plan() -> None:
    wrong = []
    for file in python_files():
        module = module_of(file)
        room = room_of(module)
        if room is None or module in ROOTS or within(module, "ide.templatetags"):
            continue
        for name, line in imports_of(file):
            if not within(name, "ide") and not within(name, "agents"):
                continue
            allowed = within(name, room) or any(within(name, place) for place in MAY[room] | LEAVES)
            if room.startswith("agents.") and room != room_of(name) and not any(within(name, p) for p in MAY[room]):
                allowed = within(name, room)
            if not allowed and name != room.split(".")[0]:
                wrong.append(f"{file.relative_to(ROOT)}:{line} imports {name}")
    assert not wrong, "\n".join(wrong)


def test_rooms_of_jobs_stand_on_those_below_them() -> None:
    """`agents.jobs`: what stands at its door (the worker's and the host's part of it) may use all of its rooms."""
    floors = [{"rows"}, {"working"}, {"agent", "maps", "result"}]
    wrong = []
    for file in sorted(ROOT.glob("agents/jobs/*/*.py")):
        floor = next(n for n, rooms in enumerate(floors) if file.parent.name in rooms)
        may = {file.parent.name, *(room for rooms in floors[:floor] for room in rooms)}
        for name, line in imports_of(file):
            if within(name, "agents.jobs") and name.split(".")[2] not in may:
                wrong.append(f"{file.relative_to(ROOT)}:{line} imports {name}")
    assert not wrong, "\n".join(wrong)


def test_ide_never_imports_agents() -> None:
    wrong = [
        f"{module_of(file)} imports {name}"
        for file in python_files()
        if within(module_of(file), "ide") and module_of(file) not in ROOTS
        for name, _ in imports_of(file)
        if within(name, "agents")
    ]
    assert not wrong, "\n".join(wrong)


def test_every_module_has_a_room() -> None:
    homeless = [
        module_of(f)
        for f in python_files()
        if room_of(module_of(f)) is None
        and module_of(f) not in {*ROOTS, "ide"}
        and not within(module_of(f), "ide.templatetags")
    ]
    assert not homeless


def test_no_import_cycles() -> None:
    graph = {
        module_of(f): {name for name, _ in imports_of(f) if is_module(name) and name != module_of(f)}
        for f in python_files()
    }
    seen: dict[str, int] = {}
    path: list[str] = []

    def visit(module: str) -> None:
        if seen.get(module) == 2:
            return
        if seen.get(module) == 1:
            pytest.fail("import cycle: " + " → ".join([*path[path.index(module) :], module]))
        seen[module] = 1
        path.append(module)
        for target in graph.get(module, ()):
            visit(target)
        path.pop()
        seen[module] = 2

    for module in graph:
        visit(module)


def test_files_and_functions_keep_their_size() -> None:
    wrong = []
    for file in python_files():
        name = str(file.relative_to(ROOT))
        lines = file.read_text().count("\n")
        if lines > 400 and name not in LONG_FILES:
            wrong.append(f"{name}: {lines} lines")
        for node in ast.walk(tree_of(file)):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            takes = [a.arg for a in [*node.args.posonlyargs, *node.args.args] if a.arg not in ("self", "cls")]
            key = f"{name}:{node.name}"
            if length > 60 and key not in LONG_FUNCTIONS:
                wrong.append(f"{key}: {length} lines")
            if len(takes) > 5 and key not in LONG_FUNCTIONS:
                wrong.append(f"{key}: {len(takes)} positional parameters")
    for file in [*ROOT.glob("static/src/**/*.ts"), *ROOT.glob("static/src/**/*.tsx")]:
        name = str(file.relative_to(ROOT))
        lines = file.read_text().count("\n")
        if lines > 400 and name not in LONG_FILES:
            wrong.append(f"{name}: {lines} lines")
    assert not wrong, "\n".join(wrong)


def test_every_exception_to_the_budgets_is_still_needed() -> None:
    for name in LONG_FILES:
        assert (ROOT / name).read_text().count("\n") > 400, f"{name} is within the budget: take it off the list"


def test_imports_stand_at_the_top() -> None:
    wrong = []
    for file in python_files():
        name = str(file.relative_to(ROOT))
        for node in ast.walk(tree_of(file)):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or node.name == "ready":
                continue
            inner = [n for n in ast.walk(node) if isinstance(n, ast.Import | ast.ImportFrom)]
            if inner and name not in INNER_IMPORTS:
                wrong.append(f"{name}:{inner[0].lineno} imports inside {node.name}()")
    assert not wrong, "\n".join(wrong)


def test_everything_public_is_annotated_and_every_module_says_what_it_is() -> None:
    wrong = []
    for file in python_files():
        name = file.relative_to(ROOT)
        tree = tree_of(file)
        if tree.body and not ast.get_docstring(tree) and file.name not in ("apps.py", "manage.py", "admin.py"):
            wrong.append(f"{name}: no module docstring")
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.returns is None:
                wrong.append(f"{name}:{node.lineno} {node.name} has no return annotation")
    assert not wrong, "\n".join(wrong)


def test_the_readme_lists_every_setting() -> None:
    settings = re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', (ROOT / "ide/settings.py").read_text())
    others = re.findall(r'os\.environ(?:\.get\(|\[)"([A-Z_]+)"', "".join(f.read_text() for f in python_files()))
    readme = (ROOT / "README.md").read_text()
    missing = sorted({name for name in [*settings, *others] if f"`{name}`" not in readme} - {"DJANGO_SETTINGS_MODULE"})
    assert settings
    assert not missing


@pytest.mark.django_db
def test_migrations_match_the_models() -> None:
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)


def test_no_tracked_file_names_a_package_registry_or_this_machine() -> None:
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.split(b"\0")
    addresses = [
        "pypi" + ".org",
        "registry" + ".npmjs",
        "files.python" + "hosted",
        "crates" + ".io",
        "deb.debian" + ".org",
    ]
    places = ["/wo" + "rk/", "/ro" + "ot/"]
    wrong = []
    for name in filter(None, tracked):
        file = ROOT / name.decode()
        if not file.is_file() or file.suffix in (".png", ".woff2", ".gguf"):
            continue
        text = file.read_text(errors="replace")
        wrong += [f"{name.decode()} has {word}" for word in [*addresses, *places] if word in text]
    assert not wrong, "\n".join(wrong)
