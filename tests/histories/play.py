"""Clients of an embedded market, stepped in one thread; their observations have the recorder's form."""

from __future__ import annotations

import json
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from counterfoil.client.author import Author
from counterfoil.contract.canonical import Refused as RefusedAtOnce
from counterfoil.contract.canonical import canonical
from counterfoil.contract.log_id import log_of
from counterfoil.contract.record import Command as Body
from counterfoil.contract.scalars import decode_base64, encode_base64
from counterfoil.runtime.receipts import Answer as Answered
from counterfoil.runtime.receipts import Recorded
from counterfoil.vocabulary import CODEC
from tests.histories.observed import Answer, Attempt, Balance, Observation, Read, Receipt, Refused, Unknown
from tests.market import Market, seed_of


def receipt_of(answer: Answered) -> Answer:
    """The answer as a client gets it."""
    if isinstance(answer, Recorded):
        return Receipt(answer.entry.origin, answer.entry.index, answer.data, answer.proof())
    return Refused(answer.code.value)


def forged(envelope: bytes) -> bytes:
    """The same command with an invalid signature."""
    value = json.loads(envelope)
    signature = bytearray(decode_base64(value["signatures"][0]["sig"]))
    signature[40] ^= 1
    return canonical({**value, "signatures": [{"sig": encode_base64(bytes(signature))}]})


@dataclass
class _Waiting:
    client: int
    sent: int
    envelope: bytes
    answer: Future[Answered]


class Play:
    """A market in a directory, and its clients."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.market = Market(home)
        self.observations: list[Observation] = []
        self.envelopes: list[bytes] = []
        self._waiting: list[_Waiting] = []
        self._now = 0
        self._known: dict[int, int] = {}

    def tick(self) -> int:
        """A time later than all before."""
        self._now += 1
        return self._now

    # sending --------------------------------------------------------------------------------------------------------

    def new(self, client: int, party: str, body: Body) -> None:
        """Sign and send a new command."""
        self.send(client, self.market.envelope(party, body, nth=len(self.envelopes)))

    def clash(self, client: int, nth: int, party: str, body: Body) -> None:
        """Send other content under the id of an earlier command of the same party."""
        header = CODEC.decode_envelope(self.envelopes[nth]).header
        author = Author(party, seed_of(party))
        aud = self.market.system.instance.origin(log_of(header.aud))
        self.send(client, author.sign(body, aud, header.command_id, header.issued_at, expires_at=header.expires_at))

    def send(self, client: int, envelope: bytes) -> None:
        """Send these bytes; the answer comes with `settle`, unless they are refused at once."""
        self.envelopes.append(envelope)
        sent = self.tick()
        try:
            answer = self.market.system.submit(envelope)
        except RefusedAtOnce as problem:
            self._saw(client, sent, envelope, Refused(problem.refusal.code.value))
        else:
            self._waiting.append(_Waiting(client, sent, envelope, answer))

    def settle(self) -> None:
        """Let the services work until they are idle; the clients receive their answers."""
        self.market.system.settle()
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            if each.answer.done():
                self._saw(each.client, each.sent, each.envelope, receipt_of(each.answer.result()))
            else:
                self._waiting.append(each)

    def leave(self, client: int, reason: str = "left") -> None:
        """A client stops waiting."""
        for each in [each for each in self._waiting if each.client == client]:
            self._waiting.remove(each)
            self._saw(each.client, each.sent, each.envelope, Unknown(reason))

    def crash(self) -> None:
        """End the process without cleanup, and restart it."""
        for client in {each.client for each in self._waiting}:
            self.leave(client, "connection lost")
        self.market.system.close(seal=False)
        self.market = Market(self.home)

    def _saw(self, client: int, sent: int, envelope: bytes, answer: Answer) -> None:
        self.observations.append(Attempt(client, sent, self.tick(), envelope, answer))
        if isinstance(answer, Receipt) and log_of(answer.origin).service == "ledger":
            self._known[client] = max(answer.index, self._known.get(client, 0))

    # reading --------------------------------------------------------------------------------------------------------

    def read(self, client: int, account: str) -> None:
        """Read a balance in dollars, not older than the client's own receipts."""
        sent, wait_for = self.tick(), self._known.get(client)
        row = self.market.system.views.get("balances", (account, "USD"))
        value = Balance(int(str(row["n"])), int(str(row["posted"])), int(str(row["held"]))) if row is not None else None
        self.observations.append(Read(client, sent, self.tick(), account, "USD", wait_for, value))

    def close(self) -> None:
        """Publish everything."""
        self.settle()
        for client in {each.client for each in self._waiting}:
            self.leave(client)
        self.market.system.close()
