"""Facts about parties, their applications, and lines of those: who may state them, and whose word counts where.

A programme hears its issuer, its auditors and the operators; the parties that its document names for a fact of its own
beside these. Nobody's word counts about a party related to it, but an applicant's own where the document says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from counterfoil.contract.applications import FactGiven
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.contract.times import DAY, format_day
from counterfoil.core.at import At
from counterfoil.core.decider import Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.core.duties import Duty, Held, not_separate
from counterfoil.issuance.applying import NONE, Application
from counterfoil.issuance.commands import AttestFact
from counterfoil.issuance.events import FactAttested
from counterfoil.issuance.state import IssuanceState
from counterfoil.issuance.words import ALL
from counterfoil.programme.facts import KNOWN, Fact, Facts, Kind, Value, value_of
from counterfoil.programme.rules import Rules

OF_THE_LOG: Final = ("awards", "listed_provider")
"""What the log itself knows, and nobody attests."""
LOG: Final = "log"
_MOST_VALUES: Final = 32


def attest_fact(state: IssuanceState, body: AttestFact, actor: Party, at: At) -> Decision:
    """State a fact, in the place of what the actor stated of it before."""
    if body.party_id not in state.directory.parties:
        return refuse(Code.UNKNOWN_PARTY, party_id=body.party_id)
    if (refused := _unknown_subject(state, body)) is not None:
        return refused
    if body.party_id != actor.party_id:
        together = not_separate(state, Held(Duty.ATTESTER, actor.party_id), Held(Duty.ATTESTED, body.party_id))
        if together is not None:
            return together
    if (invalid := _invalid(body, at)) is not None:
        return invalid
    subject = (body.party_id, body.application_id or NONE, body.line or NONE)
    before = state.applications.facts.get((*subject, body.name, actor.party_id))
    if before is not None and (body.on < before.on or (body.on, body.values) == (before.on, before.values)):
        return refuse(Code.FACT_NOT_NEWER, name=body.name)
    most = state.rules.max_facts
    if before is None and state.applications.stated.get((body.party_id, actor.party_id), 0) >= most:
        return refuse(Code.OVER_LIMIT, field="name", limit=most)
    return [
        FactAttested(
            party_id=body.party_id,
            application_id=body.application_id,
            line=body.line,
            name=body.name,
            values=body.values,
            on=body.on,
            source=body.source,
            attested_by=actor.party_id,
        )
    ]


def _unknown_subject(state: IssuanceState, body: AttestFact) -> Refusal | None:
    """Whether the application is not the party's, or has no such line."""
    if body.application_id is None:
        return None if body.line is None else refuse(Code.FACT_NOT_VALID, field="line")
    application = state.applications.open.get(body.application_id)
    if application is None or application.content.beneficiary_id != body.party_id:
        return refuse(Code.UNKNOWN_APPLICATION, application_id=body.application_id)
    if body.line is not None and all(each.id != body.line for each in application.content.lines):
        return refuse(Code.FACT_NOT_VALID, field="line")
    return None


def _invalid(body: AttestFact, at: At) -> Refusal | None:
    if not 1 <= len(body.values) <= _MOST_VALUES:
        return refuse(Code.FACT_NOT_VALID, field="values", limit=_MOST_VALUES)
    if body.name in OF_THE_LOG:
        return refuse(Code.FACT_NOT_VALID, field="name")
    known = KNOWN.get(body.name)
    if known is not None and value_of(known.kind, body.values) is None:
        return refuse(Code.FACT_NOT_VALID, field="values", needs=known.kind)
    if body.on > at.time // DAY + 1:  # tomorrow has begun somewhere
        return refuse(Code.DATE_IN_FUTURE, field="on")
    return None


# what a programme hears ---------------------------------------------------------------------------------------------


def facts_of(state: IssuanceState, rules: Rules, application_id: str, application: Application, day: int) -> Facts:
    """What counts of an application's party and project. Raises ValueError where two contradict each other."""
    party_id = application.content.beneficiary_id
    known = [*_of_party(state, rules, party_id, day), *heard(state, rules, party_id, day, application_id)]
    return Facts(rules.facts, known, day, party_id)


