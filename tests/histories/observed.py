"""What a client of a gateway observed, as values: each attempt to send a command, its answer, and each balance read.

Times are nanoseconds of one monotonic clock for all observations of a history; on Linux that is one clock for all
processes of a machine until it restarts. On disk an observation is a line of JSON.
"""

from __future__ import annotations

import json
from binascii import a2b_base64, b2a_base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from counterfoil.contract.canonical import Refused as NotACommand
from counterfoil.contract.log_id import log_of
from counterfoil.contract.submission import Submission
from counterfoil.vocabulary import CODEC


@dataclass(frozen=True, slots=True)
class Receipt:
    """It was decided: an entry of a log, and its C2SP tlog-proof with the checkpoint."""

    origin: str
    index: int
    entry: bytes
    proof: bytes


@dataclass(frozen=True, slots=True)
class Refused:
    """It was refused with this code and without a receipt, so it has no entry."""

    code: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """No answer, or one from which the outcome is unknown."""

    reason: str


Answer = Receipt | Refused | Unknown


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to send a command's envelope, from just before its first byte left to just after the answer."""

    client: int
    sent: int
    answered: int
    envelope: bytes
    answer: Answer

    @property
    def command(self) -> Submission | None:
        """The decoded command; None if these bytes are no command."""
        try:
            return CODEC.decode_envelope(self.envelope)
        except NotACommand:
            return None


@dataclass(frozen=True, slots=True)
class Balance:
    """A balance: the number of its last posting, and micro-units posted and held."""

    n: int
    posted: int
    held: int


@dataclass(frozen=True, slots=True)
class Read:
    """One read of a balance in the views. `wait_for`: the entry of the ledger that the views had to have first.

    `value`: None if there was no such balance. The reads of one client come one after the other.
    """

    client: int
    sent: int
    answered: int
    account: str
    asset: str
    wait_for: int | None
    value: Balance | None


Observation = Attempt | Read


def identity(command: Submission) -> tuple[str, str]:
    """The permanent key of a command: the service that decides it, and ``ACTOR/COMMAND_ID``."""
    header = command.header
    return log_of(header.aud).service, f"{header.actor}/{header.command_id}"


# on disk ------------------------------------------------------------------------------------------------------------


def dump(observation: Observation) -> str:
    """One line of JSON, without the newline."""
    times = {"client": observation.client, "sent": observation.sent, "answered": observation.answered}
    if isinstance(observation, Read):
        value = observation.value and [observation.value.n, observation.value.posted, observation.value.held]
        read = {"account": observation.account, "asset": observation.asset, "wait_for": observation.wait_for}
        return json.dumps({**times, "read": {**read, "value": value}})
    return json.dumps({**times, "envelope": _base64(observation.envelope), "answer": _dump(observation.answer)})


def load(line: str) -> Observation:
    """The inverse of `dump`; raises KeyError, TypeError, ValueError for anything else."""
    value = json.loads(line)
    times = {name: value[name] for name in ("client", "sent", "answered")}
    if "read" in value:
        read = value["read"]
        return Read(**times, **{**read, "value": Balance(*read["value"]) if read["value"] is not None else None})
    return Attempt(**times, envelope=a2b_base64(value["envelope"]), answer=_load(value["answer"]))


def read_observations(path: Path) -> list[Observation]:
    """All observations that a recorder wrote."""
    with path.open() as lines:
        return [load(line) for line in lines]


def write_observations(path: Path, observations: Iterable[Observation]) -> None:
    """Write a file in the form of a recorder."""
    path.write_text("".join(f"{dump(each)}\n" for each in observations))


def _dump(answer: Answer) -> Mapping[str, Any]:
    if isinstance(answer, Receipt):
        place = {"origin": answer.origin, "index": answer.index}
        return {"receipt": {**place, "entry": _base64(answer.entry), "proof": answer.proof.decode()}}
    return {"refused": answer.code} if isinstance(answer, Refused) else {"unknown": answer.reason}


def _load(value: Mapping[str, Any]) -> Answer:
    if "receipt" in value:
        receipt = value["receipt"]
        entry, proof = a2b_base64(receipt["entry"]), receipt["proof"].encode()
        return Receipt(receipt["origin"], receipt["index"], entry, proof)
    return Refused(value["refused"]) if "refused" in value else Unknown(value["unknown"])


def _base64(data: bytes) -> str:
    return b2a_base64(data, newline=False).decode()
