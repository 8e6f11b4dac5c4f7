"""The ledger's read models: which rows each of its log's events makes or changes. `At` is the entry's place and time.

Balances are those that the legs state, so a row is correct, if perhaps late.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from counterfoil.core.at import At
from counterfoil.ledger import credit_views, tranche_views
from counterfoil.ledger import expiry_views as expiries
from counterfoil.ledger import holding_views as hands
from counterfoil.ledger.amendment_events import AmendmentFunded, AmendmentSettled
from counterfoil.ledger.chart import ENDS, kind_of, owner_of, party_of, programme_of
from counterfoil.ledger.closing_events import ProgrammeClosed, RestLapsed, UnclaimedReleased
from counterfoil.ledger.closing_views import CLOSING_REDUCERS, RUN_OFFS, closed
from counterfoil.ledger.credit_events import (
    CreditBidPlaced,
    CreditOffered,
    CreditOrderClosed,
    CreditSettled,
    CreditTraded,
    CreditTradeFailed,
)
from counterfoil.ledger.events import (
    AppropriationPosted,
    AppropriationReduced,
    BondHeld,
    BondReleased,
    BondSlashed,
    CaptureReversed,
    CashDeposited,
    CashWithdrawn,
    ClaimReleased,
    ClaimReopened,
    ClaimSettled,
    ContractFunded,
    FundingEnded,
    HoldCaptured,
    HoldPlaced,
    HoldReduced,
    HoldRefused,
    HoldRefusedV1,
    HoldReleased,
    Leg,
    ReceivableOffset,
    ReceivableRecovered,
    VoucherCancelled,
    VoucherCredited,
    VoucherExpired,
    VoucherRestored,
)
from counterfoil.ledger.expiry_events import ExpiryNotified, VoucherTakenOffline
from counterfoil.ledger.expiry_views import EXPIRY_VIEWS
from counterfoil.ledger.extension_events import VoucherEndSet, VoucherExtended
from counterfoil.ledger.holding_views import HOLDING_VIEWS
from counterfoil.ledger.holds import total
from counterfoil.ledger.invoice_events import InvoiceCaptured, InvoiceReturned, UseCaptured
from counterfoil.ledger.notice_events import BondDivided
from counterfoil.ledger.posting_views import POSTING_VIEWS, postings
from counterfoil.ledger.receivable_events import AdjustmentPosted, ClawbackPosted, ClawbackUndone, ReceivableWrittenOff
from counterfoil.ledger.reclaim_events import ContractReclaimed
from counterfoil.ledger.reclaim_views import RECLAIMS, reclaimed
from counterfoil.ledger.tranche_events import MilestoneAttested, TrancheLapsed, TrancheReleased, TrancheWithheld
from counterfoil.ledger.transfer_events import (
    PledgeAsked,
    PledgeEnforced,
    PledgeJudged,
    PledgeMade,
    PledgeReleased,
    TransferAccepted,
    TransferApproved,
    TransferClosed,
    TransferConsented,
    TransferJudged,
    TransferProposed,
    VoucherReissued,
    VoucherSurrendered,
)
from counterfoil.ports import Add, Change, Put, Set, View
from counterfoil.readership import Copy, Readers, refused_hold
from counterfoil.service import Reducers

BALANCES: Final = View(
    name="balances",
    key=("account", "asset"),
    columns={
        "account": "text",
        "asset": "text",
        "asset_kind": "text",
        "party_id": "text?",
        "programme_id": "text?",
        "n": "int",
        "posted": "amount",
        "held": "amount",
        "posted_at": "time",
    },
    filters=("account", "asset", "asset_kind", "party_id", "programme_id"),
    readers=Readers(parties=("party_id",), programme="programme_id", roles={"treasurer": ("asset_kind", "currency")}),
)
"""`n` numbers the postings of the position; what can be spent is `posted` - `held`. Sources of value are negative.

