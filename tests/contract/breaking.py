"""What a change of the OpenAPI document breaks for a client of the one before.

A client sends what was accepted and reads what was promised. So what is *sent* may be accepted more freely, never more
narrowly; what is *answered* may have more members, statuses and codes, but none of those that were promised may go, and
no value may become of another type.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from operator import gt, lt
from typing import Any, Final

_METHODS: Final = ("get", "head", "post", "put", "patch", "delete", "options")
_LOW: Final = ("minimum", "exclusiveMinimum", "minLength", "minItems")
_HIGH: Final = ("maximum", "exclusiveMaximum", "maxLength", "maxItems")
_PARTS: Final = ("allOf", "anyOf", "oneOf")

Json = Mapping[str, Any]


def breaking(old: Json, new: Json) -> list[str]:
    """One line for each change that breaks a client, with the place where it is."""
    return sorted(_Comparison(old, new).changes())


@dataclass(frozen=True, slots=True)
class _Comparison:
    old: Json
    new: Json

    def changes(self) -> Iterator[str]:
        for path, before in self.old["paths"].items():
            after = self.new["paths"].get(path)
            if after is None:
                yield f"{path}: the path is gone"
                continue
            for method in _METHODS:
                at = f"{method.upper()} {path}"
                if method in before and method not in after:
                    yield f"{at}: the operation is gone"
                elif method in before:
                    yield from self._operation(before[method], after[method], at)

    def _operation(self, old: Json, new: Json, at: str) -> Iterator[str]:
        yield from self._parameters(_named(old), _named(new), at)
        if "requestBody" in new:
            yield from self._body(old.get("requestBody"), new["requestBody"], f"{at}: request body")
        for status, before in old["responses"].items():
            if status in new["responses"]:
                yield from self._response(before, new["responses"][status], f"{at}: {status}")
            else:
                yield f"{at}: the status {status} is gone"

    def _parameters(self, old: Json, new: Json, at: str) -> Iterator[str]:
        for key, parameter in new.items():
            if key not in old and parameter.get("required"):
                yield f"{at}: the parameter {key} is new, and required"
        for key, before in old.items():
            if key not in new:
                yield f"{at}: the parameter {key} is gone"
                continue
            if new[key].get("required") and not before.get("required"):
                yield f"{at}: the parameter {key} became required"
            yield from self._sent(before["schema"], new[key]["schema"], f"{at}: the parameter {key}")

    def _body(self, old: Json | None, new: Json, at: str) -> Iterator[str]:
        if old is None:
            if new.get("required"):
                yield f"{at} is new, and required"
            return
        if new.get("required") and not old.get("required"):
            yield f"{at} became required"
        for media_type, content in old["content"].items():
            if media_type not in new["content"]:
                yield f"{at}: {media_type} is gone"
            else:
                yield from self._sent(content["schema"], new["content"][media_type]["schema"], at)

    def _response(self, old: Json, new: Json, at: str) -> Iterator[str]:
        old, new = _found(self.old, old), _found(self.new, new)
        for name, header in old.get("headers", {}).items():
            after = new.get("headers", {}).get(name)
            if after is None:
                yield f"{at}: the header {name} is gone"
                continue
            if header.get("required") and not after.get("required"):
                yield f"{at}: the header {name} is no longer promised"
            yield from self._answered(header["schema"], after["schema"], f"{at}: the header {name}")
        for media_type, content in old.get("content", {}).items():
            if media_type not in new.get("content", {}):
                yield f"{at}: {media_type} is gone"
            else:
                yield from self._answered(content["schema"], new["content"][media_type]["schema"], at)

    # schemas --------------------------------------------------------------------------------------------------------

    def _sent(self, old: Json, new: Json, at: str) -> Iterator[str]:
        """What was accepted and is not any more."""
        old, new = _found(self.old, old), _found(self.new, new)
        gone = _types(old) - _types(new) if "type" in new else set()
        if gone:
            yield f"{at} may no longer be {', '.join(sorted(gone))}"
        if "enum" in new and set(map(repr, old.get("enum", [None]))) - set(map(repr, new["enum"])):
            yield f"{at} may no longer have every value that it could have"
        for name in ("pattern", "const", "format"):
            if name in new and new[name] != old.get(name):
                yield f"{at}: its {name} was {old.get(name)} and is {new[name]}"
        for names, narrower in ((_LOW, gt), (_HIGH, lt)):
            for name in names:
                if name in new and (name not in old or narrower(new[name], old[name])):
                    yield f"{at}: its {name} was {old.get(name)} and is {new[name]}"
        for name in set(new.get("required", ())) - set(old.get("required", ())):
            yield f"{at}: the member {name} became required"
        yield from self._inside(old, new, at, self._sent, closed=new.get("additionalProperties") is False)

    def _answered(self, old: Json, new: Json, at: str) -> Iterator[str]:
        """What was promised and is not any more."""
        old, new = _found(self.old, old), _found(self.new, new)
        if "type" in old and _types(new) - _types(old):
            yield f"{at} was {', '.join(sorted(_types(old)))} and may be {', '.join(sorted(_types(new))) or 'anything'}"
        if "enum" in old and set(map(repr, old["enum"])) - set(map(repr, new.get("enum", ()))):
            yield f"{at} has no longer every value that it had"
        for name in ("pattern", "const", "format"):
            if name in old and new.get(name) != old[name]:
                yield f"{at}: its {name} was {old[name]} and is {new.get(name)}"
        for name in set(old.get("required", ())) - set(new.get("required", ())):
            yield f"{at}: the member {name} is no longer promised"
        yield from self._inside(old, new, at, self._answered, closed=True)

    def _inside(self, old: Json, new: Json, at: str, compare: Any, *, closed: bool) -> Iterator[str]:
        before, after = old.get("properties", {}), new.get("properties", {})
        for name, schema in before.items():
            if name in after:
                yield from compare(schema, after[name], f"{at}.{name}")
            elif closed:
                yield f"{at}: the member {name} is gone"
        if isinstance(old.get("items"), dict) and isinstance(new.get("items"), dict):
            yield from compare(old["items"], new["items"], f"{at}[]")
        for name in _PARTS:
            parts = new.get(name, [])
            for number, schema in enumerate(old.get(name, ())):
                if number < len(parts):
                    yield from compare(schema, parts[number], at)
                else:
                    yield f"{at}: an alternative is gone"


def _named(operation: Json) -> Json:
    return {f"{each['name'].lower()} ({each['in']})": each for each in operation.get("parameters", ())}


def _types(schema: Json) -> set[str]:
    types = schema.get("type", [])
    return {types} if isinstance(types, str) else set(types)


def _found(document: Json, schema: Json) -> Json:
    """The object that a reference names."""
    while "$ref" in schema:
        found: Any = document
        for name in schema["$ref"].removeprefix("#/").split("/"):
            found = found[name]
        schema = found
    return schema