def facts_of_party(state: IssuanceState, rules: Rules, party_id: str, day: int) -> Facts:
    """What counts of a party. Raises ValueError where two contradict each other."""
    return Facts(rules.facts, list(_of_party(state, rules, party_id, day)), day, party_id)


def _of_party(state: IssuanceState, rules: Rules, party_id: str, day: int) -> Iterator[Fact]:
    programme_id = rules.document.id
    group = state.directory.parties[party_id].group_id
    awards = sum(
        each.amount
        for each in state.counters.entries(
            programme_id, AWARDS, "GRANTED", group, frozenset(state.directory.members(group))
        )
    )
    yield Fact("awards", awards, LOG, day)
    yield Fact("listed_provider", (programme_id, party_id) in state.listings, LOG, day)
    yield from heard(state, rules, party_id, day)


def facts_of_line(
    state: IssuanceState, rules: Rules, application_id: str, application: Application, line: str, provider: str | None,
    day: int,
) -> Facts | None:  # fmt: skip
    """What counts of one line and its provider. Raises ValueError where two contradict each other."""
    party_id = application.content.beneficiary_id
    of_line = list(heard(state, rules, party_id, day, application_id, line))
    of_provider = [] if provider is None else list(heard(state, rules, provider, day))
    kinds = rules.facts.kinds
    known = [each for each in of_provider if kinds[each.name].of == "PROVIDER"] + of_line
    return Facts(rules.facts, known, day, party_id) if known else None


AWARDS: Final = "awards:all"
"""By which grants are counted."""


def heard(
    state: IssuanceState, rules: Rules, party_id: str, day: int, application_id: str = NONE, line: str = NONE
) -> Iterator[Fact]:
    """The facts about exactly that whose attestors count in the programme."""
    for key, attested in state.applications.known(party_id, application_id, line):
        name, by = key[3], key[4]
        kept = rules.facts.kinds.get(name)
        if kept is None or attested.on > day or not _counts(state, rules, name, by, party_id):
            continue
        value = value_of(kept.kind, attested.values)
        if value is not None:
            yield Fact(name, value, by, attested.on, attested.source)


def _counts(state: IssuanceState, rules: Rules, name: str, by: str, party_id: str) -> bool:
    """Whether a party's word about a fact counts in a programme."""
    own = rules.facts.own.get(name)
    wanted = "ANY" if own is None else own.attested_by
    if by == party_id:
        return wanted == "APPLICANT"
    if state.directory.related(by, party_id):
        return False
    programme_id = rules.document.id
    is_issuer = by == state.programmes[programme_id].current.issuer_id
    is_operator = "operator" in state.directory.parties[by].roles
    if wanted == "ISSUER":
        return is_issuer
    if wanted == "OPERATOR":
        return is_operator
    if wanted == "PROVIDER" and (programme_id, by) in state.listings:
        return True
    return is_issuer or is_operator or by in state.auditors_of(programme_id) or by in state.auditors_of(ALL)


def given(rules: Rules, facts: Iterable[Fact], line: str | None = None) -> tuple[FactGiven, ...]:
    """Facts as an event has them, each once; `line`: of which they are."""
    return tuple(
        FactGiven(
            line=line,
            name=each.name,
            values=_texts(rules.facts.kinds[each.name].kind, each.value),
            attested_by=each.attested_by,
            on=each.on,
        )
        for each in dict.fromkeys(facts)
    )


def _texts(kind: Kind, value: Value) -> tuple[str, ...]:
    if isinstance(value, tuple):
        return value
    if kind == "DATE" and isinstance(value, int):
        return (format_day(value),)
    if isinstance(value, bool):
        return ("true" if value else "false",)
    return (str(value),)


# evolve -------------------------------------------------------------------------------------------------------------


def fact_attested(state: IssuanceState, event: FactAttested, _at: At) -> None:
    """Apply a fact."""
    state.applications.attested(event)
