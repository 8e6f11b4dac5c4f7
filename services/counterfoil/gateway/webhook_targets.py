"""Where deliveries may go: which URLs are taken, and which addresses a connection is made to.

A name is resolved for each attempt, all addresses that it has are judged, and the connection goes to one of those.
"""

from __future__ import annotations

import asyncio
import re
import socket
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from counterfoil.gateway.bounds import WEBHOOK_LOOKUPS, WEBHOOK_PORTS, WEBHOOK_URL_CHARS

Address = IPv4Address | IPv6Address
_PRINTABLE: Final = re.compile(r"[!-~]+", re.ASCII)
_NAME: Final = re.compile(
    r"(?=.{1,253}\Z)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?"
)
"""A DNS name in lower case; its last label begins with a letter, so that no other spelling of an address is one."""
_LOCALHOST: Final = "localhost"
_REFUSED: Final = tuple(
    map(
        ip_network,
        (
            "0.0.0.0/8",
            "100.64.0.0/10",  # carrier-grade NAT
            "168.63.129.16/32",  # public, and the metadata service of a cloud's machines; others' are not public
            "192.0.0.0/24",  # of protocols, and another cloud's metadata
            "192.88.99.0/24",  # 6to4
            "::/96",  # IPv4-compatible, with :: and ::1
            "::ffff:0:0/96",  # IPv4-mapped
            "::ffff:0:0:0/96",  # IPv4-translated
            "64:ff9b::/96",  # NAT64
            "64:ff9b:1::/48",  # NAT64 of a site
            "2001::/32",  # Teredo
            "2002::/16",  # 6to4
            "fec0::/10",  # site-local
        ),
    )
)
"""Networks that are refused whatever releases of Python say of them: of IPv6 those that lead to an IPv4 address."""


class BadTarget(Exception):
    """A delivery does not go there; the code says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Target(NamedTuple):
    """A URL in parts. `host`: a name or an address, without brackets; `path`: with the query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """What the header ``Host`` says."""
        return authority_of(self.scheme, self.host, self.port)


def authority_of(scheme: str, host: str, port: int) -> str:
    """Host and port as in a URL."""
    named = f"[{host}]" if ":" in host else host
    return named if port == _PORTS[scheme] else f"{named}:{port}"


_PORTS: Final = {"https": 443, "http": 80}


def parse_target(url: str, *, loopback: bool) -> Target:
    """The parts of a URL. `loopback`: it may name this machine, by http too, at any port. Raises `BadTarget`."""
    if len(url) > WEBHOOK_URL_CHARS:
        raise BadTarget("too_long")
    if _PRINTABLE.fullmatch(url) is None or "\\" in url or "%" in url.partition("//")[2].partition("/")[0]:
        raise BadTarget("not_a_url")
    try:
        parts = urlsplit(url)
        host, given = (parts.hostname or "").lower(), parts.port
    except ValueError:
        raise BadTarget("not_a_url") from None
    if parts.username is not None or parts.password is not None:
        raise BadTarget("has_credentials")
    if parts.fragment or "#" in url:
        raise BadTarget("has_fragment")
    address = _address(host)
    if address is None and _NAME.fullmatch(host) is None:
        raise BadTarget("not_a_host")
    here = loopback and (host == _LOCALHOST or (address is not None and address.is_loopback))
    if parts.scheme != "https" and not (here and parts.scheme == "http"):
        raise BadTarget("not_https")
    port = _PORTS[parts.scheme] if given is None else given
    if port not in WEBHOOK_PORTS and not (here and port > 0):
        raise BadTarget("forbidden_port")
    if address is not None:
        judge(address, loopback=loopback)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, port, path)


def judge(address: Address, *, loopback: bool) -> None:
    """Raises `BadTarget` for an address that is not of the public internet, or of the loopback where that is set."""
    if loopback and address.is_loopback:
        return
    if any(address in network for network in _REFUSED):
        raise BadTarget("forbidden_address")
    if address.is_multicast or address.is_reserved or not address.is_global:
        raise BadTarget("forbidden_address")


class Resolver:
    """Looks names up, on threads of its own; one that is being looked up is not looked up a second time beside that.

    For one event loop. A look-up cannot be ended, so a name whose servers do not answer keeps a thread for that long.
    """

    def __init__(self, *, loopback: bool) -> None:
        self._loopback = loopback
        self._threads = ThreadPoolExecutor(WEBHOOK_LOOKUPS, "counterfoil-lookup")
        self._under_way: dict[tuple[str, int], asyncio.Future[list[Address]]] = {}

    async def addresses(self, target: Target) -> list[Address]:
        """The addresses of a target, each judged. Raises `BadTarget`."""
        given = _address(target.host)
        try:
            found = [given] if given is not None else await self._look_up(target.host, target.port)
        except (OSError, UnicodeError):
            found = []
        if not found:
            raise BadTarget("no_such_host")
        for each in found:
            judge(each, loopback=self._loopback)
        return found

    async def _look_up(self, host: str, port: int) -> list[Address]:
        future = self._under_way.get((host, port))
        if future is None:
            future = asyncio.get_running_loop().run_in_executor(self._threads, _find, host, port)
            self._under_way[host, port] = future
            future.add_done_callback(lambda done: self._done((host, port), done))
        return await asyncio.shield(future)

    def _done(self, place: tuple[str, int], future: asyncio.Future[list[Address]]) -> None:
        del self._under_way[place]
        if not future.cancelled():
            future.exception()  # retrieved, so that asyncio does not log it where nobody waits any more

    def close(self) -> None:
        """Begin no further look-up; waits for none."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _find(host: str, port: int) -> list[Address]:
    answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(ip_address(str(answer[4][0]).partition("%")[0]) for answer in answers))


def _address(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None
