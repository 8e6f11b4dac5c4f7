"""Value of a voucher handed on: proposed by its holder, approved by the issuer where the programme says so, accepted.

What is proposed is pending, so that acceptance cannot fail on the holder's side. Receiver, voucher and price are judged
when the receiver accepts, as they are then; value and price move in one entry. The voucher keeps its identity, terms
and expiry, unless the programme takes it back and issues another.
"""

from __future__ import annotations

from typing import Literal

from counterfoil.contract.record import Event
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.core.at import At
from counterfoil.core.decider import Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.core.standing import not_taking_part
from counterfoil.ledger.accounts import Posting
from counterfoil.ledger.chart import CIRCULATION, CREDIT_BIDS, RESTORED, TRANSFERS, cash, owner
from counterfoil.ledger.commands import (
    AcceptTransfer,
    ApproveTransfer,
    ProposeTransfer,
    RejectTransfer,
    WithdrawTransfer,
)
from counterfoil.ledger.encumbrances import Transfer
from counterfoil.ledger.endings import bury, closed, remove_if_ended
from counterfoil.ledger.events import Draw
from counterfoil.ledger.gains import count_gain
from counterfoil.ledger.handovers import Handing, asks_facts, asks_for_approval, not_handed_on, reissues
from counterfoil.ledger.open_vouchers import Voucher
from counterfoil.ledger.state import LedgerState
from counterfoil.ledger.transfer_events import (
    TransferAccepted,
    TransferApproved,
    TransferClosed,
    TransferConsented,
    TransferProposed,
    VoucherReissued,
)
from counterfoil.programme.facts import Facts
from counterfoil.programme.terms import in_kind
from counterfoil.programme.transfers import fee

Reason = Literal["withdrawn", "rejected", "rejected_by_issuer", "lapsed", "voucher_ended"]


def propose_transfer(state: LedgerState, body: ProposeTransfer, actor: Party, at: At) -> Decision:
    """Make value pending for another party, if it could be handed on to it now."""
    voucher = state.held_voucher(body.voucher_id, actor.party_id)
    handing = Handing(actor.party_id, body.receiver_id, body.amount, body.price)
    refused = (
        _unknown(state, body)
        or too_many(state, actor.party_id)
        or barred(state, voucher, at)
        or _receiver_refused(state, body.receiver_id)
    )
    if refused is not None or voucher is None:
        return refused or refuse(Code.UNKNOWN_VOUCHER, voucher_id=body.voucher_id)
    refused = state.phases.grants_nothing(voucher.programme_id) or not_handed_on(
        state, voucher, handing, at, approved=True
    )
    if refused is not None:
        return refused
    rules = state.rules_of(voucher)
    asked = body.price or (0 if rules is None else fee(rules, body.amount))
    if asked and state.rules.meters_in_kind and rules is not None and in_kind(rules):
        return refuse(Code.PROGRAMME_IN_KIND, programme_id=voucher.programme_id)
    available = state.accounts.find(owner(actor.party_id), voucher.voucher_id).available
    if body.amount > available:
        return refuse(Code.EXCEEDS_AVAILABLE, available=available)
    posting = Posting(state.accounts)
    posting.leg("hold", voucher.voucher_id, owner(actor.party_id), TRANSFERS, body.amount)
    return [
        TransferProposed(
            transfer_id=at.new_id("tfr"),
            voucher_id=voucher.voucher_id,
            programme_id=voucher.programme_id,
            holder_id=actor.party_id,
            receiver_id=body.receiver_id,
            amount=body.amount,
            price=body.price,
            fee=0 if rules is None else fee(rules, body.amount),
            currency=state.currency(voucher.programme_id),
            until=min(at.time + state.rules.transfer_stands, voucher.expires_at),
            legs=posting.take(),
        )
    ]


