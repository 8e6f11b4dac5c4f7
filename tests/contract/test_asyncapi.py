"""The published AsyncAPI document is valid, current, and complete: every topic, message, type and reference."""

from __future__ import annotations

import copy
import json
import re
import subprocess
import sys
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin

import pytest
from faststream.kafka import KafkaBroker
from jsonschema import Draft7Validator, Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from counterfoil.access import KafkaAccess
from counterfoil.catalogue import SUBSCRIPTIONS
from counterfoil.cli.schemas import ASYNCAPI, asyncapi, contract_files, diff_schemas
from counterfoil.contract import topics
from counterfoil.contract.log_id import LogId
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.contract.scalars import decode_base64
from counterfoil.contract.services import SERVICES
from counterfoil.contract.submission import BATCH
from counterfoil.ports import COMMANDS_SOURCE, Announcement, Reply
from counterfoil.settings import ADMIN
from counterfoil.transport.asyncapi import RoutesDiffer, specification
from counterfoil.transport.batches import Headers, encode
from counterfoil.transport.broker import make_broker
from counterfoil.transport.buffers import Buffer
from counterfoil.transport.client import partition
from counterfoil.transport.dead_letter_headers import dead_letter
from counterfoil.transport.gateway import subscribe_to_replies
from counterfoil.transport.reply_records import encode_reply
from counterfoil.transport.routes import Read, group_of, routes
from counterfoil.transport.subscription import CommandFeed, Subscription
from counterfoil.transport.topic_settings import TOPICS
from counterfoil.vocabulary import VOCABULARY
from tests.contract.test_vectors import vector

FOLDER = Path(__file__).parents[2] / "schemas"
OFFICIAL = Draft7Validator(json.loads((Path(__file__).parent / "asyncapi" / "3.0.0.json").read_text()))
DOCUMENT: dict[str, Any] = json.loads((FOLDER / ASYNCAPI).read_text())
MESSAGES = DOCUMENT["components"]["messages"]
BASE = "https://counterfoil.example/schemas/"
EVERY_TOPIC = {
    topics.CHECKPOINTS,
    topics.REPLIES,
    *(topics.commands_topic(service) for service in SERVICES),
    *(topics.entries_topic(service) for service in SERVICES),
    *(topics.dead_letters_topic(user) for user in (*SERVICES, "gateway", "views")),
}


def published() -> Registry[Any]:
    """The document and all schemas as a tool finds them: by place, and by their own ids."""
    found = [(BASE + ASYNCAPI, DRAFT202012.create_resource(DOCUMENT))]
    for path in FOLDER.rglob("*.schema.json"):
        schema = json.loads(path.read_text())
        found += [
            (name, DRAFT202012.create_resource(schema))
            for name in (BASE + path.relative_to(FOLDER).as_posix(), schema["$id"])
        ]
    return Registry().with_resources(found)


REGISTRY = published()


def references(value: Any) -> list[str]:
    """Every `$ref` inside a JSON value."""
    if isinstance(value, list):
        return [found for each in value for found in references(each)]
    if not isinstance(value, dict):
        return []
    own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
    return own + [found for each in value.values() for found in references(each)]


def at(pointer: str) -> Any:
    """What is at ``#/a/b`` of the document; KeyError where nothing is."""
    value: Any = DOCUMENT
    for part in pointer.removeprefix("#/").split("/"):
        value = value[unquote(part).replace("~1", "/").replace("~0", "~")]
    return value


def validator(*path: str) -> Draft202012Validator:
    """Of the schema at a place in the document."""
    return Draft202012Validator({"$ref": f"{BASE}{ASYNCAPI}#/{'/'.join(path)}"}, registry=REGISTRY)


def payload(message: str) -> Draft202012Validator:
    return validator("components", "messages", message, "payload", "schema")


# the document -------------------------------------------------------------------------------------------------------


def test_it_is_current() -> None:
    """After a deliberate change: `counterfoil schemas`."""
    assert diff_schemas(FOLDER, {**contract_files(), ASYNCAPI: asyncapi()}) == []
    assert asyncapi() == asyncapi()


