"""What happens in each row: how the fault strikes, who takes over, what else must be so."""

from __future__ import annotations

import asyncio
import os
import signal
import time

from ide.documents import protocol
from tests.chaos.checker import TOKENS, Row, token
from tests.chaos.ground import LEASE_SECONDS, Web, state_of, until
from tests.chaos.run import Course, Run

TAKEOVER_SECONDS = 10.0
PASTE = 560 << 10  # bytes; more than what calls for a compaction
# Finding 1 of the reliability notes, under a client id that anybody may take: together they make pycrdt 0.14.13 panic.
POISON = bytes.fromhex("0102cddb70000401047465787401610400cddb7000016200")  # text inside of a letter


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
    """A person sends an update that fails inside pycrdt; theirs is the only socket that ends."""
    await run.saved(10)
    before = [len(one.codes) for one in run.writers]
    offender = run.writers[1]
    offender.send_raw(protocol.update(run.world["document"], POISON))
    await until(lambda: len(offender.codes) > before[1], "the offender is closed", 10)
    run.struck()
    await run.saved(20)
    others = [n for n, one in enumerate(run.writers) if n != 1 and len(one.codes) > before[n]]
    run.need(not others, f"others were closed too: {[run.writers[n].name for n in others]}")
    run.need(set(offender.codes) <= {4008, 1008, 4400}, f"the offender was closed with {offender.codes}")
    facts = await run.ground.ask("facts", run.world["document"])
    inside = any("Panic" in why or "Cannot apply" in why for why in facts["quarantined"])
    run.need(inside, f"in quarantine: {facts['quarantined']}")


async def compacted(run: Run) -> None:
    """So much is pasted that the log is compacted, in a process of its own, which is struck; then the host is killed.
    What was paused goes on when another host has the workspace."""
    await run.saved(10)
    run.writers[0].paste(PASTE)
    await until(run.host.struck, "the compaction is struck", 20)
    await run.saved(10)
    child = run.host.struck()[0]
    run.host.signal(signal.SIGKILL)
    run.struck()
    await run.saved(20, TAKEOVER_SECONDS + 15)
    if run.variant == "pause":
        run.need(state_of(child) == "T", "the compaction was not paused")
        os.kill(child, signal.SIGCONT)
        await until(lambda: state_of(child) in ("", "Z"), "the compaction of the dead host ends", 20)
    await snapshot_more(run)


async def snapshot_more(run: Run) -> None:
    """The host there is now makes a snapshot."""
    before = await run.ground.ask("snapshots", run.world["document"])
    run.writers[0].paste(PASTE)
    async with asyncio.timeout(20):
        while await run.ground.ask("snapshots", run.world["document"]) <= before:
            await run.saved(1)


async def damaged(run: Run) -> None:
    """There are two snapshots when a bit of the newer is turned; the next host finds out."""
    for _ in range(2):
        await run.saved(5)
        await snapshot_more(run)
    await end_host(run, signal.SIGTERM)
    await run.ground.ask("damage_snapshot", run.world["document"])
    run.struck()
    await next_host(run)
    await run.saved(20)
    facts = await run.ground.ask("facts", run.world["document"])
    run.need(facts["damaged"], "there is no damaged snapshot")
    run.need("is damaged" in run.host.log.read_text(), "nobody was alarmed")


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
    saved = [row for one in run.writers for row in one.rows if row.op == "write" and row.answered is not None]
    newest = max(saved, key=lambda row: row.answered or 0.0).token
    await until(lambda: newest in run.on_disk(), "the new host's file", 10)
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


async def epoch(run: Run) -> None:
    """The server is stopped, a new epoch is begun and struck half-way; then it is begun once more, to the end."""
    await run.saved(20)
    await all_end(run)
    armed = run.row.armed(run.variant, run.random)
    command = await run.ground.command("new_epoch", "--workspace", run.world["workspace"], fault=armed)
    run.struck()
    if run.variant == "pause":
        await until(command.paused, "epoch.bumping reached", 30)
        run.host = await run.ground.web()
        run.door.targets = [run.host.port]
        await run.perhaps_saved(5, LEASE_SECONDS)  # not while the document's row is locked, whatever the database
        command.signal(signal.SIGCONT)
    async with asyncio.timeout(30):
        await command.ended.wait()
    run.need(command.struck(), "epoch.bumping was never reached")
    if run.variant != "pause":
        before = await run.ground.ask("facts", run.world["document"])
        run.need(before["epoch"] == 1, f"a command that was killed left epoch {before['epoch']}")
        await next_host(run)
    await run.saved(20, 40)
    await all_end(run)
    whole = await run.ground.command("new_epoch", "--workspace", run.world["workspace"])
    async with asyncio.timeout(30):
        await whole.ended.wait()
    after = await run.ground.ask("facts", run.world["document"])
    run.need(after["epoch"] > 1, f"no new epoch was begun: {whole.log.read_text()[-500:]}")
    await next_host(run)
    await run.saved(20, 40)
    run.need(any("epoch" in one.denied for one in run.writers), "nobody was told of the new epoch")


async def restored(run: Run) -> None:
    """Document and file are set back to a backup and a new epoch is begun, as the manual says. What was written since
    is in the document again only when each person has taken the patch that was offered."""
    await run.saved(20)
    backup = run.ground.data / f"backup-{run.world['document']}.json"
    await all_end(run)
    await run.ground.ask("backup", run.world["document"], str(backup))
    file = run.file.read_bytes()
    await next_host(run)
    await run.saved(30, 20)
    await all_end(run)
    await run.end()
    await run.ground.ask("restore", run.world["document"], str(backup))
    run.file.write_bytes(file)
    command = await run.ground.command("new_epoch", "--workspace", run.world["workspace"])
    async with asyncio.timeout(30):
        await command.ended.wait()
    for one in run.crew:
        for row in one.rows:  # an operator took them back, so nobody promises them any more
            row.outcome = "unknown"
    old = (await run.ground.ask("facts", run.world["document"]))["texts"]["log"]
    for one in run.writers:
        one.hesitates = True
    await next_host(run)
    await until(lambda: all("epoch" in one.denied and one.settled for one in run.writers), "told of the epoch", 20)
    known = {match[0] for match in TOKENS.finditer(old)}
    merged = {match[0] for one in run.writers for match in TOKENS.finditer(one.text)} - known
    asked = {
        row.token for one in run.crew if one not in run.writers for row in one.rows
    }  # Node takes its patch at once
    run.need(merged <= asked, f"merged without being asked: {sorted(merged - asked)[:3]}")
    for one in run.writers:
        one.accept()
    run.begin()
    await run.saved(20, 20)


async def all_end(run: Run) -> None:
    """The server is stopped properly."""
    run.door.targets = []
    await asyncio.gather(*(end(web) for web in (run.host, run.other)))
    async with asyncio.timeout(2 * LEASE_SECONDS + 5):  # a lease that was taken at the last moment runs out by itself
        while await run.ground.ask("is_live", run.world["workspace"]):
            await asyncio.sleep(0.1)


async def end(web: Web) -> None:
    web.signal(signal.SIGTERM)
    async with asyncio.timeout(20):
        await web.ended.wait()


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
    "epoch": epoch,
    "restored": restored,
}
