"""The parts of the benchmark, each named once."""

from typing import Literal

Part = Literal[
    "all",
    "end-to-end",
    "market",
    "core",
    "credit",
    "blocks",
    "crowding",
    "auction",
    "programme",
    "audit",
    "state-root",
    "start",
    "command",
    "memory",
    "distributed",
]