def test_it_is_valid() -> None:
    OFFICIAL.check_schema(OFFICIAL.schema)
    assert [f"{error.json_path}: {error.message}" for error in OFFICIAL.iter_errors(DOCUMENT)] == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("asyncapi", "2.6.0"),
        ("servers/kafka/protocol", None),
        ("channels/counterfoil.replies/bindings/kafka/partitions", 0),
        ("channels/counterfoil.replies/x", 1),
        ("operations/ledger.send.replies/action", "publish"),
        ("components/securitySchemes/scram512/type", "scram"),
    ],
)
def test_the_official_schema_would_find_it(path: str, value: Any) -> None:
    spoilt = copy.deepcopy(DOCUMENT)
    *parents, last = path.split("/")
    place = spoilt
    for each in parents:
        place = place[each]
    place[last] = value
    assert not OFFICIAL.is_valid(spoilt)


def test_every_reference_resolves() -> None:
    found = references(DOCUMENT)
    files = {each for each in found if not each.startswith("#/")}
    for each in set(found) - files:
        assert at(each) is not None
    for each in files:
        assert (FOLDER / each).is_file(), each
        schema = REGISTRY.contents(urljoin(BASE, each))
        resolver = REGISTRY.resolver(base_uri=schema["$id"])
        for inner in references(schema):
            assert resolver.lookup(inner).contents is not None
    names = {path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.schema.json")}
    names = {name for name in names if not name.startswith("state/")}  # no message has those
    names.remove("programme.schema.json")  # no message has it yet
    assert files == names - {"command.schema.json", "entry.schema.json"}, "these two are repeated, see below"
    assert not [each for each in found if each.startswith("urn:")], "tools look for files"


def test_commands_and_entries_are_described_as_published() -> None:
    for name in ("command", "entry"):
        schema = json.loads((FOLDER / f"{name}.schema.json").read_text())
        text = json.dumps({**at(f"#/components/schemas/{name}/schema"), "$id": schema["$id"]}, sort_keys=True)
        text = text.replace(f"#/components/schemas/{name}/schema/", "#/")
        text = re.sub(r"events/([a-z_.]+v\d+)\.schema\.json", "urn:counterfoil:schema:event:\\1", text)
        text = re.sub(r"commands/([a-z_]+)\.(v\d+)\.schema\.json", "urn:counterfoil:schema:command:\\1:\\2", text)
        assert text == json.dumps(schema, sort_keys=True)


# what it holds ------------------------------------------------------------------------------------------------------


def test_every_topic_is_a_channel() -> None:
    assert set(DOCUMENT["channels"]) == EVERY_TOPIC
    for name, channel in DOCUMENT["channels"].items():
        binding = channel["bindings"]["kafka"]
        assert (channel["address"], binding["topic"], binding["partitions"]) == (name, name, 1)
        told = {setting: TOPICS[name][setting] for setting in binding["topicConfiguration"]}
        assert told == {
            setting: value[0] if isinstance(value, list) else str(value)
            for setting, value in binding["topicConfiguration"].items()
        }
        assert (told["cleanup.policy"] == "compact") is (name == topics.CHECKPOINTS)
        assert channel["messages"]


def test_every_command_is_a_message_of_its_service() -> None:
    for service in SERVICES:
        own = [f"{each.TYPE}.v{each.V}" for each, by in VOCABULARY.service_of.items() if by == service]
        messages = DOCUMENT["channels"][topics.commands_topic(service)]["messages"]
        assert list(messages) == [*own, f"{BATCH}.v1"]
        assert messages[own[0]] == {"$ref": f"#/components/messages/command.{own[0]}"}
    assert {name for name in MESSAGES if not name.startswith("command.")} == {
        "entry", "checkpoint", "reply", "dead-letter",
    }  # fmt: skip


def test_every_event_is_there_and_every_consumer_says_which_it_takes() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    assert [name for name in VOCABULARY.events if f"event.{name}" not in schemas] == []
    for consumer, sources in SUBSCRIPTIONS.items():
        for source, types in sources.items():
            operation = DOCUMENT["operations"][f"{consumer}.receive.{source}.entries"]
            names = [each["$ref"].partition("/event.")[2] for each in operation["x-events"]]
            assert names == [each.TYPE for each in types]


def test_every_message_has_a_key_headers_a_content_type_and_a_payload() -> None:
    for name, message in MESSAGES.items():
        assert message["bindings"]["kafka"]["key"]["type"] == "string", name
        headers = at(message["headers"]["$ref"])
        Draft202012Validator.check_schema(headers)
        declared = headers.get("properties", {}).get(topics.CONTENT_TYPE, {}).get("const", message["contentType"])
        assert declared == message["contentType"]
        assert message["payload"]
    fields = {name for each in MESSAGES.values() for name in at(each["headers"]["$ref"]).get("properties", {})}
    known = {
        value
        for name, value in vars(topics).items()
        if name.isupper() and isinstance(value, str) and not name.endswith("_TYPE") and "." not in value
    }
    assert fields == known | {topics.CONTENT_TYPE}, "every header of the contract, and no other"


def test_every_route_is_an_operation_and_consumers_name_their_group() -> None:
    operations = DOCUMENT["operations"]
    assert list(operations) == [route.name for route in routes()]
    for route in routes():
        operation = operations[route.name]
        assert operation["action"] == route.action
        assert at(operation["channel"]["$ref"])["address"] == route.topic
        assert operation["x-user"] == f"counterfoil-{route.user}"
        assert [at(at(each["$ref"])["$ref"]) for each in operation["messages"]]
        grouped = route.action == "receive" and route.user != "admin" and route.kind != "replies"
        assert ("bindings" in operation) is grouped
        if grouped:
            assert operation["bindings"]["kafka"]["groupId"]["enum"] == [f"counterfoil.{route.user}"]


def test_only_a_service_writes_its_entries_and_only_gateways_write_commands() -> None:
    """Except for the administrator, who replays dead letters."""
    writers = {(route.topic, route.user) for route in routes() if route.action == "send" and route.user != ADMIN}
    assert {user for topic, user in writers if topic.endswith(".commands")} == {"gateway"}
    for service in SERVICES:
        assert {user for topic, user in writers if topic == topics.entries_topic(service)} == {service}


def test_servers_want_scram() -> None:
    (server,) = DOCUMENT["servers"].values()
    assert server["protocol"] == "kafka-secure"
    assert [at(each["$ref"])["type"] for each in server["security"]] == ["scramSha512"]


# what it says is so -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sent", [*vector("commands.json")["commands"], vector("commands.json")["batch"]],
                         ids=lambda each: each["type"])  # fmt: skip
