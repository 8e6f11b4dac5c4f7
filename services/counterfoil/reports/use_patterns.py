"""Patterns in how vouchers are used: F1, F5 and F13."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Final

from counterfoil.contract.limits import BPS
from counterfoil.contract.times import DAY
from counterfoil.programme.values import written
from counterfoil.reports.folding import Folded
from counterfoil.reports.pattern import Alert, Pattern, Threshold, by_unit, related
from counterfoil.reports.tables import Row

_MINUTES: Final = 60

# F1 -------------------------------------------------------------------------------------------------------------------


def _no_delivery(folded: Folded, thresholds: Mapping[str, int]) -> Iterator[Alert]:
    yield from _not_accepted(folded, thresholds["reports"], thresholds["short_bps"])
    yield from _never_confirmed(folded, thresholds["unconfirmed"])
    yield from _nothing_but_invoices(folded, thresholds["bare_claims"])


def _not_accepted(folded: Folded, least: int, short: int) -> Iterator[Alert]:
    """A provider again and again reports more use than is accepted."""
    found: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in folded.tables.rows("reports"):
        if row["accepted_gpu_minutes"] is not None:
            found[row["programme_id"], row["provider_id"]].append(row)
    for (programme_id, provider_id), rows in sorted(found.items()):
        cut = [row for row in rows if row["accepted_gpu_minutes"] < row["gpu_minutes"]]
        reported = sum(row["gpu_minutes"] for row in rows)
        missing = sum(row["gpu_minutes"] - row["accepted_gpu_minutes"] for row in cut)
        if cut and len(cut) >= least and missing * BPS >= reported * short:
            yield Alert(
                subject=f"reported {programme_id} {provider_id}",
                programmes=(programme_id,),
                entities=(provider_id, *sorted({row["beneficiary_id"] for row in cut})),
                amount=sum(row["amount"] - row["accepted_amount"] for row in cut),
                says=f"of {reported // _MINUTES} GPU-hours that {provider_id} reported, {missing // _MINUTES} were not"
                f" accepted, in {len(cut)} reports",
                refs=folded.tables.refs_of("reports", cut),
            )


def _never_confirmed(folded: Folded, least: int) -> Iterator[Alert]:
    """Contracts of two parties, each of them used to the full to the last minute, which the buyer never confirmed."""
    reports: dict[str, list[Row]] = defaultdict(list)
    for row in folded.tables.rows("reports"):
        reports[row["contract_id"]].append(row)
    found: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for row in folded.tables.rows("contracts", status="completed"):
        found[row["programme_id"], row["provider_id"], row["beneficiary_id"]].append(row)
    for (programme_id, provider_id, beneficiary_id), rows in sorted(found.items()):
        silent = all(_is_silent(row, reports[row["contract_id"]]) for row in rows)
        if silent and len(rows) >= least:
            refs = [ref for row in rows for ref in folded.tables.refs_of("reports", reports[row["contract_id"]])]
            yield Alert(
                subject=f"unconfirmed {programme_id} {provider_id} {beneficiary_id}",
                programmes=(programme_id,),
                entities=(provider_id, beneficiary_id),
                amount=sum(row["subsidy"] for row in rows),
                says=f"{len(rows)} contracts were used to the last minute, says {provider_id}; {beneficiary_id} never"
                " said so",
                refs=tuple(refs),
            )


def _is_silent(contract: Row, reports: list[Row]) -> bool:
    whole = contract["nodes"] * contract["gpus_per_node"] * contract["hours"] * _MINUTES
    return contract["accepted_gpu_minutes"] == whole and all(each["accepted_by"] == "window" for each in reports)


def _nothing_but_invoices(folded: Folded, least: int) -> Iterator[Alert]:
    found: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in folded.tables.rows("invoice_claims", status="claimed"):
        if {each["type"] for each in row["evidence"]} <= {"INVOICE"}:
            found[row["programme_id"], row["claimant_id"]].append(row)
    for (programme_id, claimant_id), rows in sorted(found.items()):
        if len(rows) >= least:
            yield Alert(
                subject=f"invoices {programme_id} {claimant_id}",
                programmes=(programme_id,),
                entities=tuple(dict.fromkeys((claimant_id, *(row["holder_id"] for row in rows)))),
                amount=sum(row["subsidy"] for row in rows),
                says=f"{len(rows)} claims of {claimant_id} have no document of the use, but invoices alone",
                refs=folded.tables.refs_of("invoice_claims", rows),
            )


F1: Final = Pattern(
    id="F1",
    title="Fake contract, no delivery",
    shows="Providers that report more use than is accepted, again and again; contracts that one side says were used to"
    " the last minute, and that the other never confirmed; claims with no document but invoices.",
    hides="Whether machines ran: the logs have what both sides say. A signed meter or a third party's check on site"
    " tells.",
    find=_no_delivery,
    thresholds=(
        Threshold("reports", 3, "reports", "so many of one provider in one programme, of which less was accepted"),
        Threshold("short_bps", 2_000, "hundredths of a per cent", "of all that it reported, not accepted"),
        Threshold("unconfirmed", 10, "contracts", "so many of the same two parties, none of them confirmed"),
        Threshold("bare_claims", 3, "claims", "so many of one claimant without a document of the use"),
    ),
)


# F5 -------------------------------------------------------------------------------------------------------------------


def _resold(folded: Folded, thresholds: Mapping[str, int]) -> Iterator[Alert]:
    yield from _drained(folded, thresholds["drained_days"] * DAY, thresholds["share_bps"])
    yield from _sold(folded, thresholds["sold_days"] * DAY, thresholds["share_bps"])


def _drained(folded: Folded, within: int, least: int) -> Iterator[Alert]:
    """Vouchers that one provider took nearly whole as soon as they paid. Claims on invoices are for earlier use."""
    tables = folded.tables
    providers: dict[str, set[str]] = defaultdict(set)
    for contract_id, drawn in folded.flows.drawn.items():
        row = tables.get("contracts", contract_id)
        for voucher_id in drawn:
            providers[voucher_id].add("" if row is None else row["provider_id"])
    for row in tables.rows("vouchers"):
        days, names = folded.flows.redeemed.get(row["voucher_id"]), providers[row["voucher_id"]]
        if days is None or row["restored_from"] is not None or len(names) != 1 or "" in names:
            continue
        begins = max(row["issued_at"], row["not_before"])
        early = sum(amount for day, amount in days.items() if day * DAY <= begins + within)
        if early and early * BPS >= row["face"] * least:
            (provider_id,) = names
            refs = tables.refs("vouchers", row["voucher_id"]) + tables.refs("vouchers_balance", row["voucher_id"])
            yield Alert(
                subject=f"drained {row['voucher_id']}",
                programmes=(row["programme_id"],),
                entities=(row["beneficiary_id"], provider_id),
                amount=early,
                says=f"{written(early)} of {written(row['face'])} went to {provider_id} as soon as the voucher paid",
                refs=refs,
            )


def _sold(folded: Folded, within: int, least: int) -> Iterator[Alert]:
    """Vouchers that their beneficiaries sell nearly whole, soon after they were granted."""
    tables = folded.tables
    for row in tables.rows("transfers", status="accepted"):
        voucher = tables.get("vouchers", row["voucher_id"])
        if voucher is None or not row["price"] or row["holder_id"] != voucher["beneficiary_id"]:
            continue
        soon = row["status_since"] - voucher["issued_at"] <= within and voucher["restored_from"] is None
        if soon and row["amount"] * BPS >= voucher["face"] * least:
            if related(folded, row["holder_id"], row["receiver_id"]):
                continue
            refs = tables.refs("vouchers", row["voucher_id"]) + tables.refs_of("transfers", [row])
            says = (
                f"{row['holder_id']} sold {written(row['amount'])} of {written(voucher['face'])} soon after its grant"
            )
            entities = row["holder_id"], row["receiver_id"]
            yield Alert(f"sold {row['transfer_id']}", (row["programme_id"],), entities, row["amount"], says, refs)


F5: Final = Pattern(
    id="F5",
    title="Resale of the voucher's use",
    shows="Vouchers of which nearly all went to one provider as soon as they paid, or was sold to somebody unrelated"
    " soon after the grant, also where the programme permits it.",
    hides="Who used the machines: addresses, tenants and keys of the workload are with the provider, in no log.",
    find=_resold,
    thresholds=(
        Threshold("drained_days", 1, "days", "from the first day that it pays"),
        Threshold("sold_days", 7, "days", "from the grant to the sale"),
        Threshold("share_bps", 9_500, "hundredths of a per cent", "of the face"),
    ),
)


# F13 ------------------------------------------------------------------------------------------------------------------


def _relabelled(folded: Folded, _thresholds: Mapping[str, int]) -> Iterator[Alert]:
    """One document that is to show the use of several customers. A contract may well be with several."""
    used: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in folded.tables.rows("invoice_claims", status="claimed"):
        for each in row["evidence"]:
            if each["type"] != "INVOICE" and not each["type"].endswith("CONTRACT"):
                used[each["sha256"], each["type"]].append(row)
    for (digest, kind), rows in sorted(used.items()):
        holders = sorted({row["holder_id"] for row in rows})
        for unit, alike in by_unit(folded, rows) if len(holders) > 1 else ():
            paid = sorted(row["subsidy"] for row in alike)
            one = len(alike) == len(rows)
            yield Alert(
                subject=f"{kind} {digest}" if one else f"{kind} {digest} {unit}",
                programmes=tuple(sorted({row["programme_id"] for row in rows})),
                entities=tuple(dict.fromkeys((*(row["claimant_id"] for row in rows), *holders))),
                amount=sum(paid[:-1]) if one else sum(paid),
                says=f"one {kind} shows the use of {len(holders)} customers",
                refs=folded.tables.refs_of("invoice_claims", rows),
                unit=unit,
            )


F13: Final = Pattern(
    id="F13",
    title="One device sold twice",
    shows="One record of use, certificate or other document, but for contracts and invoices, in claims for the use of"
    " several customers.",
    hides="Which device ran: offers are of nodes, and no log has the identity of a device, which it would have to"
    " attest itself.",
    find=_relabelled,
)
