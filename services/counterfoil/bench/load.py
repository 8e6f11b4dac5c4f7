"""Load for a benchmark: signed commands from concurrent clients that wait for their receipts, and the latencies."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import Any, Final

from counterfoil.client.author import Author
from counterfoil.contract.log_id import LogId
from counterfoil.contract.record import Command as Body
from counterfoil.gateway.relay import AnswerRelay
from counterfoil.instance import Instance
from counterfoil.issuance.commands import RegisterParty
from counterfoil.ledger.commands import Deposit
from counterfoil.ports import Overloaded
from counterfoil.runtime.receipts import Answer, Receipts, Recorded
from counterfoil.testbed.seeded_keys import seeded_key

SEED: Final = 1
HOST: Final = "bench.counterfoil.example"
_RETRY_SECONDS: Final = 0.01  # until a client whose command was shed sends it again
_LEDGER_LEARNS_SECONDS: Final = 1.0


class LoadGenerator:
    """Signs commands beforehand, as authors do on their own machines; submits them as a gateway does, without HTTP."""

    def __init__(self, instance: Instance, receipts: Receipts, relay: AnswerRelay, clock: Callable[[], int]) -> None:
        """`clock`: microseconds since the epoch. `relay`: how `receipts` returns answers to the event loop."""
        self._instance, self._receipts, self._relay, self._clock = instance, receipts, relay, clock
        self._ids = command_ids()
        self._treasury = Author("treasury", seeded_key(SEED, "treasury"))
        self._payments = 0
        self.firms: list[str] = []

    def register(self, firms: int) -> None:
        """Register the treasury and this many firms, then wait until the ledger knows their keys."""
        operator = Author("operator", seeded_key(SEED, "operator"))
        self.firms = [f"firm-{number:03d}" for number in range(firms)]
        envelopes = []
        for name in ("treasury", *self.firms):
            key = Author(name, seeded_key(SEED, name)).prove(self._instance.identity.host)
            role = ("treasurer",) if name == "treasury" else ("beneficiary",)
            body = RegisterParty(
                party_id=name,
                name=name,
                roles=role,  # type: ignore[arg-type]
                group_id=name,
                key=key,
                recovery_key=None,
                looks_like=None,
            )
            envelopes.append(self._sign(operator, body, "issuance"))
        self.run(envelopes, 8)
        time.sleep(_LEDGER_LEARNS_SECONDS)  # until then it refuses their commands, and a refusal is final

    def _sign(self, author: Author, body: Body | Sequence[Body], service: str) -> bytes:
        return author.sign(body, self._instance.origin(LogId(service)), next(self._ids), self._clock())

    def deposits(self, count: int, batch: int = 1) -> list[bytes]:
        """`count` signed deposits to the firms in turn, `batch` to an envelope, valid from now."""
        first, self._payments = self._payments, self._payments + count
        firms = self.firms
        bodies = [
            Deposit(party_id=firms[n % len(firms)], currency="USD", amount=1_000_000, payment_reference=f"R{n}")
            for n in range(first, first + count)
        ]
        if batch == 1:
            return [self._sign(self._treasury, body, "ledger") for body in bodies]
        chunks = [bodies[start : start + batch] for start in range(0, count, batch)]
        return [self._sign(self._treasury, chunk, "ledger") for chunk in chunks]

    def run(self, envelopes: Sequence[bytes], clients: int) -> tuple[int, list[int]]:
        """Send the envelopes from this many clients, each waiting for a receipt before it sends the next.

        Returns (milliseconds, sorted latencies in microseconds).
        """
        latencies: list[int] = []

        async def client(work: Iterator[bytes]) -> None:
            latencies.extend([await self._one(envelope) for envelope in work])

        async def run() -> None:
            work = iter(envelopes)
            await asyncio.gather(*(client(work) for _ in range(clients)))

        return self._timed(run), sorted(latencies)

    def run_at_rate(self, envelopes: Sequence[bytes], per_second: int) -> tuple[int, list[int]]:
        """Send the envelopes at a steady rate, without waiting for answers; returns as `run` does.

        A latency counts from when its command was due to be sent.
        """
        latencies: list[int] = []

        async def one(envelope: bytes, late: int) -> None:
            latencies.append(await self._one(envelope) + late)

        async def run() -> None:
            began, under_way = time.perf_counter_ns(), []
            for number, envelope in enumerate(envelopes):
                due = began + number * 10**9 // per_second
                if (ahead := due - time.perf_counter_ns()) > 0:
                    await asyncio.sleep(ahead / 10**9)
                late = max(0, time.perf_counter_ns() - due) // 1_000
                under_way.append(asyncio.create_task(one(envelope, late)))
            await asyncio.gather(*under_way)

        return self._timed(run), sorted(latencies)

    async def _one(self, envelope: bytes) -> int:
        """Send one command and wait; the latency in microseconds."""
        began = time.perf_counter_ns()
        waiter: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        while True:
            try:
                self._receipts.submit(envelope, waiter)
                break
            except Overloaded:
                await asyncio.sleep(_RETRY_SECONDS)
        answer = await waiter
        if not isinstance(answer, Recorded) or any(each.refusal for each in answer.entry.outcomes):
            raise RuntimeError(f"not accepted: {answer}")
        answer.proof()
        return (time.perf_counter_ns() - began) // 1_000

    def _timed(self, work: Callable[[], Coroutine[Any, Any, None]]) -> int:
        async def run() -> None:
            self._relay.loop = asyncio.get_running_loop()
            await work()
            self._relay.loop = None

        began = time.perf_counter_ns()
        asyncio.run(run())
        return (time.perf_counter_ns() - began) // 1_000_000


def command_ids() -> Iterator[str]:
    """Distinct ids in the form of a UUIDv7."""
    number = 0
    while True:
        text = f"{(time.time_ns() // 1_000_000) << 80 | 7 << 76 | 2 << 62 | number:032x}"
        yield f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
        number += 1
