"""The declaration of this service: what it decides, consumes and shows. The catalogue lists it, the shell runs it."""

from __future__ import annotations

from typing import Final

from counterfoil.contract.events import GroupAttested, PartyClosed, PartySuspended
from counterfoil.core.decider import COMMON, MIRRORED, Decider, mirror
from counterfoil.issuance.class_events import ClassRegistered
from counterfoil.issuance.events import (
    ClassRegisteredV1,
    ProgrammePaused,
    ProgrammeResumed,
    ProviderDelisted,
    ProviderListed,
    ProviderReinstated,
    ProviderSuspended,
)
from counterfoil.ledger.amendment_events import AmendmentFunded
from counterfoil.ledger.closing_events import ProgrammeClosed
from counterfoil.ledger.events import BondHeld, FundingEnded, HoldPlaced, HoldRefused, HoldRefusedV1
from counterfoil.ledger.notice_events import DeliveryEnded
from counterfoil.ledger.reclaim_events import ContractReclaimed
from counterfoil.matching import (
    amendments,
    auction_orders,
    auctions,
    clearing,
    collars,
    evolve,
    forced_cancellations,
    halts,
    inventory,
    leaving,
    order_limits,
    positions,
    reclaims,
    replacing,
    solutions,
    uncrossing,
)
from counterfoil.matching.admission import bond_held, funding_ended, funds_held, hold_refused, terms_are_known
from counterfoil.matching.amendment_events import (
    AmendmentFailed,
    BidAmended,
    BidAmendmentRequested,
    OfferAmended,
    OfferAmendmentRequested,
)
from counterfoil.matching.auction_commands import (
    BidInAuction,
    CancelAuction,
    ImproveOrder,
    OfferInAuction,
    ScheduleAuction,
)
from counterfoil.matching.auction_events import (
    AuctionCancelled,
    AuctionCleared,
    AuctionClosed,
    AuctionLocked,
    AuctionOfferImproved,
    AuctionOrderAdmitted,
    AuctionOrderEntered,
    AuctionScheduled,
    TradeCleared,
)
from counterfoil.matching.bids import amend_bid, cancel_bid, place_bid
from counterfoil.matching.collar_commands import SetPriceCollar
from counterfoil.matching.collar_events import PriceCollarSet, ReferencePriceSet
from counterfoil.matching.commands import (
    AmendBid,
    AmendOffer,
    CancelBid,
    CancelOffer,
    CancelOrderFor,
    CancelOrdersOf,
    CancelOwnOrders,
    PlaceBid,
    PostOffer,
)
from counterfoil.matching.cover_events import CoverQuoted
from counterfoil.matching.events import (
    BidAdmitted,
    BidClosed,
    BidReceived,
    BidReduced,
    CancellationForced,
    MatchContinued,
    MatchPrevented,
    OfferAdmitted,
    OfferClosed,
    OfferReceived,
    OfferReduced,
    OwnOrdersCancelled,
    TradeMatched,
    UncrossingBegun,
    UncrossingContinued,
)
from counterfoil.matching.expiry import expire_orders
from counterfoil.matching.halt_commands import HaltTrading, ResumeTrading
from counterfoil.matching.halt_events import TradingHalted, TradingResumed
from counterfoil.matching.inventory_commands import AttestInventory, PostOfferAtSite
from counterfoil.matching.inventory_events import InventoryAttested, OfferSited
from counterfoil.matching.offers import amend_offer, cancel_offer, post_offer
from counterfoil.matching.order_limit_commands import SetOrderLimit
from counterfoil.matching.order_limit_events import OrderLimitSet, OrdersCounted
from counterfoil.matching.order_limits import counted
from counterfoil.matching.passes import continue_matching, due
from counterfoil.matching.performance_bids import place_performance_bid
from counterfoil.matching.performance_commands import PlacePerformanceBid
from counterfoil.matching.performance_events import OfferClassed, PerformanceRequired
from counterfoil.matching.position_commands import SetPositionLimit
from counterfoil.matching.position_events import PositionLimitSet, PositionsCounted
from counterfoil.matching.reclaim_commands import (
    PlaceReclaimableBid,
    PlaceReclaimablePerformanceBid,
    PostReclaimableOffer,
)
from counterfoil.matching.reclaim_events import BidReclaimable, OfferReclaimable, TradeReclaimable
from counterfoil.matching.solution_commands import ProposeSolution
from counterfoil.matching.solution_events import SolutionJudged, SolutionReceived
from counterfoil.matching.state import AUCTION_TIMER, COUNT_TIMER, LEAVING_TIMER, MatchingState
from counterfoil.matching.views import REDUCERS, VIEWS
from counterfoil.programme.documents import APPLIED, TAKEN_OVER
from counterfoil.service import Service

