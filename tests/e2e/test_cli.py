"""The command line against a real `counterfoil up`: from an empty directory to a trade, and refusals."""

from __future__ import annotations

import csv
import io
import json
import os
import stat
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from tests.e2e.founding import BLOCK, END, FIRST, PARTIES, PROGRAMME, found_a_market, trade
from tests.e2e.running import Shell, eventually, idle, serving

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A served instance on which one trade was made."""
    folder = tmp_path_factory.mktemp("market")
    shell = Shell(folder / "home")
    shell.ok("init", "--host", "market.example", "--operator-name", "Example market")
    with serving(shell):
        found_a_market(shell, folder)
        trade(shell)
        eventually(lambda: shell.ok("usage", "contracts"))
        yield shell


# the main path ------------------------------------------------------------------------------------------------------


def test_a_trade_is_visible_everywhere(market: Shell) -> None:
    (made,) = market.ok("offer", "trades")
    assert (made["price"], made["nodes"], made["hours"], made["first_hour"]) == ("1800000", 1, 6, FIRST)
    assert made["notional"] == str(8 * 6 * 1_800_000)
    (bid,) = market.ok("bid", "list", "--where", "beneficiary_id=acme")
    assert (bid["bid_id"], bid["status"]) == (made["bid_id"], "filled")
    assert market.ok("bid", "show", made["bid_id"]) == bid
    (contract,) = market.ok("usage", "contracts", "--where", "status=open")
    assert (contract["contract_id"], contract["provider_id"]) == (made["trade_id"], "norn")
    eventually(lambda: market.ok("balance", "show", "acme")["cash"][0]["held"] == "21600000")
    (voucher,) = market.ok("balance", "show", "acme")["vouchers"]
    assert (voucher["available"], voucher["held"]) == ("935200000", "64800000")


def test_people_see_amounts_in_units_of_the_currency(market: Shell) -> None:
    shown = market.run("balance", "show", "acme").out
    assert "500.00" in shown
    assert "1,000.00 USD" in shown
    assert "500000000" not in shown
    assert " 1.80 USD " in market.run("offer", "list").out
    assert "1.80 USD" in market.run("offer", "depth", *BLOCK).out
    told = market.run("programme", "show", PROGRAMME).out
    assert "900,000.00 USD" in told
    assert "75 % of the metered line" in told
    assert "50,000 USD for each group" in told
    assert "365 days after they are issued" in told
    for amounts in (("voucher", "list"), ("voucher", "balances"), ("balance", "holds"), ("usage", "contracts")):
        lines = market.run(*amounts).out.splitlines()[2:]  # after title and header
        assert lines
        assert all("USD" in line for line in lines)


def test_a_document_is_published_shown_in_words_and_written_byte_for_byte(market: Shell, tmp_path: Path) -> None:
    template = market.ok("programme", "templates", "cn-chengdu-2025")
    template |= {
        "unit": {"kind": "MONEY", "currency": "USD"}, "scope": {"classes": ["a100-80gb"], "regions": ["eu-west"]},
    }  # fmt: skip
    file, copy = tmp_path / "chengdu.json", tmp_path / "copy.json"
    file.write_text(json.dumps(template))
    publish = ("programme", "publish", file, "--as", "springfield")
    planned = market.ok(*publish, "--dry-run")
    assert planned["publishable"]
    assert sha256(planned["document"].encode()).hexdigest() == planned["rules_hash"]
    market.ok(*publish)
    eventually(lambda: market.run("programme", "show", "cn-chengdu-2025", "--json").code == 0)
    shown = market.ok("programme", "show", "cn-chengdu-2025")
    assert shown["document"]["rules_hash"] == planned["rules_hash"]
    assert "60 %" in market.run("programme", "show", "cn-chengdu-2025").out
    assert market.ok("programme", "document", "cn-chengdu-2025") == template
    market.ok("programme", "document", "cn-chengdu-2025", "--version", "1", "--into", copy)
    assert copy.read_bytes().decode() == planned["document"]
    assert market.run(*publish, "--json").error["code"] == "version_not_next"
    file.write_text(json.dumps({**template, "valid": {**template["valid"], "end": "2020-01-01"}}))
    assert market.run(*publish).code == 1


def test_programs_get_exact_values_with_stable_names(market: Shell) -> None:
    trades = market.ok("offer", "trades")
    assert market.run("offer", "trades", "--output", "json").json == trades
    comma, tabs = (market.run("offer", "trades", "--output", form).out for form in ("csv", "tsv"))
    shown = {name: "" if value is None else str(value) for name, value in trades[0].items()}
    assert list(csv.DictReader(io.StringIO(comma))) == [shown]
    assert [line.split("\t") for line in tabs.splitlines()] == [list(shown), list(shown.values())]
    empty = market.run("claim", "list", "--output", "csv").out
    assert empty.startswith("claim_id,programme_id,")
    assert empty.count("\n") == 1
    held = list(csv.DictReader(io.StringIO(market.run("balance", "show", "acme", "--output", "csv").out)))
    assert [(each["asset"], each["available"]) for each in held[:1]] == [("USD", "478400000")]
    depth = market.run("offer", "depth", *BLOCK, "-o", "csv").out
    assert depth.splitlines() == ["side,price,nodes,node_hours,orders", "offers,1800000,4,98,1"]


def test_a_list_is_filtered_sorted_and_cut(market: Shell) -> None:
    ids = [row["party_id"] for row in market.ok("party", "list")]
    assert market.ok("party", "list", "--sort", "registered_at:desc")[0]["party_id"] == ids[-1]
    assert [row["party_id"] for row in market.ok("party", "list", "--sort", "party_id:desc")] == sorted(ids)[::-1]
    assert market.run("party", "list").out.splitlines()[2].startswith(ids[-1])  # people: the newest first
    assert len(market.ok("party", "list", "--since", "1h", "--limit", "2")) == 2
    assert market.ok("party", "list", "--since", "2199-01-01") == []
    assert len(market.ok("offer", "list", "--provider", "norn", "--status", "open", "--class", "a100-80gb")) == 1
    assert market.ok("offer", "list", "--status", "closed") == []
    assert "+00:00" not in market.run("party", "list", "--local").out.replace("Z", "") or os.environ.get("TZ")


CLASS = ("class", "register", "x", "--description", "x", "--gpus-per-node", "8", "--as", "operator")
DEPOSIT = ("balance", "deposit", "acme", "--reference", "X", "--as", "treasury")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("offer", "list", "--status", "opne"), "status is one of received, open, in_auction, closed"),
        (("balance", "holds", "--purpose", "x"), "purpose is one of bid, offer, contract"),
        (("offer", "list", "--where", "status=opne"), "status is one of received, open, in_auction, closed"),
        (("offer", "list", "--since", "yesterday"), "a span such as 30m, 2h or 3d"),
        (("offer", "list", "--sort", "prize"), "one of offer_id"),
        (("offer", "list", "--output", "xml"), "a format is one of table, json, csv, tsv"),
        (("offer", "list", "--json", "--output", "csv"), "exclude each other"),
        (("offer", "depth", "--class", "h100", "--region", "mars"), "name the currency with --currency CODE"),
        (("bid", "amend", "bid-1-0", "--as", "acme"), "name --reduce-by N or --price AMOUNT"),
        (("bid", "amend", "bid-1-0", "--reduce-by", "0", "--as", "acme"), "--reduce-by"),
        ((*CLASS, "--memory-mb", "0"), "--memory-mb"),
        ((*DEPOSIT, "--amount", "1"), "--currency"),
        ((*DEPOSIT, "--amount", "1,000", "--currency", "USD"), "1,000.00"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, tuple) else "",
)  # fmt: skip
def test_a_wrong_value_is_told_in_words(market: Shell, words: tuple[str, ...], says: str) -> None:
    ran = market.run(*words)
    assert (ran.code, ran.out) == (2, "")
    assert says in " ".join(ran.err.replace("│", " ").split())


def test_a_dry_run_signs_and_sends_nothing(market: Shell) -> None:
    eventually(lambda: idle(market), "the ledger has heard of all that was done before")
    before = market.ok("log", "checkpoint", "ledger")["size"]
    words = ("balance", "deposit", "acme", "--amount", "1,000.50", "--currency", "USD", "--reference", "DRY-1")
    found = market.ok(*words, "--as", "treasury", "--dry-run")
    assert json.loads(found["canonical"]) == found["payload"]
    assert (found["payload"]["actor"], found["payload"]["command_id"]) == ("treasury", found["command_id"])
    assert found["payload"]["body"]["amount"] == "1000500000"
    assert "signature" not in json.dumps(found)
    told = market.run(*words, "--as", "treasury", "--dry-run").out
    assert "1,000.50" in told
    assert "nothing was signed or sent" in told
    assert market.ok("resend") == []
    assert market.ok("log", "checkpoint", "ledger")["size"] == before


def test_every_list_answers(market: Shell) -> None:
    groups = {
        "keys": ["registered"], "party": ["list", "recoveries"], "class": ["list"],
        "programme": ["list", "versions", "providers"],
        "voucher": ["list", "balances"], "offer": ["list", "trades", "prevented"], "bid": ["list"],
        "usage": ["list", "contracts"], "claim": ["list", "settlements", "payments", "payable"],
        "currency": ["list"], "balance": ["list", "holds", "slashes"],
    }  # fmt: skip
    for group, names in groups.items():
        for name in names:
            assert isinstance(market.ok(group, name), list)
            assert market.run(group, name).code == 0
    assert [row["party_id"] for row in market.ok("party", "list")] == ["operator", *PARTIES]
    assert len(market.ok("party", "list", "--limit", "2")) == 2


def test_a_reader_waits_for_its_own_writes(market: Shell) -> None:
    for number in range(3):
        issue = ("voucher", "issue", "--programme", PROGRAMME, "--beneficiary", "acme", "--amount", f"{number + 1}")
        receipt = market.ok(*issue, "--as", "springfield")
        issued = receipt["events"][0]["voucher_id"]
        row = market.ok("voucher", "show", issued, "--wait", f"issuance:{receipt['index']}")
        assert row["face"] == f"{number + 1}000000"


# refusals and exit codes --------------------------------------------------------------------------------------------

WITHDRAW = ("balance", "withdraw", "acme", "--currency", "USD", "--reference", "OUT-1")
ISSUE = ("voucher", "issue", "--beneficiary", "acme", "--amount", "1")
OFFER = ("offer", "post", *BLOCK, "--nodes", "4", "--from", FIRST, "--until", END)
REFUSALS: list[tuple[tuple[str, ...], int, str]] = [
    ((*WITHDRAW, "--amount", "90000", "--as", "treasury"), 4, "exceeds_available"),
    ((*WITHDRAW, "--amount", "1", "--as", "acme"), 4, "role_not_allowed"),
    ((*ISSUE, "--programme", "nowhere", "--as", "springfield"), 4, "unknown_programme"),
    ((*OFFER, "--price", "1.805", "--as", "norn"), 4, "price_off_tick"),
    (("bid", "cancel", "bid-0-0", "--as", "acme"), 4, "unknown_order"),
    (("voucher", "show", "nothing"), 4, "not_found"),
    (("voucher", "list", "--where", "face=1"), 4, "unknown_filter"),
    (("voucher", "list", "--url", "http://127.0.0.1:9"), 5, "unreachable"),
    ((*ISSUE, "--programme", PROGRAMME, "--as", "nobody"), 2, "cannot_run"),
    ((*ISSUE, "--programme", "NOT AN ID", "--as", "springfield"), 2, "cannot_run"),
    (("voucher", "show"), 2, "usage"),
    (("voucher", "issue", "--amount", "1.1234567"), 2, "usage"),
    (("voucher", "conjure"), 2, "usage"),
    (("party", "register", "x", "--name", "X", "--role", "wizard", "--as", "operator"), 2, "usage"),
    (("voucher", "list", "--where", "status"), 2, "cannot_run"),
    (("keys", "new", "../outside"), 2, "cannot_run"),
    (("keys", "new", "acme"), 2, "cannot_run"),
    (("log", "entry", "ledger", "99999"), 2, "cannot_run"),
    (("log", "receipt", "ledger", "acme"), 2, "cannot_run"),
    (("balance", "show", "nobody"), 4, "not_found"),
]


@pytest.mark.parametrize(
    ("words", "code", "error"), REFUSALS, ids=[error + "-" + words[1] for words, _, error in REFUSALS]
)
def test_a_refusal_has_its_exit_code_and_says_why(market: Shell, words: tuple[str, ...], code: int, error: str) -> None:
    ran = market.run(*words, "--json")
    assert (ran.code, ran.out) == (code, "")
    assert ran.error["code"] == error
    assert len(ran.error["meaning"]) > 10
    people = market.run(*words)
    assert (people.code, people.out) == (code, "")
    if code == 4:
        assert error in people.err
        assert ran.error["advice"].split()[0] in people.err


def test_a_decided_refusal_is_recorded_and_can_be_proven(market: Shell, tmp_path: Path) -> None:
    ran = market.run(*WITHDRAW, "--amount", "90000", "--as", "treasury", "--json")
    index = ran.error["recorded"].rpartition(":")[2]
    entry = market.ok("log", "entry", "ledger", index)
    market.ok("log", "receipt", "ledger", entry["id"], "--save", tmp_path / "refusal")
    assert market.ok("log", "verify", tmp_path / "refusal")["decision"] == "refused: exceeds_available"


# keys, receipts, logs -----------------------------------------------------------------------------------------------


def test_key_files_are_private_and_their_secret_is_never_shown(market: Shell) -> None:
    path = market.home / "keys" / "acme.pem"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    secret = path.read_text().splitlines()[1]
    for words in (("keys", "show", "acme"), ("keys", "list"), ("keys", "registered")):
        for extra in ((), ("--json",)):
            assert secret not in market.run(*words, *extra).out
    path.chmod(0o640)
    try:
        assert "chmod 600" in market.run("keys", "show", "acme").err
    finally:
        path.chmod(0o600)


def test_a_second_key_signs_after_it_was_added_and_not_after_it_was_revoked(market: Shell) -> None:
    key = market.ok("keys", "new", "springfield-2")
    suspend = ("voucher", "suspend", "vch-0-0", "--reason", "r", "--as", "springfield", "--key", "springfield-2")
    assert market.run(*suspend, "--json").error["code"] == "unknown_key"
    market.ok("keys", "add", "springfield-2", "--as", "springfield")
    assert market.run(*suspend, "--json").error["code"] == "unknown_voucher"
    market.ok("keys", "revoke", "springfield", key["key_id"], "--reason", "lost", "--as", "springfield")
    assert market.run(*suspend, "--json").error["code"] == "key_revoked"


def test_a_party_is_recovered_by_its_recovery_key_and_by_the_operator(market: Shell) -> None:
    """Each key was made, and is proven, where only its owner has it."""
    for name in ("shelbyville", "shelbyville-offline", "shelbyville-2", "shelbyville-3"):
        market.ok("keys", "new", name)
    proof = ("keys", "prove", "--party", "shelbyville", "--host", "market.example")
    first = market.ok(*proof, "shelbyville")["proof"]
    offline = market.ok(*proof, "shelbyville-offline", "--recovery")["proof"]
    register = ("party", "register", "shelbyville", "--name", "Shelbyville", "--role", "auditor", "--as", "operator")
    market.ok(*register, "--proof", first, "--recovery-proof", offline)
    recover = ("party", "recover", "shelbyville-2", "--as", "shelbyville", "--key")
    assert market.run(*recover, "shelbyville", "--json").error["code"] == "key_for_other_use"
    (event,) = market.ok(*recover, "shelbyville-offline")["events"]
    assert event["type"] == "party.recovered.v1"
    new = ("--as", "shelbyville", "--key", "shelbyville-2")
    propose = ("party", "propose-recovery", "shelbyville", "--reason", "lost", "--as", "operator")
    third = market.ok(*proof, "shelbyville-3")["proof"]
    (event,) = market.ok(*propose, "--proof", third)["events"]
    market.ok("party", "object", event["recovery_id"], "--reason", "no", *new)
    market.ok("keys", "new", "shelbyville-offline-2")
    replace = ("keys", "set-recovery", "shelbyville-offline-2", *new)
    assert market.run(*replace, "--json").error["code"] == "key_not_proven"
    market.ok(*replace, "--before", "shelbyville-offline")
    receipt = market.ok("party", "close", "--reason", "merged", *new)
    shown = market.ok("party", "show", "shelbyville", "--wait", f"issuance:{receipt['index']}")
    assert (shown["closed_because"], len(shown["keys"])) == ("merged", 4)
    assert sorted(each["status"] for each in shown["recoveries"]) == ["ended", "in_force"]
    assert "close_party" not in shown["may"]["any"]
    assert "in_force" in market.run("party", "show", "shelbyville").out


def test_a_kept_receipt_verifies_offline_and_a_changed_one_does_not(market: Shell, tmp_path: Path) -> None:
    issue = ("voucher", "issue", "--programme", PROGRAMME, "--beneficiary", "acme", "--amount", "3")
    receipt = market.ok(*issue, "--as", "springfield")
    assert receipt["key_pinned"] is True
    file = tmp_path / "receipt"
    market.ok("log", "receipt", "issuance", receipt["id"], "--save", file)
    offline = Shell(market.home)
    assert offline.ok("log", "verify", file)["verified"] is True
    file.write_bytes(file.read_bytes().replace(b"springfield", b"springfielD", 1))
    ran = offline.run("log", "verify", file, "--json")
    assert (ran.code, ran.error["code"]) == (1, "not_proven")


def test_receipts_under_another_key_are_not_believed(market: Shell, tmp_path: Path) -> None:
    other = Shell(tmp_path / "other")
    other.ok("init", "--host", "market.example")
    ran = Shell(other.home, market.url).run("log", "checkpoint", "issuance", "--json")
    assert (ran.code, ran.error["code"]) == (1, "not_proven")


def test_the_log_is_read_and_followed(market: Shell) -> None:
    head = market.ok("log", "checkpoint", "matching")
    assert head["origin"] == "market.example/matching/main"
    entry = market.ok("log", "entry", "matching", "0")
    assert entry["data"]["events"][0]["type"] == "log.opened.v1"
    followed = market.run("log", "tail", "--service", "matching", "--from", "matching:0", "--count", "3", "--json")
    lines = [json.loads(line) for line in followed.out.splitlines()]
    assert [line["data"]["index"] for line in lines] == [0, 1, 2]
    assert lines[0] == entry


def test_the_operators_recovery_key_lies_apart(tmp_path: Path) -> None:
    """Where it is not made elsewhere, and only its public half is named."""
    first, second = Shell(tmp_path / "first"), Shell(tmp_path / "second")
    made = Path(first.ok("init")["operator_recovery_key"])
    assert made == first.home / "operator-recovery.pem"
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    assert "operator-recovery.pem offline" in Shell(tmp_path / "people").run("init").out
    key = first.ok("keys", "show", "operator-recovery", "--keys", first.home)["public_key"]
    assert "operator_recovery_key" not in second.ok("init", "--recovery-key", key)
    assert not list(second.home.glob("*.pem"))
    weak = Shell(tmp_path / "weak").run("init", "--recovery-key", f"{'A' * 43}=", "--json")
    assert (weak.code, weak.error["code"]) == (2, "cannot_run")


# the instance -------------------------------------------------------------------------------------------------------


def test_one_instance_is_served_once_and_never_made_again(market: Shell) -> None:
    again = market.run("up", "--port", "0", "--json")
    assert (again.code, again.error["code"]) == (2, "cannot_run")
    assert "serves" in again.error["meaning"]
    assert market.run("init", "--json").error["code"] == "cannot_run"
    assert market.ok("party", "list")


def test_up_says_why_it_cannot_start(market: Shell, tmp_path: Path) -> None:
    empty = Shell(tmp_path / "empty")
    assert "counterfoil init" in empty.run("up", "--json").error["meaning"]
    other = Shell(tmp_path / "other")
    other.ok("init")
    port = market.url.rpartition(":")[2]
    assert f"port {port}" in other.run("up", "--port", port, "--json").error["meaning"]
    assert other.run("init", "--host", "NOT A HOST", "--home", tmp_path / "third").code == 2
    assert not (tmp_path / "third").exists()


def test_settings_are_named_when_they_are_wrong(market: Shell) -> None:
    os.environ["COUNTERFOIL_LISTEN"] = "nowhere"
    broken = Shell(market.home, "not-a-url")
    ran = broken.run("voucher", "list", "--json")
    del os.environ["COUNTERFOIL_LISTEN"]
    assert (ran.code, "COUNTERFOIL_URL" in ran.error["meaning"]) == (2, True)
