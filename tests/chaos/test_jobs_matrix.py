"""The matrix of jobs on SQLite, one seed, one kind; `make chaos` runs three kinds, three seeds and both databases."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.chaos.groups import Group
from tests.chaos.jobplant import JobPlant, jobplant
from tests.chaos.jobrows import FILES, ROWS, Json, Row, run_row


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[JobPlant, Group, list[Json]]]:
    with jobplant(tmp_path_factory.mktemp("jobs"), forks=True) as one:
        yield one, one.worker(), one.ask("ground", len(ROWS), one.model.url, FILES)


@pytest.mark.parametrize("row", ROWS, ids=[f"{row.number} {row.name}" for row in ROWS])
def test_every_effect_is_there_once(row: Row, plant: tuple[JobPlant, Group, list[Json]]) -> None:
    one, healthy, places = plant
    faults = run_row(one, healthy, places[row.number - 1], row, ("agent", 1))
    assert not faults, "\n".join(faults)
