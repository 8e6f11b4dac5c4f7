"""The refusals are closed: every code has a meaning, values are unique, and their order is frozen."""

from __future__ import annotations

import re
from typing import Any, cast

import pytest

from counterfoil.contract.refusal_meanings import MEANINGS, Stage
from counterfoil.contract.refusals import Code

PRECEDENCE = """
too_large nested_too_deep malformed wrong_payload_type not_canonical unknown_type unknown_member out_of_range
wrong_audience overloaded unknown_rules unknown_key bad_signature exists_with_different_content key_revoked
command_expired command_from_future validity_too_long seen_is_not_ours key_for_other_use role_not_allowed party_closed
party_suspended text_not_acceptable unknown_party unknown_programme unknown_class unknown_currency unknown_voucher
unknown_transfer unknown_pledge unknown_tranche unknown_order unknown_auction unknown_contract unknown_report
unknown_capture unknown_claim
unknown_settlement unknown_clawback unknown_key_id unknown_recovery not_yours root_operator unknown_proposal
unknown_application unknown_window unknown_regime unknown_aid
already_exists
name_confusable key_not_acceptable key_not_proven recovery_under_way last_key rules_not_in_force rules_not_newer
version_not_next class_described rate_not_a_share document_incomplete document_malformed programme_contradictory
period_not_valid
duplicate_item empty_list over_limit regime_differs currency_mismatch price_off_tick amount_off_tick window_not_valid
time_in_force_not_valid classes_not_comparable performance_unknown no_class_admitted priced_by_performance
minimum_exceeds_quantity site_needed bond_too_small bond_in_kind price_not_at_par
amend_not_valid halt_not_valid auction_not_valid not_in_auction price_outside_collar price_not_better
solution_not_valid collar_not_valid position_limit_not_valid order_limit_not_valid
amount_too_large
face_too_small
not_whole_minor_units amount_differs date_in_future approval_not_valid
fact_not_valid fact_not_newer
party_not_suspended programme_paused
programme_not_paused programme_not_open programme_in_run_off programme_not_in_run_off programme_closed
programme_still_open programme_not_on_market programme_in_kind not_covered_in_kind provider_already_listed
provider_not_listed
provider_suspended provider_not_suspended auditor_already_appointed auditor_not_appointed party_not_a_provider
party_not_a_beneficiary party_not_an_auditor class_not_in_programme region_not_in_programme duties_not_separate
not_by_application applications_closed window_still_open window_closed seed_not_valid decided_by_window
decided_by_application already_scored
application_not_open not_a_reviewer review_not_due
review_incomplete earlier_application_waits
not_claimed_by_invoice claims_closed invoice_already_claimed use_already_claimed credit_note_not_valid
exceeds_invoice evidence_missing
not_granted
spend_too_small ground_not_in_rules suspension_too_long
voucher_suspended voucher_not_suspended voucher_revoked versions_differ voucher_not_yet_valid voucher_expired
voucher_expires_before_delivery voucher_offline voucher_not_offline extension_not_permitted not_restorable
tranche_not_due
transfer_not_permitted gate_closed auction_not_open auction_not_locked order_not_open amendment_open
trading_halted trading_not_halted nodes_already_sold
usage_not_delivered_yet hour_not_in_contract hour_already_reported readings_not_ordered exceeds_capacity
hour_not_in_report reporting_closed report_not_open report_not_disputed correction_open cancellation_open delivery_begun
not_reclaimable reclaim_pending notice_needed reclaim_too_soon
usage_open nothing_to_claim reference_already_used claim_not_open claim_not_approved
clawback_not_permitted appeal_not_open appeal_open nothing_to_pay paid_by_shares cap_exceeded
appropriation_exceeded
exceeds_inventory orders_exceed_trades exceeds_captured exceeds_unclaimed exceeds_owed
exceeds_paid exceeds_ordered exceeds_available second_signatory_needed
"""
# A code may be added in its place; none is ever renamed, moved or taken out, since logs refer to them for ever.


def test_the_order_of_precedence_is_frozen() -> None:
    assert [code.value for code in Code] == PRECEDENCE.split()


def test_values_are_unique_and_spelt_like_their_names() -> None:
    assert len({code.value for code in Code.__members__.values()}) == len(Code.__members__)
    assert all(code.value == name.lower() for name, code in Code.__members__.items())
    assert all(re.fullmatch(r"[a-z][a-z_]*", code) for code in Code)


def test_every_code_has_a_meaning_and_no_other_has() -> None:
    assert list(MEANINGS) == list(Code)
    texts = [meaning.text for meaning in MEANINGS.values()]
    assert len(set(texts)) == len(texts)
    assert all(re.fullmatch(r"\S.*\.", text) and len(text) <= 120 for text in texts)


def test_intake_refusals_come_before_decisions() -> None:
    stages = [MEANINGS[code].stage for code in Code]
    first = stages.index(Stage.DECISION)
    assert stages == [Stage.INTAKE] * first + [Stage.DECISION] * (len(stages) - first)


def test_what_may_succeed_later_is_transient() -> None:
    """Transient refusals depend on time, on another party's doing or on a balance, never on the command's own form."""
    transient = [code.value for code in Code if MEANINGS[code].transient]
    assert transient == TRANSIENT.split()


@pytest.mark.parametrize("attribute", ["text", "stage"])
def test_a_meaning_does_not_change(attribute: str) -> None:
    with pytest.raises(AttributeError):
        setattr(cast(Any, MEANINGS[Code.TOO_LARGE]), attribute, "other")


TRANSIENT = """
overloaded unknown_key command_from_future party_suspended unknown_party unknown_programme unknown_class
unknown_currency unknown_voucher unknown_contract unknown_capture
unknown_application unknown_regime
recovery_under_way document_incomplete date_in_future
party_not_suspended programme_paused programme_not_paused programme_not_open programme_not_in_run_off
programme_still_open provider_not_listed provider_suspended
provider_not_suspended auditor_not_appointed duties_not_separate
applications_closed window_still_open application_not_open
review_not_due review_incomplete earlier_application_waits
claims_closed
not_granted
voucher_suspended voucher_not_yet_valid
voucher_offline voucher_not_offline tranche_not_due
transfer_not_permitted auction_not_locked order_not_open amendment_open trading_halted trading_not_halted
usage_not_delivered_yet
cancellation_open usage_open
nothing_to_claim claim_not_approved appeal_open nothing_to_pay paid_by_shares appropriation_exceeded
exceeds_inventory orders_exceed_trades exceeds_owed
exceeds_available
"""
