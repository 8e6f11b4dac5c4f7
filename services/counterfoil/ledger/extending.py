"""How an issuer lets a voucher last longer, within what the document allows: so many times, so many days, on grounds.

That is apart from grace, which captures what was held in time, and from what is brought back after the end: only a
voucher that can still be spent is extended. Its notices are told once more, before the new end.
"""

from __future__ import annotations

from counterfoil.contract.refusals import Code, Refusal
from counterfoil.contract.times import DAY
from counterfoil.core.at import At
from counterfoil.core.decider import Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.ledger.extension_commands import ExtendVoucher
from counterfoil.ledger.extension_events import VoucherExtended
from counterfoil.ledger.open_vouchers import Voucher
from counterfoil.ledger.state import LedgerState
from counterfoil.programme.expiry import NEVER
from counterfoil.programme.rules import Rules


def extend_voucher(state: LedgerState, body: ExtendVoucher, actor: Party, at: At) -> Decision:
    """Move the end of a voucher, in whosever hands it is."""
    voucher = state.vouchers.open.get(body.voucher_id)
    if voucher is None or state.issuer(voucher.programme_id) != actor.party_id:
        return refuse(Code.UNKNOWN_VOUCHER, voucher_id=body.voucher_id)
    rules = state.rules_of(voucher)
    if rules is None:
        return refuse(Code.EXTENSION_NOT_PERMITTED, why="no_document")
    refused = _over(state, voucher, at) or _not_allowed(state, rules, voucher, body)
    if refused is not None:
        return refused
    holders = state.owners(body.voucher_id)
    if len(holders) > state.rules.max_holders_extended:
        return refuse(Code.OVER_LIMIT, field="voucher_id", limit=state.rules.max_holders_extended)
    return [
        VoucherExtended(
            voucher_id=body.voucher_id,
            programme_id=voucher.programme_id,
            number=state.extended.get(body.voucher_id, 0) + 1,
            days=body.days,
            ground=body.ground,
            reason=body.reason,
            extended_by=actor.party_id,
            expired_at=voucher.expires_at,
            expires_at=voucher.expires_at + body.days * DAY,
            holders=tuple(holders),
        )
    ]


def _over(state: LedgerState, voucher: Voucher, at: At) -> Refusal | None:
    """Whether a voucher cannot be spent any more; of one that is suspended the time passes meanwhile."""
    code: Code | None = None
    if voucher.status == "revoked":
        code = Code.VOUCHER_REVOKED
    elif voucher.expired or at.time >= voucher.expires_at:
        code = Code.VOUCHER_EXPIRED
    elif at.time >= state.timetable(voucher).offline_at:
        code = Code.VOUCHER_OFFLINE
    return None if code is None else refuse(code, voucher_id=voucher.voucher_id)


def _not_allowed(state: LedgerState, rules: Rules, voucher: Voucher, body: ExtendVoucher) -> Refusal | None:
    """What the document says against it."""
    expiry = rules.document.expiry
    if expiry.extension_days is None:
        return refuse(Code.EXTENSION_NOT_PERMITTED, why="not_in_rules")
    if voucher.expires_at >= NEVER:
        return refuse(Code.EXTENSION_NOT_PERMITTED, why="no_end")
    if not 0 < body.days <= expiry.extension_days or voucher.expires_at + body.days * DAY > NEVER:
        return refuse(Code.EXTENSION_NOT_PERMITTED, why="days", most=expiry.extension_days)
    if state.extended.get(voucher.voucher_id, 0) >= (expiry.extensions or 1):
        return refuse(Code.EXTENSION_NOT_PERMITTED, why="number", most=expiry.extensions or 1)
    if body.ground not in (expiry.extension_grounds or (None,)):
        return refuse(Code.GROUND_NOT_IN_RULES, ground=body.ground or "none")
    return None


# evolve -------------------------------------------------------------------------------------------------------------


def voucher_extended(state: LedgerState, event: VoucherExtended, at: At) -> None:
    """Apply a later end."""
    state.extended[event.voucher_id] = event.number
    state.move_end(state.vouchers.open[event.voucher_id], event.expires_at, at.time)
