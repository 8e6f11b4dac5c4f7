"""Where the money of a programme is, from the ledger's legs, the vouchers and the claims."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

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
    claims_payable,
    clawed_back,
    denied,
)
from counterfoil.reports.folding import Folded
from counterfoil.reports.tables import Row


class Amounts(NamedTuple):
    """A programme's amounts, micro-units. `appropriated` is gross; `returned`: taken back, or left at the closing.

    `adjusted`: given in addition for what earlier periods paid too little.

    `live`: what vouchers are worth that have not ended, held or not; `unsettled`: what was captured, and neither paid
    nor denied nor taken back; `obligated`: what the budget says of both.
    """

    appropriated: int
    adjusted: int
    returned: int
    uncommitted: int
    obligated: int
    live: int
    held: int
    unsettled: int
    claimed: int
    payable: int
    paid: int
    lapsed: int
    owed: int
    recovered: int
    written_off: int

    @property
    def captured(self) -> int:
        """What was captured, and is in no claim."""
        return self.unsettled - self.claimed - self.payable

    @property
    def difference(self) -> int:
        """What came in less where it is: 0, unless something is missing."""
        came = self.appropriated + self.adjusted - self.returned + self.recovered + self.written_off + self.owed
        return came - (self.uncommitted + self.live + self.unsettled + self.paid + self.lapsed)


_PAYABLE = ("approved", "batched", "returned")


def in_claim(row: Row) -> int:
    """What a claim is for: what was approved, also if that was taken back; else what it claims and was not denied."""
    return int(row["approved"] or row["amount"] - row["denied"])


def amounts(folded: Folded, programme_id: str) -> Amounts:
    """The amounts of a programme as of the last entries."""
    flows, asset = folded.flows, budget(programme_id)
    moved = flows.budget
    owed, recovered, written_off = (-flows.posted(each, asset) for each in (RECOVERABLE, RECOVERED, WRITTEN_OFF))
    paid = flows.posted(DISBURSED, asset)
    gone = sum(_of_claims(folded, programme_id, each) for each in (denied(programme_id), clawed_back(programme_id)))
    captured = -_of_claims(folded, programme_id, claims_payable(programme_id))
    positions: Counter[str] = Counter()
    for row in folded.tables.rows("vouchers_balance", programme_id=programme_id):
        positions["live"] += row["available"] + row["held"]
        positions["held"] += row["held"]
    claimed: Counter[str] = Counter()
    for row in folded.tables.rows("claims", programme_id=programme_id):
        claimed[row["status"]] += in_claim(row)
    return Amounts(
        appropriated=moved[programme_id, FUNDING, APPROPRIATION],
        adjusted=moved[programme_id, FUNDING, OBLIGATED],
        returned=moved[programme_id, APPROPRIATION, FUNDING] + moved[programme_id, APPROPRIATION, RETURNED],
        uncommitted=flows.posted(APPROPRIATION, asset),
        obligated=flows.posted(OBLIGATED, asset),
        live=positions["live"],
        held=positions["held"],
        unsettled=captured + owed + recovered + written_off - gone - paid,
        claimed=claimed["submitted"],
        payable=sum(claimed[each] for each in _PAYABLE),
        paid=paid,
        lapsed=flows.posted(LAPSED, asset),
        owed=owed,
        recovered=recovered,
        written_off=written_off,
    )


def _of_claims(folded: Folded, programme_id: str, account: str) -> int:
    """What a programme's own account has of claims on it: by rules 1 to 3 they were in its currency."""
    currency = (folded.programme(programme_id) or {}).get("currency", "")
    return sum(folded.flows.posted(account, asset) for asset in (claim(programme_id), currency))
