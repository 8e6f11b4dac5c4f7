"""What holds of the ledger at every index, checked from the state alone and apart from the code that keeps it.

Every asset is closed under double entry, nothing is overdrawn, and each balance that stands for several things (what is
held, what is obligated) is the sum of those things. One pass over the state.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping

from counterfoil.contract.limits import MAX_AMOUNT, MAX_COUNT
from counterfoil.contract.terms import ProgrammeTerms
from counterfoil.ledger.accounts import Position
from counterfoil.ledger.chart import (
    APPROPRIATION,
    BANK,
    BONDS,
    CIRCULATION,
    CO_PAYMENTS,
    CREDIT_BIDS,
    DISBURSED,
    ENCUMBERED,
    ENDS,
    FUNDING,
    LAPSED,
    OBLIGATED,
    RECOVERABLE,
    RECOVERED,
    RETURNED,
    SETTLED,
    WRITTEN_OFF,
    budget,
    cash,
    claim,
    claims_payable,
    clawed_back,
    denied,
    may_overdraw,
    owner,
    owner_of,
    receivables,
)
from counterfoil.ledger.credit_book import paid
from counterfoil.ledger.encumbrances import OnOffer, Tranche
from counterfoil.ledger.holds import total
from counterfoil.ledger.open_vouchers import Voucher
from counterfoil.ledger.state import LedgerState
from counterfoil.programme.expiry import NEVER
from counterfoil.programme.rules import Rules

Held = Counter[tuple[str, str]]
"""(account, asset) -> amount held."""


def check_ledger(state: LedgerState) -> list[str]:
    """Every finding as text; none if all is well. Reads the state once and changes nothing."""
    held = _held(state)
    return [
        *_double_entry(state),
        *_holds(state),
        *_pending(state),
        *_contracts(state),
        *_captured(state),
        *_reversed(state),
        *_held_balances(state, held),
        *_vouchers(state),
        *_owners(state),
        *_endings(state),
        *_funding(state),
        *_encumbrances(state),
        *_credit(state),
        *_expiries(state),
        *_programmes(state),
        *_currencies(state),
    ]


def _double_entry(state: LedgerState) -> Iterator[str]:
    """Debits equal credits in each asset, counters are in range, and only sources of value are below zero."""
    for asset, accounts in state.accounts.assets.items():
        positions = accounts.values()
        if sum(p.debits_posted for p in positions) != sum(p.credits_posted for p in positions):
            yield f"{asset}: posted debits and credits differ"
        if sum(p.debits_pending for p in positions) != sum(p.credits_pending for p in positions):
            yield f"{asset}: pending debits and credits differ"
        for account, position in accounts.items():
            yield from (f"{asset}: {account} {problem}" for problem in _position(account, position))


def _position(account: str, p: Position) -> Iterator[str]:
    if min(p.debits_posted, p.credits_posted, p.debits_pending, p.credits_pending) < 0:
        yield "has a negative counter"
    if max(abs(p.posted), p.debits_pending, p.credits_pending) > MAX_AMOUNT:
        yield "is out of range"
    if p.n < 1:
        yield "has no posting"
    if p.available < 0 and not may_overdraw(account):
        yield f"is overdrawn by {-p.available}"
    if p.posted and account in (CO_PAYMENTS, BONDS, CREDIT_BIDS):
        yield f"keeps {p.posted}, but value only passes through it"


def _holds(state: LedgerState) -> Iterator[str]:
    """Every hold is worth keeping and has its contract if it is for one."""
    for (purpose, hold_id), hold in state.holds.open.items():
        if hold.cash < 0 or any(draw.amount < 1 for draw in hold.draws):
            yield f"{purpose} {hold_id} holds a negative amount"
        if purpose == "bid" and hold.terms.nodes < 1:
            yield f"bid {hold_id} holds for no nodes"
    if not state.holds.for_all("contract").keys() == state.holds.for_all("bond").keys() == state.contracts.keys():
        yield "an open contract lacks a hold, or a hold its contract"


def _pending(state: LedgerState) -> Iterator[str]:
    """What is held for a bid covers its price, and where that is to change, either one; so does an offer's bond."""
    for (purpose, order_id), pending in state.holds.pending.items():
        hold = state.holds.open.get((purpose, order_id))
        if hold is None:
            yield f"{purpose} {order_id} is to have another price, and nothing is held for it"
        elif purpose == "offer" and hold.terms.price != pending.cost:
            yield f"offer {order_id} has another price, and is to have one"
        elif purpose == "bid" and hold.terms.cost_per_node < max(pending.cost, pending.new_cost):
            yield f"bid {order_id} is not held for at the price that it is to have"
    for bid_id, hold in state.holds.for_all("bid").items():
        if total(hold.draws) + hold.cash < hold.terms.cost_per_node * hold.terms.nodes:
            yield f"bid {bid_id} is held for with less than its price"


