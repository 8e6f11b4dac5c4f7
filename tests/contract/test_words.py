"""A service's words are those of its own package, and its codec reads no others."""

from __future__ import annotations

from typing import ClassVar, get_origin, get_type_hints

import pytest

from counterfoil.contract.canonical import Refused
from counterfoil.contract.record import annotations_of, shape_of
from counterfoil.contract.services import SERVICES
from counterfoil.vocabulary import VOCABULARY
from counterfoil.words import codec_at, service_of, vocabulary_of
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
