"""Who steals, squats or adds keys: each act is refused, undone by the party, or listed by the audit.

A party may be taken over while it does not look; none of it is for good.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from counterfoil.client.author import Author
from counterfoil.contract.entry import Entry
from counterfoil.contract.possession import ProvenKey, Use
from counterfoil.contract.record import Command
from counterfoil.contract.refusals import Code
from counterfoil.contract.times import HOUR, SECOND
from counterfoil.core.rules import LATEST, RULES
from counterfoil.instance import RECOVERY
from counterfoil.issuance.commands import (
    AddKey,
    CloseParty,
    ObjectToRecovery,
    ProposeRecovery,
    RecoverParty,
    RegisterParty,
    RevokeKey,
    SetRecoveryKey,
)
from counterfoil.issuance.events import RecoveryEnded
from counterfoil.matching.events import OfferClosed
from counterfoil.runtime.receipts import Recorded
from tests.market import BID, HOST, OFFER, Market, deliver, found, seed_of, trade, wind_up

DELAY = RULES[LATEST].recovery_delay
STOLEN = "lab-1"
"""The party whose key the thief has, and the name of that key."""


def proven(party: str, name: str, use: Use = "signing") -> ProvenKey:
    return Author(party, seed_of(name)).prove(HOST, use)


def id_of(name: str) -> str:
    return Author("any", seed_of(name)).key_id


def signs(market: Market, party: str, key: str, body: Command) -> Entry:
    """A command by one of a party's keys that must be accepted."""
    entry = market.ask(party, body, key=key)
    assert [each.refusal for each in entry.outcomes] == [None], entry.outcomes
    return entry


@pytest.fixture
def market(tmp_path: Path) -> Iterator[Market]:
    """A market in which lab-1 has a recovery key that it keeps offline."""
    with Market(tmp_path) as opened:
        found(opened)
        opened.do("lab-1", SetRecoveryKey(key=proven("lab-1", "offline", "recovery"), consent=None))
        yield opened


def takes_over(market: Market) -> None:
    """The thief adds a key, revokes the owner's, and uses up all new keys that the party may have."""
    signs(market, "lab-1", STOLEN, AddKey(key=proven("lab-1", "thief")))
    signs(market, "lab-1", "thief", RevokeKey(party_id="lab-1", key_id=id_of(STOLEN), reason="mine now"))
    most = RULES[LATEST].max_new_keys
    assert most is not None
    for nth in range(most - 2):
        signs(market, "lab-1", "thief", AddKey(key=proven("lab-1", f"thief-{nth}")))
        gone = RevokeKey(party_id="lab-1", key_id=id_of(f"thief-{nth}"), reason="used up")
        signs(market, "lab-1", "thief", gone)
    market.refused("lab-1", AddKey(key=proven("lab-1", "one more")), Code.OVER_LIMIT, key="thief")


def test_a_thief_loses_what_it_took(market: Market) -> None:
    takes_over(market)
    market.refused("lab-1", BID, Code.KEY_REVOKED)  # the owner is locked out
    other = SetRecoveryKey(key=proven("lab-1", "thief's offline", "recovery"), consent=None)
    market.refused("lab-1", other, Code.KEY_NOT_PROVEN, key="thief")
    signs(market, "lab-1", "thief", CloseParty(reason="and gone"))
    signs(market, "lab-1", "offline", RecoverParty(key=proven("lab-1", "new"), recovery_key=None))
    market.refused("lab-1", BID, Code.KEY_REVOKED, key="thief")
    signs(market, "lab-1", "new", BID)
    report = market.sealed()
    assert report.clean
    (listed,) = (each for log in report.logs for each in log.recoveries)
    assert (listed.party_id, listed.proposed_by, listed.key_id) == ("lab-1", None, id_of("new"))


def test_a_recovery_key_signs_nothing_else(market: Market) -> None:
    for body in (BID, AddKey(key=proven("lab-1", "more")), CloseParty(reason="bye")):
        market.refused("lab-1", body, Code.KEY_FOR_OTHER_USE, key="offline")
    market.refused("lab-1", RecoverParty(key=proven("lab-1", "new"), recovery_key=None), Code.KEY_FOR_OTHER_USE)


def test_a_recovery_key_that_was_replaced_recovers_nothing(market: Market) -> None:
    signs(market, "lab-1", "offline", RecoverParty(
        key=proven("lab-1", "new"), recovery_key=proven("lab-1", "offline 2", "recovery")
    ))  # fmt: skip
    again = RecoverParty(key=proven("lab-1", "thief"), recovery_key=None)
    market.refused("lab-1", again, Code.KEY_REVOKED, key="offline")


def test_the_operator_does_not_speak_for_a_party(market: Market) -> None:
    """It can neither add a key nor revoke one; a recovery is in force late, in public, and only if nobody objects."""
    mine = proven("lab-1", "operator's")
    added = market.ask("operator", AddKey(key=mine))
    assert added.outcomes[0].refusal is not None
    assert added.outcomes[0].refusal.code is Code.KEY_NOT_PROVEN
    revoke = RevokeKey(party_id="lab-1", key_id=id_of(STOLEN), reason="oversight")
    market.refused("operator", revoke, Code.NOT_YOURS)
    again = RegisterParty(
        party_id="lab-1",
        name="Lab",
        roles=("beneficiary",),
        group_id="lab-1",
        key=mine,
        recovery_key=None,
        looks_like=None,
    )
    market.refused("operator", again, Code.ALREADY_EXISTS)
    proposal = ProposeRecovery(party_id="lab-1", key=mine, recovery_key=None, reason="oversight")
    (event,) = market.do("operator", proposal)
    market.advance_to(market.clock.now() + DELAY - HOUR)
    signs(market, "lab-1", STOLEN, ObjectToRecovery(recovery_id=event.recovery_id, reason="we lost nothing"))  # type: ignore[attr-defined]
    market.advance_to(market.clock.now() + DELAY)
    signs(market, "lab-1", STOLEN, AddKey(key=proven("lab-1", "spare")))


