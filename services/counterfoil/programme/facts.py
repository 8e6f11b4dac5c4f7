"""Facts: what is known of an applicant, a project, a line or a provider, who attested it, and when."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final, Literal, NamedTuple

from counterfoil.contract.times import parse_date
from counterfoil.programme.form.conditions import FactDeclaration
from counterfoil.programme.values import add_months

_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,17})", re.ASCII)
_FLAGS: Final = {"true": True, "false": False}
Kind = Literal["FLAG", "NUMBER", "CODE", "CODES", "DATE"]
Subject = Literal["APPLICANT", "PROJECT", "LINE", "PROVIDER"]
Value = bool | int | str | tuple[str, ...]
"""Of a DATE: the day, as days since 1970-01-01."""


class Kept(NamedTuple):
    """A fact that every programme knows."""

    kind: Kind
    of: Subject
    text: str


KNOWN: Final[Mapping[str, Kept]] = {
    "registered_in": Kept("CODES", "APPLICANT", "where it is registered: ISO 3166 codes, the wider ones included"),
    "operates_in": Kept("CODES", "APPLICANT", "where it lawfully does business: ISO 3166 codes"),
    "located_in_zone": Kept("CODES", "APPLICANT", "named zones that it is located in"),
    "legal_form": Kept("CODE", "APPLICANT", "ENTERPRISE, UNIVERSITY, RESEARCH, PUBLIC_BODY, NATURAL_PERSON ..."),
    "industry": Kept("CODES", "APPLICANT", "industries, by the issuer's list"),
    "recognised_as": Kept("CODES", "APPLICANT", "recognitions: DPIIT_STARTUP, MSME, HIGH_TECH ..."),
    "employees": Kept("NUMBER", "APPLICANT", "people employed, the whole group"),
    "turnover": Kept("NUMBER", "APPLICANT", "a year, the whole group, whole units of the programme's currency"),
    "balance_sheet": Kept("NUMBER", "APPLICANT", "the whole group, whole units of the programme's currency"),
    "founded_on": Kept("DATE", "APPLICANT", "when it was founded"),
    "stage": Kept("CODE", "APPLICANT", "PRE_REVENUE, REVENUE, SERIES_A ..."),
    "founder_age": Kept("NUMBER", "APPLICANT", "years"),
    "last_penalty_on": Kept("DATE", "APPLICANT", "the last major penalty or conviction; not stated: none on record"),
    "last_dishonesty_on": Kept("DATE", "APPLICANT", "the last entry in a list of the dishonest"),
    "listed_provider": Kept("FLAG", "APPLICANT", "whether it is itself a provider of the programme"),
    "awards": Kept("NUMBER", "APPLICANT", "grants of this programme so far"),
    "track": Kept("CODE", "PROJECT", "the project's track: FOUNDATION_MODEL ..."),
    "workload": Kept("CODE", "PROJECT", "TRAINING, INFERENCE ..."),
    "gpu_hours": Kept("NUMBER", "PROJECT", "that the application asks for"),
    "gpus": Kept("NUMBER", "PROJECT", "that the application asks for at once"),
    "localisation_percent": Kept("NUMBER", "PROJECT", "share of domestic chips, whole percent"),
    "ends_on": Kept("DATE", "PROJECT", "the project's last day"),
    "accelerator_origin": Kept("CODE", "LINE", "DOMESTIC or OTHER"),
    "provider_country": Kept("CODE", "LINE", "ISO 3166-1 of the provider"),
    "site_region": Kept("CODES", "LINE", "where the machines stand: ISO 3166 codes"),
    "pflops": Kept("NUMBER", "PROVIDER", "capacity at FP16"),
    "racks": Kept("NUMBER", "PROVIDER", "racks"),
    "platform_connected": Kept("FLAG", "PROVIDER", "whether its meters report to the programme's platform"),
    "licensed_bank": Kept("FLAG", "APPLICANT", "whether it may lend against vouchers"),
}
"""The facts that conditions of any programme may ask for. A document may declare others, and none of these again."""


class Fact(NamedTuple):
    """One attested fact. `on`: the day of the attestation. `source`: where the attestor has it from."""

    name: str
    value: Value
    attested_by: str
    on: int
    source: str = ""


class Declared(NamedTuple):
    """What a document may ask for: the known facts, and its own."""

    kinds: Mapping[str, Kept]
    own: Mapping[str, FactDeclaration]


def declared(own: Iterable[FactDeclaration]) -> Declared:
    """The facts of a document that declares `own`."""
    mine = {each.name: each for each in own}
    return Declared({**{n: Kept(each.kind, each.of, each.text) for n, each in mine.items()}, **KNOWN}, mine)


class Facts:
    """What is known of the subjects of one judgement: by name, the newest attestation that still counts.

    Raises ValueError for a value that is not of its fact's kind, for an unknown name, and for the same fact attested
    twice on one day with different values.
    """

    def __init__(self, known: Declared, facts: Iterable[Fact], day: int, applicant: str = "") -> None:
        """`day`: of the judgement. `applicant`: whose word about itself counts only where the document says so."""
        self._by_name: dict[str, Fact] = {}
        for fact in facts:
            kept = known.kinds.get(fact.name)
            if kept is None:
                raise ValueError(f"no fact {fact.name!r} is known or declared")
            if not _is_of(kept.kind, fact.value):
                raise ValueError(f"{fact.name}: not a {kept.kind}")
            if fact.on <= day and _counts(known.own.get(fact.name), fact, day, applicant):
                self._take(fact)

    def _take(self, fact: Fact) -> None:
        before = self._by_name.get(fact.name)
        if before is not None and before.on == fact.on and before.value != fact.value:
            raise ValueError(f"{fact.name}: attested twice on one day, and differently")
        if before is None or before.on <= fact.on:
            self._by_name[fact.name] = fact

    def get(self, name: str) -> Fact | None:
        """The fact, or None: nobody attested it, or the attestation is over."""
        return self._by_name.get(name)

    def joined(self, other: Facts | None) -> Facts:
        """These facts and those of `other`, which come first."""
        if other is None:
            return self
        both = object.__new__(Facts)
        both._by_name = {**self._by_name, **other._by_name}  # noqa: SLF001 of the same class
        return both


def _counts(own: FactDeclaration | None, fact: Fact, day: int, applicant: str) -> bool:
    by_itself = bool(applicant) and fact.attested_by == applicant
    if own is None:
        return not by_itself
    if by_itself and own.attested_by != "APPLICANT":
        return False
    return own.valid_months is None or day < add_months(fact.on, own.valid_months)


def _is_of(kind: Kind, value: Value) -> bool:
    if kind == "FLAG":
        return isinstance(value, bool)
    if kind in ("NUMBER", "DATE"):
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, str) if kind == "CODE" else isinstance(value, tuple)


def value_of(kind: Kind, values: tuple[str, ...]) -> Value | None:
    """A fact's value from its texts; None where they are none of that kind."""
    if kind == "CODES":
        return values
    if len(values) != 1:
        return None
    text = values[0]
    if kind == "CODE":
        return text
    if kind == "FLAG":
        return _FLAGS.get(text)
    if kind == "NUMBER":
        return int(text) if _NUMBER.fullmatch(text) else None
    try:
        return parse_date(text)
    except ValueError:
        return None


def read_value(kind: Kind, value: object) -> Value:
    """A fact's value from its JSON form. Raises ValueError."""
    if kind == "DATE" and isinstance(value, str):
        return parse_date(value)
    if kind == "CODES" and isinstance(value, list | tuple) and all(isinstance(each, str) for each in value):
        return tuple(value)
    if kind == "CODES" and isinstance(value, str):
        return (value,)
    if isinstance(value, bool | int | str) and _is_of(kind, value):
        return value
    raise ValueError(f"not a {kind}")
