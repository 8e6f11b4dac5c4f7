"""How the receiver of a transfer is judged by what issuance says of it: it has the value, or the transfer stands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from counterfoil.contract.record import Event
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.core.at import At
from counterfoil.core.decider import refuse
from counterfoil.core.standing import not_taking_part
from counterfoil.issuance.taking_events import FactsStated
from counterfoil.ledger.accounts import Posting
from counterfoil.ledger.credit import deliver, fail
from counterfoil.ledger.encumbrances import Transfer
from counterfoil.ledger.handovers import stated_facts
from counterfoil.ledger.open_vouchers import Voucher
from counterfoil.ledger.pledges import judge_pledgee
from counterfoil.ledger.state import LedgerState
from counterfoil.ledger.transfer_events import TransferConsented, TransferJudged
from counterfoil.ledger.transfers import not_accepted, not_taken, settle
from counterfoil.programme.rules import Rules


def judge_taker(state: LedgerState, event: FactsStated, at: At) -> Sequence[Event]:
    """Hand the value on, let a pledge stand, or say why not; nothing for what is over, elsewhere, or not asked."""
    if event.transfer_id not in state.encumbrances.consents:
        return []
    pledge = state.encumbrances.pledges.get(event.transfer_id)
    if pledge is not None:
        return judge_pledgee(state, event, pledge, at)
    found = state.encumbrances.transfers.get(event.transfer_id)
    if found is None:
        return []
    voucher = state.vouchers.open[found.voucher_id]
    asked = (found.voucher_id, found.receiver_id, cast("Rules", state.rules_of(voucher)).digest)
    if asked != (event.voucher_id, event.party_id, event.rules_hash):
        return []
    refused = _refused(state, found, voucher, event, at)
    judged = TransferJudged(
        transfer_id=event.transfer_id,
        programme_id=event.programme_id,
        voucher_id=event.voucher_id,
        receiver_id=event.party_id,
        rules_hash=event.rules_hash,
        code=None if refused is None else refused.code.value,
        why=None if refused is None else dict(refused.detail).get("why"),
    )
    if event.transfer_id in state.credit.trades:
        if refused is not None:
            return [judged, *fail(state, Posting(state.accounts), event.transfer_id, at, refused)]
        return [judged, *deliver(state, event.transfer_id, found, voucher, at)]
    return [judged] if refused is not None else [judged, *settle(state, event.transfer_id, found, voucher, at)]


def _refused(state: LedgerState, found: Transfer, voucher: Voucher, event: FactsStated, at: At) -> Refusal | None:
    receiver = state.directory.parties[found.receiver_id]
    if (stopped := not_taking_part(receiver)) is not None:
        return stopped
    rules = cast("Rules", state.rules_of(voucher))
    facts = stated_facts(rules, event, at)
    if facts is None:
        return refuse(Code.TRANSFER_NOT_PERMITTED, why="facts_contradict")
    judged = not_taken if event.transfer_id in state.credit.trades else not_accepted  # its price is held
    return judged(state, found, voucher, at, facts)


# evolve -------------------------------------------------------------------------------------------------------------


def transfer_consented(state: LedgerState, event: TransferConsented, _at: At) -> None:
    """Apply a consent: nothing moves before issuance has answered."""
    state.encumbrances.consents[event.transfer_id] = True


def transfer_judged(state: LedgerState, event: TransferJudged, _at: At) -> None:
    """Apply an answer: no value moves by it, but by the transfer that follows."""
    state.encumbrances.answered(event.transfer_id)
