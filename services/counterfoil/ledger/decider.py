"""The ledger: the only place where a balance changes.

Budget (per programme): funding -> appropriation -> obligated -> disbursed, or lapsed.
Voucher (each its own asset): circulation -> holder -> redeemed, expired or cancelled.
Currency: bank -> cash of a party; claims_payable of a programme -> claims of a provider -> settled.

Funds and bonds are held before an order enters the book, so nothing that follows can fail for lack of funds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from counterfoil.contract.limits import MAX_AMOUNT, MAX_ITEMS_PER_SWEEP, RESOLUTION_WINDOW
from counterfoil.contract.record import Event
from counterfoil.contract.refusals import Code
from counterfoil.contract.times import SECOND
from counterfoil.core.decider import COMMON, MIRRORED, At, Decider, Decision, mirror, refuse
from counterfoil.core.directory import Party
from counterfoil.issuance.events import (
    BudgetAppropriated,
    ProgrammePublished,
    VoucherIssued,
    VoucherReinstated,
    VoucherRevoked,
    VoucherSuspended,
)
from counterfoil.ledger import funding
from counterfoil.ledger.accounts import Posting
from counterfoil.ledger.commands import Deposit, Withdraw
from counterfoil.ledger.events import (
    AppropriationPosted,
    BondHeld,
    BondReleased,
    BondSlashed,
    CashDeposited,
    CashWithdrawn,
    ClaimSettled,
    ContractFunded,
    HoldCaptured,
    HoldPlaced,
    HoldReduced,
    HoldRefused,
    HoldReleased,
    VoucherCancelled,
    VoucherCredited,
    VoucherExpired,
    VoucherFrozen,
    VoucherUnfrozen,
)
from counterfoil.ledger.funding import State, budget, cash
from counterfoil.ledger.holds import BidHold, BondHold, Contract, split, total
from counterfoil.ledger.vouchers import CANCELLED, CIRCULATION, EXPIRED, Lot, Terms, holder
from counterfoil.matching.events import (
    BidClosed,
    BidReceived,
    BidReduced,
    OfferClosed,
    OfferReceived,
    OfferReduced,
    TradeMatched,
)
from counterfoil.redemption.events import ContractCompleted, PaymentConfirmed, ProviderDefaulted, UsageAccepted

BANK: Final = "bank"

# commands -----------------------------------------------------------------------------------------------------------


def _deposit(state: State, body: Deposit, _actor: Party, _at: At) -> Decision:
    if body.party_id not in state.directory.parties:
        return refuse(Code.UNKNOWN_PARTY, party_id=body.party_id)
    room = MAX_AMOUNT + state.accounts.find(BANK, body.currency).posted  # of all cash of the currency together
    if body.amount > room:
        return refuse(Code.AMOUNT_TOO_LARGE, amount=body.amount, most=room)
    posting = Posting(state.accounts)
    posting.leg("post", body.currency, BANK, cash(body.party_id), body.amount)
    return [
        CashDeposited(
            party_id=body.party_id,
            currency=body.currency,
            amount=body.amount,
            payment_reference=body.payment_reference,
            legs=posting.take(),
        )
    ]


def _withdraw(state: State, body: Withdraw, _actor: Party, _at: At) -> Decision:
    if body.party_id not in state.directory.parties:
        return refuse(Code.UNKNOWN_PARTY, party_id=body.party_id)
    available = state.accounts.find(cash(body.party_id), body.currency).available
    if body.amount > available:
        return refuse(Code.EXCEEDS_AVAILABLE, available=available)
    posting = Posting(state.accounts)
    posting.leg("post", body.currency, cash(body.party_id), BANK, body.amount)
    return [
        CashWithdrawn(
            party_id=body.party_id,
            currency=body.currency,
            amount=body.amount,
            payment_reference=body.payment_reference,
            legs=posting.take(),
        )
    ]


# issuance -----------------------------------------------------------------------------------------------------------


def _appropriated(state: State, event: BudgetAppropriated, _at: At) -> Sequence[Event]:
    posting = Posting(state.accounts)
    posting.leg("post", budget(event.programme_id), "funding", "appropriation", event.amount)
    return [AppropriationPosted(programme_id=event.programme_id, amount=event.amount, legs=posting.take())]


def _issued(state: State, event: VoucherIssued, _at: At) -> Sequence[Event]:
    posting = Posting(state.accounts)
    posting.leg("post", budget(event.programme_id), "appropriation", "obligated", event.face)
    posting.leg("post", event.voucher_id, CIRCULATION, holder(event.beneficiary_id), event.face)
    return [
        VoucherCredited(
            voucher_id=event.voucher_id,
            programme_id=event.programme_id,
            version=event.version,
            beneficiary_id=event.beneficiary_id,
            face=event.face,
            not_before=event.not_before,
            expires_at=event.expires_at,
            issue_seq=event.issue_seq,
            legs=posting.take(),
        )
    ]


def _suspended(state: State, event: VoucherSuspended, _at: At) -> Sequence[Event]:
    lot = state.vouchers.lots.get(event.voucher_id)
    return [] if lot is None or lot.dead else [VoucherFrozen(voucher_id=event.voucher_id)]


def _reinstated(state: State, event: VoucherReinstated, _at: At) -> Sequence[Event]:
    lot = state.vouchers.lots.get(event.voucher_id)
    return [] if lot is None or lot.dead else [VoucherUnfrozen(voucher_id=event.voucher_id)]


def _revoked(state: State, event: VoucherRevoked, _at: At) -> Sequence[Event]:
    lot = state.vouchers.lots.get(event.voucher_id)
    if lot is None or lot.dead:
        return []
    return [funding.end(state, Posting(state.accounts), lot, CANCELLED)]


def _sweep(state: State, cutoff: int, _at: At) -> Sequence[Event]:
    posting = Posting(state.accounts)
    lots = state.vouchers.expired_by(cutoff, MAX_ITEMS_PER_SWEEP)
    return [funding.end(state, posting, lot, EXPIRED) for lot in lots]


def _due(state: State) -> tuple[int, str] | None:
    expiry = state.vouchers.next_expiry()
    return None if expiry is None else (expiry, "voucher_expiry")


# redemption ---------------------------------------------------------------------------------------------------------


def _paid(state: State, event: PaymentConfirmed, _at: At) -> Sequence[Event]:
    if event.programme_id not in state.currencies:  # another ledger's
        return []
    posting = Posting(state.accounts)
    settled: list[Event] = []
    for payee in event.payees:
        posting.leg("post", event.currency, f"claims/{payee.provider_id}", "settled", payee.amount)
        posting.leg("post", budget(event.programme_id), "obligated", "disbursed", payee.amount)
        settled.append(
            ClaimSettled(
                settlement_id=event.settlement_id,
                programme_id=event.programme_id,
                provider_id=payee.provider_id,
                amount=payee.amount,
                legs=posting.take(),
            )
        )
    return settled


# evolve -------------------------------------------------------------------------------------------------------------


def _post(state: State, event: AppropriationPosted | CashDeposited | CashWithdrawn | ClaimSettled, _at: At) -> None:
    state.accounts.apply(event.legs)


def _programme_published(state: State, event: ProgrammePublished, _at: At) -> None:
    settle_within = event.report_within_seconds + event.dispute_window_seconds + RESOLUTION_WINDOW // SECOND
    recycle = event.recycle == "appropriation"
    terms = Terms(event.version, event.currency, event.share, recycle, event.hold_tolls_expiry, settle_within)
    state.terms[event.programme_id, event.version] = terms
    state.currencies[event.programme_id] = event.currency


def _voucher_credited(state: State, event: VoucherCredited, _at: At) -> None:
    state.accounts.apply(event.legs)
    times = (event.not_before, event.expires_at, event.issue_seq)
    state.vouchers.add(
        Lot(event.voucher_id, event.programme_id, event.version, event.beneficiary_id, event.face, *times)
    )


def _voucher_frozen(state: State, event: VoucherFrozen, _at: At) -> None:
    state.vouchers.lots[event.voucher_id].status = "frozen"


def _voucher_unfrozen(state: State, event: VoucherUnfrozen, _at: At) -> None:
    state.vouchers.lots[event.voucher_id].status = "active"


def _voucher_ended(state: State, event: VoucherExpired | VoucherCancelled, _at: At) -> None:
    state.accounts.apply(event.legs)
    lot = state.vouchers.lots[event.voucher_id]
    if not lot.dead:
        lot.status = "expired" if isinstance(event, VoucherExpired) else "revoked"
    funding.drop_if_over(state, event.voucher_id)


def _hold_placed(state: State, event: HoldPlaced, _at: At) -> None:
    state.accounts.apply(event.legs)
    state.holds.bids[event.hold_id] = BidHold(
        event.party_id, event.programme_id, event.version, event.vouchers, event.cash,
        event.nodes, event.cost_per_node, event.partial,
    )  # fmt: skip


def _bond_held(state: State, event: BondHeld, _at: At) -> None:
    state.accounts.apply(event.legs)
    state.holds.bonds[event.hold_id] = BondHold(event.provider_id, event.currency, event.amount, event.price, event.bps)


def _hold_reduced(state: State, event: HoldReduced, _at: At) -> None:
    state.accounts.apply(event.legs)
    bond = state.holds.bonds.get(event.hold_id)
    if bond is not None:
        bond.cash -= event.cash
        return
    bid = state.holds.bids[event.hold_id]
    bid.nodes = event.nodes_left
    bid.draws, _ = split(bid.draws, total(bid.draws) - total(event.vouchers))
    bid.cash -= event.cash


def _contract_funded(state: State, event: ContractFunded, _at: At) -> None:
    state.accounts.apply(event.legs)
    bid, bond = state.holds.bids[event.bid_id], state.holds.bonds[event.offer_id]
    bond.cash -= event.bond
    _, rest = split(bid.draws, total(event.vouchers))
    bid.draws, _ = split(rest, total(rest) - total(event.released_vouchers))
    bid.cash -= event.cash + event.released_cash
    bid.nodes = event.bid_nodes_left
    if event.bid_nodes_left == 0:
        del state.holds.bids[event.bid_id]
    state.holds.contracts[event.contract_id] = Contract(
        bid.party_id, bond.party_id, bid.programme_id, bid.version, event.vouchers, event.cash, event.bond
    )


def _hold_captured(state: State, event: HoldCaptured, _at: At) -> None:
    state.accounts.apply(event.legs)
    contract = state.holds.contracts[event.contract_id]
    _, contract.draws = split(contract.draws, event.subsidy)
    contract.cash -= event.co_payment
    contract.invoiced += event.invoice
    contract.subsidised += event.subsidy
    for draw in event.vouchers:
        funding.drop_if_over(state, draw.voucher_id)


def _hold_released(state: State, event: HoldReleased, _at: At) -> None:
    state.accounts.apply(event.legs)
    state.holds.bids.pop(event.hold_id, None)
    state.holds.bonds.pop(event.hold_id, None)
    contract = state.holds.contracts.get(event.hold_id)
    if contract is not None:
        contract.draws, contract.cash = (), 0


def _bond_ended(state: State, event: BondReleased | BondSlashed, _at: At) -> None:
    state.accounts.apply(event.legs)
    del state.holds.contracts[event.contract_id]


def _hold_refused(_state: State, _event: HoldRefused, _at: At) -> None:
    """A refused hold leaves nothing behind."""


def _records(state: State) -> Iterator[tuple[str, object]]:
    yield from state.common_records()
    for (programme_id, version), terms in state.terms.items():
        share = [terms.share.num, terms.share.den]
        rules = [terms.currency, share, terms.recycle, terms.tolls, terms.settle_within]
        yield f"programme/{programme_id}/{version}", rules
    yield from state.accounts.records()
    yield from state.vouchers.records()
    yield from state.holds.records()


def _funded(state: State, event: UsageAccepted | ContractCompleted | ProviderDefaulted) -> bool:
    return event.contract_id in state.holds.contracts


DECIDER: Final = Decider(
    service="ledger",
    initial=State,
    commands={Deposit: _deposit, Withdraw: _withdraw},
    reactions={
        "issuance": {
            **MIRRORED,
            ProgrammePublished: mirror,
            BudgetAppropriated: _appropriated,
            VoucherIssued: _issued,
            VoucherSuspended: _suspended,
            VoucherReinstated: _reinstated,
            VoucherRevoked: _revoked,
        },
        "matching": {
            OfferReceived: funding.hold_bond,
            OfferReduced: funding.reduce_bond,
            OfferClosed: funding.release_order,
            BidReceived: funding.hold_bid,
            BidReduced: funding.reduce_bid,
            BidClosed: funding.release_order,
            TradeMatched: funding.fund_contract,
        },
        "redemption": {
            UsageAccepted: funding.capture,
            ContractCompleted: funding.complete,
            ProviderDefaulted: funding.default,
            PaymentConfirmed: _paid,
        },
    },
    ready={UsageAccepted: _funded, ContractCompleted: _funded, ProviderDefaulted: _funded},
    timers={"voucher_expiry": _sweep},
    due=_due,
    evolve={
        **COMMON,
        ProgrammePublished: _programme_published,
        AppropriationPosted: _post,
        CashDeposited: _post,
        CashWithdrawn: _post,
        ClaimSettled: _post,
        VoucherCredited: _voucher_credited,
        VoucherFrozen: _voucher_frozen,
        VoucherUnfrozen: _voucher_unfrozen,
        VoucherExpired: _voucher_ended,
        VoucherCancelled: _voucher_ended,
        HoldPlaced: _hold_placed,
        BondHeld: _bond_held,
        HoldRefused: _hold_refused,
        HoldReduced: _hold_reduced,
        HoldReleased: _hold_released,
        ContractFunded: _contract_funded,
        HoldCaptured: _hold_captured,
        BondReleased: _bond_ended,
        BondSlashed: _bond_ended,
    },
    records=_records,
)