`asset_kind`: currency, voucher, budget or claims. `party_id`: whose account it is. `programme_id`: of a budget, of
claims, or of a voucher.
"""
VOUCHERS_BALANCE: Final = View(
    name="vouchers_balance",
    key=("voucher_id",),
    columns={
        "voucher_id": "text",
        "programme_id": "text",
        "beneficiary_id": "text",
        "face": "amount",
        "available": "amount",
        "held": "amount",
        "redeemed": "amount",
        "expired": "amount",
        "cancelled": "amount",
        "restored": "amount",
    },
    filters=("programme_id", "beneficiary_id"),
    readers=Readers(parties=("beneficiary_id",), programme="programme_id"),
)
"""face = available + held + redeemed + expired + cancelled + restored (as another voucher), the first two summed over
all owners: what each of them has is in `balances`. `beneficiary_id` is to whom it was issued. Spending is judged by the
voucher's times and status."""
_HOLD_STATUSES: Final = ("held", "refused", "released", "traded", "completed", "cancelled", "reclaimed", "defaulted")
HOLDS: Final = View(
    name="holds",
    key=("hold_id",),
    columns={
        "hold_id": "text",
        "purpose": "text",
        "party_id": "text?",
        "beneficiary_id": "text?",
        "provider_id": "text?",
        "programme_id": "text?",
        "bid_id": "text?",
        "offer_id": "text?",
        "nodes": "int",
        "vouchers": "amount",
        "cash": "amount",
        "bond": "amount",
        "currency": "text?",
        "short_vouchers": "amount",
        "short_cash": "amount",
        "placed_at": "time",
        "status": "text",
        "status_since": "time",
        "reason": "text?",
    },
    filters=("party_id", "programme_id", "purpose", "status", "bid_id", "offer_id", "beneficiary_id", "provider_id"),
    readers=Readers(parties=("beneficiary_id", "provider_id"), programme="programme_id"),
    time="placed_at",
    values={"purpose": ("bid", "offer", "contract"), "status": _HOLD_STATUSES},
)
"""`purpose`: bid, offer (its bond) or contract (named by its trade); amounts are what is left.

`short_vouchers`, `short_cash`: how much more was needed than available, if that is why it was refused; of refusals by
rules 1 to 4 that is not known. `currency`: null for those, and for contracts, whose orders have it.
`status`: held, refused, released, traded (a filled bid), completed, cancelled, reclaimed or defaulted. `party_id`:
whose value is held for an order. `beneficiary_id`, `provider_id`: of an order its party, of a contract both; of a
refusal by rules 1 to 4 from matching, perhaps a moment later. `bond` is a contract's part of its offer's.
"""

SLASHES: Final = View(
    name="slashes",
    key=("contract_id",),
    columns={
        "contract_id": "text",
        "provider_id": "text",
        "beneficiary_id": "text",
        "programme_id": "text?",
        "amount": "amount",
        "returned": "amount",
        "least": "amount",
        "replacement": "text?",
        "cover": "amount?",
        "slashed_at": "time",
    },
    filters=("provider_id", "beneficiary_id", "programme_id"),
    readers=Readers(parties=("provider_id", "beneficiary_id"), programme="programme_id"),
    time="slashed_at",
)
"""Bonds paid to beneficiaries, in the contract's currency; the rest was `returned`.

`least` is the part for the notice, or for what was not delivered. `cover`: what the best offer, `replacement`, costs
more than the contract did, if that was asked for.
"""

CREDIT_NOTES: Final = View(
    name="credit_notes",
    key=("reversal_id",),
    columns={
        "reversal_id": "text",
        "report_id": "text",
        "contract_id": "text",
        "programme_id": "text",
        "provider_id": "text",
        "beneficiary_id": "text",
        "unclaimed": "amount",
        "owed": "amount",
        "lapsed": "amount",
        "co_payment": "amount",
        "unpaid": "amount",
        "booked_at": "time",
    },
    filters=("report_id", "contract_id", "programme_id", "provider_id", "beneficiary_id"),
    readers=Readers(parties=("provider_id", "beneficiary_id"), programme="programme_id"),
    time="booked_at",
)
"""Reversed captures. `unclaimed` + `owed` - `lapsed` came back to vouchers, `co_payment` - `unpaid` to cash."""

VIEWS: Final[tuple[View, ...]] = (
    BALANCES,
    VOUCHERS_BALANCE,
    HOLDS,
    SLASHES,
    RECLAIMS,
    CREDIT_NOTES,
    *POSTING_VIEWS,
    *HOLDING_VIEWS,
    *EXPIRY_VIEWS,
    *tranche_views.TRANCHE_VIEWS,
    *credit_views.CREDIT_VIEWS,
    RUN_OFFS,
)

Reducer = Callable[[Any, At], Iterable[Change]]
_NOTHING_LEFT: Final = {"nodes": 0, "vouchers": 0, "cash": 0}
_NOT_SHORT: Final = {"short_vouchers": 0, "short_cash": 0}


# balances -----------------------------------------------------------------------------------------------------------


