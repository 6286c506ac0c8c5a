"""The crash matrix on SQLite, one seed: every row killed, three paused. `make chaos` runs the rest."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.chaos.courses import COURSES
from tests.chaos.ground import Ground, ground
from tests.chaos.rows import ROWS, Row
from tests.chaos.run import run_row

PAUSED = (3, 14, 15)  # in a commit, behind a rename, before a write
CASES = [
    (row, variant) for row in ROWS for variant in row.variants if variant != "pause" or row.number in PAUSED
]  # fmt: skip


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Ground]:
    async with ground(tmp_path_factory.mktemp("chaos")) as one:
        yield one


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("row", "variant"), CASES, ids=[f"{row.number} {row.name} ({v})" for row, v in CASES])
async def test_nothing_saved_is_lost(row: Row, variant: str, place: Ground, tmp_path: Path) -> None:
    result = await run_row(place, row, variant, 1, COURSES[row.course])
    logs = place.logs()
    place.webs.clear()
    assert not result.faults, "\n".join([*result.faults[:20], logs])


def test_every_row_has_a_course_and_a_number() -> None:
    assert [row.number for row in ROWS] == list(range(1, len(ROWS) + 1))
    assert {row.course for row in ROWS} == set(COURSES)
