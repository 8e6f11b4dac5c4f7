"""R3 to R5, R10 to R13 and R15: what they say of a story, that they agree with each other, and what a sample proves."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from counterfoil.cli.render import Rows
from counterfoil.cli.report import for_people
from counterfoil.cli.values import show_amount
from counterfoil.contract.events import PartyRegistered
from counterfoil.issuance.events import ApplicationDecided, ApplicationSubmitted, FactAttested, VoucherIssued
from counterfoil.ledger.transfer_events import TransferAccepted, TransferProposed
from counterfoil.log.merkle import verify_inclusion
from counterfoil.redemption.events import Payee, PaymentConfirmed, SettlementClosed
from counterfoil.redemption.payer_events import PayerPart, PaymentShared, ShareConfirmed
from counterfoil.reports.catalogue import REPORTS
from counterfoil.reports.folding import Folded, fold
from counterfoil.reports.given import Given
from counterfoil.reports.report import as_json, made
from counterfoil.reports.sample import by_units, drawn
from tests.documents import document, published
from tests.market import USD
from tests.reports.planted import Planted, event
from tests.reports.rows import rows

GOLDEN = Path(__file__).parents[1] / "golden" / "rules-6"


@pytest.fixture(scope="module")
def golden() -> Folded:
    """Logs with every kind of entry. Read only."""
    return fold(GOLDEN)


@pytest.mark.parametrize("report", REPORTS)
def test_every_report_says_what_its_columns_promise(report: str, golden: Folded) -> None:
    """Of every programme: the columns that are described, in canonical JSON, the same each time, and for people."""
    for each in golden.tables.rows("programmes"):
        found = made(golden, REPORTS[report], each["programme_id"], "test")
        assert as_json(found) == as_json(made(golden, REPORTS[report], each["programme_id"], "test"))
        assert all([*row] == [column["name"] for column in found["columns"]] for row in found["rows"])
        assert for_people(REPORTS[report], found)
    assert all(column.says for column in REPORTS[report].columns)


def test_the_claim_of_a_story_and_its_payment(story: Folded) -> None:
    (claim,) = rows(story, "R4")
    assert (claim["kind"], claim["payee_id"], claim["holders"]) == ("contracts", "gpu-1", ["lab-1"])
    assert (claim["claimed"], claim["approved"], claim["cut"], claim["co_payment"]) == (12 * USD, 12 * USD, 0, 12 * USD)
    (line,) = claim["lines"]
    assert (line["gpu_minutes"], line["accepted_by"]) == (480 + 240, ["beneficiary", "resolution"])
    assert (claim["decided_by"], claim["status"], claim["payment_reference"]) == ("city", "paid", "PAY-1")
    (payment,) = rows(story, "R5")
    assert payment["items"] == [{"claim_id": claim["claim_id"], "approved": str(12 * USD)}]
    assert (payment["amount"], payment["payers"]) == (12 * USD, [{"payer": "issuer", "bears": str(12 * USD)}])


def test_the_providers_and_the_outcome_of_a_story(story: Folded) -> None:
    """One provider delivers 12 GPU-hours for 24, one hour of it disputed; the other one defaults."""
    kept, failed = rows(story, "R11")
    assert [each["provider_id"] for each in (kept, failed)] == ["gpu-1", "gpu-2"]
    delivered = {"contracts": 1, "completed": 1, "defaulted": 0, "gpu_hours": 12, "invoiced": 24 * USD, "disputed": 1}
    assert {name: kept[name] for name in delivered} == delivered
    assert (kept["offered_node_hours"], kept["sold_node_hours"], kept["utilisation_bps"]) == (96, 2, 208)
    assert (failed["completed"], failed["defaulted"], failed["price_to_median_bps"]) == (0, 1, 10_000)
    outcome = {row["group"]: row for row in rows(story, "R12")}
    everybody = outcome["all"]
    assert (everybody["beneficiaries"], everybody["granted"], everybody["redeemed"]) == (2, 900 * USD, 12 * USD)
    assert outcome["subsidy per GPU-hour, of contracts"]["amount"] == USD
    assert outcome["first vouchers of their holders"]["share_bps"] == 10_000


def test_of_few_groups_nothing_is_public(story: Folded) -> None:
    assert [(row["kind"], row["grants"], row["amount"]) for row in rows(story, "R13")] == [("all", None, None)]


def granting(**changes: Any) -> Planted:
    """A programme by a document, with three grants of 100 USD, a day apart."""
    logs = Planted()
    logs.add("issuance", 0, *published(document(**changes)))
    for number in range(3):
        name = f"lab-{number}"
        registered = event(PartyRegistered, party_id=name, group_id=name, name=f"Laboratory {number}")
        logs.add("issuance", number, registered)
        asked = {"application_id": f"app-{number}", "programme_id": "p1", "beneficiary_id": name, "corrects": False}
        logs.add("issuance", number, event(ApplicationSubmitted, **asked))
        decided = {"application_id": f"app-{number}", "decision": "approved", "voucher_id": f"vch-{number}"}
        decided |= {"programme_id": "p1", "beneficiary_id": name, "reason": "Complete"}
        logs.add("issuance", number, event(ApplicationDecided, **decided))
        known = {"voucher_id": f"vch-{number}", "programme_id": "p1", "beneficiary_id": name, "face": 100 * USD}
        logs.add("issuance", number, event(VoucherIssued, **known))
    logs.folded.tables.finish()
    return logs


def test_a_document_says_what_is_public_and_when() -> None:
    public = {"publication": {"fields": ["BENEFICIARY", "AMOUNT"], "delay_days": 1}}
    *grants, everybody = rows(granting(**public).folded, "R13")
    assert [(row["beneficiary"], row["amount"]) for row in grants] == [
        ("Laboratory 0", 100 * USD), ("Laboratory 1", 100 * USD),
    ]  # fmt: skip
    assert {row[name] for row in grants for name in ("providers", "granted_on", "purpose", "decision")} == {None}
    assert (everybody["grants"], everybody["amount"]) == (None, None)
    *grants, everybody = rows(granting(publication={"fields": ["DECISION", "DATE"]}).folded, "R13")
    assert [(row["beneficiary"], row["amount"], row["decision"]) for row in grants] == [(None, None, "Complete")] * 3
    assert (everybody["grants"], everybody["amount"]) == (3, 300 * USD)
    (everybody,) = rows(granting().folded, "R13")
    assert (everybody["kind"], everybody["grants"], everybody["amount"]) == ("all", 3, 300 * USD)


def test_what_is_public_of_a_grant_its_own_version_says() -> None:
    """The second version makes more public, of its own grants alone."""
    logs = granting()
    second = published(document(version=2, publication={"fields": ["AMOUNT"]}), document_id="doc-2-0")
    logs.add("issuance", 3, *second)
    known = {"programme_id": "p1", "beneficiary_id": "lab-0", "face": 100 * USD, "version": 2}
    logs.add("issuance", 4, event(VoucherIssued, **known, voucher_id="vch-9"))
    *grants, everybody = rows(logs.folded, "R13")
    assert [(row["kind"], row["amount"]) for row in grants] == [("grant", 100 * USD)]
    assert everybody["grants"] == 4


def test_of_few_groups_no_amount_is_told_by_fact_and_no_measurement_is() -> None:
    logs = granting()
    facts = (("region", ("north",) * 3), ("size", ("MICRO", "SMALL", "SMALL")), ("turnover", ("1200000", "5", "7.5")))
    for name, values in facts:
        for number, value in enumerate(values):
            whose = {"party_id": f"lab-{number}", "application_id": None, "line": None, "name": name}
            logs.add("issuance", 5, event(FactAttested, **whose, values=(value,)))
    by_fact = [row for row in rows(logs.folded, "R12") if ":" in row["group"]]
    assert [(row["group"], row["beneficiaries"], row["granted"]) for row in by_fact] == [
        ("region: north", 3, 300 * USD), ("size: MICRO", 1, None), ("size: SMALL", 2, None),
    ]  # fmt: skip
    known = {"programme_id": "p1", "beneficiary_id": "lab-3", "face": 100 * USD, "version": 1}
    logs.add("issuance", 6, event(VoucherIssued, **known, voucher_id="vch-9"))  # whose part all less north would tell
    (north,) = [row for row in rows(logs.folded, "R12") if row["group"] == "region: north"]
    assert (north["beneficiaries"], north["granted"], north["redeemed"]) == (3, None, None)


def test_what_expired_of_restored_vouchers_is_expired_as_well(story: Folded) -> None:
    (expired,) = [row for row in rows(story, "R12") if row["group"] == "expired unused"]
    assert expired["amount"] == rows(story, "R1")[0]["expired"] == (488 + 392 + 8) * USD


def test_people_read_amounts_in_units_also_inside_a_cell(story: Folded) -> None:
    register = made(story, REPORTS["R4"], "p1", "test")
    shown = next(each for each in for_people(REPORTS["R4"], register) if isinstance(each, Rows))
    ((line,), *_), ((seen,), *_) = [row["lines"] for row in register["rows"]], [row["lines"] for row in shown.rows]
    assert seen == {**line, **{name: show_amount(int(line[name])) for name in ("amount", "price")}}


def test_a_decision_is_shown_with_what_it_is_founded_on(golden: Folded) -> None:
    decisions = [row for each in golden.tables.rows("programmes") for row in rows(golden, "R3", each["programme_id"])]
    statuses = {row["status"] for row in decisions}
    assert statuses >= {"approved", "rejected", "waitlisted", "withdrawn"}
    for row in decisions:
        if row["status"] == "approved":
            assert row["rules_hash"] and row["explanation"] and row["hours_to_decision"] >= 0  # noqa: PT018
            assert all(each["attested_by"] for each in row["facts"])
    vouchers = [row for each in golden.tables.rows("programmes") for row in rows(golden, "R2", each["programme_id"])]
    tiers = [tier for row in vouchers if row["application_id"] is not None for tier in row["tiers"]]
    assert tiers and all(each["tier"] and each["rate"] for each in tiers)  # noqa: PT018
    assert any(row["reviews"] for row in decisions)
    assert any(row["scores"] for row in decisions)


def test_each_of_several_payers_is_compared_with_the_bank() -> None:
    """The state bears 60 of 100, and refunds it to the city, which pays all; the bank knows of the first payment."""
    logs = Planted()
    logs.add("issuance", 0, *published(document()))
    whose = {"settlement_id": "stl-1-0", "programme_id": "p1"}
    parts = (PayerPart(payer="city", bears=40 * USD, pays=100 * USD), PayerPart(payer="state", bears=60 * USD, pays=0))
    payee = Payee(provider_id="gpu", claimed=100 * USD, brought=0, amount=100 * USD, carried=0)
    logs.add(
        "redemption",
        1,
        event(PaymentShared, **whose, provider_id="gpu", parts=parts),
        event(SettlementClosed, **whose, claim_ids=(), payees=(payee,)),
    )
    paid = {**whose, "provider_id": "gpu", "amount": 100 * USD, "payment_reference": "A"}
    logs.add(
        "redemption",
        2,
        event(ShareConfirmed, **paid, payer="city", refunds=None),
        event(PaymentConfirmed, **paid, claim_ids=()),
    )
    refund = {**paid, "amount": 60 * USD, "payment_reference": "B"}
    logs.add("redemption", 3, event(ShareConfirmed, **refund, payer="state", refunds="city"))
    logs.folded.given = Given(bank={"a": 100 * USD})
    compared = [row for row in rows(logs.folded, "R6") if row["check"] == "payments"]
    assert [(row["owner"], row["left"], row["right"], row["difference"]) for row in compared] == [
        ("city", 100 * USD, 100 * USD, 0), ("state", 60 * USD, 0, 60 * USD),
    ]  # fmt: skip
    (statement,) = rows(logs.folded, "R5")
    shown = [(each["payer"], each["bears"], each["pays"], each["refunds"]) for each in statement["payers"]]
    assert shown == [("city", str(40 * USD), str(100 * USD), None), ("state", str(60 * USD), "0", "city")]


def test_what_is_handed_on_is_shown_with_its_price(golden: Folded) -> None:
    logs = Planted()
    names = {"programme_id": "p1", "holder_id": "a", "receiver_id": "b", "amount": 100 * USD, "fee": 0, "legs": ()}
    for number, price in enumerate((98, 0)):
        logs.add("ledger", 1, event(TransferProposed, **names, transfer_id=f"trf-{number}", price=price * USD))
    logs.add("ledger", 2, event(TransferAccepted, **names, transfer_id="trf-0", price=98 * USD, hops=1))
    found = [(row["id"], row["price_bps"], row["status"]) for row in rows(logs.folded, "R16")]
    assert found == [("trf-0", 9_800, "accepted"), ("trf-1", 0, "proposed")]
    everywhere = [row for each in golden.tables.rows("programmes") for row in rows(golden, "R16", each["programme_id"])]
    assert {row["kind"] for row in everywhere} == {"transfer", "pledge"}
    assert {row["hops"] for row in everywhere} >= {None, 1}


def test_registers_agree_with_the_budget_and_with_each_other(golden: Folded) -> None:
    for each in golden.tables.rows("programmes"):
        programme_id = each["programme_id"]
        budget, claims = rows(golden, "R1", programme_id)[0], rows(golden, "R4", programme_id)
        payments = rows(golden, "R5", programme_id)
        assert [row for row in payments if row["amount"] != row["claimed"] + row["brought"] - row["carried"]] == []
        paid = Counter[str]()
        for row in payments:
            paid[row["payee_id"]] += row["amount"] if row["status"] == "paid" else 0
        compared = {
            row["subject"]: row["right"]
            for row in rows(golden, "R6", programme_id)
            if row["right_is"] == "paid, redemption"
        }
        assert {name: amount for name, amount in compared.items() if amount} == {**+paid}
        assert sum(paid.values()) == budget["paid"]
        open_ = [row["approved"] or row["claimed"] for row in claims if row["status"] == "submitted"]
        assert sum(open_) == budget["claimed"]
        assert [row for row in rows(golden, "R10", programme_id) if row["difference"]] == []
    kinds = {
        row["kind"] for each in golden.tables.rows("programmes") for row in rows(golden, "R10", each["programme_id"])
    }
    assert kinds == {"clawback", "debt", "listing", "voucher"}


def test_a_sample_is_drawn_by_its_seed_and_proves_every_entry(golden: Folded) -> None:
    def with_(seed: str, size: int) -> Folded:
        return replace(golden, given=Given(seed=seed, size=size))

    found = made(with_("7f3a", 6), REPORTS["R15"], "p1", "test")
    trees = {log["origin"].split("/")[1]: log for log in found["header"]["logs"]}
    assert 3 < len(found["rows"]) <= 6
    assert Counter(row["chosen"] for row in found["rows"])["random"] == 3
    for row in found["rows"]:
        assert {each["log"] for each in row["chain"]} >= {"issuance", "ledger", "redemption"}
        for each in row["chain"]:
            log, proof = trees[each["log"]], [bytes.fromhex(each_) for each_ in each["proof"]]
            leaf, root = bytes.fromhex(each["leaf"]), bytes.fromhex(log["root"])
            verify_inclusion(each["index"], log["last"] + 1, leaf, proof, root)
    assert made(with_("7f3a", 6), REPORTS["R15"], "p1", "test") == found
    assert len({tuple(drawn(with_(str(seed), 6), "p1")) for seed in range(5)}) > 1
    claims = {row["claim_id"] for row in golden.tables.rows("claims", programme_id="p1")}
    assert {name for name, _, _ in drawn(with_("7f3a", 10_000), "p1")} == claims


@pytest.mark.parametrize("start", range(0, 100, 7))
def test_monetary_units_take_what_is_large_for_certain(start: int) -> None:
    """Of 100 units in two draws every 50th is taken: a claim of 50 always, one of 1 in a fiftieth of all starts."""
    weights = {"a": 1, "large": 60, "b": 1, "c": 38}
    taken = list(by_units(weights, 2, start))
    assert "large" in taken
    assert len(taken) == len({*taken}) <= 2
    assert sum("a" in by_units(weights, 2, each) for each in range(50)) == 1
