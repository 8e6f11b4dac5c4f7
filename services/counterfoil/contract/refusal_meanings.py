"""What each refusal means: where it is decided, whether it is final or transient, and its text.

`Stage.INTAKE` refusals happen before a signature gives authority: they are answered, never logged, and change nothing.
`Stage.DECISION` refusals are entries of the log and final for their command id: sending the same command again returns
the same refusal. A gateway that knows of a revoked key answers `key_revoked` itself, without an entry. *Transient*
means that a new command, with a new id, may succeed later without being different.
"""

from __future__ import annotations

from enum import Enum
from typing import Final, NamedTuple

from counterfoil.contract.refusals import Code


class Stage(Enum):
    """Where a refusal is decided."""

    INTAKE = "intake"
    DECISION = "decision"


class Meaning(NamedTuple):
    """A code's stage, whether it is transient, and its text."""

    stage: Stage
    transient: bool
    text: str


_I, _D = Stage.INTAKE, Stage.DECISION


MEANINGS: Final[dict[Code, Meaning]] = {
    Code.TOO_LARGE: Meaning(_I, False, "The envelope or payload is larger than the limit."),
    Code.NESTED_TOO_DEEP: Meaning(_I, False, "The JSON is nested deeper than the limit."),
    Code.MALFORMED: Meaning(_I, False, "Not a DSSE envelope with one signature over a JSON command of this contract."),
    Code.WRONG_PAYLOAD_TYPE: Meaning(_I, False, "The envelope's payloadType is not that of a Counterfoil command."),
    Code.NOT_CANONICAL: Meaning(_I, False, "The payload is not the RFC 8785 form of itself."),
    Code.UNKNOWN_TYPE: Meaning(_I, False, "No service decides this command type and version by the rules in force."),
    Code.UNKNOWN_MEMBER: Meaning(_I, False, "The payload has a member that the command does not define."),
    Code.OUT_OF_RANGE: Meaning(_I, False, "An amount, count, time or text lies outside its range."),
    Code.WRONG_AUDIENCE: Meaning(_I, False, "`aud` is not the origin of the log that decides this command."),
    Code.OVERLOADED: Meaning(_I, True, "Too many commands are waiting; send the same command again later."),
    Code.UNKNOWN_RULES: Meaning(_I, False, "This release does not know this version of the rules: upgrade first."),
    Code.UNKNOWN_KEY: Meaning(_I, True, "The log does not know this key of this actor (yet)."),
    Code.BAD_SIGNATURE: Meaning(_I, False, "The signature does not verify."),
    Code.EXISTS_WITH_DIFFERENT_CONTENT: Meaning(_I, False, "The command id was used with other content."),
    Code.KEY_REVOKED: Meaning(_D, False, "The key was revoked before this entry."),
    Code.COMMAND_EXPIRED: Meaning(_D, False, "Ledger time is at or past `expires_at`."),
    Code.COMMAND_FROM_FUTURE: Meaning(_D, True, "`issued_at` lies further ahead than the allowed clock skew."),
    Code.VALIDITY_TOO_LONG: Meaning(_D, False, "`expires_at` is not after `issued_at`, or too far after it."),
    Code.SEEN_IS_NOT_OURS: Meaning(_D, False, "`seen` is not on this log's history: evidence of a fork, keep it."),
    Code.KEY_FOR_OTHER_USE: Meaning(_D, False, "A recovery key signs `recover_party` alone, and no other key does."),
    Code.ROLE_NOT_ALLOWED: Meaning(_D, False, "The actor does not have the role that this command needs."),
    Code.PARTY_CLOSED: Meaning(_D, False, "The party is closed: it only ends what it has under way."),
    Code.PARTY_SUSPENDED: Meaning(_D, True, "The party is suspended: it only ends what it has under way."),
    Code.TEXT_NOT_ACCEPTABLE: Meaning(
        _D, False, "A name or reason is blank, not NFC, or has a character that Unicode 13 lacks or does not show."
    ),
    Code.UNKNOWN_PARTY: Meaning(_D, True, "No such party."),
    Code.UNKNOWN_PROGRAMME: Meaning(_D, True, "No such programme."),
    Code.UNKNOWN_CLASS: Meaning(_D, True, "No such accelerator class."),
    Code.UNKNOWN_CURRENCY: Meaning(
        _D, True, "Not a currency of ISO 4217 that is paid in, nor one that the operator registered."
    ),
    Code.UNKNOWN_VOUCHER: Meaning(_D, True, "No such voucher, or it is another's."),
    Code.UNKNOWN_TRANSFER: Meaning(_D, False, "No such transfer is proposed."),
    Code.UNKNOWN_PLEDGE: Meaning(_D, False, "No such open pledge."),
    Code.UNKNOWN_TRANCHE: Meaning(_D, False, "No such part of a voucher that is still to be released."),
    Code.UNKNOWN_ORDER: Meaning(_D, False, "No such open order, or it is another's."),
    Code.UNKNOWN_AUCTION: Meaning(_D, False, "No such auction, or it is over."),
    Code.UNKNOWN_CONTRACT: Meaning(_D, True, "No such open contract, or it is another's."),
    Code.UNKNOWN_REPORT: Meaning(_D, False, "No such open usage report, or it is another's."),
    Code.UNKNOWN_CAPTURE: Meaning(_D, True, "Nothing was captured for this report, or it is another's."),
    Code.UNKNOWN_CLAIM: Meaning(_D, False, "No such open claim, or it is another's."),
    Code.UNKNOWN_SETTLEMENT: Meaning(_D, False, "No such open settlement, or it does not pay this party."),
    Code.UNKNOWN_CLAWBACK: Meaning(_D, False, "No such order to give back, or it is over, or another's."),
    Code.UNKNOWN_KEY_ID: Meaning(_D, False, "The party has no such key in force."),
    Code.UNKNOWN_RECOVERY: Meaning(_D, False, "No such recovery is under way."),
    Code.NOT_YOURS: Meaning(_D, False, "The object belongs to another party."),
    Code.ROOT_OPERATOR: Meaning(_D, False, "The operator of the first entry stays: only its recovery key recovers it."),
    Code.UNKNOWN_PROPOSAL: Meaning(_D, False, "No such open proposal of the other side."),
    Code.UNKNOWN_APPLICATION: Meaning(_D, True, "No application has this id, or it was decided or withdrawn."),
    Code.UNKNOWN_WINDOW: Meaning(_D, False, "No window has this id, or all of its applications are decided."),
    Code.UNKNOWN_REGIME: Meaning(_D, True, "No programme names a ceiling of law by this name."),
    Code.UNKNOWN_AID: Meaning(_D, False, "No such aid counts, or another attested it."),
    Code.ALREADY_EXISTS: Meaning(_D, False, "The id is taken."),
    Code.NAME_CONFUSABLE: Meaning(
        _D, False, "The name may be taken for that of the party named, which the operator has not said to be meant."
    ),
    Code.KEY_NOT_ACCEPTABLE: Meaning(_D, False, "Not a canonical Ed25519 public key of prime order, or already used."),
    Code.KEY_NOT_PROVEN: Meaning(_D, False, "Not the key's signature over its statement for this host, party and use."),
    Code.RECOVERY_UNDER_WAY: Meaning(_D, True, "A recovery of the party is under way: object to it first."),
    Code.LAST_KEY: Meaning(_D, False, "A party's last key cannot be revoked; add another first."),
    Code.RULES_NOT_IN_FORCE: Meaning(_D, False, "The version of the rules to be replaced is not in force."),
    Code.RULES_NOT_NEWER: Meaning(_D, False, "The version of the rules is not newer than the one in force."),
    Code.VERSION_NOT_NEXT: Meaning(_D, False, "The version is not the last one plus one."),
    Code.CLASS_DESCRIBED: Meaning(_D, False, "What is known of the class would be lost: take the command's version 2."),
    Code.RATE_NOT_A_SHARE: Meaning(_D, False, "The share is not from 0 to 1."),
    Code.DOCUMENT_INCOMPLETE: Meaning(_D, True, "Not all pieces of the document are there: put those missing."),
    Code.DOCUMENT_MALFORMED: Meaning(
        _D, False, "The bytes are not those that were announced, or no programme document; `where` names the place."
    ),
    Code.PROGRAMME_CONTRADICTORY: Meaning(
        _D, False, "The linter has an error: `finding` is its code, `where` the first of its places."
    ),
    Code.PERIOD_NOT_VALID: Meaning(_D, False, "The period ends before it starts, or lies outside what it belongs to."),
    Code.DUPLICATE_ITEM: Meaning(_D, False, "A list names the same thing twice."),
    Code.EMPTY_LIST: Meaning(_D, False, "A list that needs at least one item is empty."),
    Code.OVER_LIMIT: Meaning(_D, False, "A list or the actor's number of open objects exceeds its limit."),
    Code.REGIME_DIFFERS: Meaning(_D, False, "The ceiling of law is registered, or counted by others, otherwise."),
    Code.CURRENCY_MISMATCH: Meaning(_D, False, "The currency is not that of the programme, or of the ceiling of law."),
    Code.PRICE_OFF_TICK: Meaning(_D, False, "The price is not a multiple of the tick."),
    Code.AMOUNT_OFF_TICK: Meaning(_D, False, "Credit is traded in whole hundredths of a unit: `tick` micro-units."),
    Code.WINDOW_NOT_VALID: Meaning(_D, False, "The delivery window is empty, too long or too far ahead."),
    Code.TIME_IN_FORCE_NOT_VALID: Meaning(_D, False, "`good_until` goes with GTD, and GTD with `good_until` ahead."),
    Code.CLASSES_NOT_COMPARABLE: Meaning(_D, False, "The classes of one bid differ in GPUs per node."),
    Code.PERFORMANCE_UNKNOWN: Meaning(_D, False, "Nobody says how fast this class is: bid for it by its name."),
    Code.NO_CLASS_ADMITTED: Meaning(_D, False, "No class of the programme meets what the bid requires."),
    Code.PRICED_BY_PERFORMANCE: Meaning(_D, False, "A bid by performance keeps its limit: place another one."),
    Code.MINIMUM_EXCEEDS_QUANTITY: Meaning(_D, False, "A minimum is larger than the quantity it belongs to."),
    Code.SITE_NEEDED: Meaning(_D, False, "Only nodes attested of a provider's site can be offered of this class."),
    Code.BOND_TOO_SMALL: Meaning(_D, False, "The bond is below the minimum share of the notional."),
    Code.BOND_IN_KIND: Meaning(_D, False, "An offer in kind has no bond: nothing of its unit is anybody's cash."),
    Code.PRICE_NOT_AT_PAR: Meaning(_D, False, "What is paid in kind is offered, and bid for, at 1 per GPU-hour."),
    Code.AMEND_NOT_VALID: Meaning(_D, False, "Name exactly one change, and leave at least one node."),
    Code.HALT_NOT_VALID: Meaning(_D, False, "A halt is of a class, of one in a region, of a provider, or of all."),
    Code.AUCTION_NOT_VALID: Meaning(_D, False, "A term of the auction does not fit the others, or the time left."),
    Code.NOT_IN_AUCTION: Meaning(_D, False, "The auction has no such hours, class, programme or kind of order."),
    Code.PRICE_OUTSIDE_COLLAR: Meaning(_D, False, "The price is too far from the reference price."),
    Code.PRICE_NOT_BETTER: Meaning(_D, False, "The price is no better than the one that the order has."),
    Code.SOLUTION_NOT_VALID: Meaning(_D, False, "It is not the next piece, or all pieces do not have the hash."),
    Code.COLLAR_NOT_VALID: Meaning(_D, False, "There is no collar to end, or an auction has set the reference price."),
    Code.POSITION_LIMIT_NOT_VALID: Meaning(_D, False, "There is no position limit to end."),
    Code.ORDER_LIMIT_NOT_VALID: Meaning(_D, False, "There is no limit of orders to end."),
    Code.AMOUNT_TOO_LARGE: Meaning(_D, False, "The amount, or price times quantity, exceeds what can be counted."),
    Code.FACE_TOO_SMALL: Meaning(_D, False, "The programme issues no voucher of so little."),
    Code.NOT_WHOLE_MINOR_UNITS: Meaning(_D, False, "The currency has no coin so small: pay whole minor units."),
    Code.AMOUNT_DIFFERS: Meaning(_D, False, "The amount is not what the settlement pays to this party."),
    Code.DATE_IN_FUTURE: Meaning(_D, True, "The date has not come yet anywhere on earth."),
    Code.APPROVAL_NOT_VALID: Meaning(
        _D, False, "A line is not the claim's, is approved with more than it claims, or nothing is left to approve."
    ),
    Code.FACT_NOT_VALID: Meaning(
        _D, False, "The fact is not of the kind that its name has, is one that the log knows itself, or lies ahead."
    ),
    Code.FACT_NOT_NEWER: Meaning(_D, False, "The actor attested the same on a later day, or the same value that day."),
    Code.PARTY_NOT_SUSPENDED: Meaning(_D, True, "The party is not suspended."),
    Code.PROGRAMME_PAUSED: Meaning(_D, True, "The programme is paused: it issues nothing, and funds no new bids."),
    Code.PROGRAMME_NOT_PAUSED: Meaning(_D, True, "The programme is not paused."),
    Code.PROGRAMME_NOT_OPEN: Meaning(_D, True, "Ledger time is outside the programme's validity."),
    Code.PROGRAMME_IN_RUN_OFF: Meaning(_D, False, "The programme is in run-off: nothing new begins in it."),
    Code.PROGRAMME_NOT_IN_RUN_OFF: Meaning(_D, True, "Only a programme in run-off can be closed."),
    Code.PROGRAMME_CLOSED: Meaning(_D, False, "The programme is closed, or about to be: nothing happens in it now."),
    Code.PROGRAMME_STILL_OPEN: Meaning(_D, True, "Something of the programme is still open."),
    Code.PROGRAMME_NOT_ON_MARKET: Meaning(
        _D, False, "The programme's vouchers pay no bids: they are claimed, or allocate what the market does not meter."
    ),
    Code.PROGRAMME_IN_KIND: Meaning(_D, False, "It is an allocation of compute: nothing in it is paid in money."),
    Code.NOT_COVERED_IN_KIND: Meaning(_D, False, "The allocation does not pay for the whole bid, nothing else can."),
    Code.PROVIDER_ALREADY_LISTED: Meaning(_D, False, "The provider is listed for the programme."),
    Code.PROVIDER_NOT_LISTED: Meaning(_D, True, "The provider is not listed for the programme."),
    Code.PROVIDER_SUSPENDED: Meaning(_D, True, "The programme has suspended the provider: its claims wait."),
    Code.PROVIDER_NOT_SUSPENDED: Meaning(_D, True, "The programme has not suspended the provider."),
    Code.AUDITOR_ALREADY_APPOINTED: Meaning(_D, False, "The auditor is appointed for that already."),
    Code.AUDITOR_NOT_APPOINTED: Meaning(_D, True, "The auditor is not appointed for that."),
    Code.PARTY_NOT_A_PROVIDER: Meaning(_D, False, "The party named does not have the role of provider."),
    Code.PARTY_NOT_A_BENEFICIARY: Meaning(_D, False, "The party named does not have the role of beneficiary."),
    Code.PARTY_NOT_AN_AUDITOR: Meaning(_D, False, "The party named does not have the role of auditor."),
    Code.CLASS_NOT_IN_PROGRAMME: Meaning(_D, False, "The programme does not pay for this accelerator class."),
    Code.REGION_NOT_IN_PROGRAMME: Meaning(_D, False, "The programme does not pay for this region."),
    Code.DUTIES_NOT_SEPARATE: Meaning(
        _D, True, "One party, or two that are related, would have two duties that are to be kept apart."
    ),
    Code.NOT_BY_APPLICATION: Meaning(
        _D, False, "The programme is no document, or gives vouchers otherwise than by applications decided one by one."
    ),
    Code.APPLICATIONS_CLOSED: Meaning(_D, True, "The programme takes no applications on this day."),
    Code.WINDOW_STILL_OPEN: Meaning(_D, True, "The last day of the window is not over."),
    Code.WINDOW_CLOSED: Meaning(_D, False, "The window is closed: its applications are being decided."),
    Code.SEED_NOT_VALID: Meaning(
        _D, False, "A lottery needs a seed with the hash that was committed to, and nothing else has one."
    ),
    Code.DECIDED_BY_WINDOW: Meaning(_D, False, "The applications of a window are decided together when it is closed."),
    Code.DECIDED_BY_APPLICATION: Meaning(
        _D,
        False,
        "The document has applications reviewed or decided together, or use claimed: no voucher is issued beside that.",
    ),
    Code.ALREADY_SCORED: Meaning(_D, False, "The actor has given this application a score."),
    Code.APPLICATION_NOT_OPEN: Meaning(_D, True, "The state of the application does not allow this."),
    Code.NOT_A_REVIEWER: Meaning(_D, False, "The document names another authority for this step of the review."),
    Code.REVIEW_NOT_DUE: Meaning(
        _D, True, "The step is not one of this application's, an earlier one is open, or the actor has reviewed it."
    ),
    Code.REVIEW_INCOMPLETE: Meaning(_D, True, "A step of the review has too few signatures, or an objection."),
    Code.EARLIER_APPLICATION_WAITS: Meaning(_D, True, "An application that came before, fully reviewed, waits."),
    Code.NOT_CLAIMED_BY_INVOICE: Meaning(
        _D, False, "It is not claimed so: it pays on the market, or in kind, or needs a voucher; or several providers."
    ),
    Code.CLAIMS_CLOSED: Meaning(_D, True, "The programme takes no claims on this day, or none for use so long ago."),
    Code.INVOICE_ALREADY_CLAIMED: Meaning(_D, False, "The invoice was claimed before, in this programme or another."),
    Code.USE_ALREADY_CLAIMED: Meaning(
        _D, False, "The other side claimed use of these days: of holder and provider one claims, never both."
    ),
    Code.CREDIT_NOTE_NOT_VALID: Meaning(
        _D, False, "The credit note is of another invoice, or known, or the claim was made by earlier rules: see `why`."
    ),
    Code.EXCEEDS_INVOICE: Meaning(_D, False, "More than what the invoice is still for after its credit notes: `left`."),
    Code.EVIDENCE_MISSING: Meaning(_D, False, "The programme asks for evidence of the type named."),
    Code.NOT_GRANTED: Meaning(_D, True, "The programme's document grants or pays nothing, or less: `why` says why."),
    Code.SPEND_TOO_SMALL: Meaning(_D, False, "The voucher's document lets nothing so small be spent at once."),
    Code.GROUND_NOT_IN_RULES: Meaning(_D, False, "The voucher's document names no such ground, or there is none."),
    Code.SUSPENSION_TOO_LONG: Meaning(_D, False, "The voucher's document allows from 1 to `most_days` days."),
    Code.VOUCHER_SUSPENDED: Meaning(_D, True, "The voucher is suspended."),
    Code.VOUCHER_NOT_SUSPENDED: Meaning(_D, False, "The voucher is not suspended."),
    Code.VOUCHER_REVOKED: Meaning(_D, False, "The voucher was revoked or given back."),
    Code.VERSIONS_DIFFER: Meaning(_D, False, "The vouchers named were issued under different programme versions."),
    Code.VOUCHER_NOT_YET_VALID: Meaning(_D, True, "The voucher is not valid yet."),
    Code.VOUCHER_EXPIRED: Meaning(_D, False, "The voucher has expired."),
    Code.VOUCHER_EXPIRES_BEFORE_DELIVERY: Meaning(
        _D, False, "The programme does not extend holds past expiry, and delivery would end after it."
    ),
    Code.VOUCHER_OFFLINE: Meaning(_D, True, "The voucher is offline: where its programme allows, ask for it back."),
    Code.VOUCHER_NOT_OFFLINE: Meaning(_D, True, "The voucher is not offline: there is nothing to be brought back."),
    Code.EXTENSION_NOT_PERMITTED: Meaning(
        _D, False, "The document does not let the voucher be extended, by so much, or once more: `why` says which."
    ),
    Code.NOT_RESTORABLE: Meaning(
        _D, False, "The programme brings nothing back that is offline, or the time to ask for it is over."
    ),
    Code.TRANCHE_NOT_DUE: Meaning(
        _D, True, "What the part of the voucher waits for has not come: its day, its milestone, or use of former parts."
    ),
    Code.TRANSFER_NOT_PERMITTED: Meaning(
        _D, True, "The programme does not let this be handed on, or pledged: `why` is one of its codes of transfers."
    ),
    Code.GATE_CLOSED: Meaning(_D, False, "The last allowed start lies before the first hour that can still be traded."),
    Code.AUCTION_NOT_OPEN: Meaning(_D, False, "The auction has locked: orders neither enter nor leave."),
    Code.AUCTION_NOT_LOCKED: Meaning(_D, True, "The auction has not locked yet, or it has cleared."),
    Code.ORDER_NOT_OPEN: Meaning(_D, True, "The order is not on the book yet."),
    Code.AMENDMENT_OPEN: Meaning(_D, True, "Another amendment of the order is still being decided."),
    Code.TRADING_HALTED: Meaning(_D, True, "Trading in this is halted."),
    Code.TRADING_NOT_HALTED: Meaning(_D, True, "There is no halt of just this."),
    Code.NODES_ALREADY_SOLD: Meaning(_D, False, "The nodes to be taken back were sold."),
    Code.USAGE_NOT_DELIVERED_YET: Meaning(_D, True, "A reading's hour has not ended yet."),
    Code.HOUR_NOT_IN_CONTRACT: Meaning(_D, False, "An hour is not an hour of the contract, or no longer."),
    Code.HOUR_ALREADY_REPORTED: Meaning(_D, False, "The hour was reported before."),
    Code.READINGS_NOT_ORDERED: Meaning(_D, False, "The hours of the readings do not rise."),
    Code.EXCEEDS_CAPACITY: Meaning(_D, False, "More GPU-minutes than the contract or the report holds."),
    Code.HOUR_NOT_IN_REPORT: Meaning(_D, False, "An hour is not an hour of the report."),
    Code.REPORTING_CLOSED: Meaning(_D, False, "The contract's reporting deadline has passed."),
    Code.REPORT_NOT_OPEN: Meaning(_D, False, "The report is disputed, accepted or its window has closed."),
    Code.REPORT_NOT_DISPUTED: Meaning(_D, False, "The report is not disputed."),
    Code.CORRECTION_OPEN: Meaning(_D, False, "The other side has proposed a correction of the report."),
    Code.CANCELLATION_OPEN: Meaning(_D, True, "A cancellation of the contract was proposed, and still stands."),
    Code.DELIVERY_BEGUN: Meaning(_D, False, "The contract's first hour has begun."),
    Code.NOT_RECLAIMABLE: Meaning(_D, False, "The contract carries no notice with which its hours could be reclaimed."),
    Code.RECLAIM_PENDING: Meaning(_D, False, "Its provider has given notice that hours of the contract are reclaimed."),
    Code.NOTICE_NEEDED: Meaning(_D, False, "The contract carries a notice: its hours are reclaimed with it, or not."),
    Code.RECLAIM_TOO_SOON: Meaning(_D, False, "The hour is sooner than the notice that the contract carries."),
    Code.USAGE_OPEN: Meaning(_D, True, "A report of the contract is still open."),
    Code.NOTHING_TO_CLAIM: Meaning(_D, True, "A contract named has no captured and unclaimed subsidy."),
    Code.REFERENCE_ALREADY_USED: Meaning(_D, False, "The actor used this reference before, in whatever spelling."),
    Code.CLAIM_NOT_OPEN: Meaning(_D, False, "The claim was decided before."),
    Code.CLAIM_NOT_APPROVED: Meaning(_D, True, "The claim is not approved, or is in another settlement."),
    Code.CLAWBACK_NOT_PERMITTED: Meaning(
        _D, False, "The programme's document does not let this be taken back: `why` says why."
    ),
    Code.APPEAL_NOT_OPEN: Meaning(_D, False, "The time to contest this is over, or it is contested; or it is not."),
    Code.APPEAL_OPEN: Meaning(_D, True, "Part of what is owed is contested, or may be: wait until that is over."),
    Code.NOTHING_TO_PAY: Meaning(_D, True, "What is owed to a party named is less than a minor unit, or nothing."),
    Code.PAID_BY_SHARES: Meaning(_D, True, "Several payers pay, each its part: that is confirmed or returned."),
    Code.CAP_EXCEEDED: Meaning(_D, False, "A cap of the programme would be exceeded: of a party, its group, or all."),
    Code.APPROPRIATION_EXCEEDED: Meaning(_D, True, "The programme's uncommitted budget is smaller."),
    Code.EXCEEDS_INVENTORY: Meaning(_D, True, "So many nodes are not attested there, or not free in every hour."),
    Code.ORDERS_EXCEED_TRADES: Meaning(_D, True, "The group has given all orders of the day that its trades allow."),
    Code.EXCEEDS_CAPTURED: Meaning(_D, False, "More than was captured and neither reversed nor denied."),
    Code.EXCEEDS_UNCLAIMED: Meaning(_D, False, "The subsidy was claimed already: its reversal is the operator's."),
    Code.EXCEEDS_OWED: Meaning(_D, True, "More than the provider owes the programme."),
    Code.EXCEEDS_PAID: Meaning(_D, False, "More than the document lets be taken back of the payment, and was not yet."),
    Code.EXCEEDS_ORDERED: Meaning(_D, False, "More than was ordered to be given back."),
    Code.EXCEEDS_AVAILABLE: Meaning(_D, True, "The available balance is smaller."),
    Code.SECOND_SIGNATORY_NEEDED: Meaning(_D, False, "This party signed the same before; now another one has to."),
}
