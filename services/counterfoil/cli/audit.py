"""`counterfoil audit`: replays published logs and prints what is wrong with them."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from counterfoil import __version__
from counterfoil.audit.auditor import audit
from counterfoil.audit.files import CannotAudit
from counterfoil.audit.kept import kept_in
from counterfoil.audit.report import AuditReport
from counterfoil.cli.command import FOUND, Invalid, Out, local
from counterfoil.cli.files import replacing
from counterfoil.cli.languages import ENGLISH, LanguageOption, checked_language
from counterfoil.cli.log_source import LogsArgument, MirrorOption, logs_at
from counterfoil.cli.mirror import Logs, Vkeys, pinned_keys
from counterfoil.cli.progress import bars
from counterfoil.cli.reading import ReaderOption
from counterfoil.cli.render import Rows, plain
from counterfoil.contract.services import SERVICES
from counterfoil.contract.times import format_time
from counterfoil.core.rules import UnknownRules
from counterfoil.log.keys import VerifyKey
from counterfoil.runtime.clock import time_by

if TYPE_CHECKING:
    from rich.console import RenderableType

SHOWN: Final = 200
"""How many findings, or rows of another list, are printed for people; JSON has all."""
_ROOT: Final = 16  # digits of a root for people; JSON has all
_LOGS = ("origin", "rules", "size", "commands", "refused", "signatures", "events", "trades", "root")
_OUTAGES = ("origin", "index", "away_since", "seconds")
_RECOVERIES = ("index", "time", "party_id", "proposed_by", "reason", "key_id")
_RELATIONS = ("party_id", "group_id", "since", "attested_by")
_ALIKE = ("party_id", "name", "like", "name_of_like")
_TOGETHER = ("where", "duties", "party_id", "related_to")
_ACTS = ("origin", "index", "time", "event", "by", "party_id", "programme_id", "order_id", "reason")
_TAILS = ("origin", "index", "entries", "time", "source", "needs")
_FINDINGS = ("log", "place", "code", "text")
_CHECKED = (
    "checked: {files} logs; {replay} decisions made again; sums of {arithmetic} trades; certificates of {certificates}"
    " auctions"
)


def tables(report: dict[str, Any]) -> list[RenderableType]:
    """An audit's report, in its JSON form, for people."""
    findings = report["findings"]
    logs = [{**log, "root": log["root"][:_ROOT], "rules": _versions(log["rules"])} for log in report["logs"]]
    shown: list[RenderableType] = [Rows("logs", logs, _LOGS, _LOGS[2:-1])]
    away = [{"origin": log["origin"], **each} for log in report["logs"] for each in log["outages"]]
    if away:
        shown.append(Rows("outages, as the writers say: deadlines waited", away, _OUTAGES, _OUTAGES[1:]))
    recoveries = [each for log in report["logs"] for each in log["recoveries"]]
    if recoveries:
        shown.append(Rows("recoveries, by the recovery key unless an operator proposed it", recoveries, _RECOVERIES))
    for name, what, columns in (
        ("relations", "attested groups of related parties", _RELATIONS),
        ("alike", "names that may be taken for one another, as the operator said, or by older rules", _ALIKE),
        ("together", "duties that related parties hold together, as is known now", _TOGETHER),
    ):
        rows = [each for log in report["logs"] for each in log[name]]
        if rows:
            shown.append(Rows(what, rows[:SHOWN], columns))
    acts = [{"origin": log["origin"], **each} for log in report["logs"] for each in log["acts"]]
    if acts:
        shown.append(Rows("acts of authority on others, with their public reasons", acts, _ACTS))
    tails = [{"origin": log["origin"], **log["tail"]} for log in report["logs"] if log["tail"]]
    if tails:
        shown.append(Rows("last entries, which need what others have not published yet", tails, _TAILS, _TAILS[1:3]))
    checked = {each["level"]: each["checked"] for each in report["levels"]}
    shown.append(plain(_CHECKED.format(**checked)))
    if not findings:
        left = sum(each["entries"] for each in tails)
        rest = f", but for {left} last entries, which are for the next audit" if left else ""
        return [*shown, plain(f"clean: everything was checked{rest}, nothing was found", "bold green")]
    shown.append(Rows("findings", findings[:SHOWN], _FINDINGS))
    shown += [plain(f"not audited to its end: {each}") for each in report["unknown_rules"]]
    return [*shown, plain(f"{len(findings)} finding{'' if len(findings) == 1 else 's'}", "bold red")]


