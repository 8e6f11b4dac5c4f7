"""How clients reach a server: proxies and certificates, as the environment or the caller says."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import unquote, urlsplit

from counterfoil.errors import CounterfoilError

if TYPE_CHECKING:
    import ssl

_PORTS: Final = {"http": 80, "https": 443}


class BadAuthority(CounterfoilError):
    """A file with the certificate of an authority cannot be used."""


class BadProxy(CounterfoilError):
    """The environment names a proxy that cannot be used."""


class Place(NamedTuple):
    """Where a server listens. `authority`: as the header Host names it."""

    host: str
    port: int
    authority: str

    @property
    def named(self) -> str:
        """The host, an IPv6 address in brackets."""
        return f"[{self.host}]" if ":" in self.host else self.host


class Route(NamedTuple):
    """How a server is reached. `path`: before each request's own. `tls`: to it, None without; `proxy_tls`: to a proxy.

    `proxy_url`: where there is one, with the user's name and password, which `proxy_headers` have, too.
    """

    scheme: str
    place: Place
    path: str
    tls: ssl.SSLContext | None
    proxy: Place | None = None
    proxy_url: str | None = None
    proxy_tls: ssl.SSLContext | None = None
    proxy_headers: Mapping[str, str] = {}


def route_to(url: str, ca: Path | None = None) -> Route:
    """The way to the server at `url`.

    `ca`: the only authority whose certificates count; without it those of SSL_CERT_FILE or SSL_CERT_DIR, else those
    that certifi has. HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY are followed, except to this machine. Raises
    `BadAuthority`, `BadProxy`, and ValueError for a port that is none.
    """
    parts = urlsplit(url)
    tls = _authorities(ca) if parts.scheme == "https" else None
    route = Route(parts.scheme, _place(url), parts.path.rstrip("/"), tls)
    found = _proxy(route)
    if found is None:
        return route
    inner = urlsplit(found)
    return route._replace(
        proxy=_place(found),
        proxy_url=found,
        proxy_tls=_authorities(None) if inner.scheme == "https" else None,
        proxy_headers=_authorization(inner.username, inner.password),
    )


def reaching(url: str, ca: Path | None = None) -> dict[str, Any]:
    """The same way as options of HTTPX. Raises as `route_to`."""
    route = route_to(url, ca)
    return {"trust_env": False, "verify": False if route.tls is None else route.tls, "proxy": route.proxy_url}


def _place(url: str) -> Place:
    parts = urlsplit(url)
    host = parts.hostname or ""
    if not host.isascii():
        host = host.encode("idna").decode("ascii")
    named = f"[{host}]" if ":" in host else host
    default = _PORTS.get(parts.scheme, 0)
    port = default if parts.port is None else parts.port
    return Place(host, port, named if port == default else f"{named}:{port}")


def _authorities(ca: Path | None) -> ssl.SSLContext:
    import ssl  # slow to read, as are the certificates of an authority

    file, folder = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    try:
        if ca is not None:
            found = ssl.create_default_context(cafile=str(ca))
        elif file:
            found = ssl.create_default_context(cafile=file)
        elif folder:
            found = ssl.create_default_context(capath=folder)
        else:
            import certifi

            found = ssl.create_default_context(cafile=certifi.where())
    except OSError as problem:  # of which an SSLError is one
        reason = getattr(problem, "reason", None) or problem.strerror
        raise BadAuthority(f"{ca or 'SSL_CERT_FILE'} is no certificate of an authority in PEM ({reason})") from problem
    found.set_alpn_protocols(["http/1.1"])
    return found


def _proxy(route: Route) -> str | None:
    """The URL of the proxy to this server; None if it is reached without. Raises `BadProxy`."""
    if _is_here(route.place.host):
        return None
    if sys.platform not in ("darwin", "win32") and not any(each.lower().endswith("_proxy") for each in os.environ):
        return None
    from urllib.request import getproxies, proxy_bypass

    names = getproxies()
    found = names.get(route.scheme) or names.get("all")
    if not found or proxy_bypass(f"{route.place.named}:{route.place.port}") or proxy_bypass(route.place.host):
        return None
    found = found if "://" in found else f"http://{found}"
    try:
        usable = urlsplit(found).scheme in _PORTS and bool(_place(found).host)
    except ValueError:
        usable = False
    if not usable:
        scheme = found.partition("://")[0]
        raise BadProxy(f"the proxy that {route.scheme.upper()}_PROXY or ALL_PROXY names cannot be used ({scheme}://): "
                       "http://HOST:PORT or https://HOST:PORT is expected")  # fmt: skip
    return found


def _authorization(user: str | None, password: str | None) -> dict[str, str]:
    if user is None and password is None:
        return {}
    from base64 import b64encode

    said = f"{unquote(user or '')}:{unquote(password or '')}".encode()
    return {"Proxy-Authorization": f"Basic {b64encode(said).decode('ascii')}"}


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
