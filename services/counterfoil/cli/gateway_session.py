"""The session of one CLI command with a gateway: the connection, and the log keys that it trusts."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

from counterfoil.cli.command import CaOption, Command, Invalid, Out, UrlOption, gateway_url, make
from counterfoil.cli.files import read_text
from counterfoil.cli.reading import ReaderOption, bearer_of, trusted_host
from counterfoil.contract.log_id import LogId, host_of, parse_log
from counterfoil.contract.services import SERVICES

if TYPE_CHECKING:
    from counterfoil.client.bearer import Bearer
    from counterfoil.client.http import Gateway
    from counterfoil.log.keys import VerifyKey


_MAX_VKEYS_BYTES: Final = 1 << 20


class GatewaySession:
    """One CLI command and its gateway."""

    def __init__(self, out: Out, url: str | None, reader: str | None = None, ca: Path | None = None) -> None:
        if ca is not None:
            from counterfoil.settings import override

            override("ca", str(ca))  # before the settings are read, for whatever connects
        self.out, self.url, self.reader = out, gateway_url(out, url), reader
        if ca is not None and not self.url.startswith("https:"):
            raise Invalid(f"--ca {ca}: {self.url} shows no certificate; its URL begins with http:, not https:")
        self.ca = out.settings.ca

    @cached_property
    def gateway(self) -> Gateway:
        """The connection, opened at first use."""
        from counterfoil.client.http import Gateway

        return self.out.opened.enter_context(Gateway(self.url, bearer=self.bearer(), ca=self.ca))

    def bearer(self) -> Bearer:
        """What gives the token that is read by."""
        return bearer_of(self.out, self.url, self.reader, self.trusted_host)

    def trusted_host(self) -> str:
        """The instance for which a session is opened. Raises `Invalid` where no pinned key says it."""
        return trusted_host(self.url, self.pinned, lambda: host_of(self.log_key(LogId(SERVICES[0]))[0].name))

    @cached_property
    def pinned(self) -> dict[str, VerifyKey]:
        """The pinned log keys, by origin; empty if the file is missing. Raises `NotProven`, `Invalid`."""
        settings = self.out.settings
        if settings.vkeys is None and not settings.vkey_file.exists():
            return {}
        return read_vkeys(settings.vkey_file)

    def log_key(self, log: LogId) -> tuple[VerifyKey, bool]:
        """The key of a log, and whether it is pinned; an unpinned one is what the gateway shows."""
        from counterfoil.client.delivery import log_key

        return self.gateway.run(log_key(self.gateway.exchanges, self.pinned, log))


def read_vkeys(path: Path) -> dict[str, VerifyKey]:
    """The pinned log keys in a file, by origin. Raises `Invalid`."""
    from counterfoil.client.problems import NotProven
    from counterfoil.client.verify import parse_vkeys

    try:
        return parse_vkeys(read_text(path, _MAX_VKEYS_BYTES))
    except NotProven as problem:
        raise Invalid(f"cannot read pinned keys from {path}: {problem}") from problem


def named_log(text: str) -> LogId:
    """The log of ``SERVICE`` or ``SERVICE/SHARD`` on the command line. Raises `Invalid`."""
    try:
        log = parse_log(text)
    except ValueError as problem:
        raise Invalid(str(problem)) from problem
    if log.service not in SERVICES:
        raise Invalid(f"{text}: the services are {', '.join(SERVICES)}")
    return log


def remote(app: typer.Typer, name: str, example: str, *, tabular: bool = True) -> Callable[[Command], Command]:
    """A command that needs a gateway; its first parameter is a `GatewaySession`."""
    shared = {"reader": (ReaderOption, None), "url": (UrlOption, None), "ca": (CaOption, None)}
    return make(app, name, example, shared, GatewaySession, tabular=tabular)
