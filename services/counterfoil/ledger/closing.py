"""How a programme is closed: when nothing of it is open, what is not committed is returned, and its books are final.

The issuer asks the ledger, which knows what is issued, held and owed, and hears from issuance that no voucher follows.
The ledger asks redemption, which knows orders to give back that are contested, and what it has decided just now. From
then on both are shut to the programme, so that nothing comes in between.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha256

from counterfoil.contract.canonical import canonical
from counterfoil.contract.closing import OpenKind, StillOpen
from counterfoil.contract.ensure import ensure
from counterfoil.contract.events import ProgrammePublished
from counterfoil.contract.forms import dump
from counterfoil.contract.record import Event
from counterfoil.contract.refusals import Code
from counterfoil.core.at import At
from counterfoil.core.decider import Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.issuance.run_off_events import ProgrammeDecided, RunOffBegun
from counterfoil.ledger.accounts import Position, Posting
from counterfoil.ledger.budgets import claim_legs
from counterfoil.ledger.chart import (
    APPROPRIATION,
    DISBURSED,
    FUNDING,
    LAPSED,
    OBLIGATED,
    RECOVERABLE,
    RECOVERED,
    RETURNED,
    WRITTEN_OFF,
    budget,
    claim,
    claims,
    claims_payable,
    clawed_back,
    denied,
)
from counterfoil.ledger.closing_events import (
    Books,
    ProgrammeClosed,
    ProgrammeClosing,
    ProgrammeStaysOpen,
    RestLapsed,
    UnclaimedReleased,
)
from counterfoil.ledger.commands import CloseProgramme
from counterfoil.ledger.events import Leg
from counterfoil.ledger.state import LedgerState
from counterfoil.redemption.closing_events import (
    LastDaySet,
    ProgrammeSettled,
    ProgrammeUnsettled,
    RestGivenUp,
    UnclaimedLapsed,
)


def close_programme(state: LedgerState, body: CloseProgramme, actor: Party, _at: At) -> Decision:
    """Begin to close one of the actor's programmes, if nothing of it is open here."""
    programme_id = body.programme_id
    if programme_id not in state.programmes:
        return refuse(Code.UNKNOWN_PROGRAMME, programme_id=programme_id)
    if state.issuer(programme_id) != actor.party_id:
        return refuse(Code.NOT_YOURS, programme_id=programme_id)
    if programme_id not in state.phases:
        return refuse(Code.PROGRAMME_NOT_IN_RUN_OFF, programme_id=programme_id)
    if (shut := state.phases.shut(programme_id)) is not None:
        return shut
    still = {each.kind: each.number or each.amount for each in still_open(state, programme_id)}
    if still:
        return refuse(Code.PROGRAMME_STILL_OPEN, **still)
    return [ProgrammeClosing(programme_id=programme_id, reason=body.reason)]


def still_open(state: LedgerState, programme_id: str) -> Iterator[StillOpen]:
    """What of a programme is open here; a few balances and counters, however much there is of it."""
    obligated, unsettled = state.accounts.find(OBLIGATED, budget(programme_id)).posted, _unsettled(state, programme_id)
    undecided = state.phases.get(programme_id) == "run_off"
    each: dict[OpenKind, tuple[int, int]] = {
        "applications": (int(undecided), 0),
        "vouchers": (0, obligated - unsettled),
        "bids": (state.holds.open.number(programme_id), 0),
        "contracts": (state.contracts.number(programme_id), 0),
        "claims": (0, unsettled),
        "receivables": (0, _owed(state, programme_id)),
    }
    for kind, (number, amount) in each.items():
        if number or amount:
            yield StillOpen(kind=kind, number=number, amount=amount)


def _owed(state: LedgerState, programme_id: str) -> int:
    return -state.accounts.find(RECOVERABLE, budget(programme_id)).posted


def _unsettled(state: LedgerState, programme_id: str) -> int:
    """What was claimed or captured and is neither paid nor denied, what providers owe included."""
    asset = budget(programme_id)
    gone = -state.accounts.find(RECOVERED, asset).posted - state.accounts.find(WRITTEN_OFF, asset).posted
    claimed = -_of_claims(state, programme_id, claims_payable(programme_id))
    ended = sum(_of_claims(state, programme_id, each(programme_id)) for each in (denied, clawed_back))
    return claimed + _owed(state, programme_id) + gone - ended - state.accounts.find(DISBURSED, asset).posted


def _of_claims(state: LedgerState, programme_id: str, account: str) -> int:
    """What an account of the programme has of claims on it; by rules 1 to 3 some were in the currency."""
    assets = (claim(programme_id), state.currency(programme_id))
    return sum(state.accounts.find(account, asset).posted for asset in assets)


def take_over_phase(state: LedgerState, event: RunOffBegun | ProgrammeDecided, _at: At) -> Sequence[Event]:
    """Mirror how near its end a programme is."""
    return [event] if event.programme_id in state.programmes else []


