"""Everything that README and the documentation show runs as it stands, and prints what they show of it."""

from __future__ import annotations

import json
import re
import subprocess
from html import escape
from pathlib import Path
from typing import Final

import pytest

from counterfoil.demo.telling import told
from tests.docs.pages import ROOT, WITHIN, Step, differences, run, steps, walk

DOCS: Final = ROOT / "docs"
IN_ONE_MARKET: Final = (
    "tutorials/first-market.md",
    "tutorials/first-audit.md",
    "how-to/trial.md",
    "how-to/start-up.md",
    "how-to/provider.md",
    "how-to/issuer.md",
    "how-to/auditor.md",
    "how-to/operator.md",
)
"""Each goes on where the one before it ended, in the same shell."""
ALONE: Final = ("tutorials/first-programme.md", "how-to/demo.md", "how-to/services.md")
SETTING_UP: Final = "make setup\n"
"""What a tutorial begins with, and what has been done where tests run."""
MICRO: Final = 1_000_000


def page(name: str) -> list[Step]:
    return [each for each in steps((DOCS / name).read_text("utf-8")) if not each.script.startswith(SETTING_UP)]


def test_every_page_with_commands_is_run() -> None:
    shown = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md") if "\n```sh\n" in path.read_text("utf-8")}
    assert shown == {*IN_ONE_MARKET, *ALONE, "how-to/webhooks.md"}
    (block,) = page("how-to/webhooks.md")  # names a webhook's address, which `tests/gateway` has
    assert all(line.startswith("counterfoil webhook ") for line in block.script.splitlines())


def test_an_output_is_compared() -> None:
    shown = Step("", "a  1\n...\nat 2026-11-30 11:36:35Z\n")
    assert differences([shown], ["a    1  \nx\nat 2027-01-02 03:04:05Z\n"]) == []
    assert len(differences([shown], ["a 2\nat 2027-01-02 03:04:05Z\n"])) == 1
    assert len(differences([shown], ["at 2027-01-02 03:04:05Z\na 1\n"])) == 1


@pytest.mark.timeout(2 * WITHIN + 40)
def test_a_market_is_walked_through_by_every_role(tmp_path: Path) -> None:
    blocks = [each for name in IN_ONE_MARKET for each in page(name)]
    outputs = walk(blocks, tmp_path, 2 * WITHIN)
    found = differences(blocks, outputs)
    assert not found, "\n".join(found)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """What the block of the demo and its audits printed, and the demo's directory."""
    folder = tmp_path_factory.mktemp("demo")
    (block,) = page("how-to/demo.md")
    return run(block.script, folder), folder / "var" / "demo"


@pytest.mark.timeout(WITHIN + 40)
def test_the_demo_ends_with_where_everything_is(demo: tuple[str, Path]) -> None:
    output, home = demo
    (last,) = [line for line in output.splitlines() if line.startswith("everything is in ")]
    assert last == "everything is in var/demo; served, everybody may read all of it (disclosure: public)"
    left = {each.name for each in home.iterdir()}
    assert left >= {"demo.json", "logs", "report.html", "report.json"}
    assert any((home / "db").iterdir())


@pytest.mark.timeout(WITHIN + 40)
def test_the_figures_of_the_demo_are_believable(demo: tuple[str, Path]) -> None:
    """Vouchers worth what cities grant, used in part, few defaults, and better cards that cost more."""
    output, home = demo
    report = json.loads((home / "report.json").read_text())
    cities = report["cities"].values()
    assert len(cities) == 17
    for city in cities:
        assert f"\n{city['name']} " in output
        assert 1_000_000 <= int(city["issued"]) / MICRO / city["vouchers"] <= 2_000_000, city
        assert int(city["redeemed"]) > 0, city
    assert 150 < report["demand"]["start_ups"] < 250
    granted, redeemed, expired, budget = (
        sum(int(city[name]) for city in cities) for name in ("issued", "redeemed", "expired", "appropriated")
    )
    assert budget / 3 < granted < budget
    assert {city["pays"] for city in cities} == {"bids", "claims"}
    assert granted / 6 < redeemed < granted
    assert 0 < expired < granted / 6
    contracts = report["contracts"]
    assert 0 < contracts["defaulted"] < sum(contracts.values()) / 25
    averages = {name: int(row["average_price"]) for name, row in report["classes"].items()}
    assert averages["ascend-910b"] < averages["a100"] < averages["h800"]
    for row in report["classes"].values():
        assert int(row["lowest_price"]) <= int(row["average_price"]) <= int(row["highest_price"])
    assert "no public price of the Ascend 910B was found" in output


@pytest.mark.timeout(WITHIN + 40)
def test_the_demo_shows_scarcity_a_withdrawal_substitutes_and_credit(demo: tuple[str, Path]) -> None:
    """By the figures of its report; what is printed and drawn is of the same."""
    output, home = demo
    report = json.loads((home / "report.json").read_text())
    days = report["scarce"]["days"]
    assert [each["scarce"] for each in days] == [False, True, True, True, True]
    assert f"certificates of {len(days)} auctions" in output
    assert all(0 < int(each["surplus"]) <= int(each["bound"]) for each in days)
    assert all((each["cover_bps"] < 10_000 or each["rsi_bps"] < 11_000) is each["scarce"] for each in days)
    dearest = max(int(each["highest_price"]) for each in days)
    assert int(days[0]["highest_price"]) < int(report["scarce"]["highest_list_price"]) < dearest
    assert sum(each["blocks_rejected_in_the_money"] for each in days) == report["scarce"]["ended"]["no_room"] > 0
    lost = report["withdrawal"]["contracts"]
    for each in lost:
        bond = int(each["paid"]) + int(each["returned"])
        assert int(each["paid"]) == min(max(int(each["least"]), int(each["cover"])), bond), each
        assert bond * 5 == int(each["notional"]), each
    assert {int(each["returned"]) > 0 for each in lost} == {True, False}
    assert {each["notice_hours"] < 72 for each in lost} == {True, False}
    assert report["contracts"]["withdrawn"] == len(lost)
    assert sum(each["again"]["ended"] == "filled" for each in lost) > len(lost) / 2
    assert not [each for each in lost if each["again"].get("provider_id") == report["withdrawal"]["provider_id"]]
    domestic, foreign = (report["substitutes"]["classes"][each] for each in ("ascend-910b", "a800"))
    assert int(domestic["price_per_pflop_hour"]) < int(foreign["price_per_pflop_hour"])
    hours = domestic["card_hours"], foreign["card_hours"]
    assert report["substitutes"]["domestic_bps"] == hours[0] * 10_000 // sum(hours) > 2_500
    credit = report["credit"]
    assert int(credit["paid"]) < int(credit["sold"]) <= min(int(credit["offered"]), int(credit["wanted"]))
    assert sum(int(each["credit"]) for each in credit["buyers"]) == int(credit["sold"])
    assert all(int(each["subsidy"]) > int(each["credit"]) / 2 for each in credit["buyers"])
    with_book, without = (int(each["spent"]) / int(each["granted"]) for each in credit["spent"])
    assert with_book > without
    page_ = (home / "report.html").read_text("utf-8")
    assert page_.count("<svg") == 4
    assert not [each for each in ("<script", "http", "url(", "<link", "<img") if each in page_]
    for each in told(report):
        assert all(escape(text) in page_ and text in output for text in (each.title, *each.says))


@pytest.mark.timeout(WITHIN + 40)
def test_a_programme_runs_from_its_budget_to_its_closing(tmp_path: Path) -> None:
    """Every command of the page for issuers, in one shell, as a reader follows it."""
    blocks = page("tutorials/first-programme.md")
    outputs = walk(blocks, tmp_path)
    assert not differences(blocks, outputs)
    output = "".join(outputs)
    assert "20 % of 300,000 = 60,000 (tier contract)" in output
    assert re.search(r"^harbourton-2026 +closed .* 52,000.00 USD .* 1,948,000.00 USD", output, re.MULTILINE)
    assert "clean: everything was checked, nothing was found" in output
    assert "0 alerts" in output


@pytest.mark.timeout(WITHIN + 40)
def test_the_services_run_by_themselves(tmp_path: Path) -> None:
    walk(page("how-to/services.md"), tmp_path)


def test_readme_has_the_two_commands_that_the_makefile_has() -> None:
    def recipe(target: str) -> str:
        shown = subprocess.run(
            ["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL
        )
        return shown.stdout

    readme = (ROOT / "README.md").read_text("utf-8")
    assert len(readme.splitlines()) <= 60, "README is short: what a role needs goes into its guide"
    (block,) = steps(readme)
    assert [line.partition("#")[0].strip() for line in block.script.splitlines()] == ["make demo", "make test"]
    assert "counterfoil demo" in recipe("demo")
    assert "counterfoil demo --distributed" in recipe("demo-distributed")
    assert "pytest" in recipe("test")
    assert "make test" in (ROOT / ".ci" / "run").read_text()
