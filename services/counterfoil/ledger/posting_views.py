"""The ledger's read models for statements: every posting of an account, and what it had at the end of each month.

They have the accounts of parties (cash, vouchers, claims, receivables) and of budgets. The others, such as the bank or
what a voucher ends as, are sums over many; a posting names them as its counter-account.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from counterfoil.contract.log_id import LogId
from counterfoil.contract.record import Event
from counterfoil.contract.times import format_month
from counterfoil.core.at import At
from counterfoil.ledger.amendment_events import AmendmentFunded, AmendmentSettled
from counterfoil.ledger.chart import CREDITED, DEBITED, budget, is_currency, party_of, programme_of
from counterfoil.ledger.closing_events import ProgrammeClosed, RestLapsed, UnclaimedReleased
from counterfoil.ledger.credit_events import (
    CreditBidPlaced,
    CreditOffered,
    CreditOrderClosed,
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
    HoldCaptured,
    HoldPlaced,
    HoldReduced,
    HoldReleased,
    ReceivableOffset,
    ReceivableRecovered,
    VoucherCancelled,
    VoucherCredited,
    VoucherExpired,
    VoucherRestored,
)
from counterfoil.ledger.invoice_events import InvoiceCaptured, InvoiceReturned, UseCaptured
from counterfoil.ledger.notice_events import BondDivided
from counterfoil.ledger.receivable_events import AdjustmentPosted, ClawbackPosted, ClawbackUndone, ReceivableWrittenOff
from counterfoil.ledger.reclaim_events import ContractReclaimed
from counterfoil.ledger.tranche_events import TrancheLapsed, TrancheReleased, TrancheWithheld
from counterfoil.ledger.transfer_events import (
    PledgeEnforced,
    PledgeMade,
    PledgeReleased,
    TransferAccepted,
    TransferClosed,
    TransferProposed,
    VoucherReissued,
    VoucherSurrendered,
)
from counterfoil.ports import Change, Put, View
from counterfoil.readership import Readers

_OF_ACCOUNT: Final = Readers(parties=("party_id",), programme="programme_id")

POSTINGS: Final = View(
    name="postings",
    key=("month", "account", "asset", "n"),
    columns={
        "month": "text",
        "account": "text",
        "asset": "text",
        "n": "int",
        "party_id": "text?",
        "programme_id": "text?",
        "event": "text",
        "effect": "text",
        "object_id": "text?",
        "reference": "text?",
        "counter_account": "text",
        "posted_change": "amount",
        "held_change": "amount",
        "posted": "amount",
        "held": "amount",
        "index": "int",
        "posted_at": "time",
    },
    filters=("month", "party_id", "programme_id"),
    readers=_OF_ACCOUNT,
)
"""One side of a leg: what it changed in an account, and the balances after it. `n` counts the postings of the account
in the asset from 1, without a gap; `index` is the entry.

