"""Value that another's failure gives back comes back with time to use it.

What a provider's default releases of a voucher that has expired, or that expires sooner than the rules allow, becomes a
voucher of its own, on the same terms, which lasts that long. It was issued and counted before, so neither the budget
nor the cap of the beneficiary's group is touched. What was revoked or given back stays so.
"""

from __future__ import annotations

from collections.abc import Iterable

from counterfoil.contract.record import Event
from counterfoil.core.at import At
from counterfoil.ledger.accounts import Posting
from counterfoil.ledger.chart import CIRCULATION, RESTORED, owner
from counterfoil.ledger.endings import bury, closed, remove_if_ended
from counterfoil.ledger.events import Draw, VoucherRestored
from counterfoil.ledger.open_vouchers import Voucher
from counterfoil.ledger.state import LedgerState


def restore(state: LedgerState, posting: Posting, party_id: str, released: Iterable[Draw], at: At) -> list[Event]:
    """What becomes of released value that its owner could not use, by no fault of its own."""
    lifetime = state.rules.restored_for
    if lifetime is None:
        return bury(state, posting, party_id, released, at)
    events: list[Event] = []
    for nth, draw in enumerate(released):
        voucher = state.vouchers.open[draw.voucher_id]
        if voucher.status == "revoked":
            events += bury(state, posting, party_id, [draw], at)
        elif voucher.expires_at < at.time + lifetime:
            new_id, until = at.new_id("rvc", nth), at.time + lifetime
            events += anew(state, posting, voucher, party_id, draw.amount, new_id, until, at)
    return events


def anew(
    state: LedgerState, posting: Posting, voucher: Voucher, party_id: str, amount: int, new_id: str, until: int, at: At
) -> list[Event]:
    """So much of what a party has of a voucher as a voucher of its own, which pays for new orders before `until`."""
    posting.leg("post", voucher.voucher_id, owner(party_id), RESTORED, amount)
    posting.leg("post", new_id, CIRCULATION, owner(party_id), amount)
    restored = VoucherRestored(
        voucher_id=new_id,
        restored_from=voucher.voucher_id,
        programme_id=voucher.programme_id,
        version=voucher.version,
        beneficiary_id=party_id,
        face=amount,
        not_before=at.time,
        expires_at=until,
        issue_seq=voucher.issue_seq,
        suspended=voucher.suspended,
        legs=posting.take(),
    )
    return [restored, *closed(state, posting, [voucher.voucher_id])]


# evolve -------------------------------------------------------------------------------------------------------------


def voucher_restored(state: LedgerState, event: VoucherRestored, at: At) -> None:
    """Apply a voucher made of what came back to another."""
    voucher = Voucher(
        voucher_id=event.voucher_id, programme_id=event.programme_id, version=event.version,
        issued_to=event.beneficiary_id, face=event.face, not_before=event.not_before, expires_at=event.expires_at,
        issue_seq=event.issue_seq, index=at.index, status="frozen" if event.suspended else "active",
    )  # fmt: skip
    state.vouchers.open[event.voucher_id] = voucher
    state.book(event.legs)
    state.begin_expiry(voucher, at.time, restored=True)
    remove_if_ended(state, event.restored_from)
