"""The one door to addresses people name (clone URL, model base URL, webhook): checked, resolved once, pinned.

A name is resolved here and only here; the caller connects to `Checked.address`, so an answer that changes afterwards
(DNS rebinding) changes nothing. A leaf: settings are handed in.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from ide.errors import Invalid

RESOLVE_SECONDS = 10.0
_PORTS = {"https": 443, "http": 80, "ssh": 22, "ws": 80, "wss": 443}
# Addresses that stand for another one: what they stand for may be private, so none of them is used.
_STAND_INS = [
    ipaddress.ip_network(net) for net in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96")
]


@dataclass(frozen=True)
class Checked:
    """An address that may be connected to: `address` is the IP to use, `host` the name to show and to verify."""

    url: str
    host: str
    port: int
    address: str
    internal: bool  # allowed by the setting though it is private


class Refusal(Invalid):
    """The address cannot be used; says why."""

    code = "address_refused"


async def check_url(url: str, schemes: Collection[str], *, internal_hosts: Collection[str] = ()) -> Checked:
    """Resolve the host and return the address to connect to. Raises Refusal.

    `internal_hosts` lists hosts (or host:port) that may be private.
    """
    parts, port = split(url, schemes)
    host = parts.hostname or ""
    internal = is_internal(host, port, internal_hosts)
    addresses = await _resolve(host, port)
    bad = next((address for address in addresses if not internal and not is_public(address)), None)
    if bad is not None:
        raise Refusal(
            f"{host} is an address inside the server's own network ({bad}), which people may not reach from here.",
            "Use a public address, or ask an administrator to list the host in TANDEM_INTERNAL_HOSTS.",
        )
    return Checked(url, host, port, addresses[0], internal)


def split(url: str, schemes: Collection[str]) -> tuple[SplitResult, int]:
    """The parts and the port of a well-formed address, without resolving anything. Raises Refusal."""
    if not url or any(ord(c) <= 32 or c == "\\" or 0x7F <= ord(c) < 0xA0 for c in url):
        raise Refusal("This is not an address: it has spaces or control characters.", _example(schemes))
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError as error:
        raise Refusal("This is not an address.", _example(schemes)) from error
    if parts.scheme not in schemes:
        raise Refusal(f"Addresses of the kind “{url.split(':', maxsplit=1)[0][:20]}:” are not used.", _example(schemes))
    if parts.username is not None or parts.password is not None:
        raise Refusal(
            "The address has a name or password in it, which would be stored.", "Leave out the part before @."
        )
    if not parts.hostname or parts.hostname.startswith("-"):
        raise Refusal("The address names no host.", _example(schemes))
    return parts, port


def is_internal(host: str, port: int, internal_hosts: Collection[str]) -> bool:
    shown = f"[{host}]" if ":" in host else host
    return bool({host, shown, f"{shown}:{port}"} & {entry.strip().lower() for entry in internal_hosts})


def is_public(address: str) -> bool:
    """Whether an IP address is one of the open internet: not private, local, shared, multicast or a stand-in."""
    ip = ipaddress.ip_address(address.split("%", maxsplit=1)[0])
    if isinstance(ip, ipaddress.IPv6Address) and (ip.ipv4_mapped or any(ip in net for net in _STAND_INS)):
        return False
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified)


async def _resolve(host: str, port: int) -> list[str]:
    loop = asyncio.get_running_loop()
    try:
        found = await asyncio.wait_for(loop.getaddrinfo(host, port, type=socket.SOCK_STREAM), RESOLVE_SECONDS)
    except (OSError, UnicodeError, TimeoutError) as error:
        raise Refusal(f"The host {host} cannot be found.", "Check its spelling and the server's network.") from error
    addresses = [str(entry[4][0]) for entry in found]
    if not addresses:
        raise Refusal(f"The host {host} has no address.", "Check its spelling.")
    return addresses


def _example(schemes: Collection[str]) -> str:
    return f"Give one that starts with {sorted(schemes, key=len, reverse=True)[0]}://"
