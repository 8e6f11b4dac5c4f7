"""A service's words are those of its own package, and its codec reads no others."""

from __future__ import annotations

import subprocess
import sys
from typing import ClassVar, get_origin, get_type_hints

import pytest

from counterfoil.contract.canonical import Refused
from counterfoil.contract.codec import encode_entry
from counterfoil.contract.entry import Entry, Outcome, ResumedCause
from counterfoil.contract.record import annotations_of, shape_of
from counterfoil.contract.services import SERVICES
from counterfoil.vocabulary import CODEC, VOCABULARY
from counterfoil.words import codec_at, codec_of, service_of, vocabulary_of
from tests.contract.samples import sample


def test_every_command_is_decided_by_the_service_in_whose_package_it_is() -> None:
    told = {body: service_of(sample(body)) for body in VOCABULARY.service_of}
    assert told == VOCABULARY.service_of


def test_no_two_services_have_a_command_or_event_of_one_name() -> None:
    commands = [name for service in SERVICES for name in vocabulary_of(service).commands]
    assert len(commands) == len(set(commands)) == len(VOCABULARY.commands)
    everywhere = set.intersection(*(set(vocabulary_of(service).events) for service in SERVICES))
    own = [name for service in SERVICES for name in vocabulary_of(service).events if name not in everywhere]
    assert len(own) == len(set(own)) == len(VOCABULARY.events) - len(everywhere)


@pytest.mark.parametrize("origin", ["market.example/bank/main", "main", "", "bank/main"])
def test_what_is_no_log_of_a_service_is_refused(origin: str) -> None:
    with pytest.raises(Refused):
        codec_at(origin)


def test_the_types_of_members_are_those_that_their_texts_say() -> None:
    """They are looked up where that is enough; `get_type_hints` evaluates each text."""
    records = [*VOCABULARY.service_of, *VOCABULARY.events.values()]
    while records:
        each = records.pop()
        hints = get_type_hints(shape_of(each), include_extras=True)
        assert annotations_of(each) == {name: hint for name, hint in hints.items() if get_origin(hint) is not ClassVar}
        records += [hint for hint in hints.values() if isinstance(hint, type) and hasattr(hint, "MEMBERS")]


@pytest.mark.parametrize("service", SERVICES)
def test_words_that_are_found_one_by_one_are_those_of_the_service(service: str) -> None:
    whole, found = vocabulary_of(service), codec_of(service).vocabulary
    for name, command in whole.commands.items():
        assert found.commands[name] is command
        assert found.service_of[command] == service
    assert {name: found.events[name] for name in whole.events} == whole.events
    assert (list(found.commands), list(found.events)) == (list(whole.commands), list(whole.events))
    assert dict(found.service_of) == whole.service_of
    other = next(command for command, decides in VOCABULARY.service_of.items() if decides != service)
    assert other not in found.service_of
    assert "no.such.v1" not in found.events


@pytest.mark.parametrize("service", SERVICES)
def test_an_entry_is_read_the_same_by_the_events_that_it_names(service: str) -> None:
    events = tuple(map(sample, vocabulary_of(service).events.values()))
    cause = ResumedCause(1_800_000_000_000_000)
    for some in ((), *((each,) for each in events), events[:3], events):
        outcomes = (Outcome(len(some), None),)
        data = encode_entry(
            Entry(f"h.example/{service}/main", 7, "x", 1_800_000_000_000_001, "s", cause, False, outcomes, some)
        )
        assert codec_of(service).decode_own_entry(data) == CODEC.decode_own_entry(data)


ONE = """
import sys
from counterfoil.matching.inventory_commands import PostOfferAtSite
from counterfoil.words import codec_of
codec = codec_of("matching")
assert codec.vocabulary.commands["cancel_offer", 1].__name__ == "CancelOffer"
assert codec.vocabulary.commands[PostOfferAtSite.TYPE, PostOfferAtSite.V] is PostOfferAtSite
assert codec.vocabulary.events["offer.closed.v1"].TYPE == "offer.closed.v1"
assert codec.vocabulary.events["offer.sited.v1"].__module__ == "counterfoil.matching.inventory_events"
print(*sorted(name for name in sys.modules if name.startswith("counterfoil.matching.")))
assert codec.vocabulary.events["trading.halted.v1"].__module__ == "counterfoil.matching.halt_events"
"""


def test_who_sends_one_command_imports_no_other_words() -> None:
    """Of its own service the first modules, and what the command and its entry name."""
    ran = subprocess.run([sys.executable, "-c", ONE], capture_output=True, text=True, check=True, timeout=60)
    assert "counterfoil.matching.inventory_commands" in ran.stdout.split()
    assert {"counterfoil.matching.halt_events", "counterfoil.matching.auction_events"}.isdisjoint(ran.stdout.split())
