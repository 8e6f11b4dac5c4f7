"""Issuance's state: classes, programmes with their totals, and open vouchers.

Conservation per programme, at every index: appropriated + recycled = issued + uncommitted, and uncommitted >= 0. What
was issued to one group of related parties counts towards its cap for ever, even after the vouchers ended.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from counterfoil.contract.limits import (
    MAX_AMOUNT,
)
from counterfoil.contract.terms import ProgrammeTerms
from counterfoil.core.decider import ServiceState
from counterfoil.issuance.events import (
    ProgrammePublished,
)

VoucherStatus = Literal["active", "suspended", "revoked"]


class Programme:
    """A programme: its current version, its listed providers, its totals, and the totals per group."""

    __slots__ = ("appropriated", "current", "group_issued", "issued", "providers", "recycled", "vouchers_issued")

    def __init__(self, current: ProgrammePublished) -> None:
        self.current = current
        self.appropriated = self.recycled = self.issued = self.vouchers_issued = 0
        self.providers: set[str] = set()
        self.group_issued: dict[str, int] = {}

    @property
    def uncommitted(self) -> int:
        """What may still be issued."""
        return self.appropriated + self.recycled - self.issued

    @property
    def terms(self) -> ProgrammeTerms:
        """The terms of the current version."""
        return self.current.terms

    def records(self) -> Iterator[tuple[str, object]]:
        """Canonical records; the terms are stated by their hash."""
        programme_id = self.current.programme_id
        version = [self.current.issuer_id, self.current.version, self.current.terms_hash.hex()]
        totals = [str(self.appropriated), str(self.recycled), str(self.issued), self.vouchers_issued]
        yield f"programme/{programme_id}", [*version, *totals]
        for provider_id in sorted(self.providers):
            yield f"listing/{programme_id}/{provider_id}", True
        for group_id, issued in self.group_issued.items():
            yield f"group/{programme_id}/{group_id}", str(issued)


class Voucher:
    """A voucher until the ledger reports its end."""

    __slots__ = ("beneficiary_id", "expires_at", "programme_id", "status")

    def __init__(self, programme_id: str, beneficiary_id: str, expires_at: int) -> None:
        self.programme_id, self.beneficiary_id, self.expires_at = programme_id, beneficiary_id, expires_at
        self.status: VoucherStatus = "active"


class IssuanceState(ServiceState):
    """Issuance's whole state. `key_ids`, `open_vouchers` (by beneficiary) and `committed` sum up the other members."""

    __slots__ = ("classes", "committed", "key_ids", "open_vouchers", "programmes", "vouchers")

    def __init__(self) -> None:
        super().__init__()
        self.key_ids: set[str] = set()
        self.classes: dict[str, int] = {}
        self.programmes: dict[str, Programme] = {}
        self.vouchers: dict[str, Voucher] = {}
        self.open_vouchers: dict[str, int] = {}
        self.committed: dict[str, int] = {}  # by currency, over all programmes: appropriated + issued

    def room(self, currency: str) -> int:
        """How much more may be appropriated or issued before a counter of the ledger could overflow.

        Everything issued may come back, and claims and settlements add up over the programmes of a currency, so the
        ledger may have to count up to appropriated + issued of all of them.
        """
        return MAX_AMOUNT - self.committed.get(currency, 0)

    def commit(self, currency: str, amount: int) -> None:
        """Count an appropriation or an issue."""
        self.committed[currency] = self.committed.get(currency, 0) + amount

    def records(self) -> Iterator[tuple[str, object]]:
        """Canonical records; a class's record is its last version."""
        yield from self.common_records()
        for class_id, version in self.classes.items():
            yield f"class/{class_id}", version
        for programme in self.programmes.values():
            yield from programme.records()
        for voucher_id, voucher in self.vouchers.items():
            terms = [voucher.programme_id, voucher.beneficiary_id, voucher.expires_at]
            yield f"voucher/{voucher_id}", [*terms, voucher.status]