def test_the_published_envelopes_are_the_messages_it_describes(sent: dict[str, Any]) -> None:
    name, envelope = f"command.{sent['type']}.v{sent['v']}", json.loads(sent["envelope"])
    payload(name).validate(envelope)
    inside = "payload/schema/allOf/1/properties/payload/contentSchema"
    command = validator("components", "messages", name, *inside.split("/"))
    signed = json.loads(decode_base64(envelope["payload"]))
    command.validate(signed)
    assert not command.is_valid({**signed, "v": 9})
    assert not payload(name).is_valid({**envelope, "signatures": []})


def test_the_published_entries_are_the_messages_it_describes() -> None:
    for each in vector("entries.json")["entries"]:
        payload("entry").validate(json.loads(each["entry"]))
    assert not payload("entry").is_valid({})


@pytest.mark.parametrize(
    "reply",
    [
        Reply(LogId("ledger"), bytes(32), None, 7, bytes(64)),
        Reply(LogId("matching"), bytes(32), Refusal(Code.MALFORMED, (("member", "a"), ("reason", "b"))), None),
    ],
)
def test_replies_are_the_messages_it_describes(reply: Reply) -> None:
    value = json.loads(encode_reply(reply))
    payload("reply").validate(value)
    assert not payload("reply").is_valid({**value, "service": "views"})


def headers_of(name: str, found: Headers) -> None:
    """Validate a record's headers, and that none of them is unknown."""
    value = {field: data.decode("latin-1") for field, data in found}
    schema = validator("components", "messages", name, "headers")
    schema.validate(value)
    described = at(MESSAGES[name]["headers"]["$ref"])
    assert set(value) <= set(described["properties"])
    for required in described["required"]:
        assert not schema.is_valid({field: text for field, text in value.items() if field != required})


