"""What each operation can answer, as OpenAPI: from the declarations of problems and refusals, and from no second list.

Every operation is in front of a server with bounds of its own, so what that answers is among its answers.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from typing import Any, Final

from fastapi import FastAPI

from counterfoil.contract.refusals import Code
from counterfoil.gateway.problems import MEDIA_TYPE, PROBLEM_SCHEMA, ProblemCode, Stage
from counterfoil.gateway.refusals import REFUSAL_SCHEMA, status_of

Answer = dict[str, Any]
Responses = dict[int | str, Answer]
JSON: Final = "application/json"
EVERYWHERE: Final = (
    *(each for each in ProblemCode if each.value.stage is not Stage.ROUTE),
    ProblemCode.INTERNAL_ERROR,
)
"""What any operation can answer."""
DESCRIPTION: Final = (
    "Signed commands in, receipts out; queries, event streams and the published logs. Errors are RFC 9457 problems with"
    " stable codes, listed in `schemas/problems.md` and `schemas/refusals.md`. Any other path is answered with 404"
    " `not_found`, any other method with 405 `method_not_allowed` and `Allow`. Members of answers may be added."
)
_COMPONENTS: Final = "#/components/schemas/"


def header(description: str, schema: Mapping[str, Any] | None = None, *, always: bool = True) -> dict[str, Any]:
    """A header of a response."""
    return {"description": description, "required": always, "schema": {"type": "string"} if schema is None else schema}


def found(
    description: str,
    schema: Mapping[str, Any] | None = None,
    *,
    headers: Mapping[str, Any] | None = None,
    media_type: str = JSON,
) -> dict[str, Any]:
    """A response that is no problem. `schema`: of its content; None for a response without content."""
    content = {} if schema is None else {"content": {media_type: {"schema": schema}}}
    return {"description": description, **({"headers": headers} if headers else {}), **content}


def responses(
    answers: Mapping[int, Answer], problems: Collection[ProblemCode] = (), refusals: Collection[Code] = ()
) -> Responses:
    """The responses of an operation: `answers`, by status, and the problems and refusals that it can give."""
    codes: defaultdict[int, list[ProblemCode]] = defaultdict(list)
    for problem in ProblemCode:
        if problem in EVERYWHERE or problem in problems:
            codes[problem.value.status].append(problem)
    refused: defaultdict[int, list[Code]] = defaultdict(list)
    for code in Code:
        if code in refusals:
            refused[status_of(code)].append(code)
    return {
        status: _with(answers.get(status), _problem(status, codes[status], refused[status]))
        if status in codes or status in refused
        else answers[status]
        for status in sorted({*answers, *codes, *refused})
    }


def without_content(answers: Responses) -> Responses:
    """The same for HEAD: headers alone."""
    return {
        status: {name: each for name, each in answer.items() if name != "content"} for status, answer in answers.items()
    }


def reference(name: str) -> dict[str, str]:
    """A schema of `document`'s components."""
    return {"$ref": f"{_COMPONENTS}{name}"}


def document(app: FastAPI, schemas: Mapping[str, Any]) -> dict[str, Any]:
    """The document. `schemas`: components of the routes, by name."""
    made: dict[str, Any] = FastAPI.openapi(app)
    made["components"] = {"schemas": {"Problem": PROBLEM_SCHEMA, "Refusal": REFUSAL_SCHEMA, **schemas}}
    operations = [operation for path in made["paths"].values() for operation in path.values()]
    for operation in operations:
        if operation["responses"].get("422", {}).get("description") == "Validation Error":
            del operation["responses"]["422"]  # invalid parameters are 400 here
    made["components"]["responses"] = _shared(operations)
    return made


def _shared(operations: Collection[dict[str, Any]]) -> dict[str, Any]:
    """Responses that several operations have: components, named after their status, in place of copies."""
    counted = Counter(repr(each) for operation in operations for each in operation["responses"].values())
    names: dict[str, str] = {}
    components: dict[str, Any] = {}
    for operation in operations:
        for status, each in operation["responses"].items():
            text = repr(each)
            if counted[text] > 1:
                if text not in names:
                    number = sum(name.startswith(f"Status{status}") for name in components) + 1
                    names[text] = f"Status{status}" if number == 1 else f"Status{status}_{number}"
                    components[names[text]] = each
                operation["responses"][status] = {"$ref": f"#/components/responses/{names[text]}"}
    return components


def _problem(status: int, codes: list[ProblemCode], refused: list[Code]) -> dict[str, Any]:
    schemas, lines = [], []
    if codes:
        schemas.append(_only("Problem", status, [each.code for each in codes]))
        lines += [f"`{each.code}`: {each.value.title}" for each in codes]
    if refused:
        schemas.append(_only("Refusal", status, [code.value for code in refused]))
        lines.append(f"Refused: {', '.join(f'`{code.value}`' for code in refused)}")
    schema = schemas[0] if len(schemas) == 1 else {"oneOf": schemas}
    return found("\n\n".join(lines), schema, headers=_headers(status, codes, refused), media_type=MEDIA_TYPE)


def _only(name: str, status: int, codes: list[str]) -> dict[str, Any]:
    return {"allOf": [reference(name), {"properties": {"status": {"const": status}, "code": {"enum": codes}}}]}


def _headers(status: int, codes: list[ProblemCode], refused: list[Code]) -> dict[str, Any]:
    made = {}
    told = [each is ProblemCode.RATE_LIMITED or each.value.retry_after is not None for each in codes]
    told += [code is Code.OVERLOADED for code in refused]
    if any(told):
        seconds = {"type": "integer", "minimum": 1}
        made["Retry-After"] = header("seconds after which to send the same again", seconds, always=all(told))
    if status == 401:
        made["WWW-Authenticate"] = header("`Bearer`, or `DSSE` for a command's signature")
    return made


def _with(answer: dict[str, Any] | None, problem: dict[str, Any]) -> dict[str, Any]:
    """A status that an operation gives for an answer of its own as well as for problems."""
    if answer is None:
        return problem
    return {
        "description": f"{answer['description']}\n\n{problem['description']}",
        "content": {**answer.get("content", {}), **problem["content"]},
        "headers": {name: {**each, "required": False} for name, each in problem.get("headers", {}).items()},
    }