def _versions(rules: list[dict[str, int]]) -> str:
    """``1``, or ``1, 2 from 57`` if version 2 decided entry 57 and those after it."""
    return ", ".join(
        str(each["version"]) if each["from"] == 1 else f"{each['version']} from {each['from']}" for each in rules
    )


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""

    @local(app, "audit", "counterfoil audit https://market.example --mirror mirror --resume audited --vkeys vkeys")
    def audit_command(
        out: Out,
        logs: LogsArgument,
        vkeys: Vkeys = None,
        mirror: MirrorOption = None,
        more: Logs = None,
        reader: ReaderOption = None,
        resume: Annotated[
            Path | None,
            typer.Option(
                "--resume",
                metavar="DIR",
                help="Your own directory: begin where the last clean audit kept there ended, and keep this one there.",
            ),
        ] = None,
        twin: Annotated[
            bool, typer.Option("--twin", help="Also find every match with the naive order book (slower).")
        ] = False,
        report_file: Annotated[
            Path | None,
            typer.Option(
                "--report",
                metavar="FILE.html",
                help="Also write the report as one page of HTML, with charts and evidence; takes the place of a file.",
            ),
        ] = None,
        language: LanguageOption = ENGLISH,
    ) -> None:
        """Replay published logs: signatures, trees, causes, every decision, conservation, every trade.

        Exit code 0: clean; 1: findings; 2: it could not run; with a URL also those of `log mirror`, which
        copies the logs first. Without pinned keys each log is checked against the key that is published
        beside it, which proves that it is consistent, not whose it is.

        The logs may grow meanwhile: they are audited as of the checkpoints that are read first. If the last
        entries of a log need what another log had not published by then, they are for the next audit.

        With `--resume` the files of entries audited before are not read again, but every log must go on from
        the tree that was audited. What the directory holds is believed: nobody else may write there.

        Every recovery of a party is listed, by whom and by what: whoever speaks for the party should know of it.

        The page that `--report` writes needs no network and no script, and prints. Beside the lists it has the signed
        checkpoints that were audited, each finding's entry with its proof, and the report's JSON.

        The column `rules` shows the versions that decided: `1, 2 from 57` means version 2 from entry 57 on.
        """
        if report_file is not None and report_file.suffix != ".html":
            raise Invalid(f"{report_file}: the name of a report ends in .html; --json prints its JSON")
        language = checked_language(language, is_page=report_file is not None)
        trusted = pinned_keys(out, vkeys)
        with logs_at(out, logs, trusted, mirror, more, reader) as directory:
            report = _run(out, directory, trusted, resume, twin=twin)
            if report_file is not None:
                _write(report_file, directory, trusted, report, language)
        out.show(report.to_json(), *tables(report.to_json()))
        if not report.clean:
            raise typer.Exit(FOUND)


def _run(
    out: Out, directory: Path, trusted: dict[str, VerifyKey] | None, resume: Path | None, *, twin: bool
) -> AuditReport:
    if trusted is not None:
        missing = [name for name in SERVICES if not any(f"/{name}/" in origin for origin in trusted)]
        if missing:
            raise Invalid(f"no key is pinned for {', '.join(missing)}")
    try:
        with ExitStack() as opened:
            kept = None if resume is None else opened.enter_context(kept_in(resume))
            shown = opened.enter_context(bars(out, "entries"))
            report = audit(directory, trusted, shown.advance, twin=twin, kept=kept)
    except (CannotAudit, UnknownRules) as problem:
        raise Invalid(str(problem)) from problem
    except OSError as problem:
        raise Invalid(f"cannot read or write {problem.filename}: {problem.strerror}") from problem
    if trusted is None:
        out.note("no pinned keys: each log was checked against its own `vkey`")
    before = sum(log.audited_before for log in report.logs)
    if before:
        out.note(
            f"{before} entries were audited before, by what {resume} keeps: believe that as you trust the directory"
        )
    return report


def _write(
    file: Path, directory: Path, trusted: dict[str, VerifyKey] | None, report: AuditReport, language: str
) -> None:
    """The report as a page, with what the audited files prove of it. Raises `Invalid`."""
    from counterfoil.audit.evidence import evidence_of
    from counterfoil.console.papers import Made, audit_paper

    made = Made(f"counterfoil {__version__}", format_time(time_by(None)))
    text = audit_paper(report.to_json(), evidence_of(directory, trusted, report), made, language)
    with replacing(file) as target:
        target.write(text)