def _contracts(state: LedgerState) -> Iterator[str]:
    """A contract is open or ended, and its subsidy is the share of all it was invoiced, rounded once."""
    ended = {contract_id: each.contract for contract_id, each in state.ended.items()}
    for contract_id in sorted(state.contracts.keys() & ended.keys()):
        yield f"contract {contract_id} is open and ended"
    for contract_id, contract in (*state.contracts.items(), *ended.items()):
        terms = state.terms(contract.programme_id, contract.version)
        if isinstance(terms, ProgrammeTerms) and contract.subsidised != terms.subsidy(contract.invoiced):
            yield f"contract {contract_id}: subsidy is not the share of what was invoiced"


def _captured(state: LedgerState) -> Iterator[str]:
    """What was subsidised by contracts and invoices, or adjusted, and not reversed, each programme owes or has paid."""
    subsidised: Counter[str] = Counter(dict(state.adjusted))
    for contract in (*state.contracts.values(), *(each.contract for each in state.ended.values())):
        subsidised[contract.programme_id] += contract.subsidised - contract.reversed
    for each in state.claimed.values():
        subsidised[each.programme_id] += each.amount
    for programme_id in state.programmes:
        claimed = _claimed(state, programme_id)
        if claimed != subsidised[programme_id]:
            yield f"programme {programme_id}: claims of {claimed}, the parts say {subsidised[programme_id]}"


def _reversed(state: LedgerState) -> Iterator[str]:
    """What stands of a contract's captures is what was subsidised and not reversed, and at most what was invoiced."""
    subsidies: Counter[str] = Counter()
    amounts: Counter[str] = Counter()
    for report_id, captured in state.captures.items():
        subsidies[captured.contract_id] += total(captured.draws)
        amounts[captured.contract_id] += total(captured.draws) + captured.co_payment
        if captured.co_payment < 0 or any(draw.amount < 1 for draw in captured.draws):
            yield f"report {report_id}: more is reversed than was captured"
    for contract_id in (*state.contracts, *state.ended):
        contract = state.contract(contract_id)
        if (
            subsidies[contract_id] != contract.subsidised - contract.reversed
            or amounts[contract_id] > contract.invoiced
        ):
            yield f"contract {contract_id}: its captures are not what was subsidised and not reversed"


def _claimed(state: LedgerState, programme_id: str) -> int:
    """What was ever claimed on a programme: before version 4 of the rules in its currency, then in claims on it."""
    return -_of_claims(state, programme_id, claims_payable(programme_id))


def _of_claims(state: LedgerState, programme_id: str, account: str) -> int:
    """What an account has of claims on a programme, in either asset; the account is the programme's own."""
    assets = (claim(programme_id), state.currency(programme_id))
    return sum(state.accounts.find(account, asset).posted for asset in assets)


def _held(state: LedgerState) -> Held:
    """What the holds say is held, by position."""
    held: Held = Counter()
    for hold in state.holds.open.values():
        held[cash(hold.owner_id), hold.currency] += hold.cash
        for draw in hold.draws:
            held[owner(hold.owner_id), draw.voucher_id] += draw.amount
    for _, each in state.encumbrances.every():
        held[owner(each.holder_id), each.voucher_id] += each.amount
    for order in state.credit.orders.values():
        held[cash(order.party_id), state.currency(order.programme_id)] += order.held
    for trade_id, trade in state.credit.trades.items():
        found = state.encumbrances.transfers[trade_id]
        held[cash(found.receiver_id), state.currency(state.vouchers.open[found.voucher_id].programme_id)] += trade.held
    return held


