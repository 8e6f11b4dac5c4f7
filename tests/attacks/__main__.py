"""What floods cost others: ``python -m tests.attacks [NAME ...]``, all of them in some five minutes.

Each flood is of a bounded number of requests or seconds, from one address, against a market of its own on SQLite
without syncs. Beside it, another party's signed commands are timed from another address. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import statistics
import sys
import time
from base64 import urlsafe_b64encode
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from itertools import cycle, islice
from os import urandom
from typing import Final, NamedTuple

from counterfoil.bench.figure import machine
from counterfoil.bench.load import command_ids
from counterfoil.client.author import Author
from counterfoil.contract.record import Command as Body
from counterfoil.contract.scalars import encode_base64
from counterfoil.matching.commands import CancelBid
from tests.attacks.clients import FLOODER, OTHER, Line, Other, Timed, flood, post, query
from tests.attacks.target import Target
from tests.gateway.world import BID, HOST, OFFER, START, seed_of

_BEFORE: Final = 2.0  # seconds in which nobody floods
_SECONDS: Final = 10.0
_COMMANDS: Final = "/v1/commands"
_OFFERS: Final = 400
_DEPTH: Final = "/v1/depth?class_id=a100&region=east&currency=USD"
_PIPELINED: Final = 7 * 1_048_576
_SILENT: Final = 1_000
_BATCHES: Final = 4_000
_BIDS: Final = 20_000
_STREAMS: Final = 32

REFUSED: Final = ("again", "forged", "unknown")

Told = Counter[int] | str


class Flood(NamedTuple):
    """`workload`, and what does it; returns the answers that it got. `book`: the market has 5,000 offers."""

    name: str
    workload: str
    run: Callable[[Target], Awaitable[Told]]
    book: bool = False


# by connections -----------------------------------------------------------------------------------------------------


async def _pipelined(target: Target) -> Told:
    reader, writer = await asyncio.open_connection("127.0.0.1", target.port, local_addr=(FLOODER, 0))
    request = query("/healthz")
    writer.write(request * (_PIPELINED // len(request)))
    answers, ending = 0, "not closed"
    await asyncio.sleep(_SECONDS / 2)  # nothing is read: what is answered waits in the server
    with suppress(TimeoutError):
        async with asyncio.timeout(_SECONDS / 2):
            with suppress(OSError):
                while data := await reader.read(65_536):
                    answers += data.count(b"HTTP/1.1 200")
            ending = "closed"
    writer.close()
    return f"{answers:,} of {_PIPELINED // len(request):,}, {ending}"


async def _silent(target: Target) -> Told:
    lines = []
    for _ in range(_SILENT):
        line = socket.create_connection(("127.0.0.1", target.port), 5, (FLOODER, 0))
        line.setblocking(False)
        lines.append(line)
    await asyncio.sleep(1)
    held = sum(_is_open(line) for line in lines)
    await asyncio.sleep(_SECONDS - 1)
    for line in lines:
        line.close()
    return f"{held} of {len(lines)} held"


def _is_open(line: socket.socket) -> bool:
    try:
        return line.recv(1) != b"" and False
    except BlockingIOError:
        return True
    except OSError:
        return False


async def _streams(target: Target) -> Told:
    def opened(address: str) -> tuple[socket.socket, bool]:
        line = socket.create_connection(("127.0.0.1", target.port), 5, (address, 0))
        line.sendall(query("/v1/events"))
        return line, b" 200 " in line.recv(100)

    lines = [opened(FLOODER) for _ in range(_STREAMS)]
    other, admitted = opened(OTHER)
    await asyncio.sleep(_SECONDS)
    for line, _ in (*lines, (other, True)):
        line.close()
    return f"{sum(taken for _, taken in lines)} of {_STREAMS} taken, another's {'taken' if admitted else 'refused'}"


# by requests --------------------------------------------------------------------------------------------------------


def _queries(clients: int, *paths: str) -> Callable[[Target], Awaitable[Told]]:
    async def run(target: Target) -> Told:
        return await flood(target.port, cycle(map(query, paths)), clients, _SECONDS)

    return run


def _signed(party: str, body: Body | Sequence[Body], count: int) -> Iterator[bytes]:
    """Envelopes for matching, each a command of its own."""
    author = Author(party, seed_of(party))
    for command_id in islice(command_ids(), count):
        yield author.sign(body, f"{HOST}/matching/main", command_id, START)


async def _batches(target: Target) -> Told:
    envelopes = _signed("lab-1", [CancelBid(bid_id="bid-9-9")] * 40, _BATCHES)
    return await flood(target.port, (post(_COMMANDS, each) for each in envelopes), 64, 3 * _SECONDS)


async def _bids(target: Target) -> Told:
    envelopes = _signed("lab-1", BID, _BIDS)
    return await flood(
        target.port, (post(_COMMANDS, each, "Prefer: respond-async") for each in envelopes), 400, 3 * _SECONDS
    )


async def _waits(target: Target) -> Told:
    envelopes = _signed("lab-1", BID, _BIDS)
    return await flood(target.port, (post(_COMMANDS, each, "Prefer: wait=30") for each in envelopes), 256, _SECONDS)


def _documents(kinds: Iterable[str]) -> Iterator[bytes]:
    """Documents that open a session of lab-1, or none: ``valid``, ``again``, ``forged``, ``unknown``."""
    lab, unknown = Author("lab-1", seed_of("lab-1")), Author("lab-1", seed_of("somebody"))

    def document(author: Author) -> bytes:
        return author.open_session(HOST, time.time_ns() // 1_000 + 120_000_000, urandom(16))

    again = document(lab)
    for kind in cycle(kinds):
        made = again if kind == "again" else document(unknown if kind == "unknown" else lab)
        yield _forged(made) if kind == "forged" else made


def _forged(envelope: bytes) -> bytes:
    parsed = json.loads(envelope)
    parsed["signatures"][0]["sig"] = encode_base64(b"s" * 64)
    return json.dumps(parsed).encode()


def _sessions(*kinds: str) -> Callable[[Target], Awaitable[Told]]:
    async def run(target: Target) -> Told:
        requests = (post("/v1/sessions", each) for each in _documents(kinds))
        return await flood(target.port, requests, 64, _SECONDS)

    return run


async def _token(target: Target) -> str:
    with closing(Line(target.port, FLOODER)) as line:
        _, body = await line.ask(post("/v1/sessions", next(_documents(["valid"]))))
    return str(json.loads(body)["token"])


def _as_party(clients: int, *paths: str) -> Callable[[Target], Awaitable[Told]]:
    async def run(target: Target) -> Told:
        token = await _token(target)
        return await flood(target.port, cycle([query(path, token) for path in paths]), clients, _SECONDS)

    return run


async def _tokens(target: Target) -> Told:
    made = (query("/v1/bids", urlsafe_b64encode(urandom(32)).decode().rstrip("=")) for _ in range(1_000_000))
    return await flood(target.port, made, 64, _SECONDS)


FLOODS: Final = (
    Flood("pipelined", "7 MiB of requests on one connection", _pipelined),
    Flood("silent", "1,000 connections that say nothing", _silent),
    Flood("depth-64", "64 clients ask for depth, 5,000 offers", _queries(64, _DEPTH), book=True),
    Flood("depth-400", "400 clients ask for depth, 5,000 offers", _queries(400, _DEPTH), book=True),
    Flood("batches", "4,000 batches of 40 refused commands, 64 clients", _batches),
    Flood("bids", "20,000 bids of one party, 400 clients, respond-async", _bids),
    Flood("streams", "32 streams", _streams),
    Flood("sessions", "64 clients open sessions of one party", _sessions("valid")),
    Flood("sessions-refused", "64 clients: nonces again, forged, unknown keys", _sessions(*REFUSED)),
    Flood("tokens", "64 clients with tokens of no session", _tokens),
    Flood("posts", "64 clients post to no route", lambda target: flood(
        target.port, cycle([post("/v1/nothing", b"{}")]), 64, _SECONDS
    )),
    Flood("document", "64 clients ask for the OpenAPI document", _queries(64, "/openapi.json")),
    Flood("health", "256 clients ask for health", _queries(256, "/healthz")),
    Flood("waits", "256 clients: bids of one party, Prefer: wait=30", _waits),
    Flood("feed", "64 clients wait for one party's feed", _as_party(64, "/v1/feed?wait=10", "/v1/feed"), book=True),
    Flood("pages", "64 clients read pages of 500 with one token", _as_party(
        64, "/v1/market-offers?limit=500", "/v1/market-offers?limit=500&status=closed", "/v1/offers?limit=500"
    ), book=True),
    Flood("proofs", "64 clients ask for tiles and checkpoints", _queries(
        64, "/log/matching/main/checkpoint", "/log/matching/main/tile/0/000", "/log/matching/main/tile/entries/000"
    ), book=True),
)  # fmt: skip


# figures ------------------------------------------------------------------------------------------------------------


def measure(each: Flood) -> None:
    """Run one flood and print its figures."""
    with Target() as target:
        if each.book:
            target.ask("fill_the_book")
        offers = [post(_COMMANDS, envelope) for envelope in _signed("gpu-1", OFFER, _OFFERS)]
        target.memory(afresh=True)
        other = Other(target.port, offers)
        time.sleep(_BEFORE)
        before, memory, began = target.ask("sizes"), target.memory(), time.monotonic()

        async def run() -> Told:
            return await each.run(target)

        told = asyncio.run(run())
        took = time.monotonic() - began
        timed = other.stop()
        made, octets = target.ask("made_since", before)
        more = target.memory() - memory
    own = len([one for one in timed if one.at >= began])
    answers = told if isinstance(told, str) else ", ".join(f"{n:,} x {status}" for status, n in sorted(told.items()))
    _tell(
        f"{each.name}: {each.workload}; {took:.0f} s",
        f"  answers         {answers}",
        f"  signed commands {_latency([one for one in timed if one.at < began])} before",
        f"                  {_latency([one for one in timed if one.at >= began])} meanwhile",
        f"  left behind     {more} MiB of memory; {made:,} entries, {octets / 1e6:.1f} MB ({own} offers of the other)",
    )


def _tell(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


def _latency(timed: list[Timed]) -> str:
    if not timed:
        return "none"
    took = [one.took * 1_000 for one in timed]
    failed = sum(one.status != 200 for one in timed)
    shown = f"median {statistics.median(took):.0f} ms, at most {max(took):.0f} ms of {len(took)}"
    return f"{shown}, {failed} not accepted" if failed else shown


def main() -> int:
    """Run floods, and print what they cost."""
    known = {each.name: each for each in FLOODS}
    options = argparse.ArgumentParser(prog="python -m tests.attacks", description=__doc__)
    options.add_argument("flood", nargs="*", metavar="FLOOD", help=f"any of: {', '.join(known)}; default: all")
    given = options.parse_args()
    if unknown := [name for name in given.flood if name not in known]:
        options.error(f"no such flood: {', '.join(unknown)}")
    _tell(machine())
    for name in given.flood or known:
        measure(known[name])
    return 0


if __name__ == "__main__":
    sys.exit(main())
