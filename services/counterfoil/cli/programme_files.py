"""Programme documents before they are signed: `counterfoil programme lint`, `explain`, `describe`, `templates`."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

import typer

from counterfoil.cli.command import FOUND, Invalid, Out, local
from counterfoil.cli.document_files import parse_data, read_data
from counterfoil.cli.lines import read_lines
from counterfoil.cli.options import argument, option
from counterfoil.cli.published_rules import described_lines, described_sections
from counterfoil.cli.render import Rows, lines, plain
from counterfoil.programme.benefit import Evaluation, evaluate
from counterfoil.programme.facts import KNOWN
from counterfoil.programme.findings import Finding
from counterfoil.programme.form.case import LineGiven
from counterfoil.programme.limits import MAX_LINES
from counterfoil.programme.lint import blocks, lint
from counterfoil.programme.reading import BadDocument, Read, read_document
from counterfoil.programme.reading_case import read_case
from counterfoil.programme.rules import Rules, rules_of
from counterfoil.programme.steps import Step
from counterfoil.programme.values import written

DocumentFile = Annotated[Path, argument("FILE", "A programme document: YAML, or JSON if its name ends in .json.")]
_FLAGS = {"true": True, "yes": True, "false": False, "no": False}


def add_to(app: typer.Typer) -> None:
    """Add the commands to `counterfoil programme`."""
    local(app, "templates", "counterfoil programme templates cn-nanning-2025 > nanning.yaml")(templates)
    local(app, "lint", "counterfoil programme lint nanning.yaml", tabular=True)(lint_file)
    local(app, "describe", "counterfoil programme describe nanning.yaml")(describe)
    local(app, "explain", "counterfoil programme explain nanning.yaml --facts case.yaml --lines lines.csv")(explain)
    local(app, "facts", "counterfoil programme facts", tabular=True)(facts)


def rules_from(path: Path) -> Rules:
    """The rules of a document in a file. Raises `Invalid`."""
    return read_rules(path, read_data(path))[1]


def read_rules(path: Path, data: object) -> tuple[Read, Rules]:
    """The document that the data of a file says, and its rules. Raises `Invalid`."""
    try:
        read = read_document(data)
    except BadDocument as problem:
        raise Invalid(f"{path}: {problem} ({problem.code})") from problem
    return read, rules_of(read)


def templates(out: Out, name: Annotated[str | None, argument("NAME", "Print this one, to start from.")] = None) -> None:
    """Programmes to start from, after real ones; each names its sources and what is assumed."""
    folder = resources.files("counterfoil.programme") / "templates"
    texts = {each.name.removesuffix(".yaml"): each.read_text("utf-8") for each in folder.iterdir()}
    if name is not None:
        if name not in texts:
            raise Invalid(f"there is no template {name}; there are: {', '.join(sorted(texts))}")
        data = parse_data(texts[name])
        out.show(data, lines(texts[name].splitlines()))
        return
    rows = [
        {
            "name": each,
            "title": data["title"]["en"],
            "issuer": data["issuer"]["name"],
            "unit": data["unit"].get("currency") or data["unit"]["unit"],
        }
        for each, text in sorted(texts.items())
        if (data := parse_data(text))
    ]
    out.show(rows, Rows("templates", rows, ("name", "title", "issuer", "unit")))


def lint_file(out: Out, file: DocumentFile) -> None:
    """Find what contradicts itself in a programme, before it is signed. Errors block publication: exit code 1."""
    rules = rules_from(file)
    found = lint(rules)
    rows = finding_rows(found)
    errors = sum(each.severity == "error" for each in found)
    summary = f"{errors} error{'' if errors == 1 else 's'}, rules {rules.digest.hex()}"
    shown = {"findings": rows, "rules_hash": rules.digest.hex(), "publishable": not blocks(found)}
    columns = ("severity", "code", "finding", "places", "why")
    out.show(shown, Rows("findings", rows, columns), plain(summary), columns=columns, rows=rows)
    if blocks(found):
        raise typer.Exit(FOUND)


def finding_rows(found: Iterable[Finding]) -> list[dict[str, Any]]:
    """Findings of the linter as rows."""
    return [
        {
            "severity": each.severity,
            "code": each.code,
            "finding": each.text,
            "places": list(each.places),
            "why": each.why,
        }
        for each in found
    ]


def describe(out: Out, file: DocumentFile) -> None:
    """Say what a programme lays down, in sentences."""
    rules = rules_from(file)
    out.show(described_sections(rules), lines(described_lines(rules)))


def facts(out: Out) -> None:
    """The facts that conditions of any programme may ask for; a document may declare others."""
    rows = [{"name": name, "kind": each.kind, "of": each.of, "meaning": each.text} for name, each in KNOWN.items()]
    out.show(rows, Rows("facts", rows, ("name", "kind", "of", "meaning")))


def explain(
    out: Out,
    file: DocumentFile,
    case: Annotated[
        Path, option("--facts", "The case: day, subjects, attested facts, what was counted. YAML or JSON.")
    ],
    line_file: Annotated[
        Path | None, option("--lines", "Lines of the invoice beside those of the case: CSV, or JSON Lines.")
    ] = None,
) -> None:
    """Show what a case would be worth, step by step, before anything is signed. Refused: exit code 1."""
    rules = rules_from(file)
    try:
        judged = evaluate(rules, read_case(rules, read_data(case), _lines(line_file)))
    except BadDocument as problem:
        raise Invalid(f"{case}: {problem} ({problem.code})") from problem
    out.show(_shown(rules, judged), lines(_told(rules, judged)))
    if judged.refusal is not None:
        raise typer.Exit(FOUND)


def _lines(path: Path | None) -> list[dict[str, Any]]:
    if path is None:
        return []
    read = read_lines(path)
    if len(read) > MAX_LINES:
        raise Invalid(f"{path} has more than {MAX_LINES} lines: divide it")
    known = LineGiven.__struct_fields__
    made = []
    for each in read:
        unknown = [name for name in each.values if name not in known]
        if unknown:
            raise Invalid(f"{path}: there is no column {unknown[0]}; there are: {', '.join(known)}")
        made.append({name: _value(name, texts) for name, texts in each.values.items() if texts})
    return made


def _value(name: str, texts: Any) -> Any:
    text = texts if isinstance(texts, str) else texts[0]
    return _FLAGS.get(text.lower(), text) if name in ("related", "provider_listed") else text


def _shown(rules: Rules, judged: Evaluation) -> dict[str, Any]:
    def said(each: Step) -> dict[str, Any]:
        return {"code": each.code, "text": each.sentence, "values": each.texts}

    return {
        "rules_hash": judged.digest.hex(),
        "unit": rules.unit,
        "refused": None if judged.refusal is None else said(judged.refusal),
        "subsidy": str(judged.subsidy),
        "eligible": written(judged.eligible),
        "co_payment": written(judged.co_payment),
        "payers": {payer: str(amount) for payer, amount in judged.payers},
        "lines": [
            {
                "id": each.line.id,
                "subsidy": written(each.subsidy),
                "eligible": written(each.eligible),
                "refused": None if each.refusal is None else said(each.refusal),
                "steps": [said(one) for one in each.steps],
            }
            for each in judged.lines
        ],
        "steps": [said(each) for each in judged.steps],
        "counts": [{**each._asdict(), "amount": str(each.amount)} for each in judged.counts],
    }


def _told(rules: Rules, judged: Evaluation) -> list[str]:
    told: list[str] = []
    for each in judged.lines:
        told.extend(f"  {one.sentence}" if one.code != "line" else f"line {one.sentence}" for one in each.steps)
        if each.refusal is not None:
            told.append(f"line {each.line.id}: not eligible: {each.refusal.sentence}")
    told.extend(each.sentence for each in judged.steps)
    if judged.refusal is not None:
        told.append(f"refused: {judged.refusal.sentence} ({judged.refusal.code})")
    told.append(f"subsidy {written(judged.subsidy)} {rules.unit}, own part {written(judged.co_payment)} {rules.unit}")
    told.append(f"rules {judged.digest.hex()}")
    return told
