"""Patterns in who deals with whom: F3, F4, F7, F11, F18 and F19."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Final

from counterfoil.contract.refusals import Code
from counterfoil.contract.times import DAY
from counterfoil.reports.folding import Folded
from counterfoil.reports.pattern import (
    Alert,
    Pattern,
    Threshold,
    by_unit,
    densest,
    facts_of,
    group_of,
    programme_of,
    related,
    times,
)
from counterfoil.reports.tables import Ref, Row

# F3 -------------------------------------------------------------------------------------------------------------------


def _self_dealing(folded: Folded, _thresholds: Mapping[str, int]) -> Iterator[Alert]:
    tables = folded.tables
    dealt: dict[tuple[str, str, str], list[tuple[int, tuple[Ref, ...]]]] = defaultdict(list)
    for row in tables.rows("contracts"):
        sides = row["provider_id"], row["beneficiary_id"]
        if related(folded, *sides):
            refs = tables.refs("contracts", row["contract_id"])
            dealt[row["programme_id"], *sides].append((row["subsidy"], refs))
    for row in tables.rows("invoice_claims"):
        named = {line["provider_id"] for line in row["basis"]["lines"]} | {row["claimant_id"]}
        for provider_id in sorted(each for each in named if each not in (None, row["holder_id"])):
            if related(folded, provider_id, row["holder_id"]):
                refs = tables.refs("invoice_claims", row["claim_id"])
                key = row["programme_id"], provider_id, row["holder_id"]
                dealt[key].append((row["subsidy"] - row["not_paid"], refs))
    for (programme_id, provider_id, beneficiary_id), found in sorted(dealt.items()):
        yield Alert(
            subject=f"{programme_id} {provider_id} {beneficiary_id}",
            programmes=(programme_id,),
            entities=(provider_id, beneficiary_id),
            amount=sum(amount for amount, _ in found),
            says=f"{beneficiary_id} spent with {provider_id}, and both are in group {group_of(folded, provider_id)}",
            refs=(*facts_of(folded, provider_id, beneficiary_id), *(ref for _, refs in found for ref in refs)),
        )
    yield from _refused(folded, Code.DUTIES_NOT_SEPARATE, ("list_provider", "issue_voucher", "place_bid"))


def _refused(folded: Folded, code: Code, commands: tuple[str, ...]) -> Iterator[Alert]:
    """What was tried and refused: once per party, command and programme."""
    found: dict[tuple[str, str, str], list[Ref]] = defaultdict(list)
    for each in folded.attempts:
        if each.code is code and each.command in commands:
            key = each.actor, each.command, programme_of(folded, each.body) or ""
            found[key].append(each.ref)
    for (actor, command, programme_id), refs in sorted(found.items()):
        yield Alert(
            subject=f"refused {actor} {command} {programme_id}",
            programmes=(programme_id,) if programme_id else (),
            entities=(actor,),
            amount=0,
            says=f"{command} of {actor} was refused with {code.value}, {times(len(refs))}",
            refs=tuple(refs),
        )


F3: Final = Pattern(
    id="F3",
    title="Self-dealing of provider and start-up",
    shows="Contracts, and claims on invoices, between parties of one group, as relations are known now: those that were"
    " attested only after the deal among them. Commands that were refused for such a relation.",
    hides="Relations that nobody attested: shared addresses, directors, telephones and bank accounts.",
    find=_self_dealing,
)


# F4 -------------------------------------------------------------------------------------------------------------------


def _kickbacks(folded: Folded, thresholds: Mapping[str, int]) -> Iterator[Alert]:
    yield from _same_baskets(folded, thresholds["same_baskets"], thresholds["within_days"] * DAY)
    yield from _repeated_defaults(folded, thresholds["defaults"])


def _same_baskets(folded: Folded, least: int, within: int) -> Iterator[Alert]:
    """One provider, many buyers, the same order to the cent, in a short time."""
    baskets: dict[tuple[object, ...], list[Row]] = defaultdict(list)
    for row in folded.tables.rows("contracts"):
        names = ("programme_id", "provider_id", "nodes", "gpus_per_node", "hours", "price")
        baskets[tuple(row[name] for name in names)].append(row)
    for key, rows in baskets.items():
        soon = densest(rows, within, "opened_at", _buyer)
        buyers = sorted({row["beneficiary_id"] for row in soon})
        if len(buyers) >= least:
            programme_id, provider_id = str(key[0]), str(key[1])
            yield Alert(
                subject=" ".join(map(str, key)),
                programmes=(programme_id,),
                entities=(provider_id, *buyers),
                amount=sum(row["subsidy"] for row in soon),
                says=f"{len(buyers)} parties bought the same from {provider_id}: {key[2]} nodes for {key[4]} hours",
                refs=folded.tables.refs_of("contracts", soon),
            )


def _buyer(row: Row) -> str:
    return str(row["beneficiary_id"])


def _repeated_defaults(folded: Folded, least: int) -> Iterator[Alert]:
    """A bond that goes to the same buyer again and again is money from provider to start-up."""
    slashed: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for row in folded.tables.rows("slashes"):
        trade = folded.tables.get("trades", row["contract_id"]) or {}
        slashed[row["provider_id"], row["beneficiary_id"], trade.get("currency", "")].append(row)
    for (provider_id, beneficiary_id, currency), rows in sorted(slashed.items()):
        if len(rows) >= least:
            yield Alert(
                subject=f"bonds {provider_id} {beneficiary_id} {currency}".rstrip(),
                programmes=tuple(sorted({row["programme_id"] for row in rows if row["programme_id"] is not None})),
                entities=(provider_id, beneficiary_id),
                amount=sum(row["amount"] for row in rows),
                says=f"{provider_id} defaulted {len(rows)} times towards {beneficiary_id}, which got its bonds",
                refs=folded.tables.refs_of("slashes", rows),
                unit=currency,
            )


F4: Final = Pattern(
    id="F4",
    title="Kickback to the buyer",
    shows="Identical orders of many buyers with one provider in a short time, and bonds that go from one provider to"
    " the same buyer again and again.",
    hides="Money and goods that change hands outside the ledger, a co-payment that is given back in cash among them.",
    find=_kickbacks,
    thresholds=(
        Threshold("same_baskets", 5, "buyers", "so many with the same nodes, hours and price from one provider"),
        Threshold("within_days", 7, "days", "from the first of these contracts to the last"),
        Threshold("defaults", 3, "contracts", "so many defaults of one provider towards one buyer"),
    ),
)


# F7 -------------------------------------------------------------------------------------------------------------------


def _splitting(folded: Folded, thresholds: Mapping[str, int]) -> Iterator[Alert]:
    tables = folded.tables
    granted: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in tables.rows("vouchers"):
        if row["restored_from"] is None:
            granted[row["programme_id"], group_of(folded, row["beneficiary_id"])].append(row)
    for (programme_id, group_id), rows in sorted(granted.items()):
        sums: Counter[str] = Counter()
        for row in rows:
            sums[row["beneficiary_id"]] += row["face"]
        members = sorted(sums)
        if len(members) >= thresholds["members"]:
            yield Alert(
                subject=f"group {programme_id} {group_id}",
                programmes=(programme_id,),
                entities=tuple(members),
                amount=sums.total() - max(sums.values()),
                says=f"{len(members)} parties of group {group_id} have vouchers of {programme_id}",
                refs=(*facts_of(folded, *members), *tables.refs_of("vouchers", rows)),
            )
    contracts: dict[str, list[Row]] = defaultdict(list)
    for row in tables.rows("applications"):
        if row["contract"] is not None and row["status"] != "withdrawn":
            contracts[row["contract"]["sha256"]].append(row)
    for digest, rows in sorted(contracts.items()):
        parties = sorted({row["beneficiary_id"] for row in rows})
        for unit, alike in by_unit(folded, rows) if len(parties) > 1 else ():
            yield Alert(
                subject=f"contract {digest}" if len(alike) == len(rows) else f"contract {digest} {unit}",
                programmes=tuple(sorted({row["programme_id"] for row in rows})),
                entities=tuple(parties),
                amount=sum(row["subsidy"] or 0 for row in alike if row["status"] == "approved"),
                says=f"{len(parties)} parties applied with one contract",
                refs=tables.refs_of("applications", rows),
                unit=unit,
            )


F7: Final = Pattern(
    id="F7",
    title="Firms or contracts split to pass caps",
    shows="Several parties of one group with vouchers of one programme, as relations are known now, whatever the cap of"
    " the group counted at the time. One contract in the applications of several parties. At risk is all but the"
    " largest part.",
    hides="Relations that nobody attested, and contracts that are cut before they are signed.",
    find=_splitting,
    thresholds=(Threshold("members", 2, "parties", "so many of one group in one programme"),),
)


# F11 ------------------------------------------------------------------------------------------------------------------


def _both_roles(folded: Folded, _thresholds: Mapping[str, int]) -> Iterator[Alert]:
    tables = folded.tables
    listed: dict[str, list[Row]] = defaultdict(list)
    for row in tables.rows("listings"):
        listed[row["provider_id"]].append(row)
    issued: dict[str, list[Row]] = defaultdict(list)
    for row in tables.rows("vouchers"):
        issued[row["beneficiary_id"]].append(row)
    for party_id in sorted(listed.keys() & issued.keys()):
        for unit, alike in by_unit(folded, issued[party_id]):
            yield Alert(
                subject=party_id if len(alike) == len(issued[party_id]) else f"{party_id} {unit}",
                programmes=tuple(sorted({row["programme_id"] for row in (*listed[party_id], *alike)})),
                entities=(party_id,),
                amount=sum(row["face"] for row in alike),
                says=f"{party_id} is listed as a provider, and has vouchers",
                refs=tables.refs_of("listings", listed[party_id]) + tables.refs_of("vouchers", alike),
                unit=unit,
            )


F11: Final = Pattern(
    id="F11",
    title="A provider that is also a beneficiary",
    shows="A party that is, or was, listed as a provider of any programme and has vouchers of any.",
    hides="Providers that hold vouchers through others: see F3.",
    find=_both_roles,
)


# F18 ------------------------------------------------------------------------------------------------------------------


def _insiders(folded: Folded, _thresholds: Mapping[str, int]) -> Iterator[Alert]:
    tables = folded.tables
    for view, object_name in (("application_steps", "application_id"), ("application_scores", "application_id")):
        for row in tables.rows(view):
            application = tables.get("applications", row[object_name])
            if application is not None and related(folded, row["reviewer_id"], application["beneficiary_id"]):
                who = row["reviewer_id"], application["beneficiary_id"]
                refs = tables.refs_of(view, [row]) + tables.refs("applications", row[object_name])
                yield _insider(folded, row["programme_id"], row[object_name], who, application["subsidy"] or 0, refs)
    for row in tables.rows("endorsements"):
        if related(folded, row["endorsed_by"], row["provider_id"]):
            who, refs = (row["endorsed_by"], row["provider_id"]), tables.refs_of("endorsements", [row])
            claim = tables.get("claims", row["object_id"]) or {}
            yield _insider(folded, row["programme_id"], row["object_id"], who, claim.get("approved", 0), refs)
    for row in tables.rows("claims"):
        programme = folded.programme(row["programme_id"])
        if programme is not None and row["approved"] and related(folded, programme["issuer_id"], row["provider_id"]):
            who, refs = (programme["issuer_id"], row["provider_id"]), tables.refs("claims", row["claim_id"])
            yield _insider(folded, row["programme_id"], row["claim_id"], who, row["approved"], refs)
    for row in tables.rows("payments", status="paid"):
        if row["treasurer_id"] is not None and related(folded, row["treasurer_id"], row["provider_id"]):
            who, refs = (row["treasurer_id"], row["provider_id"]), tables.refs_of("payments", [row])
            yield _insider(folded, row["programme_id"], row["settlement_id"], who, row["amount"], refs)
    decisions = ("review_application", "score_application", "approve_claim", "close_settlement", "confirm_payment")
    yield from _refused(folded, Code.DUTIES_NOT_SEPARATE, decisions)


def _insider(
    folded: Folded, programme_id: str, object_id: str, who: tuple[str, str], amount: int, refs: tuple[Ref, ...]
) -> Alert:
    decider, other = who
    return Alert(
        subject=f"{object_id} {decider} {other}",
        programmes=(programme_id,),
        entities=who,
        amount=amount,
        says=f"{decider} decided on {object_id} for {other}, and both are in group {group_of(folded, other)}",
        refs=(*facts_of(folded, decider, other), *refs),
    )


F18: Final = Pattern(
    id="F18",
    title="Approval by an insider",
    shows="Reviews, scores, approvals, endorsements and payments by a party of the group of whom they are for, as"
    " relations are known now. Decisions that were refused for such a relation.",
    hides="Relations that nobody attested, and who within a party pressed the key.",
    find=_insiders,
)


# F19 ------------------------------------------------------------------------------------------------------------------


def _redirected(folded: Folded, thresholds: Mapping[str, int]) -> Iterator[Alert]:
    tables, within = folded.tables, thresholds["within_days"] * DAY
    changed: dict[str, list[tuple[int, str, tuple[Ref, ...]]]] = defaultdict(list)
    for row in tables.rows("keys", use="signing"):
        party = tables.get("parties", row["party_id"])
        if party is not None and row["added_at"] > party["registered_at"]:
            refs = tables.refs("keys", row["party_id"], row["key_id"])[:1]
            changed[row["party_id"]].append((row["added_at"], "got another key", refs))
    for row in tables.rows("recoveries", status="in_force"):
        refs = tables.refs("recoveries", row["recovery_id"])
        changed[row["party_id"]].append((row["in_force_at"], "was recovered", refs))
    for row in tables.rows("payments", status="paid"):
        for at, what, refs in changed.get(row["provider_id"], ()):
            if 0 <= row["status_since"] - at <= within:
                yield Alert(
                    subject=f"{row['settlement_id']} {row['provider_id']} {what} {at}",
                    programmes=(row["programme_id"],),
                    entities=(row["provider_id"],),
                    amount=row["amount"],
                    says=f"{row['provider_id']} {what} {(row['status_since'] - at) // DAY} days before it was paid",
                    refs=(*refs, *tables.refs_of("payments", [row])),
                )


F19: Final = Pattern(
    id="F19",
    title="Payment redirected",
    shows="A payee whose signing key changed, or whose keys were all replaced by a recovery, shortly before it was"
    " paid: who holds the new key may have named another account.",
    hides="Bank accounts: they are in no log, and their change is to be confirmed outside it.",
    find=_redirected,
    thresholds=(Threshold("within_days", 7, "days", "from the change to the payment"),),
)
