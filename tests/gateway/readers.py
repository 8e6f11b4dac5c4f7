"""A restricted market with every kind of reader, each with a session of its own."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from counterfoil.client.author import Author
from counterfoil.contract.disclosure import Disclosure
from counterfoil.gateway.protections import Protections
from counterfoil.gateway.relay import AnswerRelay
from counterfoil.issuance.commands import AppointAuditor
from tests.gateway.harness import DeliverToBoth, Stepped
from tests.gateway.world import HOST, Market

PARTIES = {
    "party": "lab-1",
    "other side": "gpu-1",
    "stranger": "gpu-2",
    "issuer": "city",
    "auditor of the programme": "auditor-p1",
    "auditor of all": "auditor-all",
    "auditor of nothing": "auditor-none",
    "operator": "operator",
}
READERS = ("anybody", *PARTIES)
ENVELOPE = {"Content-Type": "application/vnd.dsse.envelope.v1+json"}


class Reading:
    """A stepped gateway, and what each reader sends."""

    def __init__(self, http: Stepped, disclosure: Disclosure) -> None:
        self.http, self.market, self.disclosure = http, http.market, disclosure
        self._tokens: dict[str, str] = {}

    def envelope(self, party_id: str, **changed: Any) -> bytes:
        """An `open_session` of a party; `changed`: author, audience, expires_in (seconds), nonce."""
        author: Author = changed.get("author") or self.market.author(party_id)
        expires_at = time.time_ns() // 1_000 + round(changed.get("expires_in", 120) * 1_000_000)
        return author.open_session(changed.get("audience", HOST), expires_at, changed.get("nonce") or os.urandom(16))

    def open(self, party_id: str, **changed: Any) -> httpx.Response:
        """Open a session."""
        return self.post(self.envelope(party_id, **changed))

    def post(self, envelope: bytes) -> httpx.Response:
        """Send an `open_session`."""
        return self.http.request("POST", "/v1/sessions", content=envelope, headers=ENVELOPE)

    def token(self, party_id: str) -> str:
        """The token of a party's session."""
        if party_id not in self._tokens:
            self._tokens[party_id] = self.open(party_id).json()["token"]
        return self._tokens[party_id]

    def ask(self, reader: str, path: str, method: str = "GET", **more: Any) -> httpx.Response:
        """What a reader is answered, one of `READERS`."""
        party = PARTIES.get(reader)
        headers = {} if party is None else bearer(self.token(party))
        return self.http.request(method, path, headers=headers, **more)


def bearer(token: str) -> dict[str, str]:
    """The header with a token."""
    return {"Authorization": f"Bearer {token}"}


@contextlib.contextmanager
def reading(home: Path, disclosure: Disclosure, *, webhooks_to_loopback: bool = False) -> Iterator[Reading]:
    """A new market with all readers."""
    relay = AnswerRelay()
    market = Market(home, DeliverToBoth(relay)).open()
    for auditor in ("auditor-p1", "auditor-all", "auditor-none"):
        market.register(auditor, "auditor")
    market.ask("operator", AppointAuditor(auditor_id="auditor-all", programme_id=None))
    market.ask("city", AppointAuditor(auditor_id="auditor-p1", programme_id="p1"))
    protections = Protections(disclosure=disclosure, webhooks_to_loopback=webhooks_to_loopback)
    http = Stepped(market, relay, protections)
    try:
        yield Reading(http, disclosure)
    finally:
        http.close()
        market.system.close()
