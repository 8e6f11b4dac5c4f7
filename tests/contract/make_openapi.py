"""Freezes the OpenAPI document: `python -m tests.contract.make_openapi`. When: `openapi/README.md`."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Final

import orjson

FROZEN: Final = Path(__file__).parent / "openapi" / "frozen.json.gz"
_CURRENT: Final = Path(__file__).parents[2] / "schemas" / "openapi.json"


def main() -> None:
    """Write it."""
    FROZEN.write_bytes(gzip.compress(orjson.dumps(orjson.loads(_CURRENT.read_bytes())), mtime=0))


if __name__ == "__main__":
    main()
