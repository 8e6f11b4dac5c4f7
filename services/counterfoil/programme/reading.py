"""Makes a document of JSON data. What it refuses, it refuses with the place and what would be right."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from counterfoil.contract.canonical import Refused, canonical, loads, nesting
from counterfoil.contract.text import unfit
from counterfoil.contract.times import parse_date
from counterfoil.programme.form.document import Document
from counterfoil.programme.form.scalars import Part
from counterfoil.programme.limits import MAX_DOCUMENT_BYTES, MAX_DOCUMENT_NESTING

P = TypeVar("P", bound=Part)
MAX_INTEGER: Final = 2**53 - 1
_WHERE: Final = re.compile(r"^(?P<what>.*?)(?: - at `\$(?P<path>[^`]*)`)?$", re.DOTALL)
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


class BadDocument(Exception):
    """It is no programme document; `code` is stable, `where` a path such as ``benefit.tiers[0].rate``."""

    def __init__(self, code: str, where: str, text: str) -> None:
        super().__init__(f"{where or 'document'}: {text}")
        self.code, self.where, self.text = code, where, text


class Read(NamedTuple):
    """A document, and its canonical bytes (RFC 8785 of what was written), which are hashed and signed."""

    document: Document
    data: bytes


def read_document(value: object) -> Read:
    """The document that JSON data says: objects, arrays, strings, integers, booleans, null; no floats.

    Raises `BadDocument`: ``not_json``, ``too_large``, ``nested_too_deep``, ``malformed``, ``not_a_date``,
    ``text_not_visible``.
    """
    document = read_part(value, Document, "")
    data = canonical(value)
    if len(data) > MAX_DOCUMENT_BYTES:
        raise BadDocument("too_large", "", f"more than {MAX_DOCUMENT_BYTES} bytes in canonical form")
    return Read(document, data)


def read_bytes(data: bytes) -> Read:
    """The document that canonical bytes say. Raises `BadDocument`; also ``not_canonical``."""
    if len(data) > MAX_DOCUMENT_BYTES:
        raise BadDocument("too_large", "", f"more than {MAX_DOCUMENT_BYTES} bytes")
    if nesting(data) > MAX_DOCUMENT_NESTING + 1:  # an empty list may stand in the deepest object
        raise BadDocument("nested_too_deep", "", f"more than {MAX_DOCUMENT_NESTING} levels")
    try:
        value = loads(data)
    except Refused as problem:
        raise BadDocument("not_json", "", "no JSON") from problem
    read = read_document(value)
    if read.data != data:
        raise BadDocument("not_canonical", "", "not the RFC 8785 form of itself")
    return read


def read_part(value: object, kind: type[P], where: str) -> P:
    """A record of a document's schema from JSON data; `where` names it in errors. Raises `BadDocument`."""
    _check_shape(value, where, 0)
    try:
        part = msgspec.convert(value, kind)
    except msgspec.ValidationError as problem:
        found = _WHERE.match(str(problem))
        path = (found["path"] or "").lstrip(".") if found else ""
        place = f"{where}: {path}" if where and path else where or path
        raise BadDocument("malformed", place, _first_small(found["what"] if found else str(problem))) from problem
    for place, text in _texts(value, where):
        _check_text(place, text)
    return part


def _first_small(text: str) -> str:
    return text[:1].lower() + text[1:]


def _check_shape(value: object, where: str, depth: int) -> None:
    if depth > MAX_DOCUMENT_NESTING:
        raise BadDocument("nested_too_deep", where, f"more than {MAX_DOCUMENT_NESTING} levels")
    if isinstance(value, dict):
        for name, each in value.items():
            if not isinstance(name, str) or not name.isascii():
                raise BadDocument("not_json", where, f"member names are ASCII text, not {name!r:.40}")
            _check_shape(each, where, depth + 1)
    elif isinstance(value, list | tuple):
        for each in value:
            _check_shape(each, where, depth + 1)
    elif not (value is None or isinstance(value, str | bool) or (isinstance(value, int) and abs(value) <= MAX_INTEGER)):
        raise BadDocument(
            "not_json", where, f"{type(value).__name__} {value!r:.40}: write it as text, or as an integer"
        )


def _texts(value: Any, where: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield where, value
    elif isinstance(value, dict):
        for name, each in value.items():
            yield from _texts(each, f"{where}.{name}".lstrip("."))
    elif isinstance(value, list | tuple):
        for index, each in enumerate(value):
            yield from _texts(each, f"{where}[{index}]")


def _check_text(where: str, text: str) -> None:
    reason = unfit(text)
    if reason is not None:
        raise BadDocument("text_not_visible", where, f"{reason} may not stand in a text")
    if _DAY.fullmatch(text):
        try:
            parse_date(text)
        except ValueError as problem:
            raise BadDocument("not_a_date", where, f"{text} is no day of the calendar") from problem
