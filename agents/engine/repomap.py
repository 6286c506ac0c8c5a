"""A map of a repository for a model: what stands where, the most used first, within a budget of tokens.

Files are ranked as in PageRank: a file that uses a name passes its rank on to the files that define it, and the walk
begins again at the files in question. A definition's rank is what reaches it that way. Pure and synchronous; a big
repository takes a second, so it is called in a thread.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from agents.engine.tags import Definition, Tags

DAMPING = 0.85
ROUNDS = 15
EVERYWHERE = 8  # files that define a name: with more, using it says little about which is meant
ASKED = 8.0  # times that a name in the message counts
PRIVATE = 0.2

Go = Callable[[], bool]
Count = Callable[[str], int]
Place = tuple[str, str]  # path and name


@dataclass(frozen=True)
class About:
    """What is in question: files with their weights, and names that were said."""

    files: Mapping[str, float]
    names: frozenset[str] = frozenset()


class Cancelled(Exception):
    """Nobody waits for the map any more."""


def ranked(files: Mapping[str, Tags], about: About, go_on: Go = lambda: True) -> list[tuple[str, Definition]]:
    """All definitions with their paths, the most relevant first. Raises Cancelled when go_on() says no."""
    uses = _uses(files, about)
    ranks = _walk(list(files), uses, about.files, go_on)
    reaching: dict[Place, float] = defaultdict(float)
    for path, targets in uses.items():
        total = sum(targets.values())
        for place, weight in targets.items():
            reaching[place] += ranks[path] * weight / total
    everything = [(path, one) for path in sorted(files) for one in files[path].definitions if _is_shown(one)]
    small = 1e-6  # what nobody uses comes last, in files that are used first
    return sorted(everything, key=lambda at: -(reaching.get((at[0], at[1].name), 0.0) + small * ranks[at[0]]))


def _is_shown(one: Definition) -> bool:
    """Not what is local to a function."""
    return not one.within or one.kind in ("method", "class")


def _uses(files: Mapping[str, Tags], about: About) -> dict[str, dict[Place, float]]:
    """Which definitions of other files each file uses, and how much that says."""
    homes: dict[str, set[str]] = defaultdict(set)
    for path, found in files.items():
        for one in found.definitions:
            if _is_shown(one):
                homes[one.name].add(path)
    telling = {name: sorted(paths) for name, paths in homes.items() if len(paths) <= EVERYWHERE or name in about.names}
    uses: dict[str, dict[Place, float]] = {}
    for path, found in files.items():
        targets: dict[Place, float] = {}
        for name in found.names & telling.keys():
            paths = telling[name]
            if path in paths:  # its own is meant
                continue
            weight = _weight(name, about) / len(paths)
            targets |= {(home, name): weight for home in paths}
        if targets:
            uses[path] = targets
    return uses


def _weight(name: str, about: About) -> float:
    return (ASKED if name in about.names else 1.0) * (PRIVATE if name.startswith("_") else 1.0)


def _walk(paths: list[str], uses: Mapping[str, Mapping[Place, float]], begin: Mapping[str, float], go_on: Go) -> dict[
    str, float
]:  # fmt: skip
    """The files' ranks; the walk begins in the files in question, or anywhere if there are none."""
    known = {path: begin[path] for path in paths if begin.get(path)} or dict.fromkeys(paths, 1.0)
    total = sum(known.values()) or 1.0
    first = {path: weight / total for path, weight in known.items()}
    links = {path: _links(targets) for path, targets in uses.items()}
    ranks = {path: first.get(path, 0.0) for path in paths}
    for _ in range(ROUNDS):
        if not go_on():
            raise Cancelled
        following = {path: (1 - DAMPING) * first.get(path, 0.0) for path in paths}
        lost = 0.0
        for path, rank in ranks.items():
            if path not in links:
                lost += rank
                continue
            for home, share in links[path]:
                following[home] += DAMPING * rank * share
        for path, share in first.items():
            following[path] += DAMPING * lost * share
        ranks = following
    return ranks


def _links(targets: Mapping[Place, float]) -> list[tuple[str, float]]:
    by_file: dict[str, float] = defaultdict(float)
    for (home, _), weight in targets.items():
        by_file[home] += weight
    total = sum(by_file.values())
    return [(home, weight / total) for home, weight in by_file.items()]


def drawn(order: Iterable[tuple[str, Definition]], budget: int, count: Count) -> str:
    """As much of that order as fits, by path and line: a file's path, then each definition's line and first line."""
    chosen: dict[str, dict[int, str]] = {}
    room = budget
    for path, one in order:
        line = f"  {one.line}: {one.text}"
        cost = count(f"{line}\n") + 1 + (0 if path in chosen else count(f"{path}\n") + 1)
        if cost > room:
            break
        room -= cost
        chosen.setdefault(path, {})[one.line] = line
    rows = []
    for path in sorted(chosen):
        rows += [path, *(text for _, text in sorted(chosen[path].items()))]
    return "\n".join(rows)
