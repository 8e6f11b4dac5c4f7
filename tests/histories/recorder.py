"""Load over HTTP whose clients record everything they observe, whether services run or not.

A client retries a command, with the same bytes, until it knows the outcome; for some commands it does not wait, and
some of other clients it sends again. Everything is bounded: clients, commands, seconds, and the retries of one command.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Any, Final, Protocol, Self
from urllib.parse import quote

import httpx

from counterfoil.contract.log_id import log_of
from counterfoil.contract.refusal_meanings import MEANINGS
from counterfoil.contract.refusals import Code
from counterfoil.contract.scalars import decode_base64
from tests.histories.observed import (
    Answer,
    Attempt,
    Balance,
    Observation,
    Read,
    Receipt,
    Refused,
    Unknown,
    dump,
    read_observations,
)

_ENVELOPE: Final = {"Content-Type": "application/vnd.dsse.envelope.v1+json"}
_LATER: Final = {**_ENVELOPE, "Prefer": "respond-async"}
_TIMEOUT: Final = httpx.Timeout(40.0, connect=5.0)  # a gateway answers within 30 s
_HASTY: Final = httpx.Timeout(0.05)
_PAUSE_MAX: Final = 1.0
_RECENT: Final = 64
_REFUSAL: Final = "urn:counterfoil:refusal:"


class Source(Protocol):
    """A source of commands, such as `Crowd`."""

    def command(self, rng: Random) -> bytes:
        """The next command's envelope."""

    def account(self, rng: Random) -> tuple[str, str]:
        """Account and asset of a balance to read."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How many commands, how fast, and what shares of a client's steps are reads, repeats, or sent without waiting."""

    clients: int = 16
    commands: int = 100_000
    seconds: float = 600.0
    pause: float = 0.04
    """The longest pause of a client between two steps, in seconds."""
    patience: float = 120.0
    """How long one command is repeated, in seconds."""
    reads: float = 0.1
    repeats: float = 0.1
    leaves: float = 0.1
    """The share of commands that are sent without waiting for the answer."""


