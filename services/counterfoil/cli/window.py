"""`counterfoil window`: applications that are taken for some days, and decided together."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Annotated, Final

from counterfoil.cli.command import Invalid
from counterfoil.cli.late import group
from counterfoil.cli.options import Programme, argument, option
from counterfoil.cli.signing import signed
from counterfoil.cli.values import parse_sha256
from counterfoil.contract.record import Command as Body
from counterfoil.contract.times import parse_day
from counterfoil.issuance.commands import CloseWindow, OpenWindow

app = group("window")
_SEED: Final = option(
    "--seed-file", "Of a lottery: a file with 64 random hexadecimal digits, secret until it is closed.", metavar="FILE"
)
_MOST: Final = 80
"""Characters of a file with a seed, line ends included."""


def _seed(file: Path | None) -> bytes | None:
    if file is None:
        return None
    try:
        with file.open(encoding="ascii") as opened:
            return parse_sha256(opened.read(_MOST).strip())
    except (OSError, ValueError) as problem:
        raise Invalid(f"{file}: {problem}") from problem


@signed(
    app,
    "open",
    "counterfoil window open --programme springfield-2026 --opens 2026-10-01 --closes 2026-10-31 --as springfield",
)
def open_(
    programme: Programme,
    opens: Annotated[int, option("--opens", "The first day.", parse_day, metavar="DATE")],
    closes: Annotated[int, option("--closes", "The last day.", parse_day, metavar="DATE")],
    seed_file: Annotated[Path | None, _SEED] = None,
) -> Body:
    """Issuer: take applications that are decided together, by rank, lottery or proportion, when the days are over.

    The days are a window of the programme's document, if that names windows. Of the seed, only its hash is published.
    `openssl rand -hex 32 > seed.hex` makes one; without it the lottery cannot be drawn.
    """
    seed = _seed(seed_file)
    commitment = None if seed is None else sha256(seed).digest()
    return OpenWindow(programme_id=programme, opens=opens, closes=closes, commitment=commitment)


@signed(app, "close", "counterfoil window close win-9-0 --as springfield")
def close(
    window: Annotated[str, argument("WINDOW", "The window's id.")], seed_file: Annotated[Path | None, _SEED] = None
) -> Body:
    """Issuer: have a window's applications decided, when its last day is over and their reviews are complete.

    From then on nobody has a say in it: the log decides one after the other, in an order that everybody can repeat.
    """
    return CloseWindow(window_id=window, seed=_seed(seed_file))
