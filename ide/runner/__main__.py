"""`python -m ide.runner --socket PATH`: the process that starts every confined child, on its main thread."""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import logging
import os
import signal
import sys
from pathlib import Path

from ide.runner.sandbox import Box
from ide.runner.server import Server

PR_SET_PDEATHSIG = 1


async def serve(path: Path, box: Box) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    server = Server(box)
    listening = await server.listen(path)
    await stop.wait()
    listening.close()
    await server.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="ide.runner", description="Starts confined processes for Tandem.")
    parser.add_argument("--socket", type=Path, required=True, help="where to listen")
    parser.add_argument("--bwrap", type=Path, help="bubblewrap, if not the one on PATH")
    arguments = parser.parse_args()
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    parent = os.getppid()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it died before we asked to be told
        sys.exit(0)
    os.umask(0o077)
    try:
        asyncio.run(serve(arguments.socket, Box(arguments.bwrap)))
        arguments.socket.unlink(missing_ok=True)
    except OSError as error:
        sys.exit(f"The runner cannot listen at {arguments.socket}: {error}")


if __name__ == "__main__":
    main()
