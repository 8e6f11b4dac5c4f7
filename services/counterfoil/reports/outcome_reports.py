"""R11, how providers perform; R12, what a programme achieves and for whom."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from counterfoil.contract.limits import BPS
from counterfoil.contract.times import DAY, HOUR, SECOND
from counterfoil.reports.folding import Folded
from counterfoil.reports.pattern import group_of
from counterfoil.reports.report import Report, columns, places, share
from counterfoil.reports.tables import Row

_MINUTES: Final = 60


def median(values: Iterable[int]) -> int | None:
    """The middle of the values, of two the lower; None of none."""
    known = sorted(values)
    return known[(len(known) - 1) // 2] if known else None


# R11 ------------------------------------------------------------------------------------------------------------------


def _providers(folded: Folded, programme_id: str) -> Iterator[Row]:
    tables = folded.tables
    offered: Counter[str] = Counter()
    sold: Counter[str] = Counter()
    for row in tables.rows("offers"):
        if row["priority"] is not None:
            offered[row["provider_id"]] += row["nodes"] * (row["window_end"] - row["window_start"])
            sold[row["provider_id"]] += row["sold_node_hours"]
    prices: dict[str, list[int]] = defaultdict(list)
    for row in tables.rows("trades"):
        prices[f"{row['class_id']} {row['currency']}"].append(row["price"])
    medians = {name: median(values) for name, values in prices.items()}
    for row in tables.rows("listings", programme_id=programme_id):
        name = row["provider_id"]
        yield {
            "provider_id": name,
            "listed_at": row["listed_at"],
            "status": row["status"],
            "status_reason": row["status_reason"],
            "offered_node_hours": offered[name],
            "sold_node_hours": sold[name],
            "utilisation_bps": share(sold[name], offered[name]),
            **_deliveries(folded, programme_id, name, medians),
            **_claims(folded, programme_id, name),
            "entries": places(tables.refs("listings", programme_id, name)),
        }


def _deliveries(folded: Folded, programme_id: str, name: str, medians: dict[str, int | None]) -> dict[str, Any]:
    tables = folded.tables
    contracts = list(tables.rows("contracts", programme_id=programme_id, provider_id=name))
    ends = Counter(row["status"] for row in contracts)
    reports = list(tables.rows("reports", programme_id=programme_id, provider_id=name))
    against = []
    for row in tables.rows("trades", programme_id=programme_id, provider_id=name):
        of_class = medians[f"{row['class_id']} {row['currency']}"]
        against.append(row["price"] * BPS // of_class if of_class else BPS)
    return {
        "contracts": len(contracts),
        **{status: ends[status] for status in ("completed", "cancelled", "defaulted")},
        "gpu_hours": sum(row["accepted_gpu_minutes"] for row in contracts) // _MINUTES,
        "invoiced": sum(row["invoiced"] for row in contracts),
        "price_to_median_bps": median(against),
        "reports": len(reports),
        "disputed": sum(row["disputed_by"] is not None or row["dispute_reason"] is not None for row in reports),
    }


def _claims(folded: Folded, programme_id: str, name: str) -> dict[str, Any]:
    claims = list(folded.tables.rows("claims", programme_id=programme_id, provider_id=name))
    decided = [row for row in claims if row["status"] != "submitted"]
    claimed = sum(row["amount"] for row in decided)
    waited = [row["status_since"] - row["submitted_at"] for row in claims if row["status"] == "paid"]
    days = median(waited)
    return {
        "claimed": claimed,
        "cut_bps": share(claimed - sum(row["approved"] for row in decided), claimed),
        "rejected": sum(row["status"] == "rejected" for row in decided),
        "days_to_pay": None if days is None else days // DAY,
    }


R11: Final = Report(
    id="R11",
    title="Provider performance",
    readers="owner",
    says="Each provider that was ever listed: what it offered and sold in all programmes, and in this one what it"
    " delivered, at which price, what was disputed, and how its claims went.",
    columns=columns(
        "provider_id text: the provider",
        "listed_at time: when it was listed last",
        "status text: listed, suspended or delisted",
        "status_reason text: why",
        "offered_node_hours int/node-hours: of offers that came onto the book, in all programmes",
        "sold_node_hours int/node-hours: of these",
        "utilisation_bps bps: sold of offered",
        "contracts int: in this programme, as all that follows",
        "completed int: of the contracts",
        "cancelled int: by both sides",
        "defaulted int: not delivered",
        "gpu_hours int/GPU-hours: accepted, rounded down",
        "invoiced amount: accepted, subsidy and co-payment together",
        "price_to_median_bps bps: the median over its trades of its price to the median price of the class in all logs",
        "reports int: of usage",
        "disputed int: of them",
        "claimed amount: in claims that were decided",
        "cut_bps bps: not approved of it",
        "rejected int: claims that were rejected",
        "days_to_pay int/days: the median from a claim to its payment, rounded down",
        "entries json: of issuance, about its listing",
    ),
    rows=_providers,
    lacks="Capacity that was never offered, and the share of domestic chips: the class of an offer names a chip, and no"
    " log says where it was made.",
)


# R12 ------------------------------------------------------------------------------------------------------------------

_MANY: Final = 24
"""A fact with more values than this is no group, but a measurement; so is one with numbers."""
_NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII)
K_ANONYMOUS: Final = 3
"""Of fewer groups than this no sum is shown, as in market data."""


def _outcome(folded: Folded, programme_id: str) -> Iterator[Row]:
    tables = folded.tables
    vouchers = [row for row in tables.rows("vouchers", programme_id=programme_id) if row["restored_from"] is None]
    balances = list(tables.rows("vouchers_balance", programme_id=programme_id))  # of restored ones as well
    redeemed, expired = (sum(row[name] for row in balances) for name in ("redeemed", "expired"))
    granted = sum(row["face"] for row in vouchers)
    buyers = {row["beneficiary_id"] for row in vouchers}
    minutes = subsidy = 0
    for row in tables.rows("contracts", programme_id=programme_id):
        minutes, subsidy = minutes + row["accepted_gpu_minutes"], subsidy + row["subsidy"]
    yield _metric("all", beneficiaries=len(buyers), granted=granted, redeemed=redeemed)
    yield _metric("first vouchers of their holders", **_first_time(folded, vouchers))
    yield _metric("expired unused", amount=expired, share_bps=share(expired, granted))
    yield _metric("subsidy per GPU-hour, of contracts", amount=subsidy * _MINUTES // minutes if minutes else None)
    yield from _times(folded, programme_id)
    yield from _refused(folded, programme_id)
    yield from _by_fact(folded, programme_id)


def _metric(group: str, **known: int | None) -> Row:
    return {**dict.fromkeys(each.name for each in R12.columns), "group": group, **known}


def _first_time(folded: Folded, vouchers: Sequence[Row]) -> dict[str, int | None]:
    """Who had no voucher of any programme before."""
    first: dict[str, tuple[int, str]] = {}
    for row in folded.tables.rows("vouchers"):
        place = row["issued_at"], row["voucher_id"]
        first[row["beneficiary_id"]] = min(place, first.get(row["beneficiary_id"], place))
    here = {row["voucher_id"] for row in vouchers}
    new = {party_id for party_id, (_, voucher_id) in first.items() if voucher_id in here}
    return {"beneficiaries": len(new), "share_bps": share(len(new), len({row["beneficiary_id"] for row in vouchers}))}


def _times(folded: Folded, programme_id: str) -> Iterator[Row]:
    applications = list(folded.tables.rows("applications", programme_id=programme_id))
    decided = [row["decided_after_seconds"] for row in applications if row["decided_after_seconds"] is not None]
    yield _metric("from application to decision", cases=len(decided), median_hours=_hours(decided, SECOND))
    paid = [
        row["status_since"] - row["submitted_at"]
        for row in folded.tables.rows("claims", programme_id=programme_id, status="paid")
    ]
    yield _metric("from claim to payment", cases=len(paid), median_hours=_hours(paid, 1))


def _hours(values: Sequence[int], unit: int) -> int | None:
    middle = median(values)
    return None if middle is None else middle * unit // HOUR


def _refused(folded: Folded, programme_id: str) -> Iterator[Row]:
    """Why applications were rejected: by the code of the document's refusal, or else as decided by a person."""
    why: Counter[str] = Counter()
    for row in folded.tables.rows("applications", programme_id=programme_id, status="rejected"):
        why[row["refusal"] or "decided so"] += 1
    for reason, number in sorted(why.items()):
        yield _metric(f"applications rejected: {reason}", cases=number)
    claims: Counter[str] = Counter(
        row["status"] for row in folded.tables.rows("claims", programme_id=programme_id) if row["status"] == "rejected"
    )
    if claims:
        yield _metric("claims rejected", cases=claims["rejected"])


