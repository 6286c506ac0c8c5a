"""What the model layer adds to a provider: per turn, before the first token, per token. Against the simulator.

The simulator runs on the last core, we on the first. Ratios are new / old, medians of alternating runs.
"""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import openai
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from agents.engine.messages import Message, Request, TextDelta, Tool
from agents.providers.responses import ResponsesProvider, Transport
from agents.providers.responses_request import Abilities
from tests.site import free_port

FIGURES = (
    "roundtrip-overhead",
    "ttft-overhead",
    "token-cpu-vs-sdk",
    "streams-per-core",
    "stream-4000",
    "first-token-added-ms",
)
ROOT = Path(__file__).parents[2]
CONTEXT = "the quick brown fox jumps over the lazy dog; " * 2300  # 100 KB
HERE = ipaddress.ip_address("127.0.0.1")
THINK = 0.02  # seconds the simulator waits before its first token
RUNS = 25
LANES = Abilities(lanes=True, encrypted_reasoning=False)
TOOL = Tool("read_file", "Read a file. " * 20, {"type": "object", "properties": {"path": {"type": "string"}}})


@contextmanager
def simulated(*options: str, tls: tuple[Path, Path] | None = None) -> Iterator[str]:
    """The simulator in a process of its own, on the last core; its base URL."""
    port = free_port()
    secure = ["--cert", str(tls[0]), "--cert-key", str(tls[1])] if tls else []
    argv = [sys.executable, "manage.py", "simulate-model", "--port", str(port), *options, *secure]
    last = max(os.sched_getaffinity(0))
    process = subprocess.Popen(["taskset", "-c", str(last), *argv], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    process.stdout.readline()
    try:
        _wait_for(port)
        yield f"{'https' if tls else 'http'}://{HERE}:{port}/v1"
    finally:
        process.terminate()
        process.wait(10)


def _wait_for(port: int) -> None:
    """Its line is written before its port is bound."""
    deadline = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for the loopback, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    built = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    built = built.serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
    built = built.not_valid_after(now + datetime.timedelta(days=1))
    built = built.add_extension(x509.SubjectAlternativeName([x509.IPAddress(HERE)]), critical=False)
    chain, secret = folder / "cert.pem", folder / "key.pem"
    chain.write_bytes(built.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.PKCS8
    secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    return chain, secret


def provider(url: str, transport: Transport) -> ResponsesProvider:
    return ResponsesProvider(url, "key", transport=transport, abilities=LANES)


async def drained(source: ResponsesProvider, request: Request) -> tuple[float, str]:
    """Seconds to the first text, and all of it."""
    began, first, text = time.perf_counter(), 0.0, []
    async for events in source.stream(request):
        for event in events:
            if isinstance(event, TextDelta):
                first = first or time.perf_counter() - began
                text.append(event.text)
    return first, "".join(text)


# --- per turn ---------------------------------------------------------------------------------------------------------


async def roundtrip(url: str) -> dict[str, Any]:
    """A turn of one token with 100 KB before it, less the simulator's think time."""
    said: dict[str, list[Message]] = {}
    took: dict[str, list[float]] = {"socket": [], "http": []}
    ways = {"socket": provider(url, "socket"), "http": provider(url, "http")}
    for way in ways:
        said[way] = [Message("system", CONTEXT), Message("user", "sim: tokens=1")]
    for run in range(RUNS):
        for way, source in ways.items():
            began = time.perf_counter()
            _, text = await drained(source, Request("m", tuple(said[way]), (TOOL,), conversation="talk"))
            if run:  # the first one opens the connection
                took[way].append(time.perf_counter() - began - THINK)
            said[way] += [Message("assistant", text), Message("user", "sim: tokens=1")]
    for source in ways.values():
        await source.close()
    new, old = statistics.median(took["socket"]), statistics.median(took["http"])
    return _ratio("roundtrip-overhead", new, old, "warm keep-alive HTTP with the full context", _each(took))


async def first_turn(url: str) -> dict[str, Any]:
    """The first token of a workspace's first turn: connected and warmed ahead, against a new TLS connection."""
    took: dict[str, list[float]] = {"socket": [], "http": []}
    for run in range(RUNS):
        context = (Message("system", f"{run} {CONTEXT}"),)
        asked = Request("m", (*context, Message("user", "sim: tokens=1")), (TOOL,), conversation="talk")
        warm, cold = provider(url, "socket"), provider(url, "http")
        await warm.connect()
        await warm.prewarm(Request("m", context, (TOOL,), conversation="talk"))
        took["socket"].append((await drained(warm, asked))[0] - THINK)
        took["http"].append((await drained(cold, asked))[0] - THINK)
        await warm.close()
        await cold.close()
    new, old = statistics.median(took["socket"]), statistics.median(took["http"])
    return _ratio("ttft-overhead", new, old, "a new TLS connection with the full context", _each(took))


async def first_token(url: str) -> dict[str, Any]:
    """Milliseconds between a bare socket client's first token and ours."""
    took: dict[str, list[float]] = {"socket": [], "bare": []}
    source = provider(url, "socket")
    ask = Request("m", (Message("user", "sim: tokens=2"),))
    async with aiohttp.ClientSession() as session, session.ws_connect(url.replace("http", "ws") + "/responses") as ws:
        for _ in range(RUNS * 4):
            took["socket"].append((await drained(source, ask))[0])
            took["bare"].append(await _bare(ws))
    await source.close()
    added = [1000 * (a - b) for a, b in zip(took["socket"][1:], took["bare"][1:], strict=True)]
    value = statistics.median(added)
    return {
        "name": "first-token-added-ms",
        "value": value,
        "unit": "ms",
        "against": "a bare socket client",
        "runs": len(added),
    }


async def _bare(ws: aiohttp.ClientWebSocketResponse) -> float:
    began, first = time.perf_counter(), 0.0
    await ws.send_str('{"type":"response.create","model":"m","input":"sim: tokens=2"}')
    async for message in ws:
        if not first and "output_text.delta" in message.data:
            first = time.perf_counter() - began
        if '"response.completed"' in message.data:
            break
    return first


# --- per token --------------------------------------------------------------------------------------------------------


async def token_cpu(url: str) -> dict[str, Any]:
    """CPU of this process per token event at 12 streams of 1,000 a second, ours and the official client's."""
    spent: dict[str, list[float]] = {"ours": [], "sdk": []}
    for _ in range(3):
        for way, drain in (("ours", _ours), ("sdk", _sdk)):
            began = time.process_time()
            tokens = await drain(url, 12, 3000)
            spent[way].append((time.process_time() - began) / tokens * 1e6)
    new, old = statistics.median(spent["ours"]), statistics.median(spent["sdk"])
    figure = _ratio("token-cpu-vs-sdk", new, old, "the openai client's typed socket stream", _each(spent))
    return {**figure, "value": new, "unit": "µs", "conditions": f"12 streams x 1,000/s; client {old:.1f} µs a token"}


async def _ours(url: str, streams: int, tokens: int, rate: int = 1000) -> int:
    source = provider(url, "socket")
    asked = [Request("m", (Message("user", f"sim: tokens={tokens} rate={rate} n"),)) for _ in range(streams)]
    counts = await asyncio.gather(*(_count(source, one) for one in asked))
    await source.close()
    return sum(counts)


async def _count(source: ResponsesProvider, request: Request) -> int:
    count = 0
    async for events in source.stream(request):
        count += sum(type(event) is TextDelta for event in events)
    return count


async def _sdk(url: str, streams: int, tokens: int) -> int:
    async with openai.AsyncOpenAI(api_key="k", base_url=url, max_retries=0) as client:
        return sum(await asyncio.gather(*(_sdk_stream(client, tokens) for _ in range(streams))))


async def _sdk_stream(client: openai.AsyncOpenAI, tokens: int) -> int:
    count = 0
    async with client.responses.connect() as wire:
        await wire.response.create(model="m", input=f"sim: tokens={tokens} rate=1000")
        async for event in wire:
            count += event.type == "response.output_text.delta"
            if event.type == "response.completed":
                return count
    return count


async def capacity(url: str) -> dict[str, Any]:
    """How many streams of 1,000 tokens a second one core reads at their pace (98 % of it)."""
    best, used = 0, 0.0
    for streams in (10, 20, 30, 40, 50, 60, 80):
        began, cpu = time.perf_counter(), time.process_time()
        tokens = await _ours(url, streams, 6000)
        seconds = time.perf_counter() - began - THINK
        if tokens / seconds < 0.98 * streams * 1000:
            break
        best, used = streams, (time.process_time() - cpu) / seconds
    conditions = f"the last that kept its pace used {used:.0%} of a core; the simulator has the other core"
    return {"name": "streams-per-core", "value": best, "unit": "streams", "conditions": conditions, "runs": 1}


async def burst(url: str) -> dict[str, Any]:
    """One stream of 4,000 tokens a second: the pace that arrives, as a share of the pace that is sent."""
    shares = []
    for _ in range(3):
        began = time.perf_counter()
        tokens = await _ours(url, 1, 20_000, 4000)
        shares.append(tokens / (time.perf_counter() - began - THINK) / 4000)
    return {
        "name": "stream-4000",
        "value": statistics.median(shares) * 4000,
        "unit": "tok/s",
        "ratio": statistics.median(shares),
        "spread": [min(shares), max(shares)],
        "against": "the simulator's pace",
        "runs": 3,
    }


def _each(took: dict[str, list[float]]) -> list[float]:
    first, second = took.values()
    return [a / b for a, b in zip(first, second, strict=True) if b > 0]


def _ratio(name: str, new: float, old: float, against: str, each: list[float]) -> dict[str, Any]:
    ends = statistics.quantiles(each, n=10) if len(each) > 2 else [min(each), max(each)]
    figure = {"name": name, "value": new * 1000, "unit": "ms", "ratio": new / old, "spread": [ends[0], ends[-1]]}
    return {**figure, "against": f"{against} ({old * 1000:.2f} ms)" if old < 1 else against, "runs": len(each)}


Measure = Callable[[str], Awaitable[dict[str, Any]]]
MEASURES: dict[str, Measure] = {
    "roundtrip-overhead": roundtrip,
    "ttft-overhead": first_turn,
    "token-cpu-vs-sdk": token_cpu,
    "streams-per-core": capacity,
    "stream-4000": burst,
    "first-token-added-ms": first_token,
}


def main(names: list[str]) -> None:
    folder = os.environ.get("TANDEM_BENCH_CERTIFICATE")
    if folder is None:  # OpenSSL reads what it trusts when it is loaded, so a process of its own must be begun
        with tempfile.TemporaryDirectory() as made:
            trusted, _ = certificate(Path(made))
            env = {**os.environ, "SSL_CERT_FILE": str(trusted), "TANDEM_BENCH_CERTIFICATE": made}
            subprocess.run([sys.executable, "-m", "tests.speed.providers", *names], env=env, check=True)
        return
    tls = (Path(folder, "cert.pem"), Path(folder, "key.pem"))
    for name in names or MEASURES:
        with simulated("--ttft", str(THINK), tls=tls if name == "ttft-overhead" else None) as url:
            os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
            print(json.dumps(asyncio.run(MEASURES[name](url))), flush=True)  # type: ignore[arg-type]
            os.sched_setaffinity(0, set(range(os.cpu_count() or 1)))


if __name__ == "__main__":
    main(sys.argv[1:])
