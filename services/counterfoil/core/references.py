"""Which business references were used, by whom and for what: a paper is used once.

A record stays for ever, since a paper may come back at any time. So the table grows with the paper, as contracts do:
one small record for each deposit, withdrawal, payment, return, recovery, budget document and
invoice. It is looked up by key.
"""

from __future__ import annotations

from typing import Final, Literal

from counterfoil.contract.references import same_as
from counterfoil.core.form import COUNT, Form
from counterfoil.core.table import Table

Kind = Literal[
    "appropriation", "reduction", "deposit", "withdrawal", "payment", "return", "recovery", "invoice", "adjustment"
]
REFERENCE: Final = Form(
    "reference",
    ("party_id", "kind", "reference"),
    COUNT,
    "the entry in which a party first used a business reference; case, width, spaces and separators are left out",
)


class References:
    """The references that one log has seen. A party is the treasurer, the issuer, or the provider for its invoices."""

    __slots__ = ("table",)

    def __init__(self) -> None:
        self.table: Table[tuple[str, str, str], int] = Table(REFERENCE)

    def used(self, party_id: str, kind: Kind, reference: str) -> int | None:
        """The index of the entry that first used it."""
        return self.table.get((party_id, kind, same_as(reference)))

    def use(self, party_id: str, kind: Kind, reference: str, index: int) -> None:
        """Record a use; the first one stays."""
        key = (party_id, kind, same_as(reference))
        if key not in self.table:
            self.table[key] = index
