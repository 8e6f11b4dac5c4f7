"""The commands and events of all services, and the codec of these words.

It needs none of the deciders, so that a client knows all words without them.
"""

from __future__ import annotations

from typing import Final

from counterfoil.contract.codec import Codec
from counterfoil.contract.services import SERVICES
from counterfoil.contract.vocabulary import Vocabulary
from counterfoil.words import vocabulary_of


def _vocabulary() -> Vocabulary:
    each = [vocabulary_of(service) for service in SERVICES]
    return Vocabulary(
        commands={name: body for one in each for name, body in one.commands.items()},
        service_of={body: service for one in each for body, service in one.service_of.items()},
        events={name: event for one in each for name, event in one.events.items()},
    )


VOCABULARY: Final = _vocabulary()
CODEC: Final = Codec(VOCABULARY)