def _by_fact(folded: Folded, programme_id: str) -> Iterator[Row]:
    """The beneficiaries by each fact that is known of them and has few values, such as region, sector or size.

    What few groups got is not told, nor what tells it by the sum of all; nor is a measurement, which may be of one
    party.
    """
    granted: Counter[str] = Counter()
    redeemed: Counter[str] = Counter()
    for row in folded.tables.rows("vouchers", programme_id=programme_id):
        granted[row["beneficiary_id"]] += row["face"] if row["restored_from"] is None else 0
        balance = folded.tables.get("vouchers_balance", row["voucher_id"]) or {}
        redeemed[row["beneficiary_id"]] += balance.get("redeemed", 0)
    stated: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for row in folded.tables.rows("facts", application_id="", line=""):
        if row["party_id"] in granted:
            stated[row["name"]][" ".join(row["stated"])].add(row["party_id"])
    groups = {each: group_of(folded, each) for each in granted}
    for name, values in sorted(stated.items()):
        if len(values) <= _MANY and not any(_NUMBER.fullmatch(value) for value in values):
            told = _told(values, groups)
            for value, parties in sorted(values.items()):
                sums = {"granted": granted, "redeemed": redeemed} if value in told else {}
                amounts = {column: sum(of[each] for each in parties) for column, of in sums.items()}
                yield _metric(f"{name}: {value}", beneficiaries=len(parties), **amounts)


