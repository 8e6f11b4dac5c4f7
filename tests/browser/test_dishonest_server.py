"""A server that lies: whatever it forges turns the badge red, with words of what is wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest
from playwright.sync_api import Route

from counterfoil.contract.log_id import LogId
from counterfoil.instance import Instance
from counterfoil.log.checkpoint import Checkpoint, parse_checkpoint, sign_checkpoint
from counterfoil.log.keys import SigningKey
from counterfoil.log.note import parse_note
from tests.browser.conftest import Open
from tests.browser.reader import Reader
from tests.e2e.founding import BLOCK, END, FIRST
from tests.e2e.running import Shell, eventually

LOG = LogId("matching")
PAGE = "market"
Forge = Callable[[bytes], bytes]


def forging(reader: Reader, path: str, forge: Forge) -> None:
    """From now on the server changes what it answers to requests for paths that contain `path`."""

    def answer(route: Route) -> None:
        given = route.fetch()
        route.fulfill(response=given, status=200, body=forge(given.body()))

    reader.context.route(lambda url: path in url, answer)


def head(market: Shell) -> tuple[bytes, Checkpoint]:
    """The newest checkpoint of the log, as it is published."""
    note = (Instance(market.home).log_directory(LOG) / "checkpoint").read_bytes()
    return note, parse_checkpoint(parse_note(note).text)


def grow(market: Shell) -> dict[str, Any]:
    """One more entry of the log, published; what the command line says of it."""
    size = head(market)[1].size
    offer = ("offer", "post", *BLOCK, "--nodes", "1", "--from", FIRST, "--until", END, "--price", "9.00")
    said = market.ok(*offer, "--as", "norn")
    eventually(lambda: head(market)[1].size > size, "the log has grown")
    return dict(said)


def test_an_honest_one_is_proven_and_says_by_what(reader: Reader, market: Shell) -> None:
    reader.open(PAGE)
    assert reader.badges("proven").count() >= 1
    assert reader.badges("forged").count() == 0
    said = reader.said("proven")
    assert "market.example/matching/main" in said
    assert "seen no earlier checkpoint" in said
    grow(market)
    reader.open(PAGE)
    assert "leads on from the" in reader.said("proven")
    assert re.search(r"[0-9]+ of [0-9]+ figures", reader.page.locator("#proof-summary").inner_text())


def test_an_entry_that_is_published_a_moment_later(reader: Reader, market: Shell) -> None:
    """A page may be ahead of the checkpoint: it is asked for again before anything is said to be forged."""
    _, seen = head(market)
    answers = [sign_checkpoint(Checkpoint(seen.origin, 0, sha256().digest()), Instance(market.home).log_key(LOG))] * 2

    def late(note: bytes) -> bytes:
        return answers.pop() if answers else note

    forging(reader, "/matching/main/checkpoint", late)
    reader.open(PAGE)
    assert answers == []
    assert reader.badges("forged").count() == 0
    assert reader.badges("proven").count() >= 1


def other_id(text: bytes) -> bytes:
    return re.sub(rb"trd-([0-9]+)-0-0(?=[<\"])", rb"trd-\1-0-7", text)


def shown_price(text: bytes) -> bytes:
    return text.replace(b"</span> 1.80", b"</span> 1.90")


def said_price(text: bytes) -> bytes:
    return shown_price(text).replace(b'data-value="1800000"', b'data-value="1900000"')


def beyond_the_end(text: bytes) -> bytes:
    return re.sub(rb"trd-[0-9]+-0-0(?=[<\"])", b"trd-777777-0-0", text)


def other_price(text: bytes) -> bytes:
    return text.replace(b"1800000", b"1900000")


def cut_short(text: bytes) -> bytes:
    return text[:-7]


def other_currency(text: bytes) -> bytes:
    return text.replace(b">USD</span> 1.80", b">EUR</span> 1.80")


def a_million_times(text: bytes) -> bytes:
    return text.replace(b"</span> 1.80", b"</span> 1,800,000")


def with_words(text: bytes) -> bytes:
    return text.replace(b"</span> 1.80", b"</span> 1.80 million")


def last_bit(text: bytes) -> bytes:
    return text[:-1] + bytes([text[-1] ^ 1])


@pytest.mark.parametrize(
    ("path", "forge", "words"),
    [
        pytest.param("/console/market", other_id, "says nothing of trd-", id="figure"),
        pytest.param("/console/market", shown_price, "the page shows USD 1.90, and the entry says 1800000", id="price"),
        pytest.param("/console/market", said_price, "the page shows 1900000, and the entry says 1800000", id="value"),
        pytest.param("/console/market", other_currency, "the page shows EUR 1.80", id="currency"),
        pytest.param("/console/market", a_million_times, "the page shows USD 1,800,000", id="micro-units"),
        pytest.param("/console/market", with_words, "the page shows USD 1.80 million", id="words"),
        pytest.param("/console/market", beyond_the_end, "none with index 777777", id="no-such-entry"),
        pytest.param("/tile/entries/", other_price, "leads to root", id="entry"),
        pytest.param("/tile/entries/", cut_short, "cut short", id="entry-cut-short"),
        pytest.param("/tile/0/", last_bit, "leads to root", id="proof"),
        pytest.param("/matching/main/checkpoint", lambda text: text.replace(b"\n", b"0\n", 2), "", id="checkpoint"),
    ],
)
def test_what_it_forges_is_red(reader: Reader, path: str, forge: Forge, words: str) -> None:
    forging(reader, path, forge)
    reader.open(PAGE)
    assert reader.badges("forged").count() >= 1
    trades = reader.page.get_by_role("region", name="Latest trades", exact=True).locator(".badge")
    assert trades.count() >= 1
    assert reader.badges("proven").and_(trades).count() == 0, "of what is changed, nothing is proven"
    assert words in reader.said("forged")
    assert reader.page.locator("#proof-summary[data-state=forged]").count() == 1


def test_the_entry_is_the_one_that_the_id_names(reader: Reader) -> None:
    """Whatever entry the page names beside an id: another that mentions it proves nothing, and is not asked."""
    forging(reader, "/console/market", lambda text: re.sub(rb'data-entry="[0-9]+"', b'data-entry="1"', text))
    reader.open(PAGE)
    assert reader.badges("forged").count() == 0
    assert reader.badges("proven").count() >= 1


def test_a_badge_says_which_cells_it_covers(reader: Reader) -> None:
    """The time of a trade is not among what is compared with its entry; the line at the end counts what is."""
    reader.open(PAGE)
    row = reader.page.locator("tr:has([data-proof])").first
    covered = row.locator(".covered").all_inner_texts()
    assert any("USD" in each for each in covered)
    assert not any("UTC" in each for each in covered)
    found = re.search(r"([0-9]+) of ([0-9]+) figures", reader.page.locator("#proof-summary").inner_text())
    assert found is not None
    assert int(found[1]) < int(found[2])


AGREES = """async (cases) => {
  const { agrees } = await import(new URL("proof.js", document.querySelector("script[type=module]").src));
  return cases.map((each) => agrees(...each));
}"""


def test_a_figure_agrees_only_exactly(reader: Reader) -> None:
    """By what the entry has it as, whole, with its currency: whatever else a page may show for it is none."""
    page = reader.open(PAGE)
    right = [
        ("USD 2.00", "2000000", "amount", "USD"),
        ("USD 1,234,567.000001", "1234567000001", "amount", "USD"),
        ("USD -0.50", "-500000", "amount", "USD"),
        ("GPU-h 2.00", "2000000", "amount"),
        ("1,000", "1000", "number"),
        ("2000", "2000", "text"),
    ]
    for text in ("USD 2,000,000", "USD 2000000", "EUR 2.00", "USD 2.00 million", "USD 2.0000009", "2.00", "", "none"):
        assert page.evaluate(AGREES, [(text, "2000000", "amount", "USD")]) == [False], text
    wrong = [("", "0", "amount"), ("none", "0", "number"), ("3 of 4", "3", "number"), ("2.00", "2", "number")]
    assert page.evaluate(AGREES, [*right, *wrong]) == [True] * len(right) + [False] * len(wrong)


def test_a_balance_that_is_not_what_its_posting_left(reader: Reader, market: Shell) -> None:
    """What is left of a voucher is proven by the entry of its last posting, and by no text beside it."""
    reader.open("start-up/acme")
    figure = reader.page.locator("[data-account]").first
    assert reader.badges("forged").count() == 0
    value = figure.get_attribute("data-value")
    assert value is not None
    badge = figure.locator("xpath=following-sibling::button[1]")
    assert badge.get_attribute("data-state") == "proven"
    more = str(int(value) + 1_000_000)
    written, other = (f'data-value="{each}"'.encode() for each in (value, more))
    forging(reader, "/console/start-up", lambda text: text.replace(written, other))
    reader.open("start-up/acme")
    assert f"the page shows {more}, and the entry says {value}" in reader.said("forged")


def test_a_log_that_is_rolled_back(reader: Reader, market: Shell) -> None:
    older, seen = head(market)
    grow(market)
    reader.open(PAGE)
    assert reader.badges("proven").count() >= 1
    forging(reader, "/matching/main/checkpoint", lambda _: older)
    reader.open(PAGE)
    said = reader.said("forged")
    assert f"and now {seen.size}" in said
    assert "Keep the evidence" in said


@pytest.mark.parametrize("more", [0, 1], ids=["as-long", "longer"])
def test_a_forked_log(reader: Reader, market: Shell, more: int) -> None:
    """Another history, signed with the log's own key; both signed notes are kept as evidence."""
    reader.open(PAGE)
    note, seen = head(market)
    leaves = bytes(32 * (seen.size + more))
    other = Checkpoint(seen.origin, seen.size + more, bytes(32))
    forged = sign_checkpoint(other, Instance(market.home).log_key(LOG))
    forging(reader, "/matching/main/checkpoint", lambda _: forged)
    forging(reader, "/matching/main/tile/0/", lambda _: leaves)
    reader.open(PAGE)
    assert reader.badges("proven").count() == 0
    assert "do not lead on" in reader.said("forged")
    with reader.page.expect_download() as started:
        reader.page.get_by_role("link", name="Keep the evidence").first.click()
    assert started.value.path().read_bytes() == note + b"\n\n" + forged


