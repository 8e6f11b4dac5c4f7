"""Bugs that users of other ledgers and programmes have reported, and the test by which each cannot happen here.

`BUGS` names each by project and number, or by the programme; the tests that no other file has are below.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest

from counterfoil.contract.canonical import Refused, canonical
from counterfoil.contract.ensure import InvariantViolation
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.contract.times import DAY, parse_time
from counterfoil.issuance.commands import AppropriateBudget, IssueVoucher
from counterfoil.ledger.events import HoldCaptured, VoucherClosed
from counterfoil.vocabulary import CODEC
from tests.core.largest import LAB, submission
from tests.documents import document, publishing
from tests.issuance.world import CLASS, people
from tests.ledger.story import ENDS, accepted, bid, code, draws, expire, issued, story, traded
from tests.matching.world import BID

ROOT: Final = Path(__file__).parents[2]
UNIT: Final = 10**6
HERE: Final = "tests/ledger/test_cited_bugs.py"
BUGS: Final = {
    "a hold of several parts is captured or released as one (TigerBeetle 3382)":
        "tests/ledger/test_ledger.py: test_trades_take_from_the_front_of_a_hold_and_give_back_from_its_end",
    "a hold is captured once, and its rest is gone (TigerBeetle, Modern Treasury)":
        f"{HERE}: test_a_hold_is_captured_as_often_as_use_is_reported_and_never_for_more",
    "a hold loses its rate, or a part of it waits for ever (Blnk 55, 331)":
        "tests/ledger/test_ledger.py: "
        "test_two_thirds_of_three_trades_round_by_micro_units_and_the_hold_still_covers_them",
    "what is held cannot be listed, nor what has timed out (TigerBeetle 3747, Mojaloop 3300)":
        "tests/ledger/test_views.py: test_holds_are_those_of_the_state",
    "one of several that go together fails, and the others stand (Midaz 2317, 2437)":
        "tests/core/test_engine.py: test_refused_commands_of_a_batch_leave_no_trace_in_the_state",
    "a limit of an account does not know what is pending (TigerBeetle 2955)":
        "tests/ledger/test_accounts.py: test_no_account_is_overdrawn_no_hold_exceeded_no_balance_out_of_range",
    "limits of a month and of a number are kept outside the entry that they limit (TigerBeetle 3382)":
        f"{HERE}: test_a_limit_of_a_month_counts_in_the_entry_that_it_limits_and_by_its_own_instant",
    "a repeated request has another answer, or none (Formance 364)":
        "tests/runtime/test_runner.py: test_a_repeated_command_gets_its_recorded_entry",
    "a debit without a key of its own is made twice (Formance Wallets, ErrNonIdempotentDebit)":
        f"{HERE}: test_a_command_without_an_id_is_no_command",
    "one key twice in a batch stops it (Formance stack 1633, 1636)":
        "tests/core/test_engine.py: test_each_command_of_a_batch_has_its_own_outcome",
    "whose a key is, and how long, changes (Formance stack 1896)":
        "tests/runtime/test_runner.py: test_the_same_command_id_of_two_parties_is_two_commands",
    "another content under a used key is an error of the server (Formance stack 1601)":
        "tests/runtime/test_runner.py: test_a_command_id_serves_one_content",
    "the answer lacks the balance (TigerBeetle 27, 2045)":
        "tests/gateway/test_commands.py: "
        "test_a_receipt_proves_that_the_very_bytes_are_in_the_log_and_states_the_balance",
    "an entry is dated back (Formance 340)":
        "tests/core/test_engine.py: test_entries_rise_in_index_and_time_whatever_the_clock_does",
    "a filter that cannot be evaluated gives nothing (Formance 1416)":
        "tests/gateway/test_queries.py: test_an_unknown_filter_is_an_error_and_never_an_empty_answer",
    "events are skipped, or published late (Marten)":
        "tests/runtime/test_runner.py: test_each_event_is_consumed_once_in_its_place",
    "what is committed is never published, since there is no outbox (Midaz)":
        "tests/runtime/test_publisher.py: test_publishing_again_completes_after_a_failure",
    "an event comes twice, and counts twice (TigerBeetle's change feed)":
        "tests/faults/test_distributed.py: test_records_come_again_in_another_order_with_junk",
    "what is over is kept for ever (TigerBeetle 3605)":
        "tests/issuance/test_aid.py: test_what_is_kept_is_bounded_by_the_window",
    "amounts are floating point (Blnk, Midaz Tracer, medici)":
        "tests/contract/test_codec.py: test_vectors_with_floats_are_refused",
    "an amount is negative, or goes to its own account (Blnk 360)":
        "tests/ledger/test_accounts.py: test_no_account_is_overdrawn_no_hold_exceeded_no_balance_out_of_range",
    "the scale of an asset changes (TigerBeetle)":
        "tests/issuance/test_documents.py: test_a_further_version_is_its_issuers_and_in_its_currency",
    "a client waits for an answer for ever (TigerBeetle, Jepsen)":
        "tests/client/test_http.py: test_what_is_no_answer_leaves_the_outcome_unknown",
    "signed bytes are written anew to be verified (Formance)":
        "tests/runtime/test_intake.py: test_what_is_decided_is_the_parse_of_the_signed_bytes",
    "what has expired is spendable until a sweep (Fountain 1126)":
        "tests/ledger/test_vouchers.py: test_expired_value_is_not_spendable_although_no_sweep_came_by",
    "an end is judged by the clock of whoever asks (Formance Wallets)":
        f"{HERE}: test_the_instant_of_the_end_is_the_ledgers_and_bars_what_is_ordered_in_it",
    "an expiry takes of another credit, which was paid for (Fountain 1126)":
        "tests/ledger/test_vouchers.py: test_an_expiry_takes_the_unheld_rest_of_its_own_voucher_and_nothing_else",
    "a refund after a dispute takes the same back twice (Fountain 1126)":
        "tests/redemption/test_clawbacks.py: test_what_is_owed_back_of_a_payment_is_owed_once",
    "an expiry, and what gives back after it, count wrongly (OpenMeter 4629, 4649, 4653)":
        "tests/ledger/test_vouchers.py: test_what_an_order_gives_back_to_an_expired_voucher_never_becomes_available",
    "what was taken away goes on being told to expire (Kilo-Org cloud 4369)":
        "tests/ledger/test_expiry.py: test_of_what_was_taken_away_nobody_is_told_that_it_ends",
    "an outage is read as no use (Twenty 23973)":
        "tests/core/test_outages.py: test_a_deadline_gets_what_the_outage_took",
    "what is decided at the turn of a period counts in both, or in neither (Twenty 23973)":
        f"{HERE}: test_a_limit_of_a_month_counts_in_the_entry_that_it_limits_and_by_its_own_instant",
    "what is held expires (Preloop 767)":
        "tests/ledger/test_vouchers.py: test_an_expiry_cannot_take_what_was_captured_or_is_still_to_be_captured",
    "what is held is spent once more (Preloop 767)":
        f"{HERE}: test_what_is_held_is_neither_spent_nor_ended",
    "a published example cannot be calculated again (Nanning)":
        "tests/programme/test_vectors.py: test_an_inclusive_count_would_be_another_amount",
    "a rate and a limit of one text contradict each other (Shenzhen)":
        "tests/programme/test_vectors.py: test_shenzhens_rules_contradict_each_other_and_the_lower_one_counts",
    "provider and beneficiary both claim for the same use (Qingyang)":
        "tests/e2e/test_claimed.py: test_of_holder_and_provider_one_claims_for_the_same_days",
    "one invoice is claimed of two programmes (Beijing, Nanning, Yangzhou)":
        "tests/e2e/test_claimed.py: test_a_claim_is_refused_for_its_reason_and_changes_nothing",
    "an invoice is cancelled after it was paid for (Korea)":
        "tests/redemption/test_clawbacks.py: "
        "test_a_credit_note_on_what_is_settled_is_told_however_near_its_end_the_programme_is",
    "a firm is split to get a limit twice (Qingyang)":
        "tests/issuance/test_grants.py: test_related_parties_share_the_cap_of_their_group_and_others_do_not",
}  # fmt: skip
"""A hot account (CockroachDB 14670) is slow, and not wrong: `counterfoil bench` measures it."""


@pytest.mark.parametrize("bug", BUGS)
def test_each_cited_bug_has_its_test(bug: str) -> None:
    path, _, test = BUGS[bug].partition(": ")
    assert f"def {test}(" in (ROOT / path).read_text()


def test_a_hold_is_captured_as_often_as_use_is_reported_and_never_for_more() -> None:
    told = traded(issued("v1", 700))  # a trade of 900, of which vouchers pay 600
    for used, (held, redeemed) in ((300, (400, 200)), (300, (200, 400)), (150, (100, 500)), (150, (0, 600))):
        told.hears(accepted("trade", used))
        assert isinstance(told.said[0], HoldCaptured)
        assert told.voucher("v1") == (700 - redeemed - held, held, redeemed, 0, 0)
    before = told.voucher("v1")
    with pytest.raises(InvariantViolation, match="covers its co-payments"):
        told.hears(accepted("trade", 3))  # redemption cannot say so: more than was bought
    assert told.voucher("v1") == before


def test_what_is_held_is_neither_spent_nor_ended() -> None:
    told = story(issued("v1", 600)).hears(bid("first", 600))
    assert told.voucher("v1") == (200, 400, 0, 0, 0)
    assert code(told.hears(bid("second", 303, 1, "v1"))) == Code.EXCEEDS_AVAILABLE
    assert code(told.hears(bid("third", 300, 1, "v1"))) is None
    assert told.voucher("v1") == (0, 600, 0, 0, 0)
    expire(told)
    assert not any(isinstance(each, VoucherClosed) for each in told.said)
    assert told.voucher("v1") == (0, 600, 0, 0, 0)


def test_the_instant_of_the_end_is_the_ledgers_and_bars_what_is_ordered_in_it() -> None:
    told = story(issued("v1", 1_000))
    told.hears(bid("before", 3, 1, "v1"), at=ENDS - 1)
    assert draws(told) == [("v1", 2)]
    told.hears(bid("at", 3, 1, "v1"), at=ENDS)
    assert code(told) == Code.VOUCHER_EXPIRED
    told.hears(bid("earlier", 3, 1, "v1"), at=ENDS - DAY)  # a clock that goes back changes nothing
    assert code(told) == Code.VOUCHER_EXPIRED


def test_a_limit_of_a_month_counts_in_the_entry_that_it_limits_and_by_its_own_instant() -> None:
    """Each grant counts on its day in the programme's zone, however near the turn of the month it is."""
    cap: dict[str, Any] = {"scope": "BENEFICIARY", "period": {"kind": "CALENDAR_MONTH"}}
    caps = [{**cap, "id": "month", "amount": "500"}, {**cap, "id": "often", "amount": "2", "of": "GRANTS"}]
    told = people().when(CLASS, actor="op")
    turn = parse_time("2026-06-30T16:00:00.000000Z")  # midnight in the programme's zone
    for body in publishing(document(benefit__caps=caps, valid__utc_offset="+08:00")):
        told.when(body, actor="city-1", at=turn - DAY)
    told.when(AppropriateBudget(programme_id="p1", amount=10**15, document="B-1"), actor="city-1")

    def grants(amount: int, at: int) -> bool:
        told.when(IssueVoucher(programme_id="p1", beneficiary_id="lab-1", amount=amount * UNIT), actor="city-1", at=at)
        return not isinstance(told.last, Refusal)

    assert grants(400, turn - 9)
    assert not grants(101, turn - 8)
    assert grants(100, turn - 7)
    assert not grants(1, turn - 1), "nothing is left of June"
    assert grants(499, turn)
    assert grants(1, turn + 1)
    assert not grants(1, turn + 2), "neither of July, by amount"


def test_a_command_without_an_id_is_no_command() -> None:
    whole = json.loads(submission(LAB, [BID], batch=False).payload)
    assert CODEC.decode_payload(canonical(whole), bytes(64)).header.command_id
    for lacking in (
        {name: value for name, value in whole.items() if name != "command_id"},
        {**whole, "command_id": None},
        {**whole, "command_id": ""},
    ):
        with pytest.raises(Refused):
            CODEC.decode_payload(canonical(lacking), bytes(64))
