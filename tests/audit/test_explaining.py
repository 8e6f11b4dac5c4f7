"""What is told of a bid is what the rules decide, for each kind of answer."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from counterfoil.audit.explaining import Explanation, NoSuchBid, explain
from counterfoil.cli.bid_explain import _rows
from counterfoil.contract.refusals import Code
from counterfoil.contract.times import HOUR
from counterfoil.issuance.commands import AttestGroup, SuspendProvider
from counterfoil.matching.commands import AmendBid, CancelBid
from counterfoil.matching.halt_commands import HaltTrading, ResumeTrading
from counterfoil.matching.position_commands import SetPositionLimit
from tests.audit.forge import Forgery
from tests.audit.test_forged import Tamper, trade_price
from tests.e2e.test_reclaim import asking
from tests.market import BID, OFFER, USD, H, Market, found
from tests.matching.test_auctions import AUCTION, CLEAR, LOCK, bid, offer, placed

LARGE = replace(BID, nodes=2, hours=4)

AMENDED = {"amendment_requested", "amended", "amendment_failed", "not_funded", "refused", "closed"}


class Story:
    """A market in which every kind of answer is given once: bids by what is told of them."""

    def __init__(self, home: Path) -> None:
        self.home, self.bids = home, dict[str, str]()
        self.told: dict[str, Explanation] = {}
        with Market(home) as market:
            found(market)
            self._play(market)
            market.system.close()

    def _play(self, market: Market) -> None:
        place, post = self._place, market.do
        place(market, "dear", replace(BID, limit_price=USD))
        place(market, "no funds", replace(BID, limit_price=90_000 * USD))
        post("gpu-1", replace(OFFER, nodes=1, min_hours=3))  # dearer than the first bid, too small a block for BID
        post("gpu-1", replace(OFFER, price=2 * USD + 10_000, window_end=OFFER.window_start + 3, min_nodes=2))
        place(market, "large", LARGE)  # too many nodes for one offer, too many hours for the other
        post("gpu-2", replace(OFFER, price=2 * USD + 20_000, nodes=2, window_end=OFFER.window_start + 4))
        place(market, "small", replace(BID, limit_price=2 * USD + 10_000, latest=H + 10))
        place(market, "late", replace(LARGE, limit_price=2 * USD + 20_000, nodes=1))  # of what is sold by then
        post("operator", HaltTrading(class_id="a100", region=None, provider_id=None, reason="Meters are read"))
        place(market, "halted", replace(BID, limit_price=3 * USD, nodes=4))
        post("operator", ResumeTrading(class_id="a100", region=None, provider_id=None, reason="They were"))
        self._ahead(market)
        self._crowded(market)
        refused = market.ask("lab-1", replace(BID, programme_id="p2"))
        self.command_id = refused.id.split("/")[1]
        place(market, "related", replace(BID, limit_price=USD + 500_000, earliest=H + 70, latest=H + 70), "lab-2")
        self._auction(market)
        post("operator", AttestGroup(party_id="gpu-2", group_id="lab-2", since=None, source="register"))
        post("gpu-2", replace(OFFER, price=USD, window_start=H + 70, window_end=H + 72))
        post("city", SuspendProvider(programme_id="p1", provider_id="gpu-2", reason="Meters are read"))
        place(market, "careful", asking(replace(BID, limit_price=2 * USD + 20_000, latest=H + 10), 24))
        place(market, "unlisted", replace(BID, limit_price=2 * USD + 20_000, latest=H + 10))

    def _place(self, market: Market, name: str, body: Any, party: str = "lab-1") -> str:
        received: Any = market.do(party, body)[0]
        self.bids[name] = received.bid_id
        return str(received.bid_id)

    def _ahead(self, market: Market) -> None:
        """Two bids wait for one node: the second has nothing of an offer that comes; it is amended, and cancelled."""
        later = replace(BID, earliest=H + 60, latest=H + 60)
        self._place(market, "ahead", replace(later, limit_price=4 * USD))
        behind = self._place(market, "behind", replace(later, limit_price=3 * USD))
        market.do("gpu-1", replace(OFFER, nodes=1, window_start=H + 60, window_end=H + 62))
        market.do("lab-1", AmendBid(bid_id=behind, reduce_nodes_by=None, limit_price=3 * USD + 500_000))
        market.do("lab-1", AmendBid(bid_id=behind, reduce_nodes_by=None, limit_price=90_000 * USD))
        market.refused("lab-2", CancelBid(bid_id=behind), Code.UNKNOWN_ORDER)
        market.do("lab-1", CancelBid(bid_id=behind))

    def _crowded(self, market: Market) -> None:
        """A bid waits since its group may hold nothing of the day, until it may."""
        limit = SetPositionLimit(class_id="a100", region="east", share_bps=0, least=0, reason="Few hold most of it")
        market.do("operator", limit)
        market.do("gpu-1", replace(OFFER, window_start=H + 80, window_end=H + 82))
        self._place(market, "crowded", replace(BID, limit_price=4 * USD, earliest=H + 80, latest=H + 80))
        market.do("operator", replace(limit, share_bps=None))

    def _auction(self, market: Market) -> None:
        """A block takes all that is cheap. Another would pay the dear offer, at whose price the first could not pay."""
        auction_id = str(market.do("operator", AUCTION)[0].auction_id)  # type: ignore[attr-defined]
        placed(market, "gpu-1", offer(auction_id, USD, hours=(0, 2)))
        placed(market, "gpu-2", offer(auction_id, 3 * USD, hours=(0, 2)))
        self.bids["block"] = placed(market, "lab-1", bid(auction_id, 2 * USD, nodes=4, hours=2))
        self.bids["rejected"] = placed(market, "lab-2", bid(auction_id, 4 * USD, hours=2))
        self.bids["low"] = placed(market, "lab-2", bid(auction_id, USD))
        market.advance_to(LOCK)
        market.advance_to(CLEAR + HOUR)

    def of(self, name: str) -> Explanation:
        """The explanation of a bid, or of a command."""
        found = explain(self.home / "logs", self.bids.get(name, name))
        assert not found.findings
        return found


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """The market, played once. Read only."""
    return Story(tmp_path_factory.mktemp("explained") / "home")


@pytest.mark.parametrize(
    ("name", "standing", "kinds", "causes"),
    [
        ("dear", "resting", {"admitted", "trading_halted", "trading_resumed", "rests"}, {"price", "hours"}),
        ("no funds", "hold_refused", {"not_funded", "closed"}, set()),
        ("large", "filled", {"funded", "traded"}, {"nodes", "hours", None}),
        ("small", "resting", {"rests"}, {"minimum_hours", "minimum_nodes", "hours", "price"}),
        ("late", "filled", {"traded"}, {"hours", "sold", None}),
        ("halted", "filled", {"trading_resumed"}, {"halted", "minimum_hours", "nodes", None}),
        ("crowded", "filled", {"traded"}, {"hours", "position_limit", None}),
        ("unlisted", "resting", {"rests"}, {"minimum_hours", "minimum_nodes", "hours", "not_listed"}),
        ("careful", "resting", {"rests"}, {"reclaim_notice"}),
        ("ahead", "filled", {"traded"}, {"hours", None}),
        ("behind", "cancelled", AMENDED, {"taken", "sold", "hours"}),
        ("related", "resting", {"prevented"}, {"price", None}),
        ("block", "filled", {"auction_entered", "auction_locked", "auction_cleared", "traded"}, set()),
        ("rejected", "paradoxically_rejected", {"auction_cleared", "closed"}, set()),
        ("low", "out_of_the_money", {"auction_cleared", "closed"}, set()),
    ],
)  # fmt: skip
def test_each_kind_of_answer(story: Story, name: str, standing: str, kinds: set[str], causes: set[str | None]) -> None:
    """Every cause is met by some bid, and each of them says what it is measured by."""
    told = story.of(name)
    looks = [each for step in told.steps if step.kind in ("looked", "rests") for each in step.detail["offers"]]
    assert told.standing == standing
    assert {step.kind for step in told.steps} >= {"received", *kinds}
    assert {each["cause"] for each in looks} == causes
    assert "None" not in _told(told)


def _told(told: Explanation) -> str:
    return "\n".join(row["what"] for step in told.to_json()["steps"] for row in _rows(step))


def steps(story: Story, name: str, kind: str) -> list[dict[str, Any]]:
    """What is told in the steps of one kind."""
    return [step.detail for step in story.of(name).steps if step.kind == kind]


def test_an_answer_says_by_what_it_is_measured(story: Story) -> None:
    """Who was before it in line; how many better offers did not fit; what an auction comes to with a rejected block."""
    (look,) = [each for each in steps(story, "behind", "looked") if each["offers"][0]["cause"] == "taken"]
    assert look["offers"][0]["figures"] == {"by": [story.bids["ahead"]]}
    (trade,) = steps(story, "halted", "traded")
    assert (trade["rule"], trade["passed_over"]) == ("first_offer_in_line", 1)
    (trade,) = steps(story, "ahead", "traded")
    assert (trade["rule"], trade["price"]) == ("first_bid_in_line", str(4 * USD))
    (cleared,) = steps(story, "rejected", "auction_cleared")
    assert (cleared["worth"], cleared["cost"]) == (str(8 * USD), str(4 * USD))
    assert [each["surplus"] for each in cleared["tried"]] == [None]


def test_a_refused_command_is_explained_by_its_id(story: Story) -> None:
    told = story.of(story.command_id)
    assert (told.bid_id, told.standing) == (None, "refused")
    assert [step.detail["code"] for step in told.steps] == ["unknown_programme"]
    with pytest.raises(NoSuchBid):
        story.of("bid-999-0")


def hidden_end(log: Forgery) -> int:
    """A block that was in the money is said to have bid too little."""
    index = log.find("auction.closed.v1")
    ends = [each for each in log.entries[index]["data"]["events"] if each.get("reason") == "paradoxically_rejected"]
    ends[0]["reason"] = "out_of_the_money"
    return index


@pytest.mark.parametrize(
    ("name", "tamper", "code", "kind"),
    [("large", trade_price, "price_wrong", "traded"), ("rejected", hidden_end, "rejection_hidden", "closed")],
)
def test_what_a_log_claims_is_not_told(
    story: Story, tmp_path: Path, name: str, tamper: Tamper, code: str, kind: str
) -> None:
    """A log tells another price, or another reason, than the rules: the steps end there, and a finding says it."""
    logs = Path(shutil.copytree(story.home / "logs", tmp_path / "logs"))
    forgery = Forgery(logs, "matching")
    tamper(forgery)
    forgery.seal()
    told = explain(logs, story.bids[name])
    assert [each.code for each in told.findings if each.log == "matching/main"] == [code]
    assert kind not in [step.kind for step in told.steps]