def _posted(event: Any, at: At) -> Iterable[Change]:
    """The balances after each leg, and its postings."""
    yield from postings(event, at)
    for leg in event.legs:
        for account, after in ((leg.debit, leg.debit_after), (leg.credit, leg.credit_after)):
            balance = {"n": after.n, "posted": after.posted, "held": after.held, "posted_at": at.time}
            if after.n == 1:
                yield Put(BALANCES.name, {**_position(event, account, leg.asset), **balance})
            else:
                yield Set(BALANCES.name, (account, leg.asset), balance)
            if account in ENDS:
                yield Set(VOUCHERS_BALANCE.name, (leg.asset,), {account: after.posted})
        if owner_of(leg.debit) is None and owner_of(leg.credit) is None:  # cash: most legs
            continue
        changed = _owned(leg)
        if changed:
            yield Add(VOUCHERS_BALANCE.name, (leg.asset,), changed)
        yield from hands.holdings(event, leg, at)


def _position(event: Any, account: str, asset: str) -> dict[str, object]:
    """What an account and an asset are. Every event that is the first about a voucher in an account names the
    programme."""
    kind = kind_of(asset)
    programme_id = event.programme_id if kind == "voucher" else programme_of(asset)
    names = {"account": account, "asset": asset, "asset_kind": kind}
    return {**names, "party_id": party_of(account), "programme_id": programme_id}


def _owned(leg: Leg) -> dict[str, int]:
    """By how much a leg changes what a voucher's owners have, all together."""
    available = held = 0
    if owner_of(leg.debit) is not None:
        held = {"hold": leg.amount, "capture": -leg.amount, "release": -leg.amount}.get(leg.effect, 0)
        available = {"hold": -leg.amount, "post": -leg.amount, "release": leg.amount}.get(leg.effect, 0)
    if owner_of(leg.credit) is not None and leg.effect == "post":
        available += leg.amount
    return {name: by for name, by in (("available", available), ("held", held)) if by}


def _voucher_credited(event: VoucherCredited | VoucherRestored | VoucherReissued, _at: At) -> Iterable[Change]:
    row = {
        "voucher_id": event.voucher_id,
        "programme_id": event.programme_id,
        "beneficiary_id": event.beneficiary_id,
        "face": event.face,
        "available": 0,
        "held": 0,
        **dict.fromkeys(ENDS, 0),
    }
    yield Put(VOUCHERS_BALANCE.name, row)


# holds --------------------------------------------------------------------------------------------------------------


def _hold(hold_id: str, purpose: str, at: At, **known: object) -> Put:
    """A new row; what is not known is null, zero or `held`."""
    names = dict.fromkeys(name for name, kind in HOLDS.columns.items() if kind == "text?")
    row = {"hold_id": hold_id, "purpose": purpose, **names, **_NOTHING_LEFT, **_NOT_SHORT, "bond": 0, "status": "held"}
    return Put(HOLDS.name, {**row, "placed_at": at.time, "status_since": at.time, **known})


def _whose(purpose: str, party_id: str) -> dict[str, object]:
    """The party of an order, and which side that is."""
    return {"party_id": party_id, "beneficiary_id" if purpose == "bid" else "provider_id": party_id}


def _hold_placed(event: HoldPlaced, at: At) -> Iterable[Change]:
    amounts = {"nodes": event.nodes, "vouchers": total(event.vouchers), "cash": event.cash}
    whose = {**_whose("bid", event.party_id), "programme_id": event.programme_id, "currency": event.currency}
    yield _hold(event.hold_id, "bid", at, **whose, **amounts)


def _bond_held(event: BondHeld, at: At) -> Iterable[Change]:
    whose = {**_whose("offer", event.provider_id), "currency": event.currency}
    yield _hold(event.hold_id, "offer", at, **whose, cash=event.amount)


def _hold_refused_v1(event: HoldRefusedV1, at: At) -> Iterable[Change]:
    yield _hold(event.hold_id, event.purpose, at, status="refused", reason=event.code)
    yield refused_hold(event.purpose, event.hold_id)


def _hold_refused(event: HoldRefused, at: At) -> Iterable[Change]:
    whose = {**_whose(event.purpose, event.party_id), "programme_id": event.programme_id, "currency": event.currency}
    short = {f"short_{each.of}": each.needed - each.available for each in event.lacking}
    yield _hold(event.hold_id, event.purpose, at, status="refused", reason=event.code, **whose, **short)