def test_an_operators_recovery_is_listed_by_the_audit(market: Market) -> None:
    reason = "lost with the laptop"
    market.do("operator", ProposeRecovery(
        party_id="lab-2", key=proven("lab-2", "operator's"), recovery_key=None, reason=reason
    ))  # fmt: skip
    market.advance_to(market.clock.now() + DELAY + SECOND)
    late = DELAY // HOUR
    signs(market, "lab-2", "operator's", replace(BID, earliest=BID.earliest + late, latest=BID.latest + late))
    report = market.sealed()
    assert report.clean
    (listed,) = (each for log in report.logs for each in log.recoveries)
    assert (listed.party_id, listed.proposed_by, listed.reason) == ("lab-2", "operator", reason)


def test_a_key_is_not_squatted(market: Market) -> None:
    """Whoever has seen a public key cannot register it, for itself or for another, so it is free for its owner."""
    seen = proven("gpu-3", "gpu-3")
    for copied in (seen, ProvenKey(public_key=seen.public_key, proof=bytes(64))):
        market.refused("lab-2", AddKey(key=copied), Code.KEY_NOT_PROVEN)
        other = RegisterParty(
            party_id="lab-9",
            name="Lab",
            roles=("beneficiary",),
            group_id="lab-9",
            key=copied,
            recovery_key=None,
            looks_like=None,
        )
        market.refused("operator", other, Code.KEY_NOT_PROVEN)
    market.do("operator", RegisterParty(
        party_id="gpu-3", name="GPU", roles=("provider",), group_id="gpu-3", key=seen, recovery_key=None,
        looks_like=None,
    ))  # fmt: skip


def test_a_second_operator_does_not_take_over_the_first(market: Market) -> None:
    market.do("operator", RegisterParty(
        party_id="second", name="Second", roles=("operator",), group_id="second", key=proven("second", "second"),
        recovery_key=None, looks_like=None,
    ))  # fmt: skip
    revoke = RevokeKey(party_id="operator", key_id=id_of("operator"), reason="coup")
    market.refused("second", revoke, Code.NOT_YOURS)
    proposal = ProposeRecovery(
        party_id="operator", key=proven("operator", "second's"), recovery_key=None, reason="coup"
    )
    market.refused("second", proposal, Code.ROOT_OPERATOR)
    market.refused("operator", CloseParty(reason="coup"), Code.ROOT_OPERATOR)


def test_the_operators_key_is_rotated_by_its_recovery_key(market: Market) -> None:
    """Its key was stolen, and the thief has made the owner's useless."""
    signs(market, "operator", "operator", AddKey(key=proven("operator", "thief")))
    revoke = RevokeKey(party_id="operator", key_id=id_of("operator"), reason="mine now")
    signs(market, "operator", "thief", revoke)
    signs(market, "operator", RECOVERY, RecoverParty(key=proven("operator", "new"), recovery_key=None))
    register = RegisterParty(
        party_id="late",
        name="Late",
        roles=("auditor",),
        group_id="late",
        key=proven("late", "late"),
        recovery_key=None,
        looks_like=None,
    )
    market.refused("operator", register, Code.KEY_REVOKED, key="thief")
    signs(market, "operator", "new", register)
    assert [each.party_id for log in market.sealed().logs for each in log.recoveries] == ["operator"]


def test_a_thief_that_objects_does_not_stop_the_recovery_key(market: Market) -> None:
    takes_over(market)
    (event,) = market.do("operator", ProposeRecovery(
        party_id="lab-1", key=proven("lab-1", "new"), recovery_key=None, reason="stolen"
    ))  # fmt: skip
    signs(market, "lab-1", "thief", ObjectToRecovery(recovery_id=event.recovery_id, reason="it is mine"))  # type: ignore[attr-defined]
    signs(market, "lab-1", "offline", RecoverParty(key=proven("lab-1", "newer"), recovery_key=None))
    assert len(market.events("issuance", RecoveryEnded)) == 1


def test_what_a_thief_sent_before_the_recovery_is_judged_at_its_entry(market: Market) -> None:
    """The envelope was signed while the key was in force; matching decides it after it learnt of the recovery."""
    sent = market.envelope("lab-1", BID)
    signs(market, "lab-1", "offline", RecoverParty(key=proven("lab-1", "new"), recovery_key=None))
    answer = market.post(sent)
    assert isinstance(answer, Recorded)
    refusal = answer.entry.outcomes[0].refusal
    assert refusal is not None
    assert refusal.code is Code.KEY_REVOKED


def test_what_parties_that_leave_owe_and_are_owed_runs_off(market: Market) -> None:
    """Usage is reported, accepted and disputed, claims are made and paid after all four are closed."""
    traded = trade(market)
    for party in ("gpu-1", "gpu-2", "lab-1", "city"):
        market.do(party, CloseParty(reason="leaves"))
    deliver(market, traded)
    wind_up(market, traded)
    assert market.sealed().clean


def test_the_orders_of_a_party_that_leaves_end_with_it(market: Market) -> None:
    market.do("gpu-1", OFFER)
    market.do("gpu-1", CloseParty(reason="sold"))
    assert [event.reason for event in market.events("matching", OfferClosed)] == ["party_closed"]
    market.refused("gpu-1", replace(OFFER, nodes=3), Code.PARTY_CLOSED)
    assert market.sealed().clean
