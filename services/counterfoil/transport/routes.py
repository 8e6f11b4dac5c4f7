"""Who reads and writes which topic: the table that the Kafka transport binds, and that AsyncAPI is made from.

Users are those of `counterfoil.settings.USERS`. Only what is written here may be: the rights on Kafka follow from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Literal

from counterfoil.catalogue import VOCABULARY
from counterfoil.contract.services import SERVICES
from counterfoil.contract.topics import CHECKPOINTS, REPLIES, commands_topic, dead_letters_topic, entries_topic
from counterfoil.settings import ADMIN, GATEWAY, VIEWS

Action = Literal["receive", "send"]
Kind = Literal["commands", "entries", "dead-letters", "checkpoints", "replies"]

DEAD_LETTERS_OF: Final = (*SERVICES, GATEWAY, VIEWS)
"""Who sets records aside."""
_TOPIC: Final[dict[Kind, Callable[[str], str]]] = {
    "commands": commands_topic,
    "entries": entries_topic,
    "dead-letters": dead_letters_topic,
    "checkpoints": lambda _owner: CHECKPOINTS,
    "replies": lambda _owner: REPLIES,
}


@dataclass(frozen=True, slots=True)
class Route:
    """`user` reads from or writes to one topic. `owner`: whose topic it is, empty where it is everybody's."""

    user: str
    action: Action
    kind: Kind
    owner: str = ""

    @property
    def topic(self) -> str:
        """The topic's name."""
        return _TOPIC[self.kind](self.owner)

    @property
    def name(self) -> str:
        """A name of its own: ``ledger.receive.matching.entries``."""
        return f"{self.user}.{self.action}.{self.topic.removeprefix('counterfoil.')}"

    @property
    def group(self) -> str | None:
        """The consumer group that is told how far a reader is; none for replies, which every gateway reads by itself.

        People who look at dead letters are in none.
        """
        return f"counterfoil.{self.user}" if self.user != ADMIN and self.kind != "replies" else None


def routes() -> tuple[Route, ...]:
    """All of them, in a fixed order."""
    return (
        *(each for service in SERVICES for each in _of_service(service)),
        *_of_gateway(),
        *_of_views(),
        *_of_admin(),
    )


def _of_service(service: str) -> Iterable[Route]:
    yield Route(service, "receive", "commands", service)
    for source in VOCABULARY.subscriptions[service]:
        yield Route(service, "receive", "entries", source)
    yield Route(service, "send", "entries", service)
    yield Route(service, "send", "checkpoints")
    yield Route(service, "send", "replies")
    yield Route(service, "send", "dead-letters", service)


def _of_gateway() -> Iterable[Route]:
    for service in SERVICES:
        yield Route(GATEWAY, "send", "commands", service)
        yield Route(GATEWAY, "receive", "entries", service)
    yield Route(GATEWAY, "receive", "replies")
    yield Route(GATEWAY, "send", "dead-letters", GATEWAY)


def _of_views() -> Iterable[Route]:
    for service in SERVICES:
        yield Route(VIEWS, "receive", "entries", service)
    yield Route(VIEWS, "send", "dead-letters", VIEWS)


def _of_admin() -> Iterable[Route]:
    """Dead letters are looked at, and sent back to where they came from."""
    for owner in DEAD_LETTERS_OF:
        yield Route(ADMIN, "receive", "dead-letters", owner)
    for service in SERVICES:
        yield Route(ADMIN, "send", "commands", service)
        yield Route(ADMIN, "send", "entries", service)
