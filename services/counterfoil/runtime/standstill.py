"""Why a log decides nothing at the moment, although its writer runs: one notion for health, gateway and log files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

from counterfoil.errors import Fault
from counterfoil.ports import Unavailable

Code = Literal["clock_apart", "catching_up"] | Fault
"""Stable: clients, probes and alerts see it."""
CODES: Final[tuple[str, ...]] = tuple(code for part in get_args(Code) for code in get_args(part))


@dataclass(frozen=True, slots=True)
class Standstill:
    """What a log waits for. It takes no command meanwhile: a gateway answers 503 with `code`.

    `text` says what is wrong and what a person can do, in whole sentences; it names no secret, since probes are open.
    """

    code: Code
    text: str

    def __str__(self) -> str:
        return f"{self.code}: {self.text}"


def standstill_of(problem: Unavailable) -> Standstill:
    """What a worker waits for after a step that failed, and tries again."""
    return Standstill(problem.fault, str(problem) or repr(problem))
