"""What is attested of who takes a voucher over, or has it as security: for the ledger, which judges whether it may."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from counterfoil.contract.applications import FactGiven
from counterfoil.contract.record import Event
from counterfoil.core.at import At
from counterfoil.issuance.claimed import Purpose
from counterfoil.issuance.facts import facts_of_party, given
from counterfoil.issuance.judging import FACTS_BYTES, fitting
from counterfoil.issuance.state import IssuanceState
from counterfoil.issuance.taking_events import FactsStated
from counterfoil.ledger.transfer_events import PledgeAsked, TransferConsented
from counterfoil.programme.rules import Rules
from counterfoil.programme.transfers import facts_of_pledgee, facts_of_taker


def state_facts(state: IssuanceState, event: TransferConsented, at: At) -> Sequence[Event]:
    """Say what is attested of the receiver; nothing of a voucher that is gone."""
    return _stated(state, event, event.transfer_id, event.receiver_id, facts_of_taker, at)


def state_facts_of_pledgee(state: IssuanceState, event: PledgeAsked, at: At) -> Sequence[Event]:
    """Say what is attested of who is to have a pledge; nothing of a voucher that is gone."""
    return _stated(state, event, event.pledge_id, event.pledgee_id, facts_of_pledgee, at)


def _stated(
    state: IssuanceState,
    event: TransferConsented | PledgeAsked,
    id_: str,
    party_id: str,
    asked: Callable[[Rules], frozenset[str]],
    at: At,
) -> Sequence[Event]:
    purpose = state.claims.purposes.get(event.voucher_id)
    if purpose is None:
        return []
    rules = state.rules_under(purpose)
    day = rules.day(at.time)
    try:
        facts = fitting(_facts(state, rules, purpose, party_id, asked(rules), day), FACTS_BYTES)
    except ValueError:
        facts = None
    return [
        FactsStated(
            transfer_id=id_,
            programme_id=event.programme_id,
            voucher_id=event.voucher_id,
            party_id=party_id,
            rules_hash=purpose.rules_hash,
            day=day,
            contradict=facts is None,
            facts=facts or (),
        )
    ]


def _facts(
    state: IssuanceState, rules: Rules, purpose: Purpose, party_id: str, names: frozenset[str], day: int
) -> Iterator[FactGiven]:
    """Of the party as it is now, of the project as at the grant. Raises ValueError where two contradict each other."""
    asked, kinds = sorted(names | {"listed_provider"}), rules.facts.kinds
    project = {each.name: each for each in purpose.facts if each.line is None and kinds[each.name].of == "PROJECT"}
    known = facts_of_party(state, rules, party_id, day)
    mine = (known.get(name) for name in asked if name not in project)
    yield from given(rules, (each for each in mine if each is not None))
    yield from (project[name] for name in asked if name in project)


# evolve -------------------------------------------------------------------------------------------------------------


def facts_stated(_state: IssuanceState, _event: FactsStated, _at: At) -> None:
    """What follows from it is for the ledger."""
