"""What the commands list: for each group its views, what their rows are called, and the columns that fit a line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple


class Listing(NamedTuple):
    """How a view is shown: by the command `name`, with these columns, by spaces.

    `what`: what its rows are called. `key`: one for the example of `show`; without it, `show` is no command or is the
    group's own. `help`: what else the help of the command says.
    """

    view: str
    what: str
    columns: str
    name: str = "list"
    key: str = ""
    help: str = ""


LISTS: Final[Mapping[str, tuple[Listing, ...]]] = {
    "keys": (
        Listing(
            "keys",
            "registered keys",
            "party_id key_id use public_key added_at revoked_at revoked_because",
            "registered",
        ),
    ),
    "party": (
        Listing("parties", "parties", "party_id name roles group_id registered_at closed_at suspended_at"),
        Listing(
            "recoveries",
            "recoveries",
            "recovery_id party_id proposed_by reason key_id status in_force_at ended_by",
            "recoveries",
        ),
        Listing("group_facts", "attested groups", "party_id group_id since attested_by source", "groups"),
        Listing(
            "controls",
            "who controls whom",
            "owner_id party_id kind share_bps since attested_by source",
            "controls",
        ),
        Listing(
            "forced_cancellations",
            "orders cancelled for others",
            "cancellation_id party_id order_id programme_id cancelled_by authority reason cancelled_at",
            "cancellations",
        ),
        Listing("auditors", "appointed auditors", "programme_id auditor_id appointed_at ended_at", "auditors"),
    ),
    "class": (
        Listing(
            "classes",
            "accelerator classes",
            "class_id version description gpus_per_node mem_mb registered_at",
            key="a100-80gb 1",
        ),
    ),
    "inventory": (
        Listing(
            "inventory",
            "attested inventory",
            "provider_id site_id class_id nodes committed excess attested_by attested_at",
            key="norn norn-1 a100-80gb",
        ),
    ),
    "programme": (
        Listing(
            "programmes",
            "programmes",
            "programme_id issuer_id version currency appropriated issued uncommitted vouchers_issued paused_at status",
        ),
        Listing(
            "run_offs",
            "programmes in run-off, and closed ones",
            "programme_id status claims_until open disbursed lapsed recovered written_off returned books_hash",
            "run-offs",
        ),
        Listing(
            "programme_versions",
            "programme versions",
            "programme_id version share_num share_den beneficiary_cap min_face valid_from valid_until terms_hash",
            "versions",
        ),
        Listing("four_eyes", "acts that need two signatories", "programme_id act demanded_at", "two-signatories"),
        Listing(
            "listings",
            "accredited providers",
            "programme_id provider_id listed_at status status_since status_reason",
            "providers",
        ),
        Listing(
            "programme_documents",
            "programme documents",
            "programme_id version title unit rules_hash warnings published_at",
            "documents",
        ),
    ),
    "application": (
        Listing(
            "applications",
            "applications",
            "application_id programme_id beneficiary_id submitted_at status subsidy refusal voucher_id",
            key="app-12-0",
        ),
        Listing(
            "application_steps",
            "signatures of reviews",
            "application_id step reviewer_id passes reason reviewed_at",
            "steps",
        ),
        Listing(
            "application_scores", "scores of reviewers", "application_id reviewer_id points reason scored_at", "scores"
        ),
    ),
    "window": (
        Listing(
            "application_windows",
            "windows of applications",
            "window_id programme_id mode opens closes status applications approved waitlisted rejected granted",
            key="win-9-0",
        ),
    ),
    "fact": (Listing("facts", "facts", "party_id application_id line name stated attested_by since source"),),
    "aid": (
        Listing(
            "aid",
            "grants that count towards ceilings of law",
            "grant_id regime programme_id party_id subject currency amount freed granted_on counts_until withdrawn_at",
        ),
        Listing(
            "regimes",
            "ceilings of law",
            "regime version ceiling currency months unit counts_on in_force_on source",
            "regimes",
        ),
    ),
    "voucher": (
        Listing(
            "vouchers",
            "vouchers",
            "voucher_id programme_id version beneficiary_id face expires_at status",
            key="vch-12-0",
        ),
        Listing(
            "vouchers_balance",
            "balances of vouchers",
            "voucher_id beneficiary_id face available held redeemed expired cancelled restored",
            "balances",
        ),
        Listing(
            "holdings",
            "what each holder has of vouchers",
            "voucher_id holder_id available held in_transfer pledged withheld on_offer hops expires_at",
            "holdings",
        ),
        Listing(
            "extensions",
            "vouchers that were extended",
            "voucher_id number days ground reason expired_at expires_at extended_by extended_at",
            "extensions",
        ),
        Listing(
            "tranches",
            "parts of vouchers that are released later",
            "tranche_id voucher_id holder_id number amount release_on due_on attester_id attested_at status",
            "tranches",
        ),
        Listing(
            "expiry_notices",
            "notices that vouchers end soon",
            "voucher_id holder_id days amount expires_at ends_at notified_at",
            "notices",
        ),
        Listing(
            "offline_vouchers",
            "vouchers that were taken offline",
            "voucher_id holder_id amount restored expired status restorable_until ends_at",
            "offline",
        ),
    ),
    "transfer": (
        Listing(
            "transfers",
            "transfers of vouchers",
            "transfer_id voucher_id holder_id receiver_id amount price currency status until",
            key="tfr-40-0",
        ),
    ),
    "credit": (
        Listing(
            "credit_orders",
            "orders for credit",
            "order_id party_id side programme_id month price_bps amount left traded status why",
            key="cro-40-0",
        ),
        Listing(
            "credit_depth",
            "open orders for credit of everybody",
            "programme_id version month side price_bps left placed_at",
            "depth",
        ),
        Listing(
            "credit_trades",
            "trades of credit",
            "settled_at trade_id programme_id version month amount price_bps price",
            "trades",
        ),
    ),
    "pledge": (
        Listing(
            "pledges",
            "pledges of vouchers",
            "pledge_id voucher_id holder_id pledgee_id amount status until",
            key="plg-41-0",
        ),
    ),
    "offer": (
        Listing(
            "offers",
            "offers",
            "offer_id provider_id class_id region nodes window_start window_end price sold_node_hours status",
            key="off-7-0",
        ),
        Listing(
            "trades",
            "trades",
            "matched_at trade_id class_id region nodes first_hour hours price notional beneficiary_id provider_id",
            "trades",
        ),
        Listing(
            "market_offers",
            "open offers of all providers, without their names",
            "offer_id class_id region nodes gpus_per_node window_start window_end price sold_node_hours",
            "market",
        ),
        Listing(
            "market_trades",
            "trades of all parties, without their names",
            "trade_id class_id region nodes first_hour hours price matched_at",
            "traded",
        ),
        Listing(
            "amendments",
            "orders that are, or were, to have another price",
            "amendment_id side order_id price requested_at status status_reason",
            "amendments",
        ),
        Listing("prevented_matches", "prevented matches", "bid_id offer_id mode prevented_at", "prevented"),
    ),
    "auction": (
        Listing(
            "auctions",
            "auctions",
            "auction_id region first_hour hours locks_at clears_at status reference_price surplus bound",
            key="auc-20-0",
        ),
        Listing(
            "auction_prices",
            "prices of auctions by hour",
            "auction_id hour price nodes reserve_price cleared_at",
            "prices",
        ),
        Listing(
            "auction_orders",
            "orders in auctions",
            "order_id auction_id side party_id entered_at admitted_at",
            "orders",
        ),
        Listing(
            "auction_solutions",
            "outcomes proposed of auctions",
            "solution_id auction_id proposed_by solver blocks proposed_at status surplus",
            "solutions",
        ),
    ),
    "bid": (
        Listing(
            "bids",
            "bids",
            "bid_id beneficiary_id programme_id nodes_left hours earliest latest limit_price status",
            key="bid-9-0",
        ),
    ),
    "usage": (
        Listing(
            "reports",
            "usage reports",
            "report_id contract_id gpu_minutes amount accepted_amount dispute_until status subsidy co_payment",
            key="rep-3-0",
        ),
        Listing(
            "corrections",
            "corrections",
            "correction_id report_id proposed_by gpu_minutes amount reason agreed_at",
            "corrections",
        ),
        Listing(
            "contracts",
            "contracts",
            "contract_id beneficiary_id provider_id nodes first_hour hours status reclaim_hour subsidy",
            "contracts",
        ),
        Listing(
            "outages",
            "outages",
            "shard away_since resumed_at",
            "outages",
            help="Deadlines to report, dispute and resolve wait while the log that they are kept in decides nothing.",
        ),
    ),
    "claim": (
        Listing(
            "claims",
            "claims",
            "claim_id programme_id provider_id invoice_number amount approved denied credited status settlement_id",
            key="clm-21-0",
        ),
        Listing(
            "invoice_claims",
            "claims on invoices",
            "claim_id programme_id voucher_id holder_id subsidy not_paid claimed_at status status_reason",
            "invoices",
        ),
        Listing(
            "invoice_credits",
            "credit notes on invoices that were claimed",
            "claim_id programme_id claimant_id amount invoiced recorded_at recorded_by",
            "credits",
        ),
        Listing(
            "settlements",
            "settlements",
            "settlement_id programme_id currency amount paid returned status",
            "settlements",
        ),
        Listing(
            "payments",
            "payments",
            "settlement_id provider_id currency claimed brought amount carried status payment_reference",
            "payments",
        ),
        Listing(
            "payer_shares",
            "what each of several payers pays",
            "settlement_id provider_id payer currency bears pays refunds status payment_reference",
            "shares",
        ),
        Listing(
            "payable",
            "what providers are owed beside claims",
            "programme_id provider_id amount payable_since",
            "payable",
        ),
        Listing(
            "endorsements",
            "first signatures",
            "object_id provider_id act endorsed_by endorsed_at programme_id",
            "endorsements",
        ),
    ),
    "reversal": (
        Listing(
            "reversals",
            "reversals",
            "reversal_id report_id decided_by amount status unclaimed owed co_payment",
            key="rev-40-0",
        ),
        Listing("credit_notes", "credit notes", "reversal_id provider_id lapsed unpaid booked_at", "credit-notes"),
        Listing(
            "receivables", "what providers owe", "programme_id provider_id currency owed owed_since", "receivables"
        ),
    ),
    "clawback": (
        Listing(
            "clawbacks",
            "payments that are taken back",
            "clawback_id settlement_id provider_id ground amount in_force status appeal_until",
            key="cbk-30-0",
        ),
    ),
    "market": (
        Listing(
            "halts",
            "halts of trading",
            "halt_id class_id region provider_id halted_at status status_since reason",
            "halts",
            key="hlt-9-0",
        ),
        Listing(
            "price_collars",
            "how far prices may be from what they refer to",
            "class_id region currency version collar_bps set_by set_at reason",
            "collars",
        ),
        Listing(
            "reference_prices",
            "what prices refer to: of the last auction, or the operator's",
            "class_id region currency price auction_id set_at",
            "references",
        ),
        Listing(
            "position_limits",
            "how much of a delivery day a group may hold",
            "class_id region version share_bps least set_by set_at reason",
            "position-limits",
        ),
        Listing(
            "position_counts",
            "node-hours by delivery day, of which shares are",
            "class_id region first_hour node_hours counted_at",
            "position-counts",
        ),
        Listing(
            "order_limits",
            "how many orders a group gives for each trade",
            "version orders_per_trade free set_by set_at reason",
            "order-limits",
        ),
        Listing(
            "order_counts",
            "orders and trades of groups by day",
            "group_id first_hour orders trades most counted_at",
            "order-counts",
        ),
    ),
    "adjustment": (
        Listing(
            "adjustments",
            "payments of earlier periods that were too small",
            "adjustment_id settlement_id provider_id amount document period_starts period_ends adjusted_by",
            key="adj-30-0",
        ),
    ),
    "currency": (Listing("currencies", "currencies", "currency minor_units registered_at"),),
    "balance": (
        Listing("balances", "balances", "account asset posted held n posted_at"),
        Listing(
            "postings",
            "postings",
            "month account asset n event effect object_id posted_change held_change posted held",
            "postings",
            help="Months are in UTC: `counterfoil statement` puts them together for a party.",
        ),
        Listing(
            "closing_balances",
            "balances at the end of months",
            "account asset month n posted held posted_at",
            "closings",
        ),
        Listing("holds", "holds", "hold_id purpose party_id vouchers cash bond status", "holds"),
        Listing(
            "slashes", "slashed bonds", "contract_id provider_id beneficiary_id amount returned slashed_at", "slashes"
        ),
        Listing(
            "reclaims",
            "reclaimed hours of contracts",
            "contract_id provider_id beneficiary_id hour hours vouchers cash paid returned reclaimed_at",
            "reclaims",
        ),
        Listing("asset_entries", "entries of the ledger about an asset", "asset index log posted_at", "entries"),
    ),
    "rules": (
        Listing(
            "rules",
            "the rules versions that this instance has decided by",
            "rules release adopted_at index",
            help="The last is in force. `release` knows it; `index` is the entry of issuance's log that named it. What "
            "each version decides: schemas/rules.md.",
        ),
    ),
}
"""By group, in the order of its help, behind the group's own commands."""
