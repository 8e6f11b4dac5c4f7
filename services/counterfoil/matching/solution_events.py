"""Matching: outcomes of auctions that were proposed from outside, and how each was judged."""

from __future__ import annotations

from typing import Literal

from counterfoil.contract.record import Event, event
from counterfoil.contract.scalars import Amount, Count, Digest, Id
from counterfoil.matching.solution_commands import PlacedBlock

Verdict = Literal["taken", "not_better", "not_valid", "incomplete", "not_judged"]
"""`taken`: the auction clears by it. `not_better`: another outcome has as much surplus and was there earlier, or more.

`not_valid`: a block does not fit, or would be out of the money, or the check of the outcome found an error.
`incomplete`: pieces were missing as the auction cleared, or many others began later. `not_judged`: there was no
clearing.
"""


@event("auction_solution.received.v1")
class SolutionReceived(Event):
    """Piece `piece` of the `pieces` of a solution was received; with the last, it is one of those that are judged."""

    solution_id: Id
    auction_id: Id
    proposed_by: Id
    solver: Id
    sha256: Digest
    piece: Count
    pieces: Count
    blocks: tuple[PlacedBlock, ...]


@event("auction_solution.judged.v1")
class SolutionJudged(Event):
    """What a solution comes to with the orders that the auction clears, as its certificate is checked.

    `surplus`: what all orders gain together, of the one that is taken: of another it would tell the limits of its bids.
    """

    solution_id: Id
    auction_id: Id
    verdict: Verdict
    surplus: Amount | None
