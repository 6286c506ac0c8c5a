"""`manage.py up`: start every part, print the link, stay until Ctrl-C or SIGTERM, leave nothing behind."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import socket
import stat
import time
from typing import TextIO
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from ide.accounts.first_link import make_first_link
from ide.documents.log import durable
from ide.live.announce import broker_problem
from ide.management.servers import local_url
from ide.management.supervisor import PartFailed, Supervisor
from ide.parts import Part, parts

MIGRATE_AFTER = 30  # parts up to this order need no tables
WORKER_PARTS = ("runner", "worker")


class Command(BaseCommand):
    help = "Run everything: web server, worker, runner and, unless configured otherwise, Valkey and the built-in model."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="start everything, print the link, and stop again")
        parser.add_argument("--worker", action="store_true", help="only work on jobs of a site that runs elsewhere")

    def handle(self, *args: object, **options: object) -> None:
        began = time.monotonic()
        self._worker_only = bool(options["worker"])
        self._lock: TextIO = self._only_one()
        _make_runtime_dir()
        if self._worker_only:
            _site_is_named()
        else:
            _port_is_free()
            _choose_model_port()
        _broker_answers()
        supervisor = Supervisor(settings.DATA_DIR / "logs" / _machine(), dict(os.environ), self._say)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: setattr(supervisor, "stopping", True))
        try:
            self._start(supervisor)
            if not supervisor.stopping:
                what = "The worker is ready" if self._worker_only else "Tandem is ready"
                link = "" if self._worker_only else f" Open {_link()}"
                self._say(f"{what} after {time.monotonic() - began:.1f} s.{link}")
                if not options["check"]:
                    supervisor.watch()
        except PartFailed as error:
            raise CommandError(f"{error}\n  `manage.py doctor` checks what each part needs.") from error
        finally:
            ended = time.monotonic()
            supervisor.stop()
            self._say(f"All parts stopped in {time.monotonic() - ended:.1f} s.")

    def _start(self, supervisor: Supervisor) -> None:
        self._say(f"Starting {settings.SITE_NAME}; data in {settings.DATA_DIR}")
        wanted = [p for p in parts() if not self._worker_only or p.name in WORKER_PARTS]
        supervisor.start([p for p in wanted if p.order <= MIGRATE_AFTER])
        if self._worker_only:
            _is_migrated()
        else:
            self._migrate()
            call_command("endpoints", verbosity=0)
        late: dict[int, list[Part]] = {}
        for part in wanted:
            if part.order > MIGRATE_AFTER:
                late.setdefault(part.order, []).append(part)
        for order in sorted(late):
            supervisor.start(late[order])

    def _migrate(self) -> None:
        try:
            call_command("migrate", verbosity=0, interactive=False)
        except DatabaseError as error:
            raise PartFailed(f"The database cannot be used: {error}. Check DATABASE_URL, or unset it.") from error
        state, finding, advice = durable.check()
        if state == "fail":
            raise PartFailed(f"The database may lose saved text: {finding}. {advice}")
        if state == "warn":
            self._say(f"  database   {finding}. {advice}")
        self._say("  database   migrated")

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()

    def _only_one(self) -> TextIO:
        """Hold the data folder for this process, on this machine; a second `up` on the same folder is told so."""
        lock = (settings.DATA_DIR / ("-".join(filter(None, ["up", _machine()])) + ".lock")).open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.close()
            raise CommandError(
                f"Tandem already runs with the data folder {settings.DATA_DIR}. "
                "Stop it first, or set TANDEM_DATA to another folder.",
            ) from error
        return lock


def _machine() -> str:
    """This machine's name where several may share the data folder; empty where the folder holds the database or the
    broker, which are of one machine."""
    alone = settings.EMBEDDED_VALKEY or connection.vendor == "sqlite"
    return "" if alone else socket.gethostname()


def _make_runtime_dir() -> None:
    folder = settings.RUNTIME_DIR
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise CommandError(
            f"{folder} is not a folder that only you can use, so sockets would not be safe there. "
            "Remove it, or set TANDEM_RUNTIME to a folder of your own.",
        )
    for leftover in folder.glob("*.sock"):
        leftover.unlink()


def _site_is_named() -> None:
    if settings.EMBEDDED_VALKEY:
        raise CommandError("A worker apart needs the site's REDIS_URL, DATABASE_URL, SECRET_KEY and TANDEM_KEY_SECRET.")


def _is_migrated() -> None:
    """The site's machines bring the database up to date; a worker of newer code waits for them."""
    try:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError as error:
        raise PartFailed(f"The database cannot be used: {error}. Check DATABASE_URL.") from error
    if missing:
        raise PartFailed(f"The database is older than this code ({len(missing)} migrations). Upgrade the site first.")


def _choose_model_port() -> None:
    if settings.BUILTIN_MODEL and not settings.BUILTIN_MODEL_PORT:
        settings.BUILTIN_MODEL_PORT = _free_port()
        os.environ["TANDEM_BUILTIN_MODEL_PORT"] = str(settings.BUILTIN_MODEL_PORT)


def _port_is_free() -> None:
    family = socket.AF_INET6 if ":" in settings.HOST else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.HOST, settings.PORT))
        except OSError as error:
            why = "is used by another program" if error.errno == errno.EADDRINUSE else f"cannot be used ({error})"
            raise CommandError(
                f"The web server cannot start: {settings.HOST}:{settings.PORT} {why}. "
                f"Stop that program, or choose another port: PORT={settings.PORT + 1} make run",
            ) from error


def _broker_answers() -> None:
    """A broker of one's own must be there; the embedded one is started by us."""
    problem = None if settings.EMBEDDED_VALKEY else broker_problem()
    if problem:
        raise CommandError(
            f"The broker at {_without_password(settings.REDIS_URL)} does not answer: {problem}. "
            "Start it, correct REDIS_URL, or unset REDIS_URL to use the embedded one.",
        )


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _link() -> str:
    return (settings.PUBLIC_URL or local_url()) + (make_first_link() or "/")
