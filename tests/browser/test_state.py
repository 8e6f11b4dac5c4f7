"""Records of state and totals: proven by the root that a log has committed to, and red where the server lies."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser

from tests.browser.acting import sign_in
from tests.browser.conftest import VENDOR
from tests.browser.reader import Reader
from tests.browser.test_dishonest_server import Forge, forging
from tests.e2e.founding import DOCUMENT, PARTIES, PROGRAMME, found_a_market, trade
from tests.e2e.running import Shell, eventually, serving
from tests.lacking import leave_out

BUDGET = f"programmes/{PROGRAMME}"
Opened = Callable[[], Reader]


@pytest.fixture(scope="module")
def rooted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A market with a trade that was stopped, when each log commits to its state, and is served again."""
    if not VENDOR.exists():
        leave_out("the console's assets are not made: make console-assets")
    folder = tmp_path_factory.mktemp("rooted")
    shell = Shell(folder / "home")
    shell.ok("init", "--host", "market.example")
    with serving(shell) as process:
        found_a_market(shell, folder)
        trade(shell)
        eventually(lambda: rows(shell, "contracts"), "the contract is known")
        process.terminate()
        process.wait(30)
    with serving(shell):
        yield shell


@pytest.fixture
def reader(chromium: Browser, rooted: Shell) -> Iterator[Reader]:
    """A reader of it."""
    reader = Reader(chromium, rooted.url)
    yield reader
    reader.close()
    assert reader.unexpected() == []


def rows(market: Shell, view: str, **where: str) -> Any:
    """The rows of a view."""
    return httpx.get(f"{market.url}/v1/{view}", params=where).json()["items"]


def contract(market: Shell) -> str:
    return f"contracts/{rows(market, 'contracts')[0]['contract_id']}"


def badge(reader: Reader, beside: str) -> tuple[str, str]:
    """The state of the badge behind an element, and what it says."""
    found = reader.page.locator(f"{beside} + .badge").first
    found.and_(reader.page.locator(":not([data-state=checking])")).wait_for()
    details = reader.page.locator(f"#{found.get_attribute('aria-controls')}")
    return str(found.get_attribute("data-state")), details.text_content() or ""


def test_an_honest_record_is_proven_and_still_so(reader: Reader, rooted: Shell) -> None:
    """A programme's budget and a contract: all figures of the record, and that no entry since is about it."""
    for path, log, figures in ((BUDGET, "issuance/main", 4), (contract(rooted), "redemption/main", 2)):
        page = reader.open(path)
        state, said = badge(reader, "[data-state-key]")
        assert state == "proven", said
        assert re.search(f"The state of {log} behind [0-9]+ entries", said)
        assert "is about them since" in said
        assert page.locator("[data-member].covered").count() == figures


def test_an_honest_balance_is_that_of_the_state_and_no_entry_moves_it_since(reader: Reader) -> None:
    reader.open("start-up/acme")
    for figure in ("[data-asset=USD]", "[data-part=voucher_available]"):
        state, said = badge(reader, figure)
        assert state == "proven", said
        assert "The ledger's state behind" in said
        assert "moves it since" in said
    for total in ("voucher_left", "voucher_available"):
        state, said = badge(reader, f"[data-sum={total}]")
        assert (state, "the sum of 1 figures" in said) == ("proven", True)


def replaced(old: bytes, new: bytes) -> Forge:
    def forge(text: bytes) -> bytes:
        assert old in text
        return text.replace(old, new)

    return forge


def subsidised(text: bytes) -> bytes:
    """Of a contract of which nothing was delivered."""
    return re.sub(rb'(data-member="subsidised"[^>]*><span class=unit>USD</span>) 0\.00', rb"\1 9.00", text)


RECORD = "[data-state-key]"
LIES = [
    pytest.param(BUDGET, "/console/programmes/", replaced(b"</span> 900,000.00", b"</span> 800,000.00"), RECORD,
                 "shows USD 800,000.00, and the state has 900000000000", id="budget"),
    pytest.param(BUDGET, "/console/programmes/", replaced(b">USD</span> 900,000.00", b">EUR</span> 900,000.00"), RECORD,
                 "shows EUR 900,000.00", id="currency"),
    pytest.param(BUDGET, "/console/programmes/", replaced(b'data-member="issued"', b'data-member="recycled"'), RECORD,
                 "and the state has 0", id="member"),
    pytest.param(BUDGET, "/console/programmes/", replaced(b"programme/springfield-2026", b"programme/other"), RECORD,
                 "is not of what this page is about", id="key"),
    pytest.param(BUDGET, "/v1/state/", replaced(b"900000000000", b"800000000000"), RECORD,
                 "does not have this", id="record"),
    pytest.param("", "/console/contracts/", subsidised, RECORD,
                 "and the state has 0", id="contract"),
    pytest.param("start-up/acme", "/console/start-up", replaced(b"</span> 1,000.00", b"</span> 2,000.00"),
                 "[data-sum=voucher_left]", "not proven", id="left"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "where", "forge", "beside", "words"), LIES)
def test_a_lie_about_a_record_is_red(
    reader: Reader, rooted: Shell, path: str, where: str, forge: Forge, beside: str, words: str
) -> None:
    forging(reader, where, forge)
    reader.open(path or contract(rooted))
    state, said = badge(reader, beside)
    assert state == ("unknown" if beside.startswith("[data-sum") else "forged"), said
    assert words in said
    assert reader.page.locator("[data-member].covered").count() == 0
    assert reader.badges("forged").count() >= 1