def _held_balances(state: LedgerState, held: Held) -> Iterator[str]:
    """What is pending on each position is the sum of the holds on it, no more and no less."""
    for asset, accounts in state.accounts.assets.items():
        for account, position in accounts.items():
            stated = held.pop((account, asset), 0)
            if position.debits_pending != stated:
                yield f"{asset}: {account} has {position.debits_pending} held, its holds say {stated}"
    for (account, asset), amount in held.items():
        if amount:
            yield f"{asset}: {account} has no posting, its holds say {amount}"


def _vouchers(state: LedgerState) -> Iterator[str]:
    """face = owners' + redeemed + expired + cancelled + restored, each >= 0, for each voucher that is open."""
    for voucher_id, voucher in state.vouchers.open.items():
        yield from (f"voucher {voucher_id}: {problem}" for problem in _voucher(state, voucher))
    for asset in state.accounts.assets:
        if (
            not asset.startswith((budget(""), claim("")))
            and not _is_currency(asset)
            and asset not in state.vouchers.open
        ):
            yield f"{asset}: balances of a voucher that is not open"


def _voucher(state: LedgerState, voucher: Voucher) -> Iterator[str]:
    positions = state.accounts.assets.get(voucher.voucher_id, {})
    owned = {account: each for account, each in positions.items() if owner_of(account) is not None}
    ends = {account: positions[account].posted for account in ENDS if account in positions}
    parts = [*(position.posted for position in owned.values()), *ends.values()]
    if sum(parts) != voucher.face or min(parts, default=0) < 0:
        yield f"face {voucher.face} is not the sum of {parts}"
    if state.accounts.find(CIRCULATION, voucher.voucher_id).posted != -voucher.face:
        yield "what was put into circulation is not its face"
    if any(positions[account].posted for account in ENCUMBERED if account in positions):
        yield "something is posted where it is only pending"
    if positions.keys() - owned.keys() - ends.keys() - {CIRCULATION, *ENCUMBERED}:
        yield "an account that is no owner's has a part of it"
    if voucher.dead and not state.owners(voucher.voucher_id):
        yield "it is dead and without owners, but still open"


def _endings(state: LedgerState) -> Iterator[str]:
    """A timer is set for each voucher that has yet to end, and for each dead one of which some is not held."""
    waiting = {
        *state.expiring.reached(MAX_COUNT, len(state.expiring)),
        *state.cancelling.reached(MAX_COUNT, len(state.cancelling)),
    }
    for voucher_id, voucher in state.vouchers.open.items():
        ends = state.unheld(voucher_id) if voucher.dead else state.timetable(voucher).ends_at < NEVER
        if ends and voucher_id not in waiting:
            problem = "some of it is not held" if voucher.dead else "it ends"
            yield f"voucher {voucher_id}: {problem}, and no timer is set"


def _funding(state: LedgerState) -> Iterator[str]:
    """The bids on a voucher are those that draw on it; if it may pay no more, matching was told or a timer is set."""
    draws = {bid_id: [draw.voucher_id for draw in hold.draws] for bid_id, hold in state.holds.for_all("bid").items()}
    waiting = state.unfunding.reached(MAX_COUNT, len(state.unfunding))
    for voucher_id, voucher in state.vouchers.open.items():
        bids = {bid_id for bid_id, drawn in draws.items() if voucher_id in drawn and bid_id not in state.holds.leaving}
        if bids != set(state.holds.bids_on(voucher_id)):
            yield f"voucher {voucher_id}: the bids on it are not those indexed"
        if bids and voucher.status != "active" and state.rules.ends_funding and voucher_id not in waiting:
            yield f"voucher {voucher_id}: it is {voucher.status}, bids draw on it, and no timer is set"
    for bid_id in state.holds.leaving:
        if bid_id not in draws:
            yield f"bid {bid_id} is to be closed, and nothing is held for it"