def test_headers_are_those_it_describes() -> None:
    trace = "00-" + "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    batch = Announcement("a/b/c", 3, [b"{}", b"{}"], 9, b"note", [bytes(32)] * 2, [b"\xff" * 32], [trace, ""])
    first, last = encode(batch)
    headers_of("entry", first[1])
    headers_of("entry", last[1])
    assert {name for name, _ in (*first[1], *last[1])} == set(at("#/components/schemas/entry-headers")["properties"])
    dead = dead_letter("counterfoil.ledger.commands", 0, 12, [], "no_envelope", "2026-11-22T18:00:00.123456Z")
    headers_of("dead-letter", dead)  # type: ignore[arg-type]


# made from what runs ------------------------------------------------------------------------------------------------

ACCESS = KafkaAccess("127.0.0.1:9", "counterfoil-test", "secret", None)


def reads(user: str) -> list[Read]:
    """What a user's aiokafka consumer reads, as the transport makes it; nothing is connected."""
    own = [route for route in routes() if (route.user, route.action) == (user, "receive") and route.group is not None]
    feeds = [CommandFeed(partition(route.topic), Buffer(COMMANDS_SOURCE), 0, "") for route in own]
    return Subscription(lambda: None, user, group_of(user), feeds, lambda _record, _reason: Future()).reads


def broker() -> KafkaBroker:
    """FastStream's broker as every user makes it."""
    return make_broker(ACCESS, "counterfoil-test")


def replies() -> KafkaBroker:
    """FastStream's broker as a gateway makes it."""
    made = broker()
    subscribe_to_replies(made, take)
    return made


async def take(_reply: bytes) -> None:
    """Takes nothing."""


def test_the_published_document_is_that_of_what_runs() -> None:
    everything = [read for user in (*SERVICES, "gateway", "views") for read in reads(user)]
    made = specification(replies(), everything)
    assert made["servers"]["kafka"]["host"] == "127.0.0.1:9"
    assert {**made, "servers": {}} == {**DOCUMENT, "servers": {}}
    assert OFFICIAL.is_valid(made)


def test_the_document_of_one_service_has_its_routes_alone() -> None:
    made = specification(broker(), reads("redemption"))
    own = [route for route in routes() if route.user == "redemption"]
    assert [name for name in made["operations"] if not name.startswith("admin.")] == [route.name for route in own]
    assert set(made["channels"]) == {route.topic for route in own}
    assert OFFICIAL.is_valid(made)


@pytest.mark.parametrize(
    ("more", "found"),
    [
        (("counterfoil.x", "counterfoil.views"), "counterfoil.x is read by counterfoil.views"),
        ((topics.entries_topic("ledger"), "other"), "counterfoil.ledger.entries is read by other"),
        ((topics.commands_topic("ledger"), "counterfoil.views"), "commands is read by counterfoil.views"),
        ((topics.REPLIES, None), "counterfoil.issuance.entries is not read by counterfoil.gateway"),
    ],
)
def test_readers_and_routes_that_differ_are_an_error(more: Read, found: str) -> None:
    with pytest.raises(RoutesDiffer, match=re.escape(found)):
        specification(broker(), [*reads("views"), more])


def test_what_faststream_reads_counts() -> None:
    with pytest.raises(RoutesDiffer, match=r"counterfoil\.issuance\.entries is not read by counterfoil\.gateway"):
        specification(replies(), reads("views"))


def test_writing_by_fast_stream_is_an_error() -> None:
    made = broker()
    made.publisher("counterfoil.x", title="by the way")
    with pytest.raises(RoutesDiffer, match="by the way"):
        specification(made, reads("views"))


def test_without_the_extra_the_command_says_so(tmp_path: Path) -> None:
    """A process in which FastStream cannot be imported stands for an installation without it."""
    hide = "import sys; sys.modules['faststream'] = None; sys.argv = ['counterfoil', *sys.argv[1:]]; "
    run = partial(subprocess.run, capture_output=True, text=True, check=False, timeout=60)
    command = [sys.executable, "-c", f"{hide}from counterfoil.cli.main import app; app()", "schemas"]
    ran = run([*command, "--root", str(tmp_path), "--json"])
    assert ran.returncode == 2, ran.stderr
    assert "pip install 'counterfoil[distributed]'" in json.loads(ran.stderr)["error"]["meaning"]
    assert list(tmp_path.iterdir()) == []
