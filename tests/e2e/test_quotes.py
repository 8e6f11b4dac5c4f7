"""What capacity there is, and what a block would cost, agree with what a bid then does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.founding import BLOCK, END, FIRST, LAST, PROGRAMME, found_a_market
from tests.e2e.running import Shell, eventually, serving

pytestmark = pytest.mark.e2e

QUOTE = ("quote", "--programme", PROGRAMME, *BLOCK)
OFFER = ("offer", "post", *BLOCK, "--from", FIRST, "--as", "norn")


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A served market with two offers."""
    folder = tmp_path_factory.mktemp("market")
    shell = Shell(folder / "home")
    shell.ok("init", "--host", "market.example")
    with serving(shell):
        found_a_market(shell, folder)
        shell.soon(*OFFER, "--nodes", "4", "--until", END, "--price", "1.80")
        shell.soon(*OFFER, "--nodes", "2", "--until", LAST, "--price", "1.50")
        eventually(lambda: len(shell.ok("offer", "list", "--where", "status=open")) == 2)
        yield shell


def prices(market: Shell, *more: str) -> list[str]:
    return [row["price"] for row in market.ok("offer", "search", *BLOCK, *more)]


def test_offers_are_found_by_block_window_and_price(market: Shell) -> None:
    assert prices(market) == ["1500000", "1800000"]
    assert prices(market, "--max-price", "1.79") == ["1500000"]
    assert prices(market, "--max-price", "1.80") == ["1500000", "1800000"]
    assert prices(market, "--nodes", "3") == ["1800000"]
    assert prices(market, "--nodes", "5") == []
    assert prices(market, "--hours", "4", "--until", LAST) == ["1500000", "1800000"]
    assert prices(market, "--hours", "5") == ["1800000"]
    assert prices(market, "--hours", "5", "--until", LAST) == []
    assert prices(market, "--from", LAST, "--sort", "earliest") == ["1800000"]
    (row,) = market.ok("offer", "search", *BLOCK, "--nodes", "3")
    assert (row["unsold"], row["starts"], row["nodes"]) == ("all", FIRST, 4)
    people = market.run("offer", "search", *BLOCK)
    assert (people.code, "1.50" in people.out, "no promise" in people.err) == (0, True, True)


def test_a_quote_is_what_the_ledger_then_holds(market: Shell) -> None:
    quoted = market.ok(*QUOTE, "--nodes", "1", "--hours", "6", "--party", "acme")
    amounts = {
        name: int(quoted[name]) for name in ("cost", "subsidy", "co_payment", "missing_vouchers", "missing_cash")
    }
    assert amounts == {
        "cost": 86_400_000, "subsidy": 64_800_000, "co_payment": 21_600_000, "missing_vouchers": 0, "missing_cash": 0,
    }  # fmt: skip
    assert quoted["offer"]["price"] == quoted["limit_price"] == "1800000"
    bid = ("bid", "place", "--programme", PROGRAMME, *BLOCK, "--nodes", "1", "--hours", "6", "--price", "1.80")
    span = ("--earliest", FIRST, "--latest", FIRST, "--as", "acme", "--wait", "20")
    assert market.soon(*bid, *span)["outcome"]["status"] == "filled"
    (held,) = eventually(lambda: market.ok("balance", "holds", "--where", "purpose=contract"))
    assert (int(held["vouchers"]), int(held["cash"])) == (amounts["subsidy"], amounts["co_payment"])
    (paid,) = quoted["vouchers"]
    (left,) = market.ok("voucher", "balances")
    assert (left["voucher_id"], int(left["held"])) == (paid["voucher_id"], int(paid["amount"]))
    (row,) = market.ok("offer", "search", *BLOCK, "--nodes", "4", "--hours", "5")
    assert row["unsold"] == "part"


def test_what_is_missing_is_said_and_refused(market: Shell) -> None:
    def quote(*more: str) -> Any:
        return market.ok(*QUOTE, *more)

    split = quote("--nodes", "1", "--hours", "2")
    assert (split["cost"], "vouchers" in split) == ("24000000", False)
    dear = quote("--nodes", "4", "--hours", "24", "--price", "9", "--party", "acme")
    assert (dear["cost"], dear["subsidy"], dear["vouchers_refused"]) == ("6912000000", "5184000000", None)
    assert [int(each["amount"]) for each in dear["vouchers"]] == [1_000_000_000 - 64_800_000]
    assert int(dear["missing_vouchers"]) == 5_184_000_000 - (1_000_000_000 - 64_800_000)
    assert int(dear["missing_cash"]) == 1_728_000_000 - (500_000_000 - 21_600_000)
    nothing = quote("--nodes", "900", "--hours", "1")
    assert (nothing["offer"], nothing["limit_price"], "cost" in nothing) == (None, None, False)
    ran = market.run("quote", "--programme", "nothing", *BLOCK, "--nodes", "1", "--hours", "1", "--json")
    assert ran.code == 2
    people = market.run(*QUOTE, "--nodes", "1", "--hours", "2", "--party", "acme")
    assert (people.code, "no promise" in people.out, "24.00 USD" in people.out) == (0, True, True)


def test_a_notice_is_searched_quoted_bought_and_given(market: Shell) -> None:
    """An offer that names two hours is the only one for a bid that asks for one; its contract is reclaimed with it."""
    market.soon(*OFFER, "--nodes", "1", "--until", LAST, "--price", "1.90", "--reclaim-notice", "2")
    asks = ("--min-reclaim-notice", "1")
    eventually(lambda: prices(market, *asks) == ["1900000"])
    assert prices(market, "--min-reclaim-notice", "3") == []
    quoted = market.ok(*QUOTE, "--nodes", "1", "--hours", "3", *asks)
    assert quoted["limit_price"] == "1900000"
    bid = ("bid", "place", "--programme", PROGRAMME, *BLOCK, "--nodes", "1", "--hours", "3", "--price", "1.90")
    span = ("--earliest", FIRST, "--latest", FIRST, "--as", "acme", "--wait", "20")
    (trade,) = market.soon(*bid, *span, *asks)["outcome"]["trades"]

    def contract() -> Any:
        return [each for each in market.ok("usage", "contracts") if each["contract_id"] == trade["trade_id"]]

    (row,) = eventually(lambda: [each for each in contract() if each["reclaim_notice_hours"] == 2])
    notice = ("usage", "reclaim", row["contract_id"], "--reason", "maintenance", "--as", "norn")
    refused = market.run(*notice, "--from", LAST, "--json")
    assert refused.error["code"] == "hour_not_in_contract"
    market.soon(*notice, "--from", FIRST)
    (row,) = eventually(lambda: [each for each in contract() if each["status"] == "reclaim_pending"])
    assert (row["reclaim_hour"], row["reclaim_reason"]) == (FIRST, "maintenance")
    assert int(row["reclaim_amount"]) == 3 * 8 * 1_900_000
