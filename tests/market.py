"""A small market of its own: an instance in a directory, a clock that stands still until moved, keys from names.

`Market` signs, sends and steps; `found`, `trade`, `deliver` and `wind_up` play a story with every kind of entry in it.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

from counterfoil.audit.auditor import audit
from counterfoil.audit.report import AuditReport
from counterfoil.bootstrap.embedded import Embedded
from counterfoil.client.author import Author
from counterfoil.contract.entry import Entry
from counterfoil.contract.log_id import MAIN, LogId
from counterfoil.contract.record import Command as Body
from counterfoil.contract.record import Event
from counterfoil.contract.refusals import Code
from counterfoil.contract.scalars import Role
from counterfoil.contract.terms import FixedExpiry, Rate
from counterfoil.contract.times import DAY, HOUR, SECOND
from counterfoil.instance import Instance
from counterfoil.issuance.commands import (
    AddKey,
    AppropriateBudget,
    IssueVoucher,
    ListProvider,
    RegisterClassV1,
    RegisterParty,
    RevokeKey,
)
from counterfoil.ledger.commands import Deposit, Withdraw
from counterfoil.matching.commands import PlaceBid, PostOffer
from counterfoil.matching.events import TradeMatched
from counterfoil.redemption.commands import (
    AcceptUsage,
    DisputeUsage,
    Reading,
    ReportUsage,
    ResolveDispute,
    SubmitClaim,
)
from counterfoil.redemption.events import SettlementClosed
from counterfoil.runtime.clock import VirtualClock
from counterfoil.runtime.receipts import Answer, Recorded
from counterfoil.vocabulary import CODEC, VOCABULARY
from tests.older import as_of
from tests.paper_work import approve, pay, settle
from tests.programmes import publish

HOST = "market.counterfoil.example"
H = 490_900  # the hour at which the story begins, in 2026
T = H * HOUR
USD = 1_000_000


def seed_of(name: str) -> bytes:
    """A private key that is public."""
    return sha256(f"market/{name}".encode()).digest()


def create(home: Path, shards: Sequence[LogId] = ()) -> Instance:
    """A new instance with keys from names, and `shards` beside the main ones."""
    return Instance.create(home, HOST, "Operator", seed_of, shards=shards)


class Market:
    """An open instance in `home`, stepped in one thread."""

    def __init__(self, home: Path, system: type[Embedded] = Embedded) -> None:
        """Open it, and make it first if there is none."""
        instance = Instance(home) if (home / "instance.json").exists() else create(home)
        self.home, self.clock = home, VirtualClock(T)
        self.shards: dict[str, str] = {}
        """By service, the shard that its commands go to; `MAIN` by default."""
        self.system = system(instance, self.clock, synchronous="OFF")
        for log, runner in self.system.runners.items():
            presence = self.system.stores[log].presence()
            self.clock.advance_to(max(runner.engine.time, 0 if presence is None else presence.alive))

    def __enter__(self) -> Self:
        """The market is open already."""
        return self

    def __exit__(self, *_problem: object) -> None:
        """Close the files, and do no other work."""
        self.system.close(seal=False)

    # commands -------------------------------------------------------------------------------------------------------

    def envelope(self, party: str, body: Body | Sequence[Body], *, key: str = "", nth: int = 0) -> bytes:
        """A signed command. Its id follows from all that is given here and the time: the same again is a repeat."""
        author = Author(party, seed_of(key or party))
        first = body[0] if isinstance(body, Sequence) else body
        service, now = VOCABULARY.service_of[type(first)], self.clock.now()
        aud = self.system.instance.origin(LogId(service, self.shards.get(service, MAIN)))
        digits = sha256(f"{party} {body} {key} {nth} {now}".encode()).hexdigest()
        millis = f"{now // 1_000:012x}"
        id_ = f"{millis[:8]}-{millis[8:]}-7{digits[:3]}-8{digits[3:6]}-{digits[6:18]}"
        rules = self.system.runners[LogId("issuance")].engine.state.rules
        older = (
            [as_of(rules, each, party) for each in body] if isinstance(body, Sequence) else as_of(rules, body, party)
        )
        return author.sign(older, aud, id_, now)

    def post(self, envelope: bytes) -> Answer:
        """Send, step until nothing is left to do, and return the answer; TimeoutError if there is none."""
        answer = self.system.submit(envelope)
        self.system.settle()
        return answer.result(timeout=0)

    def ask(self, party: str, body: Body | Sequence[Body], *, key: str = "") -> Entry:
        """The entry that the command makes."""
        answer = self.post(self.envelope(party, body, key=key))
        assert isinstance(answer, Recorded), f"{body}: {answer}"
        return answer.entry

    def do(self, party: str, *bodies: Body) -> Sequence[Event]:
        """Commands that must be accepted, one after the other; the events of the last."""
        entry = None
        for body in bodies:
            entry = self.ask(party, body)
            assert [each.refusal for each in entry.outcomes] == [None], f"{body}: {entry.outcomes}"
        return () if entry is None else entry.events

    def refused(self, party: str, body: Body, code: Code, *, key: str = "") -> None:
        """A command that must be refused with this code, in an entry."""
        outcome = self.ask(party, body, key=key).outcomes[0].refusal
        assert outcome is not None, f"{body} was accepted"
        assert outcome.code is code, outcome

    # time, endings and what is there ----------------------------------------------------------------------------------

    def advance_to(self, time: int) -> None:
        """Move the clock and fire what becomes due."""
        self.clock.advance_to(time)
        self.system.settle()

    def entries(self, service: str, shard: str = MAIN) -> list[Entry]:
        """All committed entries of a log."""
        return [CODEC.decode_entry(data) for data in self.system.stores[LogId(service, shard)].entries(0, 1 << 40)]

    def events(self, service: str, kind: type[Event], shard: str = MAIN) -> list[Any]:
        """All events of a kind in a log."""
        return [event for entry in self.entries(service, shard) for event in entry.events if type(event) is kind]

    def sealed(self) -> AuditReport:
        """Seal, close, and audit what is published."""
        self.system.close()
        return audit(self.home / "logs")


def image(home: Path, to: Path) -> Path:
    """What a crash would leave: a copy of the files as they are."""
    return Path(shutil.copytree(home, to, symlinks=True))


# the story ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Traded:
    """Two contracts of the story, from one bid each."""

    good: TradeMatched
    bad: TradeMatched


PARTIES: dict[str, tuple[Role, ...]] = {
    "treasury": ("treasurer",),
    "city": ("issuer",),
    "gpu-1": ("provider",),
    "gpu-2": ("provider",),
    "lab-1": ("beneficiary",),
    "lab-2": ("beneficiary",),
}
OFFER = PostOffer(
    class_id="a100", region="east", currency="USD", nodes=4, window_start=H + 10, window_end=H + 34, price=2 * USD,
    min_nodes=1, min_hours=1, bond_bps=2_000, tif="GTC", good_until=None, stp="taker",
)  # fmt: skip
BID = PlaceBid(
    programme_id="p1", voucher_ids=(), classes=("a100",), regions=("east",), nodes=1, hours=2, earliest=H + 10,
    latest=H + 12, limit_price=3 * USD, partial=False, min_nodes=1, tif="GTC", good_until=None, post_only=False,
    stp="taker",
)  # fmt: skip


PROGRAMME = publish(
    programme_id="p1", version=1, title="Vouchers", legal_basis="Notice 1", currency="USD",
    share=Rate(num=1, den=2), beneficiary_cap=10**12, classes=("a100",), regions=("east",), valid_from=T - DAY,
    valid_until=T + 90 * DAY, expiry=FixedExpiry(kind="fixed", at=T + 30 * DAY), recycle="appropriation",
    hold_tolls_expiry=True, report_within_seconds=4 * 3_600, dispute_window_seconds=3_600,
)  # fmt: skip


def party(name: str, roles: tuple[Role, ...]) -> RegisterParty:
    """The operator's command that admits a party, in a group of its own."""
    key = Author(name, seed_of(name)).prove(HOST)
    return RegisterParty(
        party_id=name, name=name, roles=roles, group_id=name, key=key, recovery_key=None, looks_like=None
    )


