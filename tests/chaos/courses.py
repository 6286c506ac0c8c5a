"""What happens in each row: how the fault strikes, who takes over, what else must be so."""

from __future__ import annotations

import asyncio
import signal
import time

from ide.documents import protocol
from tests.chaos.checker import Row, token
from tests.chaos.ground import LEASE_SECONDS, until
from tests.chaos.run import Course, Run

TAKEOVER_SECONDS = 10.0
POISON = [bytes.fromhex(one) for one in ("01014d02040101740361620a00", "01004d00000101740361620a00")]


async def struck(run: Run) -> None:
    """The armed host comes by its point: it is killed, or it is paused until the other has taken over."""
    if run.variant == "pause":
        await paused(run)
        return
    async with asyncio.timeout(20):
        await run.host.ended.wait()
    run.struck()
    await taken_over(run)


async def taken_over(run: Run) -> None:
    await run.saved(20, TAKEOVER_SECONDS + 15)
    seconds = run.recovered() or 99.0
    run.need(seconds <= TAKEOVER_SECONDS, f"taking over took {seconds:.1f} s")


async def paused(run: Run) -> None:
    """Half of its clients go to the other host, the rest stay with the paused one until it runs again."""
    await until(run.host.paused, f"{run.row.point} reached", 20)
    run.struck()
    run.door.targets = [run.other.port]
    run.door.cut(0.5)
    if run.ground.database == "sqlite":  # it has one writer: who is paused in a commit keeps all others from theirs
        await run.perhaps_saved(5, LEASE_SECONDS + 1.5)
    else:
        await run.saved(5, LEASE_SECONDS + TAKEOVER_SECONDS)
    resumed(run)
    await run.saved(20, TAKEOVER_SECONDS + 15)


def resumed(run: Run) -> None:
    """It runs again; clients find whoever is the host now."""
    run.host.signal(signal.SIGCONT)
    run.door.targets, run.door.in_turn = [run.other.port, run.host.port], True


async def stale(run: Run) -> None:
    await paused(run)
    await until(lambda: any(4409 in one.codes for one in run.writers), "a client of the stale host is told 4409", 10)


async def failed(run: Run) -> None:
    """The log cannot be written three times; nothing is killed."""
    await run.saved(40)
    run.need(any(set(one.codes) & {4012, 1012} for one in run.writers), "nobody was closed to send again")


async def panic(run: Run) -> None:
    """A person sends the two updates that make pycrdt panic; theirs is the only socket that ends."""
    await run.saved(10)
    before = [len(one.codes) for one in run.writers]
    offender = run.writers[1]
    for update in POISON:
        offender.send_raw(protocol.update(run.world["document"], update))
    await until(lambda: len(offender.codes) > before[1], "the offender is closed", 10)
    run.struck()
    await run.saved(20)
    others = [n for n, one in enumerate(run.writers) if n != 1 and len(one.codes) > before[n]]
    run.need(not others, f"others were closed too: {[run.writers[n].name for n in others]}")
    run.need(set(offender.codes) <= {4008, 1008, 4400}, f"the offender was closed with {offender.codes}")
    facts = await run.ground.ask("facts", run.world["document"])
    run.need(facts["quarantined"], "nothing is in quarantine")


async def compacted(run: Run) -> None:
    """The host is told to end; it compacts as it closes and is struck there. The other takes over."""
    await run.saved(30)
    run.host.signal(signal.SIGTERM)
    if run.variant == "pause":
        await until(lambda: run.host.paused() or run.host.ended.is_set(), "paused or ended", 20)
        run.struck()
        await run.saved(10, LEASE_SECONDS + TAKEOVER_SECONDS)
        run.host.signal(signal.SIGCONT)
    async with asyncio.timeout(20):
        await run.host.ended.wait()
    if run.struck_at is None:
        run.struck()
    await run.saved(20, TAKEOVER_SECONDS + 15)


