"""The console's pages: who reads which, that nothing in them runs, that every link leads somewhere, and their size."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from typing import Any

import pytest

from counterfoil.console import actions, forms
from counterfoil.console.assets import MAKE, VENDORED, Assets
from counterfoil.console.catalogue import PAGES
from counterfoil.console.look import SUMMED, Look, Rows
from counterfoil.console.rendering import POLICY, environment
from counterfoil.console.tables import Column, Table
from counterfoil.gateway.bounds import MAX_PAGE
from tests.console.browsing import AUCTION_ID, FORMULA, MARKUP, Browsing, Markup

FIRST_PAGE = 150_000  # bytes, compressed
MOST_LINKS = 30


@pytest.fixture(scope="module")
def contract(console: Browsing) -> str:
    """The id of the contract between `lab-1` and `gpu-1`."""
    return str(console.market.rows("contracts")[0]["contract_id"])


WHO = ("nobody", "lab-1", "lab-2", "gpu-1", "city", "auditor-all", "operator")
ACCESS = {
    "market": (200, 200, 200, 200, 200, 200, 200),
    "programmes": (200, 200, 200, 200, 200, 200, 200),
    "auctions": (200, 200, 200, 200, 200, 200, 200),
    f"auctions/{AUCTION_ID}": (200, 200, 200, 200, 200, 200, 200),
    "credit": (200, 200, 200, 200, 200, 200, 200),
    "classes": (200, 200, 200, 200, 200, 200, 200),
    "programmes/p1": (200, 200, 200, 200, 200, 200, 200),
    "programmes/p1/disclosure": (200, 200, 200, 200, 200, 200, 200),
    "logs": (200, 200, 200, 200, 200, 200, 200),
    "logs/ledger": (200, 200, 200, 200, 200, 200, 200),
    "start-up": (401, 200, 200, 404, 404, 200, 200),
    "start-up/lab-1": (404, 200, 404, 404, 404, 200, 200),
    "provider": (401, 404, 404, 200, 404, 200, 200),
    "provider/gpu-1": (404, 404, 404, 200, 404, 200, 200),
    "issuer": (401, 404, 404, 404, 200, 200, 200),
    "issuer/city": (404, 404, 404, 404, 200, 200, 200),
    "contracts/CONTRACT": (404, 200, 404, 200, 200, 200, 200),
    "statements/lab-1": (404, 200, 404, 404, 404, 200, 200),
    "parties/lab-1": (404, 200, 404, 200, 200, 200, 200),
    "audit": (401, 404, 404, 404, 404, 200, 200),
    "operation": (401, 404, 404, 404, 404, 200, 200),
    "sign-in": (200, 200, 200, 200, 200, 200, 200),
    "command/place_bid": (200, 200, 200, 200, 200, 200, 200),
}
"""What each reader of a restricted instance is answered, by page."""


def test_every_page_is_in_the_table() -> None:
    patterns = [re.compile(re.sub(r"\{[^}]+\}", ".+", each.path)) for each in PAGES]
    assert all(any(pattern.fullmatch(path) for path in ACCESS) for pattern in patterns)


@pytest.mark.parametrize("path", ACCESS)
def test_who_reads_which_page_and_nothing_in_it_runs(console: Browsing, contract: str, path: str) -> None:
    for who, status in zip(WHO, ACCESS[path], strict=True):
        answer = console.browse(None if who == "nobody" else who, path.replace("CONTRACT", contract))
        assert answer.status_code == status, (who, answer.text[:300])
        assert answer.headers["content-security-policy"] == POLICY
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert not Markup(answer.text).inline, (who, path)
        assert MARKUP not in answer.text


def test_the_policy_permits_nothing_inline_and_nothing_from_elsewhere() -> None:
    sources = {part.split()[0]: part.split()[1:] for part in POLICY.split("; ")}
    assert sources["default-src"] == ["'none'"]
    assert {"unsafe-inline", "unsafe-eval"}.isdisjoint(POLICY.replace("'", " ").split())
    assert all(set(each) <= {"'self'", "'none'", "data:"} for each in sources.values())
    assert "data:" not in sources["script-src"]


def test_a_name_with_markup_is_shown_as_it_is(console: Browsing) -> None:
    answer = console.browse("operator", "operation")
    assert "&lt;img src=x onerror=alert(1)&gt;" in answer.text
    assert "49" not in re.findall(r"alert\(1\)[^<]*", answer.text)[0]
    assert "&lt;img src=x" in console.browse("lab-3", "start-up").text


def test_no_cell_of_csv_begins_a_formula(console: Browsing) -> None:
    answer = console.browse("operator", "operation?csv=parties")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert f"'{FORMULA}" in answer.text
    assert f",{FORMULA}" not in answer.text
    assert console.browse("operator", "operation?csv=nothing").status_code == 404
    assert console.browse("operator", "audit?csv=refusals").status_code == 200


def test_a_restricted_page_tells_strangers_nothing_of_others(console: Browsing, contract: str) -> None:
    market = console.market
    secrets = {str(market.rows(view)[0][name]) for view, name in (("bids", "bid_id"), ("vouchers", "voucher_id"))}
    for who in (None, "lab-2"):
        for path in ("market", "programmes/p1", "logs/matching", "logs/ledger", "logs/issuance", "start-up"):
            text = console.browse(who, path).text
            assert not any(each in text for each in (*secrets, "lab-1")), (who, path)
    assert contract in console.browse("lab-1", "start-up").text


def test_no_page_reads_more_of_a_long_history(
    console: Browsing, contract: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    rows = Look.rows

    def counted(look: Look, view: str, limit: int | None = None, **more: Any) -> Any:
        found = rows(look, view, limit, **more)
        asked.append(SUMMED if limit is None else limit)
        return found

    monkeypatch.setattr(Look, "rows", counted)
    for path in ACCESS:
        asked.clear()
        assert console.browse("operator", path.replace("CONTRACT", contract)).status_code == 200
        assert max(asked, default=0) <= SUMMED <= MAX_PAGE, path
        assert len(asked) < 20, path


def test_a_figure_of_some_rows_says_so(console: Browsing, monkeypatch: pytest.MonkeyPatch) -> None:
    pages = (("lab-1", "start-up", "at least"), ("gpu-1", "provider", "Made from"), ("city", "issuer", "obligated"))
    for who, path, note in pages:
        assert note not in console.browse(who, path).text, path
    rows = Look.rows

    def cut(look: Look, *asked: Any, **more: Any) -> Rows:
        found = rows(look, *asked, **more)
        found.limited = len(found)
        return found

    monkeypatch.setattr(Look, "rows", cut)
    for who, path, note in pages:
        assert note in console.browse(who, path).text, path


def test_the_market_is_shown_whole_whatever_others_offer(console: Browsing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("counterfoil.console.look.SUMMED", 0)
    text = console.browse(None, "market").text
    offer = console.market.rows("market_offers")[0]
    assert f"<td>{offer['region']}</td>" in re.sub(r"\s*\n\s*", "", text)
    asked = console.browse(None, "market?class_id=nothing&region=nowhere&currency=EUR")
    assert "<h2>nothing · nowhere · EUR</h2>" in asked.text
    for odd in ("%00", "<b>", "x" * 64):
        assert "nowhere ·" not in console.browse(None, f"market?class_id={odd}&region=nowhere&currency=EUR").text


def test_a_list_has_a_next_page(console: Browsing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("counterfoil.console.look.ROWS", 1)
    path, seen = "start-up?past=0", set[str]()
    for _ in range(3):
        text = console.browse("lab-1", path).text
        following = re.search(r'href="\?(past=[0-9]+)', text)
        if following is None:
            break
        seen.add(following[1])
        path = f"start-up?{following[1]}"
    assert seen


def test_an_odd_address_is_no_failure(console: Browsing) -> None:
    parts = ("programmes", "parties", "contracts", "start-up", "provider", "issuer", "statements", "logs", "command")
    for path in (*(f"{each}/%00" for each in parts), "issuer?programme=%00", "market?markets=%00"):
        assert console.browse("operator", path).status_code in (200, 404), path
    for month in ("0000-01", "9999-12"):
        text = console.browse("lab-1", f"statements/lab-1?month={month}").text
        for link in re.findall(r'href="\?(month=[^"]+)"', text):
            assert console.browse("lab-1", f"statements/lab-1?{link}").status_code == 200, link


def test_who_may_act_on_a_row_has_a_link_to_do_so(console: Browsing) -> None:
    def acts(who: str, path: str) -> set[str]:
        cells = re.findall(r'<td class="acts">(.*?)</td>', console.browse(who, path).text)
        return {each for cell in cells for each in re.findall(r"/console/command/([a-z_]+)", cell)}

    assert {"amend_offer", "cancel_offer"} <= acts("gpu-1", "provider")
    assert {"suspend_voucher", "revoke_voucher"} <= acts("city", "issuer")
    assert not acts("operator", "issuer/city") & {"suspend_voucher", "revoke_voucher"}
    assert not acts("auditor-all", "provider/gpu-1")
    for each in actions.ALL:
        form = forms.form_of(each.command, {}, {})
        assert each.member in {field.name for field in form.fields}, each.command


def test_what_has_its_own_rules_stands_where_its_reader_looks(console: Browsing) -> None:
    """A halt and an auction on the market, for anybody; an order in an auction for its owner, and no rival."""
    market = console.browse(None, "market").text
    assert AUCTION_ID in market
    assert "Drill" in market
    order = console.market.rows("auction_orders")[0]["order_id"]
    page = f"auctions/{AUCTION_ID}"
    seen = {who: str(order) in console.browse(who, page).text for who in (None, "lab-1", "lab-2", "operator")}
    assert seen == {None: False, "lab-1": True, "lab-2": False, "operator": True}
    assert str(order) in console.browse("lab-1", "start-up").text
    assert "bid_in_auction" in console.browse("lab-1", page).text
    assert "bid_in_auction" not in console.browse("gpu-1", page).text


def test_a_page_that_fails_is_a_page(console: Browsing, monkeypatch: pytest.MonkeyPatch) -> None:
    """What went wrong is for the server's log alone; CSV and pages are asked for by people, and both get one."""

    def fails(_look: Look) -> None:
        raise RuntimeError("a secret")

    monkeypatch.setattr(Look, "on_offer", fails)
    for path in ("market", "market?csv=markets"):
        answer = console.browse(None, path)
        assert (answer.status_code, answer.headers["content-type"]) == (500, "text/html; charset=utf-8")
        assert "internal_error" in answer.text
        assert "a secret" not in answer.text
        assert answer.headers["content-security-policy"] == POLICY


