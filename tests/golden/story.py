"""The story of the golden logs: a market from its founding to its end, with every command, refusal, timer and reaction.

Chance comes from a seed, time from the story, keys from numbers: the same release plays it to the same bytes.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import get_args
from unittest.mock import patch

from counterfoil.catalogue import DECIDERS
from counterfoil.contract.events import PartyRecovered
from counterfoil.contract.key_id import key_id_of
from counterfoil.contract.refusals import Code
from counterfoil.contract.submission import Seen
from counterfoil.contract.terms import FourEyesAct, Rate, RelativeExpiry
from counterfoil.contract.times import DAY, HOUR, SECOND
from counterfoil.core.rules import RULES
from counterfoil.issuance.commands import (
    AddKey,
    AdoptRules,
    AppointAuditor,
    AppropriateBudget,
    AttestGroup,
    CloseParty,
    DelistProvider,
    DemandFourEyes,
    DismissAuditor,
    IssueVoucher,
    ListProvider,
    ObjectToRecovery,
    PauseProgramme,
    ProposeRecovery,
    RecoverParty,
    ReduceBudget,
    RegisterCurrency,
    RegisterParty,
    ReinstateParty,
    ReinstateProvider,
    ReinstateVoucher,
    ResumeProgramme,
    ReturnVoucher,
    RevokeKey,
    RevokeVoucherV1,
    SetRecoveryKey,
    SuspendParty,
    SuspendProvider,
    SuspendVoucherV1,
)
from counterfoil.issuance.run_off_commands import BeginRunOff
from counterfoil.ledger.commands import Deposit, Withdraw
from counterfoil.matching.commands import (
    AmendBid,
    AmendOffer,
    CancelBid,
    CancelOffer,
    CancelOrderFor,
    CancelOrdersOf,
)
from counterfoil.matching.state import ANY
from counterfoil.redemption.commands import (
    AcceptUsage,
    AgreeCancellation,
    AgreeCorrection,
    AgreeReversal,
    ApprovedLine,
    ConfirmPayment,
    ConfirmRecovery,
    ProposeCancellation,
    ProposeCorrection,
    ProposeReversal,
    Reading,
    ReportUsage,
    ResolveDispute,
    ReturnPayment,
    ReverseCapture,
    SubmitClaim,
    WithdrawApproval,
    WithdrawDelivery,
    WithdrawDispute,
)
from counterfoil.redemption.events import ContractOpened
from tests.golden import (
    after_use_story,
    aid_story,
    allocation_story,
    amendment_story,
    application_story,
    auction_story,
    claim_story,
    class_story,
    closing_story,
    credit_market_story,
    credit_story,
    document_story,
    end_story,
    freeze_story,
    halt_story,
    notice_story,
    payer_story,
    position_story,
    reclaim_story,
    stopped_story,
    taking_story,
    tranche_story,
    transfer_story,
    uncrossing_story,
    window_story,
)
from tests.golden.steps import bid as _bid
from tests.golden.steps import done as _done
from tests.golden.steps import hour as _hour
from tests.golden.steps import offer as _offer
from tests.golden.steps import refused as _refused
from tests.golden.world import GoldenWorld
from tests.paper_work import PAID_ON, approve, pay, reject, settle
from tests.possession import author, proven
from tests.properties import moves
from tests.properties.moves import Choice, contest
from tests.properties.test_world_stateful import give_commands, pass_time
from tests.properties.world import YUAN, accelerator, found, programme, public_key

STEPS, SEED = 160, 43
SEED_AFTER: dict[int, int] = {8: SEED + 4}
"""Of the walk once rules were adopted, where another closes who is needed or makes a document of a programme."""
SEED_OF: dict[int, int] = {9: SEED + 2, 10: SEED + 2}
"""Of the walk where none are adopted, likewise."""
CENT = YUAN // 100
CROWD = 30
"""More counterparts than one entry takes."""
UNREACHED = {Code.VOUCHER_NOT_YET_VALID}
"""A voucher begins when it is issued; only a ledger whose clock is behind issuance's refuses it for that."""
UNREACHED_TIMERS = {"ledger voucher_cancellation"}
"""It continues the end of a voucher with more owners than one entry takes."""

LATER: tuple[tuple[str, str, Callable[[GoldenWorld], None]], ...] = (
    ("issuance", "keeps_aid", aid_story.tell),
    ("issuance", "judges_takers", taking_story.tell),
    ("matching", "uncrosses", uncrossing_story.tell),
    ("matching", "amends_in_place", amendment_story.tell),
    ("matching", "amends_in_place", halt_story.tell),
    ("ledger", "releases_tranches", tranche_story.tell),
    ("ledger", "endless_days", stopped_story.tell),
    ("issuance", "max_floor_prices", class_story.tell),
    ("matching", "max_open_auctions", auction_story.tell),
    ("redemption", "tells_lapsed_claims", claim_story.unpaid),
    ("redemption", "notice_table", notice_story.tell),
    ("redemption", "reclaim_forfeits_bps", reclaim_story.tell),
    ("ledger", "judges_pledgees", taking_story.pledged),
    ("ledger", "credit_band_bps", credit_market_story.tell),
    ("matching", "max_position_limits", position_story.tell),
)
"""Further parts: in which service's rules, since which field, and how it is told."""


