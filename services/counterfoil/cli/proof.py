"""`counterfoil proof`: evidence that was saved in files, verified without a network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from counterfoil.cli.command import Out, local
from counterfoil.cli.histories import read, show
from counterfoil.cli.late import group
from counterfoil.cli.log import Vkeys
from counterfoil.cli.options import argument

app = group("proof")
app.callback()(lambda: None)  # with one command alone, it would be no group


@local(app, "verify", "counterfoil proof verify vch-12-0.json --vkeys vkeys")
def verify(
    out: Out,
    file: Annotated[Path, argument("FILE", "What `voucher prove` or `programme totals` kept with `--save`.")],
    vkeys: Vkeys = None,
) -> None:
    """Verify what was saved about a voucher or a programme: every entry, every balance, and that none is missing."""
    assets, made = read(out, file, vkeys)
    show(out, assets, made, {"verified": True})
