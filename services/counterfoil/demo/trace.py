"""Reads the cluster trace: real supply and demand."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from counterfoil.demo.accelerators import CLASS_OF
from counterfoil.demo.tables import BadTrace, rows

SECONDS_MAX: Final = 400 * 86_400
_MODELS: Final = tuple(sorted(CLASS_OF))


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

    @property
    def classes(self) -> tuple[str, ...]:
        """The market's classes that these models stand for."""
        return tuple(sorted({CLASS_OF[model].class_id for model in self.models}))


def load_nodes(path: Path | None) -> list[Node]:
    """The GPU nodes of a file, or of the bundled sample. Raises `BadTrace`."""
    nodes = []
    for line, row in rows(path, "nodes.csv", ("sn", "gpu", "model")):
        model, gpus = row["model"], _number(row["gpu"], line, 1_023)
        if gpus and model not in CLASS_OF:
            raise BadTrace(f"line {line}: unknown GPU model {model!r}; known are {', '.join(_MODELS)}")
        if gpus:
            nodes.append(Node(row["sn"], gpus, model))
    return nodes


def load_tasks(path: Path | None) -> tuple[list[Task], int]:
    """The GPU tasks of a file, or of the bundled sample, by start; and how many tasks need no GPU. Raises `BadTrace`.

    A share of one GPU counts as a whole one; a task that names no model accepts any.
    """
    tasks, without = [], 0
    for line, row in rows(path, "pods.csv", ("name", "num_gpu", "gpu_spec", "qos", "creation_time", "deletion_time")):
        gpus = _number(row["num_gpu"], line, 1_023)
        if not gpus:
            without += 1
            continue
        models = tuple(sorted(set(row["gpu_spec"].split("|")))) if row["gpu_spec"] else _MODELS
        unknown = [model for model in models if model not in CLASS_OF]
        if unknown:
            raise BadTrace(f"line {line}: unknown GPU model {unknown[0]!r}")
        start = _number(row["creation_time"], line, SECONDS_MAX)
        end = _number(row["deletion_time"], line, SECONDS_MAX)
        tasks.append(Task(row["name"], gpus, models, row["qos"] == "LS", start, max(1, end - start)))
    return sorted(tasks, key=lambda task: (task.start, task.name)), without


def _number(text: str, line: int, most: int) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 12 or int(text) > most:
        raise BadTrace(f"line {line}: {text!r} is not a whole number from 0 to {most}")
    return int(text)
