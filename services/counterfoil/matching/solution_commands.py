"""The command by which anybody proposes a better outcome of an auction."""

from __future__ import annotations

from counterfoil.contract.record import ANY, Command, command, record
from counterfoil.contract.scalars import Count, Digest, Hour, Id


@record
class PlacedBlock:
    """A bid that is accepted in whole: from which delivery hour on, and on the nodes of which offer."""

    bid_id: Id
    first_hour: Hour
    offer_id: Id


@command("propose_solution", role=ANY)
class ProposeSolution(Command):
    """Any party: propose which blocks an auction that has locked accepts, in pieces one after the other.

    `sha256`: of all blocks as a JSON array without spaces, each a list of its bid, the number of the hour in the
    auction, and its offer; by it the pieces are told from those of another proposal. `piece` is counted from 0.
    `solver`: what found it. The blocks decide everything else: prices and the parts of divisible orders follow.
    """

    auction_id: Id
    solver: Id
    sha256: Digest
    piece: Count
    pieces: Count
    blocks: tuple[PlacedBlock, ...]
