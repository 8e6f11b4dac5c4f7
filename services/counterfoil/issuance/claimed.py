"""What vouchers under documents were granted for, and what was claimed of them with invoices, in issuance's state.

An invoice that was claimed stays known for ever, since a paper may come back at any time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple, TypeVar

from counterfoil.contract.applications import CapSet, ContractDays, CounterMoved, FactGiven
from counterfoil.core.form import AMOUNT, COUNT, OCTETS, TEXT, TEXTS, Form, event, listed, optional, row
from counterfoil.core.table import Records, Table
from counterfoil.issuance.invoice_events import CreditNoteRecorded, UseClaimed

K = TypeVar("K", str, tuple[str, str], tuple[str, str, str])
Item = TypeVar("Item", str, tuple[str, str, str])


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


class Permit(NamedTuple):
    """The holder of a voucher lets a provider claim so much of it."""

    holder_id: str
    amount: int


class Claimed(NamedTuple):
    """A claim: whose it is, of which voucher, and what of it counts; `left`: what was not taken back of it since.

    `starts` and `ends`: the first and the last day of the use, had of `providers`.
    """

    programme_id: str
    voucher_id: str
    holder_id: str
    claimant_id: str
    invoice: bytes
    on: int
    starts: int
    ends: int
    providers: tuple[str, ...]
    left: int
    counts: tuple[CounterMoved, ...]


class Credit(NamedTuple):
    """What an invoice that was claimed is for, and how much of it is not taken back by credit notes; micro-units."""

    invoiced: int
    left: int


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
        starts=COUNT, ends=COUNT, providers=TEXTS, left=AMOUNT, counts=COUNTS,
    ),
    "what was claimed with an invoice, less what was taken back of it, and what that counts towards limits",
)  # fmt: skip
PERMIT: Final = Form(
    "permit",
    ("voucher_id", "provider_id"),
    row(Permit, holder_id=TEXT, amount=AMOUNT),
    "how much of a voucher its holder lets a provider claim, above 0",
)
INVOICE: Final = Form(
    "invoice", ("invoice_key",), TEXT, "the claim on an invoice; the key is SHA-256 of its issuer's tax id and number"
)
CREDIT: Final = Form(
    "credit", ("claim_id",), row(Credit, invoiced=AMOUNT, left=AMOUNT), "what the invoice of a claim is for"
)
CREDIT_NOTE: Final = Form(
    "credit_note", ("note_key",), TEXT, "the claim whose invoice a credit note is on; the key is made as an invoice's"
)
LEFT: Final = Form("invoice_left", ("invoice_key",), AMOUNT, "what credit notes left of an invoice whose claim is over")
WAITING: Final = Form("use_claim", ("application_id",), event(UseClaimed), "a claim after use that is not decided")


class Claims:
    """The purposes of vouchers, and the claims on them."""

    __slots__ = (
        "by_holder",
        "by_voucher",
        "claimed",
        "credits",
        "invoices",
        "left_of_invoices",
        "notes",
        "permits",
        "permitted",
        "purposes",
        "undecided",
        "waiting",
    )

    def __init__(self) -> None:
        self.purposes: Table[str, Purpose] = Table(PURPOSE)
        self.claimed: Table[str, Claimed] = Table(CLAIMED)
        self.invoices: Table[str, str] = Table(INVOICE)  # by the key, hexadecimal
        self.permits: Table[tuple[str, str], Permit] = Table(PERMIT)
        self.waiting: Table[str, UseClaimed] = Table(WAITING)
        self.credits: Table[str, Credit] = Table(CREDIT)
        self.notes: Table[str, str] = Table(CREDIT_NOTE)  # by the key, hexadecimal
        self.left_of_invoices: Table[str, int] = Table(LEFT)  # by the invoice's key, hexadecimal
        self.by_voucher: dict[str, dict[str, None]] = {}
        self.by_holder: dict[tuple[str, str], dict[str, None]] = {}  # and programme
        self.permitted: dict[str, dict[str, None]] = {}  # providers, by voucher
        self.undecided: dict[str, dict[str, None]] = {}  # applications, by the key of their invoice, hexadecimal

    def tables(self) -> tuple[Records, ...]:
        """What is state."""
        return (
            self.purposes, self.claimed, self.invoices, self.permits, self.waiting, self.credits, self.notes,
            self.left_of_invoices,
        )  # fmt: skip

    def rebuild(self) -> None:
        """Derive what is not in the tables."""
        self.by_voucher, self.by_holder, self.permitted, self.undecided = {}, {}, {}, {}
        for application_id, claim in self.waiting.items():
            self.undecided.setdefault(claim.invoice_key.hex(), {})[application_id] = None
        for claim_id, each in self.claimed.items():
            self._index(claim_id, each)
        for voucher_id, provider_id in self.permits:
            self.permitted.setdefault(voucher_id, {})[provider_id] = None

    def _index(self, claim_id: str, each: Claimed) -> None:
        self.by_voucher.setdefault(each.voucher_id, {})[claim_id] = None
        self.by_holder.setdefault((each.programme_id, each.holder_id), {})[claim_id] = None

    def of(self, voucher_id: str) -> Iterator[Claimed]:
        """The claims on a voucher."""
        return (self.claimed[claim_id] for claim_id in self.by_voucher.get(voucher_id, ()))

    def of_holder(self, programme_id: str, holder_id: str) -> Iterator[Claimed]:
        """The claims of a programme for use that a holder had."""
        return (self.claimed[claim_id] for claim_id in self.by_holder.get((programme_id, holder_id), ()))

    def permit(self, voucher_id: str, provider_id: str, permit: Permit) -> None:
        """Let a provider claim so much."""
        key = (voucher_id, provider_id)
        if permit.amount:
            self.permits[key] = permit
            self.permitted.setdefault(voucher_id, {})[provider_id] = None
        elif key in self.permits:
            del self.permits[key]
            without(self.permitted, voucher_id, provider_id)

    def wait(self, claim: UseClaimed, *, takes: bool) -> None:
        """Know a claim that is to be decided, in the place of what it corrects. `takes`: its invoice is used."""
        self.decided(claim.application_id)
        self.waiting[claim.application_id] = claim
        key = claim.invoice_key.hex()
        self.undecided.setdefault(key, {})[claim.application_id] = None
        if takes:
            self.invoices[key] = claim.application_id

    def decided(self, application_id: str) -> None:
        """Forget a claim that does not wait any more; an invoice that it took is free. Nothing for an application."""
        if application_id not in self.waiting:
            return
        key = self.waiting.pop(application_id).invoice_key.hex()
        del self.undecided[key][application_id]
        if not self.undecided[key]:
            del self.undecided[key]
        if self.invoices.get(key) == application_id:
            del self.invoices[key]

    def is_taken(self, key: str, beneficiary_id: str, but: str | None = None) -> bool:
        """Whether an invoice is used, or claimed by the same beneficiary and not decided, by another claim than one."""
        if self.invoices.get(key, but) != but:
            return True
        undecided = self.undecided.get(key, ())
        return any(each != but and self.waiting[each].beneficiary_id == beneficiary_id for each in undecided)

    def is_noted(self, key: str) -> bool:
        """Whether a credit note is known. By rules 7, notes stand among the invoices, with the claim that they cut."""
        if key in self.notes:
            return True
        claim_id = self.invoices.get(key)
        if claim_id is None or claim_id in self.waiting:
            return False
        claimed = self.claimed.get(claim_id)
        return claimed is None or claimed.invoice.hex() != key

    def same_purpose(self, former: str, voucher_id: str) -> None:
        """A voucher made of another is for what that was for."""
        if former in self.purposes:
            self.purposes[voucher_id] = self.purposes[former]

    def forget(self, voucher_id: str) -> None:
        """Forget what a voucher was for, and who might claim of it."""
        for provider_id in self.permitted.pop(voucher_id, ()):
            del self.permits[voucher_id, provider_id]
        if voucher_id in self.purposes:
            del self.purposes[voucher_id]

    def add(self, claim_id: str, each: Claimed) -> None:
        """Know one more claim, and its invoice."""
        self.claimed[claim_id] = each
        self.invoices[each.invoice.hex()] = claim_id
        self._index(claim_id, each)

    def invoiced(self, claim_id: str, amount: int) -> None:
        """Know what the invoice of a claim is for, so that credit notes can take it back."""
        self.credits[claim_id] = Credit(amount, amount)

    def credited(self, note: CreditNoteRecorded, *, apart: bool) -> None:
        """Know a credit note. `apart`: its number is none of an invoice."""
        (self.notes if apart else self.invoices)[note.note_key.hex()] = note.claim_id
        credit = self.credits[note.claim_id]
        self.credits[note.claim_id] = credit._replace(left=credit.left - note.amount)

    def drop(self, claim_id: str, *, keeps_notes: bool) -> Claimed:
        """Forget a claim of which nothing came, and its invoice with it. `keeps_notes`: what notes took of it stays."""
        each = self.claimed.pop(claim_id)
        del self.invoices[each.invoice.hex()]
        without(self.by_voucher, each.voucher_id, claim_id)
        without(self.by_holder, (each.programme_id, each.holder_id), claim_id)
        if claim_id in self.credits:
            credit = self.credits.pop(claim_id)
            if keeps_notes and credit.left < credit.invoiced:
                key = each.invoice.hex()
                before = self.left_of_invoices.get(key, credit.invoiced)
                self.left_of_invoices[key] = before - (credit.invoiced - credit.left)
        return each


def without(index: dict[K, dict[Item, None]], key: K, id_: Item) -> None:
    """Take an id out of an index, and its key with the last one."""
    del index[key][id_]
    if not index[key]:
        del index[key]
