"""Patterns in what is claimed and paid: F2, F6, F8, F10, F12, F14 and F17."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, Final

from counterfoil.contract.limits import BPS
from counterfoil.contract.refusals import Code
from counterfoil.contract.times import DAY, HOUR, format_day, parse_day
from counterfoil.programme.values import MICRO, written
from counterfoil.reports.folding import Folded
from counterfoil.reports.pattern import (
    Alert,
    Pattern,
    Threshold,
    by_unit,
    days_of_use,
    programme_of,
    related,
    times,
)
from counterfoil.reports.tables import Ref, Row

Use = tuple[str, str, str]
"""(provider, first day, last day)"""
Paid = tuple[Use, str, str, Row]
"""(use, claimant, view, row)"""
_DAYS_A_WEEK: Final = 7

# F2 -------------------------------------------------------------------------------------------------------------------


def _after_payment(folded: Folded, thresholds: Mapping[str, int]) -> Iterator[Alert]:
    tables, within = folded.tables, thresholds["watch_days"] * DAY
    paid: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in tables.rows("payments", status="paid"):
        paid[row["programme_id"], row["provider_id"]].append(row)
    for row in tables.rows("credit_notes"):
        key = row["programme_id"], row["provider_id"]
        before = [each for each in paid.get(key, ()) if 0 <= row["booked_at"] - each["status_since"] <= within]
        if row["owed"] and before:
            refs = tables.refs("credit_notes", row["reversal_id"]) + tables.refs("reversals", row["reversal_id"])
            says = f"capture of {row['contract_id']} was reversed after {row['provider_id']} was paid"
            entities = row["provider_id"], row["beneficiary_id"]
            refs += tables.refs_of("payments", before[-1:])
            yield Alert(row["reversal_id"], key[:1], entities, row["owed"], says, refs)
    yield from _credited(folded, within)
    for row in tables.rows("clawbacks"):
        refs = tables.refs("clawbacks", row["clawback_id"])
        refs += tables.refs("payments", row["settlement_id"], row["provider_id"])
        says = f"a payment to {row['provider_id']} was taken back: {row['ground']}"
        yield Alert(row["clawback_id"], (row["programme_id"],), (row["provider_id"],), row["amount"], says, refs)


def _credited(folded: Folded, within: int) -> Iterator[Alert]:
    """Credit notes on invoices that were claimed, which took something back after it was paid."""
    tables = folded.tables
    for claim_id, taken in sorted(folded.credits.items()):
        claim = tables.get("claims", claim_id)
        payment = None if claim is None else tables.get("payments", claim["settlement_id"], claim["provider_id"])
        if claim is None or payment is None or payment["status"] != "paid":
            continue
        late = [each for each in taken if 0 <= each.time - payment["status_since"] <= within]
        if late:
            holders = dict.fromkeys(row["holder_id"] for row in tables.rows("invoice_credits", claim_id=claim_id))
            refs = tables.refs_of("invoice_credits", tables.rows("invoice_credits", claim_id=claim_id))
            yield Alert(
                subject=f"credit {claim_id}",
                programmes=(claim["programme_id"],),
                entities=tuple(dict.fromkeys((claim["provider_id"], *holders))),
                amount=sum(each.amount for each in late),
                says=f"the invoice of {claim_id} was credited after {claim['provider_id']} was paid",
                refs=(*refs, *(each.ref for each in late), *tables.refs_of("payments", [payment])),
            )


F2: Final = Pattern(
    id="F2",
    title="Invoice cancelled after payment",
    shows="Captures that were reversed, and invoices that were credited, after their claimant was paid; payments that"
    " an issuer took back.",
    hides="Invoices that are cancelled at the tax office and nobody says so here: ask there again in the watch window.",
    find=_after_payment,
    thresholds=(Threshold("watch_days", 180, "days", "from the payment to the reversal or the credit note"),),
)


# F6 and F12 -----------------------------------------------------------------------------------------------------------


def _uses(folded: Folded) -> dict[str, list[Paid]]:
    """By who had the use, what was paid of it, by claims on invoices and by contracts."""
    found: dict[str, list[Paid]] = defaultdict(list)
    for row in folded.tables.rows("invoice_claims", status="claimed"):
        for use in days_of_use(row):
            found[row["holder_id"]].append((use, row["claimant_id"], "invoice_claims", row))
    for row in folded.tables.rows("contracts"):
        if row["subsidy"]:
            first, last = row["first_hour"] * HOUR // DAY, (row["first_hour"] + row["hours"] - 1) * HOUR // DAY
            use = row["provider_id"], format_day(first), format_day(last)
            found[row["beneficiary_id"]].append((use, row["provider_id"], "contracts", row))
    return found


def _twice(folded: Folded, *, same_claimant: bool) -> Iterator[Alert]:
    """Days of use of one provider that are paid twice, of which a claim on an invoice is one."""
    for party_id, uses in sorted(_uses(folded).items()):
        for one, other in overlapping(uses):
            (use, claimant, view, row), (second, other_claimant, other_view, other_row) = one, other
            key = row["claim_id"], other_row.get("claim_id", other_row.get("contract_id"))
            if key[0] != key[1] and (claimant == other_claimant) is same_claimant:
                programmes = tuple(sorted({row["programme_id"], other_row["programme_id"]}))
                refs = folded.tables.refs_of(view, [row]) + folded.tables.refs_of(other_view, [other_row])
                yield Alert(
                    subject=" ".join(map(str, key)),
                    programmes=programmes,
                    entities=tuple(dict.fromkeys((party_id, claimant, other_claimant, use[0]))),
                    **_smaller(folded, row, other_row),
                    says=f"use of {use[0]} by {party_id} from {max(use[1], second[1])} on is in {key[0]} and {key[1]}",
                    refs=refs,
                )


def overlapping(uses: list[Paid]) -> Iterator[tuple[Paid, Paid]]:
    """Each two uses of one provider with a day in common, the first on an invoice, in the order of the uses.

    They are gone through by provider and first day; what ended before is left behind.
    """
    found: list[tuple[int, int]] = []
    lasting: dict[str, list[int]] = {}
    provider = None
    for nth in sorted(range(len(uses)), key=lambda nth: uses[nth][0]):
        (name, first, _), _, view, _ = uses[nth]
        if name != provider:
            provider, lasting = name, {"invoice_claims": [], "contracts": []}
        for other in ("invoice_claims", "contracts") if view == "invoice_claims" else ("invoice_claims",):
            lasting[other] = [each for each in lasting[other] if uses[each][0][2] >= first]
            for each in lasting[other]:
                of_invoices = view == other
                found.append((min(each, nth), max(each, nth)) if of_invoices else _invoice_first(uses, each, nth))
        lasting[view].append(nth)
    return ((uses[one], uses[other]) for one, other in sorted(found))


def _invoice_first(uses: list[Paid], one: int, other: int) -> tuple[int, int]:
    return (one, other) if uses[one][2] == "invoice_claims" else (other, one)


def _smaller(folded: Folded, one: Row, other: Row) -> dict[str, Any]:
    """What is at risk of two that were paid: the smaller; of two in different units the first."""
    unit, second = folded.unit(one["programme_id"]), folded.unit(other["programme_id"])
    return {"amount": min(one["subsidy"], other["subsidy"]) if unit == second else one["subsidy"], "unit": unit}


def _attempts(folded: Folded, refused: Mapping[Code, str | None]) -> Iterator[Alert]:
    """What was tried and refused, each party once. `refused`: codes, and the command where it is one of several."""
    found: dict[tuple[str, str], list[Ref]] = defaultdict(list)
    programmes: dict[tuple[str, str], dict[str, None]] = defaultdict(dict)
    for each in folded.attempts:
        if each.code in refused and refused[each.code] in (None, each.command):
            key = each.actor, each.code.value
            found[key].append(each.ref)
            programme_id = programme_of(folded, each.body)
            programmes[key].update({programme_id: None} if programme_id is not None else {})
    for (actor, code), refs in sorted(found.items()):
        says = f"a claim of {actor} was refused with {code}, {times(len(refs))}"
        yield Alert(f"refused {actor} {code}", tuple(programmes[actor, code]), (actor,), 0, says, tuple(refs))


def _double_claim(folded: Folded, _thresholds: Mapping[str, int]) -> Iterator[Alert]:
    yield from _twice(folded, same_claimant=True)
    yield from _same_evidence(folded)
    yield from _attempts(folded, {Code.INVOICE_ALREADY_CLAIMED: None, Code.REFERENCE_ALREADY_USED: "submit_claim"})


def _same_evidence(folded: Folded) -> Iterator[Alert]:
    """One document as evidence of two claims on invoices; a contract may well be evidence of several."""
    used: dict[str, list[Row]] = defaultdict(list)
    for row in folded.tables.rows("invoice_claims", status="claimed"):
        for each in row["evidence"]:
            if each["type"] == "INVOICE":
                used[each["sha256"]].append(row)
    for digest, rows in sorted(used.items()):
        if len({row["claim_id"] for row in rows}) > 1:
            for unit, alike in by_unit(folded, rows):
                paid = sorted(row["subsidy"] for row in alike)
                yield Alert(
                    subject=f"evidence {digest}" if len(alike) == len(rows) else f"evidence {digest} {unit}",
                    programmes=tuple(sorted({row["programme_id"] for row in rows})),
                    entities=tuple(sorted({row["claimant_id"] for row in rows})),
                    amount=sum(paid[:-1]) if len(alike) == len(rows) else sum(paid),
                    says=f"one document is the invoice of {len(rows)} claims",
                    refs=folded.tables.refs_of("invoice_claims", rows),
                    unit=unit,
                )


F6: Final = Pattern(
    id="F6",
    title="Double claim",
    shows="Days of use of one provider that one party was paid for twice, in one programme or in two; one document as"
    " the invoice of several claims; invoices that were claimed again, and refused.",
    hides="What is claimed from programmes that are not in these logs.",
    find=_double_claim,
)


def _both_sides(folded: Folded, _thresholds: Mapping[str, int]) -> Iterator[Alert]:
    yield from _twice(folded, same_claimant=False)
    yield from _attempts(folded, {Code.USE_ALREADY_CLAIMED: None})


F12: Final = Pattern(
    id="F12",
    title="Both sides claim",
    shows="Days of use that the provider was paid for, and its customer as well; claims of the second side that were"
    " refused.",
    hides="Claims outside these logs.",
    find=_both_sides,
)


# F8 -------------------------------------------------------------------------------------------------------------------


def _inflated(folded: Folded, thresholds: Mapping[str, int]) -> Iterator[Alert]:
    yield from _inflated_trades(folded, thresholds)
    yield from _inflated_lines(folded, thresholds)


def _inflated_lines(folded: Folded, thresholds: Mapping[str, int]) -> Iterator[Alert]:
    """Prices of a unit, without tax, that invoices have for the same class, by the week in which its use ended."""
    markets: dict[tuple[object, ...], list[Row]] = defaultdict(list)
    for row in folded.tables.rows("invoice_claims", status="claimed"):
        for line in row["basis"]["lines"]:
            quantity = int(line["quantity"])
            if line["class_id"] is not None and line["provider_id"] is not None and quantity:
                week = row["claimed_at"] // DAY if line["ends"] is None else parse_day(line["ends"])
                price = (int(line["amount"]) - int(line["tax"])) * MICRO // quantity
                known = {"price": price, "provider_id": line["provider_id"], "quantity": quantity, "line": line["id"]}
                currency = folded.unit(row["programme_id"])
                markets[line["class_id"], line["unit"], currency, week // _DAYS_A_WEEK].append({**known, "claim": row})
    for (class_id, measure, *_), lines in markets.items():
        medians = _medians_of_others(lines, thresholds["peers"])
        for each in lines:
            median, claim = medians.get(each["provider_id"]), each["claim"]
            ceiling = None if median is None else median * thresholds["of_median_bps"] // BPS
            if ceiling is not None and each["price"] > ceiling:
                what = f"{measure or 'unit'} of {class_id}; the median of others is {written(median or 0)}"
                yield Alert(
                    subject=f"{claim['claim_id']} {each['line']}",
                    programmes=(claim["programme_id"],),
                    entities=tuple(dict.fromkeys((each["provider_id"], claim["holder_id"]))),
                    amount=(each["price"] - ceiling) * each["quantity"] // MICRO,
                    says=f"{written(each['price'])} for a {what}",
                    refs=folded.tables.refs_of("invoice_claims", [claim]),
                )


def _inflated_trades(folded: Folded, thresholds: Mapping[str, int]) -> Iterator[Alert]:
    """Prices of a GPU-hour against the median of what others asked for the same class in the same week."""
    markets: dict[tuple[object, ...], list[Row]] = defaultdict(list)
    for row in folded.tables.rows("trades"):
        week = row["matched_at"] // DAY // _DAYS_A_WEEK
        markets[row["class_id"], row["currency"], week].append(row)
    for (class_id, *_), rows in markets.items():
        medians = _medians_of_others(rows, thresholds["peers"])
        for row in rows:
            median = medians.get(row["provider_id"])
            if median is None:
                continue
            ceiling = median * thresholds["of_median_bps"] // BPS
            if row["price"] > ceiling:
                hours = row["nodes"] * row["gpus_per_node"] * row["hours"]
                says = (
                    f"{written(row['price'])} for a GPU-hour of {class_id}; the median of others is {written(median)}"
                )
                refs = folded.tables.refs("trades", row["trade_id"])
                entities = row["provider_id"], row["beneficiary_id"]
                amount = (row["price"] - ceiling) * hours
                yield Alert(row["trade_id"], (row["programme_id"],), entities, amount, says, refs, row["currency"])


def _medians_of_others(trades: list[Row], least: int) -> dict[str, int]:
    """Of each provider the median price of all others' trades, of two the lower; without so many there is none."""
    ordered = sorted((row["price"], row["provider_id"]) for row in trades)
    own: dict[str, list[int]] = defaultdict(list)
    for place, (_, provider_id) in enumerate(ordered):
        own[provider_id].append(place)
    found = {}
    for provider_id, places in own.items():
        others = len(ordered) - len(places)
        if others >= max(least, 1):
            middle = (others - 1) // 2
            for place in places:  # each of its own up to there moves the middle of the others on
                middle += place <= middle
            found[provider_id] = ordered[middle][0]
    return found