def deposit(to: str, amount: int = 10_000 * USD, reference: str = "") -> Deposit:
    """The treasury's command that credits cash; the reference follows from the rest unless it is given."""
    paper = reference or f"IN {to} {amount}"
    return Deposit(party_id=to, currency="USD", amount=amount, payment_reference=paper)


def found(market: Market, crowd: int = 0) -> None:
    """Parties (and a `crowd` of others), a class, a programme with budget and providers, vouchers, cash."""
    register = [party(name, roles) for name, roles in PARTIES.items()]
    register += [party(f"other-{number:03d}", ("beneficiary",)) for number in range(crowd)]
    for start in range(0, len(register), 12):
        market.ask("operator", register[start : start + 12])
    market.do("operator", RegisterClassV1(
        class_id="a100", version=1, description="A100", mem_mb=81_920, gpus_per_node=8, bf16_mtflops_nominal=None,
        bf16_mtflops_attested=None, interconnect=None, sources=(),
    ))  # fmt: skip
    market.do(
        "city",
        PROGRAMME,
        AppropriateBudget(programme_id="p1", amount=5_000 * USD, document="B-1"),
        ListProvider(programme_id="p1", provider_id="gpu-1"),
        ListProvider(programme_id="p1", provider_id="gpu-2"),
        IssueVoucher(programme_id="p1", beneficiary_id="lab-1", amount=500 * USD),
        IssueVoucher(programme_id="p1", beneficiary_id="lab-2", amount=400 * USD),
    )  # fmt: skip
    market.do("treasury", *(deposit(name) for name in ("gpu-1", "gpu-2", "lab-1", "lab-2")))


