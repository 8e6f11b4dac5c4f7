"""Entries of logs in files, each with its proof beside it, as `counterfoil log verify` reads them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated

import typer

from counterfoil.cli.command import Invalid
from counterfoil.cli.files import replacing
from counterfoil.cli.log import PROOF
from counterfoil.reports.folding import Folded
from counterfoil.reports.tables import Ref

EvidenceOption = Annotated[
    Path | None,
    typer.Option(
        "--evidence",
        metavar="DIR",
        help="A new directory: of each thing found its entries, with proofs that `counterfoil log verify` checks.",
    ),
]


def keep(folded: Folded, found: Mapping[str, Iterable[Ref]], directory: Path) -> None:
    """Write the entries about each thing into a folder of its name. Raises `Invalid`."""
    try:
        directory.mkdir(parents=True)
    except OSError as problem:
        raise Invalid(f"--evidence {directory}: a new directory cannot be made: {problem.strerror}") from problem
    for name in found:
        (directory / name).mkdir()
    for ref, name in sorted({(ref, name) for name, refs in found.items() for ref in refs}):  # as they lie in the files
        file = directory / name / f"{ref.log.stem}-{ref.index}.json"
        beside = file.with_name(file.name + PROOF)
        for path, data in ((file, folded.entry(ref)), (beside, folded.receipt(ref))):
            with replacing(path, binary=True) as target:
                target.write(data)