async def damaged(run: Run) -> None:
    """Two clean ends make two snapshots; a bit of the newer is turned."""
    await run.saved(20)
    for _ in range(2):
        await restarted(run, signal.SIGTERM)
        await run.saved(20)
    await end_host(run, signal.SIGTERM)
    count = await run.ground.ask("damage_snapshot", run.world["document"])
    run.need(count >= 2, f"there were {count} snapshots to choose from")
    run.struck()
    await next_host(run)
    await run.saved(20)


async def outside(run: Run) -> None:
    """Somebody else writes the file while the host is between its look and its write."""
    kill = run.variant != "pause"
    if kill:
        async with asyncio.timeout(20):
            await run.host.ended.wait()
        run.door.targets = []
    else:
        await until(run.host.paused, "disk.compared reached", 20)
    run.struck()
    change_outside(run)
    if kill:
        run.door.targets = [run.other.port]
    else:
        run.host.signal(signal.SIGCONT)
    await run.saved(20, 25)


def change_outside(run: Run) -> None:
    """A line is put before what is on disk, in place, as an editor or a formatter would."""
    one = token("disk", 1)
    run.file.write_bytes(f"{one} outside 😀\n".encode() + run.file.read_bytes())
    run.history.append(Row("disk", "write", one, time.monotonic(), "ok", time.monotonic()))
    run.extra["disk"] = "disk"


async def lost(run: Run) -> None:
    """Paused with its new file written and not yet in place, for longer than its lease; then it goes on. Nobody writes
    when it is paused, or SQLite's one lock might be held."""
    await run.saved(3)
    await run.end()
    await until(run.host.paused, "disk.written reached", 20)
    run.struck()
    run.door.targets = [run.other.port]
    run.door.cut(0.6)
    run.begin()
    await run.saved(30, LEASE_SECONDS + TAKEOVER_SECONDS + 5)
    newest = [row.token for row in run.writers[0].rows if row.op == "write" and row.outcome == "ok"][-1]
    await until(lambda: newest in run.on_disk() or newest not in run.writers[0].text, "the new host's file", 10)
    resumed(run)
    await run.saved(20, 20)


async def terminated(run: Run) -> None:
    await run.saved(10)
    for _ in range(100):
        run.writers[0].write()
    began = time.monotonic()
    run.host.signal(signal.SIGTERM)
    run.struck()
    async with asyncio.timeout(20):
        await run.host.ended.wait()
    run.need(time.monotonic() - began <= 10, f"it took {time.monotonic() - began:.1f} s to end")
    await run.saved(20, 20)
    codes = [one.codes[:1] for one in run.writers]
    run.need(all(code and code[0] in (4012, 1012) for code in codes), f"closed with {codes}")


async def killed(run: Run) -> None:
    await run.saved(run.random.randrange(10, 40))
    await run.host.kill()
    run.struck()
    await taken_over(run)


async def all_killed(run: Run) -> None:
    await run.saved(run.random.randrange(10, 40))
    await asyncio.gather(run.host.kill(), run.other.kill())
    run.struck()
    await next_host(run)
    await taken_over(run)


# --- hosts ------------------------------------------------------------------------------------------------------------


async def end_host(run: Run, number: signal.Signals) -> None:
    run.door.targets = []
    run.host.signal(number)
    async with asyncio.timeout(20):
        await run.host.ended.wait()


async def next_host(run: Run) -> None:
    run.host = await run.ground.web()
    run.door.targets = [run.host.port]


async def restarted(run: Run, number: signal.Signals) -> None:
    await end_host(run, number)
    await next_host(run)


COURSES: dict[str, Course] = {
    "struck": struck,
    "stale": stale,
    "failed": failed,
    "panic": panic,
    "compacted": compacted,
    "damaged": damaged,
    "outside": outside,
    "lost": lost,
    "terminated": terminated,
    "killed": killed,
    "all_killed": all_killed,
}
