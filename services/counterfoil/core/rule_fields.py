"""What versions of the rules differ in: a field for each difference, with what its values mean."""

from __future__ import annotations

from collections.abc import Mapping

from counterfoil.contract.record import record


@record
class Rules:
    """Everything in which versions differ. Times are microseconds, ratios basis points, hours whole delivery hours."""

    number: int

    # commands
    absent: frozenset[tuple[str, int]]
    """Commands, by name and version, that these rules do not have: of later rules, or no longer taken.

    They are refused without an entry. Those that a log holds are decided for ever.
    """
    exits: frozenset[tuple[str, int]]
    """Commands, by name and version, that a closed or suspended party may give beside those that say so themselves."""
    clock_skew: int
    """How far `issued_at` may lie ahead of ledger time."""
    max_validity: int
    """The longest time from `issued_at` to `expires_at`."""

    # text
    judges_text: bool
    """Whether names and reasons are visible text, and new names unlike all others, by Unicode 13.

    A newer version of Unicode is another table, and another field.
    """

    # open state per owner, so that no party can make the state of a service grow without bound
    max_keys_per_party: int
    """Keys in force."""
    max_keys_ever: int | None
    """Keys of one party, revoked ones included; None: any number, as time goes by."""
    max_new_keys: int | None
    """Keys that a party may add within `new_keys_period`; None: any number. A recovery is never barred by it."""
    new_keys_period: int
    max_open_orders_per_party: int
    max_open_orders_per_market: int | None
    """Of one party in one market, that is, a class in a region; a bid counts in each of its markets. None: no bound."""
    max_open_vouchers_per_party: int | None
    """None: no bound, so that one issuer's vouchers bar no other's."""
    max_open_vouchers_per_programme: int | None
    """Of one beneficiary in one programme. None: no bound."""

    # budgets
    bounds_each_programme: bool
    """Whether each programme has counters of its own, claims included; if not, those of a currency share them."""

    # vouchers
    minimum_face: bool
    """Whether the terms of a programme have a say in how small a voucher may be."""
    follows_vouchers: bool
    """Whether issuance knows a voucher until nothing of it is left; if not, until its first part has ended.

    Then value that is cancelled unspent counts neither as issued nor towards the cap of its group any more.
    """
    restored_for: int | None
    """How long value lasts at least that a provider's default gives back; None: no longer than its voucher."""
    names_grounds: bool
    """Whether a voucher under a document is suspended or revoked only on a ground that the document names."""
    ends_funding: bool
    """Whether a bid on the book is closed when a voucher that pays for it is suspended, is revoked or expires."""

    sums_suspensions: bool
    """Whether what earlier suspensions of a voucher lasted counts towards the longest that its document allows."""
    least_spent: bool
    """Whether a document's least amount that is spent at once is asked for, of an order or a claim on an invoice."""

    # vouchers handed on
    frees_cap_by_hand: bool
    """Whether value that is cancelled unspent counts no more towards a cap only if it is in its first owner's hand."""
    returns_own_part: bool
    """Whether what another has got of a voucher goes on that its first holder gives back at the same moment."""
    transfer_stands: int
    """How long a transfer may be accepted."""
    notifies_first: bool
    """Whether no value ends, however late that is noticed, before every step to its end was told to its holders."""
    endless_days: int | None
    """How long vouchers without an end last once their programme is in run-off; None: they bar its closing."""
    converts_by_provider: bool
    """Whether a conversion in kind that names a provider counts for it alone; and it may be a fraction.

    If not, the last one of a unit counts for everybody, and limits of a quantity add up units of any kind.
    """
    counts_granted: bool
    """Whether a decision adds to a counter what it grants of what the cap counts; if not, all that was asked for."""
    judges_pledgees: bool
    """Whether issuance says what is attested of a pledgee that a document asks facts of; else no such pledge stands."""
    judges_takers: bool
    """Whether who takes a voucher over is judged by what issuance has attested of it, and claims by their holder's own.

    If not, nothing is attested of a receiver, and with the facts of a grant its first holder's count in every hand.
    """
    reissue_prefix: str
    """What ids of vouchers that the ledger issues anew begin with; `vch` is issuance's, and could be the same id."""
    max_holders_extended: int
    """In how many hands a voucher may be that its issuer extends; 0: none is extended, whatever its document says."""
    releases_tranches: bool
    """Whether the tranches of a document are kept back until the issuer releases each; else they say nothing."""
    max_encumbrances_per_party: int
    """Transfers, pledges and offers of credit of one holder that are open."""
    max_credit_orders_per_group: int
    """Open, of one group of related parties, in all series together; 0: there is no credit market."""
    max_credit_orders_per_side: int
    """Bids, or offers, on the book of a series, of all parties."""
    credit_band_bps: int
    """How far from par a price of credit may lie, in basis points of par."""

    # keys of others
    operator_revokes_keys: bool
    """Whether an operator may revoke keys of any party."""
    recovery_delay: int
    """How long the keys of a party may object to an operator's proposal to recover it."""

    # related parties
    separates_duties: bool
    """Whether duties are kept apart (`core/duties.py`); if not, only roles count."""
    spares_others_orders: bool
    """Whether an order of another party is ended by self-trade prevention only if its own mode says that it may."""
    max_parties_per_group: int | None
    """None: no bound."""
    max_attestations: int
    """Facts about the groups of one party that one other may attest."""

    # collections in one command
    max_classes: int
    max_regions: int
    max_markets_per_bid: int
    """Classes times regions."""
    max_vouchers_per_hold: int
    max_readings: int
    max_contracts_per_claim: int
    max_claims_per_settlement: int
    max_sources: int
    max_stocks: int
    """Classes at sites that inventory is attested of, of one provider; 0: before any was."""
    max_floor_prices: int
    """Currencies in which an accelerator class has one; 0: before classes had any."""
    max_shares_per_settlement: int
    """What payers pay, each to each payee; 0: a settlement has one payer, whatever its document says."""
    max_evidence: int
    """Documents named by a dispute."""

    # programmes as documents
    draws_in_scope: bool
    """Whether only vouchers pay whose version has all classes and regions that an order may buy."""
    spends_until_expiry: bool
    """Whether the validity of a version limits issuing alone, so that its vouchers pay until they expire."""
    max_documents: int
    """Of one party, not yet published; a document has at most 43 pieces of 3,072 bytes."""
    document_stays: int
    """How long after its first piece a document may be published; then it is dropped."""

    meters_in_kind: bool
    """Whether vouchers of an allocation in GPU-hours pay for bids in that unit, and are drawn by metering."""

    # ceilings of law
    keeps_aid: bool
    """Whether grants have entries in a subsidy ledger, aid from elsewhere counts, and old grants are forgotten."""
    max_aid: int
    """Grants from elsewhere that one party attests of another, under one ceiling, while they count."""
    regimes_stay: bool
    """Whether a programme counts a ceiling of law as before once anything is counted; else only if others name it."""
    max_laws: int
    """Versions of one ceiling of law that operators register; 0: documents alone say what the law is."""
    counts_grants_once: bool
    """Whether aid that several attest counts once; and what is dated later, or counted otherwise, counts at once."""

    max_controls: int
    """What is attested of one undertaking, as who owns and who is owned; 0: groups alone say who is related."""

    # applications
    max_open_applications: int
    """Of one party in one programme, not yet decided."""
    max_open_windows: int
    """Of one programme, with applications that are not decided."""
    max_application_lines: int
    """Lines of one application; and as many documents as evidence, and other programmes that pay for the same."""
    rejects_always: bool
    """Whether an application may be rejected that was returned, or was made under another version's model."""
    claims_after_use: bool
    """Whether use is claimed that nothing was granted for before, where a document reimburses it.

    Then such a programme issues no voucher but with the approval of a claim.
    """
    credits_invoices: bool
    """Whether issuance keeps what the invoices of claims are for, so that credit notes can take it back."""
    keeps_notes: bool
    """Whether what credit notes took of an invoice stays taken when its claim is over; their numbers are kept apart."""
    notes_owe: bool
    """Whether a credit note on a claim in a settlement is owed at once; else it is evidence for taking back."""
    undecided_bars_all: bool
    """Whether a claim after use takes its invoice before it is decided; else it bars its own claimant alone."""
    owes_once: bool
    """Whether what is owed back of a payment is owed once, by reversals and by orders to give back together."""
    recovers_whole: bool
    """Whether less than a minor unit that a recovery leaves of a debt is given up with it: no bank can pay it."""
    unclaimed_days: int | None
    """In run-off, what nobody claims or no bank pays lapses so many days after the last came; None: it never does."""
    tells_lapsed_claims: bool
    """Whether what lapses of a claim on an invoice is said of that claim, so that it counts towards limits no more."""
    max_facts: int
    """That one party attests of another, or of its applications; a later attestation replaces an earlier one."""

    # reading
    max_auditors: int
    """Appointed for one programme, and for all."""

    # refusals
    states_shortfalls: bool
    """Whether a refused hold states whose it was, and what was needed and available."""
    names_lines: bool
    """Whether a refusal to grant, since no line of use is eligible, names the first line's reason."""
    names_limits: bool
    """Whether a refused delivery window, or start, names the hours that would have been accepted."""
    hides_others: bool
    """Whether orders, vouchers, contracts, reports and claims of others are refused like those that are not there."""

    # work per entry: a timer entry continues what does not fit
    max_matches_per_entry: int
    max_items_per_sweep: int

    # paper
    currencies: Mapping[str, int] | None
    """Decimals of the minor unit of each currency, beside those that the operator registers.

    What is paid in from outside, paid out or appropriated is whole minor units, and a price tick is one. None: any code
    is a currency, any micro-unit is payable.
    """
    unique_references: bool
    """Whether deposits, withdrawals, payments and budgets each need a reference that their author never used.

    Invoices always did.
    """

    # the market
    price_tick: int
    """Micro-units per GPU-hour, where currencies have no minor units; divisible by 4: quarter hours stay exact."""
    min_bond_bps: int
    """Of an offer's notional."""
    max_window_hours: int
    max_horizon_hours: int
    """How far ahead of ledger time a delivery hour may lie."""
    gate_closure_hours: int
    """No match is made for an hour that starts sooner than this."""
    continues_every_order: bool
    """Whether every order continues over as many entries as it needs, until nothing fits, FOK, IOC and offers included.

    Each step takes the best counterpart for what is left, the one before again included, and all are judged by the time
    at which the first was. If not, an order takes each counterpart once, and only one that rests continues.
    """
    uncrosses: bool
    """Whether no bid and offer that fit one another rest: what lets them fit has them meet before anything else.

    If not, orders meet as they arrive alone, not after a reduction, a listing, or a trade that leaves less than a
    minimum.
    """
    amends_in_place: bool
    """Whether an order that is to have another price stands until what that needs is held, and then has it.

    If not, it is closed at once, and a new order, which may fail, replaces it.
    """
    max_bids_tried_per_entry: int
    """Of those that meet all offers anew."""
    max_open_auctions: int
    """0: there are none."""
    max_auction_hours: int
    max_auction_terms: int
    """Programmes of one auction, and points of its reserve function."""
    max_auction_orders: int
    """Of one auction."""
    max_auction_orders_per_group: int
    """Of these, of one group of related parties, so that none takes all places."""
    max_auction_blocks: int
    """Of these, bids that are met in whole or not at all: the search for the best of them grows with their number."""
    max_auction_blocks_per_group: int
    max_collars: int
    """Markets whose prices are bound to a reference."""
    max_position_limits: int
    """Markets, each a class in a region, that ever had one; 0: a group may hold of a market what it gets."""
    min_reference_groups: int
    """That trade in an auction, on both sides together: of fewer the mean price is no reference."""
    max_auction_solutions: int
    """From outside, of one auction: each is settled as it clears."""
    max_auction_solutions_per_group: int
    max_solution_blocks: int
    """In one piece of a solution; every piece but the last has as many."""
    validity_of_each_version: bool
    """Whether a bid needs a programme version that is open, and not only one that has its classes and regions."""

    # delivery
    min_window: int
    """Of reporting and dispute windows: time enough to act."""
    resolution_window: int
    """A dispute that is not resolved by then lapses, and the report stands."""
    min_delivered_bps: int
    """Of a contract's GPU-minutes; with less, the provider defaulted, even if every hour was reported."""
    resolves_up_to_capacity: bool
    """Whether a dispute may end with more than was reported; the provider's own mistake may be what it is about."""
    cancellation_stands: int
    """How long the other side may agree to a cancellation, which ends with the beginning of delivery in any case."""
    notice_table: tuple[tuple[int, int], ...]
    """By notice, what a provider forfeits of a bond at least that gives a contract up: (hours ahead, basis points).

    The first row that it keeps counts; who keeps none defaults. Empty: giving up is a default at any time, and matching
    keeps nothing of what it sold.
    """
    reclaim_forfeits_bps: int
    """What a provider forfeits of the bond of the hours that it reclaims, with the notice that both sides named."""
    bonds_by_market: bool
    """Whether what others have sold for is the least by which a bond is measured, beside the offer's price and a floor.
    """
    bonds_each_minute: bool
    """Whether each GPU-minute has its part of a bond, which goes with it if it is not delivered.

    If not, a completed contract costs nothing, however little was delivered, and one given up in its delivery all.
    """

    # outages
    shortest_outage: int | None
    """What a log records as an outage of its own at least; None: no outage is recorded, and no deadline waits."""
    resumption_grace: int
    """No deadline that an outage fell into ends sooner than this after it: what was sent meanwhile is decided first."""
