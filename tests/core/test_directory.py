"""The directory knows from its own events alone who may sign: no other party's key, and no key after its revocation."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from counterfoil.contract.events import KeyAdded, KeyRevoked, PartyRegistered
from counterfoil.contract.key_id import key_id_of
from counterfoil.contract.record import Event
from counterfoil.core.directory import Directory
from counterfoil.core.table import dump
from tests.state_root import state_root


def registered(party_id: str, group_id: str = "group") -> PartyRegistered:
    """A party."""
    return PartyRegistered(party_id=party_id, name=party_id.upper(), roles=("provider", "auditor"), group_id=group_id)


def key(number: int) -> bytes:
    """A public key, sound or not: the directory takes what the decider accepted."""
    return bytes([number]) * 32


def added(party_id: str, number: int) -> KeyAdded:
    """A key in force."""
    return KeyAdded(party_id=party_id, key_id=key_id_of(key(number)), public_key=key(number))


def revoked(party_id: str, number: int) -> KeyRevoked:
    """A revoked key."""
    return KeyRevoked(party_id=party_id, key_id=key_id_of(key(number)), reason="lost")


def folded(*events: Event) -> Directory:
    """What these events make."""
    directory = Directory()
    for event in events:
        if isinstance(event, PartyRegistered):
            directory.registered(event)
        elif isinstance(event, KeyAdded):
            directory.key_added(event)
        elif isinstance(event, KeyRevoked):
            directory.key_revoked(event)
    return directory


def test_nobody_is_known_at_first() -> None:
    assert folded().public_key("lab", key_id_of(key(1))) is None
    assert list(dump([folded().parties])) == []


def test_a_key_belongs_to_its_party() -> None:
    directory = folded(registered("lab"), registered("gpu"), added("lab", 1))
    assert directory.public_key("lab", key_id_of(key(1))) == key(1)
    assert directory.public_key("gpu", key_id_of(key(1))) is None
    assert directory.public_key("lab", key_id_of(key(2))) is None
    party = directory.parties["lab"]
    assert (party.name, party.roles, party.group_id) == ("LAB", ("provider", "auditor"), "group")


def test_a_revoked_key_is_known_and_not_in_force() -> None:
    directory = folded(registered("lab"), added("lab", 1), added("lab", 2), revoked("lab", 1))
    party = directory.parties["lab"]
    assert directory.public_key("lab", key_id_of(key(1))) == key(1)
    assert not party.keys[key_id_of(key(1))][1]
    assert party.keys[key_id_of(key(2))][1]
    assert party.keys_in_force() == 1


def test_records_are_literal() -> None:
    directory = folded(registered("lab"), added("lab", 2), added("lab", 1), revoked("lab", 2))
    assert list(dump([directory.parties])) == [
        (
            "party/lab",
            {
                "name": "LAB",
                "roles": ["provider", "auditor"],
                "group_id": "group",
                "keys": {
                    "72cd6e8422c407fb": {
                        "public_key": "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=",
                        "in_force": True,
                    },
                    "75877bb41d393b5f": {
                        "public_key": "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=",
                        "in_force": False,
                    },
                },
                "recovery_keys": {},
                "closed": False,
                "suspended": False,
            },
        )
    ]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 5), st.booleans()), max_size=30), st.randoms())
def test_parties_and_keys_commute(keys: list[tuple[str, int, bool]], chance: object) -> None:
    """Which party's key came first leaves no trace in the records."""
    chosen = {number: (party, gone) for party, number, gone in keys}
    stories: list[list[Event]] = [
        [added(party, number), *([revoked(party, number)] if gone else [])] for number, (party, gone) in chosen.items()
    ]
    parties = [registered(each) for each in "abc"]
    straight = folded(*parties, *(event for story in stories for event in story))
    chance.shuffle(stories)  # type: ignore[attr-defined]
    shuffled = folded(*parties[::-1], *(event for story in stories for event in story))
    assert state_root(dump([straight.parties])) == state_root(dump([shuffled.parties]))
    in_force = {party: sum(1 for owner, gone in chosen.values() if owner == party and not gone) for party in "abc"}
    assert {name: party.keys_in_force() for name, party in shuffled.parties.items()} == in_force