def play(world: GoldenWorld, adopt: int | None = None) -> None:
    """Play it to its end and seal the logs. With `adopt`, that version of the rules is adopted half-way."""
    found(world)
    _headers(world)
    _issuance(world)
    _vouchers(world)
    _orders(world)
    _delivery(world)
    _bid_between_versions(world)
    _long_match(world)
    if adopt is not None:
        _walk(world, SEED, STEPS // 2)
        if _recovers(world):
            _go_on(world)
        _adopt(world, adopt)
        _long_match(world)
    _relations(world)
    if adopt is None:
        _walk(world, SEED_OF.get(world.state("issuance").rules.number, SEED + 1), STEPS)
    else:
        _walk(world, SEED_AFTER.get(adopt, SEED + 1), STEPS // 2)
    latest = _recovers(world)
    if latest:
        _names(world)
        _go_on(world)
    _outages(world)
    if latest:
        _budgets(world)
        _pay_back(world)
        _stops(world)
        _mistakes(world)
        _reversals(world)
        _pay_back(world)
        _recoveries(world)
    if (AppointAuditor.TYPE, AppointAuditor.V) not in world.state("issuance").rules.absent:
        _auditors(world)
        _short(world)
    if world.state("issuance").rules.unique_references:
        _paper(world)
    if world.state("issuance").rules.max_documents:
        document_story.tell(world)
        transfer_story.tell(world)
        application_story.tell(world)
        window_story.tell(world)
        claim_story.tell(world)
        end_story.tell(world)
    if world.state("issuance").rules.claims_after_use:
        after_use_story.tell(world)
        payer_story.tell(world)
        credit_story.tell(world)
    if world.state("matching").rules.meters_in_kind:
        allocation_story.tell(world)
    if (BeginRunOff.TYPE, BeginRunOff.V) not in world.state("issuance").rules.absent:
        closing_story.tell(world)
        freeze_story.tell(world)
    for service, known, tell in LATER:
        if getattr(world.state(service).rules, known):
            tell(world)
    closing_story.last_day(world)
    world.clock += 400 * HOUR
    world.settle()
    world.system.close()


def _adopt(world: GoldenWorld, version: int) -> None:
    """Other rules come into force: by the first that let none rest, a pair that rests and fits meets then."""
    left = RULES[version].uncrosses and not RULES[version - 1].uncrosses
    bid_id, offer_id = uncrossing_story.left_crossed(world) if left else ("", "")
    world.submit("operator", AdoptRules(rules=version, replaces=version - 1, release="0.2.0"))
    assert uncrossing_story.traded(world, bid_id) == [offer_id] * left


def _recovers(world: GoldenWorld) -> bool:
    """Whether the rules have all that came with version 4."""
    return "recover_party" not in {name for name, _ in world.state("issuance").rules.absent}


def _walk(world: GoldenWorld, seed: int, steps: int) -> None:
    """Chance; but the parts after it need the programmes that every world has as they were, and have documents."""
    pick = Choice(random.Random(seed).randint)
    with patch.object(moves, "next_version", lambda *_given: None):
        for _ in range(steps):
            pick.one((give_commands, give_commands, give_commands, pass_time))(world, pick)


def _headers(world: GoldenWorld) -> None:
    cash = Withdraw(party_id="lab-1", currency="CNY", amount=YUAN, payment_reference="out")
    spare = public_key(150)
    _done(world, "bank", AddKey(key=proven(150, "bank", world.host)))
    _done(world, "bank", cash)
    world.submit("bank", replace(cash, payment_reference="out, by the spare key"), key_id=key_id_of(spare))
    _done(world, "bank", RevokeKey(party_id="bank", key_id=key_id_of(spare), reason="rotated"))
    _refused(world, "bank", Code.KEY_REVOKED, cash, key_id=key_id_of(spare))
    now = world.clock
    _refused(world, "bank", Code.COMMAND_EXPIRED, cash, issued_at=now - 2 * HOUR, expires_at=now - HOUR)
    _refused(world, "bank", Code.COMMAND_FROM_FUTURE, cash, issued_at=now + HOUR, expires_at=now + 2 * HOUR)
    _refused(world, "bank", Code.VALIDITY_TOO_LONG, cash, issued_at=now, expires_at=now + 25 * HOUR)
    _refused(world, "bank", Code.SEEN_IS_NOT_OURS, cash, seen=Seen(size=1, root=bytes(32)))
    _done(world, "bank", replace(cash, payment_reference="out, having seen"), seen=world.seen("ledger"))
    _refused(world, "lab-1", Code.ROLE_NOT_ALLOWED, cash)


def _issuance(world: GoldenWorld) -> None:
    in_force = world.state("issuance").rules.number
    key = proven(151, "guest", world.host)
    _refused(
        world, "operator", Code.RULES_NOT_IN_FORCE, AdoptRules(rules=2, replaces=max(9, in_force + 1), release="0.2.0")
    )
    _refused(world, "operator", Code.RULES_NOT_NEWER, AdoptRules(rules=1, replaces=in_force, release="0.2.0"))
    guest = RegisterParty(
        party_id="guest",
        name="Guest",
        roles=("auditor",),
        group_id="guest",
        key=key,
        recovery_key=None,
        looks_like=None,
    )
    _refused(world, "operator", Code.ALREADY_EXISTS, replace(guest, party_id="city"))
    _refused(world, "operator", Code.KEY_NOT_ACCEPTABLE, replace(guest, key=proven(1, "guest", world.host)))
    _refused(world, "operator", Code.DUPLICATE_ITEM, replace(guest, roles=("auditor", "auditor")))
    _refused(world, "operator", Code.EMPTY_LIST, replace(guest, roles=()))
    held = next(iter(world.state("issuance").directory.parties["city"].keys))
    _refused(world, "operator", Code.UNKNOWN_PARTY, RevokeKey(party_id="nobody", key_id=held, reason="none"))
    _refused(world, "town", Code.NOT_YOURS, RevokeKey(party_id="city", key_id=held, reason="none"))
    _refused(world, "city", Code.UNKNOWN_KEY_ID, RevokeKey(party_id="city", key_id="0" * 16, reason="none"))
    _refused(world, "city", Code.LAST_KEY, RevokeKey(party_id="city", key_id=held, reason="none"))
    _refused(world, "operator", Code.VERSION_NOT_NEXT, accelerator("a100", 7))
    _refused(world, "operator", Code.OVER_LIMIT, replace(accelerator("a100", 2), sources=("x",) * 9))
    _refused(world, "city", Code.UNKNOWN_CLASS, programme("p1", 2, classes=("b200",)))
    _refused(world, "city", Code.RATE_NOT_A_SHARE, programme("p1", 2, share=Rate(num=3, den=2)))
    _refused(world, "city", Code.PERIOD_NOT_VALID, programme("p1", 2, valid_until=1))
    _refused(world, "city", Code.CURRENCY_MISMATCH, programme("p1", 2, currency="EUR"))
    listing = ListProvider(programme_id="p1", provider_id="gpu-1")
    _refused(world, "city", Code.UNKNOWN_PROGRAMME, replace(listing, programme_id="p9"))
    _refused(world, "city", Code.PROVIDER_ALREADY_LISTED, listing)
    _refused(world, "city", Code.PARTY_NOT_A_PROVIDER, replace(listing, provider_id="lab-1"))
    issue = IssueVoucher(programme_id="p1", beneficiary_id="lab-1", amount=100 * YUAN)
    everything = AppropriateBudget(programme_id="p1", amount=2**63 - 1, document="all")
    _refused(world, "city", Code.AMOUNT_TOO_LARGE, everything)
    _refused(world, "city", Code.PARTY_NOT_A_BENEFICIARY, replace(issue, beneficiary_id="gpu-1"))
    _refused(world, "city", Code.CAP_EXCEEDED, replace(issue, amount=30_001 * YUAN))
    _refused(world, "city", Code.APPROPRIATION_EXCEEDED, replace(issue, amount=20_001 * YUAN))
    lasting = RelativeExpiry(kind="relative", after_seconds=3_600)
    opens = world.clock + 9_000 * HOUR
    later = programme("p3", valid_from=opens, valid_until=opens + 999 * HOUR, expiry=lasting)
    _done(world, "city", later)
    _refused(world, "city", Code.PROGRAMME_NOT_OPEN, replace(issue, programme_id="p3"))
    _done(world, "city", AppropriateBudget(programme_id="p3", amount=YUAN, document="later"))
    soon_over = programme("p4", valid_until=world.clock + 20 * HOUR, expiry=lasting)
    _done(world, "city", soon_over)
    _done(world, "city", replace(soon_over, version=2, terms=later.terms))


def _names(world: GoldenWorld) -> None:
    """Names that turn the direction of writing, or may be taken for another; the second is meant to be."""
    guest = RegisterParty(
        party_id="guest", name="Guest", roles=("auditor",), group_id="guest", key=proven(151, "guest", world.host),
        recovery_key=None, looks_like=None,
    )  # fmt: skip
    _refused(world, "operator", Code.TEXT_NOT_ACCEPTABLE, replace(guest, name="Gu\u202ets\u202ce"))
    _refused(world, "operator", Code.NAME_CONFUSABLE, replace(guest, name="C\u0456ty"))
    branch = replace(guest, party_id="branch", name="City", key=proven(152, "branch", world.host), looks_like="city")
    _done(world, "operator", branch)


def _auditors(world: GoldenWorld) -> None:
    """One for a programme and for all, which end; another one's group keeps it from auditing at all."""
    for number, name, group in ((172, "watch-1", "watch-1"), (173, "watch-2", "bank")):
        _done(world, "operator", RegisterParty(
            party_id=name, name=f"Auditor {name}", roles=("auditor",), group_id=group,
            key=proven(number, name, world.host), recovery_key=None, looks_like=None,
        ))  # fmt: skip
    appoint = AppointAuditor(auditor_id="watch-1", programme_id="p1")
    dismiss = DismissAuditor(auditor_id="watch-1", programme_id="p1", reason="end of contract")
    _refused(world, "city", Code.PARTY_NOT_AN_AUDITOR, replace(appoint, auditor_id="gpu-1"))
    _refused(world, "city", Code.DUTIES_NOT_SEPARATE, replace(appoint, auditor_id="watch-2"))
    _refused(world, "city", Code.AUDITOR_NOT_APPOINTED, dismiss)
    for actor, programme_id in (("city", "p1"), ("operator", None)):
        _done(world, actor, replace(appoint, programme_id=programme_id))
        _refused(world, actor, Code.AUDITOR_ALREADY_APPOINTED, replace(appoint, programme_id=programme_id))
        _done(world, actor, replace(dismiss, programme_id=programme_id))


def _short(world: GoldenWorld) -> None:
    """Orders for which vouchers, cash or both are not enough."""
    _done(world, "lab-1", _bid(world, nodes=900, limit_price=900 * YUAN))
    _done(world, "gpu-1", _offer(world, nodes=900, price=900 * YUAN))


def _vouchers(world: GoldenWorld) -> None:
    issue = IssueVoucher(programme_id="p1", beneficiary_id="lab-2", amount=50 * YUAN)
    first, second = (_done(world, "city", issue).voucher_id for _ in range(2))
    _refused(world, "city", Code.UNKNOWN_VOUCHER, RevokeVoucherV1(voucher_id="none-0-0", reason="x"))
    _refused(world, "city", Code.VOUCHER_NOT_SUSPENDED, ReinstateVoucher(voucher_id=first))
    _done(world, "city", SuspendVoucherV1(voucher_id=first, reason="inquiry"))
    _refused(world, "city", Code.VOUCHER_SUSPENDED, SuspendVoucherV1(voucher_id=first, reason="again"))
    _done(world, "lab-2", _bid(world, voucher_ids=(first,)))  # its hold is refused: suspended
    _done(world, "city", ReinstateVoucher(voucher_id=first))
    waiting = _done(world, "lab-2", _bid(world, voucher_ids=(first,), limit_price=YUAN)).bid_id
    revoke = RevokeVoucherV1(voucher_id=first, reason="misuse")
    world.submit("city", revoke, revoke)  # the second is refused: revoked, and the ledger has not yet answered
    _done(world, "lab-2", _bid(world, voucher_ids=(first,)))  # its hold is refused: revoked
    if waiting in world.state("matching").bids:  # from version 4 of the rules on, it was closed with its voucher
        _done(world, "lab-2", CancelBid(bid_id=waiting))
    short = RelativeExpiry(kind="relative", after_seconds=3 * 3_600)
    _done(world, "city", programme("p1", 2, hold_tolls_expiry=False, expiry=short))
    third = _done(world, "city", issue).voucher_id
    _done(world, "lab-2", _bid(world, voucher_ids=(third,)))  # refused: it expires before delivery is settled
    _done(world, "lab-2", _bid(world, voucher_ids=(second, third)))  # refused: two versions
    held = _done(world, "lab-2", _bid(world, voucher_ids=(second,), limit_price=YUAN)).bid_id
    world.clock += 31 * HOUR
    _refused(world, "city", Code.VOUCHER_EXPIRED, SuspendVoucherV1(voucher_id=second, reason="late"))
    _done(world, "lab-2", _bid(world, voucher_ids=(second,)))  # refused: expired
    _refused(world, "lab-2", Code.UNKNOWN_ORDER, CancelBid(bid_id=held))
    _done(world, "city", programme("p1", 3))


def _orders(world: GoldenWorld) -> None:
    offer, bid = _offer(world), _bid(world)
    for code, faults in (
        (Code.UNKNOWN_CLASS, {"class_id": "b200"}),
        (Code.PRICE_OFF_TICK, {"price": 3 * YUAN + 1}),
        (Code.WINDOW_NOT_VALID, {"window_end": offer.window_start}),
        (Code.TIME_IN_FORCE_NOT_VALID, {"tif": "GTD"}),
        (Code.MINIMUM_EXCEEDS_QUANTITY, {"min_nodes": 9}),
        (Code.BOND_TOO_SMALL, {"bond_bps": 1}),
        (Code.AMOUNT_TOO_LARGE, {"price": 10**12, "nodes": 1_023, "window_end": offer.window_start + 5_000}),
        (Code.GATE_CLOSED, {"window_start": _hour(world) - 2, "window_end": _hour(world) + 1}),
    ):
        _refused(world, "gpu-1", code, replace(offer, **faults))
    for code, wrong in (
        (Code.UNKNOWN_PROGRAMME, {"programme_id": "p9"}),
        (Code.DUPLICATE_ITEM, {"regions": ("east", "east")}),
        (Code.EMPTY_LIST, {"classes": ()}),
        (Code.OVER_LIMIT, {"regions": tuple(f"r{number}" for number in range(17))}),
        (Code.CLASSES_NOT_COMPARABLE, {"classes": ("a100", "l40s")}),
        (Code.CLASS_NOT_IN_PROGRAMME, {"classes": ("l40s",)}),
        (Code.REGION_NOT_IN_PROGRAMME, {"regions": ("north",)}),
        *(
            ()
            if world.state("matching").rules.spends_until_expiry
            else ((Code.PROGRAMME_NOT_OPEN, {"programme_id": "p3"}),)
        ),
    ):
        _refused(world, "lab-1", code, replace(bid, **wrong))
    _done(world, "city", IssueVoucher(programme_id="p1", beneficiary_id="lab-1", amount=900 * YUAN))
    offer_id = _done(world, "gpu-1", offer).offer_id
    others = Code.UNKNOWN_ORDER if world.state("matching").rules.hides_others else Code.NOT_YOURS
    _refused(world, "gpu-2", others, AmendOffer(offer_id=offer_id, reduce_nodes_by=1, price=None))
    _refused(world, "gpu-1", Code.AMEND_NOT_VALID, AmendOffer(offer_id=offer_id, reduce_nodes_by=None, price=None))
    broke = _offer(world, nodes=1_000, price=900 * YUAN)
    refused = _done(world, "gpu-1", broke).offer_id  # its bond is refused
    _refused(world, "gpu-1", Code.UNKNOWN_ORDER, AmendOffer(offer_id=refused, reduce_nodes_by=1, price=None))
    _done(world, "lab-1", _bid(world, limit_price=3 * YUAN))
    _done(world, "gpu-1", CancelOffer(offer_id=_done(world, "gpu-1", _offer(world, price=9 * YUAN)).offer_id))
    if not world.state("matching").rules.amends_in_place:
        dearer = AmendOffer(offer_id=offer_id, reduce_nodes_by=None, price=YUAN)
        _refused(world, "gpu-1", Code.NODES_ALREADY_SOLD, dearer)
    amend = AmendBid(bid_id="none-0-0", reduce_nodes_by=1, limit_price=None)
    _refused(world, "lab-1", Code.UNKNOWN_ORDER, amend)
    resting = _done(world, "lab-1", _bid(world, nodes=2, partial=True, limit_price=YUAN)).bid_id
    _done(world, "lab-1", replace(amend, bid_id=resting))
    _done(world, "lab-1", CancelBid(bid_id=resting))
    coming = f"bid-{world.seen('matching').size}-0"  # the second finds it received, and its funds not held yet
    world.submit(
        "lab-1", _bid(world, limit_price=YUAN), AmendBid(bid_id=coming, reduce_nodes_by=None, limit_price=YUAN)
    )
    _done(world, "lab-1", CancelBid(bid_id=coming))
    _refused(world, "bank", Code.EXCEEDS_AVAILABLE, Withdraw(
        party_id="lab-1", currency="CNY", amount=10**6 * YUAN, payment_reference="too-much",
    ))  # fmt: skip


def _delivery(world: GoldenWorld) -> None:
    """The contract of `_orders` is delivered with every mistake that can be made; the dispute is not resolved."""
    contract_id = next(iter(world.state("redemption").contracts))
    contract = world.state("redemption").contracts[contract_id].terms
    first, full = contract.first_hour, contract.nodes * contract.gpus_per_node * 60
    report = ReportUsage(contract_id=contract_id, readings=(Reading(hour=first, gpu_minutes=full),))
    _refused(world, "gpu-1", Code.USAGE_NOT_DELIVERED_YET, report)
    world.clock = (first + 1) * HOUR
    _refused(world, "gpu-1", Code.UNKNOWN_CONTRACT, replace(report, contract_id="none-0-0"))
    outside = (Reading(hour=first - 1, gpu_minutes=1),)
    _refused(world, "gpu-1", Code.HOUR_NOT_IN_CONTRACT, replace(report, readings=outside))
    too_much = (Reading(hour=first, gpu_minutes=full + 1),)
    _refused(world, "gpu-1", Code.EXCEEDS_CAPACITY, replace(report, readings=too_much))
    world.clock = (first + 2) * HOUR
    backwards = (Reading(hour=first + 1, gpu_minutes=1), Reading(hour=first, gpu_minutes=1))
    _refused(world, "gpu-1", Code.READINGS_NOT_ORDERED, replace(report, readings=backwards))
    report_id = _done(world, "gpu-1", report).report_id
    _refused(world, "gpu-1", Code.HOUR_ALREADY_REPORTED, report)
    _refused(world, "gpu-1", Code.USAGE_OPEN, WithdrawDelivery(contract_id=contract_id, reason="no power"))
    _refused(world, "lab-1", Code.UNKNOWN_REPORT, AcceptUsage(report_id="none-0-0"))
    resolve = ResolveDispute(report_id=report_id, gpu_minutes=1, reason="meter")
    _refused(world, "operator", Code.REPORT_NOT_DISPUTED, resolve)
    _done(world, "lab-1", contest(world, report_id))
    _refused(world, "lab-1", Code.REPORT_NOT_OPEN, AcceptUsage(report_id=report_id))
    world.clock += 3 * HOUR
    late = (Reading(hour=first + 1, gpu_minutes=full),)
    _refused(world, "gpu-1", Code.REPORTING_CLOSED, replace(report, readings=late))
    world.clock += 7 * 24 * HOUR  # the dispute is not resolved: it lapses
    world.settle()
    claim = SubmitClaim(programme_id="p1", invoice_number="golden-1", contract_ids=(contract_id,))
    first_claim = _done(world, "gpu-1", claim).claim_id
    _done(world, "city", reject(first_claim, "no invoice attached"))
    _refused(world, "gpu-1", Code.REFERENCE_ALREADY_USED, claim)
    again = replace(claim, invoice_number="golden-2")
    claim_id = _done(world, "gpu-1", again).claim_id
    _refused(world, "gpu-1", Code.NOTHING_TO_CLAIM, replace(claim, invoice_number="golden-3"))
    batch = settle("p1", claim_id)
    _refused(world, "city", Code.UNKNOWN_CLAIM, replace(batch, claim_ids=("none-0-0",)))
    unknown = ConfirmPayment(
        settlement_id="none-0-0", provider_id="gpu-1", amount=YUAN, payment_reference="PAY-1", paid_on=PAID_ON
    )
    _refused(world, "bank", Code.UNKNOWN_SETTLEMENT, unknown)
    _refused(world, "city", Code.CLAIM_NOT_APPROVED, batch)
    _done(world, "city", approve(claim_id))
    _refused(world, "city", Code.CLAIM_NOT_OPEN, approve(claim_id))
    closed = _done(world, "city", batch)
    _done(world, "bank", pay(closed, "PAY-1"))


def _paper(world: GoldenWorld) -> None:
    """References in other spellings, what cannot be paid, and every end that a claim and a payment can have."""
    second = proven(170, "second-bank", world.host)
    _done(world, "operator", RegisterParty(
        party_id="second-bank", name="Second bank", roles=("treasurer",), group_id="second-bank", key=second,
        recovery_key=None, looks_like=None,
    ))  # fmt: skip
    into = Deposit(party_id="lab-1", currency="CNY", amount=YUAN, payment_reference="№ 17")
    _done(world, "bank", into)
    _refused(world, "bank", Code.REFERENCE_ALREADY_USED, replace(into, payment_reference="NO-17"))
    _refused(world, "bank", Code.NOT_WHOLE_MINOR_UNITS, replace(into, amount=1, payment_reference="18"))
    own = replace(into, currency="QQQ", payment_reference="19")
    _refused(world, "bank", Code.UNKNOWN_CURRENCY, own)
    _done(world, "operator", RegisterCurrency(currency="QQQ", minor_units=3))
    _done(world, "bank", own)
    _done(world, "city", programme("p1", world.state("issuance").programmes["p1"].current.version + 1))
    budget = AppropriateBudget(programme_id="p1", amount=900 * YUAN, document="paper")
    _done(world, "city", budget)
    _refused(world, "city", Code.REFERENCE_ALREADY_USED, budget)
    contracts = _earned(world, 3)
    claims = [_claimed(world, f"paper-{nth}", contract_id) for nth, contract_id in enumerate(contracts)]
    too_much = ApprovedLine(contract_id=contracts[0], amount=10**15)
    _refused(world, "city", Code.APPROVAL_NOT_VALID, replace(approve(claims[0]), lines=(too_much,)))
    for _ in range(2):
        _done(world, "city", approve(claims[0]))
        _done(world, "city", WithdrawApproval(claim_id=claims[0], reason="too early"))
    half = ApprovedLine(contract_id=contracts[0], amount=YUAN // 10 + 1)
    _done(world, "city", replace(approve(claims[0]), lines=(half,)))
    _done(world, "city", reject(claims[1]))
    _done(world, "city", reject(_claimed(world, "paper-9", contracts[1])))  # for the second time: it ends
    _done(world, "city", reject(claims[2], rest="ends"))
    closed = _done(world, "city", settle("p1", claims[0]))
    _refused(world, "bank", Code.AMOUNT_DIFFERS, replace(pay(closed, "PAPER-1"), amount=YUAN))
    tomorrow = world.clock // DAY + 2
    _refused(world, "bank", Code.DATE_IN_FUTURE, replace(pay(closed, "PAPER-1"), paid_on=tomorrow))
    _done(world, "bank", pay(closed, "PAPER-1"))
    back = ReturnPayment(
        settlement_id=closed.settlement_id, provider_id="gpu-1", return_reference="BACK-1", reason="account closed"
    )
    _done(world, "bank", back)
    again = settle("p1", payees=("gpu-1",))
    once_more = _done(world, "city", again)
    _refused(world, "city", Code.NOTHING_TO_PAY, again)
    _done(world, "bank", replace(back, settlement_id=once_more.settlement_id, return_reference="BACK-2"))
    _four_eyes(world)


def _four_eyes(world: GoldenWorld) -> None:
    """An approval and a payment need two signatories each."""
    mayor = proven(171, "mayor", world.host)
    _done(world, "operator", RegisterParty(
        party_id="mayor", name="Mayor", roles=("issuer", "treasurer"), group_id="city", key=mayor, recovery_key=None,
        looks_like=None,
    ))  # fmt: skip
    for act in get_args(FourEyesAct):
        _done(world, "city", DemandFourEyes(programme_id="p1", act=act))
    (contract_id,) = _earned(world, 1)
    approval = approve(_claimed(world, "four-eyes", contract_id))
    _done(world, "city", approval)
    _refused(world, "city", Code.SECOND_SIGNATORY_NEEDED, approval)
    _done(world, "mayor", approval)
    closed = _done(world, "city", settle("p1", approval.claim_id))
    for treasurer in ("bank", "second-bank"):
        _done(world, treasurer, pay(closed, "FOUR-EYES"))


def _earned(world: GoldenWorld, count: int) -> list[str]:
    """Contracts of gpu-1 that were delivered and captured."""
    known, start = set(world.state("redemption").contracts), _hour(world) + 3
    _done(world, "bank", Deposit(party_id="gpu-1", currency="CNY", amount=900 * YUAN, payment_reference=_unused(world)))
    _done(world, "bank", Deposit(party_id="lab-1", currency="CNY", amount=900 * YUAN, payment_reference=_unused(world)))
    _done(world, "city", IssueVoucher(programme_id="p1", beneficiary_id="lab-1", amount=200 * YUAN))
    _done(world, "gpu-1", _offer(world, nodes=count, price=YUAN // 10, window_start=start, window_end=start + 1))
    for _ in range(count):
        _done(world, "lab-1", _bid(world, hours=1, earliest=start, latest=start, limit_price=YUAN // 10))
    contracts = sorted(set(world.state("redemption").contracts) - known)
    world.clock = (start + 1) * HOUR
    for contract_id in contracts:
        terms = world.state("redemption").contracts[contract_id].terms
        readings = (Reading(hour=start, gpu_minutes=terms.gpus_per_node * 60 - 1),)
        report = _done(world, "gpu-1", ReportUsage(contract_id=contract_id, readings=readings))
        _done(world, "lab-1", AcceptUsage(report_id=report.report_id))
    return contracts


def _claimed(world: GoldenWorld, invoice: str, contract_id: str) -> str:
    claim = SubmitClaim(programme_id="p1", invoice_number=invoice, contract_ids=(contract_id,))
    return str(_done(world, "gpu-1", claim).claim_id)


def _bid_between_versions(world: GoldenWorld) -> None:
    """One version of p4 is over, the other not open yet: from version 2 of the rules such a bid is refused."""
    entry = world.submit("lab-1", _bid(world, programme_id="p4"))
    assert entry is not None
    rules = world.state("matching").rules
    refused = rules.validity_of_each_version and not rules.spends_until_expiry
    assert (entry.outcomes[0].refusal is not None) is refused


def _end_relations(world: GoldenWorld) -> None:
    for party_id, party in list(world.state("issuance").directory.parties.items()):
        if party.group_id != party_id and world.state("issuance").rules.separates_duties:
            source = "nothing in the register"
            _done(world, "operator", AttestGroup(party_id=party_id, group_id=party_id, since=None, source=source))


def _relations(world: GoldenWorld) -> None:
    """Orders of parties that become related: to the other side, and to the issuer."""
    if not world.state("issuance").rules.separates_duties:
        return
    _end_relations(world)
    attest = AttestGroup(party_id="lab-1", group_id="gpu-1", since=None, source="register")
    start = _hour(world) + 30
    bid = _bid(world, hours=1, earliest=start, latest=start, limit_price=YUAN)
    _done(world, "lab-1", bid)
    _done(world, "city", attest)
    _refused(
        world, "city", Code.DUTIES_NOT_SEPARATE, IssueVoucher(programme_id="p1", beneficiary_id="lab-1", amount=YUAN)
    )
    _refused(world, "lab-1", Code.DUTIES_NOT_SEPARATE, bid)
    _done(world, "gpu-1", _offer(world, price=YUAN, window_start=start, window_end=start + 1))  # meets its own side
    _done(world, "operator", replace(attest, group_id="city"))  # the bid leaves the book
    _done(world, "operator", replace(attest, group_id="lab-1"))


def _clear_book(world: GoldenWorld) -> None:
    """Everybody takes its orders back."""
    for bid_id, bid in list(world.state("matching").bids.items()):
        world.submit(bid.beneficiary_id, CancelBid(bid_id=bid_id))
    for offer_id, offer in list(world.state("matching").offers.items()):
        world.submit(offer.provider_id, CancelOffer(offer_id=offer_id))


def _is_own(terms: ContractOpened, start: int) -> bool:
    return (terms.beneficiary_id, terms.first_hour, terms.hours) == ("lab-1", start, 2)


def _outages(world: GoldenWorld) -> None:
    """Every service is away through the deadlines of a report, a dispute and its resolution; none has passed."""
    if world.state("redemption").rules.shortest_outage is None:
        return
    _end_relations(world)
    _clear_book(world)
    _done(world, "bank", Deposit(party_id="lab-1", currency="CNY", amount=100 * YUAN, payment_reference="outages"))
    budget = AppropriateBudget(programme_id="p1", amount=100 * YUAN, document="outages")
    issue = IssueVoucher(programme_id="p1", beneficiary_id="lab-1", amount=100 * YUAN)
    paid_by = _done(world, "city", budget, issue).voucher_id
    world.clock += SECOND  # it is valid in issuance's time, and the ledger's must have come to it
    known = set(world.state("redemption").contracts)
    start = _hour(world) + 3
    _done(world, "gpu-1", _offer(world, nodes=12, price=YUAN, window_start=start, window_end=start + 2))
    _done(world, "lab-1", _bid(world, voucher_ids=(paid_by,), earliest=start, latest=start, limit_price=YUAN))
    new = set(world.state("redemption").contracts) - known  # a bid of another may have met the offer, too
    terms = next(
        each for name in sorted(new) if _is_own(each := world.state("redemption").contracts[name].terms, start)
    )
    contract_id = terms.contract_id
    world.clock = terms.report_by - SECOND
    world.away(5 * HOUR)
    full = terms.gpus_per_node * 60
    reports = [
        ReportUsage(contract_id=contract_id, readings=(Reading(hour=terms.first_hour + nth, gpu_minutes=full),))
        for nth in range(terms.hours)
    ]
    report_id, _ = (_done(world, terms.provider_id, report).report_id for report in reports)
    world.clock += terms.dispute_window_seconds * SECOND - SECOND
    world.away(5 * HOUR)
    _done(world, "lab-1", contest(world, report_id))
    world.clock += 7 * 24 * HOUR - SECOND  # the window of the other report closes
    world.away(5 * HOUR)
    _done(world, "operator", ResolveDispute(report_id=report_id, gpu_minutes=full, reason="meter"))


def _budgets(world: GoldenWorld) -> None:
    """A budget that is too large, a voucher too many, and a provider that does not deliver until it has expired."""
    document = AppropriateBudget(programme_id="p1", amount=700 * YUAN, document="mistake")
    _done(world, "city", document)
    reduce = ReduceBudget(programme_id="p1", amount=600 * YUAN, document="mended", reason="typing error")
    _refused(world, "city", Code.APPROPRIATION_EXCEEDED, replace(reduce, amount=2**63 - 1))
    _done(world, "city", reduce)
    _refused(world, "city", Code.FACE_TOO_SMALL, IssueVoucher(programme_id="p1", beneficiary_id="lab-1", amount=1))
    issue = IssueVoucher(programme_id="p1", beneficiary_id="lab-1", amount=50 * YUAN)
    first, second = (_done(world, "city", issue).voucher_id for _ in range(2))
    world.clock += SECOND
    start = _hour(world) + 40
    _done(world, "lab-1", _bid(world, voucher_ids=(second,), earliest=start, latest=start, limit_price=10_000))
    _done(world, "lab-1", ReturnVoucher(voucher_id=second, reason="issued twice"))
    _done(world, "gpu-1", _offer(world, nodes=1, price=YUAN, window_start=start, window_end=start + 2))
    wanted = _bid(world, voucher_ids=(first,), earliest=start, latest=start, limit_price=YUAN)
    _done(world, "lab-1", wanted)
    assert world.state("redemption").contracts
    world.clock += 60 * HOUR
    world.settle()


def _recoveries(world: GoldenWorld) -> None:
    """Parties get new keys by their recovery key, and by the operator's word; one leaves and comes back."""
    host = world.host
    known = world.state("issuance").directory.parties
    if known["gpu-1"].recovery_key() is None:
        _done(world, "gpu-1", SetRecoveryKey(key=proven(165, "gpu-1", host, "recovery"), consent=None))
    first, before = next(iter(known["gpu-1"].keys)), next(iter(known["gpu-1"].recovery_keys))
    new = ProposeRecovery(
        party_id="gpu-1", key=proven(160, "gpu-1", host), recovery_key=proven(161, "gpu-1", host, "recovery"),
        reason="lost",
    )  # fmt: skip
    _refused(world, "operator", Code.KEY_NOT_PROVEN, replace(new, key=proven(160, "gpu-1", "elsewhere.example")))
    _refused(world, "operator", Code.ROOT_OPERATOR, replace(new, party_id="operator"))
    mistaken = _done(world, "operator", new).recovery_id
    _refused(world, "operator", Code.RECOVERY_UNDER_WAY, replace(
        new, key=proven(162, "gpu-1", host), recovery_key=None
    ))  # fmt: skip
    object_ = ObjectToRecovery(recovery_id=mistaken, reason="nothing was lost")
    _refused(world, "lab-1", Code.NOT_YOURS, object_)
    _done(world, "gpu-1", object_)
    _refused(world, "gpu-1", Code.UNKNOWN_RECOVERY, object_)
    _done(world, "operator", new)
    world.clock += world.state("issuance").rules.recovery_delay + SECOND
    world.settle()
    cash = Withdraw(party_id="lab-1", currency="CNY", amount=1, payment_reference="recovered")
    _refused(world, "gpu-1", Code.KEY_REVOKED, cash, key_id=first)
    key = proven(163, "gpu-1", host)
    _refused(world, "gpu-1", Code.KEY_REVOKED, RecoverParty(key=key, recovery_key=None), key_id=before)
    recovery = key_id_of(public_key(161))
    _refused(world, "gpu-1", Code.KEY_FOR_OTHER_USE, cash, key_id=recovery)
    _done(world, "gpu-1", AddKey(key=proven(166, "gpu-1", host)))
    _done(world, "gpu-1", _offer(world, nodes=1))
    _done(world, "gpu-1", CloseParty(reason="sold"))
    _refused(world, "gpu-1", Code.PARTY_CLOSED, _offer(world))
    recovered = world.submit("gpu-1", RecoverParty(key=key, recovery_key=None), key_id=recovery)
    assert recovered is not None
    assert [type(event) for event in recovered.events] == [PartyRecovered]
    other = SetRecoveryKey(key=proven(164, "gpu-1", host, "recovery"), consent=None)
    _refused(world, "gpu-1", Code.KEY_NOT_PROVEN, other)
    consent = author(161, "gpu-1").consent(host, other.key.public_key, "recovery")
    _done(world, "gpu-1", replace(other, consent=consent))


def _go_on(world: GoldenWorld) -> None:
    """Whoever and whatever was stopped on the way goes on, with an empty book."""
    _end_relations(world)
    state = world.state("issuance")
    for party_id, party in state.directory.parties.items():
        if party.suspended:
            _done(world, "operator", ReinstateParty(party_id=party_id, reason="inquiry is over"))
    for programme_id, each in state.programmes.items():
        if each.paused:
            _done(world, each.current.issuer_id, ResumeProgramme(programme_id=programme_id, reason="reviewed"))
    for provider_id in ("gpu-1", "gpu-2"):
        listing = state.listings.get(("p1", provider_id))
        if listing is None and ("p1", provider_id) not in state.issued_to:  # a beneficiary by now, and no provider
            _done(world, "city", ListProvider(programme_id="p1", provider_id=provider_id))
        elif listing == "suspended":
            _done(world, "city", ReinstateProvider(programme_id="p1", provider_id=provider_id, reason="checked"))
    for party_id in sorted(party for of, party in world.state("matching").open_orders if of == ANY):
        _done(world, "operator", CancelOrdersOf(party_id=party_id, programme_id=None, reason="the book is cleared"))


def _stops(world: GoldenWorld) -> None:
    """A provider, a programme and a party are stopped and go on; orders are cancelled for others."""
    provider = {"programme_id": "p1", "provider_id": "gpu-1", "reason": "meters disagree"}
    programme, other = {"programme_id": "p1", "reason": "review"}, {"party_id": "gpu-2", "reason": "inquiry"}
    _refused(world, "city", Code.PROVIDER_NOT_LISTED, DelistProvider(**{**provider, "programme_id": "p3"}))
    _refused(world, "city", Code.PROVIDER_NOT_SUSPENDED, ReinstateProvider(**provider))
    _done(world, "city", SuspendProvider(**provider))
    earned = world.state("redemption").claimable.items()
    contract_id = next(name for name, each in earned if (each.programme_id, each.provider_id) == ("p1", "gpu-1"))
    claim = SubmitClaim(programme_id="p1", invoice_number="golden-stopped", contract_ids=(contract_id,))
    approval = approve(_done(world, "gpu-1", claim).claim_id)
    _refused(world, "city", Code.PROVIDER_SUSPENDED, approval)
    _done(world, "city", ReinstateProvider(**provider))
    _done(world, "city", approval)
    _done(world, "city", DelistProvider(**provider))
    _done(world, "city", ListProvider(programme_id="p1", provider_id="gpu-1"))

    _done(world, "bank", Deposit(party_id="lab-1", currency="CNY", amount=90 * YUAN, payment_reference="stops"))
    _done(world, "city", AppropriateBudget(programme_id="p1", amount=90 * YUAN, document="stops"))
    _done(world, "city", IssueVoucher(programme_id="p1", beneficiary_id="lab-1", amount=90 * YUAN))
    low = _bid(world, limit_price=YUAN // 100)
    _done(world, "lab-1", low)
    _refused(world, "city", Code.PROGRAMME_NOT_PAUSED, ResumeProgramme(**programme))
    _done(world, "city", PauseProgramme(**programme))
    _refused(world, "lab-1", Code.PROGRAMME_PAUSED, low)
    _done(world, "city", ResumeProgramme(**programme))

    _done(world, "gpu-2", _offer(world, nodes=1))
    _refused(world, "operator", Code.PARTY_NOT_SUSPENDED, ReinstateParty(**other))
    _done(world, "operator", SuspendParty(**other))
    _refused(world, "gpu-2", Code.PARTY_SUSPENDED, _offer(world))
    _done(world, "operator", ReinstateParty(**other))

    bid_id, _ = (_done(world, "lab-1", low).bid_id for _ in range(2))
    _done(world, "city", CancelOrderFor(order_id=bid_id, reason="wrong limit"))
    _done(world, "operator", CancelOrdersOf(party_id="lab-1", programme_id=None, reason="wrong limit"))


def _pay_back(world: GoldenWorld) -> None:
    """Nobody owes a programme as much as a cent any more."""
    for (programme_id, provider_id), owed in list(world.state("redemption").owed.items()):
        if payable := owed - owed % CENT:
            _done(world, "bank", ConfirmRecovery(
                programme_id=programme_id, provider_id=provider_id, amount=payable, payment_reference=_unused(world),
            ))  # fmt: skip


def _unused(world: GoldenWorld) -> str:
    """A reference that nobody has used."""
    return "paper " + ".".join(str(len(world.state(name).references.table)) for name in DECIDERS)


def _mistakes(world: GoldenWorld) -> None:
    """An offer that is too large, reports that are corrected, contested in part, contracts that both sides cancel."""
    if (ProposeCorrection.TYPE, ProposeCorrection.V) in world.state("redemption").rules.absent:
        return
    large = _done(world, "gpu-1", _offer(world, price=99 * YUAN)).offer_id
    _done(world, "gpu-1", AmendOffer(offer_id=large, reduce_nodes_by=1, price=None))
    _done(world, "gpu-1", CancelOffer(offer_id=large))
    contract_id = _contract(world, nodes=1, hours=3)
    terms = world.state("redemption").contracts[contract_id].terms
    cancel, agree = ProposeCancellation(contract_id=contract_id, reason="x"), AgreeCancellation(contract_id=contract_id)
    _refused(world, "lab-1", Code.UNKNOWN_PROPOSAL, agree)
    _done(world, "gpu-1", cancel)
    _refused(world, "lab-1", Code.CANCELLATION_OPEN, cancel)
    called_off = _contract(world, nodes=1, hours=1)
    _done(world, "lab-1", replace(cancel, contract_id=called_off))
    _done(world, "gpu-1", replace(agree, contract_id=called_off))
    world.clock = (terms.first_hour + terms.hours) * HOUR
    _refused(world, "lab-1", Code.DELIVERY_BEGUN, cancel)
    full = terms.gpus_per_node * 60
    short = tuple(Reading(hour=terms.first_hour + hour, gpu_minutes=full // 10) for hour in range(terms.hours))
    report_id = _done(world, "gpu-1", ReportUsage(contract_id=contract_id, readings=short)).report_id
    whole = tuple(replace(reading, gpu_minutes=full) for reading in short)
    correct = ProposeCorrection(report_id=report_id, readings=whole[1:], reason="a digit short")
    outside = Reading(hour=terms.first_hour + terms.hours, gpu_minutes=0)
    _refused(world, "gpu-1", Code.HOUR_NOT_IN_REPORT, replace(correct, readings=(outside,)))
    correction_id = _done(world, "gpu-1", correct).correction_id
    _refused(world, "lab-1", Code.CORRECTION_OPEN, AcceptUsage(report_id=report_id))
    first = _done(world, "lab-1", contest(world, report_id, terms.first_hour)).report_id
    _done(world, "lab-1", WithdrawDispute(report_id=first))
    second = _done(world, "lab-1", contest(world, report_id, terms.first_hour + 1)).report_id
    _done(world, "lab-1", AgreeCorrection(report_id=report_id, correction_id=correction_id))
    _done(world, "operator", ResolveDispute(report_id=second, gpu_minutes=full, reason="meter"))


def _reversals(world: GoldenWorld) -> None:
    """A capture is reversed by both sides, another after it was claimed; the rest is owed, set off and paid back."""
    if (ReverseCapture.TYPE, ReverseCapture.V) in world.state("redemption").rules.absent:
        return
    contract_ids = [_contract(world, nodes=1, hours=1) for _ in range(2)]
    terms = [world.state("redemption").contracts[contract_id].terms for contract_id in contract_ids]
    world.clock = (max(each.first_hour for each in terms) + 1) * HOUR
    reports = []
    for each in terms:
        reading = Reading(hour=each.first_hour, gpu_minutes=each.gpus_per_node * 60)
        report = ReportUsage(contract_id=each.contract_id, readings=(reading,))
        reports.append(_done(world, "gpu-1", report).report_id)
        _done(world, "lab-1", AcceptUsage(report_id=reports[-1]))
    propose = ProposeReversal(report_id=reports[0], amount=YUAN, reason="counted twice")
    _refused(world, "gpu-1", Code.UNKNOWN_CAPTURE, replace(propose, report_id="none-0-0"))
    _refused(world, "gpu-1", Code.EXCEEDS_CAPTURED, replace(propose, amount=99 * YUAN))
    reversal_id = _done(world, "gpu-1", propose).reversal_id
    _done(world, "lab-1", AgreeReversal(report_id=reports[0], reversal_id=reversal_id))
    claim = SubmitClaim(programme_id="p1", invoice_number="golden-4", contract_ids=(contract_ids[1],))
    _done(world, "gpu-1", claim)
    _refused(world, "lab-1", Code.EXCEEDS_UNCLAIMED, replace(propose, report_id=reports[1]))
    _done(world, "operator", ReverseCapture(report_id=reports[1], amount=2 * YUAN, reason="meter audit"))
    owed = world.state("redemption").owed["p1", "gpu-1"]
    too_much = owed - owed % CENT + CENT
    recover = ConfirmRecovery(programme_id="p1", provider_id="gpu-1", amount=too_much, payment_reference="back-1")
    _refused(world, "bank", Code.EXCEEDS_OWED, recover)
    _done(world, "bank", replace(recover, amount=owed // 2 // CENT * CENT))
    _done(world, "gpu-1", replace(claim, invoice_number="golden-5", contract_ids=(contract_ids[0],)))


def _contract(world: GoldenWorld, nodes: int, hours: int) -> str:
    """A new contract of lab-1 with gpu-1, four hours ahead."""
    known = set(world.state("redemption").contracts)
    into = Deposit(party_id="lab-1", currency="CNY", amount=100 * YUAN, payment_reference=_unused(world))
    _done(world, "bank", into)
    _done(world, "city", AppropriateBudget(programme_id="p1", amount=100 * YUAN, document=_unused(world)))
    _done(world, "city", IssueVoucher(programme_id="p1", beneficiary_id="lab-1", amount=100 * YUAN))
    start = _hour(world) + 4
    _done(world, "gpu-1", _offer(world, nodes=nodes, price=YUAN // 4, window_start=start, window_end=start + hours))
    _done(world, "lab-1", _bid(
        world, nodes=nodes, hours=hours, earliest=start, latest=start, limit_price=YUAN,
    ))  # fmt: skip
    (contract_id,) = set(world.state("redemption").contracts) - known
    return str(contract_id)


def _long_match(world: GoldenWorld) -> None:
    """Orders that meet more counterparts than one entry takes: resting, IOC, FOK, and an offer that arrives."""
    now = _hour(world)
    deposit = Deposit(party_id="gpu-1", currency="CNY", amount=9_000 * YUAN, payment_reference=f"long {now}")
    _done(world, "bank", deposit, replace(deposit, party_id="lab-1", payment_reference=f"long {now}, too"))
    _done(world, "city", AppropriateBudget(programme_id="p1", amount=9_000 * YUAN, document=f"long {now}"))
    _done(world, "city", IssueVoucher(programme_id="p1", beneficiary_id="lab-1", amount=4_000 * YUAN))
    for tif, price in (("GTC", 5), ("IOC", 6), ("FOK", 7)):
        small = _offer(world, nodes=1, price=price * YUAN, window_end=_hour(world) + 5, bond_bps=2_000)
        for start in range(0, CROWD, 6):
            _done(world, "gpu-1", *[small] * min(6, CROWD - start))
        start = _hour(world) + 4
        wide = _bid(world, nodes=CROWD, hours=1, latest=start, limit_price=price * YUAN, partial=True, tif=tif)
        _done(world, "lab-1", wide)
    start = _hour(world) + 30
    one = _bid(world, hours=1, earliest=start, latest=start, limit_price=2 * YUAN)
    for begin in range(0, CROWD, 6):
        _done(world, "lab-1", *[one] * min(6, CROWD - begin))
    _done(world, "gpu-1", _offer(
        world, nodes=CROWD, price=YUAN, window_start=start, window_end=start + 1, tif="IOC", bond_bps=2_000,
    ))  # fmt: skip
    world.clock += SECOND
