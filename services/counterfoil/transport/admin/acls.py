"""The rights on Kafka that follow from the routes: granting them, and finding those that are missing or too many.

Only a service writes its entries; only gateways write commands; views write nothing but their dead letters. `admin` is
a super user of the cluster, and has no rights listed here. Rights are enforced if the cluster has an authorizer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from confluent_kafka.admin import AclBinding, AclBindingFilter, AdminClient, ConfigResource, ResourceType

from counterfoil.access import KafkaAccess
from counterfoil.contract.services import SERVICES
from counterfoil.contract.topics import CHECKPOINTS, entries_topic
from counterfoil.settings import GATEWAY, USERS, VIEWS
from counterfoil.transport.admin.client import REQUEST_SECONDS, answer, connect, settled
from counterfoil.transport.routes import DEAD_LETTERS_OF, Action, routes

PREFIX: Final = "counterfoil."
"""The prefix of every topic and group; the groups of a user begin with `counterfoil.USER`."""

_ASIDE: Final[Mapping[str, Sequence[str]]] = {
    **{service: [entries_topic(service)] for service in SERVICES},  # to look up what it announced before
    GATEWAY: [CHECKPOINTS],
    VIEWS: [CHECKPOINTS],
}
"""Topics that are read for lookups, in addition to the routes."""


def _routed(user: str, action: Action) -> Iterator[str]:
    return (route.topic for route in routes() if (route.user, route.action) == (user, action))


READS: Final = {user: (*_routed(user, "receive"), *_ASIDE[user]) for user in DEAD_LETTERS_OF}
"""The topics that a user may read."""
WRITES: Final = {user: (*_routed(user, "send"),) for user in DEAD_LETTERS_OF}
"""The topics that a user may write; that includes describing them, and idempotent producing."""


class Right(NamedTuple):
    """One ACL, in Kafka's words: for a topic, a group, a transactional id, or the cluster, which is called a broker."""

    kind: str
    name: str
    pattern: str
    principal: str
    host: str
    operation: str
    permission: str

    def __str__(self) -> str:
        verb = "may" if self.permission == "allow" else "may not"
        kind = "cluster" if self.kind == "broker" else self.kind
        name = f"{self.name}..." if self.pattern == "prefixed" else self.name
        return f"{self.principal} {verb} {self.operation} {kind} {name}" + f" from {self.host}" * (self.host != "*")


def principal(user: str) -> str:
    """Kafka's principal of one of `settings.USERS`."""
    return f"User:counterfoil-{user}"


def _allow(user: str, operation: str, kind: str, name: str, pattern: str = "literal") -> Right:
    return Right(kind, name, pattern, principal(user), "*", operation, "allow")


RIGHTS: Final = frozenset(
    [
        *(_allow(user, "read", "topic", name) for user, names in READS.items() for name in names),
        *(_allow(user, "write", "topic", name) for user, names in WRITES.items() for name in names),
        *(_allow(user, "read", "group", PREFIX + user, "prefixed") for user in READS),
        # the backlog of each shard of a service, by which a gateway sheds commands
        *(_allow(GATEWAY, "describe", "group", PREFIX + service, "prefixed") for service in SERVICES),
    ]
)
"""All rights of Counterfoil's users."""


def enforced(access: KafkaAccess) -> bool:
    """Whether the cluster has an authorizer; without one, any client that can connect may do everything."""
    return _enforced(connect(access))


def apply(access: KafkaAccess) -> list[str]:
    """Give Counterfoil's users exactly their rights; returns the changes once Kafka shows them.

    Rights of other users on Counterfoil's topics are findings of `check`, never revoked here. Does nothing without an
    authorizer. Raises `KafkaFailed`.
    """
    client = connect(access)
    if not _enforced(client):
        return []
    given, taken = _differing(client)
    bindings, filters = [AclBinding(*each) for each in given], [AclBindingFilter(*each) for each in taken]
    asked = list((client.create_acls(bindings, request_timeout=REQUEST_SECONDS) if bindings else {}).values())
    asked += (client.delete_acls(filters, request_timeout=REQUEST_SECONDS) if filters else {}).values()
    for future in asked:
        answer(future)
    if asked:
        settled(lambda: _differing(client) == ([], []), "the rights")
    return [*(f"{right}: granted" for right in given), *(f"{right}: revoked" for right in taken)]


def check(access: KafkaAccess) -> list[str]:
    """Rights that Counterfoil's users lack, and rights of any user that are not needed. Raises `KafkaFailed`."""
    client = connect(access)
    if not _enforced(client):
        return []
    there = _observe(client)
    beyond = [right for right in sorted(there - RIGHTS) if _ours(right) or _reaches_us(right)]
    return [*(f"{right}: missing" for right in sorted(RIGHTS - there)), *(f"{right}: too much" for right in beyond)]


def _enforced(client: AdminClient) -> bool:
    # librdkafka shows a cluster without an authorizer like one without ACLs; the broker's configuration tells which
    broker = answer(client.describe_cluster(request_timeout=REQUEST_SECONDS)).nodes[0].id
    asked = client.describe_configs([ConfigResource(ResourceType.BROKER, str(broker))], request_timeout=REQUEST_SECONDS)
    (found,) = map(answer, asked.values())
    return "authorizer.class.name" not in found or bool(found["authorizer.class.name"].value)


def _observe(client: AdminClient) -> frozenset[Right]:
    kinds = (
        "topic",
        "group",
        "broker",
        "transactional_id",
    )  # one request each: librdkafka does not know every kind that Kafka has
    anything: list[Any] = [None, "any", None, None, "any", "any"]
    asked = [client.describe_acls(AclBindingFilter(k, *anything), request_timeout=REQUEST_SECONDS) for k in kinds]
    return frozenset(_right(binding) for future in asked for binding in answer(future))


def _right(binding: Any) -> Right:
    return Right(
        binding.restype.name.lower(),
        binding.name,
        binding.resource_pattern_type.name.lower(),
        binding.principal,
        binding.host,
        binding.operation.name.lower(),
        binding.permission_type.name.lower(),
    )


def _differing(client: AdminClient) -> tuple[list[Right], list[Right]]:
    """Rights that Counterfoil's users lack, and rights that they should not have."""
    there = _observe(client)
    return sorted(RIGHTS - there), [right for right in sorted(there - RIGHTS) if _ours(right)]


def _ours(right: Right) -> bool:
    return right.principal in map(principal, USERS)


def _reaches_us(right: Right) -> bool:
    """Whether it applies to Counterfoil's topics or groups, or to the whole cluster."""
    if right.kind == "broker":
        return right.operation in ("all", "alter", "alter_configs", "cluster_action")
    if right.kind == "transactional_id":
        return False
    wider = right.name == "*" or (right.pattern == "prefixed" and PREFIX.startswith(right.name))
    return wider or right.name.startswith(PREFIX)
