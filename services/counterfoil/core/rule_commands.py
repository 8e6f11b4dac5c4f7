"""The commands that versions of the rules brought, and those that they take no more, by name and version."""

from __future__ import annotations

from typing import Final

NEW_IN_10: Final = frozenset(
    {
        ("post_reclaimable_offer", 1), ("place_reclaimable_bid", 1), ("place_reclaimable_performance_bid", 1),
        ("reclaim_delivery", 1), ("set_position_limit", 1), ("set_order_limit", 1),
    }
)  # fmt: skip
EXITS_IN_9: Final = frozenset(
    {
        ("close_window", 1), ("decide_application", 1), ("reinstate_provider", 1), ("reinstate_voucher", 1),
        ("resume_programme", 1), ("release_tranche", 1), ("permit_claim", 1),
    }
)  # fmt: skip
"""What a closed or suspended party may give, too: without it others would wait for ever for what is theirs."""
NEW_IN_9: Final = frozenset(
    {
        ("register_class", 2),
        ("place_performance_bid", 1),
        ("halt_trading", 1),
        ("resume_trading", 1),
        ("schedule_auction", 1), ("cancel_auction", 1), ("offer_in_auction", 1), ("bid_in_auction", 1),
        ("improve_order", 1), ("propose_solution", 1), ("set_price_collar", 1),
        ("adjust_payment", 1),
        ("attest_control", 1),
        ("attest_inventory", 1),
        ("post_offer_at_site", 1),
        ("offer_credit", 1), ("bid_for_credit", 1), ("cancel_credit_order", 1),
    }
)  # fmt: skip
NEW_IN_8: Final = frozenset(
    {
        ("register_regime", 1), ("attest_milestone", 1), ("extend_voucher", 1), ("release_tranche", 1),
        ("cancel_own_orders", 1),
    }
)  # fmt: skip
NEW_IN_7: Final = frozenset(
    {
        ("claim_after_use", 1), ("confirm_share", 1), ("return_share", 1), ("begin_run_off", 1), ("close_programme", 1),
        ("attest_aid", 1), ("withdraw_aid", 1), ("suspend_voucher", 2), ("extend_suspension", 1), ("revoke_voucher", 2),
        ("record_credit_note", 1),
    }
)  # fmt: skip
NEW_IN_6: Final = frozenset(
    {
        ("put_document", 1),
        ("publish_programme", 2),
        ("surrender_voucher", 1),
        ("restore_voucher", 1),
        ("order_clawback", 1),
        ("file_appeal", 1),
        ("decide_appeal", 1),
        ("write_off", 1),
        ("propose_transfer", 1),
        ("approve_transfer", 1),
        ("accept_transfer", 1),
        ("reject_transfer", 1),
        ("withdraw_transfer", 1),
        ("pledge_voucher", 1),
        ("release_pledge", 1),
        ("enforce_pledge", 1),
        ("attest_fact", 1),
        ("submit_application", 1),
        ("withdraw_application", 1),
        ("return_application", 1),
        ("review_application", 1),
        ("decide_application", 1),
        ("score_application", 1),
        ("set_application_caps", 1),
        ("open_window", 1),
        ("close_window", 1),
        ("permit_claim", 1),
        ("claim_invoice", 1),
    }
)
NEW_IN_5: Final = frozenset({("appoint_auditor", 1), ("dismiss_auditor", 1)})
NEW_IN_4: Final = frozenset(
    {
        ("register_party", 2),
        ("add_key", 2),
        ("set_recovery_key", 1),
        ("recover_party", 1),
        ("propose_recovery", 1),
        ("object_to_recovery", 1),
        ("close_party", 1),
        ("attest_group", 1),
        ("demand_four_eyes", 1),
        ("suspend_party", 1),
        ("reinstate_party", 1),
        ("delist_provider", 1),
        ("suspend_provider", 1),
        ("reinstate_provider", 1),
        ("pause_programme", 1),
        ("resume_programme", 1),
        ("cancel_order_for", 1),
        ("cancel_orders_of", 1),
        ("propose_correction", 1),
        ("agree_correction", 1),
        ("dispute_usage", 2),
        ("withdraw_dispute", 1),
        ("propose_cancellation", 1),
        ("agree_cancellation", 1),
        ("propose_reversal", 1),
        ("agree_reversal", 1),
        ("reverse_capture", 1),
        ("confirm_recovery", 1),
        ("reduce_budget", 1),
        ("return_voucher", 1),
        ("register_currency", 1),
        ("approve_claim", 2),
        ("withdraw_approval", 1),
        ("reject_claim", 2),
        ("close_settlement", 2),
        ("confirm_payment", 2),
        ("return_payment", 1),
    }
)
GONE_IN_4: Final = frozenset(
    {
        ("register_party", 1), ("add_key", 1), ("dispute_usage", 1), ("approve_claim", 1), ("reject_claim", 1),
        ("close_settlement", 1), ("confirm_payment", 1),
    }
)  # fmt: skip
