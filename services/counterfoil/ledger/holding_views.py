"""The ledger's read models of hands: who has what of which voucher, and how parts of vouchers change hands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from counterfoil.core.at import At
from counterfoil.ledger.chart import CREDIT_OFFERS, PLEDGES, TRANCHES, TRANSFERS, owner_of
from counterfoil.ledger.credit_events import CreditTradeFailed
from counterfoil.ledger.events import Balance, Leg
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
)
from counterfoil.ports import Add, Change, Put, Set, View
from counterfoil.readership import Readers

HOLDINGS: Final = View(
    name="holdings",
    key=("voucher_id", "holder_id"),
    columns={
        "voucher_id": "text",
        "holder_id": "text",
        "programme_id": "text",
        "available": "amount",
        "held": "amount",
        "in_transfer": "amount",
        "pledged": "amount",
        "withheld": "amount",
        "on_offer": "amount",
        "hops": "int",
        "held_since": "time",
        "expires_at": "time",
    },
    filters=("voucher_id", "holder_id", "programme_id"),
    readers=Readers(parties=("holder_id",), programme="programme_id"),
    time="held_since",
)
"""What each holder has of each voucher: what it can spend while the voucher lives, and what is held.

`in_transfer`, `pledged`, `withheld`, which waits for its release, and `on_offer`, which is on the credit market, are
parts of `held`; the rest of it is held for orders and contracts. `hops`: how often this
part has changed hands since the issue; `held_since`: when some of it last came to the holder.
"""
TRANSFER_VIEW: Final = View(
    name="transfers",
    key=("transfer_id",),
    columns={
        "transfer_id": "text",
        "voucher_id": "text",
        "programme_id": "text",
        "holder_id": "text",
        "receiver_id": "text",
        "amount": "amount",
        "price": "amount",
        "fee": "amount",
        "currency": "text",
        "status": "text",
        "why": "text?",
        "reissued_as": "text?",
        "until": "time",
        "proposed_at": "time",
        "status_since": "time",
    },
    filters=("voucher_id", "programme_id", "holder_id", "receiver_id", "status"),
    readers=Readers(parties=("holder_id", "receiver_id"), programme="programme_id"),
    time="proposed_at",
    values={
        "status": (
            "proposed", "approved", "consented", "barred", "accepted", "withdrawn", "rejected", "rejected_by_issuer",
            "lapsed", "voucher_ended", "failed",
        ),
    },
)  # fmt: skip
"""Transfers of vouchers: `holder_id` hands on, `receiver_id` pays `price` to it and `fee` to the issuer. It may be
accepted before `until`. `consented`: it was, and issuance is asked for the receiver's facts; `barred`: by these it may
not be taken, `why` says the reason, and it may be accepted again; `failed`: a trade of the credit market that was not
settled. `reissued_as`: the voucher that it became, where the programme takes the old one back."""
PLEDGE_VIEW: Final = View(
    name="pledges",
    key=("pledge_id",),
    columns={
        "pledge_id": "text",
        "voucher_id": "text",
        "programme_id": "text",
        "holder_id": "text",
        "pledgee_id": "text",
        "amount": "amount",
        "status": "text",
        "reason": "text?",
        "until": "time",
        "pledged_at": "time",
        "status_since": "time",
    },
    filters=("voucher_id", "programme_id", "holder_id", "pledgee_id", "status"),
    readers=Readers(parties=("holder_id", "pledgee_id"), programme="programme_id"),
    time="pledged_at",
    values={"status": ("asked", "pledged", "released", "barred", "enforced", "voucher_ended")},
)
"""Vouchers as security. `reason`: why the pledgee took it, or why the document bars it. Asked: what is attested of the
pledgee decides whether it stands. A pledge ends with its voucher, at `until` at the latest."""

HOLDERS: Final = View(
    name="holders",
    key=("voucher_id", "holder_id"),
    columns={"voucher_id": "text", "holder_id": "text"},
    filters=(),
    readers=Readers(parties=("holder_id",)),
)
"""Who has, or had, a part of a voucher, and so may read its terms."""

HOLDING_VIEWS: Final[tuple[View, ...]] = (HOLDINGS, HOLDERS, TRANSFER_VIEW, PLEDGE_VIEW)
_ENCUMBERED: Final[Mapping[str, str]] = {
    TRANSFERS: "in_transfer",
    PLEDGES: "pledged",
    TRANCHES: "withheld",
    CREDIT_OFFERS: "on_offer",
}


def holdings(event: Any, leg: Leg, at: At) -> Iterable[Change]:
    """What a leg changes in the holdings. Every event that is the first about a holder's part names programme and
    expiry."""
    for account, after in ((leg.debit, leg.debit_after), (leg.credit, leg.credit_after)):
        holder_id = owner_of(account)
        if holder_id is not None:
            yield from _holding(event, leg.asset, holder_id, after, at)
    column = _ENCUMBERED.get(leg.credit)
    if column is not None:
        by = leg.amount if leg.effect == "hold" else -leg.amount
        yield Add(HOLDINGS.name, (leg.asset, owner_of(leg.debit)), {column: by})


def _holding(event: Any, voucher_id: str, holder_id: str, after: Balance, at: At) -> Iterable[Change]:
    amounts = {"available": after.posted - after.held, "held": after.held}
    if after.n > 1:
        yield Set(HOLDINGS.name, (voucher_id, holder_id), amounts)
        return
    yield Put(HOLDERS.name, {"voucher_id": voucher_id, "holder_id": holder_id})
    yield Put(
        HOLDINGS.name,
        {
            "voucher_id": voucher_id,
            "holder_id": holder_id,
            "programme_id": event.programme_id,
            **amounts,
            "in_transfer": 0,
            "pledged": 0,
            "withheld": 0,
            "on_offer": 0,
            "hops": getattr(event, "hops", 0),
            "held_since": at.time,
            "expires_at": event.expires_at,
        },
    )


def received(event: TransferAccepted | PledgeEnforced, receiver_id: str, at: At) -> Iterable[Change]:
    """That a part came to a holder, behind its legs."""
    known = {"held_since": at.time, "hops": event.hops}
    yield Set(HOLDINGS.name, (event.voucher_id, receiver_id), known)


def transfer_proposed(event: TransferProposed, at: At) -> Iterable[Change]:
    """A row for a new transfer."""
    row = {name: getattr(event, name) for name in TRANSFER_VIEW.columns if hasattr(event, name)}
    new = {"status": "proposed", "why": None, "reissued_as": None}
    yield Put(
        TRANSFER_VIEW.name,
        {
            **row,
            **new,
            "proposed_at": at.time,
            "status_since": at.time,
        },
    )


def transfer_approved(event: TransferApproved, at: At) -> Iterable[Change]:
    """Its approval."""
    yield Set(TRANSFER_VIEW.name, (event.transfer_id,), {"status": "approved", "status_since": at.time})


def transfer_consented(event: TransferConsented, at: At) -> Iterable[Change]:
    """That its receiver takes it, if the programme lets it."""
    yield Set(TRANSFER_VIEW.name, (event.transfer_id,), {"status": "consented", "why": None, "status_since": at.time})


def transfer_judged(event: TransferJudged, at: At) -> Iterable[Change]:
    """Why the programme does not let it."""
    if event.code is not None:
        status = {"status": "barred", "why": event.why or event.code, "status_since": at.time}
        yield Set(TRANSFER_VIEW.name, (event.transfer_id,), status)


def transfer_accepted(event: TransferAccepted, at: At) -> Iterable[Change]:
    """Its acceptance."""
    status = {"status": "accepted", "status_since": at.time, "reissued_as": event.reissued_as}
    yield Set(TRANSFER_VIEW.name, (event.transfer_id,), status)


def transfer_closed(event: TransferClosed, at: At) -> Iterable[Change]:
    """Its end without acceptance."""
    yield Set(TRANSFER_VIEW.name, (event.transfer_id,), {"status": event.reason, "status_since": at.time})


def trade_failed(event: CreditTradeFailed, at: At) -> Iterable[Change]:
    """The end of a trade of the credit market that was not settled."""
    yield Set(TRANSFER_VIEW.name, (event.trade_id,), {"status": "failed", "status_since": at.time})


def pledge_made(event: PledgeMade, at: At) -> Iterable[Change]:
    """A row for a new pledge."""
    row = {name: getattr(event, name) for name in PLEDGE_VIEW.columns if hasattr(event, name)}
    yield Put(
        PLEDGE_VIEW.name,
        {**row, "status": "pledged", "reason": None, "pledged_at": at.time, "status_since": at.time},
    )


def pledge_asked(event: PledgeAsked, at: At) -> Iterable[Change]:
    """That it waits for what is attested of the pledgee."""
    yield Set(PLEDGE_VIEW.name, (event.pledge_id,), {"status": "asked", "status_since": at.time})


def pledge_judged(event: PledgeJudged, at: At) -> Iterable[Change]:
    """Whether it stands, or why it does not."""
    status, why = ("pledged", None) if event.code is None else ("barred", event.why or event.code)
    yield Set(PLEDGE_VIEW.name, (event.pledge_id,), {"status": status, "reason": why, "status_since": at.time})


def pledge_over(event: PledgeReleased | PledgeEnforced, at: At) -> Iterable[Change]:
    """Its end."""
    enforced = isinstance(event, PledgeEnforced)
    status = "enforced" if enforced else event.reason
    why = event.reason if enforced else None
    yield Set(PLEDGE_VIEW.name, (event.pledge_id,), {"status": status, "reason": why, "status_since": at.time})
