"""The page of the credit market: what one's credit would fetch, the books by price, own orders, and trades."""

from __future__ import annotations

import csv
import re

from tests.console.browsing import Browsing


def table(console: Browsing, who: str | None, path: str, name: str) -> list[dict[str, str]]:
    """A table of a page, as CSV has it."""
    sign = "&" if "?" in path else "?"
    answer = console.browse(who, f"{path}{sign}csv={name}")
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(answer.text.splitlines()))


def test_it_says_what_ones_credit_would_fetch(console: Browsing) -> None:
    """Of 800 available the bids of others take 40, at 8,000 basis points: 32; whoever asks for it has no more."""
    (mine,) = table(console, "lab-1", "credit", "fetch")
    assert [mine[name] for name in ("available", "price_bps", "sold", "fetches")] == [
        "800.00",
        "8000",
        "40.00",
        "32.00",
    ]
    assert table(console, "lab-2", "credit", "fetch")[0]["available"] == "60.00"
    text = console.browse("lab-1", "credit").text
    assert f"/console/command/offer_credit?voucher_id={mine['voucher_id']}&amp;price_bps=8000" in text
    assert "My credit" not in console.browse(None, "credit").text


def test_own_bids_do_not_buy_ones_own_credit(console: Browsing) -> None:
    (bought,) = table(console, "lab-2", "credit", "fetch")
    assert (bought["price_bps"], bought["sold"], bought["fetches"]) == ("", "0.00", "0.00")


def test_the_book_is_there_by_price_and_says_nobodys_name(console: Browsing) -> None:
    levels = [(each["side"], each["price_bps"], each["left"]) for each in table(console, None, "credit", "levels")]
    assert levels == [("offer", "9000", "40.00"), ("bid", "8000", "40.00")]
    (series,) = table(console, None, "credit", "series")
    assert (series["bid"], series["ask"], series["last"]) == ("8000", "9000", "9000")
    orders = {str(row["order_id"]) for row in console.market.rows("credit_orders")}
    for who in (None, "gpu-1"):
        text = console.browse(who, "credit").text
        assert not any(each in text for each in (*orders, "lab-1", "lab-2"))
    chosen = console.browse(None, f"credit?programme_id=open&version=1&month={series['month']}").text
    assert "Compute vouchers of the city" in chosen
    assert "9,000" in chosen


def test_trades_stand_on_the_market_too(console: Browsing) -> None:
    """With their price in the programme's currency, for anybody."""
    for path in ("credit", "market"):
        (trade,) = table(console, None, path, "credit_trades")
        found = [trade[name] for name in ("amount", "price_bps", "price", "currency")]
        assert found == ["60.00", "9000", "54.00", "USD"], path


def test_each_party_has_its_orders_and_may_end_those_that_are_open(console: Browsing) -> None:
    for who, side, number in (("lab-1", "offer", 1), ("lab-2", "bid", 2)):
        orders = table(console, who, "credit", "credit_orders")
        assert [each["side"] for each in orders] == [side] * number
        links = re.findall(r"cancel_credit_order\?order_id=([a-z0-9-]+)", console.browse(who, "credit").text)
        assert links == [each["order_id"] for each in orders if each["status"] == "open"]
        assert len(links) == 1
    assert "cancel_credit_order" not in console.browse("operator", "credit").text


def test_what_cannot_be_sold_is_not_offered(console: Browsing) -> None:
    """Vouchers of programmes without a book are left out; a series that nobody knows has an empty book."""
    assert "p1" not in {each["programme"] for each in table(console, "lab-1", "credit", "fetch")}
    assert "You have no credit" in console.browse("lab-3", "credit").text
    assert "are not traded" in console.browse(None, "credit?programme_id=p1&version=1&month=").text
    for odd in ("%00", "<b>", "2026-13", "x" * 90):
        assert console.browse(None, f"credit?programme_id=open&version=1&month={odd}").status_code == 200
        assert console.browse(None, f"credit?programme_id={odd}&version=1").status_code == 200
        assert console.browse(None, f"credit?programme_id=open&version={odd}").status_code == 200


def test_what_is_on_offer_is_counted_once(console: Browsing) -> None:
    """A part of a voucher that is for sale is a part of what is held, and is not held for orders of capacity."""
    rows = {each["programme"]: each for each in table(console, "lab-1", "start-up", "vouchers")}
    sold = rows["Compute vouchers of the city"]
    assert [sold[name] for name in ("available", "held", "pending")] == ["800.00", "0.00", "40.00"]
    (holding,) = (row for row in console.market.rows("holdings") if row["programme_id"] == "open" and row["on_offer"])
    assert holding["held"] == holding["on_offer"]
