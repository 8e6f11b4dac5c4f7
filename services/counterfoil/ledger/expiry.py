"""The way to the end of a voucher under a programme's document: notices, offline, brought back on request.

From when on it pays for nothing, time alone says. The timer tells each holder, in the order of their ids, and a bounded
number of them in an entry. What is offline ends at its time, unless its holder asks for it back before.
"""

from __future__ import annotations

from collections.abc import Sequence

from counterfoil.contract.record import Event
from counterfoil.contract.refusals import Code
from counterfoil.core.at import At
from counterfoil.core.decider import Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.ledger.accounts import Posting
from counterfoil.ledger.chart import owner
from counterfoil.ledger.commands import RestoreVoucher
from counterfoil.ledger.expiry_events import ExpiryNotified, VoucherTakenOffline
from counterfoil.ledger.restoring import anew
from counterfoil.ledger.state import LedgerState


def notify(state: LedgerState, cutoff: int, _at: At) -> Sequence[Event]:
    """Timer: the next step of vouchers, for those of their holders that were not told yet."""
    room, events = state.rules.max_items_per_sweep, list[Event]()
    for step_id in state.stepping.reached(cutoff, room):
        _, _, voucher_id = step_id.partition(":")
        for holder_id in state.untold(voucher_id)[: room - len(events)]:
            events.append(_step(state, voucher_id, holder_id))
        if len(events) >= room:
            break
    return events


def _step(state: LedgerState, voucher_id: str, holder_id: str) -> Event:
    voucher, expiry = state.vouchers.open[voucher_id], state.expiries[voucher_id]
    table = state.timetable(voucher)
    amount = state.accounts.find(owner(holder_id), voucher_id).posted
    days = table.steps[expiry.taken].days
    if days is not None:
        return ExpiryNotified(
            voucher_id=voucher_id, programme_id=voucher.programme_id, holder_id=holder_id, amount=amount, days=days,
            expires_at=voucher.expires_at, offline_at=table.offline_at, ends_at=table.ends_at,
        )  # fmt: skip
    return VoucherTakenOffline(
        voucher_id=voucher_id, programme_id=voucher.programme_id, holder_id=holder_id, amount=amount,
        restorable_until=table.restorable_until, ends_at=table.ends_at,
    )  # fmt: skip


def restore_voucher(state: LedgerState, body: RestoreVoucher, actor: Party, at: At) -> Decision:
    """Bring back what a holder has of a voucher that is offline, as a voucher that lasts until the old one ends.

    Of one that is suspended it is suspended, too: the time to ask passes meanwhile.
    """
    voucher = state.held_voucher(body.voucher_id, actor.party_id)
    if voucher is None:
        return refuse(Code.UNKNOWN_VOUCHER, voucher_id=body.voucher_id)
    table = state.timetable(voucher)
    if state.over(voucher, at.time):
        return refuse(Code.VOUCHER_REVOKED if voucher.status == "revoked" else Code.VOUCHER_EXPIRED)
    if at.time < table.offline_at:
        return refuse(Code.VOUCHER_NOT_OFFLINE, voucher_id=body.voucher_id)
    if table.restorable_until is None or at.time >= table.restorable_until:
        return refuse(Code.NOT_RESTORABLE, voucher_id=body.voucher_id)
    available = state.accounts.find(owner(actor.party_id), voucher.voucher_id).available
    if not available:
        return refuse(Code.EXCEEDS_AVAILABLE, available=0)
    return anew(state, Posting(state.accounts), voucher, actor.party_id, available, at.new_id("rvc"), table.ends_at, at)


# evolve -------------------------------------------------------------------------------------------------------------


def step_taken(state: LedgerState, event: ExpiryNotified | VoucherTakenOffline, _at: At) -> None:
    """Apply that a holder was told."""
    state.told(event.voucher_id, event.holder_id)
    state.unfund_later(state.vouchers.open[event.voucher_id])