def approve_transfer(state: LedgerState, body: ApproveTransfer, actor: Party, at: At) -> Decision:
    """Let the receiver accept, in a programme that asks for the issuer's approval."""
    found = state.encumbrances.transfers.get(body.transfer_id)
    if found is None:
        return _no_transfer(body.transfer_id)
    voucher = state.vouchers.open[found.voucher_id]
    if state.issuer(voucher.programme_id) != actor.party_id:
        return _no_transfer(body.transfer_id)
    refused = barred(state, voucher, at) or not_handed_on(state, voucher, _handing(found), at, approved=True)
    if refused is not None:
        return refused
    rules = state.rules_of(voucher)
    if found.approved or rules is None or not asks_for_approval(rules):
        return refuse(Code.TRANSFER_NOT_PERMITTED, why="approval_not_needed")
    return [TransferApproved(transfer_id=body.transfer_id)]


def accept_transfer(state: LedgerState, body: AcceptTransfer, actor: Party, at: At) -> Decision:
    """Hand the value on and pay its price, both or neither; first issuance is asked, if facts have a say in it."""
    found = state.encumbrances.transfers.get(body.transfer_id)
    if found is None or found.receiver_id != actor.party_id:
        return _no_transfer(body.transfer_id)
    if body.transfer_id in state.encumbrances.consents:
        return refuse(Code.TRANSFER_NOT_PERMITTED, why="already_consented")
    voucher = state.vouchers.open[found.voucher_id]
    refused = not_accepted(state, found, voucher, at)
    if refused is not None:
        return refused
    rules = state.rules_of(voucher)
    if rules is None or not asks_facts(state, rules, found.receiver_id):
        return settle(state, body.transfer_id, found, voucher, at)
    return [
        TransferConsented(
            transfer_id=body.transfer_id,
            programme_id=voucher.programme_id,
            voucher_id=found.voucher_id,
            holder_id=found.holder_id,
            receiver_id=found.receiver_id,
        )
    ]


def not_taken(
    state: LedgerState, found: Transfer, voucher: Voucher, at: At, facts: Facts | None = None
) -> Refusal | None:
    """Why a receiver cannot have a part now, its price aside; `facts`: of it, None where they are judged later."""
    return (
        not_taking_part(state.directory.parties[found.holder_id])
        or no_room(state, voucher, found.receiver_id)
        or barred(state, voucher, at)
        or not_handed_on(state, voucher, _handing(found), at, approved=found.approved, facts=facts)
    )


def not_accepted(
    state: LedgerState, found: Transfer, voucher: Voucher, at: At, facts: Facts | None = None
) -> Refusal | None:
    """Why a receiver cannot take a transfer now; `facts`: of the receiver, None where they are judged later."""
    if (refused := not_taken(state, found, voucher, at, facts)) is not None:
        return refused
    available = state.accounts.find(cash(found.receiver_id), state.currency(voucher.programme_id)).available
    if found.price + found.fee > available:
        return refuse(Code.EXCEEDS_AVAILABLE, needed=found.price + found.fee, available=available)
    return None


def reject_transfer(state: LedgerState, body: RejectTransfer, actor: Party, at: At) -> Decision:
    """Give the value back to its holder, at the word of the receiver or of the issuer."""
    found = state.encumbrances.transfers.get(body.transfer_id)
    if found is None:
        return _no_transfer(body.transfer_id)
    voucher = state.vouchers.open[found.voucher_id]
    is_receiver = actor.party_id == found.receiver_id
    if not is_receiver and actor.party_id != state.issuer(voucher.programme_id):
        return _no_transfer(body.transfer_id)
    if body.transfer_id in state.credit.trades:
        return _traded()
    if is_receiver:
        return close_transfer(state, Posting(state.accounts), body.transfer_id, found, "rejected", at)
    return close_transfer(state, Posting(state.accounts), body.transfer_id, found, "rejected_by_issuer", at)


def withdraw_transfer(state: LedgerState, body: WithdrawTransfer, actor: Party, at: At) -> Decision:
    """Give the value back to its holder, at its own word."""
    found = state.encumbrances.transfers.get(body.transfer_id)
    if found is None or found.holder_id != actor.party_id:
        return _no_transfer(body.transfer_id)
    if body.transfer_id in state.credit.trades:
        return _traded()
    return close_transfer(state, Posting(state.accounts), body.transfer_id, found, "withdrawn", at)


