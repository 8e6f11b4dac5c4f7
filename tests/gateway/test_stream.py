"""The event stream: every entry of the requested logs, in order and without a gap, from any position on."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import NamedTuple

import httpx
import pytest

from counterfoil.contract.log_id import LogId
from counterfoil.contract.services import SERVICES
from counterfoil.gateway.bounds import MAX_STREAMS_PER_PEER
from counterfoil.matching.halt_commands import HaltTrading
from counterfoil.vocabulary import CODEC
from tests.gateway.harness import ENVELOPE, Served, problem_of
from tests.gateway.world import BID, OFFER, deposit


class Event(NamedTuple):
    """One server-sent event."""

    id: str
    service: str
    data: bytes

    @property
    def at(self) -> int:
        """The entry's index."""
        return CODEC.decode_entry(self.data).index


@contextlib.contextmanager
def stream(server: Served, query: str = "", **headers: str) -> Iterator[Iterator[Event]]:
    """The events as they come; leaving the context disconnects the reader."""
    with server.client() as client, client.stream("GET", f"/v1/events{query}", headers=headers) as response:
        assert response.status_code == 200, response.read()
        assert response.headers["content-type"].startswith("text/event-stream")
        assert response.headers["cache-control"] == "no-store"
        yield _events(response)


def _events(response: httpx.Response) -> Iterator[Event]:
    buffer = b""
    for chunk in response.iter_bytes():
        buffer += chunk
        *blocks, buffer = buffer.split(b"\r\n\r\n")
        for block in blocks:
            fields = dict(line.split(b": ", 1) for line in block.split(b"\r\n") if not line.startswith(b":"))
            if fields:
                yield Event(fields[b"id"].decode(), fields[b"event"].decode(), fields[b"data"])


def take(events: Iterator[Event], count: int) -> list[Event]:
    return [next(events) for _ in range(count)]


def stored(server: Served, service: str) -> list[bytes]:
    return server.market.system.stores[LogId(service)].entries(0, 1_000)


def until(true: Callable[[], bool]) -> None:
    ends = time.monotonic() + 10
    while not true():
        assert time.monotonic() < ends, "it never came true"
        time.sleep(0.01)


def post(server: Served, units: int = 1) -> int:
    """Make an entry in the ledger; returns its index."""
    answer = server.post(server.market.sign("treasury", deposit("lab-1", units)))
    assert answer.status_code == 200
    return int(answer.json()["index"])


def test_the_whole_history_of_every_log(server: Served) -> None:
    start = "?" + "&".join(f"from={service}:0" for service in SERVICES)
    wanted = {service: stored(server, service) for service in SERVICES}
    with stream(server, start) as events:
        got = take(events, sum(map(len, wanted.values())))
    for service in SERVICES:
        assert [event.data for event in got if event.service == service] == wanted[service]
    # Each id is a position to resume from: it counts the entries sent so far.
    sent = dict.fromkeys(SERVICES, 0)
    for event in got:
        sent[event.service] += 1
        assert event.id == ",".join(f"{service}:{sent[service]}" for service in sorted(SERVICES))


def test_a_live_stream_continues_at_the_end_of_the_history(server: Served) -> None:
    start = len(stored(server, "ledger")) - 3
    with stream(server, f"?service=ledger&from=ledger:{start}") as events:
        take(events, 3)
        for _ in range(5):
            index = post(server)
            assert next(events).at == index


def test_without_a_position_it_begins_now(server: Served) -> None:
    with stream(server, "?service=ledger") as events:
        index = post(server)
        assert next(events).at == index


