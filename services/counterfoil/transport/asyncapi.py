"""The AsyncAPI 3.0 document of the distributed form, from FastStream's description and the table of routes.

FastStream describes the application, its server and security, and the subscriber of replies, from the broker that
runs. Users, topics, messages, keys, headers and partitions come from `routes` and `messages`. What is read by
FastStream and by aiokafka's consumers has to be exactly what the routes say, or there is no document.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from faststream.kafka import KafkaBroker
from faststream.kafka.subscriber.usecase import LogicSubscriber
from faststream.security import SASLScram512
from faststream.specification import AsyncAPI

from counterfoil import __version__
from counterfoil.catalogue import SUBSCRIPTIONS
from counterfoil.errors import CounterfoilError
from counterfoil.settings import ADMIN
from counterfoil.transport.gateway import subscribe_to_replies
from counterfoil.transport.messages import BINDING, components, messages_of
from counterfoil.transport.partitions import Partitions
from counterfoil.transport.routes import Read, Route, routes
from counterfoil.transport.topic_settings import TOPICS, partition_count

Json = dict[str, Any]

_SERVERS: Final = "{servers}"
_DESCRIPTION: Final = (
    "Services exchange signed commands and log entries as bytes. Kafka carries them and decides nothing: a command "
    "counts by its signature, an entry by the signed checkpoint that comes with it."
)


class RoutesDiffer(CounterfoilError):
    """What is read or written differs from the table of routes."""


def document() -> Json:
    """The document of all users together, for any cluster."""
    made = specification(_any_cluster(), [(each.topic, each.group) for each in _received() if each.kind != "replies"])
    names = {"default": "127.0.0.1:9092", "description": "HOST:PORT, or several with commas between them"}
    made["servers"]["kafka"]["variables"] = {"servers": names}
    return made


def _any_cluster() -> KafkaBroker:
    """A broker that is never started, with the subscriber of replies."""
    broker = KafkaBroker(
        consumer_only=True,
        security=SASLScram512("", "", use_ssl=True),
        protocol="kafka-secure",
        protocol_version="4",
        specification_url=_SERVERS,
        description="Apache Kafka, as COUNTERFOIL_KAFKA names it.",
    )
    subscribe_to_replies(broker, _ignore)
    return broker


async def _ignore(_reply: bytes) -> None:
    """Stands in for the gateway's handler."""


def specification(broker: KafkaBroker, reads: Iterable[Read]) -> Json:
    """The document of the users who read by FastStream's `broker`, or read `reads` by consumers of their own.

    A reader is known by its topic and group. Raises `RoutesDiffer` unless those users read exactly what their routes
    say.
    """
    base = _describe(broker)
    users = _users([*_read_by(base, broker), *reads])
    served = [route for route in routes() if route.user in users]
    channels = {route.topic for route in served}
    served += [route for route in routes() if route.user == ADMIN and route.topic in channels]
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
    """FastStream's own document of a broker."""
    licence = {"name": "Apache-2.0"}
    api = AsyncAPI(broker, title="Counterfoil", version=__version__, description=_DESCRIPTION, license=licence)
    made: Json = api.to_specification().to_jsonable()
    return made


def _read_by(base: Mapping[str, Any], broker: KafkaBroker) -> list[Read]:
    """What a broker's subscribers read. Raises `RoutesDiffer` if it has publishers: `producer.Sender` writes."""
    written = [name for name, each in base["operations"].items() if each["action"] != "receive"]
    if written:
        raise RoutesDiffer(f"FastStream must not write: {'; '.join(written)}")
    described = {channel["address"] for channel in base["channels"].values()}
    handlers = [each for each in broker.subscribers if isinstance(each, LogicSubscriber)]
    found = [(topic, each.group_id) for each in handlers for topic in each.specification.channel_labels]
    return [read for read in found if read[0] in described]


def _received() -> Iterable[Route]:
    """The routes by which a serving process reads."""
    return (route for route in routes() if route.action == "receive" and route.user != ADMIN)


def _users(reads: Iterable[Read]) -> set[str]:
    """Who reads these. Raises `RoutesDiffer` unless they are all of their routes, and nothing else."""
    known = {(route.topic, route.group): route for route in _received()}
    found = set(reads)
    users = {known[read].user for read in found if read in known}
    wanted = {read for read, route in known.items() if route.user in users}
    if found != wanted:
        more = [f"{topic} is read by {group}" for topic, group in sorted(map(_shown, found - wanted))]
        less = [f"{topic} is not read by {group}" for topic, group in sorted(map(_shown, wanted - found))]
        raise RoutesDiffer(f"the table of routes and what is read differ: {'; '.join(more + less)}")
    return users


def _shown(read: Read) -> tuple[str, str]:
    return read[0], read[1] or "a reader without a group"


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
                "partitions": partition_count(route.topic, Partitions()),
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
        made["summary"] = "Reads dead letters." if route.action == "receive" else "Replays dead letters to their topic."
    if route.action == "receive" and route.group is not None:
        group = {"type": "string", "enum": [route.group]}
        made["bindings"] = {"kafka": {"groupId": group, "bindingVersion": BINDING}}
    consumed = SUBSCRIPTIONS.get(route.user, {}).get(route.owner, ()) if route.kind == "entries" else ()
    if consumed:
        made["x-events"] = [{"$ref": f"#/components/schemas/event.{each.TYPE}"} for each in consumed]
    return made


def _short(message: str) -> str:
    return message.removeprefix("command.")