def _encumbrances(state: LedgerState) -> Iterator[str]:
    """What encumbers a voucher is of an open one, and ends with it; what is handed on leaves a hand."""
    lapsing = set(state.lapsing.reached(MAX_COUNT, len(state.lapsing)))
    freeing = state.freeing.reached(MAX_COUNT, len(state.freeing))
    of_holder: Counter[str] = Counter()
    for id_, each in state.encumbrances.every():
        voucher = state.vouchers.open.get(each.voucher_id)
        of_holder[each.holder_id] += not isinstance(each, Tranche)
        outlasts = voucher is None or (not isinstance(each, Tranche | OnOffer) and each.until > voucher.expires_at)
        if voucher is None or outlasts or each.amount < 1:
            yield f"{id_}: it outlasts its voucher, or has nothing of it"
        elif voucher.dead and voucher.voucher_id not in freeing:
            yield f"{id_}: its voucher is over, and no timer is set"
        if id_ not in lapsing or id_ not in state.encumbrances.on(each.voucher_id):
            yield f"{id_}: no timer is set, or it is not indexed"
    for holder_id, number in of_holder.items():
        if state.encumbrances.of(holder_id) != number:
            yield f"{holder_id} has {number} transfers and pledges open, and another number is counted"
    for voucher_id, hands in state.encumbrances.hands.items():
        if voucher_id not in state.vouchers.open or any(hand.hops < 1 for hand in hands.values()):
            yield f"{voucher_id}: it was handed on, and is not open, or nobody had it before"


def _credit(state: LedgerState) -> Iterator[str]:
    """What an offer has on its book is encumbered, a bid's price is held, and a crossed book has a step that is due."""
    due, pending = state.credit.next_due(), Counter[str]()
    for trade_id, trade in state.credit.trades.items():
        amount = state.encumbrances.transfers[trade_id].amount
        for order_id in (trade.offer_id, trade.bid_id):
            pending[order_id] += amount
    places: defaultdict[str, list[int]] = defaultdict(list)
    for series in state.credit.every_series():
        for bids in (True, False):
            for order_id, amount in state.credit.side(series, bids=bids):
                places[order_id].append(amount)
    for order_id, order in state.credit.orders.items():
        on_offer = state.encumbrances.on_offer.get(order_id)
        on_book = order.remaining if order.voucher_id is not None else 0
        if (0 if on_offer is None else on_offer.amount) != on_book:
            yield f"order {order_id}: another amount is encumbered than is on the book"
        if order.voucher_id is None and order.held < paid(order.remaining, order.price_bps):
            yield f"order {order_id}: less is held than its price"
        if order.pending != pending[order_id] or order.remaining < 0:
            yield f"order {order_id}: {order.pending} is pending, its trades say {pending[order_id]}"
        if not order.remaining and not order.pending and due != 0:
            yield f"order {order_id}: nothing of it is left, and no step is due"
        if places[order_id] != ([order.remaining] if order.meets else []):
            yield f"order {order_id}: it is not where its book says"
    for series in state.credit.every_series():
        best = [state.credit.side(series, bids=bids)[:1] for bids in (False, True)]
        if all(best):
            offer, bid = (state.credit.orders[each[0][0]] for each in best)
            if offer.price_bps <= bid.price_bps and due != 0:
                yield f"{'/'.join(map(str, series))}: its book is crossed, and no step is due"


def _expiries(state: LedgerState) -> Iterator[str]:
    """Each open voucher under a document is on its way to its end, and a timer is set for its next step."""
    waiting = set(state.stepping.reached(MAX_COUNT, len(state.stepping)))
    for voucher_id, voucher in state.vouchers.open.items():
        expiry = state.expiries.get(voucher_id)
        if (expiry is None) is isinstance(state.terms(voucher.programme_id, voucher.version), Rules):
            yield f"voucher {voucher_id}: it has a document and no way to its end, or the other way round"
        elif expiry is not None and state.has_step(voucher_id) and f"{expiry.taken}:{voucher_id}" not in waiting:
            yield f"voucher {voucher_id}: step {expiry.taken} to its end is to come, and no timer is set"
    for voucher_id in state.expiries:
        if voucher_id not in state.vouchers.open:
            yield f"voucher {voucher_id}: it is on its way to its end, and is not open"


