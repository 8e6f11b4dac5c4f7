"""Writes what the command line knows of the views: python -m tests.cli.make_views."""

from __future__ import annotations

import json

from counterfoil.catalogue import VIEWS
from counterfoil.cli.late_views import FILE


def described() -> str:
    """The views of the catalogue as JSON, one on each line."""
    facts = {
        view.name: {
            "key": view.key,
            "columns": dict(view.columns),
            "filters": view.filters,
            "time": view.time,
            "values": dict(view.values),
            "order": view.order,
            "public": view.readers.anybody,
        }
        for view in VIEWS
    }
    lines = (f"{json.dumps(name)}: {json.dumps(each)}" for name, each in facts.items())
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    FILE.write_text(described())
