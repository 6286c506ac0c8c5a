"""Beats: what waits goes on together; a loop with much to do has longer ones."""

from __future__ import annotations

import asyncio

from agents.sessions.pace import FRAME, FRAMES, Beat, length


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
    (_, shortest), *_, (full, longest) = FRAMES
    assert length(0.0) == shortest == FRAME
    for busy, frame in FRAMES:
        assert length(busy) == frame
    assert shortest < length(0.5) < length(0.7) < longest
    assert length((full + 1) / 2) == longest