F8: Final = Pattern(
    id="F8",
    title="Inflated price",
    shows="Trades, and lines of claimed invoices with class and quantity, above a multiple of the median price that"
    " other providers had for the same class in the same week. At risk is what is above that.",
    hides="Prices of lines that name no class or no quantity, and what comes back outside the ledger.",
    find=_inflated,
    thresholds=(
        Threshold(
            "of_median_bps", 15_000, "hundredths of a per cent", "of the median, above which a price is inflated"
        ),
        Threshold("peers", 3, "trades or lines", "of other providers, without which there is no median"),
    ),
)


# F10 ------------------------------------------------------------------------------------------------------------------


def _wrong_facts(folded: Folded, _thresholds: Mapping[str, int]) -> Iterator[Alert]:
    """Facts that a grant was judged by, and that were attested otherwise later, for the same day."""
    tables = folded.tables
    stated: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for row in tables.rows("facts"):
        stated[row["party_id"], row["name"], row["line"]].append(row)
    for row in tables.rows("applications", status="approved"):
        for fact in row["facts"] or ():
            for later in stated.get((row["beneficiary_id"], fact["name"], fact["line"] or ""), ()):
                is_later = later["attested_at"] > row["decided_at"] and later["since"] <= fact["on"]
                is_its = later["application_id"] in ("", row["application_id"])
                if is_later and is_its and later["stated"] != fact["values"]:
                    names = ("party_id", "application_id", "line", "name", "attested_by")
                    refs = tables.refs("applications", row["application_id"])
                    refs += tables.refs("facts", *(later[name] for name in names))
                    yield Alert(
                        subject=f"{row['application_id']} {fact['line'] or ''} {fact['name']}",
                        programmes=(row["programme_id"],),
                        entities=(row["beneficiary_id"], later["attested_by"]),
                        amount=row["subsidy"],
                        says=f"{fact['name']} was attested otherwise after the grant, since {later['since']}",
                        refs=refs,
                    )


