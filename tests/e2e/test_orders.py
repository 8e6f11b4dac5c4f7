"""Who places an order is told what became of it, not only that it was accepted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from unittest.mock import Mock

import pytest

from counterfoil.client.problems import Unreachable
from tests.e2e.founding import BLOCK, END, FIRST, LAST, PROGRAMME, found_a_market
from tests.e2e.running import Shell, eventually, serving

pytestmark = pytest.mark.e2e

OFFER = ("offer", "post", *BLOCK, "--from", FIRST, "--until", END, "--price", "1.80", "--as", "norn", "--nodes")
BID = ("bid", "place", "--programme", PROGRAMME, *BLOCK, "--earliest", FIRST, "--latest", LAST, "--as", "acme")


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A served market without orders."""
    folder = tmp_path_factory.mktemp("market")
    shell = Shell(folder / "home")
    shell.ok("init", "--host", "market.example")
    with serving(shell):
        found_a_market(shell, folder)
        yield shell


def test_an_order_is_followed_until_it_rests_is_filled_or_is_refused(market: Shell) -> None:
    wait = ("--wait", "20")
    resting = market.soon(*OFFER, "2", *wait)["outcome"]
    assert (resting["status"], resting["cause"], resting["trades"]) == ("open", None, [])
    filled = market.soon(*BID, "--nodes", "1", "--hours", "6", "--price", "2.00", *wait)["outcome"]
    assert (filled["status"], filled["nodes_filled"]) == ("filled", 1)
    assert [(each["price"], each["provider_id"]) for each in filled["trades"]] == [("1800000", "norn")]
    people = market.run(*BID, "--nodes", "1", "--hours", "2", "--price", "1.90", *wait)
    assert ": 1 node for 2 h from" in people.out
    assert "at 1.80 USD" in people.out
    assert "limit price 1.90 USD" in " ".join(people.out.split())
    lower = market.ok(*BID, "--nodes", "1", "--hours", "2", "--price", "1.00", *wait)["outcome"]
    assert (lower["status"], lower["nodes_left"]) == ("open", 1)


def test_an_order_without_funds_is_refused_with_its_cause(market: Shell) -> None:
    for words in (
        (*BID, "--nodes", "9", "--hours", "24", "--price", "90.00"),
        ("offer", "post", *BLOCK, "--from", FIRST, "--until", END, "--price", "900", "--as", "norn", "--nodes", "99"),
    ):
        ran = market.run(*words, "--wait", "20", "--json")
        assert ran.code == 4, ran.err
        assert ran.json["outcome"]["status"] == "closed"
        assert ran.json["outcome"]["cause"] == "exceeds_available"
        people = market.run(*words, "--wait", "20")
        assert (people.code, "exceeds_available" in people.out, "short" in people.out) == (4, True, True)


def test_what_became_of_a_voucher_is_proven_and_so_are_the_totals(market: Shell, tmp_path: Path) -> None:
    (voucher,) = market.ok("voucher", "list")
    for number, words in enumerate((("voucher", "prove", voucher["voucher_id"]), ("programme", "totals", PROGRAMME))):
        file = tmp_path / str(number)
        proven = eventually(lambda: market.ok(*words, "--save", file))  # noqa: B023 - called in this turn
        assert proven["balances_that_differ"] == []
        assert proven["totals"]["face" if number == 0 else "issued"] == "1000000000"
        offline = market.ok("proof", "verify", file, "--vkeys", market.home / "vkeys")
        assert (offline["totals"], offline["postings"]) == (proven["totals"], proven["postings"])
        file.write_text(file.read_text().replace("index ", "index 1", 1))
        assert market.run("proof", "verify", file, "--vkeys", market.home / "vkeys", "--json").code == 1
    assert "life of vch-" in market.run("voucher", "prove", voucher["voucher_id"]).out
    assert market.run("voucher", "prove", "vch-9999-0", "--json").code == 2


@pytest.mark.parametrize(
    ("stop", "code", "says"),
    [
        (KeyboardInterrupt(), 130, "interrupted\n"),
        (Unreachable("gone"), 5, "error: gone (unreachable). The order is acc"),
    ],
)
def test_what_was_accepted_is_told_though_the_waiting_ends(
    market: Shell, monkeypatch: pytest.MonkeyPatch, stop: BaseException, code: int, says: str
) -> None:
    monkeypatch.setattr("counterfoil.client.orders.follow_order", Mock(side_effect=stop))
    ran = market.run(*OFFER, "1", "--wait", "20")
    assert (ran.code, "accepted: matching:" in ran.out) == (code, True)
    assert says in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ("offer show off-9-0-0", 4, "not_found"),
        ("bid cancel bid-9999-0 --as acme", 4, "unknown_order"),
        ("voucher issue --programme none --beneficiary acme --amount 1 --as springfield", 4, "unknown_programme"),
        ("usage accept rep-9-0 --as acme", 4, "unknown_report"),
        ("quote --programme none --class a --region r --nodes 1 --hours 1", 2, "there is no programme none"),
        ("log receipt ledger acme/0198c2f4-9c1e-7d3a-8a51-3f1f7b0c2d4e", 4, "not_decided"),
    ],
)
def test_an_id_that_nothing_has(market: Shell, words: str, code: int, says: str) -> None:
    ran = market.run(*words.split())
    said = ran.err.splitlines()[-1]
    assert (ran.code, ran.out, said.partition(": ")[0]) == (code, "", "refused" if code == 4 else "error")
    assert says in said


def test_nobody_is_kept_waiting_who_did_not_ask(market: Shell) -> None:
    assert "outcome" not in market.ok(*BID, "--nodes", "1", "--hours", "2", "--price", "1.00")
