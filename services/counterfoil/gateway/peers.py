"""Who a request comes from, as far as shares are concerned."""

from __future__ import annotations

from contextvars import ContextVar
from functools import lru_cache
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Final

from starlette.types import Scope

ASKING: Final[ContextVar[str]] = ContextVar("peer", default="")
"""The peer of the request that is being answered: whatever waits on its behalf takes turns by it."""


def peer_of(scope: Scope) -> str:
    """The peer of a request; empty for a connection without an address."""
    client = scope.get("client")
    return "" if client is None else peer_at(client[0])


@lru_cache(4_096)
def peer_at(address: str) -> str:
    """The peer at an address: itself, or its /64 network, all of which one subscriber has."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(found, IPv6Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(IPv6Network((found, 64), strict=False))