def _funding_ended(event: FundingEnded, _at: At) -> Iterable[Change]:
    yield Set(HOLDS.name, (event.bid_id,), {"reason": f"funding_{event.reason}"})


def _hold_reduced(event: HoldReduced, _at: At) -> Iterable[Change]:
    yield Add(HOLDS.name, (event.hold_id,), {"vouchers": -total(event.vouchers), "cash": -event.cash})
    yield Set(HOLDS.name, (event.hold_id,), {"nodes": event.nodes_left})


def _amendment_funded(event: AmendmentFunded, _at: At) -> Iterable[Change]:
    yield Add(HOLDS.name, (event.hold_id,), {"vouchers": total(event.vouchers), "cash": event.cash})


def _amendment_settled(event: AmendmentSettled, _at: At) -> Iterable[Change]:
    yield Add(HOLDS.name, (event.hold_id,), {"vouchers": -total(event.vouchers), "cash": -event.cash})


def _hold_released(event: HoldReleased, at: At) -> Iterable[Change]:
    values = {**_NOTHING_LEFT, "status": "released", "status_since": at.time, "reason": event.reason}
    yield Set(HOLDS.name, (event.hold_id,), values)


def _contract_funded(event: ContractFunded, at: At) -> Iterable[Change]:
    vouchers = total(event.vouchers)
    taken = {"vouchers": -vouchers - total(event.released_vouchers), "cash": -event.cash - event.released_cash}
    yield Add(HOLDS.name, (event.bid_id,), taken)
    yield Set(HOLDS.name, (event.bid_id,), {"nodes": event.bid_nodes_left})
    if event.bid_nodes_left == 0:
        yield Set(HOLDS.name, (event.bid_id,), {"status": "traded", "status_since": at.time})
    yield Add(HOLDS.name, (event.offer_id,), {"cash": -event.bond})
    orders = {"bid_id": event.bid_id, "offer_id": event.offer_id}
    yield _hold(event.contract_id, "contract", at, **orders, vouchers=vouchers, cash=event.cash, bond=event.bond)
    of_bid = {"beneficiary_id": "beneficiary_id", "programme_id": "programme_id"}
    yield Copy(HOLDS.name, (event.contract_id,), HOLDS.name, (event.bid_id,), of_bid)
    yield Copy(HOLDS.name, (event.contract_id,), HOLDS.name, (event.offer_id,), {"provider_id": "provider_id"})


def _hold_captured(event: HoldCaptured, _at: At) -> Iterable[Change]:
    yield Add(HOLDS.name, (event.contract_id,), {"vouchers": -event.subsidy, "cash": -event.co_payment})


def _capture_reversed(event: CaptureReversed, at: At) -> Iterable[Change]:
    names = [name for name in CREDIT_NOTES.columns if name != "booked_at"]
    yield Put(CREDIT_NOTES.name, {**{name: getattr(event, name) for name in names}, "booked_at": at.time})


def _bond_released(event: BondReleased, at: At) -> Iterable[Change]:
    """The end of a contract's row; its release came just before."""
    status = "completed" if event.reason == "delivered" else event.reason
    yield Set(HOLDS.name, (event.contract_id,), {"bond": 0, "status": status, "status_since": at.time})


def _bond_slashed(event: BondSlashed, at: At) -> Iterable[Change]:
    of_all = {"amount": event.amount, "returned": 0, "least": event.amount, "replacement": None, "cover": None}
    yield from _slashed(event, "defaulted", of_all, at)


_DIVIDED: Final = {"notice": "withdrawn", "shortfall": "completed", "default": "defaulted"}
"""What has become of a contract, by the cause for which its bond was divided."""


def _bond_divided(event: BondDivided, at: At) -> Iterable[Change]:
    amounts = {"amount": event.paid, "returned": event.returned, "least": event.least}
    yield from _slashed(
        event, _DIVIDED[event.cause], {**amounts, "replacement": event.offer_id, "cover": event.cover}, at
    )


def _slashed(event: BondSlashed | BondDivided, status: str, amounts: Mapping[str, object], at: At) -> Iterable[Change]:
    yield Set(HOLDS.name, (event.contract_id,), {"bond": 0, "status": status, "status_since": at.time})
    row = {name: getattr(event, name) for name in ("contract_id", "provider_id", "beneficiary_id")}
    yield Put(SLASHES.name, {**row, **amounts, "programme_id": None, "slashed_at": at.time})
    yield Copy(SLASHES.name, (event.contract_id,), HOLDS.name, (event.contract_id,), {"programme_id": "programme_id"})


