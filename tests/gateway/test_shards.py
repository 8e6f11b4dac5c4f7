"""A gateway with two shards of matching: commands, receipts, positions, streams and published logs by shard."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import httpx
import pytest

from clients.python.tests.answering import Answering
from counterfoil.client.http import Gateway
from counterfoil.client.problems import NotThere
from counterfoil.contract.log_id import LogId, log_of
from counterfoil.gateway.stream import _positions
from counterfoil.instance import Instance
from counterfoil.log.checkpoint import open_checkpoint
from counterfoil.log.keys import VerifyKey
from counterfoil.log.proofs import verify_receipt
from tests.gateway.harness import Stepped, problem_of, stepped
from tests.gateway.world import HOST, OFFER, seed_of

SHARD = LogId("matching", "cn.sh")
MAIN = LogId("matching")


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stepped]:
    """An open market with a second shard, on which one offer is open."""
    home = tmp_path_factory.mktemp("market") / "home"
    Instance.create(home, HOST, "Operator", seed_of, shards=[SHARD])
    with stepped(home) as client:
        client.market.open()
        yield client


def offer(http: Stepped, log: LogId, **headers: str) -> Any:
    market = http.market
    envelope = market.sign("gpu-1", replace(OFFER, price=OFFER.price + 10_000), aud=market.instance.origin(log))
    return http.post(envelope, **headers)


@pytest.mark.parametrize("log", [MAIN, SHARD])
def test_a_command_goes_to_the_log_that_it_names_and_is_found_there(http: Stepped, log: LogId) -> None:
    receipt = offer(http, log).json()
    assert log_of(receipt["origin"]) == log
    key = http.market.instance.verify_key(log)
    verify_receipt(
        receipt["proof"].encode(), http.market.system.stores[log].entries(0, 1 << 20)[receipt["index"]], [key]
    )
    actor, command_id = receipt["id"].split("/")
    again = http.get(f"/v1/commands/{log.name}/{actor}/{command_id}")
    assert (again.status_code, again.json()["entry"]) == (200, receipt["entry"])
    other = SHARD if log is MAIN else MAIN
    missing = http.get(f"/v1/commands/{other.name}/{actor}/{command_id}")
    assert (missing.status_code, problem_of(missing)["code"]) == (404, "not_decided")


def test_the_place_of_a_receipt_to_come_names_the_shard(http: Stepped) -> None:
    later = offer(http, SHARD, Prefer="respond-async")
    assert later.status_code == 202
    assert later.headers["Location"].startswith("/v1/commands/matching/cn.sh/gpu-1/")
    http.step()
    assert http.get(later.headers["Location"]).status_code == 200


@pytest.mark.parametrize("audience", [f"{HOST}/matching/nowhere", f"{HOST}/ledger/cn.sh", f"other.example/{SHARD}"])
def test_a_log_that_is_not_there_is_the_wrong_audience(http: Stepped, audience: str) -> None:
    problem = problem_of(http.post(http.market.sign("gpu-1", OFFER, aud=audience)))
    assert (problem["status"], problem["code"]) == (400, "wrong_audience")


def test_a_command_of_another_service_is_refused_by_the_shard(http: Stepped) -> None:
    envelope = http.market.sign("gpu-1", OFFER, aud=http.market.instance.origin(LogId("ledger")))
    assert problem_of(http.post(envelope))["code"] == "wrong_audience"


def test_a_reader_waits_for_a_position_of_a_shard(http: Stepped) -> None:
    receipt = offer(http, SHARD).json()
    offer_id = receipt["events"][0]["offer_id"]
    assert "-cn.sh-" in offer_id
    found = http.get(f"/v1/offers/{offer_id}", wait_for=f"matching/cn.sh:{receipt['index']}")
    assert found.json()["offer_id"] == offer_id
    listed = http.get("/v1/offers", wait_for=["matching:0", "matching/main:0", "matching/cn.sh:0"]).json()["items"]
    assert offer_id in {row["offer_id"] for row in listed}


@pytest.mark.parametrize(
    "position", ["matching/nowhere:0", "ledger/cn.sh:0", "matching/:0", "matching/cn.sh", "/cn.sh:0"]
)
def test_a_position_in_no_log_is_refused(http: Stepped, position: str) -> None:
    for path, name, code in (("/v1/offers", "wait_for", "bad_wait_for"), ("/v1/events", "from", "bad_position")):
        problem = problem_of(http.get(path, **{name: position}))
        assert (problem["status"], problem["code"]) == (400, code)


def test_a_stream_takes_a_service_for_all_its_shards(http: Stepped) -> None:
    backend, origin = http.market.system.backend(), http.market.instance.origin
    everything = _positions(backend, (), ())
    assert everything.keys() == set(map(origin, http.market.instance.logs()))
    assert _positions(backend, ["matching"], ()).keys() == {origin(MAIN), origin(SHARD)}
    assert _positions(backend, ["matching/main"], ()).keys() == {origin(MAIN)}
    assert _positions(backend, ["matching/cn.sh"], ["matching/cn.sh:1"]) == {origin(SHARD): 1}


def test_every_shard_is_published(http: Stepped) -> None:
    for log in (MAIN, SHARD):
        key = VerifyKey.parse(http.get(f"/log/{log}/vkey").text.strip())
        note = http.get(f"/log/{log}/checkpoint").content
        assert open_checkpoint(note, [key]).origin == http.market.instance.origin(log)
    for path in ("/log/matching/nowhere/checkpoint", "/log/ledger/cn.sh/vkey", "/log/matching/cn.sh.x/vkey"):
        assert problem_of(http.get(path))["code"] == "unknown_log"


def test_the_client_asks_by_log(http: Stepped) -> None:
    asked: list[str] = []

    def serve(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        answer = http.get(request.url.path)
        return httpx.Response(
            answer.status_code, content=answer.content, headers={"content-type": "application/problem+json"}
        )

    with Gateway("http://gateway", transport=Answering(serve)) as gateway:
        gateway.log_file(SHARD, "checkpoint")
        gateway.log_file(MAIN, "vkey")
        for log in (SHARD, MAIN):
            with suppress(NotThere):
                gateway.receipt(log, "a", "b")
    assert asked == [
        "/log/matching/cn.sh/checkpoint", "/log/matching/main/vkey", "/v1/commands/matching/cn.sh/a/b",
        "/v1/commands/matching/a/b",
    ]  # fmt: skip