F10: Final = Pattern(
    id="F10",
    title="Wrong tier: facts that were not so",
    shows="Facts that a grant was judged by, and that were attested with other values afterwards, for the day of the"
    " fact or before it.",
    hides="What nobody attests: inventories of hardware, and registers that are not asked again.",
    find=_wrong_facts,
)


# F14 ------------------------------------------------------------------------------------------------------------------


def _burnt(folded: Folded, thresholds: Mapping[str, int]) -> Iterator[Alert]:
    tables = folded.tables
    for row in tables.rows("vouchers"):
        days = folded.flows.redeemed.get(row["voucher_id"])
        if days is None:
            continue
        last = row["expires_at"] // DAY
        late = sum(amount for day, amount in days.items() if day > last - thresholds["last_days"])
        whole = sum(days.values())
        life = last - row["issued_at"] // DAY
        is_long = life >= thresholds["least_life_days"]
        if is_long and late * BPS >= whole * thresholds["share_bps"] and late * BPS >= row["face"] * BPS // 2:
            refs = tables.refs("vouchers", row["voucher_id"]) + tables.refs("vouchers_balance", row["voucher_id"])
            says = f"{written(late)} of {written(row['face'])} of {row['voucher_id']} were used in its last days"
            yield Alert(row["voucher_id"], (row["programme_id"],), (row["beneficiary_id"],), late, says, refs)


