"""A gateway and its log in memory: it decides every command once, and an exchange fails as a test wants it to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Final

import httpx

from counterfoil.contract.codec import encode_entry
from counterfoil.contract.entry import CommandCause, Entry, Outcome
from counterfoil.contract.scalars import encode_base64
from counterfoil.log.checkpoint import Checkpoint, sign_checkpoint
from counterfoil.log.keys import SigningKey
from counterfoil.log.merkle import leaf_hash
from counterfoil.log.proofs import Receipt, format_receipt
from counterfoil.log.tree import Tree
from counterfoil.vocabulary import CODEC

ORIGIN: Final = "market.example/issuance/main"
KEY: Final = SigningKey(ORIGIN, bytes(range(32)))
NOW: Final = 1_800_000_000_000_000
PROBLEM: Final = {"content-type": "application/problem+json"}
Fault = Callable[[httpx.Request, Callable[[], httpx.Response]], httpx.Response]


def _raise(kind: type[httpx.TransportError]) -> Fault:
    def before(_request: httpx.Request, _serve: Callable[[], httpx.Response]) -> httpx.Response:
        raise kind("as the test wants it")

    return before


def _lost(_request: httpx.Request, serve: Callable[[], httpx.Response]) -> httpx.Response:
    serve()
    raise httpx.ReadError("closed after the command was taken")


def _taken(content: bytes, status: int = 200, **headers: str) -> Fault:
    """The command is taken, and the answer is another one."""

    def answer(_request: httpx.Request, serve: Callable[[], httpx.Response]) -> httpx.Response:
        serve()
        return httpx.Response(status, content=content, headers=headers)

    return answer


def _turned_away(status: int, code: str) -> Fault:
    def answer(_request: httpx.Request, _serve: Callable[[], httpx.Response]) -> httpx.Response:
        problem = {"title": code, "code": code, "type": f"urn:counterfoil:problem:{code}"}
        return httpx.Response(status, json=problem, headers=PROBLEM)

    return answer


class _Broken(httpx.SyncByteStream, httpx.AsyncByteStream):
    """Half of an answer."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __iter__(self) -> Iterator[bytes]:
        yield self._data[: len(self._data) // 2]
        raise httpx.ReadError("cut off")

    async def __aiter__(self):  # type: ignore[no-untyped-def]
        for piece in self:
            yield piece


class _Endless(_Broken):
    def __iter__(self) -> Iterator[bytes]:
        while True:
            yield bytes(1_048_576)


def _streamed(kind: type[_Broken]) -> Fault:
    def answer(_request: httpx.Request, serve: Callable[[], httpx.Response]) -> httpx.Response:
        return httpx.Response(200, stream=kind(serve().content))

    return answer


FAULTS: Final[dict[str, Fault]] = {
    "no connection": _raise(httpx.ConnectError),
    "no connection in time": _raise(httpx.ConnectTimeout),
    "closed without an answer": _raise(httpx.RemoteProtocolError),
    "lost after it was taken": _lost,
    "no answer in time": _raise(httpx.ReadTimeout),
    "cut off": _streamed(_Broken),
    "endless": _streamed(_Endless),
    "not decided yet": _taken(b"{}", 202),
    "busy": _turned_away(503, "busy"),
    "rate limited": _turned_away(429, "rate_limited"),
    "server's fault": _turned_away(500, "internal"),
    "another server": _taken(b"<html>", 502),
    "redirected": _taken(b"", 302, location="http://elsewhere/"),
    "not JSON": _taken(b"{"),
    "no object": _taken(b"[]"),
    "no receipt": _taken(b"{}"),
    "compressed": _taken(b"", 200, **{"content-encoding": "br"}),
}


_NOT_FOUND: Final = {"title": "No such item.", "code": "not_found", "type": "urn:counterfoil:problem:not_found"}


def _again(answer: httpx.Response) -> httpx.Response:
    return httpx.Response(200, content=answer.content)


class Served:
    """The log and the gateway. `faults`: of the exchanges to come, in order; None for one that goes well."""

    def __init__(self) -> None:
        self.faults: list[str | None] = []
        self.decided: dict[str, tuple[bytes, httpx.Response]] = {}
        self.exchanges = 0
        self._tree = Tree(lambda _level, _index: b"")
        self._note = b""

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer, or fail."""
        self.exchanges += 1
        assert request.headers["accept-encoding"] == "identity"
        fault = self.faults.pop(0) if self.faults else None
        if fault is None:
            return self._serve(request)
        return FAULTS[fault](request, lambda: self._serve(request))

    def _serve(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/commands":
            return self._decide(request.content)
        parts = request.url.path.removeprefix("/log/issuance/main/").split("/")
        if parts == ["checkpoint"]:
            return httpx.Response(200, content=self._note)
        if parts[0] == "tile":
            return httpx.Response(200, content=self._tree.tile(0, 0, self._tree.size))
        if request.url.path.startswith("/v1/commands/"):
            found = self.decided.get(parts[-1])
            return httpx.Response(404, json=_NOT_FOUND, headers=PROBLEM) if found is None else _again(found[1])
        raise AssertionError(request.url)

    def _decide(self, envelope: bytes) -> httpx.Response:
        sent = CODEC.decode_envelope(envelope)
        id_ = sent.header.command_id
        if id_ not in self.decided:
            self.decided[id_] = (sent.payload, self._record(sent.header.actor, id_, sent.payload, sent.signature))
        payload, answer = self.decided[id_]
        assert payload == sent.payload, "another command under the same id"
        return _again(answer)

    def _record(self, actor: str, id_: str, payload: bytes, signature: bytes) -> httpx.Response:
        index, key_id = self._tree.size, CODEC.decode_payload(payload, signature).header.key_id
        entry = Entry(
            origin=ORIGIN, index=index, id=f"{actor}/{id_}", time=NOW, subject=actor,
            cause=CommandCause(payload, signature, key_id), batch=False, outcomes=(Outcome(0, None),), events=(),
        )  # fmt: skip
        data = encode_entry(entry)
        self._tree.append([leaf_hash(data)])
        self._note = sign_checkpoint(Checkpoint(ORIGIN, self._tree.size, self._tree.root()), KEY)
        proof = Receipt(index, tuple(self._tree.inclusion_proof(index, self._tree.size)), self._note)
        receipt = {"origin": ORIGIN, "index": index, "entry": encode_base64(data),
                   "proof": format_receipt(proof).decode()}  # fmt: skip
        return httpx.Response(200, json=receipt)


def never(_seconds: float) -> None:
    """Do not wait."""


async def never_async(_seconds: float) -> None:
    """Do not wait, but let others run."""
    await asyncio.sleep(0)
