"""The ledger's whole state."""

from __future__ import annotations

from collections.abc import Iterator

from counterfoil.contract.terms import ProgrammeTerms
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
from counterfoil.ledger.lots import Vouchers


class LedgerState(ServiceState):
    """The ledger's whole state. `programmes`: every version of each programme, by number."""

    __slots__ = ("accounts", "holds", "programmes", "vouchers")

    def __init__(self) -> None:
        super().__init__()
        self.accounts = Accounts()
        self.vouchers = Vouchers()
        self.holds = Holds()
        self.programmes: dict[str, dict[int, ProgrammePublished]] = {}

    def terms(self, programme_id: str, version: int) -> ProgrammeTerms:
        """The terms of a programme version."""
        return self.programmes[programme_id][version].terms

    def currency(self, programme_id: str) -> str:
        """The currency of a programme, the same in all its versions."""
        return next(iter(self.programmes[programme_id].values())).terms.currency

    def records(self) -> Iterator[tuple[str, object]]:
        """Canonical records; terms are stated by their hash."""
        yield from self.common_records()
        for programme_id, versions in self.programmes.items():
            for version, event in versions.items():
                yield f"programme/{programme_id}/{version}", event.terms_hash.hex()
        yield from self.accounts.records()
        yield from self.vouchers.records()
        yield from self.holds.records()


def post(
    state: LedgerState, event: AppropriationPosted | CashDeposited | CashWithdrawn | ClaimSettled, _at: At
) -> None:
    """Apply an event that only posts."""
    state.accounts.apply(event.legs)


def programme_published(state: LedgerState, event: ProgrammePublished, _at: At) -> None:
    """Apply a programme version."""
    state.programmes.setdefault(event.programme_id, {})[event.version] = event
