"""Beats: what waits goes on together; a loop with much to do has longer ones."""

from __future__ import annotations

import asyncio

from agents.sessions.pace import EASY, FRAME, FULL, LONGEST, Beat, length


async def test_all_that_wait_go_on_in_one_turn_of_the_loop() -> None:
    beat, went = Beat(), list[str]()

    async def goes(name: str) -> None:
        await beat.next()
        asyncio.get_running_loop().call_soon(went.append, "|")
        went.append(name)

    tasks = [asyncio.create_task(goes(name)) for name in "abc"]
    await asyncio.sleep(0)  # all of them wait
    tasks[1].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert "".join(went).startswith("ac")
    await goes("d")
    assert "d" in went


def test_frames_are_longer_where_the_loop_has_much_to_do() -> None:
    assert length(0.0) == length(EASY) == FRAME
    assert FRAME < length((EASY + FULL) / 2) < LONGEST
    assert length(FULL) == length(1.0) == LONGEST
