"""The story: cities issue vouchers, providers post offers, start-ups bid, hours are delivered, claims are paid.

Day by day in virtual time: the bids of a day's tasks are placed a day ahead; what was delivered is reported, accepted
by the start-up or when the dispute window closes, captured, claimed and paid. Some providers default, some commands are
bad or repeated, and at the end the vouchers expire.

The services work at different speeds, and the story must end with the same balances at any of them. So it waits
wherever the order of two services' decisions would matter, and depends on the contents and order of rows, never on ids.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random
from typing import Final

from counterfoil.contract.record import Command as Body
from counterfoil.contract.scalars import Role
from counterfoil.contract.terms import FixedExpiry, ProgrammeTerms, RelativeExpiry
from counterfoil.contract.times import DAY, HOUR, parse_time
from counterfoil.core.rules import LATEST, RULES
from counterfoil.demo.model import (
    CITIES,
    DEFAULTING,
    KINDS,
    PROVIDERS,
    REGIONS,
    USD,
    Firm,
    ProgrammeKind,
    deal,
    firms,
    limit_price,
    slack_hours,
)
from counterfoil.demo.story_driver import StoryDriver
from counterfoil.demo.trace import CATALOGUE, MEMORY_MB, Node, Task
from counterfoil.issuance.commands import (
    AppointAuditor,
    AppropriateBudget,
    AttestGroup,
    IssueVoucher,
    ListProvider,
    PublishProgrammeV1,
    RegisterClass,
    RegisterParty,
)
from counterfoil.ledger.commands import Deposit, Withdraw
from counterfoil.matching.commands import CancelBid, PlaceBid, PostOffer
from counterfoil.redemption.commands import (
    AcceptUsage,
    ApproveClaim,
    CloseSettlement,
    ConfirmPayment,
    DisputeUsage,
    Reading,
    ReportUsage,
    ResolveDispute,
    SubmitClaim,
)

START: Final = parse_time("2026-01-05T00:00:00.000000Z")
HORIZON_HOURS: Final = 168
"""Longer tasks are cut to a week: a bid is for one contiguous block."""
_RULES: Final = RULES[LATEST]  # what the new logs of a story begin with
_REPORT_WITHIN: Final = 2 * 86_400
_DISPUTE_WINDOW: Final = 86_400


@dataclass(slots=True)
class World:
    """The state of the story: its input, its driver, and what was done so far."""

    driver: StoryDriver
    nodes: list[Node]
    tasks: list[Task]
    prices: dict[str, list[int]]
    rng: Random
    progress: Callable[[str, int, int], None]
    all_firms: list[Firm] = field(default_factory=list)
    owners: list[Firm] = field(default_factory=list)
    reported: set[str] = field(default_factory=set)
    minutes: dict[str, int] = field(default_factory=dict)

    @property
    def first_day(self) -> int:
        """The trace day that the story's second day stands for."""
        return self.tasks[0].start // 86_400 if self.tasks else 0

    @property
    def days(self) -> int:
        """How many days, from the first to the last on which a task starts."""
        return (self.tasks[-1].start // 86_400 - self.first_day + 1) if self.tasks else 0

    def hour(self, task: Task) -> int:
        """The delivery hour at which the task starts in the trace, moved to the story's calendar."""
        return START // HOUR + 24 + (task.start - self.first_day * 86_400) // 3_600


def number(value: object) -> int:
    """The value of an integer column. Raises TypeError."""
    if not isinstance(value, int):
        raise TypeError(f"{value!r} is not a number")
    return value


def kind_of(city: int) -> ProgrammeKind:
    """The kind of a city's programme."""
    return KINDS[city % len(KINDS)]


def programme_of(city: int) -> str:
    """The id of a city's programme."""
    return f"{CITIES[city]}-{kind_of(city).name}"


def hours_of(task: Task) -> int:
    """The whole hours a task needs, at most a week."""
    return min(-(-task.seconds // 3_600), HORIZON_HOURS)


def play(world: World) -> None:
    """The whole story."""
    found(world)
    fund(world)
    offer(world)
    driver = world.driver
    day = 0
    while day <= world.days + HORIZON_HOURS // 24 + 4:
        driver.advance_to(START + day * DAY)
        if day == 1:
            buy(world)
        bid(world, day)
        deliver(world)
        world.progress("days", day + 1, world.days + HORIZON_HOURS // 24 + 5)
        day += 1
    claim(world)
    driver.advance_to(START + (day + max(kind.valid_days for kind in KINDS) + 30) * DAY)
    driver.settle()


# founding -----------------------------------------------------------------------------------------------------------


def found(world: World) -> None:
    """Parties, accelerator classes, programmes, budgets and listings."""
    driver = world.driver
    world.all_firms = firms(max(12, len(world.tasks) // 20), world.rng)
    world.owners = deal(world.tasks, world.all_firms, world.rng)
    _register(driver, "treasury", "Treasury of the market", ("treasurer",))
    _register(driver, "audit-office", "Audit office", ("auditor",))
    driver.send("operator", AppointAuditor(auditor_id="audit-office", programme_id=None))
    for name in PROVIDERS:
        _register(driver, name, f"{name.title()} Compute (fictional)", ("provider",))
    for firm in world.all_firms:
        _register(driver, firm.party_id, f"Start-up {firm.party_id[5:]} (fictional)", ("beneficiary",))
    for model in sorted(CATALOGUE):
        driver.send("operator", _class(model))
    for name in CITIES:
        _register(driver, name, f"City of {name.replace('-', ' ').title()} (fictional)", ("issuer",))
    driver.settle()
    for city, name in enumerate(CITIES):
        driver.send(name, _programme(city, world))
        driver.settle()
        driver.send(
            name, AppropriateBudget(programme_id=programme_of(city), amount=9_000_000 * USD, document=f"B-{city}")
        )
        for nth, provider in enumerate(PROVIDERS):
            if (nth + city) % 5:  # each city accredits four providers in five
                driver.send(name, ListProvider(programme_id=programme_of(city), provider_id=provider))
    driver.settle()


def _register(driver: StoryDriver, party_id: str, name: str, roles: tuple[Role, ...]) -> None:
    driver.send("operator", RegisterParty(
        party_id=party_id, name=name, roles=roles, group_id=party_id, key=driver.prove(party_id),
        recovery_key=None, looks_like=None,
    ))  # fmt: skip


def _class(model: str) -> RegisterClass:
    return RegisterClass(
        class_id=model.lower(),
        version=1,
        description=f"GPU model {model} of the cluster trace, sold by the single GPU",
        mem_mb=MEMORY_MB[model],
        gpus_per_node=1,
        bf16_mtflops_nominal=None,
        bf16_mtflops_attested=None,
        interconnect=None,
        sources=("Alibaba cluster-trace-gpu-v2023",),
    )


def _programme(city: int, world: World) -> PublishProgrammeV1:
    kind = kind_of(city)
    ends = START + (world.days + 400) * DAY
    relative = RelativeExpiry(kind="relative", after_seconds=(kind.valid_days + world.days) * 86_400)
    fixed = FixedExpiry(kind="fixed", at=START + (kind.valid_days + world.days) * DAY)
    terms = ProgrammeTerms(
        title=f"Compute vouchers of {CITIES[city].replace('-', ' ').title()}",
        legal_basis=f"Fictional; share, cap and providers follow: {kind.follows}",
        currency="USD",
        share=kind.share,
        beneficiary_cap=kind.cap,
        min_face=0,
        classes=tuple(model.lower() for model in kind.models),
        regions=REGIONS,
        valid_from=START,
        valid_until=ends,
        expiry=relative if city % 2 else fixed,
        recycle="appropriation" if kind.recycle else "lapsed",
        hold_tolls_expiry=kind.tolls,
        report_within_seconds=_REPORT_WITHIN,
        dispute_window_seconds=_DISPUTE_WINDOW,
        redemption_model="deduct_at_provider",
    )
    return PublishProgrammeV1(programme_id=programme_of(city), version=1, terms=terms)


def fund(world: World) -> None:
    """Vouchers in two parts, cash for bonds and co-payments. Every fourth start-up gets far less than it bids for.

    Then an hour passes: a voucher is valid from its issue on, in issuance's time, and the other logs must be later.
    """
    driver = world.driver
    for name in PROVIDERS:
        driver.send("treasury", _deposit(name, 60_000_000 * USD))
    needs: dict[str, int] = {}
    for task, firm in zip(world.tasks, world.owners, strict=True):
        highest = max(world.prices[model][-1] for model in task.models)
        needs[firm.party_id] = needs.get(firm.party_id, 0) + highest * task.gpus * hours_of(task)
    for nth, firm in enumerate(world.all_firms):
        need, kind = needs.get(firm.party_id, 10 * USD), kind_of(firm.city)
        covered = 2 if nth % 4 == 3 else 90
        subsidy = max(min(need * kind.share.num * covered // (kind.share.den * 100), kind.cap), 2 * USD)
        issuer = CITIES[firm.city]
        for part in (subsidy * 2 // 3, subsidy // 3):
            body = IssueVoucher(programme_id=programme_of(firm.city), beneficiary_id=firm.party_id, amount=part)
            driver.send(issuer, body)
        driver.send("treasury", _deposit(firm.party_id, need + USD))
    driver.advance_to(START + HOUR)


def _deposit(party_id: str, amount: int) -> Deposit:
    return Deposit(party_id=party_id, currency="USD", amount=amount, payment_reference=f"IN-{party_id}")


def offer(world: World) -> None:
    """Every node is an offer at one of the list prices of its model, dealt to the providers in turn."""
    start = START // HOUR + 2
    end = start + (world.days + 9) * 24
    for nth, node in enumerate(world.nodes):
        provider = nth % len(PROVIDERS)
        quotes = world.prices[node.model]
        body = PostOffer(
            class_id=node.model.lower(),
            region=REGIONS[provider % len(REGIONS)],
            currency="USD",
            nodes=node.gpus,
            window_start=start,
            window_end=end,
            price=quotes[provider % len(quotes)],
            min_nodes=1,
            min_hours=1,
            bond_bps=_RULES.min_bond_bps,
            tif="GTC",
            good_until=None,
            stp="taker",
        )
        world.driver.send(PROVIDERS[provider], body)
    world.driver.settle()


# bidding ------------------------------------------------------------------------------------------------------------


def buy(world: World) -> None:
    """Some start-ups are bought by a provider.

    What they have on the book does not meet its offers, and where it is listed for their city they bid no more.
    """
    for firm in world.all_firms:
        if firm.bought_by is not None:
            source = "Company register (fictional)"
            body = AttestGroup(party_id=firm.party_id, group_id=firm.bought_by, since=None, source=source)
            world.driver.send("operator", body)
    world.driver.settle()


def bid(world: World, day: int, *, patient: bool = True) -> None:
    """Place the bids of tomorrow's tasks; some commands in between must be refused, and some are sent again.

    `patient`: a start-up's bid waits until its last one is decided, since what that releases may pay for the next.
    Without it, the end depends on the speed of the services.
    """
    driver, rng = world.driver, world.rng
    waiting: set[str] = set()
    for task, firm in zip(world.tasks, world.owners, strict=True):
        if task.start // 86_400 - world.first_day != day:
            continue
        if patient and firm.party_id in waiting:
            driver.settle()
            waiting.clear()
        waiting.add(firm.party_id)
        envelope = driver.send(firm.party_id, _bid(world, task, firm), must=False)
        chance = rng.random()
        if chance < 0.02:
            driver.repeat(envelope)
        elif chance < 0.12:
            _misbehave(world, task, firm, rng)
    driver.settle()
    for row in driver.rows("bids", status="open"):
        if rng.random() < 0.1:
            driver.send(str(row["beneficiary_id"]), CancelBid(bid_id=str(row["bid_id"])), must=False)
    driver.settle()


def _bid(world: World, task: Task, firm: Firm) -> PlaceBid:
    models = task.models
    earliest = world.hour(task)
    return PlaceBid(
        programme_id=programme_of(firm.city),
        voucher_ids=(),
        classes=tuple(model.lower() for model in models),
        regions=REGIONS,
        nodes=task.gpus,
        hours=hours_of(task),
        earliest=earliest,
        latest=earliest + slack_hours(task),
        limit_price=limit_price(task, models, world.prices, world.rng),
        partial=False,
        min_nodes=1,
        tif="GTC",
        good_until=None,
        post_only=False,
        stp="taker",
    )


def _misbehave(world: World, task: Task, firm: Firm, rng: Random) -> None:
    """Send one bad command of a random kind; it must be refused and change nothing."""
    driver, good = world.driver, _bid(world, task, firm)
    now = driver.clock.now()
    party = firm.party_id
    stranger = next(each.party_id for each in world.all_firms if each.party_id != party)
    kind = rng.randrange(8)
    if kind == 0:
        envelope = bytearray(driver.envelope(party, good))
        at = envelope.index(b'"sig":"') + 12
        envelope[at] = ord("A") if envelope[at] != ord("A") else ord("B")
        driver.post(bytes(envelope), "bad_signature")
    elif kind == 1:
        driver.post(driver.envelope(party, good, issued_at=now - 3 * HOUR), "expired")
    elif kind == 2:
        driver.post(driver.envelope(party, good, issued_at=now + HOUR), "from_future")
    elif kind == 3:
        amount = 10**15
        driver.post(driver.envelope("treasury", Withdraw(party_id=party, currency="USD", amount=amount,
                                                     payment_reference="OUT-1")), "overdraft")  # fmt: skip
    elif kind == 4:
        driver.post(driver.envelope(party, replace(good, limit_price=_RULES.price_tick + 1)), "off_tick")
    elif kind == 5:
        body: Body = IssueVoucher(programme_id=good.programme_id, beneficiary_id=party, amount=USD)
        driver.post(driver.envelope(party, body), "foreign_role")
    elif kind == 6:
        driver.settle()
        for row in driver.rows("bids", beneficiary_id=stranger, status="open")[:1]:
            driver.post(driver.envelope(party, CancelBid(bid_id=str(row["bid_id"]))), "not_yours")
    else:
        driver.post(driver.envelope(party, good)[:-40], "malformed")


# delivery -----------------------------------------------------------------------------------------------------------


def deliver(world: World) -> None:
    """Report what was delivered by now; accept some reports, dispute a few, leave the rest to the dispute window."""
    driver, rng, now = world.driver, world.rng, world.driver.clock.now()
    for row in driver.rows("contracts", status="open"):
        contract_id, provider = str(row["contract_id"]), str(row["provider_id"])
        end = number(row["first_hour"]) + number(row["hours"])
        if contract_id in world.reported or end * HOUR > now:
            continue
        world.reported.add(contract_id)
        if provider in DEFAULTING and rng.random() < 0.25:
            continue
        full = number(row["nodes"]) * number(row["gpus_per_node"]) * 60
        for first in range(end - number(row["hours"]), end, _RULES.max_readings):
            hours = range(first, min(first + _RULES.max_readings, end))
            readings = tuple(Reading(hour=hour, gpu_minutes=full) for hour in hours)
            driver.send(provider, ReportUsage(contract_id=contract_id, readings=readings))
    driver.settle()
    for row in driver.rows("reports", status="open"):
        report_id = str(row["report_id"])
        if number(row["dispute_until"]) <= driver.clock.now() or report_id in world.minutes:
            continue
        world.minutes[report_id] = number(row["gpu_minutes"])
        chance = rng.random()
        beneficiary = _beneficiary(driver, str(row["contract_id"]))
        if chance < 0.3:
            driver.send(beneficiary, AcceptUsage(report_id=report_id), must=False)
        elif chance < 0.34:
            driver.send(
                beneficiary,
                DisputeUsage(report_id=report_id, hours=(), evidence=(), reason="Two hours were unusable"),
                must=False,
            )
    driver.settle()
    for row in driver.rows("reports", status="disputed"):
        report_id = str(row["report_id"])
        body = ResolveDispute(report_id=report_id, gpu_minutes=world.minutes[report_id] * 3 // 4, reason="Meter log")
        driver.send("operator", body)
    driver.settle()


def _beneficiary(driver: StoryDriver, contract_id: str) -> str:
    row = driver.row("contracts", contract_id)
    return str(row["beneficiary_id"])


# settlement ---------------------------------------------------------------------------------------------------------


def claim(world: World) -> None:
    """Each provider claims from each programme; the cities approve and settle, and the treasury pays."""
    driver = world.driver
    due: dict[tuple[str, str], list[str]] = {}
    for row in driver.rows("contracts"):
        if number(row["subsidy"]) > 0:
            due.setdefault((str(row["programme_id"]), str(row["provider_id"])), []).append(str(row["contract_id"]))
    for (programme_id, provider), contracts in sorted(due.items()):
        for nth in range(0, len(contracts), _RULES.max_contracts_per_claim):
            chunk = tuple(contracts[nth : nth + _RULES.max_contracts_per_claim])
            invoice = f"{provider}-{programme_id}-{nth}"[:64]
            driver.send(provider, SubmitClaim(programme_id=programme_id, invoice_number=invoice, contract_ids=chunk))
    driver.settle()
    for city, name in enumerate(CITIES):
        programme_id = programme_of(city)
        claims = [str(row["claim_id"]) for row in driver.rows("claims", programme_id=programme_id, status="submitted")]
        for claim_id in claims:
            driver.send(name, ApproveClaim(claim_id=claim_id, lines=(), rest="claimable"))
        driver.settle()
        for nth in range(0, len(claims), _RULES.max_claims_per_settlement):
            chunk = tuple(claims[nth : nth + _RULES.max_claims_per_settlement])
            driver.send(name, CloseSettlement(programme_id=programme_id, claim_ids=chunk, payee_ids=()))
    driver.settle()
    for row in driver.rows("payments", status="due"):
        settlement_id, provider = str(row["settlement_id"]), str(row["provider_id"])
        reference, today = f"PAY {settlement_id} {provider}"[:64], driver.clock.now() // DAY
        driver.send("treasury", ConfirmPayment(
            settlement_id=settlement_id, provider_id=provider, amount=number(row["amount"]),
            payment_reference=reference, paid_on=today,
        ))  # fmt: skip
    driver.settle()
