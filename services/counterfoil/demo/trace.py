"""Reads the cluster trace and the list prices: real supply, demand and prices."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Final

from counterfoil.core.rules import LATEST, RULES
from counterfoil.errors import CounterfoilError

_TICK: Final = RULES[LATEST].price_tick
MAX_ROWS: Final = 200_000
SECONDS_MAX: Final = 400 * 86_400
CATALOGUE: Final[dict[str, tuple[str, ...]]] = {
    "A10": ("A10",),
    "T4": ("L4",),
    "P100": ("A16",),
    "V100M16": ("V100-16GB",),
    "V100M32": ("V100-32GB",),
    "G2": ("A100-40GB", "A100-SXM4-40GB"),
    "G3": ("A100-80GB", "A100-SXM4-80GB", "A100-PCIe-80GB"),
}
"""Model in the trace -> models in the price list. Assumptions of the demo: T4 and P100, no longer listed, have the
prices of the nearest listed model; G2 and G3, which are undisclosed, are 40 GB and 80 GB A100s."""
MEMORY_MB: Final = {
    "A10": 24_576, "T4": 16_384, "P100": 16_384, "V100M16": 16_384, "V100M32": 32_768, "G2": 40_960, "G3": 81_920,
}  # fmt: skip


class BadTrace(CounterfoilError):
    """A trace file has a form that the demo cannot read; the message names the line."""


@dataclass(frozen=True, slots=True)
class Node:
    """One machine: `gpus` GPUs of one model."""

    name: str
    gpus: int
    model: str


@dataclass(frozen=True, slots=True)
class Task:
    """One task: GPUs on one machine, the models it accepts, and when it ran (seconds from the trace's start)."""

    name: str
    gpus: int
    models: tuple[str, ...]
    latency_sensitive: bool
    start: int
    seconds: int


def load_nodes(path: Path | None) -> list[Node]:
    """The GPU nodes of a file, or of the bundled sample. Raises `BadTrace`."""
    nodes = []
    for line, row in _rows(path, "nodes.csv", ("sn", "gpu", "model")):
        model, gpus = row["model"], _number(row["gpu"], line, 1_023)
        if model not in CATALOGUE:
            raise BadTrace(f"line {line}: unknown GPU model {model!r}; known are {', '.join(CATALOGUE)}")
        if gpus:
            nodes.append(Node(row["sn"], gpus, model))
    return nodes


def load_tasks(path: Path | None) -> tuple[list[Task], int]:
    """The GPU tasks of a file, or of the bundled sample, by start; and how many tasks need no GPU. Raises `BadTrace`.

    A share of one GPU counts as a whole one, since the market sells whole GPUs; a task that names no model accepts any.
    """
    tasks, without = [], 0
    for line, row in _rows(path, "pods.csv", ("name", "num_gpu", "gpu_spec", "qos", "creation_time", "deletion_time")):
        gpus = _number(row["num_gpu"], line, 1_023)
        if not gpus:
            without += 1
            continue
        models = tuple(sorted(set(row["gpu_spec"].split("|")))) if row["gpu_spec"] else tuple(sorted(CATALOGUE))
        unknown = [model for model in models if model not in CATALOGUE]
        if unknown:
            raise BadTrace(f"line {line}: unknown GPU model {unknown[0]!r}")
        start = _number(row["creation_time"], line, SECONDS_MAX)
        end = _number(row["deletion_time"], line, SECONDS_MAX)
        tasks.append(Task(row["name"], gpus, models, row["qos"] == "LS", start, max(1, end - start)))
    return sorted(tasks, key=lambda task: (task.start, task.name)), without


def load_prices() -> dict[str, list[int]]:
    """Per trace model, its published list prices in ascending order: micro-USD per GPU-hour, rounded up to the tick."""
    prices: dict[str, list[int]] = {}
    quotes = [row for _, row in _rows(None, "prices.csv", ("gpu", "gpus", "price_usd_per_hour"))]
    for model, listed in CATALOGUE.items():
        found = set()
        for row in quotes:
            if row["gpu"] in listed:
                units, _, hundredths = row["price_usd_per_hour"].partition(".")
                micro = int(units) * 1_000_000 + int(f"{hundredths:0<6}")
                found.add(-(-micro // (int(row["gpus"]) * _TICK)) * _TICK)
        prices[model] = sorted(found)
    return prices


def _rows(path: Path | None, bundled: str, columns: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    source = path if path is not None else Path(str(resources.files("counterfoil.demo"))) / "data" / bundled
    try:
        with source.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            missing = [name for name in columns if name not in (reader.fieldnames or ())]
            if missing:
                raise BadTrace(f"{source}: no column {missing[0]!r} in the first line")
            for line, row in enumerate(reader, 2):
                if line > MAX_ROWS:
                    raise BadTrace(f"{source}: more than {MAX_ROWS} lines")
                yield line, {name: value or "" for name, value in row.items()}
    except (OSError, UnicodeDecodeError) as problem:
        raise BadTrace(f"cannot read {source}: {problem}") from problem


def _number(text: str, line: int, most: int) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 12 or int(text) > most:
        raise BadTrace(f"line {line}: {text!r} is not a whole number from 0 to {most}")
    return int(text)
