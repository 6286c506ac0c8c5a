"""manage.py simulate-model: a server that speaks the providers' wires without a model, for trials and measurements."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from agents.simulator.plan import Brain, Pace, Unknown, load
from agents.simulator.server import LABEL, Simulator, serve


class Command(BaseCommand):
    help = "Answer like a model provider (Responses over WebSocket and HTTP, chat, Anthropic) without a model."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=4010)
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--rate", type=float, default=1000.0, help="tokens a second; 0: at once")
        parser.add_argument("--ttft", type=float, default=0.02, help="seconds before the first token")
        parser.add_argument("--jitter", type=float, default=0.0, help="share by which each wait may differ, 0 to 1")
        parser.add_argument("--tokens", type=int, default=200, help="length of an answer nobody has scripted")
        parser.add_argument("--hour", type=float, default=3600.0, help="seconds a WebSocket lives")
        parser.add_argument("--cert", type=Path, help="serve https with this certificate chain (PEM)")
        parser.add_argument("--cert-key", type=Path, help="the certificate's private key (PEM)")
        parser.add_argument("--script", type=Path, help="JSON file with steps, as in agents/simulator/plan.py")

    def handle(self, *args: Any, **options: Any) -> None:
        pace = Pace(options["rate"], options["ttft"], options["jitter"])
        try:
            script = load(options["script"]) if options["script"] else None
        except Unknown as error:
            raise CommandError(str(error)) from error
        tls = None
        if options["cert"]:
            tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            tls.load_cert_chain(options["cert"], options["cert_key"])
        simulator = Simulator(Brain(pace, options["tokens"], script), options["hour"], tls)
        scheme = "https" if tls else "http"
        self.stdout.write(f"{LABEL}: {scheme}://{options['host']}:{options['port']}/v1 (end with Ctrl-C)")
        self.stdout.flush()
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(serve(simulator, options["port"], options["host"]))
