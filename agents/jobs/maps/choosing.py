"""What a map job works through, chosen by globs of paths or by a query for symbols, on the host that has the texts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from agents.context import symbols
from agents.environments.ground import matches
from agents.jobs.rows import life as jobs
from ide.db import in_db
from ide.errors import Invalid
from ide.live.host import WorkspaceHost


async def chosen(host: WorkspaceHost, order: jobs.Order) -> jobs.Order:
    """The order with its files and items named. Raises Invalid where nothing fits, or too much."""
    if order.kind != "map" or not (order.globs or order.query.strip()):
        return order
    entries, _ = await in_db(host.files.tree)
    there = [entry.path for entry in entries if entry.kind == "file"]
    fitting = [path for path in there if any(matches(path, glob) for glob in order.globs)]
    if order.query.strip():
        items = await _symbols(host, order.query.strip().lower(), {*fitting, *order.paths})
        paths = tuple(dict.fromkeys(str(item["path"]) for _, item in items))
    else:
        items, paths = (), tuple(dict.fromkeys((*order.paths, *fitting)))
    if not paths:
        raise Invalid("No file or symbol fits.", "Choose others.")
    if max(len(paths), len(items)) > jobs.MOST_PATHS:
        raise Invalid("These are too many for one job.", f"Choose at most {jobs.MOST_PATHS}.")
    return replace(order, paths=paths, items=items)


async def _symbols(host: WorkspaceHost, query: str, within: set[str]) -> tuple[tuple[str, Mapping[str, object]], ...]:
    """Definitions whose name has the query in it, in these files or in all; the lowest of a file first, so that what is
    written into one does not move those that are still to come; of two around each other the inner one."""
    found = []
    for path, of_file in sorted((await symbols.index(host).look(host)).items()):
        if within and path not in within:
            continue
        fits = [one for one in of_file.definitions if query in one.name.lower()]
        inner = [one for one in fits if not any(one is not o and one.line <= o.line and o.end <= one.end for o in fits)]
        for one in sorted(inner, key=lambda symbol: -symbol.line):
            item = {"path": path, "symbol": one.name, "line": one.line}
            found.append((f"{path} · {one.name}", item))
    return tuple(found)
