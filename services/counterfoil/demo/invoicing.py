"""Start-ups whose programme pays by claim: they use and pay their contract's compute, and claim with the invoice."""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from counterfoil.contract.invoices import Evidence, Invoice
from counterfoil.contract.times import DAY
from counterfoil.demo.cities import PAYS_BIDS, rules
from counterfoil.demo.granting import line_of
from counterfoil.demo.model import CNY, Firm
from counterfoil.demo.world import START, World
from counterfoil.issuance.invoice_commands import ClaimInvoice

_FIRST_DAY: Final = START // DAY + 7
_LAST_DAY: Final = _FIRST_DAY + 77
"""Of the use that is claimed: eleven weeks."""


def claim_invoices(world: World) -> None:
    """Each holder of a voucher that pays no bids claims with one invoice, for a fifth to a half of its contract.

    Who was bought by a provider meanwhile claims nothing.
    """
    by_id = {firm.party_id: firm for firm in world.all_firms if firm.city.party_id not in PAYS_BIDS}
    for row in world.driver.rows("vouchers", status="active"):
        firm = by_id.get(str(row["beneficiary_id"]))
        if firm is not None and firm.bought_by is None:
            share = world.rng.randint(20, 50)
            world.driver.send(firm.party_id, _claim(firm, str(row["voucher_id"]), share))
    world.driver.settle()


def _claim(firm: Firm, voucher_id: str, share: int) -> ClaimInvoice:
    """A claim of all that the programme pays of `share` percent of the firm's contract, in whole units."""
    line = line_of(firm, firm.contract * share // (100 * CNY) * CNY, _FIRST_DAY, _LAST_DAY)
    wanted = rules(firm.city).document.redemption.evidence
    return ClaimInvoice(
        voucher_id=voucher_id,
        amount=None,
        invoice=Invoice(issuer_tax_id=f"TAX-{line.provider_id}", number=f"INV-{firm.party_id}", issued_on=_LAST_DAY),
        lines=(line,),
        other_support=(),
        evidence=tuple(
            Evidence(type=each.type, sha256=sha256(f"{each.type} of {firm.name}".encode()).digest()) for each in wanted
        ),
    )
