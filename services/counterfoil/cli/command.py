"""Builds every command: shared options, example, output, errors, exit codes.

Exit codes: 0 done; 1 an audit or a proof found something; 2 wrong usage, or it cannot run here; 3 a service failed for
good; 4 refused; 5 the gateway cannot be reached; 6 a log has two histories; 130 interrupted; 141 nobody reads the
output any more. With ``--json`` standard output has one JSON value, or one per line of a stream, and errors are a JSON
object on standard error; without it they are one line (`failures.py`).
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from counterfoil.cli.failures import say
from counterfoil.cli.output import FORMATS, Format, parse_format, separated
from counterfoil.cli.parameters import QuickCommand
from counterfoil.cli.render import plain
from counterfoil.errors import CounterfoilError, ServiceStopped

if TYPE_CHECKING:
    from rich.console import RenderableType

    from counterfoil.settings import Settings

FOUND: Final = 1
CANNOT: Final = 2
FAILED: Final = 3
REFUSED: Final = 4
UNREACHABLE: Final = 5
FORKED: Final = 6

ProfileOption = Annotated[
    str | None, typer.Option("--profile", metavar="NAME", help="A profile's settings. Default: COUNTERFOIL_PROFILE.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines; errors as JSON on standard error.")]
OutputOption = Annotated[
    str,
    typer.Option(
        "--output",
        "-o",
        metavar="|".join(FORMATS),
        help="For people a table; json (as --json), csv and tsv have raw values: amounts are whole micro-units.",
    ),
]


class Invalid(CounterfoilError):
    """Wrong usage, or it cannot run here; the message says why, in one line or several."""

    def __init__(self, *texts: str) -> None:
        super().__init__("\n".join(texts))
        self.lines = texts


@dataclass
class Out:
    """The output of a command, its settings, and in `opened` the resources to close after it."""

    json: bool
    opened: ExitStack = field(default_factory=ExitStack)
    form: Format = "table"

    @property
    def for_people(self) -> bool:
        """Whether people read it, not programs."""
        return not self.json and self.form == "table"

    @cached_property
    def settings(self) -> Settings:
        """The settings of this process."""
        from counterfoil.cli.profiles import chosen
        from counterfoil.settings import load_settings

        return load_settings(chosen())

    def show(
        self, value: object, *people: RenderableType, columns: Sequence[str] = (), rows: Sequence[Any] | None = None
    ) -> None:
        """Print the result: `value` for programs, else `people`.

        `columns`: of its rows, where they are to be a table. `rows`: these, where the value has more than them.
        """
        if self.json:
            print(json.dumps(value), flush=True)
        elif self.form in ("csv", "tsv"):
            print(separated(value if rows is None else rows, self.form, columns), end="", flush=True)
        else:
            from counterfoil.cli.drawing import draw

            draw(*people)

    def note(self, text: str) -> None:
        """Print a remark for people on standard error; nothing for programs."""
        if self.for_people:
            from counterfoil.cli.drawing import draw

            draw(plain(text, "dim"), stderr=True)


Command = Callable[..., None]
Parameters = Mapping[str, tuple[Any, Any]]
"""Shared options by name: (annotation, default)."""


def make(
    app: typer.Typer, name: str, example: str, shared: Parameters, first: Callable[..., Any], *, tabular: bool = False
) -> Callable[[Command], Command]:
    """Add the decorated function to `app` as the command `name`.

    The function's first parameter is `first(out, **shared)`; to its own options are added those of `shared` and
    ``--profile``, ``--json``, and if what it shows is `tabular`, ``--output``. Its docstring is the help text.
    """
    output: Parameters = {"form_": (OutputOption, "table")} if tabular else {}
    options = {**shared, **output, "profile": (ProfileOption, None), "json_": (JsonOption, False)}

    def add(function: Command) -> Command:
        own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]

        def run(**values: Any) -> None:
            form, as_json = values.pop("form_", "table"), values.pop("json_")
            out = Out(json=as_json or form == "json")
            if (profile := values.pop("profile")) is not None:
                from counterfoil.settings import override

                override("profile", profile)
            given = {name: values.pop(name) for name in shared}

            def work() -> None:
                out.form = _format(form, as_json=as_json)
                function(first(out, **given), **values)

            code = guarded(out, work)
            if code:
                raise typer.Exit(code)

        keyword = inspect.Parameter.KEYWORD_ONLY
        added = [
            inspect.Parameter(name, keyword, annotation=annotation, default=default)
            for name, (annotation, default) in options.items()
        ]
        parameters = [*(each.replace(kind=keyword) for each in own), *added]
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {each.name: each.annotation for each in parameters}
        app.command(name, cls=QuickCommand, help=_flowing(function.__doc__ or ""), epilog=f"Example: {example}")(run)
        return function

    return add


def _format(text: str, *, as_json: bool) -> Format:
    try:
        form = parse_format(text)
    except ValueError as problem:
        raise Invalid(f"--output {text}: {problem}") from problem
    if as_json and form not in ("table", "json"):
        raise Invalid(f"--json and --output {text} exclude each other")
    return "json" if as_json else form


def _flowing(doc: str) -> str:
    """A help text whose paragraphs fill the lines of the terminal, not those of the source."""
    return "\n\n".join(" ".join(each.split("\n")) for each in inspect.cleandoc(doc).split("\n\n"))


def local(app: typer.Typer, name: str, example: str, *, tabular: bool = False) -> Callable[[Command], Command]:
    """A command that needs no gateway; its first parameter is an `Out`. `tabular`: what it shows is a table."""
    return make(app, name, example, {}, lambda out: out, tabular=tabular)


def guarded(out: Out, work: Callable[[], None]) -> int:
    """Do the work; returns its exit code. An exception becomes a message on standard error."""
    from counterfoil.client.problems import (
        Forked,
        Misserved,
        NotProven,
        NotReady,
        RefusedByService,
        Uncertain,
        Unreachable,
        Unsettled,
    )

    try:
        with out.opened:
            work()
    except RefusedByService as problem:
        _say(out, _refusal(problem))
        return REFUSED
    except Unsettled as problem:
        advice = f"`counterfoil resend {problem.command_id}` sends the same command again; a new one would be another."
        shown = {"code": "unsettled", "meaning": str(problem), "command_id": problem.command_id, "advice": advice}
        _say(out, shown)
        return UNREACHABLE
    except NotReady as problem:
        advice = problem.advice or "The gateway runs; ask again later."
        _say(out, {"code": problem.code, "meaning": str(problem), "advice": advice})
        return UNREACHABLE
    except Uncertain as problem:
        advice = "It may have been done: see the list of the same group before you give it again."
        _say(out, {"code": "uncertain", "meaning": str(problem), "advice": advice})
        return UNREACHABLE
    except Unreachable as problem:
        advice = "Check the URL, and that `counterfoil up` is running there. Nothing was sent that can change anything."
        _say(out, {"code": "unreachable", "meaning": str(problem), "advice": problem.advice or advice})
        return UNREACHABLE
    except Forked as problem:
        advice = "Show the evidence to the log's operator, to its parties and to others who read the log: it is signed."
        found = {"code": "forked", "meaning": str(problem), "evidence": str(problem.evidence), "advice": advice}
        _say(out, found)
        return FORKED
    except Misserved as problem:
        _say(out, {"code": "not_proven", "meaning": str(problem), "advice": problem.advice})
        return FOUND
    except NotProven as problem:
        advice = "Keep what was received: it is evidence of a fault."
        _say(out, {"code": "not_proven", "meaning": str(problem), "advice": advice})
        return FOUND
    except ServiceStopped as problem:
        _say(out, {"code": "service_stopped", "meaning": str(problem)})
        return FAILED
    except CounterfoilError as problem:
        _say(out, {"code": "cannot_run", "meaning": str(problem)}, getattr(problem, "lines", ()))
        return CANNOT
    except OSError as problem:
        if problem.filename is None:  # of the output, or a fault here
            raise
        _say(out, {"code": "cannot_run", "meaning": f"cannot use {problem.filename}: {problem.strerror}"})
        return CANNOT
    return 0


def _refusal(problem: Any) -> dict[str, Any]:
    from counterfoil.cli.advice import advice

    made = {"code": problem.code, "meaning": problem.title, "fields": problem.fields, "advice": advice(problem.code)}
    if problem.receipt is not None:
        origin, index = str(problem.receipt.get("origin", "")), problem.receipt.get("index")
        made["recorded"] = f"{origin}:{index}"
    return made


def _say(out: Out, problem: Mapping[str, Any], meaning: Sequence[str] = ()) -> None:
    say(problem, as_json=out.json, meaning=meaning)


# options that several commands share --------------------------------------------------------------------------------

UrlOption = Annotated[
    str | None,
    typer.Option("--url", metavar="URL", help="The gateway. Default: COUNTERFOIL_URL, or http://127.0.0.1:8440."),
]

CaOption = Annotated[
    Path | None,
    typer.Option(
        "--ca", metavar="FILE", help="The authority of the gateway's certificate, in PEM. Default: COUNTERFOIL_CA."
    ),
]


def gateway_url(out: Out, url: str | None) -> str:
    """The gateway to use. Raises `Invalid`."""
    from counterfoil.settings import check_url

    try:
        return check_url(url) if url is not None else out.settings.url
    except ValueError as problem:
        raise Invalid(f"--url: {problem}") from problem


def pairs(texts: Sequence[str], option: str) -> dict[str, str]:
    """The values of NAME=VALUE options, by name. Raises `Invalid`."""
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not name or not equals or name in found:
            raise Invalid(f"{option} {text}: NAME=VALUE is expected, each name once")
        found[name] = value
    return found