def test_a_reader_that_comes_back_misses_nothing_and_gets_nothing_twice(server: Served) -> None:
    got: list[Event] = []
    position, total = "ledger:0,issuance:4", len(stored(server, "ledger")) + len(stored(server, "issuance")) - 4
    while len(got) < total:  # resuming at an earlier id than the last one sent
        with stream(server, "?service=ledger&service=issuance&from=ledger:1", **{"Last-Event-ID": position}) as events:
            got += take(events, min(5, total - len(got)))
        position = got[-1].id
    assert [each.data for each in got if each.service == "ledger"] == stored(server, "ledger")
    assert [each.data for each in got if each.service == "issuance"] == stored(server, "issuance")[4:]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("service=nowhere", "unknown_service"),
        ("from=ledger", "bad_position"),
        ("from=ledger:x", "bad_position"),
        ("from=ledger:%C2%B2", "bad_position"),
        ("from=nowhere:1", "bad_position"),
        ("from=ledger:100000", "bad_position"),  # beyond the end: a position of another log
        ("service=ledger&from=issuance:0", "bad_position"),
        ("since=3", "unknown_parameter"),
        ("&".join(["from=ledger:0"] * 17), "bad_request"),
        ("&".join(["service=ledger"] * 17), "bad_request"),
    ],
)
def test_bad_positions(server: Served, query: str, code: str) -> None:
    with server.client() as client:
        problem = problem_of(client.get(f"/v1/events?{query}"))
        assert (problem["status"], problem["code"]) == (400, code)


def test_a_peer_has_a_share_of_the_streams_that_leaves_room_for_others(server: Served) -> None:
    share = MAX_STREAMS_PER_PEER
    with contextlib.ExitStack() as readers:
        streams = [readers.enter_context(stream(server, "?service=ledger")) for _ in range(share - 1)]
        with server.client() as client:
            with stream(server, "?service=ledger") as last:
                problem = problem_of(client.get("/v1/events"))
                assert (problem["status"], problem["code"]) == (503, "too_many_streams")
                waiting = [each for each in threading.enumerate() if each.name.startswith("counterfoil-stream")]
                assert len(waiting) == share  # on their own threads, so that queries keep theirs
                assert client.get("/v1/parties").status_code == 200
                other = httpx.HTTPTransport(local_address="127.0.0.2")
                with server.client(transport=other) as another:
                    assert _free(another)
                index = post(server)
                assert {next(each).at for each in [*streams, last]} == {index}
            until(lambda: _free(client))  # the reader left, its slot is free again
            assert client.get("/v1/events?service=nowhere").status_code == 400


def _free(client: httpx.Client) -> bool:
    with client.stream("GET", "/v1/events") as response:
        return response.status_code == 200


def test_a_stream_of_old_entries_reads_the_log_and_not_memory(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """More entries than the transport keeps."""
    market = server.market
    first = post(server)
    with server.client() as client:
        while len(stored(server, "ledger")) < first + 60:
            batch = market.sign("treasury", [deposit("lab-1", 1)] * 4)
            assert client.post("/v1/commands", content=batch, headers=ENVELOPE).status_code == 200
    source = market.system.transport._logs[market.instance.origin(LogId("ledger"))]
    with market.system.transport._lock:
        source.drop_before(source.end - 5)
    with stream(server, "?service=ledger&from=ledger:0") as events:
        got = take(events, len(stored(server, "ledger")))
    assert [event.data for event in got] == stored(server, "ledger")


def test_the_market_is_streamed_to_anybody_without_whose_it_is(server: Served) -> None:
    """Each trade and halt once, as in the views; nobody's name and no order."""
    market = server.market
    sent = [("gpu-1", replace(OFFER, nodes=2)), ("lab-1", BID), ("lab-1", replace(BID, nodes=1, hours=3))]
    halted = HaltTrading(class_id="a100", region=None, provider_id=None, reason="Meters are wrong")
    with server.client() as client, client.stream("GET", "/v1/market/events") as response:
        assert (response.status_code, response.headers["cache-control"]) == (200, "no-store")
        events = _events(response)
        for party_id, body in sent:
            assert server.post(market.sign(party_id, body)).status_code == 200
        trades = take(events, 2)
        assert server.post(market.sign("operator", halted)).status_code == 200
        halt = next(events)
    until(lambda: len(list(market.system.views.page("market_trades", {}, None, 10))) == 2)
    with server.client() as client:
        rows = client.get("/v1/market-trades").json()["items"]
    assert [json.loads(each.data) for each in trades] == rows
    assert [each.service for each in (*trades, halt)] == ["trade", "trade", "halt"]
    assert "halted_by" not in json.loads(halt.data)
    words = b"".join(each.data for each in (*trades, halt))
    assert not [each for each in (b"gpu-1", b"lab-1", b"off-", b"bid-", b"operator") if each in words]
    with server.client() as client, client.stream("GET", f"/v1/market/events?from={trades[0].id}") as response:
        assert next(_events(response)).data == trades[1].data