def _told(values: Mapping[str, set[str]], groups: Mapping[str, str]) -> set[str]:
    """The values of a fact whose sums are shown: neither of few groups, nor do all less these tell the sum of few."""
    of_value = {value: {groups[each] for each in parties} for value, parties in values.items()}
    told = {value for value, names in of_value.items() if len(names) >= K_ANONYMOUS}
    everybody = set(groups.values())
    while told and 0 < len(everybody.difference(*(of_value[each] for each in told))) < K_ANONYMOUS:
        told.remove(min(told, key=lambda each: (len(of_value[each]), each)))
    return told


R12: Final = Report(
    id="R12",
    title="Outcome and fairness",
    readers="owner, parliament",
    says="Who was granted and used how much, all together and by each fact that is known of the beneficiaries; how long"
    " decisions and payments took; why applications were rejected.",
    columns=columns(
        "group text: of whom, or of what",
        "beneficiaries int: how many",
        "cases int: applications or claims",
        f"granted amount: face of their vouchers; by fact, null of fewer than {K_ANONYMOUS}"
        " groups, and where the sum of all would tell what these got",
        "redeemed amount: of these, likewise",
        "amount amount: what the group names",
        "share_bps bps: of all beneficiaries, or of all that was granted",
        "median_hours int/hours: rounded down",
    ),
    rows=_outcome,
    lacks="Models released, products and publications: no log has them. Shares of domestic chips: see R11.",
)