class Recorder:
    """Clients in a thread of their own, from `start` to `stop`; `urls` may be changed while they run."""

    def __init__(
        self, urls: str | Sequence[str], source: Source, path: Path, plan: Plan | None = None, *, seed: int = 0
    ) -> None:
        """`urls`: gateways, each sending to any of them. `path`: where observations go, a new file."""
        self.urls = [urls] if isinstance(urls, str) else list(urls)
        self.plan = plan if plan is not None else Plan()
        self.path, self._source, self._seed = path, source, seed
        self._file = path.open("x", buffering=1)
        self._thread = threading.Thread(target=self._main, name="recorder")
        self._stopping = threading.Event()
        self._give_up = self._ends = 0.0
        self._sent = 0
        self._recent: deque[bytes] = deque(maxlen=_RECENT)
        self._known: dict[int, int] = {}
        self._failure: BaseException | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start the clients."""
        self._ends = time.monotonic() + self.plan.seconds
        self._thread.start()

    def stop(self, settle: float = 60.0) -> list[Observation]:
        """Send no new command, finish those in flight within about `settle` seconds, and return all observations.

        Idempotent. Raises the error of a client's own failure; faults of services never raise.
        """
        if not self._stopping.is_set():
            self._give_up = time.monotonic() + settle
            self._stopping.set()
        return self.join()

    def join(self) -> list[Observation]:
        """Wait until the plan is done, and return all observations. Raises as `stop` does."""
        self._thread.join()
        self._file.close()
        if self._failure is not None:
            raise self._failure
        return read_observations(self.path)

    @property
    def sent(self) -> int:
        """How many commands were sent for the first time."""
        return self._sent

    def wait_for(self, commands: int, seconds: float) -> None:
        """Wait until this many commands were sent. Raises TimeoutError."""
        ends = time.monotonic() + seconds
        while self._sent < commands:
            if time.monotonic() > ends or not self._thread.is_alive():
                raise TimeoutError(f"{self._sent} of {commands} commands within {seconds:.0f} s")
            time.sleep(0.01)

    # in the thread --------------------------------------------------------------------------------------------------

    def _main(self) -> None:
        try:
            asyncio.run(self._run())
        except BaseException as problem:  # noqa: BLE001 `stop` raises it
            self._failure = problem

    async def _run(self) -> None:
        limits = httpx.Limits(max_connections=2 * self.plan.clients, max_keepalive_connections=self.plan.clients)
        options: dict[str, Any] = {"limits": limits, "timeout": _TIMEOUT, "trust_env": False, "verify": False}
        async with httpx.AsyncClient(**options) as http, asyncio.TaskGroup() as group:
            for client in range(self.plan.clients):
                group.create_task(self._client(client, http))

    async def _client(self, client: int, http: httpx.AsyncClient) -> None:
        rng, plan = Random(f"{self._seed}/{client}"), self.plan
        while not self._stopping.is_set() and self._sent < plan.commands and time.monotonic() < self._ends:
            chance = rng.random()
            if chance < plan.reads:
                await self._read(client, rng, http)
            elif chance < plan.reads + plan.repeats and self._recent:
                await self._send(client, rng, http, rng.choice(self._recent))
            else:
                self._sent += 1
                await self._command(client, rng, http)
            await asyncio.sleep(rng.uniform(0, plan.pause))

    async def _command(self, client: int, rng: Random, http: httpx.AsyncClient) -> None:
        """Send one new command until its outcome is known."""
        envelope = self._source.command(rng)
        self._recent.append(envelope)
        if rng.random() < self.plan.leaves:
            await self._send(client, rng, http, envelope, hasty=True)
            return
        pause, gives_up = 0.05, time.monotonic() + self.plan.patience
        while _open(await self._send(client, rng, http, envelope)):
            if time.monotonic() > (min(gives_up, self._give_up) if self._stopping.is_set() else gives_up):
                return
            await asyncio.sleep(pause)
            pause = min(2 * pause, _PAUSE_MAX)

    async def _send(
        self, client: int, rng: Random, http: httpx.AsyncClient, envelope: bytes, *, hasty: bool = False
    ) -> Answer:
        headers, timeout = _ENVELOPE, _TIMEOUT
        if hasty:
            headers, timeout = rng.choice(((_LATER, _TIMEOUT), (_ENVELOPE, _HASTY)))
        url = f"{rng.choice(self.urls)}/v1/commands"
        sent = time.monotonic_ns()
        answer: Answer
        try:
            answer = answer_of(await http.post(url, content=envelope, headers=headers, timeout=timeout))
        except httpx.HTTPError as problem:
            answer = Unknown(type(problem).__name__)
        self._write(Attempt(client, sent, time.monotonic_ns(), envelope, answer))
        if isinstance(answer, Receipt) and log_of(answer.origin).service == "ledger":
            self._known[client] = max(answer.index, self._known.get(client, 0))
        return answer

    async def _read(self, client: int, rng: Random, http: httpx.AsyncClient) -> None:
        account, asset = self._source.account(rng)
        wait_for = self._known.get(client, 0)
        url = f"{rng.choice(self.urls)}/v1/balances/{quote(account)}/{quote(asset)}"
        sent = time.monotonic_ns()
        try:
            response = await http.get(url, params={"wait_for": f"ledger:{wait_for}"})
            value = balance_of(response)
        except (httpx.HTTPError, LookupError):
            return  # without an answer the outcome is unknown
        self._write(Read(client, sent, time.monotonic_ns(), account, asset, wait_for, value))

    def _write(self, observation: Observation) -> None:
        self._file.write(f"{dump(observation)}\n")


def _open(answer: Answer) -> bool:
    """Whether sending the same bytes again may give another answer."""
    if isinstance(answer, Refused):
        return answer.code in list(Code) and MEANINGS[Code(answer.code)].transient
    return isinstance(answer, Unknown)


def answer_of(response: httpx.Response) -> Answer:
    """The answer in a gateway's response to a command."""
    try:
        value = response.json()
        refused = str(value.get("type", "")).startswith(_REFUSAL)
        receipt = value if response.status_code == httpx.codes.OK else value.get("receipt") if refused else None
        if isinstance(receipt, dict):
            entry, proof = decode_base64(receipt["entry"]), str(receipt["proof"]).encode()
            return Receipt(receipt["origin"], receipt["index"], entry, proof)
        if refused:
            return Refused(str(value["code"]))
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        return Unknown(f"{response.status_code} {problem!r}")
    return Unknown(f"{response.status_code} {value.get('code', '')}".strip())


def balance_of(response: httpx.Response) -> Balance | None:
    """The balance in a gateway's response, None if there is none. Raises LookupError for any other response."""
    if response.status_code == httpx.codes.OK:
        row = response.json()
        return Balance(row["n"], int(row["posted"]), int(row["held"]))
    if response.status_code == httpx.codes.NOT_FOUND:
        return None
    raise LookupError(response.status_code)