def test_a_total_that_is_not_that_of_its_parts(reader: Reader) -> None:
    """Changed in the total alone it is red; where a part is left out it is not proven."""
    total = re.compile(rb'(data-sum="voucher_left"[^>]*><span class=unit>USD</span>) [0-9.,]+')
    forging(reader, "/console/start-up", lambda text: total.sub(rb"\1 7,000.00", text))
    reader.open("start-up/acme")
    state, said = badge(reader, "[data-sum=voucher_left]")
    assert (state, "the proven parts make" in said) == ("forged", True)
    reader.context.unroute_all()
    forging(reader, "/console/start-up", lambda text: text.replace(b' data-part="voucher_left"', b""))
    reader.open("start-up/acme")
    state, said = badge(reader, "[data-sum=voucher_left]")
    assert (state, "0 of its 1 parts" in said) == ("unknown", True)


def older(market: Shell) -> Forge:
    """Own cash as it was before its last posting: an entry says so, and is in the log."""
    found = [row for row in rows(market, "postings", party_id="acme") if row["account"] == "cash/acme"]
    postings = sorted(found, key=lambda row: row["n"])
    before, last = (
        (row["index"], str(int(row["posted"]) - int(row["held"])), str(row["held"])) for row in postings[-2:]
    )
    assert before[1] != last[1]

    def forge(text: bytes) -> bytes:
        assert _cell(*last[:2]) in text
        for was, is_now in zip(last[1:], before[1:], strict=True):
            text = text.replace(_shown(was), _shown(is_now))
        old, new = (f'data-balance="held" data-value="{each[2]}"'.encode() for each in (last, before))
        return text.replace(_cell(*last[:2]), _cell(*before[:2])).replace(old, new)

    return forge


def _cell(index: int, value: str) -> bytes:
    return f'data-entry="{index}" data-account="cash/acme" data-asset="USD" data-value="{value}"'.encode()


def _shown(micro: str) -> bytes:
    return f"</span> {int(micro) / 1_000_000:,.2f}".encode()


def test_a_balance_of_yesterday_is_red(reader: Reader, rooted: Shell) -> None:
    """The state has another; and after one more posting, which no state has yet, that entry tells."""
    forging(reader, "/console/start-up", older(rooted))
    reader.open("start-up/acme")
    state, said = badge(reader, "[data-asset=USD]")
    assert (state, "and the state behind" in said) == ("forged", True), said
    reader.context.unroute_all()
    before = rows(rooted, "balances", account="cash/acme")[0]["n"]
    more = ("--currency", "USD", "--amount", "7", "--reference", "IN-more")
    rooted.ok("balance", "deposit", "acme", *more, "--as", "treasury")
    eventually(lambda: rows(rooted, "balances", account="cash/acme")[0]["n"] > before, "it is known")
    reader.open("start-up/acme")
    state, said = badge(reader, "[data-asset=USD]")
    assert (state, "moves it since" in said) == ("proven", True), said
    forging(reader, "/console/start-up", older(rooted))
    reader.open("start-up/acme")
    state, said = badge(reader, "[data-asset=USD]")
    assert (state, "moves this account, and the page does not say so" in said) == ("forged", True), said


def test_what_changed_since_the_root_is_the_servers_word(reader: Reader, rooted: Shell) -> None:
    budget = ("--amount", "1000", "--document", "B-2", "--as", "springfield")
    rooted.ok("programme", "appropriate", PROGRAMME, *budget)
    eventually(lambda: rows(rooted, "programmes")[0]["appropriated"] == "901000000000", "it is known")
    reader.open(BUDGET)
    state, said = badge(reader, RECORD)
    assert (state, "it is the server's word" in said) == ("unknown", True), said


def test_who_may_not_read_the_state_is_told_so(chromium: Browser, tmp_path: Path) -> None:
    """And that there is none, in a log that has committed to none yet."""
    shell = Shell(tmp_path / "home", disclosure="restricted")
    shell.ok("init", "--host", "restricted.example")
    with serving(shell) as process:
        for name in ("springfield", "acme"):
            shell.ok("keys", "new", name)
            shell.ok("party", "register", name, "--name", name.title(), "--role", PARTIES[name], "--as", "operator")
        words = ("--description", "A100", "--memory-mb", "81920", "--gpus-per-node", "8", "--as", "operator")
        shell.ok("class", "register", "a100-80gb", *words)
        rules = tmp_path / "programme.yaml"
        rules.write_text(DOCUMENT)
        shell.ok("programme", "publish", rules, "--as", "springfield")
        state, said = told(chromium, shell, "acme")
        assert (state, "committed to no state yet" in said) == ("unknown", True), said
        process.terminate()
        process.wait(30)
    with serving(shell):
        state, said = told(chromium, shell, "acme")
        assert (state, "Only who may read all of issuance/main" in said) == ("unknown", True), said
        assert told(chromium, shell, "operator")[0] == "proven"


def told(chromium: Browser, market: Shell, party: str) -> tuple[str, str]:
    """What the badge of a budget says to a party."""
    reader = Reader(chromium, market.url)
    reader.expected.append("status of 40[13]")
    sign_in(reader, market, party)
    reader.open(BUDGET)
    state, said = badge(reader, RECORD)
    reader.close()
    assert reader.unexpected() == []
    return state, said