F14: Final = Pattern(
    id="F14",
    title="Idle use to avoid expiry",
    shows="Vouchers of which most was used in the last days before they ended, and half of the face at least.",
    hides="Whether the machines worked: the logs have minutes of use, no input and output. It may only be flagged.",
    find=_burnt,
    thresholds=(
        Threshold("last_days", 14, "days", "before the end"),
        Threshold("share_bps", 8_000, "hundredths of a per cent", "of all that was used of the voucher"),
        Threshold("least_life_days", 60, "days", "that a voucher lasts; shorter ones end soon anyway"),
    ),
)


# F17 ------------------------------------------------------------------------------------------------------------------


def _collusion(folded: Folded, thresholds: Mapping[str, int]) -> Iterator[Alert]:
    tables = folded.tables
    done = list(tables.rows("transfers", status="accepted"))
    for first, second in _there_and_back(done):
        apart = abs(second["status_since"] - first["status_since"])
        if apart <= thresholds["within_days"] * DAY:
            refs = tables.refs_of("transfers", [first, second])
            entities = first["holder_id"], first["receiver_id"]
            says = f"value went from {entities[0]} to {entities[1]}, and back within {apart // DAY} days"
            amount = min(first["amount"], second["amount"])
            key = f"{first['transfer_id']} {second['transfer_id']}"
            yield Alert(key, (first["programme_id"],), entities, amount, says, refs)
    low, high = thresholds["low_bps"], thresholds["high_bps"]
    for row in done:
        odd = row["price"] * BPS < row["amount"] * low or row["price"] * BPS > row["amount"] * high
        if odd and not related(folded, row["holder_id"], row["receiver_id"]):
            says = f"{written(row['amount'])} changed hands for {written(row['price'])}"
            refs, entities = tables.refs_of("transfers", [row]), (row["holder_id"], row["receiver_id"])
            yield Alert(f"price {row['transfer_id']}", (row["programme_id"],), entities, row["amount"], says, refs)
    for row in tables.rows("prevented_matches"):
        entities = tuple(each for each in (row["beneficiary_id"], row["provider_id"]) if each is not None)
        says = f"{row['bid_id']} would have traded with {row['offer_id']} of the same group; it was prevented"
        refs = tables.refs_of("prevented_matches", [row])
        programmes = () if row["programme_id"] is None else (row["programme_id"],)
        yield Alert(f"{row['bid_id']} {row['offer_id']}", programmes, entities, 0, says, refs)


def _there_and_back(transfers: list[Row]) -> Iterator[tuple[Row, Row]]:
    """Each two transfers of a programme of which one goes the way of the other back."""
    ways: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for row in transfers:
        for earlier in ways.get((row["programme_id"], row["receiver_id"], row["holder_id"]), ()):
            yield earlier, row
        ways[row["programme_id"], row["holder_id"], row["receiver_id"]].append(row)


F17: Final = Pattern(
    id="F17",
    title="Collusive trading",
    shows="Vouchers that go from one party to another and back in a short time; transfers between unrelated parties far"
    " from their worth; bids that would have met an offer of their own group, and were prevented.",
    hides="What is paid beside the ledger's price.",
    find=_collusion,
    thresholds=(
        Threshold("within_days", 30, "days", "from a transfer to the one back"),
        Threshold("low_bps", 5_000, "hundredths of a per cent", "of what is handed on, below which a price is odd"),
        Threshold("high_bps", 10_500, "hundredths of a per cent", "above which it is"),
    ),
)
