"""Answers say what position they are at; while the views are built anew there are none, but how far it is."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from counterfoil.gateway import parameters
from counterfoil.gateway.stream import _positions
from counterfoil.runtime import projector
from tests.gateway.harness import Stepped, problem_of, stepped
from tests.gateway.world import deposit

QUERIES = (
    "/v1/balances/cash/lab-1/USD",
    "/v1/balances",
    "/v1/depth?class_id=a100&region=east",
    "/v1/balances?wait_for=ledger:0",
    "/v1/parties/nobody",
)
BALANCE = QUERIES[0]
ID = "01890000-0000-7000-8000-000000000000"


def lost(database: Path, _older: Path) -> None:
    """The file is gone."""
    database.unlink()


def restored(database: Path, older: Path) -> None:
    """An older copy is put back."""
    shutil.copy(older, database)


def of_other_definitions(database: Path, _older: Path) -> None:
    """A program with other views wrote it."""
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE _meta SET fingerprint = 'other'")


@contextmanager
def behind(home: Path, happens: Callable[[Path, Path], None]) -> Iterator[tuple[Stepped, Any]]:
    """A market that was stopped, after which `happens` to its views; nothing is projected yet. With a row of before."""
    with stepped(home) as client:
        database, older = client.market.instance.views_database, home / "older"
        with closing(sqlite3.connect(database)) as live, closing(sqlite3.connect(older)) as copy:
            live.backup(copy)
        client.market.ask("treasury", *[deposit("lab-1", 1) for _ in range(20)])
        row = client.get(BALANCE).json()
    happens(database, older)
    with stepped(home) as client:
        client.step = lambda: _all_but_views(client)
        yield client, row


def _all_but_views(client: Stepped) -> None:
    system = client.market.system
    while sum(runner.step() for runner in system.runners.values()) + system.receipts.step():
        pass


@pytest.mark.parametrize("happens", [lost, restored, of_other_definitions])
def test_views_that_are_rebuilt_answer_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, happens: Callable[[Path, Path], None]
) -> None:
    usual = parameters.WAIT_AT_MOST
    monkeypatch.setattr(parameters, "WAIT_AT_MOST", 0.05)
    monkeypatch.setattr(projector, "_BATCH", 8)
    with behind(tmp_path / "home", happens) as (client, row):
        size = client.market.sizes()["ledger"]
        told = [""]
        while client.market.system.projector.catching_up:
            for query in QUERIES:
                answer = client.request("GET", query)
                problem = problem_of(answer)
                assert (problem["status"], problem["code"]) == (503, "catching_up")
                assert answer.headers["Retry-After"].isdigit()
                assert f"of {size} entries" in problem["detail"]
                told.append(problem["detail"])
            health = client.get("/healthz").json()
            assert (health["ok"], health["catching_up"]) == (True, told[-1])
            client.market.system.projector.step()
        monkeypatch.setattr(parameters, "WAIT_AT_MOST", usual)
        assert len(set(told)) > 3
        assert client.get("/healthz").json()["catching_up"] == ""
        assert client.get(BALANCE).json() == row
        assert [client.request("GET", query).status_code for query in QUERIES] == [200, 200, 200, 200, 404]


def test_what_the_logs_have_at_the_start_is_the_end_of_a_rebuild(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Later entries do not put it off, and commands are taken meanwhile."""
    monkeypatch.setattr(projector, "_BATCH", 1)
    with behind(tmp_path / "home", restored) as (client, row):
        size, views = client.market.sizes()["ledger"], client.market.system.projector
        receipt = client.post(client.market.sign("treasury", deposit("lab-1", 5), command_id=ID)).json()
        assert receipt["index"] == size
        while views.catching_up:
            views.step()
        answer = client.get(BALANCE)
        assert answer.json() == row
        assert f"ledger:{size}" in answer.headers["Counterfoil-Position"].split(",")


def test_an_answer_carries_the_position_that_a_stream_goes_on_from(shared: Stepped) -> None:
    client = shared
    client.market.ask("treasury", deposit("lab-1", 1))
    answers = [client.request("GET", query) for query in QUERIES[:4]]
    backend = client.market.system.backend()
    for answer in answers:
        position = answer.headers["Counterfoil-Position"]
        assert _positions(backend, (), position.split(",")) == client.market.system.projector.positions
    assert "Counterfoil-Position" not in client.get("/v1/balances/nobody/USD").headers