def swapped(reader: Reader, market: Shell) -> SigningKey:
    """The server presents another key of the log, and signs with it."""
    key = SigningKey(f"market.example/{LOG.name}/main", bytes(range(32)))
    forged = sign_checkpoint(head(market)[1], key)
    forging(reader, "/matching/main/vkey", lambda _: f"{key.verify_key.vkey()}\n".encode())
    forging(reader, "/matching/main/checkpoint", lambda _: forged)
    return key


def test_a_key_that_is_swapped_after_first_use(reader: Reader, market: Shell) -> None:
    reader.open(PAGE)
    swapped(reader, market)
    reader.open(PAGE)
    assert "no signature by a pinned key" in reader.said("forged")


def test_another_host_than_the_one_first_seen(reader: Reader, market: Shell) -> None:
    """A name that looks alike, with logs and keys of its own, is no first use."""
    reader.open(PAGE)
    forging(
        reader, "/console/", lambda text: text.replace(b'data-host="market.example"', b'data-host="rnarket.example"')
    )
    reader.open(PAGE)
    assert reader.badges("proven").count() == 0
    assert "served market.example before, and now names rnarket.example" in reader.said("forged")


def test_a_log_that_an_instance_did_not_have_at_first_use(reader: Reader, market: Shell) -> None:
    """It is proven by nothing until the reader has trusted its key: not silently."""
    reader.context.route(
        lambda url: "/console/market" in url,
        lambda route: route.fulfill(response=(given := route.fetch()), body=re.sub(
            rb'data-positions="[^"]*"', b'data-positions="{&#34;ledger&#34;:0}"', given.body())),
    )  # fmt: skip
    reader.open(PAGE)
    assert reader.badges("proven").count() == 0
    assert "no key of market.example/matching/main is trusted" in reader.said("unknown")
    page = reader.open("logs")
    page.locator(".pins li", has_text="market.example/matching/main").get_by_role("button", name="Trust").click()
    page.get_by_text("Trusted from now on: matching/main").wait_for()
    reader.open(PAGE)
    assert reader.badges("proven").count() >= 1


