"""`python -m ide.runner --socket PATH`: the process that starts every confined child, on its main thread."""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import faulthandler
import hashlib
import logging
import os
import signal
import sys
from pathlib import Path

from ide.runner.cgroups import Cgroups
from ide.runner.confined import end_orphans
from ide.runner.owners import Owners
from ide.runner.sandbox import Box
from ide.runner.server import Server

log = logging.getLogger("ide.runner")

PR_SET_PDEATHSIG = 1


async def _alive(seconds: float) -> None:
    """End this process, with what every thread was doing on stderr, when its loop has stood still for so long: whoever
    supervises it starts it anew, and its sandboxes go with it."""
    while True:
        faulthandler.dump_traceback_later(seconds, exit=True)
        await asyncio.sleep(seconds / 6)


async def serve(path: Path, box: Box, hung_after: float) -> None:
    stop = asyncio.Event()
    alive = asyncio.create_task(_alive(hung_after))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    server = Server(box, path.parent)
    listening = await server.listen(path)
    await stop.wait()
    listening.close()
    await server.close()
    alive.cancel()


def _box(path: Path, arguments: argparse.Namespace) -> Box:
    """Nothing of an earlier runner at this socket is left when this returns."""
    where = hashlib.sha256(os.fsencode(path.absolute())).hexdigest()[:12]
    mark = f"tandem-sandbox-{where}"
    ended = end_orphans(mark)
    if ended:
        log.warning("%d processes of an earlier runner's sandboxes were still there and are ended", ended)
    cgroups = Cgroups(arguments.cgroup)
    cgroups.find()
    return Box(arguments.bwrap, mark, cgroups, _owners(where, arguments.uids))


def _owners(where: str, uids: str) -> Owners | None:
    """Users for sandboxes: only root has some to give."""
    if os.getuid() or not uids:
        return None
    first, _, count = uids.partition(":")
    try:
        return Owners(Path("/run", f"tandem-{where}"), int(first), int(count))
    except OSError as error:
        log.warning("sandboxes have the server's user id: %s", error)
        return None


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="ide.runner", description="Starts confined processes for Tandem.")
    parser.add_argument("--socket", type=Path, required=True, help="where to listen")
    parser.add_argument("--bwrap", type=Path, help="bubblewrap, if not the one on PATH")
    parser.add_argument(
        "--uids", default="1900000000:4096", help="FIRST:COUNT user ids for sandboxes, when root; or ''"
    )
    parser.add_argument("--cgroup", type=Path, help="a version 2 control group delegated to Tandem")
    parser.add_argument("--hung-after", type=float, default=60, help="seconds it may stand still before it ends itself")
    return parser.parse_args()


def main() -> None:
    arguments = _arguments()
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    parent = os.getppid()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it died before we asked to be told
        sys.exit(0)
    os.umask(0o077)
    box = _box(arguments.socket, arguments)
    try:
        asyncio.run(serve(arguments.socket, box, arguments.hung_after))
        arguments.socket.unlink(missing_ok=True)
    except OSError as error:
        sys.exit(f"The runner cannot listen at {arguments.socket}: {error}")
    finally:
        box.close()


if __name__ == "__main__":
    main()
