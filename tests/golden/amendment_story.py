"""The part of the golden story about orders that are to have another price, from version 9 of the rules on."""

from __future__ import annotations

from dataclasses import replace

from counterfoil.contract.refusals import Code
from counterfoil.contract.times import SECOND
from counterfoil.issuance.commands import AppropriateBudget, IssueVoucher, ListProvider
from counterfoil.matching.commands import AmendBid, AmendOffer, CancelBid, CancelOffer
from tests.documents import document, publishing
from tests.golden.steps import bid, done, offer, refused
from tests.golden.uncrossing_story import traded
from tests.golden.world import GoldenWorld
from tests.properties.world import YUAN

PROGRAMME = "p94"


def tell(world: GoldenWorld) -> None:
    """A bid and an offer that rest are amended until they meet, and not where there are no funds for that."""
    done(world, "city", *publishing(document(id=PROGRAMME)))
    done(world, "city", AppropriateBudget(programme_id=PROGRAMME, amount=900 * YUAN, document=PROGRAMME))
    done(world, "city", IssueVoucher(programme_id=PROGRAMME, beneficiary_id="lab-1", amount=900 * YUAN))
    world.clock += SECOND
    world.settle()
    done(world, "city", ListProvider(programme_id=PROGRAMME, provider_id="gpu-1"))
    dear = done(world, "gpu-1", offer(world, price=4 * YUAN)).offer_id
    low = done(world, "lab-1", bid(world, programme_id=PROGRAMME, limit_price=YUAN)).bid_id
    ask, give = (
        AmendOffer(offer_id=dear, reduce_nodes_by=None, price=3 * YUAN),
        AmendBid(bid_id=low, reduce_nodes_by=None, limit_price=2 * YUAN),
    )
    early = f"bid-{world.engines['matching'].size}-0"  # amended in the batch that places it, before it has its funds
    world.submit("lab-1", bid(world, programme_id=PROGRAMME, limit_price=YUAN), replace(give, bid_id=early))
    done(world, "lab-1", CancelBid(bid_id=early))
    refused(world, "lab-1", Code.AMEND_NOT_VALID, AmendBid(bid_id=low, reduce_nodes_by=None, limit_price=YUAN))
    world.submit("lab-1", give, give)  # the second finds the first undecided
    done(world, "lab-1", AmendBid(bid_id=low, reduce_nodes_by=None, limit_price=900_000 * YUAN))
    done(world, "gpu-1", AmendOffer(offer_id=dear, reduce_nodes_by=None, price=900_000 * YUAN))
    assert world.state("matching").bids[low].limit_price == 2 * YUAN
    assert not traded(world, low)
    done(world, "gpu-1", ask)
    done(world, "lab-1", AmendBid(bid_id=low, reduce_nodes_by=None, limit_price=3 * YUAN))
    assert traded(world, low) == [dear]
    partly = done(world, "lab-1", bid(world, programme_id=PROGRAMME, limit_price=YUAN)).bid_id
    done(world, "gpu-1", AmendOffer(offer_id=dear, reduce_nodes_by=None, price=YUAN))
    assert traded(world, partly) == [dear]
    sold = AmendOffer(offer_id=dear, reduce_nodes_by=1, price=None)
    refused(world, "gpu-1", Code.NODES_ALREADY_SOLD, sold)
    done(world, "gpu-1", CancelOffer(offer_id=dear))
    last = done(world, "lab-1", bid(world, programme_id=PROGRAMME, limit_price=YUAN)).bid_id
    again = AmendBid(bid_id=last, reduce_nodes_by=None, limit_price=2 * YUAN)
    world.submit("lab-1", again, CancelBid(bid_id=last))  # it ends before its funds are held
    assert last not in world.state("matching").bids
