"""Symbols are found where files are listed in the sandbox of a real runner, too."""

from __future__ import annotations

from pytest_django import Settings

from agents.context import symbols
from tests.agents.conftest import Follower, Site
from tests.runner.conftest import Runner, runner  # noqa: F401 (fixture)


async def test_files_are_listed_in_the_sandbox(
    runner: Runner,  # noqa: F811
    settings: Settings,
    site: Site,
    ada: Follower,
) -> None:
    settings.RUNNER_SOCKET = runner.socket
    (site.folder / "shop").mkdir()
    (site.folder / "shop" / "till.py").write_text("def total(): pass\n")
    index = symbols.Index(fresh=0)
    tags = await index.look(await site.host())
    assert sorted(tags) == ["a.py", "shop/till.py"]
