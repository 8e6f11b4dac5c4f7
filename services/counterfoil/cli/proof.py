"""`counterfoil proof`: evidence that was saved in files, verified without a network."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

from counterfoil.cli.command import Out, local
from counterfoil.cli.files import read_text
from counterfoil.cli.histories import pinned_keys, read, show
from counterfoil.cli.late import group
from counterfoil.cli.log import Vkeys
from counterfoil.cli.options import argument
from counterfoil.cli.state_proofs import record_in, show_saved
from counterfoil.client.histories import MAX_EVIDENCE_BYTES

app = group("proof")
app.callback()(lambda: None)  # with one command alone, it would be no group


@local(app, "verify", "counterfoil proof verify vch-12-0.json --vkeys vkeys")
def verify(
    out: Out,
    file: Annotated[
        Path, argument("FILE", "What `voucher prove`, `programme totals` or `balance prove` kept with `--save`.")
    ],
    vkeys: Vkeys = None,
) -> None:
    """Verify what was saved about a voucher or a programme: every entry, every balance, and that none is missing.

    Of a balance: that it is in the state that the ledger committed to.
    """
    text = read_text(file, MAX_EVIDENCE_BYTES)
    answer = record_in(text)
    if answer is not None:
        show_saved(out, answer, pinned_keys(out, vkeys))
        return
    assets, made = read(file, text, partial(pinned_keys, out, vkeys))
    show(out, assets, made, {"verified": True})