def test_csv_has_plain_values() -> None:
    columns = (
        Column("name", "Name"),
        Column("price", "Price", "amount", unit="unit"),
        Column("sold", "Sold", "share"),
    )
    named = [("＝1+1", 2_000_000, (1, 4)), (" @x", -1_234_500, (0, 0)), ("b", None, (1, 3))]
    rows = [{"name": name, "price": price, "sold": sold, "unit": "USD"} for name, price, sold in named]
    assert Table("t", "T", columns, rows).csv().splitlines() == [
        "name,price,sold,currency",
        "'＝1+1,2.00,0.250000,USD",
        "' @x,-1.2345,,USD",
        "b,,0.333333,USD",
    ]


def test_every_link_leads_somewhere(console: Browsing) -> None:
    for who in (None, "lab-1", "operator"):
        seen, waiting = set[str](), ["/console/market"]
        while waiting and len(seen) < MOST_LINKS:
            path = waiting.pop(0)
            seen.add(path)
            answer = console.browse(who, path)
            assert answer.status_code in (200, 303, 307), (who, path, answer.text[:300])
            if "html" in answer.headers.get("content-type", ""):
                waiting += sorted(Markup(answer.text).links(path) - seen - set(waiting))
        assert len(seen) > 10


def test_what_can_be_proven_names_its_entry(console: Browsing, contract: str) -> None:
    text = console.browse("lab-1", f"contracts/{contract}").text
    found = re.search(r'data-proof data-log="matching" data-entry="([0-9]+)"', text)
    assert found is not None
    assert contract.split("-")[1] == found[1]


