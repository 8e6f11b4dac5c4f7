"""Who reads and writes which topic: the table that AsyncAPI, the topics' settings and the rights on Kafka follow from.

Users are those of `counterfoil.settings.USERS`. A user has no rights on Kafka beyond its routes. The end-to-end tests
compare what the running processes read with this table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Literal

from counterfoil.catalogue import SUBSCRIPTIONS
from counterfoil.contract.log_id import MAIN, LogId
from counterfoil.contract.services import SERVICES
from counterfoil.contract.topics import CHECKPOINTS, REPLIES, commands_topic, dead_letters_topic, entries_topic
from counterfoil.settings import ADMIN, GATEWAY, VIEWS

Action = Literal["receive", "send"]
Kind = Literal["commands", "entries", "dead-letters", "checkpoints", "replies"]

Read = tuple[str, str | None]
"""A topic that is read, and the reader's consumer group."""

DEAD_LETTERS_OF: Final = (*SERVICES, GATEWAY, VIEWS)
"""Who writes dead letters."""
_TOPIC: Final[dict[Kind, Callable[[str], str]]] = {
    "commands": commands_topic,
    "entries": entries_topic,
    "dead-letters": dead_letters_topic,
    "checkpoints": lambda _owner: CHECKPOINTS,
    "replies": lambda _owner: REPLIES,
}


@dataclass(frozen=True, slots=True)
class Route:
    """`user` reads from or writes to one topic. `owner`: whose topic it is; empty if all users share it."""

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
        """A unique name: ``ledger.receive.matching.entries``."""
        return f"{self.user}.{self.action}.{self.topic.removeprefix('counterfoil.')}"

    @property
    def group(self) -> str | None:
        """The consumer group that a reader commits its offsets to, so that its lag shows.

        None for replies, all of which every gateway reads, and for an administrator who reads dead letters.
        """
        return group_of(self.user) if self.user != ADMIN and self.kind != "replies" else None


def group_of(user: str, shard: str = MAIN) -> str:
    """The consumer group of a user, or of the writer of a shard: ``counterfoil.matching.cn.sh``."""
    return f"counterfoil.{LogId(user, shard).stem}"


def routes() -> tuple[Route, ...]:
    """All routes, in a fixed order."""
    return (
        *(each for service in SERVICES for each in _of_service(service)),
        *_of_gateway(),
        *_of_views(),
        *_of_admin(),
    )


def _of_service(service: str) -> Iterable[Route]:
    yield Route(service, "receive", "commands", service)
    for source in SUBSCRIPTIONS[service]:
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
    """An administrator reads dead letters, and replays them to the topics that they came from."""
    for owner in DEAD_LETTERS_OF:
        yield Route(ADMIN, "receive", "dead-letters", owner)
    for service in SERVICES:
        yield Route(ADMIN, "send", "commands", service)
        yield Route(ADMIN, "send", "entries", service)
