"""Documents and cases for the tests: read from files, changed in one place, and judged."""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

from counterfoil.cli.document_files import parse_data
from counterfoil.programme.benefit import Evaluation, evaluate
from counterfoil.programme.case import Case
from counterfoil.programme.reading import read_document
from counterfoil.programme.reading_case import read_case
from counterfoil.programme.rules import Rules, rules_of

DOCUMENTS = Path(__file__).parent / "documents"
TEMPLATES = Path(__file__).parents[2] / "services" / "counterfoil" / "programme" / "templates"
ALL = {path.stem: path for folder in (TEMPLATES, DOCUMENTS) for path in sorted(folder.glob("*.yaml"))}


@cache
def data(name: str) -> Any:
    """The JSON data of a document; not to be changed, but by `changed`."""
    return parse_data(ALL[name].read_text("utf-8"))


def changed(value: Any, path: str, new: Any) -> Any:
    """A copy with another value at a path such as ``benefit.tiers.0.rate``; `...` removes the member."""
    made = deepcopy(value)
    *way, last = [int(each) if each.isdigit() else each for each in path.split(".")]
    place = made
    for each in way:
        place = place[each] if isinstance(each, int) else place.setdefault(each, {})
    if new is ...:
        del place[last]
    else:
        place[last] = new
    return made


def rules(name: str, **changes: Any) -> Rules:
    """The rules of a document, with members at paths (``__`` for dots) changed."""
    value = data(name)
    for path, new in changes.items():
        value = changed(value, path.replace("__", "."), new)
    return rules_of(read_document(value))


def fact(name: str, value: Any, by: str = "operator", on: str = "2025-01-01") -> dict[str, Any]:
    """A fact as it is written."""
    return {"name": name, "value": value, "attested_by": by, "on": on}


def line(amount: str, **other: Any) -> dict[str, Any]:
    """A line of compute."""
    return {"id": "1", "sku": "GPU_COMPUTE", "amount": amount, **other}


def case(made: Rules, day: str, lines: Iterable[dict[str, Any]], *facts: dict[str, Any], **other: Any) -> Case:
    """A case of the beneficiary `acme`, alone in its group."""
    subjects = {"BENEFICIARY": "acme", "GROUP": "acme", "PROJECT": "p1", "CONTRACT": "c1"}
    given = {"day": day, "subjects": subjects, "facts": list(facts), "lines": list(lines), **other}
    return read_case(made, given)


def judged(made: Rules, day: str, lines: Iterable[dict[str, Any]], *facts: dict[str, Any], **other: Any) -> Evaluation:
    """The evaluation of such a case."""
    return evaluate(made, case(made, day, lines, *facts, **other))


def units(amount: str) -> int:
    """Micro-units of units."""
    whole, _, part = amount.partition(".")
    return int(whole) * 10**6 + int(part.ljust(6, "0") or 0)
