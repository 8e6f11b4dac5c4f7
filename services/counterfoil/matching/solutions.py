"""Outcomes of auctions from outside: who proposes blocks, and which of all proposals an auction clears by.

Whoever has found better blocks than the built-in solver proposes them once the auction has locked. When it clears, the
blocks of each are settled with the orders as they are then, and the same check that an auditor makes decides: the
highest surplus is taken; of equals the built-in solver's, then the one whose last piece came first. So no decision
depends on a solver: the log has the blocks, and whoever has the log settles them again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import NamedTuple

from counterfoil.contract.refusals import Code, Refusal
from counterfoil.core.at import At
from counterfoil.core.checks import Listed, unfit_lists
from counterfoil.core.decider import Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.matching.auction.book import AuctionBook, Placement, Settlement
from counterfoil.matching.auction.certificate import check
from counterfoil.matching.auction.settling import settle
from counterfoil.matching.auction.solving import prepare, solve
from counterfoil.matching.auction_events import BUILT_IN
from counterfoil.matching.auction_state import Solution, place_of
from counterfoil.matching.solution_commands import PlacedBlock, ProposeSolution
from counterfoil.matching.solution_events import SolutionJudged, SolutionReceived, Verdict
from counterfoil.matching.state import MatchingState


def propose_solution(state: MatchingState, body: ProposeSolution, actor: Party, at: At) -> Decision:
    """Take a piece of a solution: its first begins one, and the last must complete what its hash says."""
    auction = state.auctions.open.get(body.auction_id)
    if auction is None:
        return refuse(Code.UNKNOWN_AUCTION, auction_id=body.auction_id)
    if auction.phase != "locked":
        return refuse(Code.AUCTION_NOT_LOCKED, auction_id=body.auction_id)
    refused = _unfit(state, body)
    if refused is not None:
        return refused
    had = _begun(state, body, actor)
    if had is None:
        refused = _full_of_group(state, body.auction_id, actor)
        solution_id, before = at.new_id("sol"), tuple[Placement, ...]()
    else:
        solution_id, before = had, state.auctions.solutions[had].placements
    received = 0 if had is None else state.auctions.solutions[had].received
    if refused is None and body.piece < received:
        return refuse(Code.ALREADY_EXISTS, piece=body.piece)
    if refused is None and (body.piece > received or (had and state.auctions.solutions[had].pieces != body.pieces)):
        return refuse(Code.SOLUTION_NOT_VALID, field="piece", next=received)
    blocks = (*before, *placements(auction.scheduled.first_hour, body.blocks))
    if refused is None and body.piece + 1 == body.pieces:
        if digest_of(blocks) != body.sha256:
            return refuse(Code.SOLUTION_NOT_VALID, field="sha256")
        refused = _full(state, body.auction_id)
    dropped = _displaced(state, body.auction_id) if had is None and body.pieces > 1 else []
    return refused or [
        *dropped,
        SolutionReceived(
            solution_id=solution_id, auction_id=body.auction_id, proposed_by=actor.party_id, solver=body.solver,
            sha256=body.sha256, piece=body.piece, pieces=body.pieces, blocks=body.blocks,
        )
    ]  # fmt: skip


def _unfit(state: MatchingState, body: ProposeSolution) -> Refusal | None:
    rules, scheduled = state.rules, state.auctions.open[body.auction_id].scheduled
    hours = range(scheduled.first_hour, scheduled.first_hour + scheduled.hours)
    refused = unfit_lists(Listed("blocks", [each.bid_id for each in body.blocks], rules.max_solution_blocks))
    if refused is not None:
        return refused
    most = -(-rules.max_auction_blocks // rules.max_solution_blocks)
    if not 1 <= body.pieces <= most or body.piece >= body.pieces:
        return refuse(Code.SOLUTION_NOT_VALID, field="pieces", most=most)
    full = body.piece + 1 == body.pieces or len(body.blocks) == rules.max_solution_blocks
    if not full:  # so the number of pieces bounds that of the blocks, and there is one way to cut them
        return refuse(Code.SOLUTION_NOT_VALID, field="blocks", each=rules.max_solution_blocks)
    if body.solver == BUILT_IN:
        return refuse(Code.SOLUTION_NOT_VALID, field="solver")
    outside = any(each.first_hour not in hours for each in body.blocks)
    return refuse(Code.NOT_IN_AUCTION, field="hours", first=hours.start, end=hours.stop) if outside else None


def _begun(state: MatchingState, body: ProposeSolution, actor: Party) -> str | None:
    """The party's solution with this hash, of which a piece is there."""
    for solution_id in sorted(state.auctions.solutions.owned(body.auction_id)):
        each = state.auctions.solutions[solution_id]
        if (each.proposed_by, each.sha256, each.solver) == (actor.party_id, body.sha256, body.solver):
            return solution_id
    return None


def _full_of_group(state: MatchingState, auction_id: str, actor: Party) -> Refusal | None:
    """One more solution may come of the actor's group."""
    most, group = state.rules.max_auction_solutions_per_group, state.directory.related_to(actor.party_id)
    known = [state.auctions.solutions[each] for each in state.auctions.solutions.owned(auction_id)]
    of_group = sum(each.proposed_by in group for each in known)
    return refuse(Code.OVER_LIMIT, solutions_of_group=most) if of_group >= most else None