def trade(market: Market) -> Traded:
    """An offer each, a bid each that meets one of them, and commands that must be refused."""
    market.do("gpu-1", OFFER)
    market.do("lab-1", BID)
    market.do("gpu-2", replace(OFFER, price=USD))
    market.do("lab-2", BID)
    market.refused("lab-1", IssueVoucher(programme_id="p1", beneficiary_id="lab-1", amount=USD), Code.ROLE_NOT_ALLOWED)
    big = Withdraw(party_id="lab-1", currency="USD", amount=10**15, payment_reference="OUT-1")
    market.refused("treasury", big, Code.EXCEEDS_AVAILABLE)
    spare = Author("lab-1", seed_of("lab-1 spare"))
    market.do("lab-1", AddKey(key=spare.prove(HOST)))
    market.do("lab-1", RevokeKey(party_id="lab-1", key_id=spare.key_id, reason="Lost"))
    market.refused("lab-1", BID, Code.KEY_REVOKED, key="lab-1 spare")
    good, bad = market.events("matching", TradeMatched)
    return Traded(good, bad)


def deliver(market: Market, traded: Traded) -> None:
    """The first contract is delivered, one hour accepted and one disputed; of the second nothing is reported."""
    first = traded.good.first_hour
    for hour in range(first, first + traded.good.hours):
        market.advance_to((hour + 1) * HOUR + SECOND)
        readings = (Reading(hour=hour, gpu_minutes=480),)
        body = ReportUsage(contract_id=traded.good.trade_id, readings=readings)
        report = market.do(traded.good.provider_id, body)[0].report_id  # type: ignore[attr-defined]
        if hour == first:
            market.do("lab-1", AcceptUsage(report_id=report))
        else:
            market.do("lab-1", DisputeUsage(report_id=report, hours=(), evidence=(), reason="It stood still"))
            market.do("operator", ResolveDispute(report_id=report, gpu_minutes=240, reason="Meter log"))
    market.advance_to((traded.bad.first_hour + traded.bad.hours + 5) * HOUR)


def wind_up(market: Market, traded: Traded) -> None:
    """The subsidy is claimed and paid, the vouchers expire."""
    contracts = (traded.good.trade_id,)
    claim = market.do(
        traded.good.provider_id, SubmitClaim(programme_id="p1", invoice_number="I-1", contract_ids=contracts)
    )
    claim_id = claim[0].claim_id  # type: ignore[attr-defined]
    market.do("city", approve(claim_id))
    (closed,) = market.do("city", settle("p1", claim_id))
    assert isinstance(closed, SettlementClosed)
    market.do("treasury", pay(closed, "PAY-1"))
    market.advance_to(T + 31 * DAY)


def play(market: Market, crowd: int = 0) -> Traded:
    """The whole story."""
    found(market, crowd)
    traded = trade(market)
    deliver(market, traded)
    wind_up(market, traded)
    return traded
