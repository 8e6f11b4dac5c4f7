"""`auction solve` reads the orders of a locked auction as a gateway shows them, and proposes what is better."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from counterfoil.cli import auction_solve
from counterfoil.cli.command import Invalid
from counterfoil.contract.record import Command
from counterfoil.gateway.relay import AnswerRelay
from counterfoil.matching.auction_book import frozen
from counterfoil.matching.auction_events import AuctionCleared
from tests.gateway.harness import Stepped
from tests.market import Market, found
from tests.matching.test_auctions import CLEAR, trapped


class Session:
    """A signing session that sends to the market of the test, as one of its parties."""

    dry_run = False

    def __init__(self, market: Market, http: Stepped, *, hides: str = "") -> None:
        self.market, self.http, self.hides, self.shown = market, http, hides, dict[str, Any]()
        self.gateway = self.out = self

    def rows(self, view: str, where: Mapping[str, str]) -> list[dict[str, Any]]:
        """All rows, or none of a view that this party may not read."""
        answer = self.http.get(f"/v1/{view.replace('_', '-')}", **where)
        assert answer.status_code == 200, answer.text
        rows: list[dict[str, Any]] = answer.json()["items"]
        return [] if view == self.hides else rows

    def get(self, view: str, key: str) -> dict[str, Any]:
        """One row."""
        row: dict[str, Any] = self.http.get(f"/v1/{view}/{key}").json()
        return row

    def deliver_batch(self, bodies: list[Command], _words: None) -> None:
        """Signed by a provider without an order there."""
        self.market.do("gpu-2", *bodies)

    def show(self, value: dict[str, Any], *_parts: object) -> None:
        """What a program sees."""
        self.shown = value


@pytest.fixture
def market(tmp_path: Path) -> Iterator[Market]:
    with Market(tmp_path) as opened:
        found(opened)
        yield opened


def test_what_is_better_is_found_proposed_and_taken(market: Market) -> None:
    auction_id, _ = trapped(market)
    http: Any = Stepped(market, AnswerRelay())  # type: ignore[arg-type]
    blind = Session(market, http, hides="bids")
    with pytest.raises(Invalid, match="0 of its 3 bids"):
        auction_solve.solve_auction(blind, auction_id, "highs", 10)  # type: ignore[arg-type]
    session = Session(market, http)
    (state,) = (runner.engine.state for log, runner in market.system.runners.items() if log.service == "matching")
    book = auction_solve.book_of(session, session.get("auctions", auction_id))  # type: ignore[arg-type]
    known = frozen(state, auction_id).book
    assert book.parameters == known.parameters
    for mine, theirs in ((book.asks, known.asks), (book.blocks, known.blocks)):
        orders: list[list[Any]] = [[*mine], [*theirs]]  # places in line are told apart by entries alone
        assert len({tuple(each._replace(seq=0) for each in side) for side in orders}) == 1
    with patch.object(session, "dry_run", new=True):
        auction_solve.solve_auction(session, auction_id, "highs", 10)  # type: ignore[arg-type]
    assert session.shown["better"] is True
    auction_solve.solve_auction(session, auction_id, "highs", 10)  # type: ignore[arg-type]
    http.close()
    market.advance_to(CLEAR)
    (cleared,) = market.events("matching", AuctionCleared)
    assert cleared.solver.startswith("highs-")
    assert str(cleared.surplus) == session.shown["surplus"]
