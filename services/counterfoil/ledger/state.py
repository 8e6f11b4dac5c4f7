"""The ledger's state: positions, vouchers, holds, contracts and the terms of programmes.

Conservation per voucher, at every index: face = owners' posted balances (of which what is pending is held) + redeemed +
expired + cancelled.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from counterfoil.contract.terms import ProgrammeTerms
from counterfoil.core.deadlines import Deadlines
from counterfoil.core.decider import At, ServiceState
from counterfoil.issuance.events import ProgrammePublished
from counterfoil.ledger.accounts import Accounts
from counterfoil.ledger.chart import owner, owner_of
from counterfoil.ledger.events import AppropriationPosted, CashDeposited, CashWithdrawn, ClaimSettled, Leg
from counterfoil.ledger.holds import Holds
from counterfoil.ledger.open_vouchers import Vouchers


class Contract(NamedTuple):
    """A trade under delivery: whose it is, what was invoiced so far, and how much of that was subsidy."""

    beneficiary_id: str
    provider_id: str
    programme_id: str
    version: int
    invoiced: int = 0
    subsidised: int = 0

    def record(self) -> list[object]:
        """Canonical record; what was captured of cash is `invoiced` less `subsidised`."""
        whose = [self.beneficiary_id, self.provider_id, self.programme_id, self.version]
        return [*whose, str(self.invoiced), str(self.subsidised)]


class EndedContract(NamedTuple):
    """A contract as it was when it ended: nothing more is captured for it, but corrections may refer to it."""

    contract: Contract
    ended_at: int


class LedgerState(ServiceState):
    """The ledger's whole state. `programmes`: every version of each programme, by number.

    `expiring` and `cancelling`: vouchers with unheld value that is still to end, by when it may.
    """

    __slots__ = ("accounts", "cancelling", "contracts", "ended", "expiring", "holds", "programmes", "vouchers")

    def __init__(self) -> None:
        super().__init__()
        self.accounts = Accounts()
        self.vouchers = Vouchers()
        self.holds = Holds()
        self.contracts: dict[str, Contract] = {}
        self.ended: dict[str, EndedContract] = {}
        self.programmes: dict[str, dict[int, ProgrammePublished]] = {}
        self.expiring = Deadlines(self.expires)
        self.cancelling = Deadlines(self.cancels)

    def terms(self, programme_id: str, version: int) -> ProgrammeTerms:
        """The terms of a programme version."""
        return self.programmes[programme_id][version].terms

    def currency(self, programme_id: str) -> str:
        """The currency of a programme, the same in all its versions."""
        return next(iter(self.programmes[programme_id].values())).terms.currency

    # ownership ------------------------------------------------------------------------------------------------------

    def book(self, legs: tuple[Leg, ...]) -> None:
        """Book an event's legs; the owners of a voucher follow from its positions."""
        self.accounts.apply(legs)
        for leg in legs:
            voucher = self.vouchers.open.get(leg.asset)
            if voucher is None or leg.effect in ("hold", "release"):
                continue
            for account in (leg.debit, leg.credit):
                party_id = owner_of(account)
                if party_id is not None:
                    self.vouchers.set_owner(voucher, party_id, self.accounts.find(account, leg.asset).posted > 0)

    def owners(self, voucher_id: str) -> list[str]:
        """The owners of a voucher, sorted."""
        positions = self.accounts.assets.get(voucher_id, {})
        owning = (owner_of(account) for account, position in positions.items() if position.posted > 0)
        return sorted(party_id for party_id in owning if party_id is not None)

    def unheld(self, voucher_id: str) -> list[str]:
        """The owners of a voucher with value that is not held, sorted."""
        owners = self.owners(voucher_id)
        return [each for each in owners if self.accounts.find(owner(each), voucher_id).available > 0]

    def expires(self, voucher_id: str) -> bool:
        """Whether the voucher, once its time is over, is still to end, or to end for more of its owners."""
        voucher = self.vouchers.open.get(voucher_id)
        return voucher is not None and (
            not voucher.dead or (voucher.status == "expired" and bool(self.unheld(voucher_id)))
        )

    def cancels(self, voucher_id: str) -> bool:
        """Whether the voucher was revoked and is still to end for more of its owners."""
        voucher = self.vouchers.open.get(voucher_id)
        return voucher is not None and voucher.status == "revoked" and bool(self.unheld(voucher_id))

    def next_due(self) -> tuple[int, str] | None:
        """The earliest (time, timer kind)."""
        times = ((self.expiring.next(), "voucher_expiry"), (self.cancelling.next(), "voucher_cancellation"))
        return min(((time, kind) for time, kind in times if time is not None), default=None)

    def records(self) -> Iterator[tuple[str, object]]:
        """Canonical records; terms are stated by their hash."""
        yield from self.common_records()
        for programme_id, versions in self.programmes.items():
            for version, event in versions.items():
                yield f"programme/{programme_id}/{version}", event.terms_hash.hex()
        yield from self.accounts.records()
        yield from self.vouchers.records()
        yield from self.holds.records()
        yield from ((f"contract/{contract_id}", each.record()) for contract_id, each in self.contracts.items())
        for contract_id, ended in self.ended.items():
            yield f"ended/{contract_id}", [*ended.contract.record(), ended.ended_at]


def posted(
    state: LedgerState, event: AppropriationPosted | CashDeposited | CashWithdrawn | ClaimSettled, _at: At
) -> None:
    """Apply an event that only posts."""
    state.book(event.legs)


def programme_published(state: LedgerState, event: ProgrammePublished, _at: At) -> None:
    """Apply a programme version."""
    state.programmes.setdefault(event.programme_id, {})[event.version] = event