def _and_then(*reducers: Reducer) -> Reducer:
    """A projection made of several, in order."""

    def project(event: Any, at: At) -> Iterable[Change]:
        for reduce in reducers:
            yield from reduce(event, at)

    return project


def _transfer_received(event: TransferAccepted, at: At) -> Iterable[Change]:
    if event.reissued_as is None:
        yield from hands.received(event, event.receiver_id, at)


def _pledge_received(event: PledgeEnforced, at: At) -> Iterable[Change]:
    yield from hands.received(event, event.pledgee_id, at)


def _and_posted(first: Reducer) -> Reducer:
    """A projection that makes or changes a row of its own before the balances."""

    def project(event: Any, at: At) -> Iterable[Change]:
        yield from first(event, at)
        yield from _posted(event, at)

    return project


REDUCERS: Final[Reducers] = {
    **dict.fromkeys((AppropriationPosted, AppropriationReduced, CashDeposited, CashWithdrawn, ClaimSettled), _posted),
    ReceivableOffset: _posted,
    ReceivableRecovered: _posted,
    ReceivableWrittenOff: _posted,
    AdjustmentPosted: _posted,
    ClawbackPosted: _posted,
    ClawbackUndone: _posted,
    CaptureReversed: _and_posted(_capture_reversed),
    ClaimReopened: _posted,
    ClaimReleased: _posted,
    RestLapsed: _posted,
    UnclaimedReleased: _posted,
    **CLOSING_REDUCERS,
    ProgrammeClosed: _and_posted(closed),
    InvoiceCaptured: _posted,
    UseCaptured: _posted,
    InvoiceReturned: _posted,
    VoucherCredited: _and_posted(_voucher_credited),
    ExpiryNotified: expiries.notified,
    VoucherTakenOffline: expiries.taken_offline,
    VoucherExtended: expiries.extended,
    VoucherEndSet: expiries.end_set,
    VoucherExpired: _and_posted(expiries.ended),
    VoucherCancelled: _posted,
    VoucherRestored: _and_then(_voucher_credited, expiries.brought_back, _posted),
    VoucherSurrendered: _posted,
    VoucherReissued: _and_posted(_voucher_credited),
    TransferProposed: _and_posted(hands.transfer_proposed),
    TransferApproved: hands.transfer_approved,
    TransferConsented: hands.transfer_consented,
    TransferJudged: hands.transfer_judged,
    TransferAccepted: _and_then(_posted, hands.transfer_accepted, _transfer_received),
    TransferClosed: _and_posted(hands.transfer_closed),
    TrancheWithheld: _and_posted(tranche_views.withheld),
    MilestoneAttested: tranche_views.attested,
    TrancheReleased: _and_posted(tranche_views.released),
    TrancheLapsed: _and_posted(tranche_views.lapsed),
    CreditOffered: _and_posted(credit_views.placed),
    CreditBidPlaced: _and_posted(credit_views.placed),
    CreditTraded: _and_posted(credit_views.traded),
    CreditSettled: credit_views.settled,
    CreditTradeFailed: _and_then(credit_views.failed, hands.trade_failed, _posted),
    CreditOrderClosed: _and_posted(credit_views.closed),
    PledgeMade: _and_posted(hands.pledge_made),
    PledgeAsked: hands.pledge_asked,
    PledgeJudged: hands.pledge_judged,
    PledgeReleased: _and_posted(hands.pledge_over),
    PledgeEnforced: _and_then(_posted, hands.pledge_over, _pledge_received),
    FundingEnded: _funding_ended,
    HoldPlaced: _and_posted(_hold_placed),
    BondHeld: _and_posted(_bond_held),
    HoldRefusedV1: _hold_refused_v1,
    HoldRefused: _hold_refused,
    HoldReduced: _and_posted(_hold_reduced),
    HoldReleased: _and_posted(_hold_released),
    AmendmentFunded: _and_posted(_amendment_funded),
    AmendmentSettled: _and_posted(_amendment_settled),
    ContractFunded: _and_posted(_contract_funded),
    HoldCaptured: _and_posted(_hold_captured),
    BondReleased: _and_posted(_bond_released),
    BondSlashed: _and_posted(_bond_slashed),
    BondDivided: _and_posted(_bond_divided),
    ContractReclaimed: _and_posted(reclaimed),
}
"""Changes per event of the ledger's log; what it mirrors from issuance, suspensions among it, is issuance's to show."""
