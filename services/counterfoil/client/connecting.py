"""How clients reach a server: proxies and certificates, as the environment or the caller says."""

from __future__ import annotations

import ssl
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from counterfoil.errors import CounterfoilError


class BadAuthority(CounterfoilError):
    """A file with the certificate of an authority cannot be used."""


def reaching(url: str, ca: Path | None = None) -> dict[str, Any]:
    """Options of HTTPX for the server at `url`.

    `ca`: the only authority whose certificates count; without it that of SSL_CERT_FILE, else those of the system.
    HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY are followed, except to this machine. Raises `BadAuthority`.
    """
    return {"trust_env": not _is_here(urlsplit(url).hostname or ""), "verify": _authorities(url, ca)}


def _authorities(url: str, ca: Path | None) -> ssl.SSLContext | bool:
    if not url.startswith("https:"):
        return False  # skips the slow reading of this machine's certificates
    try:
        return httpx.create_ssl_context() if ca is None else ssl.create_default_context(cafile=str(ca))
    except OSError as problem:  # of which an SSLError is one
        reason = getattr(problem, "reason", None) or problem.strerror
        raise BadAuthority(f"{ca or 'SSL_CERT_FILE'} is no certificate of an authority in PEM ({reason})") from problem


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
