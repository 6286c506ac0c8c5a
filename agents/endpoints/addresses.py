"""Where endpoints may connect to: addresses people name are checked at each connection, not only when saved."""

from __future__ import annotations

import ipaddress
import socket

from aiohttp.abc import AbstractResolver, ResolveResult
from django.conf import settings

from agents.models import Endpoint
from ide.errors import Refused
from ide.fetch import Refusal, check_url, is_internal, is_public, split

SCHEMES = ("https", "http")


class CheckedResolver(AbstractResolver):
    """Resolves a name to the one address that was checked. Refuses addresses inside the server's own network."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        try:
            checked = await check_url(f"http://{host}:{port}/", SCHEMES, internal_hosts=settings.INTERNAL_HOSTS)
        except Refused as error:
            raise OSError(error.what) from error
        kind = socket.AF_INET6 if ipaddress.ip_address(checked.address).version == 6 else socket.AF_INET
        return [
            ResolveResult(
                hostname=host, host=checked.address, port=port, family=kind, proto=0, flags=socket.AI_NUMERICHOST
            )
        ]

    async def close(self) -> None:
        """Nothing is held."""


async def check(base_url: str) -> None:
    """Raises Refused unless an endpoint that a person names may have this address."""
    await check_url(base_url, SCHEMES, internal_hosts=settings.INTERNAL_HOSTS)


def resolver_of(endpoint: Endpoint) -> AbstractResolver | None:
    """None where the operator has chosen the address."""
    return None if endpoint.own_network else CheckedResolver()


def check_literal(base_url: str) -> None:
    """Raises Refused for a numeric address inside the server's own network: no resolver is ever asked about those."""
    parts, port = split(base_url, SCHEMES)
    host = parts.hostname or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return
    if not is_public(host) and not is_internal(host, port, settings.INTERNAL_HOSTS):
        raise Refusal(
            f"{host} is an address inside the server's own network, which people may not reach from here.",
            "Use a public address, or ask an administrator to list the host in TANDEM_INTERNAL_HOSTS.",
        )
