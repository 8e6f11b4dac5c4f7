"""Vouchers handed on and pledged: who may, what is pending, value and price at once, and how all of it ends."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from counterfoil.contract.applications import FactGiven
from counterfoil.contract.events import GroupAttested
from counterfoil.contract.record import Command
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.contract.times import DAY
from counterfoil.core.rules import LATEST, RULES
from counterfoil.issuance.taking_events import FactsStated
from counterfoil.ledger.commands import (
    AcceptTransfer,
    ApproveTransfer,
    EnforcePledge,
    PledgeVoucher,
    ProposeTransfer,
    RejectTransfer,
    ReleasePledge,
    SurrenderVoucher,
    WithdrawTransfer,
)
from counterfoil.ledger.events import CaptureReversed, HoldPlaced, VoucherCancelled, VoucherClosed, VoucherExpired
from counterfoil.ledger.service import DECIDER
from counterfoil.ledger.transfer_events import (
    PledgeAsked,
    PledgeEnforced,
    PledgeJudged,
    PledgeMade,
    PledgeReleased,
    TransferAccepted,
    TransferApproved,
    TransferClosed,
    TransferConsented,
    TransferJudged,
    TransferProposed,
    VoucherReissued,
    VoucherSurrendered,
)
from tests.documents import document, rules_from
from tests.ledger.story import (
    COMPLETED,
    ENDS,
    RETURNED,
    REVOKED,
    SUSPENDED,
    Story,
    T,
    accepted,
    bid,
    deposit,
    expire,
    handed_on_by,
    handing,
    issued,
    offer,
    party,
    reversal,
    rules_hash,
    story,
    trade,
    withdraw,
)
from tests.rules import changed_rules

STANDS = RULES[LATEST].transfer_stands
ID, NEXT = "tfr-15-0", "tfr-16-0"
"""Of what is proposed first in `market`, and of what is proposed after that."""
PLEDGE = "plg-15-0"


def market(**transfer: Any) -> Story:
    """acme has a voucher of 1,000, which it may hand on; beta may have one, too; a lender has no such role."""
    told = story(
        party("issuer", "issuer"), party("beta", "beneficiary"), party("lender", "treasurer"), *handing(**transfer),
        issued("v1", 1_000, version=2),
    )  # fmt: skip
    told.when(deposit("beta", 10_000), "treasury")
    assert told.index == 14
    return told


def to_beta(amount: int = 400, price: int = 0, receiver_id: str = "beta") -> ProposeTransfer:
    return ProposeTransfer(voucher_id="v1", amount=amount, receiver_id=receiver_id, price=price)


def pledge(amount: int = 400, pledgee_id: str = "lender") -> PledgeVoucher:
    return PledgeVoucher(voucher_id="v1", amount=amount, pledgee_id=pledgee_id)


def accept(transfer_id: str = ID) -> AcceptTransfer:
    return AcceptTransfer(transfer_id=transfer_id)


def group(party_id: str, group_id: str) -> GroupAttested:
    """The party belongs to a group from now on."""
    return GroupAttested(
        party_id=party_id, group_id=group_id, since=T, source="register", attested_by="op", group_after=group_id
    )


def outcome(told: Story) -> str | None:
    """The refusal of the last command, and why; None if it was accepted."""
    last = told.last
    if not isinstance(last, Refusal):
        return None
    return dict(last.detail).get("why", last.code.value)


def has(told: Story, *parties: str) -> list[tuple[int, int]]:
    """(available, held) of the voucher, by party."""
    return [told.voucher("v1", each)[:2] for each in parties]


def test_value_and_price_change_hands_in_one_entry() -> None:
    told = market(fee="1%").when(to_beta(price=300), "acme").then_types(TransferProposed)
    assert has(told, "acme", "beta") == [(600, 400), (0, 0)]
    told.when(accept(), "beta").then_types(TransferAccepted)
    assert has(told, "acme", "beta") == [(600, 0), (400, 0)]
    assert [told.cash(each)[0] for each in ("acme", "beta", "issuer")] == [10_300, 9_696, 4]
    (event,) = told.said
    assert (event.hops, event.expires_at, event.fee) == (1, ENDS, 4)
    assert told.state.encumbrances.hand("v1", "beta").hops == 1


BANKS = {"fact": "licensed_bank", "is": True}


def stated(*values: str, name: str = "licensed_bank", **changes: Any) -> FactsStated:
    """What issuance says of beta: whether it is a bank, if anybody has said so."""
    facts = tuple(FactGiven(line=None, name=name, values=(each,), attested_by="issuer", on=T // DAY) for each in values)
    said: dict[str, Any] = {
        "transfer_id": ID, "programme_id": "city", "voucher_id": "v1", "party_id": "beta", "day": 0,
        "rules_hash": rules_hash(to=BANKS),
        "contradict": False, "facts": facts,
    }  # fmt: skip
    return FactsStated(**(said | changes))


def test_who_takes_value_over_is_judged_by_what_issuance_says_of_it() -> None:
    told = market(to=BANKS).when(to_beta(price=300), "acme").then_types(TransferProposed)
    barred = {
        "receiver_not_allowed": (stated(), stated("false")),
        "facts_contradict": (stated(contradict=True), stated("true", "false")),
    }  # fmt: skip
    for why, answers in barred.items():
        for answer in answers:
            told.when(accept(), "beta").then_types(TransferConsented)
            told.hears(answer).then_types(TransferJudged)
            assert (told.said[0].code, told.said[0].why) == ("transfer_not_permitted", why)
            assert has(told, "acme", "beta") == [(600, 400), (0, 0)], "it stands, and may be taken again"
    told.when(accept(), "beta").when(withdraw("beta", 9_800), "treasury")
    told.hears(stated("true")).then_types(TransferJudged)
    assert told.said[0].code == "exceeds_available"
    told.when(deposit("beta", 9_800), "treasury").when(accept(), "beta")
    told.hears(stated("true")).then_types(TransferJudged, TransferAccepted)
    assert has(told, "acme", "beta") == [(600, 0), (400, 0)]
    told.hears(stated("true")).then()
    with changed_rules(judges_takers=False):
        told = market(to=BANKS).when(to_beta(), "acme")
        assert outcome(told) == "receiver_not_allowed", "by rules before, nothing was attested of anybody"


def test_nothing_moves_on_a_statement_that_was_not_asked_for() -> None:
    told = market(to=BANKS).when(to_beta(), "acme")
    told.hears(stated("true")).then()
    told.when(accept(), "beta").then_types(TransferConsented)
    told.when(accept(), "beta").refused(Code.TRANSFER_NOT_PERMITTED)
    assert outcome(told) == "already_consented"
    of_another: tuple[dict[str, Any], ...] = ({"party_id": "acme"}, {"voucher_id": "v9"}, {"rules_hash": bytes(32)})
    for other in of_another:
        told.hears(stated("true", **other)).then()
    told.hears(stated("false")).then_types(TransferJudged)
    told.hears(stated("true")).then()
    told.when(accept(), "beta").when(WithdrawTransfer(transfer_id=ID), "acme")
    told.hears(stated("true")).then()
    assert (has(told, "acme"), dict(told.state.encumbrances.consents)) == ([(1_000, 0)], {})


@pytest.mark.parametrize("mode", ["CLOSED_MARKET", "OPEN"])
def test_a_provider_of_the_programme_takes_nothing_over_where_none_may_be_a_beneficiary(mode: str) -> None:
    """Without conditions in the document, too; who has no role of a provider is not asked about."""
    told = market(mode=mode).hears(party("both", "beneficiary", "provider"))
    for _ in ("listed", "not listed"):
        told.when(to_beta(receiver_id="both"), "acme").then_types(TransferProposed)
    listed, other = list(told.state.encumbrances.transfers)
    told.when(accept(listed), "both")
    if mode == "OPEN":
        told.then_types(TransferAccepted)
        return
    told.then_types(TransferConsented)
    answer = {"party_id": "both", "rules_hash": rules_hash(mode=mode)}
    told.hears(stated("true", name="listed_provider", transfer_id=listed, **answer)).then_types(TransferJudged)
    assert told.said[0].why == "provider_as_beneficiary"
    told.when(accept(other), "both")
    told.hears(stated("false", name="listed_provider", transfer_id=other, **answer))
    told.then_types(TransferJudged, TransferAccepted)


PROPOSED: list[tuple[str | None, dict[str, Any], Command, str]] = [
    (None, {}, to_beta(1_000), "acme"),
    ("unknown_party", {}, to_beta(receiver_id="nobody"), "acme"),
    ("unknown_voucher", {}, replace(to_beta(), voucher_id="v9"), "acme"),
    ("unknown_voucher", {}, to_beta(receiver_id="acme"), "beta"),
    ("party_not_a_beneficiary", {}, to_beta(receiver_id="lender"), "acme"),
    ("transfer_not_permitted", {"mode": "NONE"}, to_beta(), "acme"),
    ("same_party", {}, to_beta(receiver_id="acme"), "acme"),
    ("not_related", {"mode": "INTRA_GROUP"}, to_beta(), "acme"),
    (None, {"mode": "ISSUER_APPROVED"}, to_beta(), "acme"),
    (None, {"mode": "SURRENDER_REISSUE"}, to_beta(), "acme"),
    (None, {"to": {"fact": "pilot", "is": True}}, to_beta(), "acme"),
    ("price_not_allowed", {"price_rule": "AT_PAR"}, to_beta(price=399), "acme"),
    (None, {"price_rule": "AT_PAR"}, to_beta(price=400), "acme"),
    ("price_not_allowed", {"price_rule": "BELOW_PAR_ONLY"}, to_beta(price=400), "acme"),
    ("below_minimum", {"min_amount": "0.0005"}, to_beta(499), "acme"),
    (None, {"min_amount": "0.0005"}, to_beta(500), "acme"),
    ("exceeds_available", {}, to_beta(1_001), "acme"),
]
PLEDGED: list[tuple[str | None, dict[str, Any], Command, str]] = [
    (None, {}, pledge(800), "acme"),
    ("pledge_above_share", {}, pledge(801), "acme"),
    ("pledge_not_permitted", {"pledge": {"allowed": False}}, pledge(), "acme"),
    ("unknown_party", {}, pledge(pledgee_id="nobody"), "acme"),
    ("unknown_voucher", {}, pledge(), "beta"),
    ("exceeds_available", {"pledge": {"allowed": True}}, pledge(1_000), "held"),
]


@pytest.mark.parametrize(("expected", "transfer", "body", "actor"), [*PROPOSED, *PLEDGED])
def test_what_is_proposed_and_pledged(
    expected: str | None, transfer: dict[str, Any], body: Command, actor: str
) -> None:
    told = market(**transfer)
    if actor == "held":
        told.when(to_beta(1), "acme")
    told.when(body, "acme" if actor == "held" else actor)
    assert outcome(told) == expected


def test_what_is_barred_is_barred_in_every_hand() -> None:
    told = market().when(to_beta(), "acme").when(accept(), "beta")
    told.when(to_beta(100), "acme").hears(SUSPENDED)
    for body, actor in (
        (accept("tfr-17-0"), "beta"),
        (to_beta(1), "acme"),
        (to_beta(1, receiver_id="acme"), "beta"),
        (pledge(1), "beta"),
    ):
        told.when(body, actor).refused(Code.VOUCHER_SUSPENDED)
    told.hears(REVOKED).then_types(VoucherCancelled)
    assert has(told, "acme", "beta") == [(0, 100), (0, 0)]
    assert DECIDER.due(told.state) == (0, "encumbrance_end")
    told.fires("encumbrance_end", T).then_types(TransferClosed, VoucherCancelled, VoucherClosed)
    assert told.said[0].reason == "voucher_ended"
    assert told.voucher("v1")[2:] == (0, 0, 1_000)


def test_who_decides_about_a_transfer() -> None:
    told = market().when(to_beta(), "acme")
    rejects, withdraws = RejectTransfer(transfer_id=ID, reason="no"), WithdrawTransfer(transfer_id=ID)
    told.when(accept(), "acme").refused(Code.UNKNOWN_TRANSFER)
    told.when(ApproveTransfer(transfer_id=ID), "issuer")
    assert outcome(told) == "approval_not_needed"
    told.when(rejects, "acme").refused(Code.UNKNOWN_TRANSFER)
    told.when(withdraws, "beta").refused(Code.UNKNOWN_TRANSFER)
    told.when(rejects, "issuer").then_types(TransferClosed)
    assert (told.said[0].reason, has(told, "acme")) == ("rejected_by_issuer", [(1_000, 0)])
    for body, actor in ((accept(), "beta"), (rejects, "beta"), (withdraws, "acme")):
        told.when(body, actor).refused(Code.UNKNOWN_TRANSFER)
    told.when(ApproveTransfer(transfer_id=ID), "issuer").refused(Code.UNKNOWN_TRANSFER)
    told.when(to_beta(), "acme")
    told.when(replace(rejects, transfer_id=told.said[0].transfer_id), "beta").then_types(TransferClosed)
    told.when(to_beta(), "acme")
    told.when(WithdrawTransfer(transfer_id=told.said[0].transfer_id), "acme").then_types(TransferClosed)
    assert has(told, "acme") == [(1_000, 0)]


def test_the_issuer_approves_first() -> None:
    told = market(mode="ISSUER_APPROVED").when(to_beta(), "acme").when(accept(), "beta")
    assert outcome(told) == "approval_missing"
    told.when(ApproveTransfer(transfer_id=ID), "issuer").then_types(TransferApproved)
    told.when(ApproveTransfer(transfer_id=ID), "issuer")
    assert outcome(told) == "approval_not_needed"
    told.when(accept(), "beta").then_types(TransferAccepted)


def test_what_is_surrendered_is_issued_again_under_another_name() -> None:
    told = market(mode="SURRENDER_REISSUE").when(to_beta(price=100), "acme").when(accept(), "beta")
    assert outcome(told) == "not_surrendered"
    told.when(ApproveTransfer(transfer_id=ID), "issuer").when(accept(), "beta")
    told.then_types(TransferAccepted, VoucherReissued)
    paid, made = told.said
    assert paid.reissued_as == made.voucher_id
    assert (made.reissued_from, made.face, made.expires_at) == ("v1", 400, ENDS)
    assert (told.voucher(made.voucher_id, "beta")[0], told.posted("restored", "v1")) == (400, 400)
    assert told.cash("beta")[0] == 9_900
    told.when(replace(to_beta(600)), "acme")
    told.when(ApproveTransfer(transfer_id=told.said[0].transfer_id), "issuer")
    transfer_id = next(iter(told.state.encumbrances.transfers))
    told.hears(REVOKED)
    told.fires("encumbrance_end", T).then_types(TransferClosed, VoucherCancelled, VoucherClosed)
    told.when(accept(transfer_id), "beta").refused(Code.UNKNOWN_TRANSFER)
    assert told.voucher(made.voucher_id, "beta")[0] == 400


def test_who_receives_is_judged_when_it_accepts() -> None:
    told = market(mode="INTRA_GROUP").hears(group("beta", "acme")).when(to_beta(), "acme").then_types(TransferProposed)
    told.hears(group("beta", "others")).when(accept(NEXT), "beta")
    assert outcome(told) == "not_related"
    told.hears(group("beta", "acme")).when(accept(NEXT), "beta").then_types(TransferAccepted)


def test_neither_value_nor_price_moves_without_the_other() -> None:
    told = market().when(to_beta(price=10_001), "acme").when(accept(), "beta").refused(Code.EXCEEDS_AVAILABLE)
    assert (has(told, "acme", "beta"), told.cash("beta")) == ([(600, 400), (0, 0)], (10_000, 0))


def test_hops_and_cooling_off_follow_each_part() -> None:
    told = market(max_hops=1).when(to_beta(), "acme").when(accept(), "beta")
    told.when(to_beta(100, receiver_id="acme"), "beta")
    assert outcome(told) == "too_many_hops"
    told.when(to_beta(100), "acme").then_types(TransferProposed)  # its own part never changed hands
    told = market(max_hops=2, cooling_off_days=2).when(to_beta(), "acme").when(accept(), "beta")
    for days, why in ((0, "cooling_off"), (1, "cooling_off"), (2, None)):
        told.when(to_beta(100, receiver_id="acme"), "beta", at=T + days * DAY)
        assert outcome(told) == why


def test_what_is_received_counts_towards_the_caps_of_receiver_and_group() -> None:
    caps = [
        {
            "id": "each",
            "scope": "BENEFICIARY",
            "period": {"kind": "CALENDAR_YEAR"},
            "amount": "0.001",
            "counts": ["GRANTED"],
        },
        {"id": "all", "scope": "GROUP", "period": {"kind": "PROGRAMME"}, "amount": "0.0012", "counts": ["GRANTED"]},
    ]
    told = market(caps=caps).hears(party("gamma", "beneficiary")).when(to_beta(700), "acme")
    told.when(accept(told.said[0].transfer_id), "beta").when(to_beta(301), "acme")
    assert outcome(told) == "cap_of_receiver"
    told.hears(issued("v2", 100, to="beta", version=2, issue_seq=2)).when(to_beta(201), "acme")
    assert outcome(told) == "cap_of_receiver"
    told.when(to_beta(300, receiver_id="gamma"), "acme").then_types(TransferProposed)
    transfer_id = told.said[0].transfer_id
    told.hears(group("gamma", "beta")).when(accept(transfer_id), "gamma").then_types(TransferAccepted)
    told.when(to_beta(101, receiver_id="gamma"), "beta")
    assert (outcome(told), dict(told.last.detail)["cap"]) == ("cap_of_receiver", "all")  # type: ignore[union-attr]


def test_a_transfer_that_nobody_accepts_lapses() -> None:
    told = market().when(to_beta(), "acme")
    at = told.said[0].until
    assert at == told.time + STANDS
    assert DECIDER.due(told.state) == (at, "encumbrance_end")
    told.fires("encumbrance_end", at).then_types(TransferClosed)
    assert (told.said[0].reason, has(told, "acme")) == ("lapsed", [(1_000, 0)])


def test_what_is_pending_or_pledged_ends_with_its_voucher() -> None:
    told = market().when(pledge(300), "acme").when(to_beta(100), "acme", at=ENDS - 1)
    assert told.said[0].until == ENDS
    told.when(accept(NEXT), "beta", at=ENDS).refused(Code.VOUCHER_EXPIRED)
    told.when(EnforcePledge(pledge_id=PLEDGE, reason="unpaid"), "lender").refused(Code.VOUCHER_EXPIRED)
    assert DECIDER.due(told.state) == (ENDS, "encumbrance_end")
    told.fires("encumbrance_end", ENDS)
    told.then_types(PledgeReleased, VoucherExpired, TransferClosed, VoucherExpired, VoucherClosed)
    assert told.voucher("v1") == (0, 0, 0, 1_000, 0)
    assert DECIDER.due(told.state) is None


def test_the_end_of_many_encumbrances_takes_several_entries() -> None:
    with changed_rules(max_items_per_sweep=2, currencies=None, unique_references=False):
        told = market()
        for _ in range(5):
            told.when(to_beta(10), "acme")
        told.hears(REVOKED)
        sizes = []
        while (DECIDER.due(told.state) or ("", ""))[1] == "encumbrance_end":
            told.fires("encumbrance_end", T)
            sizes.append(sum(isinstance(event, TransferClosed) for event in told.said))
    assert sizes == [2, 2, 1]
    assert "v1" not in told.state.vouchers.open


def test_a_pledge_is_released_or_enforced_by_the_pledgee_alone() -> None:
    told = market().when(pledge(), "acme").then_types(PledgeMade)
    assert has(told, "acme") == [(600, 400)]
    told.when(ReleasePledge(pledge_id=PLEDGE), "acme").refused(Code.UNKNOWN_PLEDGE)
    told.when(EnforcePledge(pledge_id=PLEDGE, reason="unpaid"), "beta").refused(Code.UNKNOWN_PLEDGE)
    told.when(pledge(401), "acme")
    assert outcome(told) == "pledge_above_share"
    told.when(ReleasePledge(pledge_id=PLEDGE), "lender").then_types(PledgeReleased)
    for body in (ReleasePledge(pledge_id=PLEDGE), EnforcePledge(pledge_id=PLEDGE, reason="unpaid")):
        told.when(body, "lender").refused(Code.UNKNOWN_PLEDGE)
    told.when(pledge(), "acme")
    told.when(EnforcePledge(pledge_id=told.said[0].pledge_id, reason="unpaid"), "lender").then_types(PledgeEnforced)
    assert has(told, "acme", "lender") == [(600, 0), (400, 0)]
    told.when(to_beta(400), "lender").then_types(TransferProposed)


def test_the_new_holder_spends_and_a_refund_goes_to_who_paid() -> None:
    with handed_on_by(rules_from(document(transfer={"mode": "CLOSED_MARKET"}))):
        told = story(party("issuer", "issuer"), party("beta", "beneficiary"), issued("v1", 1_000))
        told.when(deposit("beta", 10_000), "treasury").when(to_beta(), "acme")
        told.when(accept(told.said[0].transfer_id), "beta")
        told.hears(offer("offer", 100), bid("bid", 450, beneficiary_id="beta", group_id="beta")).then_types(HoldPlaced)
        told.hears(trade("trade", 450, beneficiary_id="beta"), accepted("trade", 450, "r"), COMPLETED)
        told.when(to_beta(100, receiver_id="acme"), "beta")
        told.when(accept(told.said[0].transfer_id), "acme")
    assert has(told, "acme", "beta") == [(700, 0), (0, 0)]
    told.hears(reversal("r", 60, 0, 30)).then_types(CaptureReversed)
    assert has(told, "acme", "beta") == [(700, 0), (60, 0)]


def test_a_holder_gives_back_its_own_part_alone() -> None:
    told = market().when(to_beta(), "acme").when(accept(), "beta")
    told.hears(RETURNED).then_types(VoucherSurrendered)
    assert (has(told, "acme", "beta"), told.voucher("v1")[4]) == ([(0, 0), (400, 0)], 600)
    give = SurrenderVoucher(voucher_id="v1", amount=150, reason="not needed")
    told.when(give, "beta").then_types(VoucherSurrendered)
    assert told.budget() == (99_750, 250, 0, 0)
    for body, actor, refusal in (
        (replace(give, amount=251), "beta", Code.EXCEEDS_AVAILABLE),
        (give, "lender", Code.UNKNOWN_VOUCHER),
        (replace(give, voucher_id="v9"), "acme", Code.UNKNOWN_VOUCHER),
    ):
        told.when(body, actor).refused(refusal)
    told.when(give, "beta", at=ENDS).refused(Code.VOUCHER_EXPIRED)
    expire(told).then_types(VoucherExpired, VoucherClosed)


def test_nobody_fills_the_purse_of_another() -> None:
    with changed_rules(max_open_vouchers_per_programme=1, currencies=None, unique_references=False):
        told = market().hears(issued("v2", 10, to="beta", issue_seq=2)).when(to_beta(), "acme")
        told.when(accept(told.said[0].transfer_id), "beta").refused(Code.OVER_LIMIT)
        told.when(pledge(pledgee_id="beta"), "acme")
        told.when(EnforcePledge(pledge_id=told.said[0].pledge_id, reason="unpaid"), "beta").refused(Code.OVER_LIMIT)


def test_a_holder_has_a_bounded_number_of_transfers_and_pledges() -> None:
    with changed_rules(max_encumbrances_per_party=2, currencies=None, unique_references=False):
        told = market().when(to_beta(1), "acme").when(pledge(1), "acme").then_types(PledgeMade)
        told.when(to_beta(1), "acme").refused(Code.OVER_LIMIT)
        told.when(pledge(1), "acme").refused(Code.OVER_LIMIT)


def test_a_pledgee_that_a_document_asks_facts_of_is_judged_by_what_issuance_says_of_it() -> None:
    """The value waits from the pledge on, and is its holder's again where the document bars the pledgee."""
    terms: dict[str, Any] = {"pledge": {"allowed": True, "to": BANKS, "max_share": "80%"}}

    def of_lender(*values: str, pledge_id: str, **changes: Any) -> FactsStated:
        same = {"transfer_id": pledge_id, "party_id": "lender", "rules_hash": rules_hash(**terms)}
        return stated(*values, **same | changes)

    told = market(**terms).when(pledge(801), "acme")
    assert outcome(told) == "pledge_above_share", "what the ledger knows bars at once"
    barred = {"pledge_not_permitted": ("false",), "facts_contradict": ("true", "false")}
    for why, values in barred.items():
        told.when(pledge(), "acme").then_types(PledgeMade, PledgeAsked)
        pledge_id = told.said[0].pledge_id
        told.when(EnforcePledge(pledge_id=pledge_id, reason="unpaid"), "lender")
        assert outcome(told) == "pledgee_not_judged"
        told.hears(of_lender("true", pledge_id=pledge_id, party_id="beta")).then()
        told.hears(of_lender("true", pledge_id=pledge_id, rules_hash=bytes(32))).then()
        told.hears(of_lender(*values, pledge_id=pledge_id)).then_types(PledgeReleased, PledgeJudged)
        assert (told.said[1].code, told.said[1].why) == ("transfer_not_permitted", why)
        assert has(told, "acme") == [(1_000, 0)]
    told.when(pledge(), "acme").then_types(PledgeMade, PledgeAsked)
    pledge_id = told.said[0].pledge_id
    told.hears(of_lender("true", pledge_id=pledge_id)).then_types(PledgeJudged)
    told.hears(of_lender("false", pledge_id=pledge_id)).then()
    told.when(EnforcePledge(pledge_id=pledge_id, reason="unpaid"), "lender").then_types(PledgeEnforced)
    with changed_rules(judges_pledgees=False):
        told = market(**terms).when(pledge(), "acme")
        assert outcome(told) == "pledge_not_permitted", "by rules before, nothing was attested of anybody"