def close_transfer(
    state: LedgerState, posting: Posting, transfer_id: str, found: Transfer, reason: Reason, at: At
) -> list[Event]:
    """The events that end a transfer without acceptance; what comes back of a dead voucher ends with it."""
    posting.leg("release", found.voucher_id, owner(found.holder_id), TRANSFERS, found.amount)
    over = TransferClosed(
        transfer_id=transfer_id,
        voucher_id=found.voucher_id,
        programme_id=state.vouchers.open[found.voucher_id].programme_id,
        holder_id=found.holder_id,
        reason=reason,
        legs=posting.take(),
    )
    return [over, *bury(state, posting, found.holder_id, [Draw(voucher_id=found.voucher_id, amount=found.amount)], at)]


def too_many(state: LedgerState, holder_id: str) -> Refusal | None:
    """Whether a holder has as many transfers and pledges open as it may have."""
    most = state.rules.max_encumbrances_per_party
    over = state.encumbrances.of(holder_id) >= most
    return refuse(Code.OVER_LIMIT, field="voucher_id", limit=most) if over else None


def no_room(state: LedgerState, voucher: Voucher, party_id: str) -> Refusal | None:
    """Whether a party has parts of as many vouchers of a programme as it may have, and none of this one."""
    most, rules = state.rules.max_open_vouchers_per_programme, state.rules_of(voucher)
    another = rules is not None and reissues(rules)
    if most is None or (party_id in state.owners(voucher.voucher_id) and not another):
        return None
    mine = state.vouchers.count(party_id, voucher.programme_id)
    return refuse(Code.OVER_LIMIT, field="transfer_id", limit=most) if mine >= most else None


def barred(state: LedgerState, voucher: Voucher | None, at: At) -> Refusal | None:
    """Why nothing of a voucher moves now, in whosever hand it is."""
    code = None if voucher is None else state.bar(voucher, at.time)
    return None if code is None or voucher is None else refuse(code, voucher_id=voucher.voucher_id)


def _unknown(state: LedgerState, body: ProposeTransfer) -> Refusal | None:
    receiver = state.directory.parties.get(body.receiver_id)
    if receiver is None:
        return refuse(Code.UNKNOWN_PARTY, party_id=body.receiver_id)
    return not_taking_part(receiver)


def _receiver_refused(state: LedgerState, party_id: str) -> Refusal | None:
    may = "beneficiary" in state.directory.parties[party_id].roles
    return None if may else refuse(Code.PARTY_NOT_A_BENEFICIARY, party_id=party_id)


def _no_transfer(transfer_id: str) -> Refusal:
    return refuse(Code.UNKNOWN_TRANSFER, transfer_id=transfer_id)


def _traded() -> Refusal:
    """What a trade of the credit market hands on is owed: nobody takes it back, or refuses it."""
    return refuse(Code.TRANSFER_NOT_PERMITTED, why="traded")


def _handing(found: Transfer) -> Handing:
    return Handing(found.holder_id, found.receiver_id, found.amount, found.price)


def settle(
    state: LedgerState,
    transfer_id: str,
    found: Transfer,
    voucher: Voucher,
    at: At,
    *,
    posting: Posting | None = None,
    held: int = 0,
) -> list[Event]:
    """Lot, price and fee in one entry. `held`: so much of the receiver's cash a bid for credit holds for it."""
    holder, receiver = found.holder_id, found.receiver_id
    rules, issuer_id = state.rules_of(voucher), state.issuer(voucher.programme_id)
    currency = state.currency(voucher.programme_id)
    reissued = at.new_id(state.rules.reissue_prefix) if rules is not None and reissues(rules) else None
    posting = posting or Posting(state.accounts)
    posting.leg("release", voucher.voucher_id, owner(holder), TRANSFERS, found.amount)
    posting.leg("release", currency, cash(receiver), CREDIT_BIDS, held)
    if reissued is None:
        posting.leg("post", voucher.voucher_id, owner(holder), owner(receiver), found.amount)
    posting.leg("post", currency, cash(receiver), cash(holder), found.price)
    if receiver != issuer_id:
        posting.leg("post", currency, cash(receiver), cash(issuer_id), found.fee)
    accepted = TransferAccepted(
        transfer_id=transfer_id,
        voucher_id=voucher.voucher_id,
        programme_id=voucher.programme_id,
        holder_id=holder,
        receiver_id=receiver,
        issuer_id=issuer_id,
        amount=found.amount,
        price=found.price,
        fee=found.fee,
        currency=currency,
        hops=state.encumbrances.hops(voucher.voucher_id, holder, receiver if reissued is None else None),
        expires_at=voucher.expires_at,
        reissued_as=reissued,
        legs=posting.take(),
    )
    if reissued is None:
        return [accepted]
    return [accepted, *_reissue(state, posting, reissued, transfer_id, found, voucher, at)]


