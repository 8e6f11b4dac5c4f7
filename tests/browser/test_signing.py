"""Keys and signatures in the browser: made or imported there, used there, and never to be read again."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Route

from counterfoil.contract.canonical import canonical
from counterfoil.key_files import read_key
from counterfoil.log.keys import SigningKey
from tests.browser.acting import fill_bid, import_key, place_bid, sign_in
from tests.browser.conftest import Open
from tests.browser.reader import Reader
from tests.e2e.running import Shell, eventually

PASSPHRASE = "correct horse battery staple"
READ_KEYS = """async () => {
  const open = indexedDB.open("counterfoil");
  await new Promise((done) => (open.onsuccess = done));
  const all = open.result.transaction("keys").objectStore("keys").getAll();
  await new Promise((done) => (all.onsuccess = done));
  const forms = ["pkcs8", "jwk", "raw"];
  const tried = all.result.flatMap(({ secret }) => forms.map((form) => crypto.subtle.exportKey(form, secret)));
  const outcomes = await Promise.allSettled(tried);
  return [all.result.length, outcomes.filter(({ status }) => status === "fulfilled").length];
}"""


def bids(market: Shell) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = httpx.get(f"{market.url}/v1/bids", params={"limit": "200"}).json()["items"]
    return found


def test_a_bid_is_read_signed_and_followed(reader: Reader, market: Shell) -> None:
    page = sign_in(reader, market, "acme")
    assert "Acme" in page.locator(".who").inner_text()
    place_bid(reader)
    dialog = page.get_by_role("dialog")
    assert "Sign as acme: place bid" in dialog.inner_text()
    assert "limit price\n0.50" in dialog.locator("dl").inner_text()
    octets = dialog.locator("pre").inner_text()
    command = json.loads(octets)
    assert canonical(command) == octets.encode()
    assert command["body"]["limit_price"] == "500000"
    assert command["seen"]["size"] > 0
    dialog.get_by_role("button", name="Sign and send").click()
    result = page.locator("[data-result]")
    result.get_by_text(re.compile("Accepted: entry [0-9]+ of matching/main")).wait_for()
    result.locator(".badge[data-state=proven]").wait_for()
    result.locator("[data-status=open]").wait_for()
    with page.expect_download() as started:
        result.get_by_role("link", name="Keep the receipt").click()
    receipt = json.loads(started.value.path().read_text())
    (entry,) = {receipt["entry"]}
    kept = httpx.get(f"{market.url}/v1/commands/matching/acme/{command['command_id']}").json()
    assert kept["entry"] == entry
    assert [bid for bid in bids(market) if bid["bid_id"].split("-")[1] == str(kept["index"])]


def test_a_lost_answer_is_asked_for_again_with_the_same_command(open_reader: Open, market: Shell) -> None:
    """The command took effect, and no answer came: another tab sends the same octets, and nothing happens twice."""
    reader = open_reader()
    reader.expected.append("Failed to load resource: net::ERR_")
    import_key(reader, market, "acme")
    before = len(bids(market))
    sent: list[bytes] = []

    def lose(route: Route) -> None:
        sent.append(route.request.post_data_buffer or b"")
        if len(sent) == 1:
            route.fetch()
        route.abort()

    reader.context.route("**/v1/commands", lose)
    page = place_bid(reader)
    page.get_by_role("button", name="Sign and send").click()
    page.get_by_text("No answer yet").wait_for()
    assert len(set(sent)) == 1
    assert page.get_by_role("button", name="Read and sign").is_disabled()
    reader.context.unroute("**/v1/commands")
    tab = reader.open("market", reader.another_page())
    tab.locator("#unsettled").get_by_role("button", name="Send the same command again").click()
    tab.get_by_text(re.compile("Accepted: entry [0-9]+ of matching/main")).wait_for()
    eventually(lambda: len(bids(market)) > before)
    assert len(bids(market)) == before + 1
    reader.open("market", tab)
    assert tab.locator("#unsettled").count() == 0


def test_a_refusal_is_proven_too(reader: Reader, market: Shell) -> None:
    """An issuer may not bid: the refusal is an entry of the log, and says its code."""
    reader.expected.append("status of 4[0-9][0-9]")
    import_key(reader, market, "springfield")
    page = place_bid(reader)
    page.get_by_role("button", name="Sign and send").click()
    page.locator("[data-result]").get_by_text(re.compile(r"Refused \([a-z_]+\)")).wait_for()


def test_a_new_key_leaves_the_browser_once_and_encrypted(reader: Reader, market: Shell, tmp_path: Path) -> None:
    """The file opens for the command line with its passphrase; the browser has the key, and no script reads it."""
    page = reader.open("sign-in")
    page.get_by_text("Make a new key", exact=True).first.click()
    form = page.locator("form#new-key")
    form.get_by_label("Party").fill("zenith")
    form.get_by_label("Passphrase").fill(PASSPHRASE)
    form.locator("button").click()
    link = form.get_by_role("link", name="Keep this file")
    with page.expect_download() as started:
        link.click()
    file = tmp_path / "zenith.pem"
    started.value.save_as(file)
    file.chmod(0o600)
    public = SigningKey("zenith", read_key(file, lambda _: PASSPHRASE.encode())).verify_key.public
    page.get_by_text("Register this key").click()
    proof = page.locator(".keys details code").inner_text()
    words = ("--name", "Zenith", "--role", "beneficiary", "--proof", proof)
    market.ok("party", "register", "zenith", *words, "--as", "operator")
    (known,) = httpx.get(f"{market.url}/v1/keys", params={"party_id": "zenith"}).json()["items"]
    assert known["public_key"] in proof
    assert len(public) == 32
    assert page.evaluate(READ_KEYS) == [1, 0]
    page.get_by_role("button", name="Sign in as zenith").click()
    page.wait_for_url("**/console/market")


def test_without_its_key_a_command_goes_to_the_command_line(reader: Reader, market: Shell, tmp_path: Path) -> None:
    page = place_bid(reader)
    dialog = page.get_by_role("dialog")
    assert "This browser has no key" in dialog.inner_text()
    assert dialog.get_by_role("button", name="Sign and send").count() == 0
    dialog.get_by_text("Sign with the command line instead").click()
    with page.expect_download() as started:
        dialog.get_by_role("link", name="place_bid.json").click()
    file = tmp_path / "place_bid.json"
    started.value.save_as(file)
    assert "counterfoil submit place_bid.json --as PARTY" in dialog.inner_text()
    said = market.ok("submit", file, "--as", "acme")
    assert said["outcomes"] == [{"accepted": 1}]


def test_what_is_no_value_is_told_with_its_field(reader: Reader, market: Shell) -> None:
    page = reader.open("command/place_bid")
    fill_bid(page)
    page.locator("form.command").evaluate("form => (form.noValidate = true)")
    page.locator("[name=limit_price]").fill("0.1234567")
    page.get_by_role("button", name="Read and sign").click()
    page.get_by_text("Limit price: an amount in units is expected").wait_for()
    assert page.get_by_role("dialog").count() == 0


def test_a_session_that_is_over(reader: Reader, market: Shell) -> None:
    """The page says so, and reads as anybody does; what is signed still counts."""
    reader.expected.append("status of 401")
    sign_in(reader, market, "acme")
    page = place_bid(reader)
    (cookie,) = (each for each in reader.context.cookies() if each["name"] == "counterfoil_session")
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Strict"
    reader.context.add_cookies([{**cookie, "value": "A" * len(cookie["value"])}])  # type: ignore[typeddict-item]
    page.get_by_role("button", name="Sign and send").click()
    page.get_by_text("Your session has ended. What you signed goes on").wait_for()
    reader.open("market")
    page.get_by_text("Your session has ended. You now read as anybody does.").wait_for()


def test_a_lost_stream_is_taken_up_again(reader: Reader, market: Shell) -> None:
    reader.expected.append("Failed to load resource: net::ERR_")
    sign_in(reader, market, "acme")
    place_bid(reader)
    reader.context.route("**/v1/feed*", lambda route: route.abort())
    page = reader.page
    page.get_by_role("button", name="Sign and send").click()
    page.get_by_text("The connection is lost. It is tried again.").wait_for()
    reader.context.unroute("**/v1/feed*")
    page.locator("[data-result] [data-connected]").wait_for()
    index = int(page.locator("[data-result]").inner_text().partition("entry ")[2].partition(" ")[0])
    market.ok("bid", "cancel", f"bid-{index}-0", "--as", "acme")
    page.locator("[data-result] [data-status=closed]").wait_for()


def test_what_is_shown_is_what_is_signed(reader: Reader, market: Shell) -> None:
    """Made at once from one reading: an edit while the page waits for the log changes neither words nor bytes."""
    import_key(reader, market, "acme")
    page = reader.open("command/place_bid?classes=a100-80gb%0Ah100-80gb")
    assert page.locator("[name=classes]").input_value() == "a100-80gb\nh100-80gb"
    fill_bid(page)
    edit = "form.querySelector('[name=limit_price]').value = '9.99'"
    page.locator("form.command").evaluate(f"form => {{ form.requestSubmit(); {edit}; }}")
    dialog = page.get_by_role("dialog")
    dialog.wait_for()
    assert "0.50 (units of the currency)" in dialog.locator("dl").inner_text()
    assert json.loads(dialog.locator("pre").inner_text())["body"]["limit_price"] == "500000"


def test_an_answer_without_a_receipt_forgets_nothing(reader: Reader, market: Shell) -> None:
    """A refusal or a receipt that proves nothing leaves the command here; a row that cannot be read stops no page."""
    reader.expected.append("status of 4[0-9][0-9]")
    import_key(reader, market, "acme")
    problem = {"type": "urn:counterfoil:problem:bad_request", "title": "No.", "status": 400, "code": "bad_request"}
    answers: list[dict[str, Any]] = [
        {"status": 400, "content_type": "application/problem+json", "body": json.dumps(problem)},
        {"status": 200, "content_type": "application/json", "body": "{}"},
    ]
    reader.context.route("**/v1/commands", lambda route: route.fulfill(**answers.pop(0)))
    page = place_bid(reader)
    page.get_by_role("button", name="Sign and send").click()
    page.get_by_text("No receipt proves this").wait_for()
    page.get_by_role("button", name="Send the same command again").click()
    page.locator("[data-result] .badge[data-state=unknown]").wait_for()
    page.evaluate(BAD_ROW)
    reader.open("market")
    assert page.locator("#unsettled li").count() == 2
    assert reader.badges("proven").count() >= 1


BAD_ROW = """async () => {
  const open = indexedDB.open("counterfoil");
  await new Promise((done) => (open.onsuccess = done));
  const change = open.result.transaction("outbox", "readwrite");
  change.objectStore("outbox").put({ envelope: "x" }, "bad");
  await new Promise((done) => (change.oncomplete = done));
}"""


READ_FORM = """async (text) => {
  const { readingOf } = await import(new URL("bodies.js", document.querySelector("script[type=module]").src));
  const form = document.createElement("form");
  const field = document.createElement("textarea");
  Object.assign(field, { name: "lines", value: text }).dataset.kind = "json";
  form.append(field);
  try { return readingOf(form).lines[0][1]; } catch (problem) { return problem.message; }
}"""


def test_json_that_reads_in_two_ways_is_refused(reader: Reader) -> None:
    """A member that stands there twice, however it is spelt; the same name in two objects is none."""
    page = reader.open("command/submit_claim")
    for text in ('{"a":1,"a":2}', '[{"b":{}},{"a":1,"b":"}","\\u0061":2}]'):
        assert "a stands there twice" in page.evaluate(READ_FORM, text)
    assert "micro-units" in page.evaluate(READ_FORM, '[{"a":"{\\"a\\":1"},{"a":{"a":2}}]')
