"""librdkafka's mock cluster, which comes with `confluent_kafka`: for injected errors: it answers as the test says.

It is no evidence of what Kafka does: it keeps no sequence of a producer and knows neither rights nor transactions.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Final

import confluent_kafka
from confluent_kafka import Consumer, TopicPartition

PRODUCE: Final = 0
"""The key of this request in Kafka's protocol."""

WITHIN: Final = 20.0
_TEXT: Final = 512


class MockCluster:
    """Brokers 1 to N in this process, on loopback."""

    def __init__(self, library: ctypes.CDLL, handle: ctypes.c_void_p, opened: ExitStack) -> None:
        self._library = library
        self._cluster = ctypes.c_void_p(library.rd_kafka_handle_mock_cluster(handle))
        self.servers: str = library.rd_kafka_mock_cluster_bootstraps(self._cluster).decode()
        reading = {"bootstrap.servers": self.servers, "group.id": "reader", "fetch.wait.max.ms": 5, "log_level": 0}
        self._reader = opened.enter_context(Consumer(reading))

    def topic(self, name: str) -> None:
        """Make a topic with one partition."""
        self._done(self._library.rd_kafka_mock_topic_create(self._cluster, name.encode(), 1, 1))

    def lead(self, topic: str, broker: int) -> None:
        """Let a broker lead a topic; -1: none does."""
        self._done(self._library.rd_kafka_mock_partition_set_leader(self._cluster, topic.encode(), 0, broker))

    def answer(self, request: int, *errors: int) -> None:
        """Answer the next requests of a kind with these error codes of the protocol, 0 is none; forget earlier ones."""
        self._library.rd_kafka_mock_clear_request_errors(self._cluster, ctypes.c_int16(request))
        codes = (ctypes.c_int * len(errors))(*errors)
        self._library.rd_kafka_mock_push_request_errors_array(
            self._cluster, ctypes.c_int16(request), ctypes.c_size_t(len(errors)), codes
        )

    def down(self, broker: int) -> None:
        """Close a broker's connections, and take no new ones."""
        self._done(self._library.rd_kafka_mock_broker_set_down(self._cluster, broker))

    def up(self, broker: int) -> None:
        """Take connections again."""
        self._done(self._library.rd_kafka_mock_broker_set_up(self._cluster, broker))

    def values(self, topic: str) -> list[bytes | None]:
        """The values of a topic's records."""
        found: list[bytes | None] = []
        _, end = self._reader.get_watermark_offsets(TopicPartition(topic, 0), timeout=WITHIN)
        self._reader.assign([TopicPartition(topic, 0, 0)])
        deadline = time.monotonic() + WITHIN
        while len(found) < end:
            assert time.monotonic() < deadline, f"{topic} does not go beyond {len(found)} of {end}"
            message = self._reader.poll(0.1)
            if message is not None and message.error() is None:
                found.append(message.value())
        return found

    @staticmethod
    def _done(code: int) -> None:
        assert code == 0, f"the mock cluster refused: {code}"


@contextmanager
def mock_cluster(brokers: int = 1) -> Iterator[MockCluster]:
    """A cluster for the length of the block."""
    library = _library()
    said = ctypes.create_string_buffer(_TEXT)
    settings = ctypes.c_void_p(library.rd_kafka_conf_new())
    for name, value in {"test.mock.num.brokers": str(brokers), "log_level": "0"}.items():
        assert library.rd_kafka_conf_set(settings, name.encode(), value.encode(), said, _TEXT) == 0, said.value
    handle = ctypes.c_void_p(library.rd_kafka_new(0, settings, said, _TEXT))
    assert handle.value, said.value
    with ExitStack() as opened:
        opened.callback(library.rd_kafka_destroy, handle)
        yield MockCluster(library, handle, opened)


@cache
def _library() -> ctypes.CDLL:
    """The librdkafka that `confluent_kafka` has loaded: beside it in its wheel, or linked into its extension."""
    beside = Path(confluent_kafka.__file__).parents[1] / "confluent_kafka.libs"
    found = sorted(beside.glob("librdkafka*.so*"))
    library = ctypes.CDLL(str(found[0]) if found else confluent_kafka.cimpl.__file__)
    for name in ("rd_kafka_conf_new", "rd_kafka_new", "rd_kafka_handle_mock_cluster"):
        getattr(library, name).restype = ctypes.c_void_p
    library.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
    library.rd_kafka_mock_push_request_errors_array.restype = None
    library.rd_kafka_mock_clear_request_errors.restype = None
    library.rd_kafka_destroy.restype = None
    return library
