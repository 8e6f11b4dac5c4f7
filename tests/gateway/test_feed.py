"""A party's feed: its own events and those of its programmes, each once, whatever the pages; nothing of others."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, cast

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_structured_event
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from counterfoil.catalogue import VIEWS
from counterfoil.contract.canonical import canonical
from counterfoil.contract.record import annotations_of
from counterfoil.gateway.backend import Backend
from counterfoil.gateway.bounds import MAX_FEEDS_PER_PEER
from counterfoil.gateway.concerns import CONCERNS, NOBODY, PROGRAMME, WITHHELD
from counterfoil.gateway.feed import Page, read_page
from counterfoil.ledger.commands import Deposit
from counterfoil.ports import Row
from counterfoil.vocabulary import VOCABULARY
from tests.gateway.harness import problem_of
from tests.gateway.readers import READERS, Reading, bearer, reading
from tests.gateway.world import UNIT
from tests.market import Market, Traded, play

Feeds = dict[str, list[dict[str, Any]]]
PARTIES = ("lab-1", "lab-2", "gpu-1", "gpu-2", "city", "treasury", "operator")


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Market, Traded]]:
    """A market with a contract that was delivered and paid, and one that was not."""
    with Market(tmp_path_factory.mktemp("story")) as market:
        traded = play(market)
        yield market, traded


@pytest.fixture(scope="module")
def feeds(story: tuple[Market, Traded]) -> Feeds:
    """What each party reads, in one long page after the other."""
    return {party_id: whole(story[0].system.backend(), party_id, 500) for party_id in PARTIES}


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reading]:
    """A restricted gateway."""
    with reading(tmp_path_factory.mktemp("market"), "restricted") as found:
        yield found


def whole(backend: Backend, party_id: str, limit: int) -> list[dict[str, Any]]:
    """All items of a party."""
    items: list[dict[str, Any]] = []
    page = Page([], dict.fromkeys(backend.origins.values(), 0), more=True)
    while page.more:
        page = read_page(backend, party_id, page.positions, limit)
        items += page.items
    return items


# what is declared ---------------------------------------------------------------------------------------------------


def test_every_event_has_its_place_and_what_it_names_is_there() -> None:
    views, placed = {view.name: view for view in VIEWS}, list(NOBODY)
    for table in CONCERNS.values():
        placed += table
        for kind, concerns in table.items():
            named = {concerns.subject, *concerns.parties, *(via.member for via in concerns.via)}
            named |= {PROGRAMME} if concerns.programme else set()
            named |= {"purpose"} if any(via.purpose for via in concerns.via) else set()
            assert named <= set(annotations_of(kind)), kind
            for via in concerns.via:
                assert len(views[via.view].key) == 1
                assert {*via.parties, *([PROGRAMME] if via.programme else [])} <= set(views[via.view].columns)
    assert sorted(kind.TYPE for kind in placed) == sorted(VOCABULARY.events)


def test_facts_that_were_attested_are_told_to_one_party_at_most() -> None:
    with_facts = 0
    for table in CONCERNS.values():
        for kind, concerns in table.items():
            if any("FactGiven" in str(of) for of in annotations_of(kind).values()):
                with_facts += 1
                assert len(concerns.parties) + sum(len(via.parties) for via in concerns.via) <= 1, kind
    assert with_facts > 1


# who reads what -----------------------------------------------------------------------------------------------------


def kinds(items: list[dict[str, Any]], subject: str) -> set[str]:
    return {item["type"].rpartition(".")[0] for item in items if item["subject"] == subject}


def test_of_a_bid_others_learn_nothing_but_the_trade(story: tuple[Market, Traded], feeds: Feeds) -> None:
    bid_id, offer_id, contract_id = story[1].good.bid_id, story[1].good.offer_id, story[1].good.trade_id
    own, other = story[1].good.provider_id, {"gpu-1": "gpu-2", "gpu-2": "gpu-1"}[story[1].good.provider_id]
    assert kinds(feeds["lab-1"], bid_id) == {"bid.received", "bid.admitted", "hold.placed"}
    assert kinds(feeds["city"], bid_id) == {"bid.received", "bid.admitted", "hold.placed"}
    assert kinds(feeds[own], offer_id) >= {"offer.received", "offer.admitted", "bond.held"}
    both = {"trade.matched", "contract.opened", "contract.completed", "bond.divided"}
    assert kinds(feeds[own], contract_id) == both
    assert kinds(feeds["lab-1"], contract_id) >= both | {"contract.funded", "hold.captured"}
    for party_id in (own, other, "lab-2", "treasury", "operator"):
        assert kinds(feeds[party_id], bid_id) == set()
    for party_id in (other, "lab-1", "lab-2", "city", "treasury", "operator"):
        assert kinds(feeds[party_id], offer_id) == set()
    for party_id in (other, "lab-2", "treasury", "operator"):
        assert kinds(feeds[party_id], contract_id) == set()


def test_an_issuer_reads_its_programme_and_a_treasurer_what_it_booked(feeds: Feeds) -> None:
    assert {item["type"] for item in feeds["city"]} >= {
        "programme.published.v1", "budget.appropriated.v1", "voucher.issued.v1", "trade.matched.v1",
        "usage.reported.v1", "claim.submitted.v1", "claim.approved.v1", "settlement.closed.v1", "voucher.expired.v1",
    }  # fmt: skip
    assert not [item for item in feeds["city"] if item["type"].startswith(("offer.", "cash."))]
    booked = {"party.registered.v1", "key.added.v1", "cash.deposited.v1", "payment.confirmed.v1"}
    assert {item["type"] for item in feeds["treasury"]} == booked


def test_no_event_shows_a_balance_or_what_another_bid(story: tuple[Market, Traded], feeds: Feeds) -> None:
    bid = {"limit_price", "cost_per_node", "released_cash", "nodes_left", "vouchers"}
    own = {item["id"] for name in ("gpu-1", "gpu-2") for item in feeds[name]}
    assert {item["type"] for name in ("gpu-1", "gpu-2") for item in feeds[name]} > {"usage.reported.v1"}
    for item in (item for items in feeds.values() for item in items):
        assert not set(WITHHELD) & set(item["data"])
        assert item["id"] not in own or not any(item["data"].get(name) for name in bid), item["type"]


def test_what_a_log_copies_from_another_comes_once(feeds: Feeds) -> None:
    registered = [item for item in feeds["lab-2"] if item["type"] == "party.registered.v1"]
    assert [item["source"].split("/")[-2] for item in registered] == ["issuance"]


def test_each_item_is_a_cloud_event(feeds: Feeds) -> None:
    for item in (item for items in feeds.values() for item in items):
        message = KafkaMessage({"content-type": b"application/cloudevents+json"}, None, canonical(item))
        event = from_structured_event(message, JSONFormat())
        assert isinstance(event, CloudEvent)
        assert (event.get_specversion(), event.get_id(), event.get_type()) == ("1.0", item["id"], item["type"])
        assert event.get_source() + "/" in f"//{event.get_id()}"
        assert event.get_data() == item["data"]
        assert item["data"]["type"] == item["type"]


# pages --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [1, 7])
def test_pages_lose_and_repeat_nothing(story: tuple[Market, Traded], feeds: Feeds, limit: int) -> None:
    assert whole(story[0].system.backend(), "lab-1", limit) == feeds["lab-1"]
    assert [item["time"] for item in feeds["lab-1"]] == sorted(item["time"] for item in feeds["lab-1"])


def test_a_page_ends_after_so_many_events_and_the_cursor_has_moved(
    story: tuple[Market, Traded], feeds: Feeds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("counterfoil.gateway.feed.FEED_EVENTS", 5)
    backend, items, empty = story[0].system.backend(), [], 0
    page = Page([], dict.fromkeys(backend.origins.values(), 0), more=True)
    while page.more:
        before = sum(page.positions.values())
        page = read_page(backend, "treasury", page.positions, 500)
        assert 0 < sum(page.positions.values()) - before <= 5
        empty += not page.items
        items += page.items
    assert items == feeds["treasury"]
    assert empty > 5


def test_a_page_ends_before_an_event_whose_object_no_view_has_yet(story: tuple[Market, Traded], feeds: Feeds) -> None:
    """Views are at a place of their own in each log: what they lack is no event of nobody."""
    backend, hidden = story[0].system.backend(), True

    class Behind:
        def __init__(self, views: Any) -> None:
            self.progress, self.page, self._views = views.progress, views.page, views

        def get(self, view: str, key: tuple[object, ...]) -> Row | None:
            return None if view == "contracts" and hidden else cast("Row | None", self._views.get(view, key))

    class Views:
        get = backend.views.get

        @contextmanager
        def consistent_read(self, within: float | None = None) -> Iterator[Any]:
            with backend.views.consistent_read(within) as views:
                yield Behind(views)

    late = replace(backend, views=cast(Any, Views()))
    assert dataclasses.is_dataclass(late)
    start = dict.fromkeys(backend.origins.values(), 0)
    first = read_page(late, "lab-1", start, 500)
    assert not first.more
    assert read_page(late, "lab-1", first.positions, 500) == Page([], first.positions, more=False)
    hidden = False
    rest = read_page(late, "lab-1", first.positions, 500)
    assert first.items + rest.items == feeds["lab-1"]


# over HTTP ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reader", READERS)
def test_a_feed_is_for_a_session(market: Reading, reader: str) -> None:
    answer = market.ask(reader, "/v1/feed")
    if reader == "anybody":
        assert (answer.status_code, problem_of(answer)["code"]) == (401, "session_required")
        return
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    types = {item["type"] for item in answer.json()["items"]}
    assert ("budget.appropriated.v1" in types) == (reader in ("issuer", "auditor of the programme"))
    assert ("voucher.issued.v1" in types) == (reader in ("issuer", "auditor of the programme", "party"))


def test_a_feed_goes_on_where_it_was(market: Reading) -> None:
    before = market.ask("party", "/v1/feed?limit=500").json()
    after = market.ask("party", f"/v1/feed?from={before['next']}").json()
    assert after == {"items": [], "next": before["next"], "more": False}
    paid = Deposit(party_id="lab-1", currency="USD", amount=UNIT, payment_reference="FEED")
    market.market.ask("treasury", paid)
    (item,) = market.ask("party", f"/v1/feed?from={before['next']}").json()["items"]
    assert (item["type"], item["data"]["payment_reference"]) == ("cash.deposited.v1", "FEED")
    assert "legs" not in item["data"]


def test_who_waits_gets_the_event_when_it_is_there(market: Reading) -> None:
    start = market.ask("party", "/v1/feed?limit=500").json()["next"]
    token = market.token("lab-1")

    async def follow() -> tuple[dict[str, Any], float]:
        loop = asyncio.get_running_loop()
        waiting = asyncio.ensure_future(
            market.http._client.get(f"/v1/feed?from={start}&wait=10", headers=bearer(token))
        )
        await asyncio.sleep(0.2)
        assert not waiting.done()
        for to, reference in (("gpu-1", "OTHER"), ("lab-1", "WAITED")):
            paid = Deposit(party_id=to, currency="USD", amount=UNIT, payment_reference=reference)
            market.market.system.submit(market.market.sign("treasury", paid))
            await asyncio.sleep(0.2)
        began = loop.time()
        return (await waiting).json(), loop.time() - began

    found, took = market.http.stepping(follow())
    assert [item["data"]["payment_reference"] for item in found["items"]] == ["WAITED"]
    assert took < 5
    assert market.ask("party", f"/v1/feed?from={found['next']}&wait=1").json()["items"] == []


def test_who_waits_keeps_nobody_of_its_address_from_asking(market: Reading) -> None:
    """Sixteen who waited for their feeds were all that an address might have under way."""
    start, token = market.ask("party", "/v1/feed?limit=500").json()["next"], market.token("lab-1")

    async def ask() -> list[bool]:
        path = f"/v1/feed?from={start}&wait=10"
        feeds = [
            asyncio.ensure_future(market.http._client.get(path, headers=bearer(token)))
            for _ in range(MAX_FEEDS_PER_PEER)
        ]
        await asyncio.sleep(0.3)
        async with asyncio.timeout(5):
            await market.http._client.get("/v1/limits")
        done = [feed.done() for feed in feeds]
        for feed in feeds:
            feed.cancel()
        await asyncio.gather(*feeds, return_exceptions=True)
        return done

    assert market.http.stepping(ask()) == [False] * MAX_FEEDS_PER_PEER


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("from=ledger:999999", "bad_position"),
        ("from=nowhere:0", "bad_position"),
        ("from=ledger", "bad_position"),
        ("since=1", "bad_request"),
        ("since=2026-03-02T00:00:00.000000Z&from=ledger:0", "bad_request"),
        ("until=1", "unknown_parameter"),
        ("limit=501", "bad_request"),
        ("limit=0", "bad_request"),
        ("wait=11", "bad_request"),
    ],
)
def test_what_is_no_place_or_parameter_is_refused(market: Reading, query: str, code: str) -> None:
    answer = market.ask("party", f"/v1/feed?{query}")
    assert (answer.status_code, problem_of(answer)["code"]) == (400, code)
    assert market.ask("party", "/v1/feed?limit=500&wait=10").status_code == 200