def test_the_first_page_is_small(console: Browsing) -> None:
    answer = console.browse(None, "market", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    loaded = [int(answer.headers["content-length"])]
    for address in set(re.findall(r'(?:src|href)="(/console/static/[^"]+)"', answer.text)):
        asset = console.browse(None, address, headers={"Accept-Encoding": "gzip"})
        assert asset.headers["cache-control"] == "public, max-age=31536000, immutable"
        loaded.append(int(asset.headers["content-length"]))
    modules = [each for each in Assets().names if each.startswith("js/") or each.endswith("client.js")]
    loaded += [len(gzip.compress(Assets().get(each).content)) for each in modules]  # type: ignore[union-attr]
    assert sum(loaded) < FIRST_PAGE


def test_what_others_wrote_is_said_to_be_missing(console: Browsing, tmp_path: Path) -> None:
    (tmp_path / "app.css").write_text("body {}")
    bare = Assets(tmp_path)
    assert bare.missing == VENDORED
    assert bare.digest != Assets().digest
    around = {"assets": bare, "make": MAKE, "language": "en", "theme": "auto", "languages": {}, "disclosure": "public"}
    empty: dict[str, Any] = {
        "menu": [],
        "party": None,
        "positions": {},
        "states": [],
        "ended": False,
        "host": "",
        "path": "",
    }
    empty |= {"here": "", "query": {}, "clock": ""}
    text = environment("en").get_template("sign_in.html").render(**around, **empty, title="Sign in", address=dict)
    assert MAKE in text
    assert "htmx.min" not in text
    assert console.browse(None, "/console/static/0000/app.css").status_code == 404
