"""`counterfoil study`: continuous matching against a batch auction, on the orders that a cluster trace makes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from counterfoil.cli.command import Invalid, Out, local
from counterfoil.cli.files import replacing
from counterfoil.cli.options import count, option
from counterfoil.cli.progress import bars
from counterfoil.cli.render import Rows, lines

_MOST_SEED: Final = 2**32


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""

    @local(app, "study", "counterfoil study --report study.html")
    def study_command(
        out: Out,
        nodes: Annotated[
            Path | None, option("--nodes", "The trace's nodes. Default: a sample.", metavar="FILE")
        ] = None,
        pods: Annotated[Path | None, option("--pods", "The trace's tasks. Default: a sample.", metavar="FILE")] = None,
        seed: Annotated[int, count("--seed", "The same seed gives the same figures.", 0, _MOST_SEED)] = 1,
        report: Annotated[
            Path | None, option("--report", "Also write a page of HTML with charts.", metavar="FILE")
        ] = None,
    ) -> None:
        """Compare continuous matching with a batch auction, on the same orders, made of a cluster trace.

        Both rules are the market's own: PTW-1 as orders arrive, UPA-1 once a day. By share of the node-hours that are
        wanted: orders met, node-hours filled, surplus of the most that any outcome could have, price paid per GPU-hour,
        how late work starts, and what the largest supplier sold. The whole trace takes under a minute.

        What the trace does not say is modelled, and listed at the end.
        """
        from counterfoil.demo.study.figures import study
        from counterfoil.demo.study.orders import ASSUMED
        from counterfoil.demo.study.page import COLUMNS, page, shown
        from counterfoil.demo.tables import BadTrace
        from counterfoil.demo.trace import load_nodes, load_tasks

        try:
            machines, (tasks, _) = load_nodes(nodes), load_tasks(pods)
        except BadTrace as problem:
            raise Invalid(str(problem)) from problem
        if not machines or not tasks:
            raise Invalid("the trace has no machine or no task with a GPU")
        with bars(out, "markets of a day") as told:
            found = study(machines, tasks, seed, told.advance)
        if report is not None:
            with replacing(report) as file:
                file.write(page(found, "the bundled sample" if pods is None else pods.name))
        headings = tuple(COLUMNS.values())
        rows = [shown(row) for row in found.classes]
        out.show(
            {**found.to_json(), "assumed": ASSUMED},
            Rows("both rules on the same orders", rows, headings, headings[3:]),
            lines(("what is modelled:", *(f"- {each}" for each in ASSUMED))),
        )
