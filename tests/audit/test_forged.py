"""A false log signed with the log's own key is detected: the audit names the first false entry."""

from __future__ import annotations

import copy
import shutil
from base64 import b64decode, b64encode
from collections.abc import Callable
from pathlib import Path
from random import Random

import orjson
import pytest
from nacl.bindings import crypto_sign, crypto_sign_seed_keypair

from counterfoil.audit.auditor import audit
from counterfoil.contract.canonical import canonical
from counterfoil.contract.envelope import signed_bytes
from counterfoil.contract.services import SERVICES
from counterfoil.contract.times import HOUR, format_time, parse_time
from counterfoil.core.rules import LATEST, RULES, UnknownRules
from counterfoil.log.keys import SigningKey
from counterfoil.log.merkle import leaf_hash
from counterfoil.log.tree import Tree
from tests.audit.conftest import divide
from tests.audit.forge import Forgery, Json, other_value, publish, scalars
from tests.market import HOST, seed_of

SHORTEST_OUTAGE = RULES[LATEST].shortest_outage or 0
Tamper = Callable[[Forgery], int]
"""Edits a log's entries and returns the index of the first false one."""


@pytest.fixture(autouse=True)
def in_two_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The logs here are short: elsewhere in these tests one process audits such."""
    divide(monkeypatch, 2)


def payload(entry: Json) -> Json:
    value: Json = orjson.loads(b64decode(entry["data"]["cause"]["command"]["payload"]))
    return value


def sign(entry: Json, value: Json, name: str) -> None:
    """Put another payload into a command's entry, signed with the key that belongs to a name."""
    raw = canonical(value)
    _, secret = crypto_sign_seed_keypair(seed_of(name))
    signature = crypto_sign(signed_bytes(raw), secret)[:64]
    entry["data"]["cause"]["command"] = {
        "payload": b64encode(raw).decode(),
        "sig": b64encode(signature).decode(),
        "key_id": value["key_id"],
    }


def named(logs: Path) -> set[tuple[str, str, str]]:
    """(log, place, code) of every finding."""
    return {(each.log, each.place, each.code) for each in audit(logs).findings}


# edits --------------------------------------------------------------------------------------------------------------


