"""Compares answers with what the OpenAPI document says about them: nothing that is not described, and all that is."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Any, Final

import httpx
from jsonschema import Draft202012Validator

UNIVERSAL: Final = {
    "access-control-allow-origin",
    "connection",
    "content-encoding",
    "content-length",
    "content-security-policy",
    "content-type",
    "date",
    "referrer-policy",
    "transfer-encoding",
    "x-accel-buffering",
    "x-content-type-options",
    "cache-control",
    "vary",
}
"""Headers that say nothing about one operation."""
ANYWHERE: Final = {404: {"not_found"}, 405: {"method_not_allowed"}}
"""What paths and methods that no operation has are answered with, and no other status."""
BEFORE: Final = {400: {"not_http", "unknown_host"}, 414: {"target_too_long"}, 431: {"headers_too_large"}}
"""And what any request may be answered with before its path is looked at."""
_PARTS: Final = {
    **dict.fromkeys(("{service}", "{actor}", "{command_id}"), "([^/]+)"),
    "{service}/{shard}": "([^/]+)/([^/]+)",
}
"""Parameters that no slash is part of, as it may be of keys and of the paths of tiles. A shard alone is a key."""


class Document:
    """The OpenAPI document of a gateway."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self._root = Draft202012Validator(document)

    @cached_property
    def _paths(self) -> list[tuple[re.Pattern[str], str]]:
        """The templates, those with the fewest parameters first."""
        found = []
        for template in sorted(self.document["paths"], key=lambda each: (each.count("{"), -len(each))):
            pieces = re.split(r"(\{service\}/\{shard\}|\{\w+\})", template)
            parts = [_PARTS.get(each, "(.*)") if each.startswith("{") else re.escape(each) for each in pieces]
            found.append((re.compile("".join(parts), re.DOTALL), template))
        return found

    def operation(self, method: str, path: str) -> dict[str, Any] | None:
        """What the document says about a request; None for one that no operation takes."""
        for pattern, template in self._paths:
            if pattern.fullmatch(path) and method.lower() in self.document["paths"][template]:
                found: dict[str, Any] = self.document["paths"][template][method.lower()]
                return found
        return None

    def check(self, response: httpx.Response) -> None:
        """Raises `AssertionError` for an answer that the document does not describe."""
        request = response.request
        if not response.is_closed and not response.is_success:
            response.read()  # a stream that was refused
        what = f"{request.method} {request.url.raw_path.decode('latin-1')[:200]}: {response.status_code}"
        operation = self.operation(request.method, request.url.path)
        if operation is None or str(response.status_code) not in operation["responses"]:
            self._check_unknown(response, what)
        else:
            described = self._found(operation["responses"][str(response.status_code)])
            self._check_headers(response, described, what)
            self._check_content(response, described, what)

    def _check_unknown(self, response: httpx.Response, what: str) -> None:
        problem = response.json() if response.request.method != "HEAD" else {}
        allowed = {*ANYWHERE.get(response.status_code, ()), *BEFORE.get(response.status_code, ())}
        served = response.request.url.path == "/openapi.json"
        assert served or not problem or problem["code"] in allowed, f"{what} is not described: {response.text[:300]}"

    def _check_headers(self, response: httpx.Response, described: dict[str, Any], what: str) -> None:
        headers = {name.lower(): each for name, each in described.get("headers", {}).items()}
        given = {name.lower() for name in response.headers}
        more = given - UNIVERSAL - set(headers)
        assert not more, f"{what}: headers that are not described: {sorted(more)}"
        missing = {name for name, each in headers.items() if each["required"]} - given
        assert not missing, f"{what}: described headers are missing: {sorted(missing)}"
        for name in given & set(headers):
            schema, value = headers[name]["schema"], response.headers[name]
            parsed = int(value) if schema["type"] == "integer" else value
            assert Draft202012Validator(schema).is_valid(parsed), f"{what}: {name}: {value}"

    def _check_content(self, response: httpx.Response, described: dict[str, Any], what: str) -> None:
        content = described.get("content", {})
        if response.request.method == "HEAD" or not content:
            assert not response.is_closed or not response.content, f"{what} has content"
            return
        media_type = response.headers["content-type"].partition(";")[0]
        assert media_type in content, f"{what}: {media_type} is not described"
        if media_type.endswith("json") and response.is_closed:
            self._valid(content[media_type]["schema"], response.json(), what)

    def _valid(self, schema: dict[str, Any], value: Any, what: str) -> None:
        validator = self._root.evolve(schema=schema)  # which looks its references up in the whole document
        problem = next(iter(validator.iter_errors(value)), None)
        assert problem is None, f"{what} does not fit its schema: {problem.message[:300] if problem else ''}"

    def _found(self, described: dict[str, Any]) -> dict[str, Any]:
        name = described.get("$ref")
        found: dict[str, Any] = (
            described if name is None else self.document["components"]["responses"][name.rpartition("/")[2]]
        )
        return found
