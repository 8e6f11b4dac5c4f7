"""Any CloudEvents consumer reads our entries: the CloudEvents SDK takes them in structured mode as they are."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from cloudevents.core.bindings.kafka import KafkaMessage, from_structured_event
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given

from counterfoil.contract.codec import encode_entry
from counterfoil.contract.entry import Entry
from counterfoil.vocabulary import CODEC
from tests.contract.make_vectors import sample_entries
from tests.strategies import entries

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
CONTENT_TYPE = b"application/cloudevents+json"


def read(entry: Entry) -> CloudEvent:
    message = KafkaMessage({"content-type": CONTENT_TYPE}, None, encode_entry(entry))
    event = from_structured_event(message, JSONFormat())
    assert isinstance(event, CloudEvent)
    return event


def check(entry: Entry) -> None:
    event = read(entry)
    assert event.get_specversion() == "1.0"
    assert event.get_type() == "counterfoil.entry.v1"
    assert event.get_source() == f"//{entry.origin}"
    assert event.get_id() == entry.id
    assert event.get_subject() == entry.subject
    assert event.get_time() == EPOCH + timedelta(microseconds=entry.time)
    assert event.get_datacontenttype() == "application/json"
    assert event.get_extension("sequence") == f"{entry.index:020d}"
    assert event.get_data() == json.loads(encode_entry(entry))["data"]


def test_the_sample_entries() -> None:
    for entry in sample_entries():
        check(entry)


@given(entries())
def test_any_entry(entry: Entry) -> None:
    check(entry)


def test_what_the_sdk_writes_again_is_the_same_entry() -> None:
    for entry in sample_entries():
        assert CODEC.decode_entry(JSONFormat().write(read(entry))) == entry
