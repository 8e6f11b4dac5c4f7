"""What comes from a gateway is bounded and read once: at each limit, and a stream that breaks anywhere."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from answering import Answering
from served import never, never_async

from counterfoil.client import AsyncGateway, Gateway, Unreachable
from counterfoil.client.problems import Uncertain
from counterfoil.client.server_sent import EVENT_BYTES_MAX, Events
from counterfoil.client.steps import ANSWER_BYTES_MAX
from counterfoil.contract.log_id import LogId
from counterfoil.log.note import NOTE_BYTES_MAX
from counterfoil.log.tiles import MAX_ENTRY_BYTES

LOG = LogId("ledger")
LIMITS = {
    "checkpoint": NOTE_BYTES_MAX,
    "vkey": 1_025,
    "tile/0/000": 256 * 32,
    "tile/2/000.p/3": 3 * 32,
    "tile/entries/000": 256 * (MAX_ENTRY_BYTES + 2),
    "tile/entries/001.p/2": 2 * (MAX_ENTRY_BYTES + 2),
}


def _asked(content: bytes, path: str) -> list[bytes | None]:
    """What both clients read; None for an answer that is too long."""

    def serve(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=content)

    found: list[bytes | None] = []
    with Gateway("http://g", transport=Answering(serve), sleep=never) as gateway:
        try:
            found.append(gateway.log_file(LOG, path))
        except Unreachable:
            found.append(None)

    async def ask() -> bytes | None:
        async with AsyncGateway("http://g", transport=httpx.MockTransport(serve), sleep=never_async) as again:
            try:
                return await again.log_file(LOG, path)
            except Unreachable:
                return None

    return [*found, asyncio.run(ask())]


@pytest.mark.parametrize(("path", "limit"), LIMITS.items())
def test_a_file_is_as_long_as_it_can_be_and_no_longer(path: str, limit: int) -> None:
    assert _asked(bytes(limit), path) == [bytes(limit)] * 2
    assert _asked(bytes(limit + 1), path) == [None] * 2


@pytest.mark.parametrize(("more", "fits"), [(0, True), (1, False)])
def test_an_answer_has_a_longest_length(more: int, fits: bool) -> None:
    body = b'{"a":"' + b"x" * (ANSWER_BYTES_MAX - 8 + more) + b'"}'
    with Gateway("http://g", transport=Answering(lambda _: httpx.Response(200, content=body)),
                 sleep=never) as gateway:  # fmt: skip
        if fits:
            assert len(gateway.get("offers", "o")["a"]) == ANSWER_BYTES_MAX - 8
        else:
            with pytest.raises(Unreachable, match="the most possible"):
                gateway.get("offers", "o")


def test_an_event_has_a_longest_length() -> None:
    events = Events()
    assert events.feed(b"data: " + b"x" * (EVENT_BYTES_MAX - 6)) == []
    with pytest.raises(ValueError, match="an event of more than"):
        events.feed(b"x")


TEXT = b"".join(
    b"id: ledger:%d\r\nevent: ledger\r\ndata: %b\r\n\r\n: ping\r\n\r\n" % (n, json.dumps({"n": n}).encode())
    for n in range(1, 6)
)


class _Cut(httpx.SyncByteStream, httpx.AsyncByteStream):
    """The stream's bytes up to a place, in small pieces, then a broken connection or an end."""

    def __init__(self, data: bytes, breaks: bool) -> None:
        self._data, self._breaks = data, breaks

    def __iter__(self) -> Iterator[bytes]:
        yield from (self._data[at : at + 7] for at in range(0, len(self._data), 7))
        if self._breaks:
            raise httpx.ReadError("cut off")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self:
            yield piece


class _Stream:
    """Serves entries 1 to 5; each connection ends after `length` bytes, and of three one does not open."""

    def __init__(self, length: int) -> None:
        self._length, self._opened = length, 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self._opened += 1
        if self._opened % 3 == 2:
            raise httpx.ConnectError("refused")
        last = int(request.url.params["from"].partition(":")[2])
        begin = 0 if last == 0 else TEXT.index(b"id: ledger:%d" % (last + 1)) if last < 5 else len(TEXT)
        return httpx.Response(200, stream=_Cut(TEXT[begin : begin + self._length], self._opened % 2 == 0))


@pytest.mark.parametrize("length", range(48, len(TEXT) + 1, 3))
def test_a_stream_that_breaks_anywhere_gives_every_entry_once(length: int) -> None:
    expected = [(f"ledger:{n}", {"n": n}) for n in range(1, 6)]
    where = (["ledger"], ["ledger:0"])
    with Gateway("http://g", transport=Answering(_Stream(length)), sleep=never) as gateway:
        stream = gateway.tail(*where, resume=True)
        assert [next(stream) for _ in expected] == expected
        with pytest.raises(Unreachable):  # nothing comes any more
            next(stream)

    async def read() -> None:
        transport = httpx.MockTransport(_Stream(length))
        async with AsyncGateway("http://g", transport=transport, sleep=never_async) as each:
            entries = each.tail(*where, resume=True)
            assert [await anext(entries) for _ in expected] == expected
            with pytest.raises(Unreachable):
                await anext(entries)

    asyncio.run(read())


def test_a_member_that_an_answer_lacks_makes_it_unusable() -> None:
    answers = {"/v1/depth": b'{"levels": []}', "/v1/offers": b'{"items": [{"price": "1"}], "next": null}'}

    def serve(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=answers[request.url.path])

    with Gateway("http://g", transport=Answering(serve), sleep=never) as gateway:
        (offer,) = gateway.rows("offers", {})
        for object_ in (gateway.depth("a", "b"), offer):
            with pytest.raises(Unreachable, match="has no member currency"):
                object_["currency"]
        assert offer.get("currency") is None
        assert offer == {"price": "1"}


def test_a_lost_answer_to_what_is_not_repeated_is_told() -> None:
    asked = []

    def serve(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        raise httpx.ReadError("cut off")

    gateway = Gateway("http://g", transport=Answering(serve), sleep=never)
    with gateway, pytest.raises(Uncertain, match="no answer from http://g"):
        gateway.create_webhook("https://acme.example")
    assert asked == ["/v1/webhooks"]
