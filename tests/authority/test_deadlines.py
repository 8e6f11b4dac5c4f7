"""How long each command may be given, as `docs/who-may-do-what.md` says: until its deadline, and no longer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import pytest

from counterfoil.contract.times import DAY, HOUR, SECOND, format_month, parse_month
from counterfoil.issuance.commands import CloseParty
from counterfoil.programme.values import add_months
from tests.authority.cases import ABOUT
from tests.authority.prepared import (
    AUCTION,
    DELIVERED,
    DISPUTE_WINDOW,
    EXPIRY,
    LATER,
    OFFLINE,
    REPORTING,
    VALID_UNTIL,
    Market,
)
from tests.authority.stage import CELLS, every_command, stage
from tests.authority.table import deadlines
from tests.authority.trial import Copy
from tests.properties.world import SERVICE_OF, START, first_in_force

LONG_AFTER: Final = (LATER + 50_000) * HOUR
"""When every deadline has passed."""


def at(time: int) -> Callable[[Market], int]:
    """A time that the commands name."""
    return lambda _market: time


def since(name: str, and_then: int = 0) -> Callable[[Market], int]:
    """The time at which something was made, and so many microseconds more."""
    return lambda market: market.times[name] + and_then


FROM: Final[Mapping[str, Callable[[Market], int]]] = {
    "object_to_recovery": since("recovery"),
    "publish_programme": lambda market: market.clock,  # the last thing that is put
    "issue_voucher": at(VALID_UNTIL),
    "open_window": lambda market: (market.clock // DAY + 4) * DAY,
    "suspend_voucher": at(EXPIRY // DAY * DAY),
    "attest_aid": at(add_months(START // DAY, 36) * DAY),
    "reinstate_voucher": at(EXPIRY),
    "revoke_voucher": at(EXPIRY // DAY * DAY),
    "extend_suspension": since("suspension"),
    "permit_claim": at(EXPIRY // DAY * DAY),
    "claim_invoice": at(EXPIRY // DAY * DAY),
    "return_voucher": at(EXPIRY),
    "surrender_voucher": at(EXPIRY // DAY * DAY),
    "extend_voucher": at(EXPIRY // DAY * DAY),
    "restore_voucher": at(OFFLINE),
    "order_clawback": lambda market: (add_months(market.times["payment to take back"] // DAY, 1) + 1) * DAY,
    "file_appeal": since("clawback"),
    "propose_transfer": at(EXPIRY // DAY * DAY),
    "approve_transfer": since("transfer to approve"),
    "accept_transfer": since("transfer to lab-1"),
    "reject_transfer": since("transfer to lab-1"),
    "withdraw_transfer": since("transfer of lab-1"),
    "pledge_voucher": at(EXPIRY // DAY * DAY),
    "offer_credit": at(EXPIRY // DAY * DAY),
    "bid_for_credit": at(parse_month(format_month(EXPIRY // DAY * DAY - 1))[1]),
    "cancel_credit_order": at(EXPIRY // DAY * DAY),
    "attest_milestone": at(EXPIRY // DAY * DAY),
    "release_tranche": at(EXPIRY // DAY * DAY),
    "release_pledge": at(EXPIRY // DAY * DAY),
    "enforce_pledge": at(EXPIRY // DAY * DAY),
    "post_offer": at((LATER + 30) * HOUR),
    "post_offer_at_site": at((LATER + 30) * HOUR),
    "amend_offer": at((LATER + 10) * HOUR),
    "cancel_offer": at((LATER + 10) * HOUR),
    "place_bid": at((LATER + 30) * HOUR),
    "place_performance_bid": at((LATER + 30) * HOUR),
    "post_reclaimable_offer": at((LATER + 30) * HOUR),
    "place_reclaimable_bid": at((LATER + 30) * HOUR),
    "place_reclaimable_performance_bid": at((LATER + 30) * HOUR),
    "amend_bid": at((LATER + 20) * HOUR),
    "cancel_bid": at((LATER + 20) * HOUR),
    "cancel_order_for": at((LATER + 10) * HOUR),
    "cancel_own_orders": at((LATER + 20) * HOUR),
    "cancel_orders_of": at((LATER + 20) * HOUR),
    "schedule_auction": at(AUCTION.locks_at),
    "cancel_auction": at(AUCTION.clears_at),
    "offer_in_auction": at(AUCTION.locks_at),
    "bid_in_auction": at(AUCTION.locks_at),
    "improve_order": at(AUCTION.clears_at),
    "propose_solution": at(AUCTION.clears_at),
    "report_usage": at((DELIVERED + 1) * HOUR + REPORTING),
    "withdraw_delivery": at((DELIVERED + 1) * HOUR + REPORTING),
    "reclaim_delivery": at(LATER * HOUR),
    "accept_usage": since("report report", DISPUTE_WINDOW),
    "dispute_usage": since("report report", DISPUTE_WINDOW),
    "propose_correction": since("report report", DISPUTE_WINDOW),
    "agree_correction": since("report corrected", DISPUTE_WINDOW),
    "withdraw_dispute": since("dispute"),
    "resolve_dispute": since("dispute"),
    "propose_cancellation": at(LATER * HOUR),
    "agree_cancellation": since("cancellation"),
}
"""The time from which the deadline of a command is counted."""


def answer(market: Market, command: str, time: int) -> str:
    """What is answered at a time to who may give the command now."""
    cell = next(cell for cell, given in CELLS.items() if cell.command == command and given == "yes")
    case, copy = ABOUT[command][cell.relation_to](market), Copy(market)
    body = case.bodies[cell.relation]
    copy.pass_time(SERVICE_OF[type(body)], time)
    return copy.answer(stage(copy, case, cell), body)


@every_command
def test_how_long_it_may_be_given(market: Market, command: str) -> None:
    """Whatever ends with time has a row that says when."""
    said = deadlines().get(command)
    if said is None:
        found = answer(market, command, LONG_AFTER)
        assert found == "yes", f"say in docs/who-may-do-what.md until when {command} may be given: then {found}"
        return
    assert command in FROM, f"say in tests/authority/test_deadlines.py from when the deadline of {command} is counted"
    deadline = FROM[command](market) + said.hours * HOUR
    assert answer(market, command, deadline - SECOND) == "yes"
    assert answer(market, command, deadline + SECOND) == said.then


def test_no_row_is_left_over() -> None:
    assert deadlines().keys() == FROM.keys()


@pytest.mark.parametrize(("moment", "old_key"), [(-SECOND, "yes"), (SECOND, "key_revoked")])
def test_when_a_proposed_recovery_is_in_force(market: Market, moment: int, old_key: str) -> None:
    copy = Copy(market)
    before = first_in_force(copy.party("issuance", "gpu-1"))
    copy.pass_time("issuance", market.times["recovery"] + 72 * HOUR + moment)
    party = copy.party("issuance", "gpu-1")
    after = {key_id for key_id, key in party.keys.items() if key.in_force} - {before}
    body = CloseParty(reason="moves away")
    assert copy.answer("gpu-1", body, before) == old_key
    assert len(after) == (old_key != "yes")
    for key_id in after:
        assert copy.answer("gpu-1", body, key_id) == "yes"
