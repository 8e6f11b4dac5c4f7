"""A small world for issuance: an operator, two issuers, two providers, three beneficiaries, a class, a programme."""

from __future__ import annotations

from functools import cache

from counterfoil.contract.events import KeyAdded, PartyRegistered
from counterfoil.contract.key_id import key_id_of
from counterfoil.contract.scalars import Role
from counterfoil.contract.terms import Rate, RelativeExpiry
from counterfoil.contract.times import DAY, SECOND
from counterfoil.issuance.commands import (
    AppropriateBudget,
    IssueVoucher,
    RegisterClassV1,
    RegisterParty,
)
from counterfoil.issuance.service import DECIDER
from counterfoil.ledger.events import Balance, Leg
from counterfoil.log.keys import SigningKey
from tests.given import Scenario
from tests.possession import proven
from tests.programmes import publish
from tests.purity import PureScenario

OPEN = 1_000_000_000_000_000 + DAY  # a day after the scenario's first entry
END = OPEN + 30 * DAY
VOUCHER = "vch-13-0"  # the id of what is issued first in `market`

CLASS = RegisterClassV1(
    class_id="a100",
    version=1,
    description="A100 SXM 80 GB",
    mem_mb=81_920,
    gpus_per_node=8,
    bf16_mtflops_nominal=312_000,
    bf16_mtflops_attested=None,
    interconnect="NVLink",
    sources=("maker's data sheet",),
)
PROGRAMME = publish(
    programme_id="p1",
    version=1,
    title="Compute vouchers",
    legal_basis="Notice 34 of the city",
    currency="CNY",
    share=Rate(num=1, den=2),
    beneficiary_cap=500,
    classes=("a100",),
    regions=("cn-north", "cn-east"),
    valid_from=OPEN,
    valid_until=END,
    expiry=RelativeExpiry(kind="relative", after_seconds=10 * DAY // SECOND),
    recycle="appropriation",
    hold_tolls_expiry=True,
    report_within_seconds=3_600,
    dispute_window_seconds=7_200,
)
BUDGET = AppropriateBudget(programme_id="p1", amount=1_000, document="budget-2026")


@cache
def public_key(n: int) -> bytes:
    """The `n`-th of this world's valid public keys."""
    return SigningKey("key", n.to_bytes(32, "big")).verify_key.public


def register(party_id: str, key: int, *roles: Role, group: str | None = None) -> RegisterParty:
    """The registration of a party, in a group of its own unless said otherwise."""
    group_id = group or party_id
    return RegisterParty(
        party_id=party_id, name=party_id.upper(), roles=roles, group_id=group_id, key=proven(key, party_id),
        recovery_key=None, looks_like=None,
    )  # fmt: skip


def issue(beneficiary_id: str, amount: int) -> IssueVoucher:
    """A voucher of programme p1."""
    return IssueVoucher(programme_id="p1", beneficiary_id=beneficiary_id, amount=amount)


def people(scenario: Scenario | None = None) -> Scenario:
    """The parties and the class, in a new scenario or in the one given; lab-1 and lab-2 are related."""
    operator = PartyRegistered(party_id="op", name="Operator", roles=("operator",), group_id="op")
    key = KeyAdded(party_id="op", key_id=key_id_of(public_key(0)), public_key=public_key(0))
    scenario = scenario or PureScenario(DECIDER)
    begins, scenario.index = scenario.index + 1, -1  # the first entry's operator is the root of all authority
    scenario.given(operator)
    scenario.index = begins
    scenario.given(key)
    for body in (
        register("city-1", 1, "issuer"),
        register("city-2", 2, "issuer"),
        register("gpu-1", 3, "provider"),
        register("lab-1", 4, "beneficiary", group="labs"),
        register("lab-2", 5, "beneficiary", group="labs"),
        register("lab-3", 6, "beneficiary"),
        register("gpu-2", 7, "provider"),
    ):
        scenario.when(body, actor="op").then_types(PartyRegistered, KeyAdded)
    scenario.when(CLASS, actor="op")
    return scenario


def market(scenario: Scenario | None = None) -> Scenario:
    """The people, and programme p1 of city-1: share 1/2, cap 500 per group, budget 1,000, open from OPEN to END."""
    return people(scenario).when(PROGRAMME, actor="city-1").when(BUDGET, actor="city-1")


def taken(amount: int, holder_id: str = "lab-1") -> Leg:
    """A leg that takes so much of a voucher from one of its owners."""
    after = Balance(n=2, posted=0, held=0)
    return Leg(
        effect="post", asset=VOUCHER, debit=f"owner/{holder_id}", credit="cancelled", amount=amount,
        debit_after=after, credit_after=after,
    )  # fmt: skip