def trade_price(log: Forgery) -> int:
    index = log.find("trade.matched.v1")
    trade = next(each for each in log.entries[index]["data"]["events"] if each["type"] == "trade.matched.v1")
    assert int(trade["notional"]) % int(trade["price"]) == 0
    trade["notional"] = str(int(trade["notional"]) // int(trade["price"]) * (int(trade["price"]) - 10_000))
    trade["price"] = str(int(trade["price"]) - 10_000)
    return index


def balance(log: Forgery) -> int:
    index = log.find("cash.deposited.v1", 1)
    after = log.event(index)["legs"][0]["credit_after"]
    after["posted"] = str(int(after["posted"]) + 1)
    return index


def deposit_amount(log: Forgery) -> int:
    """The whole posting is consistent, but not what the treasury signed."""
    index = log.find("cash.deposited.v1")
    event = log.event(index)
    event["amount"] = event["legs"][0]["amount"] = str(int(event["amount"]) * 2)
    for side in ("debit_after", "credit_after"):
        event["legs"][0][side]["posted"] = str(int(event["legs"][0][side]["posted"]) * 2)
    return index


def dropped_command(log: Forgery) -> int:
    index = log.find("cash.deposited.v1", 1)
    del log.entries[index]
    log.renumber()
    return log.find("cash.deposited.v1", 1)  # the next posting to the bank states a balance that is not there


def dropped_genesis(log: Forgery) -> int:
    del log.entries[0]
    log.renumber()
    return 0


def skipped_event(log: Forgery) -> int:
    index = log.caused_by("entry")[3]
    del log.entries[index]
    log.renumber()
    return index


def event_twice(log: Forgery) -> int:
    index = log.caused_by("entry")[4]
    again = copy.deepcopy(log.entries[index])
    again["id"] += "0"
    log.entries.insert(index + 1, again)
    log.renumber()
    return index + 1


def event_of_no_log(log: Forgery) -> int:
    index = log.caused_by("entry")[4]
    log.entries[index]["data"]["cause"]["entry"]["origin"] = "elsewhere.example/issuance/main"
    return index


def event_with_another_leaf(log: Forgery) -> int:
    index = log.caused_by("entry")[4]
    log.entries[index]["data"]["cause"]["entry"]["leaf"] = b64encode(bytes(32)).decode()
    return index


def event_from_beyond(log: Forgery) -> int:
    """An event that the other log has not made, in an entry that it has."""
    again = copy.deepcopy(log.entries[log.caused_by("entry")[-1]])
    again["data"]["cause"]["entry"]["item"] += 9
    again["id"] += "0"
    log.entries.append(again)
    log.renumber()
    return len(log.entries) - 1


def inserted_command(log: Forgery) -> int:
    """The operator invents a command: it can name the treasury's key, but not sign with it."""
    index = log.find("cash.deposited.v1")
    made = copy.deepcopy(log.entries[index])
    value = payload(made)
    value["command_id"] = value["command_id"][:-1] + ("0" if value["command_id"][-1] != "0" else "1")
    sign(made, value, "operator")
    made["id"] = f"{value['actor']}/{value['command_id']}"
    log.entries.insert(index, made)
    log.renumber()
    return index


def unknown_key(log: Forgery) -> int:
    index = log.find("cash.deposited.v1")
    value = payload(log.entries[index])
    value["key_id"] = "0123456789abcdef"
    sign(log.entries[index], value, "mallory")
    return index


def unsigned_edit(log: Forgery) -> int:
    """The payload has another amount than was signed."""
    index = log.find("cash.deposited.v1")
    value = payload(log.entries[index])
    value["body"]["payment_reference"] = "IN-2"
    log.entries[index]["data"]["cause"]["command"]["payload"] = b64encode(canonical(value)).decode()
    log.event(index)["payment_reference"] = "IN-2"
    return index


def signature_of_another(log: Forgery) -> int:
    first, second = log.caused_by("command")[:2]
    commands = [log.entries[index]["data"]["cause"]["command"] for index in (first, second)]
    commands[0]["sig"], commands[1]["sig"] = commands[1]["sig"], commands[0]["sig"]
    return first


def other_audience(log: Forgery) -> int:
    """A command that the treasury did sign, for another log."""
    index = log.find("cash.deposited.v1")
    value = payload(log.entries[index])
    value["aud"] = "elsewhere.example/ledger/main"
    sign(log.entries[index], value, "treasury")
    return index


def payload_not_canonical(log: Forgery) -> int:
    index = log.find("cash.deposited.v1")
    raw = b64decode(log.entries[index]["data"]["cause"]["command"]["payload"]).replace(b",", b", ", 1)
    log.entries[index]["data"]["cause"]["command"]["payload"] = b64encode(raw).decode()
    return index


def swapped(log: Forgery) -> int:
    index = log.find("cash.deposited.v1", 1)
    log.entries[index : index + 2] = reversed(log.entries[index : index + 2])
    first, second = (log.entries[at] for at in (index, index + 1))
    first["time"], second["time"] = second["time"], first["time"]
    log.renumber()
    return index


def refusal_undone(log: Forgery) -> int:
    (index,) = log.where(lambda entry: entry["data"]["decision"] != "accepted")
    log.entries[index]["data"]["decision"] = "accepted"
    return index


def revoked_key_obeyed(log: Forgery) -> int:
    """The bid by a revoked key is accepted, with the events that it would have had."""
    (index,) = log.where(lambda entry: "key_revoked" in str(entry["data"]["decision"]))
    event = copy.deepcopy(log.event(log.find("bid.received.v1")))
    event["bid_id"] = f"bid-{index}-0"
    log.entries[index]["data"].update(decision="accepted", events=[event])
    return index


def acceptance_undone(log: Forgery) -> int:
    index = log.find("bid.received.v1")
    refusal = {"refused": "exceeds_available", "detail": {"available": "0"}}
    log.entries[index]["data"].update(decision=refusal, events=[])
    return index


def other_refusal(log: Forgery) -> int:
    (index,) = log.where(lambda entry: entry["data"]["decision"] != "accepted")
    log.entries[index]["data"]["decision"]["refused"] = "overloaded"
    return index


def timer_early(log: Forgery) -> int:
    index = log.find("voucher.expired.v1")
    time = format_time(parse_time(log.entries[index - 1]["time"]) + 1)
    log.entries[index]["time"] = log.entries[index]["data"]["cause"]["timer"]["due"] = time
    return index


def timer_invented(log: Forgery) -> int:
    index = log.find("voucher.expired.v1")
    log.entries[index]["data"]["cause"]["timer"]["kind"] = log.entries[index]["subject"] = "harvest"
    return index


def timer_due_edited(log: Forgery) -> int:
    index = log.find("voucher.expired.v1")
    due = log.entries[index]["data"]["cause"]["timer"]
    due["due"] = format_time(parse_time(due["due"]) + 1)
    return index


def time_back(log: Forgery) -> int:
    log.entries[7]["time"] = log.entries[6]["time"]
    return 7


def duplicate_id(log: Forgery) -> int:
    index = log.caused_by("command")[1]
    log.entries.insert(index + 1, copy.deepcopy(log.entries[index]))
    log.renumber()
    return index + 1


def wrong_index(log: Forgery) -> int:
    log.entries[9]["data"]["index"] = 8
    return 9


def wrong_sequence(log: Forgery) -> int:
    log.entries[9]["sequence"] = f"{8:020d}"
    return 9


def wrong_source(log: Forgery) -> int:
    log.entries[9]["source"] = "//elsewhere.example/ledger/main"
    return 9


def more_members(log: Forgery) -> int:
    log.entries[9]["note"] = "x"
    return 9


def no_entry_at_all(log: Forgery) -> int:
    log.entries[9]["data"] = []  # type: ignore[typeddict-item,unused-ignore]
    return 9


def state_root_edited(log: Forgery) -> int:
    index = log.find("state.rooted.v1")
    log.event(index)["root"] = b64encode(bytes(32)).decode()
    return index


def second_genesis(log: Forgery) -> int:
    log.entries.append(copy.deepcopy(log.entries[0]))
    log.entries[-1]["id"] = "genesis-2"
    log.renumber()
    return len(log.entries) - 1


def other_operator(log: Forgery) -> int:
    log.entries[0]["data"]["cause"]["genesis"]["operator_name"] = "Somebody else"
    return 0


def other_rules(log: Forgery) -> int:
    """The log names, and is decided by, rules that nobody adopted."""
    opened = log.entries[0]["data"]
    opened["cause"]["genesis"]["rules"] = opened["events"][0]["rules"] = 1
    return 0


FORGED: list[tuple[str, Tamper, str]] = [
    ("matching", trade_price, "price_wrong"),
    ("ledger", balance, "decision_differs"),
    ("ledger", deposit_amount, "decision_differs"),
    ("ledger", dropped_command, "decision_differs"),
    ("ledger", dropped_genesis, "genesis_misplaced"),
    ("matching", dropped_genesis, "genesis_misplaced"),
    ("ledger", skipped_event, "cause_not_next"),
    ("ledger", event_twice, "cause_not_next"),
    ("redemption", event_twice, "cause_not_next"),
    ("ledger", event_of_no_log, "cause_not_available"),
    ("ledger", event_with_another_leaf, "cause_differs"),
    ("ledger", event_from_beyond, "cause_not_there"),
    ("ledger", inserted_command, "signature_not_valid"),
    ("ledger", unknown_key, "key_not_known"),
    ("ledger", unsigned_edit, "signature_not_valid"),
    ("ledger", signature_of_another, "signature_not_valid"),
    ("ledger", other_audience, "wrong_audience"),
    ("ledger", payload_not_canonical, "command_not_valid"),
    ("ledger", swapped, "decision_differs"),
    ("ledger", refusal_undone, "rejection_hidden"),
    ("matching", revoked_key_obeyed, "rejection_hidden"),
    ("matching", acceptance_undone, "rejection_unfounded"),
    ("ledger", other_refusal, "decision_differs"),
    ("ledger", timer_early, "timer_not_due"),
    ("ledger", timer_invented, "timer_not_known"),
    ("ledger", timer_due_edited, "decision_differs"),
    ("redemption", time_back, "time_not_increasing"),
    ("ledger", duplicate_id, "id_used_twice"),
    ("ledger", wrong_index, "entry_misplaced"),
    ("ledger", wrong_sequence, "entry_not_canonical"),
    ("ledger", wrong_source, "entry_misplaced"),
    ("ledger", more_members, "entry_not_canonical"),
    ("ledger", no_entry_at_all, "entry_not_valid"),
    *((service, state_root_edited, "state_root_differs") for service in SERVICES),
    ("redemption", second_genesis, "genesis_misplaced"),
    ("issuance", other_operator, "decision_differs"),
    ("redemption", other_operator, "genesis_differs"),
    *((service, other_rules, "genesis_differs") for service in SERVICES if service != "issuance"),
]


@pytest.mark.parametrize(("service", "tamper", "code"), FORGED, ids=[f"{t.__name__}-{s}" for s, t, _ in FORGED])
def test_a_forged_log_is_found_out(small: Path, service: str, tamper: Tamper, code: str) -> None:
    log = Forgery(small, service)
    first = tamper(log)
    log.seal()
    report = audit(small)
    mine = [each for each in report.findings if each.log == f"{service}/main"]
    assert (f"entry {first}", code) in {(each.place, each.code) for each in mine}, mine
    assert min(int(each.place.removeprefix("entry ")) for each in mine) == first


UNKNOWN = {"rules": 99, "release": "0.1.0"}


def adopt_unknown(logs: Path, signer: str) -> int:
    """Append a command of the operator that adopts rules which no release has; the index of its entry."""
    log = Forgery(logs, "issuance")
    value = payload(log.entries[log.caused_by("command")[0]])
    made = copy.deepcopy(log.entries[log.caused_by("command")[-1]])
    body = {**UNKNOWN, "replaces": log.entries[0]["data"]["events"][0]["rules"]}
    made["time"] = max(Forgery(logs, service).entries[-1]["time"] for service in SERVICES)
    value.update(type="adopt_rules", command_id=f"{value['command_id'][:-4]}0000", body=body)
    value.update(issued_at=made["time"], expires_at=format_time(parse_time(made["time"]) + HOUR))
    sign(made, value, signer)
    made.update(id=f"operator/{value['command_id']}", subject="adopt_rules")
    made["data"].update(decision="accepted", events=[{"type": "rules.adopted.v1", **body}])
    log.entries.append(made)
    log.renumber()
    log.seal()
    return len(log.entries) - 1


def test_unknown_rules_hide_nothing(small: Path) -> None:
    """What they decide is not audited; whatever else is wrong is found."""
    index = adopt_unknown(small, "operator")
    with pytest.raises(UnknownRules, match="rules version 99 needs release"):
        audit(small)
    forged = Forgery(small, "ledger")
    first = balance(forged)
    forged.seal()
    report = audit(small)
    assert ("ledger/main", f"entry {first}", "decision_differs") in named(small)
    assert not any(each.log == "issuance/main" for each in report.findings)
    assert len(report.unknown_rules) == 1
    assert report.logs[0].entries_replayed == index


def test_rules_that_the_operator_did_not_adopt_end_no_audit(small: Path) -> None:
    """Anybody could write such a command; what its entry names counts only if the operator signed it."""
    index = adopt_unknown(small, "mallory")
    assert named(small) == {("issuance/main", f"entry {index}", "signature_not_valid")}


@pytest.mark.parametrize("number", [0, 1_000_001])
def test_numbers_that_no_rules_can_have_are_found(small: Path, number: int) -> None:
    log = Forgery(small, "redemption")
    opened = log.entries[0]["data"]
    opened["cause"]["genesis"]["rules"] = opened["events"][0]["rules"] = number
    log.seal()
    assert ("redemption/main", "entry 0", "entry_not_valid") in named(small)


def test_an_entry_that_does_not_fit_names_no_rules(small: Path) -> None:
    log = Forgery(small, "redemption")
    log.entries[0]["data"]["cause"]["genesis"].update(UNKNOWN)  # its event says something else
    log.seal()
    assert ("redemption/main", "entry 0", "decision_differs") in named(small)


def test_a_log_of_another_host_is_found(small: Path) -> None:
    """Everything in it is right but for whose it is."""
    log, other = Forgery(small, "redemption"), "elsewhere.example/redemption/main"
    mine = f"{HOST}/redemption/main"
    first = next(index for index in range(len(log.entries)) if "command" in log.entries[index]["data"]["cause"])
    entries = [canonical(entry).replace(mine.encode(), other.encode()) for entry in log.entries[:first]]
    key = SigningKey(other, seed_of("elsewhere"))
    publish(log.root, key, entries)
    (log.root / "vkey").write_text(f"{key.verify_key.vkey()}\n")
    assert ("redemption/main", "checkpoint", "origin_not_expected") in named(small)
    codes = {code for log, place, code in named(small) if log == "redemption/main" and place.startswith("entry")}
    assert codes <= {"log_stands_still"}, "it was cut short, but every entry of it is right"


@pytest.mark.parametrize(
    ("since", "until", "code"),
    [
        (0, SHORTEST_OUTAGE, None),
        (1, SHORTEST_OUTAGE, "outage_not_possible"),  # too short by a microsecond
        (-1, SHORTEST_OUTAGE, "outage_not_possible"),  # it made an entry after that
        (2 * SHORTEST_OUTAGE, SHORTEST_OUTAGE, "outage_not_possible"),  # it begins after it has ended
    ],
)
def test_an_outage_is_believed_only_where_the_log_was_silent(
    small: Path, since: int, until: int, code: str | None
) -> None:
    """Times are microseconds after the last entry, behind which redemption's writer says that it was away."""
    log = Forgery(small, "redemption")
    last, index = parse_time(log.entries[-1]["time"]), len(log.entries)
    away_since, now = format_time(last + since), last + until
    entry = copy.deepcopy(log.entries[-1])
    earliest = format_time(now + RULES[LATEST].resumption_grace)
    resumed = {"type": "writer.resumed.v1", "away_since": away_since, "earliest": earliest}
    entry.update(id=f"resumed/{index}", subject="resumed", time=format_time(now))
    entry["data"].update(cause={"resumed": {"away_since": away_since}}, decision="accepted", events=[resumed])
    log.entries.append(entry)
    log.renumber()
    log.seal()
    report = audit(small)
    assert {(each.log, each.place, each.code) for each in report.findings} == (
        set() if code is None else {("redemption/main", f"entry {index}", code)}
    )
    assert [len(each.outages) for each in report.logs] == [0, 0, 0, code is None]


def test_resealing_alone_is_no_fault(small: Path) -> None:
    for service in SERVICES:
        Forgery(small, service).seal()
    assert audit(small).findings == []


def test_white_space_is_found(small: Path) -> None:
    log = Forgery(small, "ledger")
    entries = [canonical(entry) for entry in log.entries]
    entries[5] = entries[5].replace(b":", b": ", 1)
    publish(log.root, log.key, entries)
    assert ("ledger/main", "entry 5", "entry_not_canonical") in named(small)


@pytest.mark.parametrize("data", [b"", b"{}", b"[" * 2_000, b"\xff", b'{"data":1}', b"null", b"x" * 65_535])
def test_bytes_that_are_no_entry_are_found(small: Path, data: bytes) -> None:
    log = Forgery(small, "issuance")
    entries = [canonical(entry) for entry in log.entries]
    publish(log.root, log.key, [*entries[:6], data, *entries[6:]])
    assert ("issuance/main", "entry 6", "entry_not_valid") in named(small)


def test_an_empty_log_is_found(small: Path) -> None:
    log = Forgery(small, "redemption")
    log.entries = []
    log.seal()
    findings = named(small)
    assert ("redemption/main", "entry 0", "genesis_missing") in findings


# lies that agree with each other --------------------------------------------------------------------------------------


def relink(source: Forgery, consumer: Forgery) -> None:
    """Let the consumer's causes name the leaves that the source has now."""
    leaves = [b64encode(leaf_hash(canonical(entry))).decode() for entry in source.entries]
    for index in consumer.caused_by("entry"):
        cause = consumer.entries[index]["data"]["cause"]["entry"]
        if cause["origin"] == source.key.name:
            cause["leaf"] = leaves[cause["index"]]


@pytest.mark.parametrize(
    ("member", "own", "code"),
    [
        ("bid_id", "match_skipped", "decision_impossible"),
        ("offer_id", "match_skipped", "decision_impossible"),
        ("trade_id", "decision_differs", "decision_differs"),
    ],
)
def test_an_event_that_no_decider_made_cannot_break_the_audit_of_its_consumer(
    small: Path, member: str, own: str, code: str
) -> None:
    """The ledger consumes the false trade, which refers to nothing in its state."""
    matching, ledger = Forgery(small, "matching"), Forgery(small, "ledger")
    index = matching.find("trade.matched.v1")
    trade = next(each for each in matching.entries[index]["data"]["events"] if each["type"] == "trade.matched.v1")
    trade[member] = "nobody-0-0"
    relink(matching, ledger)
    matching.seal()
    ledger.seal()
    findings = named(small)
    assert ("matching/main", f"entry {index}", own) in findings
    assert ("ledger/main", f"entry {ledger.find('contract.funded.v1')}", code) in findings, findings


def test_an_event_that_cannot_be_read_cannot_break_the_audit_of_its_consumer(small: Path) -> None:
    matching, ledger = Forgery(small, "matching"), Forgery(small, "ledger")
    index = matching.find("trade.matched.v1")
    for event in matching.entries[index]["data"]["events"]:
        event["surplus"] = 1
    relink(matching, ledger)
    matching.seal()
    ledger.seal()
    findings = named(small)
    assert ("matching/main", f"entry {index}", "entry_not_valid") in findings
    assert ("ledger/main", f"entry {ledger.find('contract.funded.v1')}", "cause_not_readable") in findings


def test_consumed_before_what_it_refers_to_is_found(small: Path) -> None:
    """The ledger captures usage of a contract before its trade arrived; a runner would wait for the trade."""
    ledger = Forgery(small, "ledger")
    funded, captured = ledger.find("contract.funded.v1"), ledger.find("hold.captured.v1")
    moved = ledger.entries.pop(captured)
    moved["time"] = ledger.entries[funded]["time"]
    ledger.entries.insert(funded, moved)
    ledger.renumber()
    ledger.seal()
    assert ("ledger/main", f"entry {funded}", "cause_too_early") in named(small)


# random edits ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("service", SERVICES)
def test_whatever_member_is_edited_the_entry_is_named(small_logs: Path, tmp_path: Path, service: str) -> None:
    """Except its time, which the sequencer sets (only order and timers are checked against it)."""
    rng = Random(f"edits/{service}")
    untouched = Forgery(small_logs, service).entries
    for nth in range(20):
        logs = Path(shutil.copytree(small_logs, tmp_path / f"logs-{nth}"))
        log = Forgery(logs, service)
        index = rng.randrange(len(log.entries))
        members = [(at, key) for at, key in scalars(log.entries[index]) if key != "time"]
        container, key = rng.choice(members)
        container[key] = other_value(container[key], rng)
        if log.entries[index] == untouched[index]:
            continue
        log.seal()
        mine = [each for each in audit(logs).findings if each.log == f"{service}/main"]
        assert any(each.place == f"entry {index}" for each in mine), (index, key, container, mine)
        shutil.rmtree(logs)


def test_the_forger_s_tree_is_valid(small: Path) -> None:
    """The forged log has valid files: without replay, nothing would be found."""
    log = Forgery(small, "matching")
    trade_price(log)
    log.seal()
    tree = Tree(lambda _level, _index: b"")
    tree.append([leaf_hash(canonical(entry)) for entry in log.entries])
    assert f"{HOST}/matching/main\n{len(log.entries)}\n{b64encode(tree.root()).decode()}\n" in (
        (log.root / "checkpoint").read_text()
    )
    assert {each.place for each in audit(small).findings if each.log == "matching/main"} == {
        f"entry {log.find('trade.matched.v1')}"
    }