def _reissue(
    state: LedgerState, posting: Posting, new_id: str, transfer_id: str, found: Transfer, voucher: Voucher, at: At
) -> list[Event]:
    """The old value ends as another voucher, which begins with the receiver."""
    posting.leg("post", voucher.voucher_id, owner(found.holder_id), RESTORED, found.amount)
    posting.leg("post", new_id, CIRCULATION, owner(found.receiver_id), found.amount)
    reissued = VoucherReissued(
        voucher_id=new_id,
        reissued_from=voucher.voucher_id,
        transfer_id=transfer_id,
        holder_id=found.holder_id,
        programme_id=voucher.programme_id,
        version=voucher.version,
        beneficiary_id=found.receiver_id,
        face=found.amount,
        not_before=at.time,
        expires_at=voucher.expires_at,
        issue_seq=voucher.issue_seq,
        hops=state.encumbrances.hops(voucher.voucher_id, found.holder_id, None),
        legs=posting.take(),
    )
    return [reissued, *closed(state, posting, [voucher.voucher_id])]


# evolve -------------------------------------------------------------------------------------------------------------


def transfer_proposed(state: LedgerState, event: TransferProposed, _at: At) -> None:
    """Apply a proposal."""
    state.book(event.legs)
    state.encumber(
        event.transfer_id,
        Transfer(
            event.voucher_id, event.holder_id, event.receiver_id, event.amount, event.price, event.fee, False,
            event.until,
        ),
    )  # fmt: skip


def transfer_approved(state: LedgerState, event: TransferApproved, _at: At) -> None:
    """Apply an approval."""
    found = state.encumbrances.transfers[event.transfer_id]
    state.encumbrances.open(event.transfer_id, found._replace(approved=True))


def transfer_accepted(state: LedgerState, event: TransferAccepted, at: At) -> None:
    """Apply a transfer; where another voucher is issued, the next event ends this part of the old one."""
    state.book(event.legs)
    state.disencumber(event.transfer_id)
    count_gain(state, state.vouchers.open[event.voucher_id], event.receiver_id, event.amount, at.time)
    if event.reissued_as is None:
        state.encumbrances.pass_on(event.voucher_id, event.receiver_id, event.hops, at.time)


def transfer_closed(state: LedgerState, event: TransferClosed, _at: At) -> None:
    """Apply the end of a transfer without acceptance."""
    state.book(event.legs)
    state.disencumber(event.transfer_id)


def voucher_reissued(state: LedgerState, event: VoucherReissued, at: At) -> None:
    """Apply a voucher made of what was taken back of another; it has changed hands as often as that."""
    voucher = Voucher(
        voucher_id=event.voucher_id, programme_id=event.programme_id, version=event.version,
        issued_to=event.beneficiary_id, face=event.face, not_before=event.not_before, expires_at=event.expires_at,
        issue_seq=event.issue_seq, index=at.index,
    )  # fmt: skip
    state.vouchers.open[event.voucher_id] = voucher
    state.book(event.legs)
    state.begin_expiry(voucher, at.time, restored=False)
    state.encumbrances.pass_on(event.voucher_id, event.beneficiary_id, event.hops, at.time)
    remove_if_ended(state, event.reissued_from)
