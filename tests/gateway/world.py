"""A small market for the gateway's tests: its parties, their keys, and their balances at the start."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Any

from counterfoil.bootstrap.embedded import Embedded, resolve
from counterfoil.client.author import Author
from counterfoil.contract.log_id import LogId
from counterfoil.contract.record import Command as Body
from counterfoil.contract.scalars import Role
from counterfoil.contract.terms import Rate, RelativeExpiry
from counterfoil.contract.times import DAY, HOUR, parse_time
from counterfoil.instance import Instance
from counterfoil.issuance.commands import (
    AppropriateBudget,
    IssueVoucher,
    ListProvider,
    RegisterClassV1,
    RegisterParty,
)
from counterfoil.ledger.commands import Deposit
from counterfoil.matching.commands import PlaceBid, PostOffer
from counterfoil.runtime.clock import VirtualClock
from counterfoil.runtime.receipts import Answer, Deliver, Recorded
from counterfoil.vocabulary import VOCABULARY
from tests.programmes import publish
from tests.state_root import state_root

_PAPERS = count(1)
HOST = "counterfoil.example"
START = parse_time("2026-03-02T00:00:00.000000Z")
UNIT = 1_000_000
FIRST_HOUR = START // HOUR + 24
PROGRAMME = publish(
    programme_id="p1", version=1, title="Vouchers", legal_basis="Notice 1", currency="USD",
    share=Rate(num=1, den=2), beneficiary_cap=10_000 * UNIT, classes=("a100",), regions=("east",),
    valid_from=START - DAY, valid_until=START + 90 * DAY,
    expiry=RelativeExpiry(kind="relative", after_seconds=10 * 86_400), recycle="appropriation", hold_tolls_expiry=True,
    report_within_seconds=86_400, dispute_window_seconds=3_600,
)  # fmt: skip
OFFER = PostOffer(
    class_id="a100", region="east", currency="USD", nodes=4, window_start=FIRST_HOUR, window_end=FIRST_HOUR + 48,
    price=2 * UNIT, min_nodes=1, min_hours=1, bond_bps=2_000, tif="GTC", good_until=None, stp="taker",
)  # fmt: skip
BID = PlaceBid(
    programme_id="p1", voucher_ids=(), classes=("a100",), regions=("east",), nodes=1, hours=2, earliest=FIRST_HOUR,
    latest=FIRST_HOUR + 8, limit_price=3 * UNIT, partial=False, min_nodes=1, tif="GTC", good_until=None,
    post_only=False, stp="taker",
)  # fmt: skip


def seed_of(name: str) -> bytes:
    """32 octets for a key: the same name, the same key."""
    return sha256(f"gateway tests/{name}".encode()).digest()


class Market:
    """An instance with its services and all parties' keys. Step it, or start its threads."""

    def __init__(self, home: Path, deliver: Deliver = resolve) -> None:
        self.home = home
        self.clock = VirtualClock(START)
        self.instance = (
            Instance(home) if (home / "instance.json").exists() else Instance.create(home, HOST, "Operator", seed_of)
        )
        self.system = Embedded(self.instance, self.clock, synchronous="OFF", deliver=deliver)
        self._authors: dict[str, Author] = {}
        self._ids = count(1)

    # signing --------------------------------------------------------------------------------------------------------

    def author(self, party_id: str) -> Author:
        """The signer of a party."""
        return self._authors.setdefault(party_id, Author(party_id, seed_of(party_id)))

    def command_id(self) -> str:
        """A new UUIDv7, in order."""
        n = next(self._ids)
        return f"{self.clock.now() // 1000:012x}"[:8] + f"-{n >> 16 & 0xFFFF:04x}-7000-8000-{n:012x}"

    def sign(self, party_id: str, body: Body | Sequence[Body], **signing: Any) -> bytes:
        """An envelope of `party_id`; `signing`: key (an `Author`), aud, command_id, issued_at, expires_at, seen."""
        first = body[0] if isinstance(body, Sequence) else body
        aud = signing.pop("aud", None) or self.instance.origin(LogId(VOCABULARY.service_of[type(first)]))
        command_id = signing.pop("command_id", None) or self.command_id()
        issued_at = signing.pop("issued_at", self.clock.now())
        author: Author = signing.pop("key", None) or self.author(party_id)
        return author.sign(body, aud, command_id, issued_at, **signing)

    # what happened --------------------------------------------------------------------------------------------------

    def sizes(self) -> dict[str, int]:
        """Entries in each log."""
        return {log.name: runner.tree.size for log, runner in self.system.runners.items()}

    def state_roots(self) -> dict[str, bytes]:
        """A digest of each log's whole state."""
        runners = self.system.runners
        return {
            log.name: state_root(runner.log.decider.records(runner.engine.state))[1] for log, runner in runners.items()
        }

    def ask(self, party_id: str, *bodies: Body) -> list[Recorded]:
        """Submit commands directly to the services and step until all are accepted; for setup."""
        futures = [self.system.submit(self.sign(party_id, body)) for body in bodies]
        self.system.settle()
        return [accepted(future.result(timeout=0)) for future in futures]

    def open(self) -> Market:
        """Register all parties and give them their balances."""
        self.register("city", "issuer")
        self.register("treasury", "treasurer")
        self.register("gpu-1", "provider")
        self.register("gpu-2", "provider")
        self.register("lab-1", "beneficiary")
        self.register("lab-2", "beneficiary")
        a100 = RegisterClassV1(
            class_id="a100", version=1, description="A100", mem_mb=81_920, gpus_per_node=8, bf16_mtflops_nominal=None,
            bf16_mtflops_attested=None, interconnect=None, sources=(),
        )  # fmt: skip
        self.ask("operator", a100)
        self.ask("city", PROGRAMME)
        self.ask("city", AppropriateBudget(programme_id="p1", amount=100_000 * UNIT, document="B-1"))
        self.ask("city", ListProvider(programme_id="p1", provider_id="gpu-1"))
        self.ask("city", IssueVoucher(programme_id="p1", beneficiary_id="lab-1", amount=1_000 * UNIT))
        self.ask("treasury", deposit("gpu-1", 1_000), deposit("lab-1", 1_000))
        self.system.settle()
        return self

    def register(self, party_id: str, *roles: Role) -> None:
        """Register a party."""
        self.ask("operator", self.registration(party_id, *roles))

    def registration(self, party_id: str, *roles: Role) -> RegisterParty:
        """The operator's command that admits a party."""
        key = self.author(party_id).prove(HOST)
        return RegisterParty(
            party_id=party_id,
            name=party_id,
            roles=roles,
            group_id=party_id,
            key=key,
            recovery_key=None,
            looks_like=None,
        )

    def rows(self, view: str, **filters: object) -> list[dict[str, object]]:
        """The first rows of a view."""
        return self.system.views.page(view, filters, None, 500)


def deposit(party_id: str, units: int) -> Deposit:
    """Currency paid in for a party."""
    return Deposit(party_id=party_id, currency="USD", amount=units * UNIT, payment_reference=f"IN {next(_PAPERS)}")


def accepted(answer: Answer) -> Recorded:
    """The answer, which must be a receipt of an accepted command."""
    assert isinstance(answer, Recorded), answer
    assert all(outcome.refusal is None for outcome in answer.entry.outcomes), answer.entry.outcomes
    return answer
