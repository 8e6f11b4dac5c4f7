"""The stable codes of decisions about programmes, with what each says; values in braces come with the step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

REFUSALS: Final[Mapping[str, str]] = {
    "not_open": "the programme grants nothing on {day}",
    "not_eligible": "{rule}: {text} does not hold",
    "fact_not_attested": "{rule}: nobody attested {facts}",
    "provider_as_beneficiary": "a listed provider may hold no vouchers of this programme",
    "no_lines": "nothing is claimed",
    "nothing_eligible": "no line is eligible",
    "below_floor": "{measure} is {amount}, and at least {floor} is required",
    "stacking_not_allowed": "support of {other} excludes this one",
    "cap_reached": "cap {cap}: {counted} of {limit} is counted for {subject}, nothing is left",
    "ceiling_exceeded": "{regime}: {counted} of {limit} is counted, {left} is left, {amount} is asked for",
    "ceiling_reached": "{regime}: {counted} of {limit} is counted for {subject}, nothing is left",
    "budget_exhausted": "envelope {envelope} has {left} left, and {amount} is asked for",
    "below_quantum": "less than {quantum} is left after rounding",
    "not_corrected": "it was returned, and not corrected before its window was closed",
}
"""Why a whole application or claim is refused."""
LINES: Final[Mapping[str, str]] = {
    "sku_excluded": "{sku} is excluded",
    "sku_not_included": "{sku} is not among what the programme pays for",
    "class_not_allowed": "class {class_id} is not in the programme",
    "region_not_allowed": "region {region} is not in the programme",
    "workload_not_allowed": "workload {workload} is not in the programme",
    "line_condition": "the line is not what `scope.line_when` asks for{missing}",
    "provider_not_listed": "{provider} is not listed by the programme",
    "related_parties": "buyer and provider are related",
    "outside_reference": "used from {start} to {end}, outside the reference period",
    "outside_contract": "used from {start} to {end}, outside the contract",
    "contract_too_early": "the contract was signed on {day}, before {first}",
    "contract_too_late": "the contract was signed on {day}, after {last}",
    "contract_too_long": "the contract lasts {days} days, more than {limit}",
    "prior_costs": "used from {start}, before the application on {applied}",
    "price_above_ceiling": "{price} a unit is above {ceiling}",
    "no_tier": "no tier applies{missing}",
    "unit_not_convertible": "there is no conversion from {unit}",
}
"""Why one line is not eligible."""
STEPS: Final[Mapping[str, str]] = {
    "met": "{rule}: {text} ({facts})",
    "line": "{line}: {sku}, {amount}",
    "tax_left_out": "without tax of {tax}: {result}",
    "converted": "{quantity} {unit} x {rate} = {result}",
    "cut_to_ceiling": "cut to {ceiling} a unit: {result}",
    "pro_rata": "{days} of {of} days: {amount} x {days}/{of} = {result}",
    "other_support_deducted": "{other} pays {amount}: {result} is left",
    "rate": "{rate} of {amount} = {result} (tier {tier})",
    "rounded": "{amount}, {mode} to {quantum}: {result}",
    "floor_met": "{measure} {amount} reaches {floor}",
    "floor_waived": "the floor is waived",
    "aggregate_limit": "all support together at most {rate} of {eligible}: {result}",
    "co_payment": "the beneficiary bears at least {rate} of {eligible}: {result}",
    "granted_limit": "at most what was granted and is left: {result}",
    "cap_cut": "cap {cap} ({scope}, {period}): {left} of {limit} is left: {result}",
    "cap_not_reached": "cap {cap} ({scope}, {period}) not reached: {counted} of {limit} is counted",
    "cap_waived": "cap {cap} is waived",
    "ceiling_cut": "{regime}: {left} of {limit} is left: {result}",
    "ceiling_not_reached": "{regime}: {counted} of {limit} is counted",
    "envelope_cut": "envelope {envelope} has {left} left: {result}",
    "ranked": "{points} points: number {rank} of {of}",
    "drawn": "drawn as number {rank} of {of}",
    "in_proportion": "in proportion to {amount} that is asked for: {result}",
    "exhausted_before": "an application before it asks for more than is left of its budget",
    "split": "{payer} bears {share}: {amount}",
}
"""The steps of a calculation."""
TRANSFERS: Final[Mapping[str, str]] = {
    "transfer_not_permitted": "the programme's vouchers cannot be handed on",
    "no_credit_market": "the programme's vouchers are not sold on the credit market",
    "traded": "it is the settlement of a trade, which nobody takes back",
    "same_party": "giver and receiver are one party",
    "not_related": "only related parties may hand on to each other",
    "receiver_not_eligible": "{rule}: {text} does not hold for the receiver",
    "receiver_fact_not_attested": "{rule}: nobody attested {facts} of the receiver",
    "receiver_not_allowed": "the receiver is not what `transfer.to` asks for",
    "approval_missing": "the issuer has not approved it",
    "not_surrendered": "the voucher has to be surrendered, and the issuer issues another",
    "price_not_allowed": "{price} for {amount}: the price rule is {rule}",
    "too_many_hops": "the lot has changed hands {hops} times, and {limit} is the most",
    "cooling_off": "the lot can be handed on again on {day}",
    "below_minimum": "{amount} is below {minimum}",
    "not_yet_valid": "the lot is not valid before {day}",
    "expired": "the lot ended on {day}",
    "frozen": "the lot is frozen",
    "encumbered": "the lot is pledged",
    "cap_of_receiver": "cap {cap}: {left} is left for the receiver",
    "pledge_not_permitted": "the programme's vouchers cannot be pledged",
    "pledge_above_share": "at most {limit} of it can be pledged",
}
"""Why credit cannot be handed on or pledged."""
