"""The AsyncAPI 3.0 document of the distributed form, from FastStream's own description of the brokers that run.

FastStream knows which topics are read, the servers and how one logs in. Who reads, what a topic means, its messages,
keys, headers and partitions come from `routes` and `messages`, and so does what is written, which FastStream has no
part in. A reader without a route, or a route without a reader, is an error: the document says what is, or there is
none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from faststream.kafka import KafkaBroker
from faststream.kafka import TopicPartition as Partition
from faststream.kafka.subscriber.usecase import LogicSubscriber
from faststream.security import SASLScram512
from faststream.specification import AsyncAPI

from counterfoil import __version__
from counterfoil.contract.events import NAME_OF, SUBSCRIPTIONS
from counterfoil.errors import CounterfoilError
from counterfoil.settings import ADMIN
from counterfoil.transport.admin.topics import PARTITIONS, TOPICS
from counterfoil.transport.client import PARTITION
from counterfoil.transport.messages import BINDING, components, messages_of
from counterfoil.transport.routes import Route, routes

Json = dict[str, Any]

_SERVERS: Final = "{servers}"
_DESCRIPTION: Final = (
    "Services exchange signed commands and log entries as bytes. Kafka carries them and decides nothing: commands are "
    "believed for their signature, entries for the signed checkpoint that comes with them."
)


class RoutesDiffer(CounterfoilError):
    """What is bound to the brokers is not what the table of routes says."""


def document() -> Json:
    """The document of all users together, for any cluster."""
    readers: dict[tuple[str, str | None], list[str]] = {}
    for route in routes():
        if route.action == "receive" and route.user != ADMIN:
            readers.setdefault((route.user, route.group), []).append(route.topic)
    made = specification(*(_broker(topics, group) for (_, group), topics in readers.items()))
    names = {"default": "127.0.0.1:9092", "description": "HOST:PORT, or several with commas between them"}
    made["servers"]["kafka"]["variables"] = {"servers": names}
    return made


def _broker(topics: Iterable[str], group: str | None) -> KafkaBroker:
    """A broker that is never started, with one reader, as `subscription` binds it."""
    broker = KafkaBroker(
        consumer_only=True,
        security=SASLScram512("", "", use_ssl=True),
        protocol="kafka-secure",
        protocol_version="4",
        specification_url=_SERVERS,
        description="Apache Kafka, as COUNTERFOIL_KAFKA names it.",
    )
    broker.subscriber(partitions=[Partition(topic, PARTITION) for topic in topics], group_id=group, batch=True)(_take)
    return broker


async def _take(_records: list[bytes]) -> None:
    """Stands where a service's handler is."""


def specification(*brokers: KafkaBroker) -> Json:
    """The document of those who read by these brokers, one for each or more, all of one cluster.

    A reader is known by its topic and its group. Raises `RoutesDiffer` unless each of its users' routes, and nothing
    else, is read.
    """
    described = [_describe(broker) for broker in brokers]
    users = _users(pair for base, broker in zip(described, brokers, strict=True) for pair in _reads(base, broker))
    served = [route for route in routes() if route.user in users]
    channels = {route.topic for route in served}
    served += [route for route in routes() if route.user == ADMIN and route.topic in channels]
    base = described[0]
    (server,) = base["servers"].values()
    return {
        "asyncapi": base["asyncapi"],
        "info": base["info"],
        "defaultContentType": base["defaultContentType"],
        "servers": {"kafka": server},
        "channels": {route.topic: _channel(route) for route in served},
        "operations": {route.name: _operation(route) for route in served},
        "components": {**components(), "securitySchemes": base["components"].get("securitySchemes", {})},
    }


def _describe(broker: KafkaBroker) -> Json:
    """What FastStream says of a broker."""
    licence = {"name": "Apache-2.0"}
    api = AsyncAPI(broker, title="Counterfoil", version=__version__, description=_DESCRIPTION, license=licence)
    made: Json = api.to_specification().to_jsonable()
    return made


def _reads(base: Mapping[str, Any], broker: KafkaBroker) -> list[tuple[str, str | None]]:
    """Topic and group of all that is read by a broker. Raises `RoutesDiffer` if anything is written by it."""
    written = [name for name, each in base["operations"].items() if each["action"] != "receive"]
    if written:
        raise RoutesDiffer(f"FastStream is not to write: {'; '.join(written)}")
    described = {channel["address"] for channel in base["channels"].values()}
    handlers = [each for each in broker.subscribers if isinstance(each, LogicSubscriber)]
    found = [(topic, each.group_id) for each in handlers for topic in each.specification.channel_labels]
    return [pair for pair in found if pair[0] in described]


def _users(reads: Iterable[tuple[str, str | None]]) -> set[str]:
    """Who reads; each user's routes are there, and nothing else. Raises `RoutesDiffer`."""
    known = {
        (route.topic, route.group): route for route in routes() if route.action == "receive" and route.user != ADMIN
    }
    found = set(reads)
    users = {known[pair].user for pair in found if pair in known}
    wanted = {pair for pair, route in known.items() if route.user in users}
    if found != wanted:
        more = [f"{topic} is read by {group}" for topic, group in sorted(map(_shown, found - wanted))]
        less = [f"{topic} is not read by {group}" for topic, group in sorted(map(_shown, wanted - found))]
        raise RoutesDiffer(f"the table of routes and what is read differ: {'; '.join(more + less)}")
    return users


def _shown(pair: tuple[str, str | None]) -> tuple[str, str]:
    return pair[0], pair[1] or "nobody's group"


def _channel(route: Route) -> Json:
    settings = TOPICS[route.topic]
    told: Json = {name: int(settings[name]) for name in ("retention.ms", "retention.bytes", "max.message.bytes")}
    return {
        "address": route.topic,
        "servers": [{"$ref": "#/servers/kafka"}],
        "messages": {_short(name): {"$ref": f"#/components/messages/{name}"} for name in messages_of(route)},
        "bindings": {
            "kafka": {
                "topic": route.topic,
                "partitions": PARTITIONS,
                "topicConfiguration": {"cleanup.policy": [settings["cleanup.policy"]], **told},
                "bindingVersion": BINDING,
            }
        },
    }


def _operation(route: Route) -> Json:
    channel = f"#/channels/{route.topic}"
    made: Json = {
        "action": route.action,
        "channel": {"$ref": channel},
        "messages": [{"$ref": f"{channel}/messages/{_short(name)}"} for name in messages_of(route)],
        "x-user": f"counterfoil-{route.user}",
    }
    if route.user == ADMIN:
        made["summary"] = "Looks at what was set aside." if route.action == "receive" else "Sends it back to its topic."
    if route.action == "receive" and route.group is not None:
        group = {"type": "string", "enum": [route.group]}
        made["bindings"] = {"kafka": {"groupId": group, "bindingVersion": BINDING}}
    consumed = SUBSCRIPTIONS.get(route.user, {}).get(route.owner, ()) if route.kind == "entries" else ()
    if consumed:
        made["x-events"] = [{"$ref": f"#/components/schemas/event.{NAME_OF[each]}"} for each in consumed]
    return made


def _short(message: str) -> str:
    return message.removeprefix("command.")
