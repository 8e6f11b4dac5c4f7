"""Issuance's state: classes, programmes with their totals, and open vouchers.

Conservation per programme, at every index: appropriated + recycled = issued + uncommitted, and uncommitted >= 0. What
was issued to one group of related parties counts towards its cap for ever, even after the vouchers ended.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from counterfoil.contract.limits import (
    MAX_AMOUNT,
)
from counterfoil.contract.terms import ProgrammeTerms
from counterfoil.core.decider import ServiceState
from counterfoil.core.form import AMOUNT, COUNT, TEXT, TIME, Form, event, one_of, row
from counterfoil.core.programmes import LISTING
from counterfoil.core.table import Table
from counterfoil.issuance.events import (
    ProgrammePublished,
)

VoucherStatus = Literal["active", "suspended", "revoked"]


@dataclass(slots=True)
class Programme:
    """A programme: its current version and its totals."""

    current: ProgrammePublished
    appropriated: int = 0
    recycled: int = 0
    issued: int = 0
    vouchers_issued: int = 0

    @property
    def uncommitted(self) -> int:
        """What may still be issued."""
        return self.appropriated + self.recycled - self.issued

    @property
    def terms(self) -> ProgrammeTerms:
        """The terms of the current version."""
        return self.current.terms


@dataclass(slots=True)
class Voucher:
    """A voucher until the ledger reports its end."""

    programme_id: str
    beneficiary_id: str
    expires_at: int
    status: VoucherStatus = "active"


CLASS: Final = Form("class", ("class_id",), COUNT, "the last version of a class")
PROGRAMME: Final = Form(
    "programme",
    ("programme_id",),
    row(
        Programme, current=event(ProgrammePublished), appropriated=AMOUNT, recycled=AMOUNT, issued=AMOUNT,
        vouchers_issued=COUNT,
    ),
    "the current version of a programme, and its totals",
)  # fmt: skip
GROUP: Final = Form("group", ("programme_id", "group_id"), AMOUNT, "what a group of parties was ever issued")
VOUCHER: Final = Form(
    "voucher",
    ("voucher_id",),
    row(
        Voucher, programme_id=TEXT, beneficiary_id=TEXT, expires_at=TIME,
        status=one_of("active", "suspended", "revoked"),
    ),
    "a voucher that has not ended",
)  # fmt: skip


class IssuanceState(ServiceState):
    """Issuance's whole state. `key_ids`, `open_vouchers` (by beneficiary) and `committed` follow from the tables."""

    __slots__ = (
        "classes", "committed", "group_issued", "key_ids", "listings", "open_vouchers", "programmes", "vouchers",
    )  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self.classes: Table[str, int] = self.keep(Table(CLASS))
        self.programmes: Table[str, Programme] = self.keep(Table(PROGRAMME))
        self.listings: Table[tuple[str, str], bool] = self.keep(Table(LISTING))  # by programme and provider
        self.group_issued: Table[tuple[str, str], int] = self.keep(Table(GROUP))  # by programme and group
        self.vouchers: Table[str, Voucher] = self.keep(Table(VOUCHER))
        self.key_ids: set[str] = set()
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
        if amount:
            self.committed[currency] = self.committed.get(currency, 0) + amount

    def rebuild(self) -> None:
        """Derive what is not in the tables."""
        super().rebuild()
        self.key_ids = {key_id for party in self.directory.parties.values() for key_id in party.keys}
        self.open_vouchers, self.committed = {}, {}
        for voucher in self.vouchers.values():
            self.open_vouchers[voucher.beneficiary_id] = self.open_vouchers.get(voucher.beneficiary_id, 0) + 1
        for programme in self.programmes.values():
            self.commit(programme.terms.currency, programme.appropriated + programme.issued)