def _full(state: MatchingState, auction_id: str) -> Refusal | None:
    """One more solution of the auction may be judged: those that are not complete hold no place."""
    most = state.rules.max_auction_solutions
    known = [state.auctions.solutions[each] for each in state.auctions.solutions.owned(auction_id)]
    complete = sum(each.is_complete for each in known)
    return refuse(Code.OVER_LIMIT, solutions=most) if complete >= most else None


def _displaced(state: MatchingState, auction_id: str) -> list[SolutionJudged]:
    """The oldest of the solutions that are not complete, if one more would be more of them than may be judged."""
    solutions = state.auctions.solutions
    arriving = [each for each in solutions.owned(auction_id) if not solutions[each].is_complete]
    if len(arriving) < state.rules.max_auction_solutions:
        return []
    oldest = min(arriving, key=lambda each: (solutions[each].place, each))
    return [SolutionJudged(solution_id=oldest, auction_id=auction_id, verdict="incomplete", surplus=None)]


def not_judged(state: MatchingState, auction_id: str) -> list[SolutionJudged]:
    """The ends of all solutions of an auction that does not take place."""
    known = state.auctions.solutions.owned(auction_id)
    in_line = sorted(known, key=lambda each: (state.auctions.solutions[each].place, each))
    return [
        SolutionJudged(solution_id=each, auction_id=auction_id, verdict="not_judged", surplus=None) for each in in_line
    ]


# what is proposed -----------------------------------------------------------------------------------------------------


def placements(first_hour: int, blocks: Iterable[PlacedBlock]) -> tuple[Placement, ...]:
    """Blocks of a solution by the numbers of their hours. `first_hour`: of the auction."""
    return tuple(Placement(each.bid_id, each.first_hour - first_hour, each.offer_id) for each in blocks)


def digest_of(blocks: Iterable[Placement]) -> bytes:
    """The SHA-256 by which a solution names all its blocks."""
    return sha256(json.dumps([list(each) for each in blocks], separators=(",", ":")).encode()).digest()


def settled(book: AuctionBook, blocks: Sequence[Placement]) -> Settlement | None:
    """The outcome with these blocks; None if there is none. Blocks of which a side takes no part are left out."""
    prepared = prepare(book)
    there = [each for each in blocks if each.block_id in prepared.block_by_id and each.ask_id in prepared.ask_by_id]
    return settle(prepared, there)


# what is judged -------------------------------------------------------------------------------------------------------


class Judged(NamedTuple):
    """The outcome that an auction clears by, whose it is (None: the built-in solver's), and what became of all others.

    `verdicts`: by solution, in the order in which they were completed.
    """

    outcome: Settlement
    solution_id: str | None
    verdicts: tuple[SolutionJudged, ...]


def judge(state: MatchingState, auction_id: str, book: AuctionBook) -> Judged:
    """Choose the outcome of an auction with these orders."""
    known = {each: state.auctions.solutions[each] for each in state.auctions.solutions.owned(auction_id)}
    in_line = sorted(known, key=lambda each: (known[each].place, each))
    found = {each: settled(book, known[each].placements) for each in in_line if known[each].is_complete}
    best, taken = solve(book), None
    for solution_id, outcome in _by_surplus(found):
        if outcome.surplus <= best.surplus:
            break
        if not any(check(prepare(book), outcome)):
            best, taken = outcome, solution_id
            break
        found[solution_id] = None
    verdicts = list[SolutionJudged]()
    for solution_id in in_line:
        of_it = found.get(solution_id)
        why: Verdict = "incomplete" if solution_id not in found else "not_valid" if of_it is None else "not_better"
        told = SolutionJudged(solution_id=solution_id, auction_id=auction_id, verdict=why, surplus=None)
        if solution_id == taken:
            gpus = state.auctions.open[auction_id].scheduled.gpus_per_node
            told = replace(told, verdict="taken", surplus=best.surplus * gpus)
        verdicts.append(told)
    return Judged(best, taken, tuple(verdicts))


def outcome_by(state: MatchingState, solution_id: str | None, book: AuctionBook) -> Settlement:
    """The outcome of an auction that has cleared by this solution, or by the built-in solver."""
    if solution_id is None:
        return solve(book)
    outcome = settled(book, state.auctions.solutions[solution_id].placements)
    return solve(book) if outcome is None else outcome


def _by_surplus(found: dict[str, Settlement | None]) -> Iterator[tuple[str, Settlement]]:
    """The best first; of equals the one that was complete first."""
    there = [(each, outcome) for each, outcome in found.items() if outcome is not None]
    yield from sorted(there, key=lambda each: -each[1].surplus)


# evolve -------------------------------------------------------------------------------------------------------------


def solution_received(state: MatchingState, event: SolutionReceived, at: At) -> None:
    """One more piece is there; the last one gives the solution its place among others."""
    solutions, first = state.auctions.solutions, state.auctions.open[event.auction_id].scheduled.first_hour
    before = solutions[event.solution_id].placements if event.piece else ()
    solutions[event.solution_id] = Solution(
        auction_id=event.auction_id, proposed_by=event.proposed_by, solver=event.solver, sha256=event.sha256,
        pieces=event.pieces, received=event.piece + 1, placements=(*before, *placements(first, event.blocks)),
        place=place_of(at),
    )  # fmt: skip


def solution_judged(state: MatchingState, event: SolutionJudged, _at: At) -> None:
    """One that is not complete is forgotten; the others are kept until the auction is over."""
    if event.verdict == "incomplete":
        del state.auctions.solutions[event.solution_id]
