"""Reports in files: as JSON, plain or signed in a DSSE envelope, as CSV or HTML; and how files are compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, NamedTuple

import typer

from counterfoil.cli.command import Invalid
from counterfoil.cli.files import read_bytes
from counterfoil.cli.languages import ENGLISH, LanguageOption, checked_language
from counterfoil.cli.log_source import SHARED, LogSource
from counterfoil.cli.options import option
from counterfoil.cli.output import separated
from counterfoil.cli.passphrases import PassphraseFile, passphrase_of
from counterfoil.cli.signing import KeysOption
from counterfoil.contract.canonical import Refused, canonical, own_form, parse_json
from counterfoil.contract.envelope import open_envelope, signed_bytes
from counterfoil.contract.key_id import key_id_of
from counterfoil.contract.scalars import decode_base64, encode_base64
from counterfoil.reports.catalogue import REPORTS
from counterfoil.reports.folding import Folded
from counterfoil.reports.given import Given
from counterfoil.reports.report import FORMAT, REPORT_TYPE, Report, as_json, heading_lines

if TYPE_CHECKING:
    from counterfoil.client.author import Author

Form = Literal["json", "csv", "html"]
_BY_SUFFIX: Final[Mapping[str, Form]] = {".csv": "csv", ".html": "html", ".json": "json"}
MAX_SAMPLE: Final = 10_000
_OF_MAKER: Final = ("generator", "keys", "signer")
"""Members of a header that depend on who made the report, and with which release."""
_MAX_REPORT: Final = 256 << 20  # bytes
_MAX_SIGNED: Final = _MAX_REPORT * 3 // 2  # base64 takes a third more

FormOption = Annotated[
    Form | None, option("--format", "What to write. Default: by the name of the file.", metavar="json|csv|html")
]
FileOption = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write it there; takes the place of a file.")
]
SignOption = Annotated[
    str | None, option("--sign", "Sign the JSON, with the key file NAME.pem, in a DSSE envelope.", metavar="NAME")
]


@dataclass(frozen=True)
class ReportSource(LogSource):
    """What a command that makes a report is given: logs, and in which form, where and by whose key it is to be."""

    form: Form | None
    file: Path | None
    sign: str | None
    keys: Path | None
    passphrase_file: Path | None
    language: str

    def wanted(self) -> tuple[Form | None, Author | None]:
        """The form, None for people, and who signs. Raises `Invalid`, `BadPrivateFile`."""
        form = self.form or _by_name(self.file) or ("json" if self.out.json else None)
        checked_language(self.language, is_page=form == "html")
        if self.sign is None:
            if self.keys is not None or self.passphrase_file is not None:
                raise Invalid("--keys and --passphrase-file go with --sign")
            return form, None
        if form != "json":
            raise Invalid("--sign is for a report in JSON: name a FILE.json with --output, or --format json")
        from counterfoil.cli.keyring import Keyring

        directory = self.keys if self.keys is not None else self.out.settings.key_directory
        return form, Keyring(directory, passphrase_of(self.out, self.passphrase_file)).author(self.sign)


MAKING: Final = {
    **SHARED,
    "form": (FormOption, None),
    "file": (FileOption, None),
    "sign": (SignOption, None),
    "keys": (KeysOption, None),
    "passphrase_file": (PassphraseFile, None),
    "language": (LanguageOption, ENGLISH),
}
"""The options of a `ReportSource`."""


def _by_name(file: Path | None) -> Form | None:
    if file is None:
        return None
    found = _BY_SUFFIX.get(file.suffix)
    if found is None:
        raise Invalid(f"{file}: the name ends in .csv, .html or .json, or --format says which")
    return found


def text_of(
    report: Report, found: dict[str, Any], form: Form | None, author: Author | None, language: str = ENGLISH
) -> str:
    """A report as canonical JSON, in an envelope if somebody signs; as HTML; or as CSV after lines with ``#``."""
    if author is not None:
        signer = {"key_id": author.key_id, "public_key": encode_base64(author.public_key)}
        signed = {**found, "header": {**found["header"], "signer": signer}}
        return author.seal(as_json(signed), REPORT_TYPE).decode()
    if form == "html":
        from counterfoil.console.papers import Made, report_paper

        return report_paper(found, Made(found["header"]["generator"], found["header"]["as_of"]), language)
    if form != "csv":
        return as_json(found).decode()
    nested = [each.name for each in report.columns if each.kind == "json"]
    rows = [
        {**row, **{name: canonical(row[name]).decode() for name in nested if row[name] is not None}}
        for row in found["rows"]
    ]
    return heading_lines(found) + separated(rows, "csv", [each.name for each in report.columns])


