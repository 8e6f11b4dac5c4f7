"""The commands of a recorder's clients: a random mix for a market founded by `tests.e2e.founding`."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from itertools import count
from pathlib import Path
from random import Random
from typing import Final

from counterfoil.client.author import Author
from counterfoil.client.ids import new_command_id
from counterfoil.contract.log_id import LogId
from counterfoil.contract.record import Command as Body
from counterfoil.instance import Instance
from counterfoil.issuance.commands import IssueVoucher
from counterfoil.key_files import read_key
from counterfoil.ledger.commands import Withdraw
from counterfoil.matching.commands import CancelOffer
from counterfoil.redemption.commands import Reading, ReportUsage
from counterfoil.vocabulary import VOCABULARY
from tests.e2e.founding import NOW_HOUR, PARTIES, PROGRAMME
from tests.gateway.world import BID, OFFER, UNIT, deposit

WEIGHTS: Final[Mapping[str, int]] = {
    "deposit": 5, "withdraw": 3, "offer": 3, "bid": 4, "cancel": 1, "issue": 1, "report": 1,
}  # fmt: skip
"""How often each kind is drawn; a kind that is missing is never drawn."""
_OFFER = replace(OFFER, class_id="a100-80gb", region="eu-west")
_BID = replace(BID, programme_id=PROGRAMME, classes=("a100-80gb",), regions=("eu-west",))
_FIRST = NOW_HOUR + 5


class Crowd:
    """The parties of an instance, with keys from its directory, and their commands.

    Most are accepted; some amounts, prices, orders and reports must be refused.
    """

    def __init__(self, home: Path, weights: Mapping[str, int] = WEIGHTS) -> None:
        self._instance = Instance(home)
        self._authors = {party: Author(party, read_key(home / "keys" / f"{party}.pem")) for party in PARTIES}
        self._kinds, self._weights = list(weights), list(weights.values())
        self._numbers = count()

    def command(self, rng: Random) -> bytes:
        """The next command, signed now."""
        (kind,) = rng.choices(self._kinds, self._weights)
        party, body = self._ask(kind, rng, next(self._numbers))
        aud = self._instance.origin(LogId(VOCABULARY.service_of[type(body)]))
        return self._authors[party].sign(body, aud, new_command_id(), time.time_ns() // 1_000)

    def account(self, rng: Random) -> tuple[str, str]:
        """A balance that the commands move."""
        return f"cash/{rng.choice(('acme', 'norn'))}", "USD"

    def _ask(self, kind: str, rng: Random, n: int) -> tuple[str, Body]:
        party = rng.choice(("acme", "norn"))
        price = rng.randint(170, 190) * UNIT // 100 + rng.choice((0, 0, 0, 1))  # one in four is off the tick
        amount = rng.choice((1, 1, 2, 1_000_000)) * UNIT
        asked: dict[str, tuple[str, Body]] = {
            "deposit": ("treasury", replace(deposit(party, rng.randint(1, 200)), payment_reference=f"MORE-{n}")),
            "withdraw": (
                "treasury",
                Withdraw(party_id=party, currency="USD", amount=amount, payment_reference=f"OUT-{n}"),
            ),
            "offer": (
                "norn",
                replace(
                    _OFFER, nodes=rng.randint(1, 4), price=price, window_start=_FIRST, window_end=_FIRST + 24
                ),
            ),
            "bid": (
                "acme",
                replace(_BID, hours=rng.randint(1, 3), earliest=_FIRST, latest=_FIRST + 8, limit_price=price),
            ),
            "cancel": ("norn", CancelOffer(offer_id=f"offer-{rng.randrange(60)}-0")),
            "issue": ("springfield", IssueVoucher(programme_id=PROGRAMME, beneficiary_id="acme", amount=UNIT)),
            "report": (
                "norn",
                ReportUsage(contract_id=f"trade-{n}-0", readings=(Reading(hour=_FIRST, gpu_minutes=1),)),
            ),
        }  # fmt: skip
        return asked[kind]