`month` is in UTC. `party_id` owns the account; `programme_id`: its budget, or claims on it. `object_id`: the bid,
offer, contract, voucher, claim or settlement that it is for; `reference`: the payment, report or reversal.
"""
CLOSINGS: Final = View(
    name="closing_balances",
    key=("account", "asset", "month"),
    columns={
        "account": "text",
        "asset": "text",
        "month": "text",
        "party_id": "text?",
        "programme_id": "text?",
        "n": "int",
        "posted": "amount",
        "held": "amount",
        "posted_at": "time",
    },
    filters=("party_id", "programme_id"),
    readers=_OF_ACCOUNT,
)
"""The balances of an account after the last posting of a month; a month without one has those of the month before."""

ASSET_ENTRIES: Final = View(
    name="asset_entries",
    key=("asset", "index"),
    columns={"asset": "text", "index": "int", "programme_id": "text?", "log": "text", "posted_at": "time"},
    filters=("asset",),
    readers=Readers(programme="programme_id", through={"vouchers_balance": "asset"}),
)
"""Every entry with postings of a voucher (`asset` is its id), of a programme's budget (``budget:PROGRAMME``) or of the
claims on it (``claims:PROGRAMME``), so that all of them can be proven. One row for each of these in an entry: it has at
most as many as legs. `programme_id`: of a budget, and of claims."""

POSTING_VIEWS: Final[tuple[View, ...]] = (POSTINGS, CLOSINGS, ASSET_ENTRIES)

_ABOUT: Final[Mapping[type[Event], tuple[str | None, str | None]]] = {
    AppropriationPosted: ("programme_id", None),
    AppropriationReduced: ("programme_id", None),
    BondHeld: ("hold_id", None),
    BondReleased: ("contract_id", None),
    BondSlashed: ("contract_id", None),
    BondDivided: ("contract_id", None),
    ContractReclaimed: ("contract_id", None),
    CaptureReversed: ("contract_id", "reversal_id"),
    CashDeposited: (None, "payment_reference"),
    CashWithdrawn: (None, "payment_reference"),
    ClaimReleased: ("claim_id", None),
    InvoiceCaptured: ("claim_id", "invoice_number"),
    UseCaptured: ("claim_id", "invoice_number"),
    InvoiceReturned: ("claim_id", None),
    RestLapsed: ("settlement_id", None),
    UnclaimedReleased: ("programme_id", None),
    ProgrammeClosed: ("programme_id", None),
    ClaimReopened: ("settlement_id", None),
    ClaimSettled: ("settlement_id", None),
    ContractFunded: ("contract_id", None),
    HoldCaptured: ("contract_id", "report_id"),
    HoldPlaced: ("hold_id", None),
    HoldReduced: ("hold_id", None),
    AmendmentFunded: ("hold_id", "amendment_id"),
    AmendmentSettled: ("hold_id", "amendment_id"),
    HoldReleased: ("hold_id", None),
    ReceivableOffset: ("programme_id", None),
    ReceivableWrittenOff: ("programme_id", None),
    AdjustmentPosted: ("adjustment_id", None),
    ClawbackPosted: ("clawback_id", None),
    ClawbackUndone: ("clawback_id", None),
    ReceivableRecovered: (None, "payment_reference"),
    VoucherCancelled: ("voucher_id", None),
    VoucherCredited: ("voucher_id", None),
    VoucherExpired: ("voucher_id", None),
    VoucherRestored: ("voucher_id", None),
    VoucherReissued: ("voucher_id", "transfer_id"),
    VoucherSurrendered: ("voucher_id", None),
    TransferProposed: ("transfer_id", None),
    TransferAccepted: ("transfer_id", None),
    TransferClosed: ("transfer_id", None),
    TrancheWithheld: ("tranche_id", None),
    TrancheReleased: ("tranche_id", None),
    TrancheLapsed: ("tranche_id", None),
    CreditOffered: ("order_id", None),
    CreditBidPlaced: ("order_id", None),
    CreditTraded: ("offer_id", "trade_id"),
    CreditTradeFailed: ("offer_id", "trade_id"),
    CreditOrderClosed: ("order_id", None),
    PledgeMade: ("pledge_id", None),
    PledgeReleased: ("pledge_id", None),
    PledgeEnforced: ("pledge_id", None),
}
"""By event: its members with the object and the reference."""


def postings(event: Any, at: At) -> Iterable[Change]:
    """The postings that an event's legs make, and the balances of the month after each: four rows a leg at most.

    And of what else than currency they are: a row each.
    """
    month = format_month(at.time)
    object_name, reference_name = _ABOUT[type(event)]
    about = {
        "event": event.TYPE.rpartition(".")[0],
        "object_id": None if object_name is None else getattr(event, object_name),
        "reference": None if reference_name is None else getattr(event, reference_name),
        "index": at.index,
    }
    log = LogId("ledger", at.shard).name
    for asset in dict.fromkeys(leg.asset for leg in event.legs):
        if not is_currency(asset):
            row = {"asset": asset, "index": at.index, "programme_id": programme_of(asset), "log": log}
            yield Put(ASSET_ENTRIES.name, {**row, "posted_at": at.time})
    for leg in event.legs:
        sides = (
            (leg.debit, leg.credit, leg.debit_after, DEBITED[leg.effect]),
            (leg.credit, leg.debit, leg.credit_after, CREDITED[leg.effect]),
        )
        programme_id = programme_of(leg.asset)
        of_budget = programme_id is not None and leg.asset == budget(programme_id)
        for account, counter_account, after, (posted, held) in sides:
            party_id = party_of(account)
            if party_id is None and not of_budget:
                continue
            closing = {
                "account": account,
                "asset": leg.asset,
                "month": month,
                "party_id": party_id,
                "programme_id": programme_id,
                "n": after.n,
                "posted": after.posted,
                "held": after.held,
                "posted_at": at.time,
            }
            yield Put(CLOSINGS.name, closing)
            changed = {
                "effect": leg.effect,
                "counter_account": counter_account,
                "posted_change": posted * leg.amount,
                "held_change": held * leg.amount,
            }
            yield Put(POSTINGS.name, {**closing, **about, **changed})