class Said(NamedTuple):
    """A report from a file, whole, and what of it says how to make it again."""

    whole: dict[str, Any]
    report: Report
    programme_id: str
    seed: str
    size: int
    with_bank: bool
    since: dict[str, tuple[int, bytes]] | None
    until: dict[str, tuple[int, bytes]]
    """By origin, how many entries of a log it was made from, and the root of the tree behind them."""
    signer: bytes | None
    """The public key that signed it."""


def read_report(file: Path) -> Said:
    """A report in JSON. Raises `Invalid`, and `NotProven` for one whose signature is not by the key it names."""
    try:
        said, signed = _opened(read_bytes(file, _MAX_SIGNED))
        head = said["header"]
        signer = head.get("signer")
        public = None if signer is None else decode_base64(signer["public_key"])
        until = {str(each["origin"]): _tree(each["last"] + 1, each["root"]) for each in head["logs"]}
        given, trees = head["given"], head["given"].get("since")
        since = None if trees is None else {str(each["origin"]): _tree(each["size"], each["root"]) for each in trees}
        seed, size, with_bank = given.get("seed", ""), given.get("size", Given().size), "bank_sha256" in given
        known = head["format"] == FORMAT and head["report"] in REPORTS and isinstance(said["rows"], list)
        known = known and isinstance(head["programme_id"], str) and isinstance(seed, str)
        known = known and type(size) is int and 1 <= size <= MAX_SAMPLE
        if not known or (head["report"] == "R15" and not seed):
            raise Invalid(f"{file} is a report of another form than {FORMAT}")
    except (AttributeError, Refused, KeyError, TypeError, ValueError) as problem:
        raise Invalid(f"{file} is no report in JSON, as `counterfoil report` writes it") from problem
    _check_signature(file, public, signed)
    return Said(said, REPORTS[head["report"]], head["programme_id"], seed, size, with_bank, since, until, public)


def _tree(size: int, root: str) -> tuple[int, bytes]:
    """The size and the root of a tree. Raises TypeError, ValueError."""
    if type(size) is not int or size < 0:
        raise ValueError("not the size of a tree")
    return size, bytes.fromhex(root)


def _opened(data: bytes) -> tuple[dict[str, Any], tuple[bytes, bytes] | None]:
    """A report, and of a signed one its payload and signature. Raises `Refused`, TypeError."""
    value = parse_json(data, _MAX_SIGNED)
    if not isinstance(value, dict):
        raise TypeError("not a JSON object")
    if "payloadType" not in value:
        return value, None
    payload, signature = open_envelope(data, REPORT_TYPE, _MAX_SIGNED)
    return own_form(parse_json(payload, _MAX_REPORT), payload), (payload, signature)


def _check_signature(file: Path, public: bytes | None, signed: tuple[bytes, bytes] | None) -> None:
    from counterfoil.client.problems import NotProven
    from counterfoil.log.keys import verify

    if (public is None) != (signed is None):
        raise NotProven(f"{file} is signed and names no key, or names one and is not signed")
    if public is not None and signed is not None:
        payload, signature = signed
        if not verify(public, signed_bytes(payload, REPORT_TYPE), signature):
            raise NotProven(f"{file} is not signed by the key that it names")


def differences(said: dict[str, Any], found: dict[str, Any]) -> Iterator[str]:
    """Where two reports differ, but for members of the header that tell who made them."""
    one, other = said["header"], found["header"]
    yield from sorted(said.keys() ^ found.keys())
    for name in sorted(one.keys() | other.keys()):
        if name == "signer":
            continue
        if one.keys() & {name} != other.keys() & {name} or (name not in _OF_MAKER and one[name] != other[name]):
            yield f"header: {name}"
    if said.get("columns", found["columns"]) != found["columns"]:
        yield "columns"
    for nth, (row, same) in enumerate(zip_longest(said["rows"], found["rows"])):
        if row != same:
            yield f"row {nth}"


def signature_of(folded: Folded, public: bytes) -> tuple[dict[str, Any], bool]:
    """Whose key signed a report by its entries, and whether it could: not with one that was revoked by then."""
    text = encode_base64(public)
    rows = list(folded.tables.rows("keys", public_key=text, use="signing"))
    parties = sorted(row["party_id"] for row in rows if row["revoked_at"] is None)
    return {"key_id": key_id_of(public), "public_key": text, "parties": parties}, bool(parties) or not rows