def close_books(state: LedgerState, event: ProgrammeSettled, _at: At) -> Sequence[Event]:
    """Close the programme, unless it was reopened by something that redemption had decided before."""
    programme_id = event.programme_id
    if state.phases.get(programme_id) != "closing":  # another ledger's
        return []
    still = tuple(still_open(state, programme_id))
    if still:
        return [ProgrammeStaysOpen(programme_id=programme_id, open=still)]
    posting, asset = Posting(state.accounts), budget(programme_id)
    posting.leg("post", asset, APPROPRIATION, RETURNED, state.accounts.find(APPROPRIATION, asset).posted)
    books = _books(state, posting, programme_id)
    last = state.programmes[programme_id][max(state.programmes[programme_id])]
    return [
        ProgrammeClosed(
            programme_id=programme_id,
            version=last.version,
            rules_hash=last.rules_hash if isinstance(last, ProgrammePublished) else last.terms_hash,
            currency=state.currency(programme_id),
            books=books,
            books_hash=sha256(canonical(dump(books))).digest(),
            legs=posting.take(),
        )
    ]


def _books(state: LedgerState, posting: Posting, programme_id: str) -> Books:
    """The final balances, as they are after the legs drafted."""

    def of(account: str) -> Position:
        return posting.draft(account, budget(programme_id))

    funding = of(FUNDING)
    books = Books(
        appropriated=funding.debits_posted,
        reduced=funding.credits_posted,
        disbursed=of(DISBURSED).posted,
        lapsed=of(LAPSED).posted,
        recovered=-of(RECOVERED).posted,
        written_off=-of(WRITTEN_OFF).posted,
        returned=of(RETURNED).posted,
        claimed=-_of_claims(state, programme_id, claims_payable(programme_id)),
        denied=_of_claims(state, programme_id, denied(programme_id)),
        clawed_back=_of_claims(state, programme_id, clawed_back(programme_id)),
    )
    ensure(reconciled(books), f"the books of {programme_id} do not add up")
    return books


def reconciled(books: Books) -> bool:
    """Whether what came in is what went out, of the budget and of the claims on it."""
    back = books.recovered + books.written_off
    of_budget = books.appropriated - books.reduced + back == books.disbursed + books.lapsed + books.returned
    return of_budget and books.claimed + back == books.disbursed + books.denied + books.clawed_back


def stay_open(state: LedgerState, event: ProgrammeUnsettled, _at: At) -> Sequence[Event]:
    """Let the run-off go on: redemption names what is open there."""
    if state.phases.get(event.programme_id) != "closing":
        return []
    return [ProgrammeStaysOpen(programme_id=event.programme_id, open=event.open)]


def lapse_rest(state: LedgerState, event: RestGivenUp, _at: At) -> Sequence[Event]:
    """Book what was too little to be paid; nothing for a programme of another ledger."""
    if event.programme_id not in state.programmes:
        return []
    return [
        RestLapsed(
            settlement_id=event.settlement_id,
            programme_id=event.programme_id,
            provider_id=event.provider_id,
            amount=event.amount,
            legs=_lapse(state, event),
        )
    ]


def _lapse(state: LedgerState, event: RestGivenUp | UnclaimedLapsed) -> tuple[Leg, ...]:
    posting = Posting(state.accounts)
    account, to = claims(event.provider_id), denied(event.programme_id)
    claim_legs(posting, event.programme_id, event.currency, account, to, event.amount)
    posting.leg("post", budget(event.programme_id), OBLIGATED, LAPSED, event.amount)
    return posting.take()


def show_last_day(state: LedgerState, event: LastDaySet, _at: At) -> Sequence[Event]:
    """Mirror until when is claimed, beside what bars the closing."""
    return [event] if event.programme_id in state.programmes else []


def release_unclaimed(state: LedgerState, event: UnclaimedLapsed, _at: At) -> Sequence[Event]:
    """Book what nobody claimed by the last day; nothing for a programme of another ledger."""
    if event.programme_id not in state.programmes or not event.amount:
        return []
    return [
        UnclaimedReleased(
            programme_id=event.programme_id,
            provider_id=event.provider_id,
            amount=event.amount,
            legs=_lapse(state, event),
        )
    ]


# evolve -------------------------------------------------------------------------------------------------------------


def run_off_begun(state: LedgerState, event: RunOffBegun, _at: At) -> None:
    """Apply the beginning of a run-off."""
    state.phases[event.programme_id] = "run_off"
    state.credit.leave_programme(event.programme_id)
    for voucher_id in state.no_end.get(event.programme_id, ()):
        state.end_later(state.vouchers.open[voucher_id])


def programme_decided(state: LedgerState, event: ProgrammeDecided, _at: At) -> None:
    """Apply that no voucher follows."""
    state.phases[event.programme_id] = "decided"


def last_day_set(_state: LedgerState, _event: LastDaySet, _at: At) -> None:
    """Redemption keeps the day."""


def programme_closing(state: LedgerState, event: ProgrammeClosing, _at: At) -> None:
    """Apply that redemption is asked."""
    state.phases[event.programme_id] = "closing"


def programme_stays_open(state: LedgerState, event: ProgrammeStaysOpen, _at: At) -> None:
    """Apply that the run-off goes on."""
    state.phases[event.programme_id] = "decided"


def programme_closed(state: LedgerState, event: ProgrammeClosed, _at: At) -> None:
    """Apply the end."""
    state.book(event.legs)
    state.phases[event.programme_id] = "closed"