def _owners(state: LedgerState) -> Iterator[str]:
    """The vouchers of a party are those that it has a position in."""
    indexed, spent = Counter(state.vouchers.owners()), Counter(state.vouchers.spenders())
    for voucher_id in state.vouchers.open:
        for party_id in state.owners(voucher_id):
            if indexed.pop((party_id, voucher_id), 0) != 1:
                yield f"voucher {voucher_id}: {party_id} has a position in it that the index lacks"
        for party_id in state.unheld(voucher_id):
            if spent.pop((party_id, voucher_id), 0) != 1:
                yield f"voucher {voucher_id}: {party_id} could spend of it, and the index lacks that"
    for party_id, voucher_id in indexed:
        yield f"voucher {voucher_id}: {party_id} is indexed as an owner and has no position"
    for party_id, voucher_id in spent:
        yield f"voucher {voucher_id}: {party_id} is indexed with something to spend of it, and has nothing"


def _programmes(state: LedgerState) -> Iterator[str]:
    """Appropriated, recovered, written off = appropriation + obligated + disbursed + lapsed + returned - what is owed.

    obligated = live vouchers + unsettled claims, those of providers that owe something included.
    """
    live: Counter[str] = Counter()
    for voucher in state.vouchers.open.values():
        owned = (
            state.accounts.find(owner(each), voucher.voucher_id).posted for each in state.owners(voucher.voucher_id)
        )
        live[voucher.programme_id] += sum(owned)
    for programme_id in state.programmes:
        asset = budget(programme_id)
        names = (APPROPRIATION, OBLIGATED, DISBURSED, LAPSED, RETURNED)
        parts = [state.accounts.find(account, asset).posted for account in names]
        sources = (RECOVERABLE, RECOVERED, WRITTEN_OFF)
        owed, recovered, written_off = (-state.accounts.find(account, asset).posted for account in sources)
        gone = recovered + written_off
        appropriated = -state.accounts.find(FUNDING, asset).posted
        if sum(parts) - owed != appropriated + gone or min(*parts, owed, recovered, written_off) < 0:
            yield f"{asset}: appropriated {appropriated} and no longer owed {gone} are not {parts} less {owed} owed"
        ended = parts[2] + _of_claims(state, programme_id, denied(programme_id))
        taken_back = _of_claims(state, programme_id, clawed_back(programme_id))
        unsettled = _claimed(state, programme_id) + owed + gone - taken_back - ended
        if unsettled < 0 or parts[1] != live[programme_id] + unsettled:
            yield f"{asset}: obligated {parts[1]} is not live {live[programme_id]} and unsettled {unsettled}"


def _currencies(state: LedgerState) -> Iterator[str]:
    """Cash and bank mirror each other; so do, per currency, what was settled and what its programmes disbursed.

    So do what providers owe and what programmes have to get back. Both are in claims on a programme, or, of what rules
    1 to 3 captured, in the currency.
    """
    unsettled: Counter[str] = Counter()
    owed: Counter[str] = Counter()
    for programme_id in state.programmes:
        currency, accounts = state.currency(programme_id), state.accounts.assets.get(claim(programme_id), {})
        disbursed = state.accounts.find(DISBURSED, budget(programme_id)).posted
        unsettled[currency] += disbursed - _posted(accounts, SETTLED)
        recoverable = state.accounts.find(RECOVERABLE, budget(programme_id)).posted
        owed[currency] += recoverable - _posted(accounts, receivables(""))
    for asset, accounts in state.accounts.assets.items():
        if _is_currency(asset):
            if _posted(accounts, cash("")) != -_posted(accounts, BANK):
                yield f"{asset}: the parties' cash is not what the bank received"
            unsettled[asset] -= _posted(accounts, SETTLED)
            owed[asset] -= _posted(accounts, receivables(""))
    yield from (f"{asset}: settled is not what was disbursed" for asset, amount in unsettled.items() if amount)
    for asset, amount in owed.items():
        if amount:
            yield f"{asset}: what providers owe is not what programmes have to get back"


def _posted(accounts: Mapping[str, Position], prefix: str) -> int:
    return sum(position.posted for account, position in accounts.items() if account.startswith(prefix))


def _is_currency(asset: str) -> bool:
    return len(asset) == 3 and asset.isupper()
