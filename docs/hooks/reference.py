"""The reference pages that follow from the code: made whenever the site is built, and kept nowhere."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Mapping
from dataclasses import fields
from types import ModuleType
from typing import Any, Final

import orjson

from counterfoil import settings
from counterfoil.cli.schemas import asyncapi, contract_files, openapi, problems
from counterfoil.contract import limits
from counterfoil.contract.export import refusal_rows
from counterfoil.contract.services import SERVICES
from counterfoil.core.rule_fields import Rules
from counterfoil.core.rules import RULES
from counterfoil.gateway import bounds
from counterfoil.ops.metrics import METRICS
from counterfoil.vocabulary import VOCABULARY
from docs.hooks.command_line import command_pages
from docs.hooks.tables import code, table, type_of

_AS_THEY_ARE: Final = {"reports.md": "reports", "state.md": "state", "programme.md": "programme"}
"""Pages of ``schemas/`` that say it all, by their name on the site."""
_COMMANDS: Final = """# Commands

What a party may ask for: the `body` of a signed [command](formats.md#command), by the service that decides it. *Role*
is what the signer needs; who may give a command about which object is in [Who may do what](../who-may-do-what.md). A
command that has a newer version is taken only by logs whose [rules](rules.md) still have it.

"""
_EVENTS: Final = """# Events

What [entries](formats.md#entry) of the logs say. The name of an event ends in its version: what is said otherwise gets
the next version, and old logs keep theirs.

"""
_RULES: Final = """# Rules versions

A log says in its first entry, and then in every `rules.adopted.v1`, by which version it decides from the next entry on.
A version that was released never changes. Ratios are in basis points, times in microseconds unless they say otherwise.

"""


def reference_pages() -> dict[str, str]:
    """Markdown by path below the site's root."""
    files = contract_files()
    pages = {
        "commands": _commands(files),
        "events": _events(files),
        "refusals": _refusals(),
        "rules": _rules(),
        "limits": _limits(),
        "settings": _settings(),
        "problems": problems().decode(),
        "http": _http(orjson.loads(openapi())),
        "topics": _topics(orjson.loads(asyncapi())),
        "metrics": _metrics(),
        **{page: files[name].decode() for name, page in _AS_THEY_ARE.items()},
    }
    return {f"reference/{name}.md": text for name, text in pages.items()} | command_pages()


def _members(files: Mapping[str, bytes], path: str) -> tuple[str, str]:
    """The description of a schema, and the table of its members."""
    schema = orjson.loads(files[path])
    needed, defs = set(schema.get("required", ())), schema.get("$defs", {})
    rows = [
        [code(name), type_of(member, defs) + ("" if name in needed else " (optional)")]
        for name, member in schema["properties"].items()
        if name != "type" or "const" not in member
    ]
    return schema.get("description", ""), table(["member", "is"], rows) if rows else "No members.\n\n"


def _commands(files: Mapping[str, bytes]) -> str:
    text = [_COMMANDS]
    for service in SERVICES:
        text.append(f"## {service.capitalize()}\n\n")
        for body in (each for each, decides in VOCABULARY.service_of.items() if decides == service):
            says, members = _members(files, f"commands/{body.TYPE}.v{body.V}.schema.json")
            role = " or ".join(body.ROLES) or "any"
            text.append(f"### {body.TYPE} v{body.V}\n\n{says}\n\nRole: {role}.\n\n{members}")
    return "".join(text)


def _events(files: Mapping[str, bytes]) -> str:
    text = [_EVENTS]
    for name in VOCABULARY.events:
        says, members = _members(files, f"events/{name}.schema.json")
        text.append(f"## {name}\n\n{says}\n\n{members}")
    return "".join(text)


def _refusals() -> str:
    text = (
        "# Refusals\n\nWhy a command was not done. Codes are stable; where several apply, the first of this list is "
        "answered. *Intake*: refused before an entry was made, so the same bytes may be sent again once the cause is "
        "gone. *Decision*: the refusal is in the log, and final for this command. *Transient*: a new command may "
        "succeed later.\n\n"
    )
    rows = [[code(name), *said] for _, name, *said in refusal_rows()]
    return text + table(["code", "stage", "lasting", "meaning"], rows)


def _rules() -> str:
    """What each version decides otherwise than the one before it."""
    text = [_RULES]
    said = _documented(Rules)
    for version in sorted(RULES, reverse=True):
        rules, before = RULES[version], RULES.get(version - 1)
        text.append(f"## Version {version}\n\n")
        if before is None:
            rows = [[code(each.name), _shown(rules, each.name), said.get(each.name, "")] for each in fields(Rules)]
            text.append(table(["rule", "value", "meaning"], [row for row in rows if row[0] != "`absent`"]))
            continue
        came, went = before.absent - rules.absent, rules.absent - before.absent
        for label, commands in (("Commands that came", came), ("No longer taken", went)):
            if commands:
                names = ", ".join(code(f"{kind} v{number}") for kind, number in sorted(commands))
                text.append(f"{label}: {names}.\n\n")
        rows = [
            [code(each.name), _shown(before, each.name), _shown(rules, each.name), said.get(each.name, "")]
            for each in fields(Rules)
            if each.name not in ("number", "absent") and getattr(rules, each.name) != getattr(before, each.name)
        ]
        text.append(table(["rule", "before", "now", "meaning"], rows) if rows else "No other difference.\n\n")
    return "".join(text)


def _documented(kind: type) -> dict[str, str]:
    """The docstrings under the fields of a class, by field."""
    (body,) = [each for each in ast.parse(inspect.getsource(kind)).body if isinstance(each, ast.ClassDef)]
    found = {}
    for this, following in zip(body.body, body.body[1:], strict=False):
        if (
            isinstance(this, ast.AnnAssign)
            and isinstance(this.target, ast.Name)
            and isinstance(following, ast.Expr)
            and isinstance(following.value, ast.Constant)
        ):
            found[this.target.id] = re.sub(r"\s+", " ", str(following.value.value)).strip()
    return found


_TIMES: Final = re.compile(r"_(delay|period|validity|skew|stands|within|for)$|^(restored_for)$")


def _shown(rules: Rules, name: str) -> str:
    value = getattr(rules, name)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and _TIMES.search(name) and value % 1_000_000 == 0:
        return f"{value // 1_000_000:,} s"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, (frozenset, Mapping)):
        return f"{len(value)} entries" if value else "none"
    return "none" if value is None else str(value)


def _limits() -> str:
    return (
        "# Limits\n\nBounds of bytes, ranges and shapes are the same in every version of the rules; what decides and "
        "may differ by version is in [Rules versions](rules.md). `GET /v1/limits` of a gateway says which of them "
        "hold there, with the quota of a party.\n\n"
        "## Messages\n\nSizes are bytes, times microseconds.\n\n"
        f"{_constants(limits)}## Gateway\n\nTimes are seconds. A *peer* is an IPv4 address, or the /64 network of an "
        f"IPv6 address.\n\n{_constants(bounds)}"
    )


def _constants(module: ModuleType) -> str:
    """A table for each group of a module's constants, with the comments beside them."""
    text: list[str] = []
    rows: list[list[str]] = []
    head = ["limit", "value", "what it bounds"]
    for line in inspect.getsource(module).splitlines():
        group = re.match(r"# ([A-Z][^.]*)\.?(.*)", line)
        constant = re.match(r"([A-Z_]+): Final = .*?(?:  # (.*))?$", line)
        if group:
            text += [table(head, rows)] if rows else []
            text.append(f"**{group[1]}.**{group[2]}\n\n")
            rows = []
        elif constant:
            rows.append([code(constant[1]), _number(getattr(module, constant[1])), constant[2] or ""])
    return "".join([*text, table(head, rows)])


def _number(value: Any) -> str:
    if isinstance(value, (frozenset, tuple)):
        return ", ".join(map(str, sorted(value)))
    return f"{value:,}" if isinstance(value, (int, float)) else str(value)


def _settings() -> str:
    """What the docstring of the settings says, as tables."""
    text = ["# Settings\n\n"]
    rows: list[list[str]] = []
    for block in inspect.getdoc(settings).split("\n\n"):  # type: ignore[union-attr]
        found = re.split(r"^(COUNTERFOIL_[A-Z_]+)\s+", block, flags=re.MULTILINE)
        if len(found) == 1:
            text.append(block.replace("Of the distributed form", "## Distributed\n\nOf the distributed form") + "\n\n")
            continue
        rows = [[code(name), said.strip()] for name, said in zip(found[1::2], found[2::2], strict=True)]
        text.append(table(["variable", "meaning"], rows))
    return "".join(text)


def _http(document: Any) -> str:
    text = [
        (
            f"# HTTP\n\n{document['info']['description']}\n\nThe gateway serves this as an OpenAPI document at "
            "`/openapi.json`. Errors are [problems](problems.md) of RFC 9457; those of commands are "
            "[refusals](refusals.md).\n\n"
        )
    ]
    for tag, operations in _by_tag(document).items():
        text.append(f"## {tag.capitalize()}\n\n")
        for method, path, operation in operations:
            text.append(f"### {method.upper()} {path}\n\n{operation.get('summary', '')}.\n\n")
            rows = [
                [code(each["name"]), each["in"], each.get("description", each["schema"].get("description", ""))]
                for each in operation.get("parameters", ())
            ]
            text.append(table(["parameter", "in", "meaning"], rows) if rows else "")
            statuses = ", ".join(code(status) for status in operation["responses"])
            text.append(f"Answers {statuses}.\n\n")
    return "".join(text)


def _by_tag(document: Any) -> dict[str, list[tuple[str, str, Any]]]:
    found: dict[str, list[tuple[str, str, Any]]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            found.setdefault(operation.get("tags", ["other"])[0], []).append((method, path, operation))
    return found


def _topics(document: Any) -> str:
    text = (
        "# Topics\n\nWhat travels over Kafka in the distributed form; `schemas/asyncapi.json` describes each message. "
        "`counterfoil topics list` says what a cluster has of them.\n\n"
    )
    uses: dict[tuple[str, str], list[str]] = {}
    for operation in document["operations"].values():
        channel = operation["channel"]["$ref"].rpartition("/")[2]
        users = uses.setdefault((channel, operation["action"]), [])
        users.append(operation["x-user"].removeprefix("counterfoil-"))
    rows = [
        [
            code(channel["address"]),
            *(", ".join(dict.fromkeys(uses.get((name, action), ()))) for action in ("send", "receive")),
        ]
        for name, channel in sorted(document["channels"].items())
    ]
    return text + table(["topic", "sent by", "received by"], rows)


def _metrics() -> str:
    text = (
        "# Metrics\n\nWhat a server shows at `/metrics` of `COUNTERFOIL_PROBES`, in Prometheus' text format. "
        "Histograms have `_bucket`, `_sum` and `_count`. Alerts on them are in `infra/prometheus/alerts.yml`.\n\n"
    )
    return text + table(["metric", "meaning"], [[code(name), said] for name, said in METRICS.items()])
