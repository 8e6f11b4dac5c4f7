"""Patterns in what is applied for, and in who applies: F9, F15, F16; and in what authors saw of a log: F20."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from counterfoil.contract.limits import BPS
from counterfoil.contract.refusals import Code
from counterfoil.contract.scalars import encode_base64
from counterfoil.contract.times import DAY
from counterfoil.programme.codes import LINES
from counterfoil.reports.folding import Folded
from counterfoil.reports.pattern import Alert, Pattern, Threshold, by_unit, densest, group_of, programme_of, times
from counterfoil.reports.tables import Ref, Row

_NOT_ITS_KIND: Final = frozenset({"sku_excluded", "sku_not_included", "class_not_allowed", "line_condition", "no_tier"})
"""Codes of lines that are not of a kind which the programme pays for."""

# F9 -------------------------------------------------------------------------------------------------------------------


class _Line(NamedTuple):
    """A line of an application or a claim: when, whose and where it stands, and why it was not eligible, if so."""

    time: int
    view: str
    row: Row
    name: str
    party_id: str
    line: Mapping[str, Any]
    refused: str | None


def _hidden(folded: Folded, thresholds: Mapping[str, int]) -> Iterator[Alert]:
    lines = sorted(_lines(folded), key=lambda each: (each.time, each.name))
    yield from _renamed(folded, lines)
    yield from _own_codes(folded, lines, thresholds["peers"], thresholds["own_codes_bps"])


def _lines(folded: Folded) -> Iterator[_Line]:
    for row in folded.tables.rows("applications"):
        if row["status"] != "withdrawn":
            known = (row["submitted_at"], "applications", row, row["application_id"], row["beneficiary_id"])
            yield from (_Line(*known, each, _why(row, each["id"])) for each in row["lines"])
    for row in folded.tables.rows("invoice_claims"):
        known = (row["claimed_at"], "invoice_claims", row, row["claim_id"], row["holder_id"])
        yield from (_Line(*known, each, _why(row, each["id"])) for each in row["basis"]["lines"])


def _why(row: Row, line: str) -> str | None:
    """The code by which a line was not eligible."""
    codes = (each["code"] for each in row["explanation"] or () if each["line"] == line)
    return next((code for code in codes if code in LINES), None)


def _renamed(folded: Folded, lines: list[_Line]) -> Iterator[Alert]:
    """What was not of a kind that the programme pays for comes again from the same provider under another code."""
    refused: dict[tuple[object, ...], _Line] = {}
    for each in lines:
        line = each.line
        key = each.row["programme_id"], each.party_id, line["provider_id"], line["amount"]
        before = refused.get(key)
        code = line["sku"], line["instrument"], line["class_id"]
        if each.refused in _NOT_ITS_KIND:
            refused.setdefault(key, each)
        elif before is not None and each.refused is None:
            was = before.line["sku"], before.line["instrument"], before.line["class_id"]
            if was != code and each.row["subsidy"]:
                refs = folded.tables.refs_of(before.view, [before.row])
                yield Alert(
                    subject=f"renamed {before.name} {before.line['id']} {each.name} {line['id']}",
                    programmes=(each.row["programme_id"],),
                    entities=tuple(dict.fromkeys(filter(None, (each.party_id, line["provider_id"])))),
                    amount=min(int(line["amount"]), each.row["subsidy"]),
                    says=f"{before.line['sku']} in {before.name} was {before.refused}; the same amount is"
                    f" {line['sku']} in {each.name}",
                    refs=refs + folded.tables.refs_of(each.view, [each.row]),
                )


def _own_codes(folded: Folded, lines: list[_Line], peers: int, least: int) -> Iterator[Alert]:
    """A provider whose claims are mostly of codes that no other provider's lines have."""
    market: dict[str, dict[str, dict[str, list[_Line]]]] = defaultdict(lambda: defaultdict(lambda: defaultdict(list)))
    for each in lines:
        provider_id = each.line["provider_id"]
        if each.view == "invoice_claims" and provider_id is not None and each.refused is None:
            market[each.row["programme_id"]][provider_id][each.line["sku"]].append(each)
    for programme_id, providers in sorted(market.items()):
        codes = Counter(code for by_code in providers.values() for code in by_code)
        for provider_id, by_code in sorted(providers.items()):
            own = [each for code, found in by_code.items() if codes[code] == 1 for each in found]
            whole = sum(int(each.line["amount"]) for found in by_code.values() for each in found)
            alone = sum(int(each.line["amount"]) for each in own)
            names = ", ".join(sorted({str(each.line["sku"]) for each in own}))
            if own and len(providers) > max(peers, 1) and alone * BPS >= whole * least:
                yield Alert(
                    subject=f"codes {programme_id} {provider_id}",
                    programmes=(programme_id,),
                    entities=(provider_id, *sorted({each.party_id for each in own})),
                    amount=sum({each.name: each.row["subsidy"] for each in own}.values()),
                    says=f"most of what is claimed of {provider_id} is {names}, of none of {len(providers) - 1} others",
                    refs=folded.tables.refs_of("invoice_claims", [each.row for each in own]),
                )