DECIDER: Final = Decider(
    service="matching",
    initial=MatchingState,
    commands={
        PostOffer: counted(post_offer),
        PostOfferAtSite: counted(inventory.post_offer_at_site),
        AttestInventory: inventory.attest_inventory,
        AmendOffer: counted(amend_offer),
        CancelOffer: cancel_offer,
        PlaceBid: counted(place_bid),
        PlacePerformanceBid: counted(place_performance_bid),
        AmendBid: counted(amend_bid),
        CancelBid: cancel_bid,
        CancelOwnOrders: leaving.cancel_own_orders,
        CancelOrderFor: forced_cancellations.cancel_order_for,
        CancelOrdersOf: forced_cancellations.cancel_orders_of,
        HaltTrading: halts.halt_trading,
        ResumeTrading: halts.resume_trading,
        ScheduleAuction: auctions.schedule_auction,
        CancelAuction: auctions.cancel_auction,
        OfferInAuction: counted(auction_orders.offer_in_auction),
        BidInAuction: counted(auction_orders.bid_in_auction),
        ImproveOrder: auction_orders.improve_order,
        SetPriceCollar: collars.set_price_collar,
        SetOrderLimit: order_limits.set_order_limit,
        SetPositionLimit: positions.set_position_limit,
        ProposeSolution: solutions.propose_solution,
        PostReclaimableOffer: counted(reclaims.post_reclaimable_offer),
        PlaceReclaimableBid: counted(reclaims.place_reclaimable_bid),
        PlaceReclaimablePerformanceBid: counted(reclaims.place_reclaimable_performance_bid),
    },
    reactions={
        "issuance": {
            **MIRRORED,
            GroupAttested: uncrossing.take_over_group,
            ClassRegisteredV1: mirror,
            ClassRegistered: mirror,
            **TAKEN_OVER,
            ProgrammePaused: mirror,
            ProgrammeResumed: mirror,
            ProviderListed: uncrossing.take_over_listed,
            ProviderDelisted: mirror,
            ProviderSuspended: mirror,
            ProviderReinstated: uncrossing.take_over_listed,
        },
        "ledger": {
            HoldPlaced: funds_held,
            BondHeld: bond_held,
            HoldRefusedV1: hold_refused,
            HoldRefused: hold_refused,
            AmendmentFunded: amendments.amendment_funded,
            FundingEnded: funding_ended,
            DeliveryEnded: replacing.replace_delivery,
            ContractReclaimed: reclaims.take_over_reclaimed,
            ProgrammeClosed: leaving.take_over_closed,
        },
    },
    ready={HoldPlaced: terms_are_known},
    timers={
        "order_expiry": expire_orders,
        "continue_matching": continue_matching,
        LEAVING_TIMER: leaving.end_orders,
        AUCTION_TIMER: clearing.advance_auction,
        COUNT_TIMER: positions.count_positions,
    },
    due=due,
    evolve={
        **COMMON,
        GroupAttested: evolve.group_attested,
        PartyClosed: leaving.party_closed,
        PartySuspended: leaving.party_suspended,
        ProgrammePaused: leaving.programme_paused,
        ProgrammeResumed: leaving.programme_resumed,
        ProgrammeClosed: leaving.programme_closed,
        ClassRegisteredV1: evolve.class_registered,
        ClassRegistered: evolve.class_described,
        **APPLIED,
        ProviderListed: evolve.provider_listed,
        ProviderReinstated: evolve.provider_listed,
        ProviderSuspended: evolve.provider_suspended,
        ProviderDelisted: evolve.provider_delisted,
        OfferReceived: evolve.offer_received,
        OfferAdmitted: evolve.offer_admitted,
        OfferReduced: evolve.offer_reduced,
        OfferClosed: evolve.offer_closed,
        OfferClassed: evolve.offer_classed,
        OfferSited: inventory.offer_sited,
        InventoryAttested: inventory.inventory_attested,
        BidReceived: evolve.bid_received,
        PerformanceRequired: evolve.performance_required,
        BidAdmitted: evolve.bid_admitted,
        BidReduced: evolve.bid_reduced,
        BidClosed: evolve.bid_closed,
        BidAmendmentRequested: amendments.bid_amendment_requested,
        BidAmended: amendments.bid_amended,
        OfferAmendmentRequested: amendments.offer_amendment_requested,
        OfferAmended: amendments.offer_amended,
        AmendmentFailed: amendments.amendment_failed,
        TradeMatched: evolve.trade_matched,
        DeliveryEnded: replacing.delivery_ended,
        CoverQuoted: replacing.cover_quoted,
        OfferReclaimable: reclaims.offer_reclaimable,
        BidReclaimable: reclaims.bid_reclaimable,
        TradeReclaimable: reclaims.trade_reclaimable,
        ContractReclaimed: reclaims.contract_reclaimed,
        OwnOrdersCancelled: leaving.own_orders_cancelled,
        CancellationForced: forced_cancellations.cancellation_forced,
        TradingHalted: halts.trading_halted,
        TradingResumed: halts.trading_resumed,
        MatchPrevented: evolve.match_prevented,
        MatchContinued: evolve.match_continued,
        UncrossingBegun: uncrossing.uncrossing_begun,
        UncrossingContinued: uncrossing.uncrossing_continued,
        AuctionScheduled: auctions.auction_scheduled,
        AuctionCancelled: auctions.auction_cancelled,
        AuctionLocked: auctions.auction_locked,
        AuctionCleared: auctions.auction_cleared,
        AuctionClosed: auctions.auction_closed,
        AuctionOrderEntered: auction_orders.order_entered,
        AuctionOrderAdmitted: auction_orders.order_admitted,
        AuctionOfferImproved: auction_orders.offer_improved,
        TradeCleared: clearing.trade_cleared,
        SolutionReceived: solutions.solution_received,
        SolutionJudged: solutions.solution_judged,
        PriceCollarSet: collars.price_collar_set,
        ReferencePriceSet: collars.reference_price_set,
        OrderLimitSet: order_limits.order_limit_set,
        OrdersCounted: order_limits.orders_counted,
        PositionLimitSet: positions.position_limit_set,
        PositionsCounted: positions.positions_counted,
    },
)
SERVICE: Final = Service(DECIDER, VIEWS, REDUCERS)
