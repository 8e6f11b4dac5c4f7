"""The ledger's whole state."""

from __future__ import annotations

from collections.abc import Iterator

from counterfoil.contract.limits import RESOLUTION_WINDOW
from counterfoil.contract.times import SECOND
from counterfoil.core.decider import At, ServiceState
from counterfoil.issuance.events import (
    ProgrammePublished,
)
from counterfoil.ledger.accounts import Accounts
from counterfoil.ledger.events import (
    AppropriationPosted,
    CashDeposited,
    CashWithdrawn,
    ClaimSettled,
)
from counterfoil.ledger.holds import Holds
from counterfoil.ledger.lots import Terms, Vouchers


class LedgerState(ServiceState):
    """The ledger's whole state."""

    __slots__ = ("accounts", "currencies", "holds", "terms", "vouchers")

    def __init__(self) -> None:
        super().__init__()
        self.accounts = Accounts()
        self.vouchers = Vouchers()
        self.holds = Holds()
        self.terms: dict[tuple[str, int], Terms] = {}
        self.currencies: dict[str, str] = {}


def records(state: LedgerState) -> Iterator[tuple[str, object]]:
    """Canonical records."""
    yield from state.common_records()
    for (programme_id, version), terms in state.terms.items():
        share = [terms.share.num, terms.share.den]
        rules = [terms.currency, share, terms.recycle, terms.tolls, terms.settle_within]
        yield f"programme/{programme_id}/{version}", rules
    yield from state.accounts.records()
    yield from state.vouchers.records()
    yield from state.holds.records()


def post(
    state: LedgerState, event: AppropriationPosted | CashDeposited | CashWithdrawn | ClaimSettled, _at: At
) -> None:
    """Apply an event that only posts."""
    state.accounts.apply(event.legs)


def programme_published(state: LedgerState, event: ProgrammePublished, _at: At) -> None:
    """Apply a programme version."""
    settle_within = event.report_within_seconds + event.dispute_window_seconds + RESOLUTION_WINDOW // SECOND
    recycle = event.recycle == "appropriation"
    terms = Terms(event.version, event.currency, event.share, recycle, event.hold_tolls_expiry, settle_within)
    state.terms[event.programme_id, event.version] = terms
    state.currencies[event.programme_id] = event.currency
