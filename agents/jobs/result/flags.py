"""Files of a result that make code run elsewhere, or decide what is installed: nobody merges one without saying so."""

from __future__ import annotations

from collections.abc import Sequence

HOOKS = (".husky/", ".githooks/", ".hooks/", ".pre-commit-config", "lefthook.y", ".lefthook")
CI = (
    *(".github/", ".gitlab-ci", ".gitlab/", ".circleci/", ".ci/", ".drone.", ".woodpecker", "azure-pipelines"),
    *("bitbucket-pipelines", ".travis.yml", ".buildkite/", "Jenkinsfile"),
)
LOCKS = (
    *("package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock", "bun.lockb"),
    *("poetry.lock", "uv.lock", "Pipfile.lock", "pdm.lock", "Cargo.lock", "go.sum", "Gemfile.lock", "composer.lock"),
)
# Of editors, agents and tools that start what they read there.
CONFIG = (
    *(".vscode/", ".idea/", ".devcontainer/", ".cursor/", ".claude/", ".codex/", ".envrc", ".tool-versions"),
    *(".npmrc", ".yarnrc", ".pypirc", "pip.conf", ".mcp.json"),
)
GUIDES = ("AGENTS.md", "CLAUDE.md", ".cursorrules")
GIT = (".gitattributes", ".gitmodules")
WORDS = {
    "hook": "can make code run when others work with the repository (a hook)",
    "ci": "can make code run elsewhere (continuous integration)",
    "lock": "is a lock file: it decides what is installed",
    "config": "tells editors, agents or tools what to start",
    "git": "changes how git treats files",
    "binary": "is not text; it is taken as it is",
}
TO_CONFIRM = frozenset({"hook", "ci", "lock", "config", "git"})


def of(path: str, *, text: bool) -> list[str]:
    """The flags of a changed file, out of WORDS."""
    name = path.rsplit("/", 1)[-1]
    found = {
        "hook": path.startswith(HOOKS) or ("/hooks/" in f"/{path}" and "." not in name),
        "ci": path.startswith(CI) or name == "Jenkinsfile",
        "lock": name in LOCKS,
        "config": path.startswith(CONFIG) or name in GUIDES or name in CONFIG,
        "git": name in GIT,
        "binary": not text,
    }
    return [flag for flag, there in found.items() if there]


def sentences(path: str, flags: Sequence[str]) -> list[str]:
    return [f"{path} {WORDS[flag]}." for flag in flags]
