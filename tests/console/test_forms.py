"""Forms of commands: a field for each member of the published schema, of a kind that a module can read."""

from __future__ import annotations

import re

from counterfoil.console import forms
from counterfoil.console.words import FOLDER
from counterfoil.contract.log_id import LogId
from counterfoil.vocabulary import VOCABULARY
from tests.console.browsing import MARKUP, Browsing

README = (FOLDER.parent / "README.md").read_text()
KINDS = set(re.findall(r"^\| `([a-z_]+)` \| ", README, re.MULTILINE))


def test_a_command_has_a_form_of_known_kinds() -> None:
    for kind in (*sorted({kind for kind, _ in VOCABULARY.commands})[::3], "place_bid", "publish_programme"):
        form = forms.form_of(kind, {}, {})
        members = forms.schema_of(kind, form.version)["properties"]
        assert [each.name for each in form.fields] == list(members)
        assert {each.kind for each in form.fields} <= KINDS


def test_a_field_says_what_its_schema_says() -> None:
    fields = {each.name: each for each in forms.form_of("place_bid", {}, {"nodes": "3"}).fields}
    assert (fields["nodes"].kind, fields["nodes"].value, fields["nodes"].least, fields["nodes"].most) == (
        "integer", "3", "1", "1023",
    )  # fmt: skip
    assert (fields["limit_price"].kind, fields["earliest"].kind, fields["classes"].kind) == ("amount", "hour", "list")
    assert (fields["good_until"].kind, fields["good_until"].optional) == ("time", True)
    assert fields["tif"].choices == ("GTC", "GTD", "IOC", "FOK")
    assert fields["partial"].kind == "boolean"


def test_the_form_is_filled_from_the_address_and_escaped(console: Browsing) -> None:
    answer = console.browse("lab-1", "command/place_bid", params={"programme_id": MARKUP, "nodes": "3"})
    assert 'data-command="place_bid" data-version="1" data-service="matching"' in answer.text
    assert 'data-log="counterfoil.example/matching/main"' in answer.text
    assert "&lt;img src=x" in answer.text
    assert "<img" not in answer.text
    schema = console.browse(None, "schemas/place_bid.v1.json")
    assert schema.json()["title"] == "place_bid v1"
    for path in ("command/nothing", "schemas/place_bid.json", "schemas/place_bid.v9.json"):
        assert console.browse(None, path).status_code == 404, path


def test_an_act_on_an_object_goes_to_the_log_that_made_it() -> None:
    """The shard that the object's id names, if this market has it; else the service's first log."""
    origins = {log: log.origin("market.example") for log in (LogId("matching"), LogId("matching", "east"))}
    for bid, log in (
        ("bid-east-14-0", "matching/east"),
        ("bid-14-0", "matching/main"),
        ("bid-west-1-0", "matching/main"),
    ):
        assert forms.form_of("cancel_bid", origins, {"bid_id": bid}).log == f"market.example/{log}"
    assert forms.form_of("place_bid", origins, {"programme_id": "p1"}).log == "market.example/matching/main"
