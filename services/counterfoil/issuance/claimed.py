"""What vouchers under documents were granted for, and what was claimed of them with invoices, in issuance's state.

An invoice that was claimed stays known for ever, since a paper may come back at any time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from counterfoil.contract.applications import CapSet, ContractDays, CounterMoved, FactGiven
from counterfoil.core.form import AMOUNT, COUNT, OCTETS, TEXT, TEXTS, Form, listed, optional, row
from counterfoil.core.table import Records, Table


class Purpose(NamedTuple):
    """What a voucher was granted for: under which version, for whom in each scope, and on which facts.

    `applied`: the local day of the application; None: the voucher was issued without one. `caps`: what its approval
    set.
    """

    version: int
    document_id: str
    rules_hash: bytes
    project: str
    contract_key: str
    award: str
    applied: int | None = None
    contract: ContractDays | None = None
    caps: tuple[CapSet, ...] = ()
    facts: tuple[FactGiven, ...] = ()


class Claimed(NamedTuple):
    """A claim: whose it is, of which voucher, and what of it counts; `left`: what was not taken back of it since.

    `starts` and `ends`: the first and the last day of the use.
    """

    programme_id: str
    voucher_id: str
    holder_id: str
    claimant_id: str
    invoice: bytes
    on: int
    starts: int
    ends: int
    left: int
    counts: tuple[CounterMoved, ...]


_CONTRACT: Final = row(ContractDays, sha256=OCTETS, signed=COUNT, starts=COUNT, ends=COUNT)
_FACT: Final = row(FactGiven, line=optional(TEXT), name=TEXT, values=TEXTS, attested_by=TEXT, on=COUNT)
COUNTS: Final = listed(row(CounterMoved, cap=TEXT, subject=TEXT, event=TEXT, before=AMOUNT, after=AMOUNT))
PURPOSE: Final = Form(
    "purpose",
    ("voucher_id",),
    row(
        Purpose, version=COUNT, document_id=TEXT, rules_hash=OCTETS,
        project=TEXT, contract_key=TEXT, award=TEXT, applied=optional(COUNT),
        contract=optional(_CONTRACT), caps=listed(row(CapSet, cap=TEXT, amount=AMOUNT)), facts=listed(_FACT),
    ),
    "what a voucher under a document was granted for, until nothing of it is left",
)  # fmt: skip
CLAIMED: Final = Form(
    "claimed",
    ("claim_id",),
    row(
        Claimed, programme_id=TEXT, voucher_id=TEXT, holder_id=TEXT, claimant_id=TEXT, invoice=OCTETS, on=COUNT,
        starts=COUNT, ends=COUNT, left=AMOUNT, counts=COUNTS,
    ),
    "what was claimed with an invoice, less what was taken back of it, and what that counts towards limits",
)  # fmt: skip
INVOICE: Final = Form(
    "invoice", ("invoice_key",), TEXT, "the claim on an invoice; the key is SHA-256 of its issuer's tax id and number"
)


class Claims:
    """The purposes of vouchers, and the claims on them."""

    __slots__ = ("by_voucher", "claimed", "invoices", "purposes")

    def __init__(self) -> None:
        self.purposes: Table[str, Purpose] = Table(PURPOSE)
        self.claimed: Table[str, Claimed] = Table(CLAIMED)
        self.invoices: Table[str, str] = Table(INVOICE)  # by the key, hexadecimal
        self.by_voucher: dict[str, dict[str, None]] = {}

    def tables(self) -> tuple[Records, ...]:
        """What is state."""
        return self.purposes, self.claimed, self.invoices

    def rebuild(self) -> None:
        """Derive what is not in the tables."""
        self.by_voucher = {}
        for claim_id, each in self.claimed.items():
            self.by_voucher.setdefault(each.voucher_id, {})[claim_id] = None

    def of(self, voucher_id: str) -> Iterator[Claimed]:
        """The claims on a voucher."""
        return (self.claimed[claim_id] for claim_id in self.by_voucher.get(voucher_id, ()))

    def same_purpose(self, former: str, voucher_id: str) -> None:
        """A voucher made of another is for what that was for."""
        if former in self.purposes:
            self.purposes[voucher_id] = self.purposes[former]

    def forget(self, voucher_id: str) -> None:
        """Forget what a voucher was for."""
        if voucher_id in self.purposes:
            del self.purposes[voucher_id]

    def add(self, claim_id: str, each: Claimed) -> None:
        """Know one more claim, and its invoice."""
        self.claimed[claim_id] = each
        self.invoices[each.invoice.hex()] = claim_id
        self.by_voucher.setdefault(each.voucher_id, {})[claim_id] = None

    def drop(self, claim_id: str) -> Claimed:
        """Forget a claim of which nothing came, and its invoice with it."""
        each = self.claimed.pop(claim_id)
        del self.invoices[each.invoice.hex()]
        del self.by_voucher[each.voucher_id][claim_id]
        return each
