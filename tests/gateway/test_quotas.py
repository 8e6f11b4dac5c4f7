"""What one party sends is bounded before it is logged, and makes no other party wait."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from counterfoil.client.author import Author
from counterfoil.contract.log_id import LogId
from counterfoil.contract.record import Command as Body
from counterfoil.gateway import submit
from counterfoil.gateway.bounds import BURST_SECONDS, REFUSED_WEIGHS
from counterfoil.gateway.problems import Problem
from counterfoil.gateway.quotas import Quota, Quotas
from counterfoil.gateway.turns import Line
from counterfoil.issuance.commands import AddKey, RevokeKey
from counterfoil.matching.commands import CancelBid
from counterfoil.runtime.receipts import Recorded
from counterfoil.vocabulary import CODEC
from tests.gateway.harness import PUBLIC, Stepped, problem_of, stepped
from tests.gateway.world import HOST, OFFER, seed_of

NOWHERE = CancelBid(bid_id="bid-9-9")
LOG = LogId("matching")


# buckets ------------------------------------------------------------------------------------------------------------


class Time:
    """A clock that is moved on."""

    now = 100.0

    def __call__(self) -> int:
        return round(self.now * 1e9)


@pytest.fixture
def time() -> Time:
    return Time()


def taken(quotas: Quotas, party: str, size: int = 1, most: int = 1_000) -> int:
    """How many commands of the party are taken until one is refused."""
    for count in range(most):
        try:
            quotas.take(party, size)
        except Problem:
            return count
    raise AssertionError("none was refused")


def test_a_party_may_send_its_quota_and_a_burst(time: Time) -> None:
    quotas = Quotas(Quota(entries_per_second=5, bytes_per_second=1_000), time)
    assert taken(quotas, "lab-1") == 5 * BURST_SECONDS
    time.now += 0.4
    assert taken(quotas, "lab-1") == 2
    assert taken(quotas, "lab-2", size=250) == 4 * BURST_SECONDS  # bytes
    assert taken(quotas, "gpu-1", size=500) == 2 * BURST_SECONDS
    with pytest.raises(Problem) as refused:
        quotas.take("gpu-1", 3_000)
    assert (refused.value.status, refused.value.headers) == (429, {"Retry-After": "3"})
    time.now += 3
    quotas.take("gpu-1", 3_000)
    time.now += 1_000
    assert taken(quotas, "lab-1") == 5 * BURST_SECONDS  # no more is saved up


def test_what_is_refused_weighs_more(http: Stepped, time: Time) -> None:
    def recorded(party: str, body: Body) -> tuple[int, Recorded]:
        envelope = http.market.sign(party, body)
        future = http.market.system.submit(envelope)
        http.market.system.settle()
        answer = future.result(timeout=0)
        assert isinstance(answer, Recorded)
        return len(envelope), answer

    quotas = Quotas(Quota(entries_per_second=10, bytes_per_second=2**40), time)
    for party, body, weight in (("gpu-1", OFFER, 1), ("lab-1", NOWHERE, REFUSED_WEIGHS)):
        size, answer = recorded(party, body)
        quotas.take(party, size)
        quotas.settle(party, size, answer)
        assert taken(quotas, party) == 10 * BURST_SECONDS - weight
    quotas = Quotas(Quota(entries_per_second=2**40, bytes_per_second=100_000), time)
    size, answer = recorded("gpu-1", OFFER)
    quotas.take("gpu-1", size)
    quotas.settle("gpu-1", size, answer)
    assert taken(quotas, "gpu-1", size=2_000_000 - len(answer.data)) == 1
    size, answer = recorded("lab-1", NOWHERE)
    quotas.take("lab-1", size)
    quotas.settle("lab-1", size, answer)
    assert taken(quotas, "lab-1", size=2_000_000 - REFUSED_WEIGHS * len(answer.data)) == 1


def test_the_number_of_buckets_is_bounded(time: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("counterfoil.gateway.quotas.PARTIES_KEPT", 3)
    quotas = Quotas(Quota(entries_per_second=1, bytes_per_second=1_000), time)
    for party in ("a", "b", "c"):
        quotas.take(party, 1)
    time.now += 1
    quotas.take("d", 1)
    assert set(quotas._full_at) == {"d"}


# turns --------------------------------------------------------------------------------------------------------------


def test_parties_that_wait_take_turns() -> None:
    async def run() -> list[str]:
        line, order = Line(at_once=2), list[str]()
        asked = [(party, line.ask(party)) for party in ("a", "a", "a", "a", "a", "b", "b", "c")]
        assert [turn.done() for _, turn in asked] == [True, True, *[False] * 6]
        asked[3][1].cancel()  # who left has no turn
        while any(not turn.done() for _, turn in asked):
            before = {at for at, (_, turn) in enumerate(asked) if turn.done()}
            line.leave()
            order += [party for at, (party, turn) in enumerate(asked) if turn.done() and at not in before]
        for _ in range(2):
            line.leave()
        assert [line.ask("a").done() for _ in range(3)] == [True, True, False]
        return order

    assert asyncio.run(run()) == ["a", "b", "c", "b", "a"]


# through the gateway ------------------------------------------------------------------------------------------------


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stepped]:
    """A new market whose parties may send one command a second, and as many at once as in a burst."""
    monkeypatch.setattr(submit, "PAUSE", 0.0)
    quota = Quota(entries_per_second=1, bytes_per_second=2**40)
    with stepped(tmp_path / "home", replace(PUBLIC, quota=quota)) as client:
        yield client


def test_refused_batches_fill_no_log(small: Stepped) -> None:
    """At first 4,000 batches of refused commands wrote 100 MB."""
    before = small.market.sizes()["matching"]
    envelopes = [small.market.sign("lab-1", [NOWHERE] * 40) for _ in range(40)]
    answers = [small.post(each) for each in envelopes]
    assert {answer.status_code for answer in answers} == {200, 429}
    made = small.market.sizes()["matching"] - before
    assert BURST_SECONDS // REFUSED_WEIGHS <= made < 10  # one more in ten seconds
    problem = problem_of(answers[-1])
    assert (problem["code"], problem["detail"]) == ("rate_limited", "lab-1")
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert small.post(small.market.sign("gpu-1", OFFER)).status_code == 200  # others are not affected


@pytest.fixture
def few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stepped]:
    """A new market with at most four commands in an inbox."""
    monkeypatch.setattr(submit, "IN_INBOX", 4)
    with stepped(tmp_path / "home") as client:
        yield client


def test_one_party_makes_no_other_wait_for_all_that_it_sent(few: Stepped) -> None:
    """At first an offer waited for 8,192 bids of one party, which were in the inbox before it."""
    http = few
    for party, body in (("lab-1", NOWHERE), ("gpu-1", OFFER)):
        http.post(http.market.sign(party, body))  # their keys are known: nobody waits for a thread
    flood = [http.market.sign("lab-1", NOWHERE) for _ in range(60)]
    offer = http.market.sign("gpu-1", OFFER)

    async def everything() -> list[httpx.Response]:
        elsewhere = httpx.ASGITransport(http.app, client=("10.0.0.2", 1))

        async def send(envelope: bytes, **headers: str) -> httpx.Response:
            return await http._client.post("/v1/commands", content=envelope, headers=headers)

        async def send_from_elsewhere(envelope: bytes) -> httpx.Response:
            async with httpx.AsyncClient(transport=elsewhere, base_url="http://gateway") as client:
                return await client.post("/v1/commands", content=envelope)

        waiting = [asyncio.ensure_future(send(each, Prefer="respond-async")) for each in flood]
        while not http.market.system.transport._commands[LOG].items:  # noqa: ASYNC110 nothing to wait for
            await asyncio.sleep(0)
        waiting.append(asyncio.ensure_future(send_from_elsewhere(offer)))
        return await asyncio.gather(*waiting)

    first = http.market.sizes()["matching"]
    answers = http.stepping(everything())
    http.market.system.settle()
    entries = http.market.system.stores[LOG].entries(first, first + 100)
    decided = [CODEC.decode_entry(data).id.partition("/")[0] for data in entries]
    assert {answer.status_code for answer in answers} == {200, 202}
    assert decided.count("lab-1") == len(flood)
    assert decided.index("gpu-1") <= 2 * 4 + 1


def test_a_revoked_key_makes_no_entry(http: Stepped) -> None:
    market = http.market
    stolen, new = market.author("lab-1"), Author("lab-1", seed_of("lab-1/new"))
    before = market.sign("lab-1", NOWHERE, key=stolen)
    accepted_before = http.post(before)
    market.ask("lab-1", AddKey(key=new.prove(HOST)))
    revocation = RevokeKey(party_id="lab-1", key_id=stolen.key_id, reason="stolen")
    assert http.post(market.sign("lab-1", revocation, key=new)).status_code == 200
    sizes = market.sizes()["matching"]
    answers = [http.post(market.sign("lab-1", NOWHERE, key=stolen)) for _ in range(20)]
    assert {(answer.status_code, problem_of(answer)["code"]) for answer in answers} == {(401, "key_revoked")}
    assert market.sizes()["matching"] - sizes <= 1  # the first, if the gateway knew the key already
    repeated = problem_of(http.post(before))  # what was decided before is answered as it was
    assert repeated["receipt"]["entry"] == problem_of(accepted_before)["receipt"]["entry"]
    assert http.post(market.sign("lab-1", NOWHERE, key=new)).status_code == 404


def test_published_commands_sent_again_by_a_stranger_shut_nobody_out(tmp_path: Path) -> None:
    """Whoever reads the log has every party's signed commands: copies of one used up all of its party's quota."""
    most = 100
    protections = replace(PUBLIC, quota=Quota(entries_per_second=most // BURST_SECONDS, bytes_per_second=2**40))
    with stepped(tmp_path / "home", protections) as http:
        refused, accepted = http.market.sign("lab-1", NOWHERE), http.market.sign("gpu-1", OFFER)
        for envelope, status in ((refused, 404), (accepted, 200)):
            answers = [http.post(envelope) for _ in range(2 * most)]
            assert {answer.status_code for answer in answers} == {status}
            assert len({problem_of(each)["receipt"]["index"] for each in answers if status == 404}) <= 1
        assert http.post(http.market.sign("lab-1", CancelBid(bid_id="bid-8-8"))).status_code == 404
        own = {http.post(http.market.sign("gpu-1", OFFER)).status_code for _ in range(most // 3)}
        assert own == {200}