def test_a_key_that_is_not_the_one_given(reader: Reader, market: Shell) -> None:
    """Whoever was given the keys is not taken in at first use either."""
    given = (Instance(market.home).log_directory(LOG) / "vkey").read_text()
    swapped(reader, market)
    reader.open("logs")
    reader.page.get_by_label("Keys of logs").fill(given)
    reader.page.get_by_role("button", name="Trust these keys").click()
    reader.page.get_by_text("Trusted from now on: market.example/matching/main").wait_for()
    reader.open(PAGE)
    assert "no signature by a pinned key" in reader.said("forged")


def test_two_tabs_see_one_history(open_reader: Open, market: Shell) -> None:
    """What one tab has seen, the other demands."""
    reader = open_reader()
    reader.open(PAGE)
    first, _ = head(market)
    grow(market)
    reader.open(PAGE, reader.another_page())
    forging(reader, "/matching/main/checkpoint", lambda _: first)
    reader.open(PAGE)
    assert reader.badges("forged").count() >= 1


DROP = """([name, text]) => {
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([text], name));
  const drop = new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true });
  document.querySelector(".drop").dispatchEvent(drop);
}"""


def test_receipts_are_verified_where_they_are_dropped(reader: Reader, market: Shell) -> None:
    """What the command line keeps of a command: the receipt; the same with another entry, index, key or none of it."""
    receipt = grow(market)
    key = SigningKey("elsewhere.example/ledger/main", bytes(32))
    stranger = sign_checkpoint(Checkpoint(key.name, 1, bytes(32)), key)
    magic = receipt["proof"].partition("\n\n")[0]
    cases = [
        ("proven", receipt, f"Entry {receipt['index']} of market.example/matching/main"),
        ("proven", {"entries": [receipt, receipt]}, "accepted. Events: offer.received"),
        ("forged", {**receipt, "entry": receipt["entry"][:-8] + "AAAAfX19"}, "leads to root"),
        ("forged", {**receipt, "index": 1}, "not what the entry is"),
        ("forged", {**receipt, "proof": f"{magic}\n\n{stranger.decode()}"}, "no key of elsewhere.example"),
        ("unknown", {"a": 1}, "not a receipt"),
    ]
    reader.open("logs")
    for number, (state, content, words) in enumerate(cases):
        reader.page.evaluate(DROP, [f"{number}.json", json.dumps(content)])
        badge = reader.page.locator(f".receipts p:has(code:text-is('{number}.json')) .badge:not([data-state=checking])")
        badge.wait_for()
        assert badge.get_attribute("data-state") == state
        assert words in reader.page.locator(f"#{badge.get_attribute('aria-controls')}").inner_text()
    chosen = {"name": "chosen.json", "mimeType": "application/json", "buffer": json.dumps(receipt).encode()}
    reader.page.get_by_label("Receipt file").set_input_files(chosen)  # type: ignore[arg-type]
    reader.page.locator(".receipts p:has(code:text-is('chosen.json')) .badge[data-state=proven]").wait_for()