F9: Final = Pattern(
    id="F9",
    title="Lines that are not eligible, hidden in others",
    shows="An amount that the programme did not pay under one code, and that comes again from the same provider under"
    " another. Providers of whose claims most is of codes that no other provider has.",
    hides="What was delivered under a code: an invoice or the provider's own records tell.",
    find=_hidden,
    thresholds=(
        Threshold("peers", 3, "providers", "others with claims in the programme, without which codes do not compare"),
        Threshold("own_codes_bps", 5_000, "hundredths of a per cent", "of what is claimed of a provider"),
    ),
)


# F15 ------------------------------------------------------------------------------------------------------------------

_NUMBERING: Final = re.compile(r"[\W\d_]+")


def _shells(folded: Folded, thresholds: Mapping[str, int]) -> Iterator[Alert]:
    yield from _numbered_names(folded, thresholds["alike"])
    yield from _same_applications(folded, thresholds)


def _numbered_names(folded: Folded, least: int) -> Iterator[Alert]:
    """Applicants of different groups whose names differ by numbers and signs alone."""
    found: dict[tuple[str, str], dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in folded.tables.rows("applications"):
        party = folded.tables.get("parties", row["beneficiary_id"])
        stem = "" if party is None else _NUMBERING.sub(" ", party["name"].casefold()).strip()
        if stem:
            found[row["programme_id"], stem][row["beneficiary_id"]].append(row)
    for (programme_id, stem), parties in sorted(found.items()):
        if len({group_of(folded, each) for each in parties}) >= max(least, 2):
            rows = [row for of_party in parties.values() for row in of_party]
            yield _of_applicants(
                folded, f"names {programme_id} {stem}", rows, "have names that differ by numbers alone"
            )


def _same_applications(folded: Folded, thresholds: Mapping[str, int]) -> Iterator[Alert]:
    """New parties that ask for the same of the same provider, one soon after the other."""
    new, within = thresholds["new_days"] * DAY, thresholds["within_days"] * DAY
    found: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in folded.tables.rows("applications"):
        party = folded.tables.get("parties", row["beneficiary_id"])
        if party is not None and row["submitted_at"] - party["registered_at"] <= new:
            asked = "; ".join(
                " ".join(str(line[name]) for name in ("sku", "instrument", "amount", "quantity", "provider_id"))
                for line in row["lines"]
            )
            found[row["programme_id"], asked].append(row)
    for (programme_id, asked), rows in sorted(found.items()):
        soon = densest(rows, within, "submitted_at", lambda row: group_of(folded, row["beneficiary_id"]))
        if len({group_of(folded, row["beneficiary_id"]) for row in soon}) >= max(thresholds["same"], 2):
            yield _of_applicants(folded, f"asked {programme_id} {asked}", soon, "are new, and asked for just the same")


def _of_applicants(folded: Folded, subject: str, rows: list[Row], what: str) -> Alert:
    parties = sorted({row["beneficiary_id"] for row in rows})
    registered = [ref for each in parties for ref in folded.tables.refs("parties", each)[:1]]
    return Alert(
        subject=subject,
        programmes=(rows[0]["programme_id"],),
        entities=tuple(parties),
        amount=sum(row["subsidy"] or 0 for row in rows if row["status"] == "approved"),
        says=f"{len(parties)} applicants {what}",
        refs=(*registered, *folded.tables.refs_of("applications", rows)),
    )


F15: Final = Pattern(
    id="F15",
    title="Shell applicants",
    shows="Applicants of different groups whose names differ by numbers and signs alone; new ones that ask for just the"
    " same of the same provider, one soon after the other.",
    hides="Devices, addresses and agents of applicants: they are in no log. Names that may be taken for one another by"
    " their letters, `counterfoil audit` lists.",
    find=_shells,
    thresholds=(
        Threshold("alike", 3, "groups", "so many with such names in one programme"),
        Threshold("same", 5, "groups", "so many that ask for the same"),
        Threshold("new_days", 30, "days", "from the registration to the application"),
        Threshold("within_days", 7, "days", "from the first of these applications to the last"),
    ),
)


# F16 ------------------------------------------------------------------------------------------------------------------


def _by_agents(folded: Folded, thresholds: Mapping[str, int]) -> Iterator[Alert]:
    yield from _copied_papers(folded, thresholds["applicants"])
    yield from _shared_keys(folded)


def _copied_papers(folded: Folded, least: int) -> Iterator[Alert]:
    """One document in the applications of several groups. One contract is F7's."""
    used: dict[str, list[Row]] = defaultdict(list)
    for row in folded.tables.rows("applications"):
        if row["status"] != "withdrawn":
            for digest in dict.fromkeys(row["evidence"]):
                used[digest].append(row)
    for digest, rows in sorted(used.items()):
        groups = {group_of(folded, row["beneficiary_id"]) for row in rows}
        for unit, alike in by_unit(folded, rows) if len(groups) >= max(least, 2) else ():
            yield Alert(
                subject=f"paper {digest}" if len(alike) == len(rows) else f"paper {digest} {unit}",
                programmes=tuple(sorted({row["programme_id"] for row in rows})),
                entities=tuple(sorted({row["beneficiary_id"] for row in rows})),
                amount=sum(row["subsidy"] or 0 for row in alike if row["status"] == "approved"),
                says=f"one document is in the applications of {len(groups)} unrelated parties",
                refs=folded.tables.refs_of("applications", rows),
                unit=unit,
            )


def _shared_keys(folded: Folded) -> Iterator[Alert]:
    """A key of one party that was to be registered for another: who has it would act for both."""
    of_key = {row["public_key"]: row["party_id"] for row in folded.tables.rows("keys")}
    found: dict[tuple[str, str], list[Ref]] = defaultdict(list)
    for each in folded.attempts:
        if each.code is Code.KEY_NOT_ACCEPTABLE:
            for name in ("key", "recovery_key"):
                key = getattr(each.body, name, None)
                owner = None if key is None else of_key.get(encode_base64(key.public_key))
                other = getattr(each.body, "party_id", each.actor)
                if owner is not None and owner != other:
                    found[owner, other].append(each.ref)
    for (owner, other), refs in sorted(found.items()):
        says = f"a key of {owner} was to be registered for {other}, too; it was refused"
        yield Alert(f"key {owner} {other}", (), (owner, other), 0, says, tuple(refs))


F16: Final = Pattern(
    id="F16",
    title="Paid intermediaries with false applications",
    shows="One document in the applications of several unrelated parties; a key of one party that was to be registered"
    " for another, and refused.",
    hides="Texts that are nearly the same, as the log has hashes of documents, and who an agent is. One contract of"
    " several applicants is in F7.",
    find=_by_agents,
    thresholds=(Threshold("applicants", 2, "groups", "so many with the same document"),),
)


# F20 ------------------------------------------------------------------------------------------------------------------


def _other_history(folded: Folded, _thresholds: Mapping[str, int]) -> Iterator[Alert]:
    """Commands whose authors had seen a tree that is not on their log's history."""
    found: dict[tuple[str, str], list[Ref]] = defaultdict(list)
    programmes: dict[tuple[str, str], dict[str, None]] = defaultdict(dict)
    for each in folded.attempts:
        if each.code is Code.SEEN_IS_NOT_OURS:
            key = each.actor, each.ref.log.name
            found[key].append(each.ref)
            programme_id = programme_of(folded, each.body)
            programmes[key].update({programme_id: None} if programme_id is not None else {})
    for (actor, log), refs in sorted(found.items()):
        says = f"{actor} had seen a tree of {log} that is not on its history, {times(len(refs))}"
        yield Alert(f"seen {actor} {log}", tuple(programmes[actor, log]), (actor,), 0, says, tuple(refs))


F20: Final = Pattern(
    id="F20",
    title="Tampering with the ledger",
    shows="Commands that were refused because their author had seen a tree which is not on the log's history: somebody"
    " was shown another log, or says so.",
    hides="All that is found by deciding every entry again: bytes, trees, signatures, causes and decisions are for"
    " `counterfoil audit`, and another history is shown by whoever kept it.",
    find=_other_history,
)
