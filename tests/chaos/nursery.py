"""The process all servers and workers of a run are forked from: it has everything imported, so that one is up in a
moment.

`python -m tests.chaos.nursery`, orders on stdin and answers on stdout, one JSON line each. A server forked here is a
process as any other: its own connections, its own log, killed and paused by the kernel. `make chaos` starts them
outright (`manage.py`'s own command line) instead.
"""

from __future__ import annotations

import importlib
import json
import os
import select
import sys
import traceback
from collections.abc import Callable
from functools import partial
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ide.settings")

import uvicorn
from django.core.management import call_command
from django.db import connections

from ide import faults
from ide.asgi import application
from ide.celery import app as celery
from tests.chaos import clerk

MESSAGE_LIMIT = 16 << 20


def armed(fault: str, log: str, apart: bool = False) -> None:
    """`apart`: in a process group of its own, to be killed with all it starts."""
    if apart:
        os.setsid()
    os.environ["TANDEM_FAULT"] = fault
    importlib.reload(faults)
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(out, 1)
    os.dup2(out, 2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)


def command(argv: list[str], fault: str, log: str) -> None:
    armed(fault, log)
    call_command(*argv)


def work(worker: list[str], fault: str, log: str) -> None:
    """A Celery worker with these arguments."""
    armed(fault, log, apart=True)
    celery.worker_main(worker)


def serve(port: int, fault: str, log: str, apart: bool = False) -> None:
    armed(fault, log, apart)
    uvicorn.run(
        application,
        port=port,
        loop="uvloop",
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        ws_max_size=MESSAGE_LIMIT,
        timeout_graceful_shutdown=3,
        lifespan="off",
        log_level="warning",
    )


def say(line: dict[str, Any]) -> None:
    print(json.dumps(line), flush=True)


def forked(work: Callable[[], None]) -> int:
    """The child's process id; the child has no connection of ours."""
    connections.close_all()
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        work()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def answer(order: dict[str, Any]) -> dict[str, Any]:
    """What the clerk says, asked in a child of its own."""
    there, here = os.pipe()

    def ask() -> None:
        with os.fdopen(here, "w") as out:
            json.dump(getattr(clerk, order["ask"])(*order["args"]), out)

    pid = forked(ask)
    os.close(here)
    with os.fdopen(there) as read:
        text = read.read()
    os.waitpid(pid, 0)
    return {"number": order["number"], "result": json.loads(text)} if text else {"number": order["number"]}


def reap(children: set[int]) -> None:
    """A dead child must not stay a zombie: its lease would look alive."""
    for pid in list(children):
        if os.waitpid(pid, os.WNOHANG)[0]:
            children.discard(pid)
            say({"ended": pid})


def main() -> None:
    celery.loader.import_default_modules()
    children: set[int] = set()
    orders = os.fdopen(0, "rb", buffering=0)  # or `select` would miss lines
    while True:
        ready, _, _ = select.select([orders], [], [], 0.02)
        reap(children)
        if not ready:
            continue
        line = orders.readline()
        if not line:
            return
        order = json.loads(line)
        if "ask" in order:
            say(answer(order))
        else:
            number = order.pop("number")
            does = command if "command" in order else work if "worker" in order else serve
            order |= {"argv": order.pop("command")} if "command" in order else {}
            pid = forked(partial(does, **order))
            children.add(pid)
            say({"number": number, "result": pid})


if __name__ == "__main__":
    main()
