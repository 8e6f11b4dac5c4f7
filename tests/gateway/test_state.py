"""Records of a log's state over HTTP: proven by the state root in the log, and refused where that cannot be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from counterfoil.client.states import StateRecord, verify_record
from counterfoil.contract.canonical import canonical
from counterfoil.contract.log_id import LogId
from counterfoil.gateway.bounds import STATE_KEY_CHARS
from counterfoil.gateway.protections import Protections
from tests.gateway.harness import Stepped, stepped
from tests.gateway.world import UNIT, Market, deposit

LEDGER = LogId("ledger")
KEY = "position/USD/cash/lab-1"


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stepped]:
    """A market that has committed to no state yet."""
    with stepped(tmp_path_factory.mktemp("market")) as client:
        yield client


def ask(http: Stepped, key: str, log: str = "ledger/main") -> Any:
    return http.get(f"/v1/state/{log}", key=key)


def record(http: Stepped, key: str, log: LogId = LEDGER) -> StateRecord:
    answer = ask(http, key, f"{log.service}/{log.shard}")
    assert answer.status_code == 200, answer.text
    return verify_record(answer.json(), http.market.instance.verify_key(log), key)


def state_of(market: Market, log: LogId = LEDGER) -> dict[str, Any]:
    runner = market.system.runners[log]
    return dict(runner.log.decider.records(runner.engine.state))


def test_every_record_is_proven_and_a_new_one_once_the_log_has_committed_to_it(http: Stepped) -> None:
    market = http.market
    answer = ask(http, KEY)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_rooted")
    market.system.seal()
    for log in market.system.runners:
        records = state_of(market, log)
        for key in [*records][:12]:
            assert canonical(record(http, key, log).value) == canonical(records[key])
    before, absent = record(http, KEY), record(http, "position/USD/cash/nobody")
    assert absent.value is None
    market.ask("treasury", deposit("lab-1", 7))
    assert record(http, KEY)[:3] == before[:3], "what is committed to is shown, and nothing newer"
    market.system.seal()
    after = record(http, KEY)
    assert after.entries > before.entries
    assert int(after.value["credits_posted"]) == int(before.value["credits_posted"]) + 7 * UNIT


def test_bounds_and_form(http: Stepped) -> None:
    http.market.system.seal()
    assert record(http, "k" * STATE_KEY_CHARS).value is None
    cases = [
        (ask(http, "k" * (STATE_KEY_CHARS + 1)), 400, "bad_request"),
        (ask(http, ""), 400, "bad_request"),
        (ask(http, "position/\0"), 400, "bad_key"),
        (ask(http, KEY, "treasury/main"), 404, "unknown_log"),
        (ask(http, KEY, "ledger/east"), 404, "unknown_log"),
        (http.get("/v1/state/ledger/main", key=KEY, at="7"), 400, "unknown_parameter"),
        (http.request("GET", f"/v1/state/ledger/main?key={KEY}&key={KEY}"), 400, "repeated_parameter"),
    ]
    assert [(answer.status_code, answer.json()["code"]) for answer, _, _ in cases] == [case[1:] for case in cases]


def test_a_kept_state_that_the_log_does_not_commit_to_is_shown_to_nobody(http: Stepped) -> None:
    market = http.market
    market.ask("treasury", deposit("lab-1", 1))
    market.system.seal()
    store = market.system.backend().snapshots[LEDGER]
    size = store.size()
    store.advance(size, size, {KEY: b'{"n":1}'}.items())  # type: ignore[attr-defined]
    answer = ask(http, KEY)
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")


def test_others_hashes_are_for_those_who_may_read_everything(tmp_path: Path) -> None:
    with stepped(tmp_path, Protections()) as http:
        http.market.system.seal()
        assert ask(http, KEY).json()["code"] == "session_required"
