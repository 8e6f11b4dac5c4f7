"""The rules by which the services decide, in versions.

Each log says which version decides in it: its first entry names one, and an event `rules.adopted` names the next, which
decides from the entry after it on. An auditor decides each entry again by the version that was in force there. So a
decider asks ``state.rules``, never a constant, and a version that a log has used never changes: a mended fault or a new
bound is a new version, one line in `RULES` that says what changed and why.

What only bounds bytes is in `counterfoil.contract.limits`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from counterfoil.contract.record import Command
from counterfoil.contract.times import DAY, HOUR, SECOND
from counterfoil.core.currencies import ISO_4217
from counterfoil.core.rule_commands import (
    EXITS_IN_9,
    GONE_IN_4,
    NEW_IN_4,
    NEW_IN_5,
    NEW_IN_6,
    NEW_IN_7,
    NEW_IN_8,
    NEW_IN_9,
    NEW_IN_10,
)
from counterfoil.core.rule_fields import Rules
from counterfoil.errors import CounterfoilError


class UnknownRules(CounterfoilError):
    """A log is decided by a version of the rules that this release does not have."""

    decided = b""
    """The entry that names the version, if this release decided that much."""


_FIRST: Final = Rules(
    number=1,
    absent=NEW_IN_4 | NEW_IN_5 | NEW_IN_6 | NEW_IN_7 | NEW_IN_8 | NEW_IN_9 | NEW_IN_10,
    exits=frozenset(),
    clock_skew=30 * SECOND,
    max_validity=24 * HOUR,
    judges_text=False,
    max_keys_per_party=16,
    max_keys_ever=256,
    max_new_keys=None,
    new_keys_period=30 * DAY,
    operator_revokes_keys=True,
    recovery_delay=72 * HOUR,
    max_open_orders_per_party=20_000,
    max_open_orders_per_market=None,
    max_open_vouchers_per_party=10_000,
    separates_duties=False,
    spares_others_orders=False,
    max_parties_per_group=None,
    max_attestations=0,
    max_open_vouchers_per_programme=None,
    bounds_each_programme=False,
    minimum_face=False,
    follows_vouchers=False,
    restored_for=None,
    names_grounds=False,
    sums_suspensions=False,
    least_spent=False,
    ends_funding=False,
    frees_cap_by_hand=False,
    returns_own_part=False,
    transfer_stands=7 * DAY,
    judges_takers=False,
    converts_by_provider=False,
    counts_granted=False,
    judges_pledgees=False,
    notifies_first=False,
    endless_days=None,
    reissue_prefix="vch",
    max_holders_extended=0,
    releases_tranches=False,
    max_encumbrances_per_party=256,
    max_credit_orders_per_group=0,
    max_credit_orders_per_side=0,
    credit_band_bps=0,
    max_classes=16,
    max_regions=16,
    max_markets_per_bid=64,
    max_vouchers_per_hold=32,
    max_readings=48,
    max_contracts_per_claim=48,
    max_claims_per_settlement=48,
    max_sources=8,
    max_floor_prices=0,
    max_stocks=0,
    max_shares_per_settlement=0,
    max_evidence=16,
    draws_in_scope=False,
    spends_until_expiry=False,
    max_documents=0,
    document_stays=0,
    meters_in_kind=False,
    keeps_aid=False,
    max_aid=0,
    regimes_stay=False,
    max_laws=0,
    counts_grants_once=False,
    max_controls=0,
    max_open_applications=0,
    max_open_windows=0,
    max_application_lines=0,
    rejects_always=False,
    claims_after_use=False,
    credits_invoices=False,
    keeps_notes=False,
    notes_owe=True,
    undecided_bars_all=True,
    owes_once=False,
    recovers_whole=False,
    unclaimed_days=None,
    tells_lapsed_claims=False,
    max_facts=0,
    max_auditors=0,
    states_shortfalls=False,
    names_lines=False,
    names_limits=False,
    hides_others=False,
    max_matches_per_entry=24,
    max_items_per_sweep=24,
    currencies=None,
    unique_references=False,
    price_tick=10_000,
    min_bond_bps=200,
    max_window_hours=8_784,
    max_horizon_hours=17_568,
    gate_closure_hours=1,
    continues_every_order=False,
    uncrosses=False,
    amends_in_place=False,
    max_bids_tried_per_entry=0,
    max_open_auctions=0,
    max_auction_hours=0,
    max_auction_terms=0,
    max_auction_orders=1,
    max_auction_blocks=0,
    max_auction_orders_per_group=0,
    max_auction_blocks_per_group=0,
    max_collars=0,
    max_position_limits=0,
    min_reference_groups=0,
    max_auction_solutions=0,
    max_auction_solutions_per_group=0,
    max_solution_blocks=1,
    validity_of_each_version=False,
    min_window=HOUR,
    resolution_window=7 * DAY,
    min_delivered_bps=5_000,
    resolves_up_to_capacity=False,
    cancellation_stands=3 * DAY,
    notice_table=(),
    reclaim_forfeits_bps=0,
    bonds_each_minute=False,
    bonds_by_market=False,
    shortest_outage=None,
    resumption_grace=0,
)

# FOK, IOC and arriving offers ended at the bound of one entry, with a reason that was not true; and once a programme
# had a second version, the validity of neither was checked.
_SECOND: Final = replace(_FIRST, number=2, continues_every_order=True, validity_of_each_version=True)

# A report that was sent in time was late if the service came back too late: the contract defaulted.
_THIRD: Final = replace(_SECOND, number=3, shortest_outage=60 * SECOND, resumption_grace=600 * SECOND)

# One stolen key was for ever, duties held together, paper used twice, names forged, and no mistake put right.
_FOURTH: Final = replace(
    _THIRD,
    number=4,
    absent=GONE_IN_4 | NEW_IN_5 | NEW_IN_6 | NEW_IN_7 | NEW_IN_8 | NEW_IN_9 | NEW_IN_10,
    judges_text=True,
    max_keys_ever=None,
    max_new_keys=32,
    operator_revokes_keys=False,
    separates_duties=True,
    spares_others_orders=True,
    max_parties_per_group=256,
    max_attestations=32,
    resolves_up_to_capacity=True,
    max_open_orders_per_market=2_000,
    max_open_vouchers_per_party=None,
    max_open_vouchers_per_programme=1_000,
    bounds_each_programme=True,
    minimum_face=True,
    follows_vouchers=True,
    restored_for=30 * DAY,
    ends_funding=True,
    currencies=ISO_4217,
    unique_references=True,
)

# Every auditor read everything, since nobody appointed any; and who was refused for lack of funds, or for an hour that
# is not traded, was not told how much is missing, nor which hours are.
_FIFTH: Final = replace(
    _FOURTH,
    number=5,
    absent=GONE_IN_4 | NEW_IN_6 | NEW_IN_7 | NEW_IN_8 | NEW_IN_9 | NEW_IN_10,
    max_auditors=32,
    states_shortfalls=True,
    names_limits=True,
)

# A programme was a share, a cap and two lists: what real programmes lay down could not be said, nor be judged. The end
# of a version's validity ended spending, too, and vouchers were drawn on that could not pay for all of an order. No
# voucher ever changed hands. And refusals told everybody which bids, contracts and claims of others there are.
_SIXTH: Final = replace(
    _FIFTH,
    number=6,
    absent=GONE_IN_4 | NEW_IN_7 | NEW_IN_8 | NEW_IN_9 | NEW_IN_10,
    frees_cap_by_hand=True,
    draws_in_scope=True,
    spends_until_expiry=True,
    hides_others=True,
    max_documents=4,
    document_stays=24 * HOUR,
    max_open_applications=16,
    max_open_windows=8,
    max_application_lines=16,
    max_facts=64,
)

# What happens after a grant could not be said: use that is claimed before anything is granted, credit in kind, release
# in parts, adjustment, run-off and closing; and nobody added up what one undertaking received.
_SEVENTH: Final = replace(
    _SIXTH,
    number=7,
    absent=GONE_IN_4 | NEW_IN_8 | NEW_IN_9 | NEW_IN_10,
    names_lines=True,
    claims_after_use=True,
    credits_invoices=True,
    max_shares_per_settlement=96,
    meters_in_kind=True,
    keeps_aid=True,
    max_aid=64,
    names_grounds=True,
    least_spent=True,
)

# Money was owed twice, a closing waited for strangers, an entry could be too large for a log; a grant was released
# whole. Orders that fit one another rested side by side.
_EIGHTH: Final = replace(
    _SEVENTH,
    number=8,
    absent=GONE_IN_4 | NEW_IN_9 | NEW_IN_10,
    max_holders_extended=256,
    releases_tranches=True,
    judges_takers=True,
    returns_own_part=True,
    reissue_prefix="rsv",
    regimes_stay=True,
    rejects_always=True,
    sums_suspensions=True,
    max_laws=64,
    counts_grants_once=True,
    keeps_notes=True,
    notes_owe=False,
    undecided_bars_all=False,
    uncrosses=True,
    max_bids_tried_per_entry=32,
    owes_once=True,
    recovers_whole=True,
    unclaimed_days=90,
)

# An amendment that failed cost an order its place; prices far below a class's worth were bonded at themselves; nodes
# were offered twice; who was stopped left others undecided; scarce hours went to who came first.
_NINTH: Final = replace(
    _EIGHTH,
    number=9,
    amends_in_place=True,
    absent=GONE_IN_4 | NEW_IN_10,
    exits=EXITS_IN_9,
    notifies_first=True,
    endless_days=365,
    max_floor_prices=16,
    max_open_auctions=64,
    max_auction_hours=24,
    max_auction_terms=16,
    max_auction_orders=10_500,
    max_auction_blocks=500,
    max_controls=64,
    max_auction_orders_per_group=1_050,
    max_auction_blocks_per_group=50,
    max_collars=1_024,
    min_reference_groups=4,
    max_auction_solutions=16,
    max_auction_solutions_per_group=2,
    max_solution_blocks=48,
    max_stocks=256,
    tells_lapsed_claims=True,
    notice_table=((72, 2_500), (24, 5_000)),
    judges_pledgees=True,
    bonds_each_minute=True,
    bonds_by_market=True,
    min_bond_bps=2_000,
    max_credit_orders_per_group=64,
    max_credit_orders_per_side=2_000,
    credit_band_bps=5_000,
)

# Contracts were given up or left idle at a cost to others, few held what many sought, nodes that failed were sold on.
_TENTH: Final = replace(
    _NINTH,
    number=10,
    absent=GONE_IN_4,
    reclaim_forfeits_bps=2_500,
    max_position_limits=64,
    converts_by_provider=True,
    counts_granted=True,
)

_VERSIONS: Final = (_FIRST, _SECOND, _THIRD, _FOURTH, _FIFTH, _SIXTH, _SEVENTH, _EIGHTH, _NINTH, _TENTH)
RULES: Final[Mapping[int, Rules]] = {rules.number: rules for rules in _VERSIONS}
"""Every version that a log may use, by number."""
LATEST: Final = max(RULES)


def absent_of(rules: Rules, bodies: Iterable[Command]) -> Command | None:
    """The first of a submission's commands that the rules do not have."""
    return next((body for body in bodies if (body.TYPE, body.V) in rules.absent), None)


def rules_of(number: int, release: str = "") -> Rules:
    """The rules with a number. `release`: what the log names as knowing them, if at hand. Raises `UnknownRules`."""
    if number not in RULES:
        needed = f"release {release} or later" if release else "a later release"
        known = f"this one knows versions {min(RULES)} to {max(RULES)}"
        raise UnknownRules(f"rules version {number} needs {needed}: {known}")
    return RULES[number]
